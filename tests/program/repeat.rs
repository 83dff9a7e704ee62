//! Equal runs of one project: what varies between them is told as noise, and only what
//! makes another tree is a finding.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::package::Package;
use crate::support::project::Project;
use serde_json::Value;

/// Makes up a name for each of what it does: a file in a temporary folder, a file beside
/// itself, an argument of a process.
const BUSY: &str = "const fs = require('fs'), os = require('os'), path = require('path');\n\
    const name = 'n' + Math.floor(Math.random() * 1e12);\n\
    const folder = path.join(os.tmpdir(), 'build-' + name);\n\
    fs.mkdirSync(folder);\n\
    fs.writeFileSync(path.join(folder, 'out.o'), '');\n\
    fs.writeFileSync('cache-' + name, '');\n\
    fs.writeFileSync('same.json', '{}');\n\
    require('child_process').execFileSync('/bin/echo', [name]);\n";

#[test]
fn names_made_up_anew_are_noise_and_no_finding() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("repeat::names_made_up_anew", &lack);
    }
    let package =
        Package::new("@acme/busy", "1.0.0").file("busy.js", BUSY).script("postinstall", "node busy.js");
    let project = Project::new()
        .dependency("@acme/busy", "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| registry.package(package))
        .build();
    let outcome = project.test(&["--scenario", "baseline", "--repeat", "3"]);
    let report = &outcome.report;
    let noise = report["noise"].as_array().unwrap();
    let of_baseline = noise.iter().find(|noise| noise["runs"][0] == "baseline-1").unwrap();
    assert_eq!(of_baseline["runs"].as_array().unwrap().len(), 3, "{of_baseline:#}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told: Vec<(String, String)> = of_baseline["varying"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|varies| assert_eq!((&varies["seen"], &varies["of"]), (&3.into(), &3.into()), "{varies:#}"))
        .map(|varies| (text(&varies["kind"]), text(&varies["what"])))
        .collect();
    let wanted = [
        ("process", "postinstall: /bin/echo *"),
        ("file", "added /tmp/build-*/out.o"),
        ("file", "added /project/node_modules/@acme/busy/cache-*"),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(kind, what)| ((*kind).to_owned(), (*what).to_owned())).collect();
    for one in &wanted {
        assert!(told.contains(one), "{one:?} is not in {told:#?}");
    }
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.iter().any(|finding| finding["rule"] == "irreproducible-install"), "{findings:#?}");
    assert!(outcome.stdout.contains("varies between equal runs"), "{}", outcome.stdout);
}
