//! A captured environment is a stranger's file: what this machine knows goes only where
//! this machine's own configuration sends it.

use super::pair::{Pair, Side};
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::Package;
use crate::support::project::Project;
use crate::support::{npm, skip};
use serde_json::{Value, json};

const TOKEN: &str = "the-real-token-of-acme-0123456789";

fn internal() -> Package {
    Package::new("@acme/internal", "1.0.0")
}

/// The real token as the registry heard it.
fn told(registry: &OwnRegistry) -> usize {
    let heard = registry.heard();
    heard.iter().filter(|heard| heard.authorization.as_deref().is_some_and(|it| it.contains(TOKEN))).count()
}

#[test]
fn a_captured_file_that_names_a_token_gets_none_for_its_own_registry() {
    if let Some(lack) = npm::lacks_npm() {
        return skip("compare::stranger", &lack);
    }
    let own = OwnRegistry::start(Manner { token: Some(TOKEN.to_owned()), ..Manner::default() });
    let stranger = OwnRegistry::start(Manner::default());
    let published = own.publish(&internal());
    stranger.publish(&internal());
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc(&format!("@acme:registry={}", own.url))
        .published(&internal(), &published)
        .build();
    let trusted = tempfile::NamedTempFile::new().unwrap();
    let read = |registry: &OwnRegistry| std::fs::read_to_string(&registry.ca_bundle).unwrap();
    std::fs::write(trusted.path(), read(&own) + &read(&stranger)).unwrap();
    project.set("NODE_EXTRA_CA_CERTS", trusted.path().to_str().unwrap());
    project.set("NPM_TOKEN", TOKEN);
    let dart = |registry: &OwnRegistry| registry.url.trim_start_matches("https:").to_owned();
    let tie = format!("{}:_authToken=${{NPM_TOKEN}}\n", dart(&own));
    let pair = Pair::of(project);
    pair.capture("a", &Side { npmrc: &tie, ..Side::default() });
    for value in ["${NPM_TOKEN}", "[redacted:_authToken]", "x${NPM_TOKEN}y"] {
        let before = (told(&own), stranger.heard().len());
        pair.capture_and("b", &Side { npmrc: &tie, ..Side::default() }, |captured| {
            let written = |value: &str| json!([{ "value": value, "line": 1 }]);
            captured["npmrc"]["project"]["settings"]["@acme:registry"] = written(&stranger.url);
            captured["npmrc"]["user"]["settings"][format!("{}:_authToken", dart(&stranger))] = written(value);
            let lockfile = captured["project"]["lockfile"].as_str().unwrap().replace(&own.url, &stranger.url);
            captured["project"]["lockfile"] = Value::String(lockfile);
            captured["project"]["lockfile_sha512"] = json!("sha512-of-the-stranger");
            captured["variables"]["NPM_TOKEN"] = json!("[redacted:NPM_TOKEN]");
            captured["variables"][format!("npm_config_{}:_auth", dart(&stranger))] =
                json!("[redacted:_auth]");
        });
        std::fs::write(pair.project.home().join(".npmrc"), &tie).unwrap();
        let compared = pair.compare(&["--runs", "4"]);
        let shown = format!("{}\n{}", compared.stdout, compared.stderr);
        // Both were asked, and only the one that this machine logs in to was told the token.
        assert!(told(&own) > before.0, "{value}: {shown}");
        assert!(stranger.heard().len() > before.1, "{value}: {shown}");
        assert_eq!(told(&stranger), 0, "{value}: {:#?}", stranger.heard());
        assert!(shown.contains("was left out when the environment was captured"), "{value}: {shown}");
    }
}
