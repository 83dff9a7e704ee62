//! A dependency's script takes every planted secret and sends it in every form: each is
//! found, none is printed, and a project whose scripts do nothing of the kind is sealed
//! with all of them around it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::npm::lacks_npm;
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use serde_json::Value;
use std::collections::BTreeSet;

const LABELS: [&str; 15] = [
    "ANTHROPIC_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "CI_JOB_TOKEN",
    "GITHUB_TOKEN",
    "NPM_TOKEN",
    "OPENAI_API_KEY",
    "~/.aws/credentials",
    "~/.claude/.credentials.json",
    "~/.codex/auth.json",
    "~/.config/gh/hosts.yml",
    "~/.env",
    "~/.git-credentials",
    "~/.netrc",
    "~/.npmrc",
    "~/.ssh/id_ed25519",
];
const FORMS: [&str; 11] =
    ["base64", "base64url", "form", "gzip", "hex", "json", "lines", "packed", "packedform", "plain", "url"];

/// A project of one public package.
fn project(package: Package, npmrc: &str) -> Project {
    Project::new()
        .dependency(package.name(), "1.0.0")
        .npmrc(&format!("foreground-scripts=true\naudit=false\n{npmrc}"))
        .served_registry("{public}", "registry/public", |registry| registry.package(package))
        .build()
}

fn baseline(outcome: &Outcome) -> &Value {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    runs.iter().find(|run| run["scenario"] == "baseline").unwrap()
}

fn findings<'a>(outcome: &'a Outcome, rule: &str) -> Vec<&'a Value> {
    let all = outcome.report["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["rule"] == rule).collect()
}

#[test]
fn every_secret_is_found_in_every_form_and_printed_in_none() {
    if let Some(lack) = lacks_npm() {
        return support::skip("secrets::found", &lack);
    }
    let thief = Package::new("thief", "1.0.0")
        .script("postinstall", "node steal.js")
        .file("steal.js", include_str!("../fixtures/secrets/steal.js"));
    let outcome = project(thief, "").test(&["--scenario", "baseline"]);
    let run = baseline(&outcome);
    assert_eq!(run["exit_code"], 0, "{:#}", run["output"]);
    let exchanges = run["exchanges"].as_array().unwrap();
    let found: BTreeSet<(String, String)> = exchanges
        .iter()
        .filter(|exchange| exchange["host"] == "sink.example")
        .map(|exchange| {
            let path = exchange["path"].as_str().unwrap();
            let (form, label) = path[1..].split_once('/').unwrap();
            let label = label.replace("%2F", "/");
            assert_eq!(exchange["carried_secret"], label.as_str(), "{exchange:#}");
            (form.to_owned(), label)
        })
        .collect();
    let wanted: BTreeSet<(String, String)> = FORMS
        .iter()
        .flat_map(|form| LABELS.iter().map(|label| ((*form).to_owned(), (*label).to_owned())))
        .collect();
    assert_eq!(found, wanted);
    let lookups = run["lookups"].as_array().unwrap();
    let lookup = lookups.iter().find(|lookup| lookup["carried_secret"] == "GITHUB_TOKEN");
    assert_eq!(
        lookup.unwrap_or_else(|| panic!("{lookups:#?}"))["name"],
        "[redacted:GITHUB_TOKEN].sink.example"
    );

    // Shown to its own service it is used; whatever else is done there with it, it has left.
    let github = |method: &str| {
        let mut all = exchanges.iter();
        all.find(|it| it["host"] == "api.github.com" && it["method"] == method).unwrap()
    };
    assert_eq!(github("GET")["used_secret"], "GITHUB_TOKEN");
    assert_eq!(github("GET")["carried_secret"], Value::Null);
    assert_eq!(github("POST")["carried_secret"], "GITHUB_TOKEN");

    let told = run["output"]["stdout_tail"].as_str().unwrap();
    for label in LABELS {
        assert!(told.contains(&format!("[redacted:{label}]")), "{label}: {told}");
    }
    let everything = format!("{}{}{}", outcome.report, outcome.stdout, outcome.stderr);
    for prefix in ["ghs_", "ghp_", "gho_", "npm_", "sk-ant-api03-", "sk-ant-oat01-", "sk-proj-", "glcbt-64_"]
    {
        let shown = everything.match_indices(prefix).find(|(at, _)| {
            let rest = &everything[at + prefix.len()..];
            rest.chars().take(12).filter(char::is_ascii_alphanumeric).count() == 12
        });
        assert!(shown.is_none(), "{prefix}");
    }
    assert_eq!(outcome.report["verdict"], "leaked");
    assert_eq!(findings(&outcome, "credential-to-foreign-host"), Vec::<&Value>::new());
    assert!(findings(&outcome, "secret-exfiltrated").len() >= LABELS.len());
}

#[test]
fn what_a_script_reads_and_writes_is_told_with_its_name() {
    if let Some(lack) = lacks_npm() {
        return support::skip("secrets::read", &lack);
    }
    let script = "cat ~/.ssh/id_ed25519 >/dev/null; ln -s ~/.netrc n; cat n >/dev/null; rm n; \
        echo evil >>~/.bashrc; echo evil >../../dropped";
    let nosy = Package::new("nosy", "1.0.0").script("postinstall", script);
    let outcome = project(nosy, "").test(&["--scenario", "baseline"]);
    let run = baseline(&outcome);
    assert_eq!(run["exit_code"], 0, "{:#}", run["output"]);
    let secrets: Vec<&str> =
        run["reads"].as_array().unwrap().iter().map(|read| read["secret"].as_str().unwrap()).collect();
    assert_eq!(secrets, ["~/.ssh/id_ed25519", "~/.netrc"]);
    let read = findings(&outcome, "secret-read");
    assert_eq!(read.len(), 1, "{read:#?}");
    assert_eq!(read[0]["message"], "the postinstall script of nosy@1.0.0 read ~/.ssh/id_ed25519, ~/.netrc");
    let wrote: BTreeSet<&str> = findings(&outcome, "write-outside-package")
        .into_iter()
        .map(|finding| finding["message"].as_str().unwrap())
        .collect();
    let by = "the postinstall script of nosy@1.0.0 wrote";
    assert_eq!(
        wrote,
        BTreeSet::from([
            format!("{by} in the project, outside its own folder: /project/dropped (added)").as_str(),
            format!("{by} outside the project: /home/npm/.bashrc (added)").as_str(),
        ])
    );
    let processes = run["processes"].as_array().unwrap();
    for file in run["files"].as_array().unwrap() {
        let of = processes.iter().find(|process| process["id"] == file["process"]);
        assert_eq!(of.unwrap_or_else(|| panic!("{file:#}"))["package"], "node_modules/nosy", "{file:#}");
    }
    assert_eq!(outcome.report["verdict"], "sealed", "{}", outcome.stdout);
}

/// Encrypted bodies, a protocol of its own and datagrams: with a secret read before, none is clean.
#[test]
fn what_nobody_can_search_after_a_read_is_no_clean_install() {
    if let Some(lack) = lacks_npm() {
        return support::skip("secrets::unread", &lack);
    }
    let outcome = |reads: &str| {
        let thief = Package::new("cipher", "1.0.0")
            .script("postinstall", &format!("{reads} node send.js"))
            .file("send.js", include_str!("../fixtures/secrets/send_unread.js"));
        project(thief, "").test(&["--scenario", "baseline"])
    };
    let with = outcome("cat ~/.aws/credentials >/dev/null;");
    assert_eq!(baseline(&with)["exit_code"], 0, "{:#}", baseline(&with)["output"]);
    let said: Vec<&str> = findings(&with, "secret-may-have-left")
        .into_iter()
        .map(|finding| finding["message"].as_str().unwrap())
        .collect();
    for sent in [
        "a POST to sink.example:443, 96 bytes, encrypted, or packed in a form that is not read",
        "a message to sink.example:443, 97 bytes, in a protocol that nobody here reads",
        "datagrams to sink.example:443, which nobody reads",
    ] {
        let message =
            format!("the postinstall script of cipher@1.0.0 read ~/.aws/credentials, and sent {sent}");
        assert!(said.contains(&message.as_str()), "{message}: {said:#?}");
    }
    assert_eq!(
        (with.report["verdict"].as_str(), with.status),
        (Some("unobserved"), Some(3)),
        "{}",
        with.stdout
    );
    assert_eq!(findings(&with, "not-observed"), Vec::<&Value>::new());

    // Without a read the datagrams alone are told, as ever.
    let without = outcome("");
    assert_eq!(findings(&without, "secret-may-have-left"), Vec::<&Value>::new());
    assert_eq!(findings(&without, "not-observed").len(), 1);
}

#[test]
fn an_executable_in_the_place_of_the_shell_or_of_node_is_named() {
    if let Some(lack) = lacks_npm() {
        return support::skip("secrets::stand_in", &lack);
    }
    let hijacker = Package::new("hijacker", "1.0.0")
        .bin("sh", "shell.sh")
        .bin("node", "node.sh")
        .file("shell.sh", "#!/bin/sh\nexec /bin/sh \"$@\"\n")
        .file("node.sh", "#!/bin/sh\nexit 0\n");
    let victim = Package::new("victim", "1.0.0").script("postinstall", "node -e 0; true");
    let build = |npmrc: &str| {
        Project::new()
            .dependency("hijacker", "1.0.0")
            .dependency("victim", "1.0.0")
            .npmrc(npmrc)
            .served_registry("{public}", "registry/public", |registry| {
                registry.package(hijacker.clone()).package(victim.clone())
            })
            .build()
    };
    let named = |outcome: &Outcome| -> BTreeSet<String> {
        findings(outcome, "script-not-approved")
            .into_iter()
            .filter(|finding| finding["package"] == "hijacker" && finding["severity"] == "warning")
            .map(|finding| finding["message"].as_str().unwrap().to_owned())
            .collect()
    };
    let both = |name: &str| {
        format!("hijacker@1.0.0 was run in the place of `{name}` by the postinstall script of victim@1.0.0")
    };
    let outcome = build("").test(&["--scenario", "baseline"]);
    assert_eq!(named(&outcome), BTreeSet::from([both("node"), both("sh")]), "{}", outcome.stdout);
    let run = baseline(&outcome);
    let mut stand_ins = run["processes"].as_array().unwrap().iter().map(|process| &process["stand_in"]);
    assert!(
        stand_ins.any(|it| *it
            == serde_json::json!({
                "name": "sh", "file": "/project/node_modules/hijacker/shell.sh"
            })),
        "{:#}",
        run["processes"]
    );
    // `script-shell` stops one half of it.
    let outcome = build("script-shell=/bin/sh").test(&["--scenario", "baseline"]);
    assert_eq!(named(&outcome), BTreeSet::from([both("node")]), "{}", outcome.stdout);
}
