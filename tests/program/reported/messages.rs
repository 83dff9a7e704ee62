//! What a failed install is told as: the package, the line, npm's words, the mend.
//!
//! What each npm prints for each code is read on data (`src/evidence/seal/npm_error`), and so
//! is what the rules make of it (`tests/fixtures/rules`). Here the real npm fails.

use crate::support;
use crate::support::npm::skipped_without_toolchains;
use serde_json::{Value, json};
use support::package::{Package, integrity};
use support::project::{Builder, Outcome, Project, at_the_public_registry};
use support::toolchain::{NODE_20_NPM_10, NODE_20_NPM_11, NODE_22_NPM_12};

const OWN: &str = "https://npm.acme.example/npm/";

fn internal() -> Package {
    Package::new("@acme/internal", "1.0.0")
}

/// A shop that asks for one private package, whose lockfile entry has these fields more.
fn shop(npmrc: &str, entry: &Value) -> Builder {
    let root =
        json!({ "name": "acme-shop", "version": "1.0.0", "dependencies": { "@acme/internal": "1.0.0" } });
    let mut locked = json!({ "version": "1.0.0", "integrity": integrity(&internal().tarball()) });
    locked.as_object_mut().unwrap().extend(entry.as_object().cloned().unwrap());
    let lock = json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": { "": root, "node_modules/@acme/internal": locked },
    });
    Project::new()
        .manifest(root)
        .npmrc(npmrc)
        .lockfile(&at_the_public_registry(&format!("{lock:#}\n")))
        .served_registry(OWN, "registry/acme", |registry| registry.package(internal()))
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
}

fn baseline(project: &Project, toolchain: &str) -> Outcome {
    project.test(&["--scenario", "baseline", "--toolchain", toolchain])
}

fn finding<'a>(outcome: &'a Outcome, rule: &str) -> &'a Value {
    let findings = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    findings.iter().find(|it| it["rule"] == rule).unwrap_or_else(|| panic!("{}", outcome.stdout))
}

/// The package, the file and the line's text, and what message and help must have.
fn says(outcome: &Outcome, rule: &str, line: (&str, &str), words: &[&str], help: &str) {
    let finding = finding(outcome, rule);
    let text =
        |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(text("/location/file"), line.0, "{finding:#}");
    assert!(text("/location/excerpt").contains(line.1), "{finding:#}");
    for word in words {
        assert!(text("/message").contains(word), "`{word}`: {finding:#}");
    }
    assert!(text("/help").contains(help), "`{help}`: {finding:#}");
}

#[test]
fn npm_12_refuses_a_url_beside_its_registry() {
    if skipped_without_toolchains("reported::messages::eallowremote") {
        return;
    }
    let resolved = json!({ "resolved": "https://npm.acme.example/blob/internal-1.0.0.tgz" });
    let project = shop(&format!("@acme:registry={OWN}"), &resolved).build();
    let outcome = baseline(&project, NODE_22_NPM_12);
    let words = [
        "EALLOWREMOTE for @acme/internal@1.0.0",
        "Refusing to fetch \"@acme/internal@https://npm.acme.example/blob/",
    ];
    says(
        &outcome,
        "install-failed",
        ("package-lock.json", "/blob/"),
        &words,
        &format!("let `resolved` lie below {OWN}"),
    );
    assert!(
        outcome.stdout.contains("npm said EALLOWREMOTE: Fetching packages of type"),
        "{}",
        outcome.stdout
    );
    assert_eq!(finding(&outcome, "install-failed")["package"], "@acme/internal");
}

#[test]
fn what_the_lockfile_lacks_is_named_with_who_asks_for_it() {
    if skipped_without_toolchains("reported::messages::eusage") {
        return;
    }
    let entry = json!({ "resolved": format!("{OWN}@acme/internal/-/internal-1.0.0.tgz"), "dependencies": { "left-over": "^1.0.0" } });
    let project = shop(&format!("@acme:registry={OWN}"), &entry).build();
    let outcome = baseline(&project, NODE_20_NPM_10);
    let words = ["EUSAGE for left-over@1.1.1: Missing: left-over@1.1.1 from lock file"];
    says(
        &outcome,
        "install-failed",
        ("package-lock.json", "\"left-over\": \"^1.0.0\""),
        &words,
        "--package-lock-only",
    );
}

#[test]
fn the_setting_that_overrules_a_mapping_is_named_and_the_mapping_is_not() {
    if skipped_without_toolchains("reported::messages::replaced") {
        return;
    }
    let entry = json!({ "resolved": format!("{OWN}@acme/internal/-/internal-1.0.0.tgz") });
    let npmrc = format!("@acme:registry={OWN}\nreplace-registry-host=always");
    let outcome = baseline(&shop(&npmrc, &entry).build(), NODE_20_NPM_11);
    let (line, help) = ((".npmrc", "replace-registry-host=always"), "remove `replace-registry-host=always`");
    says(
        &outcome,
        "private-name-requested",
        line,
        &[
            "sealcheck kept the request back",
            "`replace-registry-host=always` (.npmrc:2) sends its `resolved`",
        ],
        help,
    );
    let failed = finding(&outcome, "install-failed");
    assert!(failed["help"].as_str().unwrap().contains(help), "{failed:#}");
}

#[test]
fn an_npmrc_above_and_keys_that_send_nothing_are_told() {
    if skipped_without_toolchains("reported::messages::above") {
        return;
    }
    let built = shop("", &json!({})).build();
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("frontend");
    for file in walkdir::WalkDir::new(built.path()) {
        let file = file.unwrap();
        let to = inner.join(file.path().strip_prefix(built.path()).unwrap());
        if file.file_type().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
        } else {
            std::fs::copy(file.path(), &to).unwrap();
        }
    }
    std::fs::write(folder.path().join(".npmrc"), format!("@acme:registry={OWN}\n")).unwrap();
    let keys = "//npm.acme.example/other/:_authToken=x\nnpm.acme.example/:_authToken=x\n//npm.acme.example/npm/:_authtoken=x\n";
    std::fs::write(inner.join(".npmrc"), keys).unwrap();
    let inside = inner.to_str().unwrap();
    let inspected = built.command().env("NODE_ENV", "production").args(["inspect", inside]).output().unwrap();
    let told = String::from_utf8_lossy(&inspected.stdout).into_owned();
    for words in [
        "../.npmrc sets @acme:registry: npm reads no npmrc of a folder above the project",
        "//npm.acme.example/other/:_authToken is a credential that npm sends with no request: it is for the path `/other/`",
        "npm.acme.example/:_authToken is a credential that npm sends with no request: a key for a registry begins with `//`",
        "//npm.acme.example/npm/:_authtoken is a credential that npm sends with no request: npm spells it `_authToken`",
        "NODE_ENV=production is set here, and a run is not given it",
    ] {
        assert!(told.contains(words), "`{words}`: {told}");
    }
    let report = folder.path().join("report.json");
    let option = format!("json={}", report.display());
    let mut command = built.command();
    command.args([
        "test",
        inside,
        "--scenario",
        "baseline",
        "--toolchain",
        NODE_20_NPM_10,
        "--report",
        &option,
    ]);
    let outcome = support::project::outcome(&mut command, Some(&report));
    let failed = finding(&outcome, "install-failed");
    let message = failed["message"].as_str().unwrap();
    assert!(
        message.contains("E404 for @acme/internal@1.0.0")
            && message.contains("npm does not read ../.npmrc here, which maps @acme"),
        "{failed:#}"
    );
    assert!(
        failed["help"].as_str().unwrap().contains("put the mapping into the project's own `.npmrc`"),
        "{failed:#}"
    );
}

#[test]
fn a_tarball_that_is_none_is_named_though_npm_names_nothing() {
    let root =
        json!({ "name": "acme-shop", "version": "1.0.0", "dependencies": { "by-file": "file:by-file.tgz" } });
    let lock = json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": { "": root, "node_modules/by-file": { "version": "1.0.0", "resolved": "file:by-file.tgz" } },
    });
    let project = Project::new()
        .manifest(root)
        .npmrc("allow-file=all")
        .file("by-file.tgz", "<html>sign in</html>")
        .lockfile(&format!("{lock:#}\n"))
        .build();
    let outcome = project.test_once(&["--scenario", "baseline"]);
    says(
        &outcome,
        "install-failed",
        ("package-lock.json", "file:by-file.tgz"),
        &["TAR_BAD_ARCHIVE for by-file@1.0.0: TAR_BAD_ARCHIVE: Unrecognized archive format"],
        "pack by-file anew",
    );
}

#[test]
fn a_certificate_that_npm_refuses_is_told_with_its_host() {
    const EXPIRED: &str = r#"
name = "certificate-matters"
title = "The certificate has expired, and the install is to work"
about = "An install that must work whatever the certificate."
suites = ["full"]
needs = ["private", "tls"]
[world]
private = "certificate-expired"
[install]
shorten-retries = true
[demand]
install = "must-work"
"#;
    let resolved = json!({ "resolved": format!("{OWN}@acme/internal/-/internal-1.0.0.tgz") });
    let project = shop(&format!("@acme:registry={OWN}"), &resolved)
        .file("own/certificate-matters.toml", EXPIRED)
        .build();
    let outcome = project.test_once(&[
        "--scenarios-dir",
        "own",
        "--scenario",
        "baseline",
        "--scenario",
        "certificate-matters",
    ]);
    says(
        &outcome,
        "install-failed",
        ("package-lock.json", "/internal-1.0.0.tgz"),
        &["CERT_HAS_EXPIRED for @acme/internal@1.0.0", "certificate has expired"],
        "have npm.acme.example renew its certificate",
    );
}
