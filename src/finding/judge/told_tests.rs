//! By which run a fault is told that several show.

use crate::finding::fixture::{judged, project};
use serde_json::{Value, json};

fn asked(status: u16) -> Value {
    json!({ "kind": "packument", "package": "@acme/internal", "host": "registry.example", "role": "foreign",
        "status": status })
}

/// The message and the facts that stand first are of one run, and not of the trap's where
/// another shows it too.
#[test]
fn a_finding_is_told_by_the_run_whose_facts_stand_first() {
    let control = json!({ "name": "control", "control": true, "world": { "decoys": true },
        "losses": ["mapping", "lockfile"], "demand": { "install": "anyhow" } });
    let quiet = json!({ "name": "quiet", "demand": { "install": "anyhow" } });
    let of_trap = json!({ "scenario": control, "exchanges": [asked(200)] });
    let of_world = json!({ "scenario": quiet, "exchanges": [asked(404)] });
    let judgement = judged(&project(&json!({})), &[json!({}), of_trap, of_world]);
    let found = judgement.findings.iter().find(|finding| finding.rule == "private-name-requested").unwrap();
    assert!(found.message.contains("answered 404"), "{found:#?}");
    assert_eq!(found.evidence.first().map(|fact| fact.run.as_str()), Some("quiet-1"), "{found:#?}");
    assert_eq!(found.runs, ["control-1", "quiet-1"]);
}
