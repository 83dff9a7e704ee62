//! Two sides of recorded evidence: what differs, what is noise and what was not seen.

#![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

use super::*;
use crate::compare::grouped::grouped;
use crate::compare::noise::{Kind, Varying};
use crate::evidence::fact::{Evidence, Gap, NpmError, Output, Package};
use crate::wire::CutShort;
use serde_json::{Value, json};

fn package(name: &str, version: &str, host: &str) -> Package {
    let digest = format!("sha512-{version}{host}");
    serde_json::from_value(json!({
        "path": format!("node_modules/{name}"), "name": name, "version": version, "class": "public",
        "lock": null, "genuine": true, "integrity_ok": true, "scripts": [], "optional": false, "decoy": false,
        "source": { "kind": "registry", "role": "public", "host": host, "sha512": digest, "exchange": 1,
            "url": format!("https://{host}/{name}/-/{name}-{version}.tgz") },
    }))
    .unwrap()
}

/// A run that installs `packages`, whose `a` has a postinstall that starts `argv`.
fn run(packages: &[Package], argv: &[&str]) -> Evidence {
    let process = |id: u32, parent: u32, argv: Value, event: Option<&str>| {
        serde_json::from_value(json!({
            "id": id, "parent": parent, "argv": argv, "exe": "", "cwd": "/", "version": "1.0.0",
            "package": event.map(|_| "node_modules/a"), "package_name": event.map(|_| "a"),
            "event": event, "exit": "0", "outlived": false,
        }))
        .unwrap()
    };
    let mut processes = vec![process(1, 0, json!(["npm", "ci"]), None)];
    if !argv.is_empty() {
        processes.push(process(2, 1, json!(["sh", "-c", "x"]), Some("postinstall")));
        processes.push(process(3, 2, json!(argv), Some("postinstall")));
    }
    Evidence {
        scenario: "baseline".to_owned(),
        repeat: 1,
        command: vec!["npm".to_owned(), "ci".to_owned()],
        exit: Some(Exit::Code(0)),
        cut_short: None,
        npm_error: None,
        duration_ms: 1,
        decoys: Vec::new(),
        packages: packages.to_vec(),
        exchanges: Vec::new(),
        lookups: Vec::new(),
        processes,
        connections: Vec::new(),
        files: Vec::new(),
        reads: Vec::new(),
        output: Output::default(),
        gaps: Vec::new(),
        then: Vec::new(),
        traced: true,
    }
}

fn side(runs: &[Evidence]) -> Side<'_> {
    Side { installs: runs.iter().map(Install::from).collect(), noise: Vec::new() }
}

fn noisy<'a>(runs: &'a [Evidence], noise: &'a [Varying]) -> Side<'a> {
    Side { noise: noise.iter().collect(), ..side(runs) }
}

fn told(compared: &Compared) -> Vec<(Aspect, Option<&str>, Option<&str>)> {
    compared.differences.iter().map(|of| (of.aspect, of.left.as_deref(), of.right.as_deref())).collect()
}

#[test]
fn one_install_is_equal_to_itself() {
    let one = [run(&[package("a", "1.0.0", "registry.example")], &["node", "x"])];
    assert_eq!(differences(&side(&one), &side(&one)), Compared::default());
}

#[test]
fn what_is_installed_is_told_package_by_package() {
    let left =
        [run(&[package("a", "1.0.0", "registry.example"), package("b", "1.0.0", "registry.example")], &[])];
    let right =
        [run(&[package("a", "1.1.0", "registry.example"), package("c", "1.0.0", "registry.example")], &[])];
    assert_eq!(
        told(&differences(&side(&left), &side(&right))),
        [
            (Aspect::Presence, Some("1.0.0"), None),
            (Aspect::Presence, None, Some("1.0.0")),
            (Aspect::Version, Some("1.0.0"), Some("1.1.0")),
        ]
    );
}

#[test]
fn many_packages_with_one_change_are_one_change() {
    let names: Vec<String> = (0..14).map(|at| format!("p{at:02}")).collect();
    let at =
        |host: &str| [run(&names.iter().map(|name| package(name, "1.0.0", host)).collect::<Vec<_>>(), &[])];
    let (left, right) = (at("registry.example"), at("packages.stranger.example"));
    let changes = grouped(&differences(&side(&left), &side(&right)).differences);
    let told: Vec<_> = changes.iter().map(|change| (change.aspect, change.packages.len())).collect();
    assert_eq!(told, [(Aspect::Source, 14), (Aspect::Digest, 14)]);
    assert_eq!(changes[0].left.as_deref(), Some("registry.example (public)"));
    assert_eq!(changes[0].right.as_deref(), Some("packages.stranger.example (public)"));
}

#[test]
fn what_scripts_do_on_one_side_only_is_told() {
    let (left, right) = ([run(&[], &[])], [run(&[], &["curl", "x"])]);
    let compared = differences(&side(&left), &side(&right));
    assert_eq!(
        told(&compared),
        [(Aspect::Script, None, Some("postinstall")), (Aspect::Process, None, Some("postinstall: curl x")),]
    );
    assert_eq!(compared.differences[1].name.as_deref(), Some("a"));
}

#[test]
fn known_noise_is_no_difference_and_what_only_looks_like_it_is() {
    let (left, right) = ([run(&[], &["node", "x1"])], [run(&[], &["node", "x2"])]);
    assert_eq!(differences(&side(&left), &side(&right)).differences.len(), 2);
    let varying = |what: &str| Varying {
        kind: Kind::Process,
        package: Some("node_modules/a".to_owned()),
        what: what.to_owned(),
        seen: 2,
        of: 2,
    };
    let noise = [varying("postinstall: node *")];
    assert_eq!(differences(&noisy(&left, &noise), &side(&right)), Compared::default());
    let other = [run(&[], &["curl", "x2"])];
    assert_eq!(
        told(&differences(&noisy(&left, &noise), &side(&other))),
        [(Aspect::Process, None, Some("postinstall: curl x2"))]
    );
}

#[test]
fn what_varies_between_equal_installs_is_no_difference() {
    let one = |version: &str| run(&[package("a", version, "registry.example")], &["node", version]);
    let left = [one("1.0.0"), one("1.1.0")];
    let right = [one("1.1.0"), one("1.0.0")];
    assert_eq!(differences(&side(&left), &side(&right)), Compared::default());
    // Made up anew in each, so that no two runs have the same.
    let made_up = |a: &str, b: &str| [run(&[], &["node", a]), run(&[], &["node", b])];
    let (left, right) = (made_up("t1", "t2"), made_up("t3", "t4"));
    assert_eq!(differences(&side(&left), &side(&right)), Compared::default());
}

#[test]
fn what_one_side_did_not_see_is_neither_gone_nor_equal() {
    let whole = [run(&[], &["node", "x"])];
    let blinded = |change: &dyn Fn(&mut Evidence)| {
        let mut run = run(&[], &[]);
        change(&mut run);
        [run]
    };
    let gap =
        |hides_answer| Gap { kind: GapKind::Files, detail: "lost".to_owned(), hides_answer, process: None };
    for change in [
        &|run: &mut Evidence| run.cut_short = Some(CutShort::Time),
        &|run: &mut Evidence| run.traced = false,
        &|run: &mut Evidence| run.exit = None,
        &|run: &mut Evidence| run.gaps = vec![gap(true)],
    ] as [&dyn Fn(&mut Evidence); 4]
    {
        let right = blinded(change);
        let compared = differences(&side(&whole), &side(&right));
        let facts: Vec<_> = told(&compared).into_iter().filter(|it| it.0 >= Aspect::Script).collect();
        assert_eq!(facts, [], "what was not seen is not gone");
        assert_eq!(compared.unseen.iter().map(|it| it.on).collect::<Vec<_>>(), [Which::Right]);
        let both = differences(&side(&right), &side(&right));
        assert_eq!(both.unseen.iter().map(|it| it.on).collect::<Vec<_>>(), [Which::Both]);
    }
    let right = blinded(&|run| run.gaps = vec![gap(false)]);
    assert_eq!(differences(&side(&right), &side(&right)).unseen, []);
    assert_eq!(differences(&side(&whole), &side(&right)).unseen[0].on, Which::Right);
    let nothing = Side::default();
    assert_eq!(differences(&side(&whole), &nothing).unseen[0].why, "it was not run");
}

#[test]
fn bytes_that_one_side_does_not_know_are_not_equal() {
    let known = package("a", "1.0.0", "registry.example");
    let mut unknown = known.clone();
    unknown.source.as_mut().unwrap().sha512 = None;
    let (left, right) = ([run(&[known], &[])], [run(&[unknown], &[])]);
    let compared = differences(&side(&left), &side(&right));
    assert_eq!(compared.differences, []);
    assert_eq!((compared.unseen[0].on, compared.unseen[0].packages.len()), (Which::Right, 1));
    assert_eq!(differences(&side(&right), &side(&right)).unseen[0].on, Which::Both);
}

#[test]
fn how_far_a_failed_install_came_is_chance_and_its_end_is_not() {
    let whole = [run(&[package("a", "1.0.0", "registry.example")], &["node", "x"])];
    let failed = |summary: &str| {
        let error = NpmError { code: "E404".to_owned(), summary: summary.to_owned(), ..NpmError::default() };
        [Evidence { exit: Some(Exit::Code(1)), npm_error: Some(error), ..run(&[], &[]) }]
    };
    let (one, other) = (failed("GET https://npm.example/a"), failed("GET https://npm.example/b"));
    assert_eq!(differences(&side(&one), &side(&other)), Compared::default());
    let aspects: Vec<Aspect> =
        told(&differences(&side(&whole), &side(&one))).into_iter().map(|it| it.0).collect();
    assert_eq!(aspects, [Aspect::Exit, Aspect::Message]);
    let elsewhere = failed("GET https://registry.example/a");
    let aspects: Vec<Aspect> =
        told(&differences(&side(&one), &side(&elsewhere))).into_iter().map(|it| it.0).collect();
    assert_eq!(aspects, [Aspect::Message]);
}
