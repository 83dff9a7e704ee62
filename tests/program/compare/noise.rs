//! Equal environments are equal, whatever scripts make up.

use super::pair::{Pair, Side};
use crate::support;
use crate::support::npm;
use crate::support::package::Package;
use crate::support::project::Project;
use crate::support::skip;

/// Prints times and numbers of processes, and names files after them.
const BUSY: &str = "const fs = require('fs'), os = require('os'), path = require('path');\n\
    console.log(new Date().toISOString(), process.pid, process.hrtime());\n\
    fs.writeFileSync(path.join(os.tmpdir(), 'log-' + process.pid + '-' + Date.now() + '.txt'), '');\n\
    fs.writeFileSync('stamp.json', JSON.stringify({ now: Date.now(), pid: process.pid }));\n\
    require('child_process').execFileSync('/bin/echo', [String(process.pid), String(Date.now())]);\n";

#[test]
fn equal_environments_have_no_difference() {
    if let Some(lack) = npm::lacks_npm() {
        return skip("compare::equal_environments", &lack);
    }
    let busy =
        Package::new("@acme/busy", "1.0.0").file("busy.js", BUSY).script("postinstall", "node busy.js");
    let project = Project::new()
        .dependency("@acme/busy", "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| registry.package(busy))
        .build();
    let pair = Pair::of(project);
    pair.capture("a", &Side::default());
    pair.capture("b", &Side::default());
    for round in 0..if support::everything() { 10 } else { 3 } {
        let compared = pair.compared();
        assert_eq!(compared["differences"], serde_json::json!([]), "round {round}: {compared:#}");
        assert_eq!(compared["unseen"], serde_json::json!([]), "round {round}: {compared:#}");
        assert!(!compared["noise"].as_array().unwrap().is_empty(), "the scripts make something up");
    }
    // Where the environments differ without an effect as well.
    pair.capture("b", &Side { idle: 9, ..Side::default() });
    let outcome = pair.compare(&[]);
    assert_eq!(outcome.status, Some(0), "{outcome:#?}");
    assert!(outcome.stdout.starts_with("no difference: both environments install the same"), "{outcome:#?}");
}
