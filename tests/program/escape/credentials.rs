//! The user's token: no request that a script can make is ever made with it, and
//! none that changes anything is passed on. Where the registry is on this machine, no request of
//! a script comes through at all.

use crate::escape::rig::{REAL, attack, evil};

#[test]
fn no_request_of_a_script_is_made_with_the_real_token() {
    let script = include_str!("../../fixtures/escape/credentials.js");
    let attacked = attack(&evil(script), &["--scenario", "baseline"], |project| project);
    attacked.all_failed("baseline", 20);
    attacked.token_was_kept();
    // Two of npm's own: the second is asked by the `npm` that the script started.
    let real = attacked.seen.iter().filter(|(_, held)| held.contains(REAL)).count();
    let own = attacked.run("baseline")["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|exchange| exchange["credential"] == "own" && exchange["process"] == 1)
        .count();
    assert_eq!(real, own, "{:#?}", attacked.seen);
    assert!(!attacked.seen.iter().any(|(line, _)| line.contains("by-script")), "{:#?}", attacked.seen);
    // They were made, and are told.
    let exchanges = attacked.run("baseline")["exchanges"].as_array().unwrap();
    let faults = exchanges.iter().filter(|exchange| exchange["fault"] == "internal-address");
    assert!(faults.count() >= 3, "{exchanges:#?}");
    attacked.found(&["credential-to-foreign-host", "secret-exfiltrated", "script-egress"]);
    assert_eq!(attacked.outcome.report["verdict"], "leaked");
    assert_eq!(attacked.outcome.status, Some(1));
}
