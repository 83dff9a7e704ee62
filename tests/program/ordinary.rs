//! The ordinary sound project, with no file of ours in it, exits 0; and each of the
//! set-ups that most companies have gives what the contract says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::npm::lacks_npm;
use crate::support::ordinary::Ordinary;
use crate::support::own_registry::{Heard, Manner, OwnRegistry, public_host};
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use crate::support::verdaccio::Published;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn it_is_sealed_with_no_file_of_ours_in_it() {
    let Some(ordinary) = Ordinary::start("ordinary::sealed") else { return };
    let (project, registry) = (&ordinary.project, &ordinary.registry);
    // The developer is logged in: the project's own npmrc may name no variable to send.
    std::fs::write(project.home().join(".npmrc"), registry.npmrc_auth()).unwrap();
    // What npm's public registry answers is fetched once for all runs of this test. The
    // private package is the same each time, so that what is kept of it is never stale.
    let store = support::toolchain::cache().join("store");
    let outcome = project.test(&["--store", store.to_str().unwrap()]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(0), "{shown}");
    assert_eq!(outcome.report["verdict"], "sealed", "{shown}");
    for run in outcome.report["runs"].as_array().unwrap() {
        let wanted = if run["scenario"] == "control" { "leaked" } else { "sealed" };
        assert_eq!(run["verdict"], wanted, "{}\n{shown}", run["scenario"]);
    }
    assert!(!shown.contains(&registry.token));
    // esbuild's script puts the platform's binary in the place of its own: nobody approved that.
    let loud = loud(&outcome);
    assert_eq!(loud.len(), 1, "{loud:?}");
    assert!(loud[0].starts_with("tree-mutated-by-script") && loud[0].contains("esbuild@"), "{loud:?}");
}

/// Every finding at or above a warning, for a test that expects none or some.
fn loud(outcome: &Outcome) -> Vec<String> {
    let findings = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    let loud = findings.iter().filter(|finding| finding["severity"] != "note");
    loud.map(|finding| format!("{}: {}", finding["rule"].as_str().unwrap(), finding["message"])).collect()
}

/// The verdict of each scenario that ran, but for the control's.
fn verdicts(outcome: &Outcome) -> BTreeMap<&str, &str> {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    let text = |run: &'_ Value, key: &str| run[key].as_str().unwrap().to_owned().leak() as &str;
    runs.iter()
        .filter(|run| run["scenario"] != "control")
        .map(|run| (text(run, "scenario"), text(run, "verdict")))
        .collect()
}

/// All that was shown, in one line, so that it does not matter where it was wrapped.
fn one_line(outcome: &Outcome) -> String {
    format!("{}\n{}", outcome.stdout, outcome.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_sound(outcome: &Outcome) {
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(0), "{shown}");
    assert_eq!(outcome.report["verdict"], "sealed", "{shown}");
    assert_eq!(loud(outcome), [""; 0], "{shown}");
}

fn internal() -> Package {
    Package::new("@acme/internal", "1.0.0")
}

/// A project whose private package needs a token.
fn shop(registry: &OwnRegistry, npmrc: &str) -> Project {
    let published = registry.publish(&internal());
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc(npmrc)
        .published(&internal(), &published)
        .build();
    project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
    project
}

fn host(registry: &OwnRegistry) -> &str {
    registry.url.trim_start_matches("https:")
}

fn behind_token(blobs: bool) -> OwnRegistry {
    OwnRegistry::start(Manner { token: Some(TOKEN.to_owned()), blobs, unsigned: false })
}

const TOKEN: &str = "the-real-token-of-acme-0123456789";

fn free() -> Package {
    Package::new("free-for-all", "7.0.0")
}

/// No private name reached the public registry, which was reached all the same.
fn assert_public_told_nothing(registry: &OwnRegistry) {
    let heard = registry.heard();
    let public: Vec<_> = heard.iter().filter(|heard| heard.host.starts_with(public_host())).collect();
    assert!(!public.is_empty(), "{heard:#?}");
    assert!(public.iter().all(|heard| !heard.path.contains("acme")), "{public:#?}");
}

#[test]
fn a_scope_mapping_with_the_public_registry_as_default_is_sealed() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::scope", &lack);
    }
    let registry = OwnRegistry::start(Manner::default());
    let (private, public) = (registry.publish(&internal()), registry.proxy(&free()));
    let resolved = public.resolved.replace(&registry.url, "{public}/");
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .dependency("free-for-all", "7.0.0")
        .npmrc(&format!("@acme:registry={}", registry.url))
        .published(&internal(), &private)
        .published(&free(), &Published { resolved, ..public })
        .build();
    registry.is_public_too(&mut project);
    let outcome = project.test(&[]);
    assert_sound(&outcome);
    let private = outcome.report["project"]["private"].as_array().unwrap();
    assert_eq!(private.len(), 1, "{private:?}");
    assert_eq!(private[0]["registry"], registry.url.as_str());
    assert!(private[0]["because"].as_str().unwrap().contains("@acme:registry"), "{private:?}");
    assert!(verdicts(&outcome).len() >= 10, "{:?}", verdicts(&outcome));
    assert_public_told_nothing(&registry);
    // And the private one nothing of what is not its own.
    let own = |heard: &Heard| heard.host.starts_with(public_host()) || !heard.path.contains("free");
    assert!(registry.heard().iter().all(own), "{:#?}", registry.heard());
}

/// A project whose default registry serves its own packages and the public ones.
fn virtual_shop(registry: &OwnRegistry, more: &str) -> Project {
    let (private, public) = (registry.publish(&internal()), registry.proxy(&free()));
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .dependency("free-for-all", "7.0.0")
        .npmrc(&format!("registry={}\n{more}", registry.url))
        .published(&internal(), &private)
        .published(&free(), &public)
        .build();
    registry.is_public_too(&mut project);
    project
}

#[test]
fn a_virtual_registry_as_the_default_is_decided_by_the_public_registrys_signatures() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::virtual_decided", &lack);
    }
    let registry = OwnRegistry::start(Manner::default());
    let project = virtual_shop(&registry, &format!("@acme:registry={}", registry.url));
    let outcome = project.test(&[]);
    assert_sound(&outcome);
    assert_eq!(outcome.report["project"]["undecided"], serde_json::json!([]));
    let private = outcome.report["project"]["private"].to_string();
    assert!(private.contains("@acme/internal") && !private.contains("free-for-all"), "{private}");
    let packages = outcome.report["runs"][0]["packages"].as_array().unwrap();
    let public = packages.iter().find(|package| package["name"] == "free-for-all").unwrap();
    assert_eq!(public["class"], "public", "{public}");
    assert_public_told_nothing(&registry);
}

#[test]
fn a_virtual_registry_that_leaves_signatures_out_is_undecided_until_a_line_settles_it() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::virtual_undecided", &lack);
    }
    let registry = OwnRegistry::start(Manner { unsigned: true, ..Manner::default() });
    let project = virtual_shop(&registry, "");
    let outcome = project.test(&[]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(3), "{shown}");
    assert_eq!(outcome.report["verdict"], "unobserved", "{shown}");
    let undecided = serde_json::json!(["@acme/internal", "free-for-all"]);
    assert_eq!(outcome.report["project"]["undecided"], undecided, "{shown}");
    let said = one_line(&outcome);
    assert!(said.contains("private = [\"@acme/internal\", \"free-for-all\"]"), "{shown}");
    assert!(said.contains("sealcheck inspect --write"), "{shown}");

    // The line that was proposed, with what the owner knows.
    std::fs::write(project.path().join("sealcheck.toml"), "private = [\"@acme/internal\"]\n").unwrap();
    let outcome = project.test(&[]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.report["project"]["undecided"], serde_json::json!([]), "{shown}");
    assert_sound(&outcome);
}

/// A project of the public registry alone, with a package that downloads on install.
fn downloader(script: &str, settings: &str) -> Project {
    Project::new()
        .dependency("fetcher", "1.0.0")
        .settings(settings)
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(
                Package::new("fetcher", "1.0.0").script("postinstall", "node get.js").file("get.js", script),
            )
        })
        .build()
}

/// Falls back to a slow way of its own, as most downloaders do.
const FORGIVING: &str = "require('https').get('https://downloads.example/tool.bin', (answer) => {\n\
    answer.resume(); require('fs').writeFileSync('status', String(answer.statusCode));\n\
});\n";

/// Takes no for a failure.
const STRICT: &str = "require('https').get('https://downloads.example/tool.bin', (answer) => {\n\
    answer.resume(); process.exitCode = answer.statusCode === 200 ? 0 : 1;\n\
});\n";

fn exchange_with<'a>(outcome: &'a Outcome, host: &str) -> &'a Value {
    let exchanges =
        outcome.report["runs"].as_array().unwrap().iter().find(|run| run["scenario"] == "baseline");
    let exchanges = exchanges.unwrap()["exchanges"].as_array().unwrap();
    exchanges.iter().find(|exchange| exchange["host"] == host).unwrap_or_else(|| panic!("{exchanges:#?}"))
}

#[test]
fn a_public_project_with_a_downloader_is_sealed_and_the_download_noted() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::downloader", &lack);
    }
    let outcome = downloader(FORGIVING, "").test(&[]);
    assert_sound(&outcome);
    assert_eq!(exchange_with(&outcome, "downloads.example")["status"], 403);
    let findings = outcome.report["findings"].as_array().unwrap();
    let egress: Vec<_> = findings.iter().filter(|finding| finding["rule"] == "script-egress").collect();
    assert_eq!(egress.len(), 1, "{findings:#?}");
    assert_eq!((&egress[0]["severity"], &egress[0]["package"]), (&"note".into(), &"fetcher".into()));
    assert!(egress[0]["message"].as_str().unwrap().contains("downloads.example:443"), "{egress:?}");
    // Nothing is private, so nothing can be taken from where it belongs.
    let left_out = outcome.report["coverage"]["not_applicable"].to_string();
    assert!(left_out.contains("control") && left_out.contains("private-refused"), "{left_out}");
}

#[test]
fn a_downloader_that_our_refusal_breaks_proves_nothing() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::strict_downloader", &lack);
    }
    let outcome = downloader(STRICT, "").test(&["--scenario", "baseline"]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(3), "{shown}");
    assert_eq!(outcome.report["verdict"], "unobserved", "{shown}");
    assert!(one_line(&outcome).contains("add \"downloads.example\" to `[trust] hosts`"), "{shown}");
}

#[test]
fn workspaces_whose_members_were_never_published_are_sealed() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::workspaces", &lack);
    }
    let lockfile = serde_json::json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": { "name": "acme-shop", "version": "1.0.0", "workspaces": ["packages/*"] },
            "node_modules/@acme/lib": { "resolved": "packages/lib", "link": true },
            "node_modules/@acme/web": { "resolved": "packages/web", "link": true },
            "packages/lib": { "name": "@acme/lib", "version": "1.0.0" },
            "packages/web": {
                "name": "@acme/web", "version": "1.0.0", "dependencies": { "@acme/lib": "^1.0.0" }
            }
        }
    });
    let project = Project::new()
        .manifest(serde_json::json!({
            "name": "acme-shop", "version": "1.0.0", "private": true, "workspaces": ["packages/*"]
        }))
        .file("packages/lib/package.json", r#"{ "name": "@acme/lib", "version": "1.0.0" }"#)
        .file("packages/lib/index.js", "")
        .file(
            "packages/web/package.json",
            r#"{ "name": "@acme/web", "version": "1.0.0", "dependencies": { "@acme/lib": "^1.0.0" } }"#,
        )
        .lockfile(&lockfile.to_string())
        .build();
    let outcome = project.test(&[]);
    assert_sound(&outcome);
    assert_eq!(outcome.report["project"]["local"], serde_json::json!(["@acme/lib", "@acme/web"]));
    assert!(verdicts(&outcome).contains_key("lockfile-removed"), "{:?}", verdicts(&outcome));
    let runs = outcome.report["runs"].as_array().unwrap();
    let control = runs.iter().find(|run| run["scenario"] == "control").unwrap();
    assert_eq!(control["verdict"], "leaked", "{}", outcome.stdout);
    assert!(control["decoys"].to_string().contains("@acme/lib"), "{}", control["decoys"]);
}

#[test]
fn a_lockfile_that_leaves_resolved_out_is_held_by_its_integrity() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::omitted", &lack);
    }
    let registry = OwnRegistry::start(Manner::default());
    let published = registry.publish(&internal());
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc(&format!("@acme:registry={}\nomit-lockfile-registry-resolved=true", registry.url))
        .published(&internal(), &published)
        .locked("@acme/internal", |entry| entry.resolved = None)
        .build();
    project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
    let outcome = project.test(&[]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(0), "{shown}");
    assert_eq!(outcome.report["verdict"], "sealed", "{shown}");
    let rules: BTreeSet<&str> = outcome.report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert!(rules.contains("lockfile-follows-config"), "{rules:?}");
    // Without the mapping the public registry is asked, and the hash refuses its answer.
    assert_eq!(verdicts(&outcome)["private-mapping-removed"], "exposed", "{shown}");
    assert!(
        loud(&outcome)
            .iter()
            .all(|it| it.starts_with("private-name-requested") || it.starts_with("integrity-only-defence")),
        "{shown}"
    );
}

#[test]
fn a_registry_that_redirects_downloads_to_a_blob_host_is_sealed_with_its_token_outside() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::blobs", &lack);
    }
    let registry = behind_token(true);
    let mut project = shop(&registry, &format!("@acme:registry={}", registry.url));
    let line = format!("{}:_authToken=${{ACME_NPM_TOKEN}}\n", host(&registry));
    std::fs::write(project.home().join(".npmrc"), line).unwrap();
    project.set("ACME_NPM_TOKEN", TOKEN);
    let outcome = project.test(&[]);
    assert_sound(&outcome);
    let heard = registry.heard();
    let blobs: Vec<_> = heard.iter().filter(|heard| heard.path.starts_with("/blobs/")).collect();
    assert!(!blobs.is_empty() && blobs.iter().all(|heard| heard.status == 200), "{heard:#?}");
    assert!(blobs.iter().all(|heard| heard.authorization.is_none()), "{heard:#?}");
    // The real token was used, and no planted one came out.
    let bearer = Some(format!("Bearer {TOKEN}"));
    assert!(heard.iter().any(|heard| heard.authorization == bearer), "{heard:#?}");
    assert!(heard.iter().all(|heard| heard.authorization.is_none() || heard.authorization == bearer));
    let said = format!("{}{}{}", outcome.report, outcome.stdout, outcome.stderr);
    assert!(!said.contains(TOKEN) && !said.contains("signature=of-the-registry"));
    let package =
        &outcome.report["runs"].as_array().unwrap().iter().find(|run| run["scenario"] == "baseline").unwrap()
            ["packages"][0];
    assert_eq!(
        (&package["source"]["host"], &package["source"]["role"]),
        (&"127.0.0.1".into(), &"own".into())
    );
}

#[test]
fn a_token_whose_variable_is_not_set_leaves_the_answer_open() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::unset", &lack);
    }
    let registry = behind_token(true);
    let project = shop(&registry, &format!("@acme:registry={}", registry.url));
    let line = format!("{}:_authToken=${{ACME_NPM_TOKEN}}\n", host(&registry));
    std::fs::write(project.home().join(".npmrc"), line).unwrap();
    let outcome = project.test(&[]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(3), "{shown}");
    assert_eq!(outcome.report["verdict"], "unobserved", "{shown}");
    let because = outcome.report["because"].as_str().unwrap();
    assert!(because.contains("ACME_NPM_TOKEN is not set"), "{shown}");
    assert!(one_line(&outcome).contains("set ACME_NPM_TOKEN to a token"), "{shown}");
    assert!(registry.heard().iter().all(|heard| heard.authorization.is_none()), "{:#?}", registry.heard());
}

#[test]
fn a_variable_that_only_the_projects_own_file_names_is_sent_nowhere() {
    if let Some(lack) = lacks_npm() {
        return support::skip("ordinary::project_variable", &lack);
    }
    let registry = behind_token(false);
    let line = format!("{}:_authToken=${{ACME_NPM_TOKEN}}", host(&registry));
    let mut project = shop(&registry, &format!("@acme:registry={}\n{line}", registry.url));
    project.set("ACME_NPM_TOKEN", TOKEN);
    let outcome = project.test(&[]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(3), "{shown}");
    assert_eq!(outcome.report["verdict"], "unobserved", "{shown}");
    let because = outcome.report["because"].as_str().unwrap();
    assert!(
        because.contains("ACME_NPM_TOKEN") && one_line(&outcome).contains("your own `~/.npmrc`"),
        "{shown}"
    );
    assert!(registry.heard().iter().all(|heard| heard.authorization.is_none()), "{:#?}", registry.heard());

    // Outside of the project its owner may say so.
    let policy = tempfile::NamedTempFile::new().unwrap();
    let text = format!("[[registry]]\nurl = \"{}\"\ntoken = \"ACME_NPM_TOKEN\"\n", registry.url);
    std::fs::write(policy.path(), text).unwrap();
    let outcome = project.test(&["--policy", policy.path().to_str().unwrap()]);
    assert_sound(&outcome);
    assert!(!format!("{}{}{}", outcome.report, outcome.stdout, outcome.stderr).contains(TOKEN));
}
