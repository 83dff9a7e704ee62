//! What one run hands on to another: npm's cache, in which a script may have put
//! anything.

use crate::escape::rig::{attack, evil};

#[test]
fn links_in_a_cache_that_is_handed_on_lead_nowhere() {
    let own = tempfile::tempdir().unwrap();
    let victim = own.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("secret"), "of the host").unwrap();
    let script = include_str!("../../fixtures/escape/cache.js").replace("{victim}", victim.to_str().unwrap());
    let attacked = attack(&evil(&script), &["--scenario", "warm-cache-private-down"], |project| project);
    for scenario in ["baseline", "warm-cache-private-down"] {
        attacked.all_failed(scenario, 15);
    }
    assert!(!attacked.outcome.report.to_string().contains("of the host"));
    let left: Vec<_> = std::fs::read_dir(&victim).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["secret"]);
    assert_eq!(std::fs::read_to_string(victim.join("secret")).unwrap(), "of the host");
}
