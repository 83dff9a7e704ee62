//! Verdicts, acceptances and exit codes, on synthetic evidence.

use super::*;
use crate::compare::approved::{Approved, Fact, Standing};
use crate::evidence::fact::Evidence;
use crate::evidence::seal::Platform;
use crate::finding::Finding;
use crate::finding::fixture::{evidence, judged, options, project, scenario};
use crate::project::Project;
use crate::scenario::Scenario;
use proptest::prelude::*;
use serde_json::{Value, json};

fn platform() -> Platform {
    Platform { os: "linux".to_owned(), cpu: "x64".to_owned(), libc: "glibc".to_owned() }
}

fn ground(project: &Project) -> Ground<'_> {
    Ground { project, margin: None, resolutions: &[], approved: None, elsewhere: &[] }
}

const INTERNAL: &str = "node_modules/@acme/internal";

fn from(role: &str, host: &str, genuine: Value) -> Value {
    json!({ "path": INTERNAL, "genuine": genuine, "source": { "role": role, "host": host } })
}

fn asked(host: &str, role: &str, status: Value) -> Value {
    json!({ "kind": "packument", "package": "@acme/internal", "host": host, "role": role, "status": status })
}

/// Section 2 of what is known of npm: each way of a silent fallback, and its
/// sealed counterpart.
#[test]
fn each_known_fallback_leaks_and_its_counterpart_is_sealed() {
    let public = "registry.example";
    let own = "npm.corp.example";
    let decoys = json!({ "name": "decoys", "world": { "decoys": true },
        "demand": { "install": "may-fail", "codes": ["EINTEGRITY", "E404", "ETARGET"] } });
    let mapping = json!({ "name": "mapping-removed", "losses": ["mapping"],
        "demand": { "install": "may-fail", "codes": ["EINTEGRITY", "E404", "EALLOWREMOTE"] } });
    let optional =
        json!({ "path": INTERNAL, "version": "~", "source": "~", "optional": true, "genuine": "~" });
    let table = [
        (
            "S1: nothing pinned, mapping gone",
            &mapping,
            json!({ "packages": [from("foreign", public, json!(false))] }),
            Verdict::Leaked,
        ),
        (
            "S1, but `resolved` names its own registry",
            &mapping,
            json!({ "packages": [from("own", own, json!(true))] }),
            Verdict::Sealed,
        ),
        ("S1, but npm 12 refuses", &mapping, json!({ "exit": 1, "code": "EALLOWREMOTE" }), Verdict::Sealed),
        (
            "S2: `resolved` is public in spite of the mapping",
            &decoys,
            json!({ "packages": [from("foreign", public, json!(false))] }),
            Verdict::Leaked,
        ),
        (
            "S2, but the integrity refuses",
            &decoys,
            json!({ "exit": 1, "code": "EINTEGRITY", "exchanges": [asked(public, "foreign", json!(200))] }),
            Verdict::Exposed,
        ),
        (
            "S3: the same, unscoped",
            &decoys,
            json!({ "packages": [from("foreign", public, json!("~"))] }),
            Verdict::Leaked,
        ),
        (
            "S4: sha1 only",
            &decoys,
            json!({ "packages": [{ "path": INTERNAL, "genuine": false, "integrity_ok": false,
            "source": { "role": "foreign", "host": public } }] }),
            Verdict::Leaked,
        ),
        (
            "S7: a variable over the project's registry",
            &decoys,
            json!({ "packages": [from("foreign", public, json!(false))] }),
            Verdict::Leaked,
        ),
        (
            "S7, and the public registry has no such name",
            &decoys,
            json!({ "exit": 1, "code": "E404", "exchanges": [asked(public, "foreign", json!(404))] }),
            Verdict::Exposed,
        ),
        (
            "S9: its registry redirects to a stranger",
            &decoys,
            json!({ "packages": [from("foreign", "cdn.example", json!("~"))] }),
            Verdict::Leaked,
        ),
        (
            "S9: its registry serves other bytes",
            &decoys,
            json!({ "packages": [from("own", own, json!(false))] }),
            Verdict::Leaked,
        ),
        (
            "S9, but intact",
            &decoys,
            json!({ "packages": [from("own", "blobs.example", json!(true))] }),
            Verdict::Sealed,
        ),
        (
            "S10: an optional package is dropped",
            &decoys,
            json!({ "packages": [optional], "exchanges": [asked(own, "own", json!(503))] }),
            Verdict::Broken,
        ),
        (
            "S16: `resolved` is not a URL",
            &decoys,
            json!({ "packages": [{ "path": INTERNAL, "version": "~", "source": "~" }] }),
            Verdict::Broken,
        ),
    ];
    for (case, scenario, changes, expected) in table {
        let mut run = json!({ "scenario": scenario });
        for (key, value) in changes.as_object().unwrap() {
            run[key] = value.clone();
        }
        let judgement = judged(&project(&json!({})), &[json!({}), run]);
        assert_eq!(judgement.runs[1].verdict, expected, "{case}: {judgement:#?}");
        assert_eq!(judgement.runs[0].verdict, Verdict::Sealed, "{case}: the baseline");
    }
}

/// How a scenario's demand and npm's end make a verdict.
#[test]
fn demands_and_ends_make_verdicts() {
    let demand = |install: &str| json!({ "install": install, "codes": ["ECONNREFUSED"] });
    let outage = |install: &str| json!({ "name": "outage", "world": { "private": "refused" }, "demand": demand(install) });
    let cached = json!([{ "path": INTERNAL, "source": { "kind": "cache" } }]);
    let table = [
        (outage("must-work"), json!({}), Verdict::Sealed),
        (outage("must-work"), json!({ "exit": 1, "code": "E500" }), Verdict::Broken),
        (outage("must-fail"), json!({ "exit": 1, "code": "ECONNREFUSED" }), Verdict::Sealed),
        (outage("must-fail"), json!({ "exit": 1, "code": "EINTEGRITY" }), Verdict::Unobserved),
        (outage("must-fail"), json!({ "exit": 1 }), Verdict::Unobserved),
        // It was installed from its own registry, so there was no outage.
        (outage("must-fail"), json!({}), Verdict::Unobserved),
        (outage("must-fail"), json!({ "packages": cached }), Verdict::Sealed),
        (outage("may-fail"), json!({}), Verdict::Sealed),
        (outage("may-fail"), json!({ "exit": 1, "code": "ECONNREFUSED" }), Verdict::Sealed),
        (outage("may-fail"), json!({ "exit": 7, "code": "7" }), Verdict::Unobserved),
        (outage("anyhow"), json!({ "exit": 1, "code": "E404" }), Verdict::Sealed),
        (outage("must-work"), json!({ "cut_short": "time" }), Verdict::Unobserved),
        (outage("must-fail"), json!({ "exit": "~" }), Verdict::Unobserved),
    ];
    for (scenario, changes, expected) in table {
        let mut run = json!({ "scenario": scenario });
        for (key, value) in changes.as_object().unwrap() {
            run[key] = value.clone();
        }
        let judgement = judged(&project(&json!({})), &[json!({}), run.clone()]);
        assert_eq!(judgement.runs[1].verdict, expected, "{run}: {judgement:#?}");
    }
}

#[test]
fn a_failure_proves_nothing_where_the_baseline_fails() {
    let outage = json!({ "scenario": { "name": "outage", "world": { "private": "refused" },
        "demand": { "install": "must-fail", "codes": ["ECONNREFUSED"] } }, "exit": 1, "code": "ECONNREFUSED" });
    let judgement = judged(&project(&json!({})), &[json!({ "exit": 1, "code": "E404" }), outage]);
    assert_eq!(judgement.runs[1].verdict, Verdict::Unobserved);
    assert_eq!((judgement.verdict, judgement.exit_code), (Verdict::Broken, 1));
}

#[test]
fn a_trap_that_does_not_snap_makes_the_report_unobserved() {
    let control = |changes: Value| {
        let mut run = json!({ "scenario": { "name": "control", "control": true, "losses": ["mapping", "lockfile"],
            "demand": { "install": "anyhow" } } });
        for (key, value) in changes.as_object().unwrap() {
            run[key] = value.clone();
        }
        run
    };
    let live = control(json!({ "packages": [from("foreign", "registry.example", json!(false))] }));
    let judgement = judged(&project(&json!({})), &[json!({}), live]);
    assert_eq!((judgement.verdict, judgement.exit_code), (Verdict::Sealed, 0));
    assert_eq!(judgement.runs[1].verdict, Verdict::Leaked);
    // Also where what it catches is accepted elsewhere.
    let accepted = project(&json!({ "settings": { "accepted": [{ "rule": "silent-fallback" }] } }));
    let live = control(json!({ "packages": [from("foreign", "registry.example", json!(false))] }));
    let judgement = judged(&accepted, &[json!({}), live]);
    assert_eq!((judgement.verdict, judgement.exit_code), (Verdict::Sealed, 0), "{}", judgement.because);
    for dead in [json!({}), json!({ "exit": 1, "code": "E404" }), json!({ "cut_short": "time" })] {
        let judgement = judged(&project(&json!({})), &[json!({}), control(dead)]);
        assert_eq!(
            (judgement.verdict, judgement.exit_code),
            (Verdict::Unobserved, 3),
            "{}",
            judgement.because
        );
    }
    let leak = json!({ "packages": [from("foreign", "registry.example", json!(false))] });
    let judgement = judged(&project(&json!({})), &[leak, control(json!({}))]);
    assert_eq!((judgement.verdict, judgement.exit_code), (Verdict::Leaked, 1), "a leak that was seen stands");
}

#[test]
fn only_leaks_within_the_margin_count_where_defences_are_taken_away() {
    let lossy = |losses: Value, changes: Value| {
        let mut run = json!({ "scenario": { "name": "lossy", "losses": losses, "demand": { "install": "must-work" } } });
        for (key, value) in changes.as_object().unwrap() {
            run[key] = value.clone();
        }
        run
    };
    let leak = json!({ "packages": [from("foreign", "registry.example", json!(false))] });
    let fails = json!({ "exit": 1, "code": "E404" });
    let table = [
        (lossy(json!(["mapping"]), leak.clone()), Verdict::Leaked, 1),
        (lossy(json!(["mapping", "lockfile"]), leak), Verdict::Sealed, 0),
        (lossy(json!(["mapping"]), fails), Verdict::Sealed, 0),
        (lossy(json!(["mapping"]), json!({ "cut_short": "time" })), Verdict::Unobserved, 3),
        (lossy(json!(["mapping", "lockfile"]), json!({ "cut_short": "time" })), Verdict::Sealed, 0),
    ];
    for (run, verdict, code) in table {
        let judgement = judged(&project(&json!({})), &[json!({}), run.clone()]);
        assert_eq!((judgement.verdict, judgement.exit_code), (verdict, code), "{run}: {judgement:#?}");
        // Each run says whether it counts, so that nobody has to decide it again.
        let counts: Vec<bool> = judgement.runs.iter().map(|run| run.counts).collect();
        assert_eq!(counts, [true, verdict != Verdict::Sealed], "{run}");
    }
}

#[test]
fn an_accepted_leak_is_said_and_fails_nothing_until_its_date() {
    let accepted = |expires: &str| {
        project(&json!({ "settings": { "accepted": [
            { "rule": "silent-fallback", "package": "@acme/*", "expires": expires } ] } }))
    };
    let leak = [json!({ "packages": [from("foreign", "registry.example", json!(false))] })];
    let judgement = judged(&accepted("2027-03-01"), &leak);
    assert_eq!(judgement.headline(), "leaked, accepted until 2027-03-01");
    assert_eq!(judgement.exit_code, 0);
    assert!(judgement.runs[0].accepted);
    let judgement = judged(&accepted("2026-03-01"), &leak);
    assert_eq!((judgement.headline().as_str(), judgement.exit_code), ("leaked", 1));
}

#[test]
fn an_acceptance_cannot_turn_blindness_into_sight() {
    let project = project(&json!({ "settings": { "accepted": [{ "rule": "not-observed" }] } }));
    let judgement = judged(&project, &[json!({ "gaps": [{ "detail": "x", "hides_answer": true }] })]);
    assert_eq!((judgement.verdict, judgement.exit_code), (Verdict::Unobserved, 3));
}

#[test]
fn an_accepted_failure_of_the_baseline_is_accepted() {
    let project = project(&json!({ "settings": { "accepted": [{ "rule": "install-failed" }] } }));
    let judgement = judged(&project, &[json!({ "exit": 1, "code": "E404" })]);
    assert_eq!((judgement.headline().as_str(), judgement.exit_code), ("broken, accepted", 0));
}

#[test]
fn one_fault_is_one_finding_that_lists_its_runs() {
    let leak = json!({ "packages": [from("foreign", "registry.example", json!(false))] });
    let mut again = leak.clone();
    again["repeat"] = json!(2);
    let judgement = judged(&project(&json!({})), &[leak.clone(), again]);
    let found: Vec<&Finding> =
        judgement.findings.iter().filter(|finding| finding.rule == "silent-fallback").collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].runs, ["baseline-1", "baseline-2"]);
    assert_eq!(found[0].evidence.len(), 2);
    assert_eq!(found[0].location.as_ref().unwrap().file, "package-lock.json");
    let alone = judged(&project(&json!({})), &[leak]);
    assert!(alone.findings.iter().any(|finding| finding.fingerprint == found[0].fingerprint));
}

#[test]
fn what_did_not_run_is_unobserved_and_what_was_asked_in_vain_exits_3() {
    let (project, platform) = (project(&json!({})), platform());
    let baseline = scenario(&json!({}));
    let found = evidence(&project, &json!({}));
    let run = |observed: Observed<'static>| JudgedRun {
        id: "other-1",
        scenario: Box::leak(Box::new(scenario(&json!({ "scenario": { "name": "other" } })))),
        repeat: 1,
        place: 0,
        platform: Box::leak(Box::new(platform.clone())),
        observed,
    };
    let sound = JudgedRun {
        id: "baseline-1",
        scenario: &baseline,
        repeat: 1,
        place: 0,
        platform: &platform,
        observed: Observed::Evidence(&found),
    };
    let vain = |asked| Observed::NotApplicable { reason: "nothing is private".to_owned(), asked };
    for (observed, verdict, code) in [
        (Observed::Nothing("the variable NPM_TOKEN is not set".to_owned()), Verdict::Unobserved, 3),
        (vain(false), Verdict::Sealed, 0),
        (vain(true), Verdict::Sealed, 3),
    ] {
        let judgement = judge(&[sound.clone(), run(observed.clone())], &[ground(&project)], &options());
        assert_eq!((judgement.verdict, judgement.exit_code), (verdict, code), "{observed:?}");
    }
    assert_eq!(judge(&[], &[ground(&project)], &options()).exit_code, 3, "nothing was run");
}

#[test]
fn each_place_is_measured_by_its_own_baseline_and_a_fault_of_both_is_one_finding() {
    let (project, platform) = (project(&json!({})), platform());
    let refused = json!({ "scenario": { "name": "refused",
        "demand": { "install": "must-fail", "codes": ["E404"] } }, "exit": 1, "code": "E404" });
    let leak = json!({ "scenario": { "name": "decoys", "world": { "decoys": true },
        "demand": { "install": "may-fail", "codes": ["E404"] } },
        "packages": [from("foreign", "registry.example", json!(false))] });
    let failing = json!({ "exit": 1, "code": "EBADENGINE" });
    let made: Vec<(usize, Scenario, Evidence)> =
        [(0, &json!({})), (0, &refused), (0, &leak), (1, &failing), (1, &refused), (1, &leak)]
            .map(|(place, run)| (place, scenario(run), evidence(&project, run)))
            .into();
    let ids: Vec<String> = made.iter().map(|(place, it, _)| format!("{}-1@{place}", it.name)).collect();
    let runs: Vec<JudgedRun<'_>> = made
        .iter()
        .zip(&ids)
        .map(|((place, scenario, evidence), id)| JudgedRun {
            id,
            scenario,
            repeat: 1,
            place: *place,
            platform: &platform,
            observed: Observed::Evidence(evidence),
        })
        .collect();
    let judgement = judge(&runs, &[ground(&project), ground(&project)], &options());
    let verdicts: Vec<Verdict> = judgement.runs.iter().map(|run| run.verdict).collect();
    let (sealed, leaked) = (Verdict::Sealed, Verdict::Leaked);
    assert_eq!(verdicts, [sealed, sealed, leaked, Verdict::Broken, Verdict::Unobserved, leaked]);
    let fallbacks: Vec<&Finding> =
        judgement.findings.iter().filter(|finding| finding.rule == "silent-fallback").collect();
    assert_eq!(fallbacks.len(), 1);
    assert_eq!(fallbacks[0].runs, ["decoys-1@0", "decoys-1@1"]);
}

/// Scope mapping, lockfile with `resolved` and sha512, esbuild, husky and
/// patch-package among its packages, and no file of ours.
#[test]
fn an_ordinary_sound_project_exits_0() {
    let sound = project(&json!({ "package": [
        { "path": "node_modules/esbuild", "integrity": sri("esbuild"), "resolved": "https://registry.example/esbuild.tgz",
          "optional_dependencies": ["@esbuild/linux-x64", "@esbuild/darwin-arm64"] },
        { "path": "node_modules/@esbuild/linux-x64", "integrity": sri("@esbuild/linux-x64"), "os": ["linux"], "cpu": ["x64"], "optional": true },
        { "path": "node_modules/@esbuild/darwin-arm64", "integrity": sri("darwin"), "os": ["darwin"], "cpu": ["arm64"], "optional": true },
        { "path": "node_modules/husky", "integrity": sri("husky") },
        { "path": "node_modules/patch-package", "integrity": sri("patch-package") },
    ] }));
    let run = json!({
        "packages": [{ "path": "node_modules/esbuild", "scripts": ["postinstall"] }],
        "processes": [
            { "package": "node_modules/esbuild", "package_name": "esbuild", "event": "postinstall", "argv": ["node", "install.js"] },
            { "package": "", "package_name": "app", "event": "prepare", "argv": ["sh", "-c", "husky"] },
            { "package": "", "package_name": "app", "event": "postinstall", "argv": ["sh", "-c", "patch-package"] },
        ],
        "files": [
            { "path": "/project/.husky/_/h", "process": 3 },
            { "path": "/project/node_modules/esbuild/bin/esbuild", "change": "changed", "process": 2, "package": "node_modules/esbuild" },
            { "path": "/project/node_modules/left-pad/index.js", "change": "changed", "process": 4, "package": "node_modules/left-pad" },
        ],
        "exchanges": [{ "kind": "audit", "method": "POST", "host": "registry.example", "role": "public" }],
    });
    let control = json!({ "scenario": { "name": "control", "control": true, "losses": ["mapping", "lockfile"],
        "demand": { "install": "anyhow" } }, "packages": [from("foreign", "registry.example", json!(false))] });
    let judgement = judged(&sound, &[run, control]);
    assert_eq!((judgement.verdict, judgement.exit_code), (Verdict::Sealed, 0), "{judgement:#?}");
    let warnings: Vec<&str> = judgement
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| finding.rule.as_str())
        .collect();
    // esbuild replaces its own wrapper by the binary; nobody approved that here.
    assert_eq!(warnings, ["tree-mutated-by-script"], "{judgement:#?}");
}

fn sri(name: &str) -> String {
    crate::finding::fixture::genuine(name)
}

prop_compose! {
    /// Evidence-ish changes: any role, class, version, end, gap and script.
    fn any_run()(
        class in prop::sample::select(vec!["private", "local", "public", "public", "public", "other", "undecided"]),
        role in prop::sample::select(vec!["own", "own", "public", "foreign", "unknown"]),
        kind in prop::sample::select(vec!["registry", "registry", "registry", "cache", "git", "file", "link", "bundled", "unknown"]),
        version in prop::option::weighted(0.8, prop::sample::select(vec!["1.0.0", "1.0.0", "9.9.9", "", "x"])),
        genuine in prop::option::weighted(0.8, any::<bool>()),
        flags in [0.3, 0.3, 0.2, 0.2, 0.1, 0.1].map(prop::bool::weighted),
        exit in prop::sample::select(vec![json!(0), json!(0), json!(0), json!(1), json!(-7), json!("~")]),
        code in prop::option::of("E[A-Z0-9]{0,9}"),
        status in prop::option::of(any::<u16>()),
        exchange_kind in prop::sample::select(vec!["packument", "tarball", "audit", "signatures", "other"]),
        credential in prop::sample::select(vec!["none", "none", "own", "own", "own", "foreign"]),
        text in "[^~]{0,12}",
        install in prop::sample::select(vec!["must-work", "may-fail", "must-fail", "anyhow"]),
        answer in prop::sample::select(vec!["genuine", "refused", "tampered", "not-found"]),
        losses in prop::sample::select(vec![json!([]), json!([]), json!(["mapping"]), json!(["mapping", "lockfile"]), json!(["lockfile"])]),
        name in prop::sample::select(vec!["baseline", "baseline", "control", "outage"]),
        repeat in 1u64..3,
    ) -> Value {
        let [optional, decoy, outlived, hides, secret, cut] = flags;
        let mut run = json!({
            "scenario": { "name": name, "control": name == "control", "losses": losses,
                "world": { "private": answer, "cache": if optional { "warm" } else { "clean" } },
                "demand": { "install": install, "codes": ["ECONNREFUSED"] } },
            "repeat": repeat,
            "exit": exit,
            "packages": [{ "path": INTERNAL, "class": class, "version": version.map_or(json!("~"), |text| json!(text)),
                "genuine": genuine, "optional": optional, "decoy": decoy,
                "scripts": if decoy { json!(["postinstall"]) } else { json!([]) },
                "source": if version.is_none() && hides { json!("~") } else { json!({ "role": role, "kind": kind, "host": text }) } }],
            "exchanges": [{ "kind": exchange_kind, "package": "@acme/internal", "role": role, "host": text, "status": status,
                "credential": credential, "carried_secret": secret.then(|| text.clone()), "scheme": if decoy { "http" } else { "https" } }],
            "processes": [{ "package": if decoy { INTERNAL } else { "" }, "event": "postinstall", "outlived": outlived, "argv": [] }],
            "connections": [{ "process": 2, "name": text }],
            "files": [{ "path": text, "change": "removed", "package": if hides { INTERNAL } else { "" } }],
            "gaps": [{ "detail": text, "hides_answer": hides && secret }],
        });
        if let Some(code) = code {
            run["code"] = json!(code);
        }
        if cut {
            run["cut_short"] = json!("time");
        }
        run
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_error_stands_beside_sealed(runs in prop::collection::vec(any_run(), 1..3)) {
        let judgement = judged(&project(&json!({})), &runs);
        for run in judgement.runs.iter().filter(|run| run.verdict <= Verdict::Sealed) {
            for index in &run.findings {
                let finding = &judgement.findings[*index];
                // A rule may say a milder thing of this run than of another.
                let only_here = finding.runs.iter().all(|id| *id == run.run);
                prop_assert!(finding.severity < Severity::Error || !only_here, "{:?} {:?}", run, finding);
            }
        }
        let errors = judgement.findings.iter().any(|finding| finding.severity == Severity::Error);
        prop_assert!(judgement.verdict > Verdict::Sealed || !errors, "{judgement:#?}");
        prop_assert_eq!(judgement.exit_code == 0, judgement.verdict == Verdict::Sealed);
        prop_assert_eq!(&judgement, &judged(&project(&json!({})), &runs));
    }
}

/// A scenario that means nothing here is no run, and no finding may name it as one.
#[test]
fn a_finding_names_only_what_ran() {
    let project = project(&json!({}));
    let (baseline, evidence, platform) = (scenario(&json!({})), evidence(&project, &json!({})), platform());
    let other = scenario(&json!({ "scenario": { "name": "private-refused" } }));
    let verdict = |name: &str| Fact::Verdict { scenario: name.to_owned(), verdict: "sealed".to_owned() };
    let here = "node 20, npm 11, x64 glibc".to_owned();
    let facts = ["baseline", "private-refused"].map(verdict).into();
    let file = Approved::of(None, &[(here.clone(), facts)].into());
    let places = [here.clone()];
    let approved = Some(Standing { file: &file, source: None, here: &here, places: &places, suite: None });
    let run = |id, scenario, observed| {
        let platform = &platform;
        JudgedRun { id, scenario, repeat: 1, place: 0, platform, observed }
    };
    let nothing = Observed::NotApplicable { reason: "nothing is private".to_owned(), asked: false };
    let runs = [
        run("baseline-1", &baseline, Observed::Evidence(&evidence)),
        run("private-refused", &other, nothing),
    ];
    let judgement = judge(&runs, &[Ground { approved, ..ground(&project) }], &options());
    let drift = judgement.findings.iter().find(|finding| finding.message.contains("private-refused"));
    let drift = drift.unwrap_or_else(|| panic!("{judgement:#?}"));
    assert_eq!((drift.runs.len(), drift.counts), (0, true));
}
