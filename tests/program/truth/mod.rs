//! The ways in which npm's installs go wrong without a word, each told by a project in
//! that state and by its sound counterpart, with every npm that differs: whether the
//! program says of each what npm really does.
//!
//! The cases are numbered as in the table of silent fallbacks in docs. Both registries
//! are folders, so that only the toolchains come from a network, once. In containers
//! each npm is an image's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "what a test prepares is its own; it has no callers outside its own crate"
)]

pub mod projects;
pub mod redirecting;
mod table;

use crate::support;
use crate::support::npm::lacks_public_registry;
use crate::support::project::{Builder, Outcome};
use crate::support::toolchain;
use projects::{
    AT_PUBLIC, SCOPED, UNSCOPED, UNSCOPED_AT_PUBLIC, bare, by_default, by_sha1, leading_to, optional,
    optional_and_elsewhere, redirected, scoped, tarball, unhashed, unmapped, unresolved,
};
use redirecting::{Leads, Redirecting};
use sealcheck::finding::{RULES, Verdict};
use serde_json::Value;
use std::fmt::Write as _;
use table::{
    BROKEN, Case, FALLBACK, FALLBACK_AND_CODE, LEAKED, Npm, Row, SEALED, broken, but_twelve, every, exposed,
    leaked, sealed,
};

/// Tries the cases with every npm and tells all that is not as it should be at once.
fn hold(test: &str, cases: Vec<Case>) {
    if let Some(lack) = lacks_public_registry() {
        support::skip(&format!("truth::{test}"), lack);
        return;
    }
    let mut wrong = String::new();
    for (number, case) in cases.into_iter().enumerate() {
        let project = case.project.build();
        for (column, toolchain) in toolchain::in_turn(number) {
            let npm = Npm::ALL[column];
            let mut arguments = vec!["--toolchain", toolchain];
            for row in &case.rows {
                arguments.extend(["--scenario", row.scenario]);
            }
            let outcome = project.test(&arguments);
            let complaints = complaints(&outcome, &case.rows, case.report[column], column, npm);
            if !complaints.is_empty() {
                let _ =
                    writeln!(wrong, "{}, npm {}:\n{complaints}{}", case.name, npm.major(), outcome.stderr);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn complaints(outcome: &Outcome, rows: &[Row], report: (&str, i32), column: usize, npm: Npm) -> String {
    let mut wrong = String::new();
    let mut expect = |what: &str, expected: &str, found: &str| {
        if expected != found {
            let _ = writeln!(wrong, "  {what}: expected {expected}, found {found}");
        }
    };
    expect("exit code", &report.1.to_string(), &format!("{}", outcome.status.unwrap_or(-1)));
    expect("verdict", report.0, outcome.report["verdict"].as_str().unwrap_or("no report"));
    // The trap is live with every npm: else no other answer is worth anything.
    expect(
        "control",
        "leaked",
        &run(outcome, "control").map_or_else(String::new, |run| text(&run["verdict"])),
    );
    for row in rows {
        let Some(run) = run(outcome, row.scenario) else {
            expect(row.scenario, "a run", "none");
            continue;
        };
        expect("npm's version", npm.major(), text(&run["toolchain"]["npm"]).split('.').next().unwrap());
        let told = row.told[column];
        expect(row.scenario, &line(told.verdict, told.npm, told.rules.iter().copied()), &found(outcome, run));
    }
    if report.0 == "sealed" {
        let errors = outcome.report["findings"].as_array().into_iter().flatten().filter(|finding| {
            finding["counts"] == true && matches!(finding["severity"].as_str(), Some("error"))
        });
        for error in errors {
            expect("errors", "none", &format!("{}: {}", text(&error["rule"]), text(&error["message"])));
        }
    }
    wrong
}

fn run<'a>(outcome: &'a Outcome, scenario: &str) -> Option<&'a Value> {
    outcome.report["runs"].as_array()?.iter().find(|run| run["scenario"] == scenario)
}

fn found(outcome: &Outcome, run: &Value) -> String {
    let code = run["npm_error"]["code"].as_str().map_or_else(|| run["exit_code"].to_string(), str::to_owned);
    let indices = run["findings"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    let mut rules: Vec<&str> = indices
        .filter_map(|index| outcome.report["findings"][usize::try_from(index).ok()?]["rule"].as_str())
        .filter(|name| RULES.iter().any(|rule| rule.name == *name && rule.forces > Verdict::Unobserved))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    line(run["verdict"].as_str().unwrap_or_default(), &code, rules.into_iter())
}

fn line<'a>(verdict: &str, npm: &str, rules: impl Iterator<Item = &'a str>) -> String {
    format!("{verdict}, npm {npm}, {:?}", rules.collect::<Vec<_>>())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn s1_neither_resolved_nor_integrity_nor_mapping() {
    let fallback =
        || vec![but_twelve("private-mapping-removed", leaked(FALLBACK_AND_CODE), leaked(FALLBACK))];
    let case = |name, version| Case {
        name,
        project: scoped().lockfile_version(version).locked(SCOPED, bare),
        rows: fallback(),
        report: LEAKED,
    };
    hold(
        "s1",
        vec![
            case("S1", 3),
            case("S1 with a lockfile of version 2", 2),
            Case {
                name: "S1, sound",
                project: scoped(),
                rows: vec![but_twelve("private-mapping-removed", sealed("0"), sealed("EALLOWREMOTE"))],
                report: SEALED,
            },
        ],
    );
}

/// A lockfile that pins the bytes at the public registry says that they are public; the owner's
/// list says that the name is not.
fn listed() -> Builder {
    scoped().settings("private = [\"@acme/*\"]")
}

#[test]
fn s2_a_poisoned_resolved_although_the_scope_is_mapped() {
    let refused = broken("EALLOWREMOTE", &["install-failed"]);
    hold(
        "s2",
        vec![
            Case {
                name: "S2",
                project: scoped().locked(SCOPED, leading_to(AT_PUBLIC, false)),
                rows: vec![but_twelve("public-decoy", leaked(FALLBACK_AND_CODE), refused)],
                report: [("leaked", 1), ("leaked", 1), ("broken", 1)],
            },
            Case {
                name: "S2, but the genuine bytes pinned",
                project: listed().locked(SCOPED, leading_to(AT_PUBLIC, true)),
                rows: vec![but_twelve(
                    "public-decoy",
                    exposed(
                        "EINTEGRITY",
                        &["install-failed", "integrity-only-defence", "private-name-requested"],
                    ),
                    refused,
                )],
                report: [("exposed", 1), ("exposed", 1), ("broken", 1)],
            },
            Case {
                name: "S2, sound",
                project: scoped(),
                rows: vec![every("public-decoy", sealed("0"))],
                report: SEALED,
            },
        ],
    );
}

#[test]
fn s2_a_lockfile_that_pins_the_strangers_bytes_too() {
    let name = "s2_pinned";
    if let Some(lack) = lacks_public_registry() {
        support::skip(&format!("truth::{name}"), lack);
        return;
    }
    // The decoy is the same bytes each time, so a first run tells the hash to poison with.
    let first = scoped().locked(SCOPED, leading_to(AT_PUBLIC, false)).build();
    let outcome = first.test(&["--toolchain", Npm::Eleven.toolchain(), "--scenario", "public-decoy"]);
    let decoys = run(&outcome, "public-decoy").unwrap()["decoys"].as_array().unwrap().clone();
    let sha512 = text(&decoys.iter().find(|decoy| decoy["version"] == "1.0.0").unwrap()["sha512"]);
    assert!(sha512.starts_with("sha512-"), "{sha512}");
    hold(
        name,
        vec![Case {
            name: "S2 with the stranger's hash",
            project: listed().locked(SCOPED, move |entry| {
                leading_to(AT_PUBLIC, false)(entry);
                entry.integrity = Some(sha512);
            }),
            rows: vec![but_twelve(
                "public-decoy",
                leaked(FALLBACK_AND_CODE),
                broken("EALLOWREMOTE", &["install-failed"]),
            )],
            report: [("leaked", 1), ("leaked", 1), ("broken", 1)],
        }],
    );
}

#[test]
fn s3_a_poisoned_resolved_and_no_mapping() {
    hold(
        "s3",
        vec![
            Case {
                name: "S3, unscoped",
                project: unmapped().locked(UNSCOPED, leading_to(UNSCOPED_AT_PUBLIC, false)),
                rows: vec![but_twelve("public-decoy", leaked(FALLBACK_AND_CODE), leaked(FALLBACK))],
                report: LEAKED,
            },
            Case {
                name: "S3, the mapping lost",
                project: scoped().locked(SCOPED, leading_to(AT_PUBLIC, false)),
                rows: vec![but_twelve(
                    "private-mapping-removed",
                    leaked(FALLBACK_AND_CODE),
                    leaked(FALLBACK),
                )],
                report: LEAKED,
            },
            Case {
                name: "S3, sound",
                project: by_default(),
                rows: vec![every("public-decoy", sealed("0"))],
                report: SEALED,
            },
        ],
    );
}

#[test]
fn s4_sha1_alone_without_resolved() {
    let leaks = || vec![but_twelve("private-mapping-removed", leaked(FALLBACK_AND_CODE), leaked(FALLBACK))];
    let case = |name, version| Case {
        name,
        project: scoped().lockfile_version(version).locked(SCOPED, |entry| {
            by_sha1(SCOPED)(entry);
            unresolved(entry);
        }),
        rows: leaks(),
        report: LEAKED,
    };
    hold(
        "s4",
        vec![
            case("S4", 3),
            case("S4 with a lockfile of version 2", 2),
            case("S4 with a lockfile of version 1", 1),
            Case {
                name: "S4, but sha512",
                project: scoped().locked(SCOPED, unresolved),
                rows: vec![every(
                    "private-mapping-removed",
                    exposed("EINTEGRITY", &["integrity-only-defence", "private-name-requested"]),
                )],
                report: SEALED,
            },
            Case {
                name: "S4, but resolved",
                project: scoped().locked(SCOPED, by_sha1(SCOPED)),
                rows: vec![
                    but_twelve("private-mapping-removed", sealed("0"), sealed("EALLOWREMOTE")),
                    every("tampered-tarball", sealed("EINTEGRITY")),
                ],
                report: SEALED,
            },
        ],
    );
}

#[test]
fn s7_a_variable_over_the_projects_registry() {
    let leaks = || vec![but_twelve("registry-overridden", leaked(FALLBACK_AND_CODE), leaked(FALLBACK))];
    hold(
        "s7",
        vec![
            Case { name: "S7", project: by_default().locked(UNSCOPED, bare), rows: leaks(), report: LEAKED },
            Case {
                name: "S7, resolved at the public host, which npm rewrites",
                project: by_default().locked(UNSCOPED, leading_to(UNSCOPED_AT_PUBLIC, false)),
                rows: leaks(),
                report: LEAKED,
            },
            Case {
                name: "S7, sound",
                project: by_default(),
                rows: vec![but_twelve("registry-overridden", sealed("0"), sealed("EALLOWREMOTE"))],
                report: SEALED,
            },
            Case {
                name: "S7, sound by a scope of its own",
                project: scoped().locked(SCOPED, bare),
                rows: vec![every("registry-overridden", sealed("0"))],
                report: SEALED,
            },
        ],
    );
}

#[test]
fn s9_its_own_registry_serves_other_bytes() {
    hold(
        "s9",
        vec![
            Case {
                name: "S9",
                project: scoped().locked(SCOPED, unhashed),
                rows: vec![every("tampered-tarball", leaked(&["tampered-bytes-installed"]))],
                report: LEAKED,
            },
            Case {
                name: "S9, nothing pinned, so that npm asks the packument",
                project: scoped().locked(SCOPED, bare),
                rows: vec![every("tampered-tarball", sealed("EINTEGRITY"))],
                report: SEALED,
            },
            Case {
                name: "S9, sound",
                project: scoped(),
                rows: vec![every("tampered-tarball", sealed("EINTEGRITY"))],
                report: SEALED,
            },
        ],
    );
}

#[test]
fn s9_its_own_registry_redirects() {
    let (public, blobs) =
        (Redirecting::start(Leads::Public, Vec::new()), Redirecting::start(Leads::Blobs, tarball()));
    hold(
        "s9_redirects",
        vec![
            Case {
                name: "S9, redirected to the public registry",
                project: redirected(&public).locked(SCOPED, unhashed),
                rows: vec![but_twelve("public-decoy", leaked(FALLBACK_AND_CODE), leaked(FALLBACK))],
                report: LEAKED,
            },
            Case {
                name: "S9, redirected to the public registry, but pinned",
                project: redirected(&public),
                rows: vec![every(
                    "public-decoy",
                    exposed(
                        "EINTEGRITY",
                        &["install-failed", "integrity-only-defence", "private-name-requested"],
                    ),
                )],
                report: [("exposed", 1); 3],
            },
            Case {
                name: "S9, redirected to a host whose bytes nothing vouches for",
                project: redirected(&blobs).locked(SCOPED, unhashed),
                rows: vec![but_twelve(
                    "baseline",
                    leaked(&["foreign-code-executed", "silent-fallback"]),
                    leaked(&["silent-fallback"]),
                )],
                report: LEAKED,
            },
            Case {
                name: "S9, redirected to a host, sound",
                project: redirected(&blobs),
                rows: vec![every("baseline", sealed("0"))],
                report: SEALED,
            },
        ],
    );
}

#[test]
fn s10_an_optional_package_vanishes_with_its_registry() {
    // An install that must fail exited 0, and the tree is not the lockfile's.
    let vanished = broken("0", &["incomplete-install"]);
    hold(
        "s10",
        vec![
            Case {
                name: "S10",
                project: optional(),
                rows: vec![
                    every("public-decoy", sealed("0")),
                    every("private-refused", vanished),
                    every("private-not-found", vanished),
                ],
                report: BROKEN,
            },
            Case {
                name: "S10, sound",
                project: scoped(),
                rows: vec![
                    every("private-refused", sealed("ECONNREFUSED")),
                    every("private-not-found", sealed("E404")),
                ],
                report: SEALED,
            },
        ],
    );
}

#[test]
fn s10_a_package_for_another_platform_has_not_vanished() {
    if let Some(lack) = lacks_public_registry() {
        support::skip("truth::s10_platform", lack);
        return;
    }
    let project = optional_and_elsewhere().build();
    for npm in Npm::ALL {
        let outcome = project.test(&["--toolchain", npm.toolchain(), "--scenario", "private-refused"]);
        let findings = outcome.report["findings"].as_array().unwrap();
        let vanished: Vec<&Value> =
            findings.iter().filter(|finding| finding["rule"] == "incomplete-install").collect();
        let [finding] = vanished.as_slice() else { panic!("npm {}: {vanished:#?}", npm.major()) };
        assert_eq!(finding["package"], SCOPED);
        assert_eq!(finding["runs"], serde_json::json!(["private-refused-1"]));
    }
}

#[test]
fn s16_resolved_is_not_a_url() {
    hold(
        "s16",
        vec![
            Case {
                name: "S16",
                project: scoped().locked(SCOPED, leading_to("not a url", true)),
                rows: vec![every("baseline", broken("0", &["incomplete-install"]))],
                report: BROKEN,
            },
            Case {
                name: "S16, sound",
                project: scoped(),
                rows: vec![every("baseline", sealed("0"))],
                report: SEALED,
            },
        ],
    );
}
