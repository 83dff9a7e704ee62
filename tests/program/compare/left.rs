//! What lay in `node_modules` when an environment was captured, and is not the lockfile's.

use super::pair::{Pair, Side};
use crate::support::npm;
use crate::support::package::Package;
use crate::support::project::Project;
use crate::support::skip;

#[test]
fn what_an_earlier_install_left_is_told_without_a_run() {
    if let Some(lack) = npm::lacks_npm() {
        return skip("compare::what_an_earlier_install_left", &lack);
    }
    let project = Project::new()
        .dependency("slug", "2.0.0")
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("slug", "2.0.0"))
        })
        .settings("private = []")
        .build();
    let pair = Pair::of(project);
    pair.capture("b", &Side::default());
    // npm 7 and later write down beside it what they installed.
    let modules = pair.project.path().join("node_modules");
    std::fs::create_dir_all(&modules).unwrap();
    let hidden = |version: &str| {
        format!(
            r#"{{ "lockfileVersion": 3, "packages": {{ "node_modules/slug": {{ "version": "{version}" }} }} }}"#
        )
    };
    std::fs::write(modules.join(".package-lock.json"), hidden("1.9.0")).unwrap();
    pair.capture("a", &Side::default());
    let outcome = pair.compare(&[]);
    assert_eq!(outcome.status, Some(1), "{outcome:#?}");
    let told =
        "A did not run what its lockfile says: in its node_modules lay slug 1.9.0 (the lockfile has 2.0.0)";
    assert!(outcome.stdout.contains(told), "{outcome:#?}");
    assert!(outcome.stdout.starts_with("no difference: both environments install the same"), "{outcome:#?}");
    std::fs::write(modules.join(".package-lock.json"), hidden("2.0.0")).unwrap();
    pair.capture("a", &Side::default());
    let outcome = pair.compare(&[]);
    assert_eq!(outcome.status, Some(0), "{outcome:#?}");
    assert!(!outcome.stdout.contains("node_modules"), "{outcome:#?}");
}
