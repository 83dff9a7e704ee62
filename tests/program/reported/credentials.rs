//! Whose token npm sends where, and what the report says of it.

use crate::support::npm::skipped;
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};

const TOKEN: &str = "the-real-token-of-acme-0123456789";

fn internal() -> Package {
    Package::new("@acme/internal", "1.0.0")
}

/// A project behind a token, with a line of its own and the token in the user's npmrc.
fn shop(registry: &OwnRegistry, own: &str) -> Project {
    let published = registry.publish(&internal());
    let dart = registry.url.trim_start_matches("https:");
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc(&format!("@acme:registry={}\n{dart}:_authToken={own}", registry.url))
        .published(&internal(), &published)
        .build();
    std::fs::write(project.home().join(".npmrc"), format!("{dart}:_authToken={TOKEN}\n")).unwrap();
    project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
    project.set("SAME_AS_THE_USERS", TOKEN);
    project
}

fn came_to(outcome: &Outcome) -> String {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    let run = runs.iter().find(|run| run["scenario"] == "baseline").unwrap();
    let end = run["npm_error"]["code"].as_str().map_or_else(|| run["exit_code"].to_string(), str::to_owned);
    format!("{} {end}", run["verdict"].as_str().unwrap())
}

/// The project's key is the effective one, whatever it says. Plain npm tells what that comes to.
#[test]
fn the_users_token_is_not_used_where_the_projects_line_hides_it() {
    if skipped("reported::credentials::the_users_token_is_not_used_where_the_projects_line_hides_it") {
        return;
    }
    for (own, plain, told, because) in [
        (
            "${NOT_SET_AT_ALL}",
            false,
            "unobserved E401",
            "NOT_SET_AT_ALL is not set, and the line that names it",
        ),
        ("", false, "broken E401", "E401"),
        ("${NOT_SET_AT_ALL?}", false, "broken E401", "E401"),
        ("another-and-a-wrong-one", false, "broken E401", "E401"),
        ("${SAME_AS_THE_USERS}", true, "sealed 0", ""),
    ] {
        let registry = OwnRegistry::start(Manner { token: Some(TOKEN.to_owned()), ..Manner::default() });
        let project = shop(&registry, own);
        let installed = project.npm().arg("ci").output().unwrap().status.success();
        assert_eq!(installed, plain, "plain npm with `{own}`");
        let before = registry.heard().len();
        let outcome = project.test_once(&["--scenario", "baseline"]);
        let shown = format!("`{own}`\n{}\n{}", outcome.stdout, outcome.stderr);
        assert_eq!(came_to(&outcome), told, "{shown}");
        assert!(outcome.report["because"].as_str().unwrap().contains(because), "{shown}");
        let bearer = Some(format!("Bearer {TOKEN}"));
        let used = registry.heard()[before..].iter().any(|heard| heard.authorization == bearer);
        assert_eq!(used, plain, "{shown}");
    }
}

const OWN: &str = "https://npm.acme.example/npm/";

/// A secret on its way to the registry that it is for has not left: npm sends it as basic
/// authentication, and names the tarball's whole URL in a header of its own.
#[test]
fn a_credential_in_a_url_is_at_home_at_its_own_host_and_nowhere_else() {
    if skipped("reported::credentials::a_credential_in_a_url_is_at_home_at_its_own_host_and_nowhere_else") {
        return;
    }
    let names = ["@acme/pair", "@acme/token", "@acme/escaped", "@acme/plain"];
    let mut builder = Project::new()
        .npmrc("@acme:registry=https://ci:hunter2hunter2@npm.acme.example/npm/")
        .served_registry(OWN, "registry", |own| {
            names.iter().fold(own, |own, name| own.package(Package::new(name, "1.0.0")))
        });
    for name in names {
        builder = builder.dependency(name, "1.0.0");
    }
    for (name, userinfo) in [
        ("@acme/pair", "user:password-of-acme"),
        ("@acme/token", "token-of-acme-without-a-user"),
        ("@acme/escaped", "us%40er:p%2Fss%3Aword-of-acme"),
    ] {
        builder = builder.locked(name, move |entry| {
            entry.resolved =
                entry.resolved.as_ref().map(|url| url.replace("://", &format!("://{userinfo}@")));
        });
    }
    // Without a `resolved` the packument is asked for at the registry's own URL.
    let project = builder.locked("@acme/plain", |entry| entry.resolved = None).build();
    let outcome = project.test(&["--scenario", "baseline", "--scenario", "private-redirected-stranger"]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(came_to(&outcome), "sealed 0", "{shown}");
    let runs = outcome.report["runs"].as_array().unwrap();
    let baseline = runs.iter().find(|run| run["scenario"] == "baseline").unwrap();
    let exchanges = baseline["exchanges"].as_array().unwrap();
    let own: Vec<_> = exchanges.iter().filter(|exchange| exchange["credential"] == "own").collect();
    assert!(own.len() >= 4, "{exchanges:#?}");
    assert!(exchanges.iter().all(|exchange| exchange["carried_secret"].is_null()), "{exchanges:#?}");
    // The header goes on with a redirect, to whomever it leads: there it has left.
    let redirected = runs.iter().find(|run| run["scenario"] == "private-redirected-stranger").unwrap();
    let led: Vec<_> = redirected["exchanges"].as_array().unwrap().iter().collect();
    assert!(led.iter().any(|exchange| exchange["carried_secret"].is_string()), "{led:#?}");
}
