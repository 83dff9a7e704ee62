//! A baseline written, read, compared and refused.

#![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

use super::*;
use crate::evidence::exchange::Role;
use crate::evidence::fact::{Evidence, SourceKind};
use crate::project::class::Class;
use fact::Act;
use proptest::prelude::*;

/// A package of the public registry, or one of the owner's.
fn package(line: &str, class: Class) -> Fact {
    let role = if class == Class::Private { Role::Own } else { Role::Public };
    let group = Group {
        class,
        source: Some(SourceKind::Registry),
        role: Some(role),
        host: Some("registry.example".to_owned()),
        bytes: Pinned::Pinned,
    };
    Fact::Package { group, line: line.to_owned() }
}

fn verdict(scenario: &str, verdict: &str) -> Fact {
    Fact::Verdict { scenario: scenario.to_owned(), verdict: verdict.to_owned() }
}

fn deed(who: &str, act: Act, text: &str) -> Fact {
    Fact::Deed { who: who.to_owned(), sometimes: false, act, text: text.to_owned() }
}

fn sound() -> BTreeSet<Fact> {
    BTreeSet::from([
        verdict("baseline", "sealed"),
        package("@acme/internal@1.0.0 sha512-AA", Class::Private),
        package("left-pad@1.3.0 sha512-BB", Class::Public),
        deed("left-pad", Act::Run("postinstall".to_owned()), "sh -c node x.js"),
        deed("left-pad", Act::Connect, "cdn.example:443"),
    ])
}

fn file() -> Approved {
    let mut other = sound();
    other.remove(&verdict("baseline", "sealed"));
    other.insert(verdict("baseline", "broken"));
    Approved::of(
        Some("core"),
        &BTreeMap::from([("npm 10".to_owned(), other), ("npm 11".to_owned(), sound())]),
    )
}

fn read(text: &str) -> Result<Approved, crate::text::Complaint> {
    Approved::read(&Source::new(FILE, text))
}

#[test]
fn what_is_equal_in_all_places_stands_once_and_comes_back() {
    let file = file();
    assert_eq!(file.everywhere.packages.len(), 2);
    assert_eq!(file.everywhere.scenarios, BTreeMap::new());
    assert_eq!(file.only["npm 11"].scenarios["baseline"], "sealed");
    assert_eq!(file.at("npm 11").unwrap(), sound());
    assert_eq!(file.at("npm 12"), None);
    let text = file.to_json().unwrap();
    let back = read(&text).unwrap();
    assert_eq!(back, file);
    assert_eq!(back.to_json().unwrap(), text);
}

#[test]
fn a_file_that_nobody_wrote_so_is_refused_with_its_place_and_advice() {
    let good = file().to_json().unwrap();
    let with = |from: &str, to: &str| good.replacen(from, to, 1);
    for (text, part) in [
        (String::new(), "ends in the middle"),
        ("[".repeat(100_000), "recursion limit"),
        ("{}".to_owned(), "has no `schema`"),
        ("null".to_owned(), "no accepted baseline"),
        ("<html>".to_owned(), "not JSON"),
        (with("lock/v1", "lock/v9"), "sealcheck/lock/v9"),
        (with("\"suite\"", "\"sweet\""), "unknown field `sweet`"),
        (with("\"places\"", "\"evil\": 1, \"places\""), "unknown field `evil`"),
        (with("\"left-pad\": {", "\"left-pad\": {}, \"left-pad\": {"), "`left-pad` stands twice"),
        (with("\"sealed\"", "\"unobserved\""), "`unobserved` is no verdict"),
        (with("\"npm 11\": {", "\"npm 12\": {"), "`npm 12` is not among the places"),
        (with("\"private\"", "\"mine\""), "unknown variant `mine`"),
        (with("left-pad@1.3.0 sha512-BB", ""), "has no name"),
        (format!("<<<<<<< ours\n{good}"), "merge conflict"),
        (good[..good.len() / 2].to_owned(), "ends in the middle"),
    ] {
        let complaint = read(&text).unwrap_err();
        assert!(complaint.message.contains(part), "{part}: {complaint}");
        assert!(complaint.help.is_some(), "{complaint}");
        assert!(complaint.place.is_some(), "{complaint}");
    }
}

#[test]
fn a_line_that_approves_everything_is_refused_with_its_place() {
    let postinstall = || Act::Run("postinstall".to_owned());
    let with = |act: &Act, text: &str| {
        let mut facts = sound();
        let (who, text) = ("left-pad".to_owned(), text.to_owned());
        facts.insert(Fact::Deed { who, sometimes: true, act: act.clone(), text });
        read(&Approved::of(None, &BTreeMap::from([("npm 11".to_owned(), facts)])).to_json().unwrap())
    };
    for (act, text) in [
        (postinstall(), "**"),
        (postinstall(), "* **"),
        (postinstall(), "cc -c **"),
        (postinstall(), "cc** x"),
        (postinstall(), "cc**"),
        (postinstall(), "sh **"),
        (postinstall(), "/usr/bin/python3 **"),
        (postinstall(), "** x"),
        (Act::Connect, "**"),
        (Act::Connect, "*"),
        (Act::Connect, "*:443"),
        (Act::Connect, "**.cdn.example:443"),
        (Act::Connect, "cdn.*:443"),
        (Act::Connect, "198.51.100.*:443"),
        (Act::Write, "**"),
        (Act::Write, "* dist/x"),
        (Act::Write, "added **"),
        (Act::Write, "added /**"),
        (Act::Write, "added ~/.ssh/**"),
        (Act::Write, "added /tmp/x/**"),
        (Act::Write, "added node_modules/**"),
        (Act::Write, "added node_modules/@shop/**"),
        (Act::Write, "added node_modules/*/**"),
        (Act::Write, "added ~//x/**"),
        (Act::Write, "added dist**"),
        (Act::Write, "added **/x"),
        (Act::Read, "*"),
        (Act::Read, "**"),
    ] {
        let complaint = with(&act, text).expect_err(text);
        assert!(complaint.message.contains("approves too much"), "{text}: {complaint}");
        assert!(complaint.help.is_some() && complaint.place.is_some(), "{complaint}");
    }
    for (act, text) in [
        (postinstall(), "cc **"),
        (postinstall(), "/tmp/build-*/configure *"),
        (postinstall(), "rm \\*\\*.o"),
        (Act::Connect, "*.cdn.example:443"),
        (Act::Write, "added dist/**"),
        (Act::Write, "added /tmp/build-*/out/o.*"),
        (Act::Read, "aws"),
    ] {
        assert!(with(&act, text).is_ok(), "{text}");
    }
}

#[test]
fn scripts_of_a_package_without_a_line_are_approved_by_nobody() {
    let mut facts = sound();
    facts.insert(deed(ROOT, Act::Run("prepare".to_owned()), "sh -c tsc"));
    let owned = facts.clone();
    facts.insert(deed("@shop/prices", Act::Run("postinstall".to_owned()), "sh -c node x.js"));
    let file = Approved::of(None, &BTreeMap::from([("npm 11".to_owned(), facts)]));
    assert_eq!(file.at("npm 11").unwrap(), owned);
    assert_eq!(file.ownerless("npm 11"), BTreeSet::from(["@shop/prices".to_owned()]));
    assert!(file.to_json().unwrap().contains("@shop/prices"));
}

#[test]
fn a_thousand_packages_fit_into_a_review() {
    let digest = "A".repeat(22);
    let mut facts: BTreeSet<Fact> = (0..1000)
        .map(|n| package(&format!("@some-scope/a-package-of-{n}@12.10.{n} sha512-{digest}"), Class::Public))
        .collect();
    for n in 0..20 {
        let who = format!("@some-scope/a-package-of-{n}");
        for (act, kind) in [(Act::Run("install".to_owned()), "node-gyp"), (Act::Write, "added build")] {
            facts.extend((0..24).map(|line| deed(&who, act.clone(), &format!("{kind}/{line}/of/it.o"))));
        }
    }
    let text = Approved::of(Some("full"), &BTreeMap::from([("npm 11".to_owned(), facts)])).to_json().unwrap();
    assert!(text.len() < 200_000, "{}", text.len());
}

/// A run of a postinstall of `left-pad` that ends well.
fn run(argv: &[&str], files: &[&str], hosts: &[&str]) -> Evidence {
    let of = |value: serde_json::Value| serde_json::from_value(value).unwrap();
    let process = |id: u32, parent: Option<u32>, argv: &[&str], event: Option<&str>| {
        of(serde_json::json!({ "id": id, "parent": parent, "argv": argv, "exe": "", "cwd": "/",
            "package": event.map(|_| "node_modules/left-pad"), "package_name": "left-pad",
            "version": "1.3.0", "event": event, "exit": "0", "outlived": false }))
    };
    Evidence {
        scenario: "baseline".to_owned(),
        repeat: 1,
        command: Vec::new(),
        exit: Some(crate::wire::Exit::Code(0)),
        cut_short: None,
        npm_error: None,
        duration_ms: 1,
        decoys: Vec::new(),
        packages: vec![
            serde_json::from_value(serde_json::json!({
                "path": "node_modules/left-pad", "name": "left-pad", "version": "1.3.0", "class": "public",
                "lock": null, "genuine": true, "integrity_ok": true, "scripts": ["postinstall"],
                "optional": false, "decoy": false,
                "source": { "kind": "registry", "role": "public", "host": "registry.example", "url": null,
                    "sha512": "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "exchange": 1 },
            }))
            .unwrap(),
        ],
        exchanges: Vec::new(),
        lookups: Vec::new(),
        processes: vec![
            process(1, None, &["/opt/n/bin/node", "/opt/n/lib/npm/bin/npm-cli.js", "ci"], None),
            process(2, Some(1), argv, Some("postinstall")),
        ],
        connections: hosts
            .iter()
            .map(|name| {
                serde_json::from_value(serde_json::json!({
                    "process": 2, "address": "127.0.0.9", "port": 443, "name": name, "outcome": "gateway"
                }))
                .unwrap()
            })
            .collect(),
        files: files
            .iter()
            .map(|path| {
                serde_json::from_value(serde_json::json!({
                    "path": path, "change": "added", "process": 2, "package": null,
                    "npm": path.contains("/_logs/"), "npms": path.contains("/_logs/")
                }))
                .unwrap()
            })
            .collect(),
        reads: Vec::new(),
        output: crate::evidence::Output::default(),
        gaps: Vec::new(),
        then: Vec::new(),
        traced: true,
    }
}

fn lines(facts: &BTreeSet<Fact>) -> Vec<String> {
    facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Deed { sometimes, text, .. } => {
                Some(format!("{text}{}", if *sometimes { " sometimes" } else { "" }))
            }
            Fact::Verdict { .. } | Fact::Package { .. } => None,
        })
        .collect()
}

#[test]
fn what_a_machine_puts_into_a_text_is_not_recorded() {
    let run = run(
        &[
            "/opt/n/bin/node",
            "/opt/n/lib/npm/bin/npm-cli.js",
            "/project/node_modules/.bin/x",
            "https://u:p@h.example/?q",
        ],
        &["/project/node_modules/left-pad/a", "/home/npm/.bashrc", "/home/npm/.npm/_logs/2026-01-01.log"],
        &["cdn.example"],
    );
    assert_eq!(
        lines(&observe(&[&run]).facts(&BTreeSet::new())),
        [
            "node {npm}/bin/npm-cli.js node_modules/.bin/x https://[redacted:url]@h.example/?[redacted:query]",
            "cdn.example:443",
            "added node_modules/left-pad/a",
            "added ~/.bashrc",
        ]
    );
}

#[test]
fn what_varies_is_told_by_a_pattern_and_covered_by_it() {
    let one = |name: &str| run(&["echo", name], &[&format!("/tmp/b-{name}/o")], &["cdn.example"]);
    let observed = observe(&[&one("a1"), &one("b2"), &one("c3")]);
    let facts = observed.facts(&BTreeSet::new());
    assert_eq!(lines(&facts), ["echo *", "cdn.example:443", "added /tmp/b-*/o"]);
    let again = observe(&[&one("d4")]);
    assert_eq!(changes(&facts, &again, true), Vec::new());
    let busy = |time: &str| run(&["echo", "15", time], &[], &[]);
    let busy = observe(&[&busy("1001"), &busy("1002")]);
    assert_eq!(lines(&busy.facts(&BTreeSet::new())), ["echo * *"]);
    // A single run shows no pattern; what is known of it stays.
    assert_eq!(again.facts(&facts), facts);
}

#[test]
fn another_of_many_commands_is_drift() {
    let many = |more: &[&str]| {
        let mut run = run(&["sh", "-c", "make"], &[], &[]);
        let commands = (0..40).map(|n| format!("step {n}")).chain(more.iter().map(|it| (*it).to_owned()));
        for (at, command) in commands.enumerate() {
            let mut process = run.processes[1].clone();
            process.id = crate::wire::ProcessId(10 + u32::try_from(at).unwrap());
            process.argv = vec!["sh".to_owned(), "-c".to_owned(), command];
            run.processes.push(process);
        }
        run
    };
    let facts = observe(&[&many(&[]), &many(&["now and then"]), &many(&[])]).facts(&BTreeSet::new());
    let told = lines(&facts);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("sh: 41 commands, sha256:"), "{told:?}");
    for same in [many(&[]), many(&["now and then"])] {
        assert_eq!(changes(&facts, &observe(&[&same]), true), Vec::new());
    }
    let found = changes(&facts, &observe(&[&many(&["curl evil.example"])]), true);
    assert_eq!(found[0].changes.len(), 1, "{found:?}");
    assert_eq!(found[0].changes[0].before, told[..1]);
    assert!(found[0].changes[0].after[0].starts_with("sh: 42 commands, "), "{found:?}");
    assert_eq!(observe(&[&many(&[])]).facts(&facts), facts_without_sometimes(&facts));
}

fn facts_without_sometimes(facts: &BTreeSet<Fact>) -> BTreeSet<Fact> {
    let mut facts = facts.clone();
    facts.retain(|fact| !matches!(fact, Fact::Deed { sometimes: true, .. }));
    facts
}

#[test]
fn a_package_that_is_another_in_some_run_is_named_and_seen() {
    let one = run(&["x"], &[], &[]);
    let mut other = one.clone();
    other.packages[0].source.as_mut().unwrap().host = Some("evil.example".to_owned());
    let mut without = one.clone();
    without.packages.clear();
    without.processes.truncate(1);
    let facts = observe(&[&one, &one]).facts(&BTreeSet::new());
    assert_eq!(observe(&[&one, &one]).unsteady, BTreeSet::new());
    for runs in [[&one, &other, &one], [&other, &one, &one], [&one, &without, &one]] {
        let seen = observe(&runs);
        assert_eq!(seen.unsteady, BTreeSet::from(["left-pad".to_owned()]));
        assert_eq!(changes(&facts, &seen, true).len(), 1);
    }
}

#[test]
fn what_happens_now_and_then_is_neither_new_nor_gone() {
    let (calls, quiet) = (run(&["x"], &[], &["a.example"]), run(&["x"], &[], &[]));
    let facts = observe(&[&quiet, &calls, &quiet]).facts(&BTreeSet::new());
    assert_eq!(lines(&facts), ["x", "a.example:443 sometimes"]);
    assert_eq!(changes(&facts, &observe(&[&quiet]), true), Vec::new());
    assert_eq!(changes(&facts, &observe(&[&calls]), true), Vec::new());
}

#[test]
fn a_host_that_is_another_each_time_is_approved_by_nobody() {
    let one = |name: &str| run(&["x"], &[], &[name]);
    let facts = observe(&[&one("a.example"), &one("b.test"), &one("c.invalid")]).facts(&BTreeSet::new());
    assert_eq!(lines(&facts), ["x"]);
    assert_eq!(changes(&facts, &observe(&[&one("evil.example")]), true).len(), 1);
}

#[test]
fn each_change_is_told_with_what_was_before() {
    let before = observe(&[&run(&["sh", "-c", "node x.js"], &[], &["a.example"])]).facts(&BTreeSet::new());
    let now = observe(&[&run(&["sh", "-c", "node y.js"], &[], &["b.example"])]);
    let change = |topic, before: &str, after: &str| Change {
        topic,
        before: vec![before.to_owned()],
        after: vec![after.to_owned()],
    };
    let found = changes(&before, &now, true);
    assert_eq!(
        found[0].changes,
        [
            change(Topic::Script("postinstall".to_owned()), "sh -c node x.js", "sh -c node y.js"),
            change(Topic::Connections, "a.example:443", "b.example:443"),
        ]
    );
    assert!(!found[0].pinned_only);
    // Of what was seen in part, what is new is told and nothing is gone.
    let part = changes(&before, &now, false);
    assert!(part[0].changes.iter().all(|change| change.before.is_empty()), "{part:?}");
}

#[test]
fn names_and_versions_are_read_out_of_a_line() {
    for (line, name, version) in [
        ("@acme/a@1.0.0-x sha512-AA", "@acme/a", (Some("1.0.0-x"), Some("sha512-AA"))),
        ("a@1", "a", (Some("1"), None)),
        ("a", "a", (None, None)),
        ("@acme/a", "@acme/a", (None, None)),
        ("", "", (None, None)),
        ("@", "@", (None, None)),
        ("ö@", "ö", (None, None)),
    ] {
        assert_eq!((fact::name_of(line), fact::version_of(line)), (name, version), "{line}");
    }
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lock.schema.json");
    let fresh = format!("{:#}\n", schema());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "docs/lock.schema.json is stale; run the tests with BLESS=1");
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,80}", line in "\\PC{0,20}") {
        let _ = (read(&text), fact::name_of(&line), fact::version_of(&line));
        let escaped = serde_json::Value::from(line).to_string();
        let _ = read(&file().to_json().unwrap().replace("\"left-pad@1.3.0 sha512-BB\"", &escaped));
    }
}
