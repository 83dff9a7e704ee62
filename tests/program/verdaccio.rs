//! The program against a real private registry, over TLS and with a token: what it
//! says of a hardened project and of a loose one, that the token stays outside, and what
//! it sees of one that stands before others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use crate::support::verdaccio::Verdaccio;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Looks everywhere that a script could find a credential, and says by the names of
/// files what it found: the real token, which it knows only by its hash, or a planted one.
const SPY: &str = r"
const fs = require('fs'), crypto = require('crypto');
const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch (error) { return String(error); } };
const [hash, length] = ['{hash}', {length}];
const text = [
  JSON.stringify(process.env), read(require('os').homedir() + '/.npmrc'), read('/project/.npmrc'),
  read(process.env.INIT_CWD + '/.npmrc'), read(process.env.npm_config_userconfig || '/none'),
].join('\n');
let real = false;
for (let at = 0; at + length <= text.length; at++) {
  real ||= crypto.createHash('sha256').update(text.slice(at, at + length)).digest('hex') === hash;
}
fs.writeFileSync(real ? 'saw-the-real-token' : 'saw-no-real-token', '');
if (/npm_[0-9a-f]{36}/.test(text)) fs.writeFileSync('saw-a-planted-token', '');
console.log(text);
";

fn internal(token: &str) -> Package {
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    let spy = SPY.replace("{hash}", &hash).replace("{length}", &token.len().to_string());
    Package::new("@acme/internal", "1.0.0").script("postinstall", "node spy.js").file("spy.js", &spy)
}

/// A project whose private package is in the registry; the developer's own npmrc has
/// the token, as after `npm login`.
fn project(registry: &Verdaccio, hardened: bool) -> Project {
    let package = internal(&registry.token);
    let published = registry.publish(&package);
    let mut told = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc(&format!("@acme:registry={}", registry.url))
        .published(&package, &published);
    if !hardened {
        told = told.locked("@acme/internal", |entry| {
            entry.resolved = None;
            entry.integrity = None;
        });
    }
    let mut project = told.build();
    std::fs::write(project.home().join(".npmrc"), registry.npmrc_auth()).unwrap();
    project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
    project
}

fn verdict<'a>(outcome: &'a Outcome, scenario: &str) -> &'a str {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    let run = runs.iter().find(|run| run["scenario"] == scenario);
    run.unwrap_or_else(|| panic!("{scenario} was not run"))["verdict"].as_str().unwrap()
}

fn assert_without(token: &str, what: &str, text: &[u8]) {
    let found = text.windows(token.len()).any(|window| window == token.as_bytes());
    assert!(!found, "the token is in {what}");
}

fn assert_folder_without(token: &str, folder: &Path) -> usize {
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            assert_without(token, &entry.path().display().to_string(), &std::fs::read(entry.path()).unwrap());
        })
        .count()
}

#[test]
fn a_hardened_project_is_sealed_and_the_token_stays_outside() {
    let Some(registry) = Verdaccio::start("verdaccio::hardened") else { return };
    let mut project = project(&registry, true);
    // Outside of the program the spy does find the token.
    support::npm::succeed(project.npm().arg("ci"));
    let modules = project.path().join("node_modules");
    assert!(modules.join("@acme/internal/saw-the-real-token").exists());
    std::fs::remove_dir_all(modules).unwrap();
    project.set("SEALCHECK_LOG", "trace");
    let store = tempfile::tempdir().unwrap();
    let outcome = project.test(&["-vvv", "--store", store.path().to_str().unwrap()]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.report["verdict"], "sealed", "{shown}");
    assert_eq!(outcome.status, Some(0), "{shown}");
    assert_eq!(verdict(&outcome, "baseline"), "sealed");
    assert_eq!(verdict(&outcome, "control"), "leaked");

    let token = &registry.token;
    assert_without(token, "the report", outcome.report.to_string().as_bytes());
    assert_without(token, "standard output", outcome.stdout.as_bytes());
    assert_without(token, "standard error", outcome.stderr.as_bytes());
    assert!(assert_folder_without(token, store.path()) > 0, "the store is empty");

    // The spy did look, and what it saw was a token of ours in the real one's place.
    let runs = outcome.report["runs"].as_array().unwrap();
    let baseline = runs.iter().find(|run| run["scenario"] == "baseline").unwrap();
    let processes = baseline["processes"].as_array().unwrap();
    let ran = |it: &Value| it["event"] == "postinstall" && it["package_name"] == "@acme/internal";
    assert!(processes.iter().any(ran), "{processes:#?}");
    let files = baseline["files"].to_string();
    assert!(files.contains("/saw-no-real-token") && files.contains("/saw-a-planted-token"), "{files}");
    assert!(!files.contains("/saw-the-real-token"), "{files}");
}

#[test]
fn a_loose_project_leaks() {
    let Some(registry) = Verdaccio::start("verdaccio::loose") else { return };
    let outcome = project(&registry, false).test(&[]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.report["verdict"], "leaked", "{shown}");
    assert_eq!(outcome.status, Some(1), "{shown}");
    assert_eq!(verdict(&outcome, "baseline"), "sealed");
    assert_without(&registry.token, "the report", outcome.report.to_string().as_bytes());
    assert_without(&registry.token, "what is shown", shown.as_bytes());
}

/// A project that has everything from a virtual registry; `own` is behind that for its
/// private package, and somebody has published the name on the public one.
fn before_others(merges: bool, test: &str) -> Option<(Outcome, Vec<String>, String)> {
    let own = Verdaccio::start(test)?;
    let public = OwnRegistry::start(Manner::default());
    let package = Package::new("@acme/internal", "1.0.0");
    let mut published = own.publish(&package);
    public.publish(&Package::new("@acme/internal", "99.0.0"));
    let open = Package::new("left-over", "1.1.1");
    let mut published_open = public.publish(&open);
    let all = Verdaccio::start_virtual(test, &own, &public, merges)?;
    for (one, from) in [(&mut published, &own.url), (&mut published_open, &public.url)] {
        one.resolved = one.resolved.replace(from, &all.url);
    }
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .dependency("left-over", "1.1.1")
        .npmrc(&format!("registry={}", all.url))
        .settings(&format!(
            "private = ['@acme/*']\n[[registry]]\nurl = '{}'\nbehind = '{}'",
            all.url, own.url
        ))
        .published(&package, &published)
        .published(&open, &published_open)
        .build();
    let both = project.home().join("both.pem");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    std::fs::write(&both, read(&all.ca_bundle) + &read(&own.ca_bundle)).unwrap();
    std::fs::write(project.home().join(".npmrc"), all.npmrc_auth() + &own.npmrc_auth()).unwrap();
    project.set("NODE_EXTRA_CA_CERTS", both.to_str().unwrap());
    let outcome = project.test(&["--scenario", "baseline"]);
    let asked = public.heard().into_iter().map(|heard| heard.path).collect();
    Some((outcome, asked, own.url.clone()))
}

fn rules(outcome: &Outcome) -> Vec<&str> {
    let findings = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn a_virtual_registry_that_proxies_private_names_is_seen_to_merge() {
    let Some((outcome, asked, own)) = before_others(true, "verdaccio::merges") else { return };
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert!(asked.contains(&"/@acme%2Finternal".to_owned()), "{asked:?}");
    let seen = &outcome.report["resolutions"][0];
    assert_eq!(seen["added"]["shown"], serde_json::json!(["99.0.0"]), "{seen:#}\n{shown}");
    assert_eq!((seen["behind"].as_str(), &seen["unread"]), (Some(own.as_str()), &Value::Null));
    assert!(rules(&outcome).contains(&"registry-merges-public"), "{shown}");
    assert_eq!((outcome.report["verdict"].as_str(), outcome.status), (Some("exposed"), Some(1)), "{shown}");
}

#[test]
fn a_virtual_registry_that_proxies_no_private_name_is_not() {
    let Some((outcome, asked, _)) = before_others(false, "verdaccio::merges_not") else { return };
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert!(!asked.iter().any(|path| path.contains("acme")), "{asked:?}");
    assert!(asked.iter().any(|path| path.contains("left-over")), "{asked:?}");
    let seen = &outcome.report["resolutions"][0];
    assert_eq!(
        (&seen["unread"], &seen["given"], &seen["had"]),
        (&Value::Null, &1.into(), &1.into()),
        "{shown}"
    );
    assert!(!rules(&outcome).contains(&"registry-merges-public"), "{shown}");
    assert_eq!((outcome.report["verdict"].as_str(), outcome.status), (Some("sealed"), Some(0)), "{shown}");
}
