//! The digest of what a result depends on: each kind of input changes it, and nothing else
//! does.

use super::Place;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// What is handed in beside the files.
#[derive(Default, Clone)]
struct Around {
    words: Vec<&'static str>,
    variables: Vec<(&'static str, String)>,
}

/// Nothing is installed twice for it: the baseline with the control.
fn digest(place: &Place, around: &Around) -> String {
    let base = ["test", "app", "--report", "json=report.json", "--timeout", "2m"];
    let choice = ["--scenario", "baseline"];
    let words = [&base[..], &choice, &around.words].concat();
    let variables: Vec<(&str, &str)> =
        around.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let told = place.run_with(&words, &variables);
    assert!(matches!(told.status, Some(0 | 1 | 3)), "{told:?}");
    place.json("report.json")["subject"]["inputs_sha512"].as_str().unwrap().to_owned()
}

/// A sealed shop with a token, a policy, a link, a script and something that git would
/// not track, all of which count.
fn prepared() -> (Place, Around) {
    let place = Place::with(&["app"]);
    place.write("app/src/index.js", "1");
    symlink("src", place.path("app/link")).unwrap();
    let npmrc = place.read("app/.npmrc");
    place.write("app/.npmrc", &format!("{npmrc}//npm.shop.example/:_authToken=${{SHOP_TOKEN}}\n"));
    place.write("policy.toml", "");
    place.write("served/public/free/package.json", r#"{"name": "free", "version": "1.0.0"}"#);
    let words = vec!["--policy", "policy.toml"];
    (place, Around { words, variables: vec![("SHOP_TOKEN", "one-token-of-a-user".to_owned())] })
}

type Change = fn(&Place, &mut Around);

#[test]
fn each_kind_of_input_alone_changes_it() {
    let changes: &[(&str, Change)] = &[
        ("a file", |place, _| place.write("app/src/index.js", "2")),
        ("a file more", |place, _| place.write("app/src/more.js", "")),
        ("what may be executed", |place, _| {
            fs::set_permissions(place.path("app/src/index.js"), PermissionsExt::from_mode(0o755)).unwrap();
        }),
        ("where a link leads", |place, _| {
            fs::remove_file(place.path("app/link")).unwrap();
            symlink("registry", place.path("app/link")).unwrap();
        }),
        ("the lockfile", |place, _| {
            let text = place.read("app/package-lock.json");
            place.write("app/package-lock.json", &format!("{text}\n"));
        }),
        ("the project's npmrc", |place, _| {
            let text = place.read("app/.npmrc");
            place.write("app/.npmrc", &format!("{text}fund=false\n"));
        }),
        ("whom a token is for", |place, _| {
            let text =
                place.read("app/.npmrc").replace("//npm.shop.example/:_auth", "//npm.other.example/:_auth");
            place.write("app/.npmrc", &text);
        }),
        ("whether a token is there", |_, around| around.variables.clear()),
        ("the user's npmrc", |place, _| {
            fs::write(place.home.path().join(".npmrc"), "fund=false\n").unwrap();
        }),
        ("a variable of npm's", |_, around| {
            around.variables.push(("npm_config_fund", "false".to_owned()));
        }),
        ("a proxy", |_, around| {
            around.variables.push(("HTTPS_PROXY", "http://127.0.0.1:9".to_owned()));
        }),
        ("the policy", |place, _| place.write("policy.toml", "[trust]\nhosts = [\"cdn.example\"]\n")),
        ("a package that is served", |place, _| {
            place.write("app/registry/public/slug/index.js", "other\n");
        }),
        ("what is accepted", |place, _| {
            let text = place.read("app/sealcheck.toml");
            let accepted = "[[accepted]]\nrule = \"thin-margin\"\nreason = \"known\"\n";
            place.write("app/sealcheck.toml", &format!("{text}\n{accepted}"));
        }),
        ("which scenarios run", |_, around| around.words.extend(["--scenario", "public-decoy"])),
        ("how often", |_, around| around.words.extend(["--repeat", "2"])),
        ("what fails it", |_, around| around.words.extend(["--fail-on", "note"])),
    ];
    let (place, around) = prepared();
    let mut known = vec![("nothing", digest(&place, &around))];
    for (what, change) in changes {
        let (place, mut around) = prepared();
        change(&place, &mut around);
        let fresh = digest(&place, &around);
        for (other, before) in &known {
            assert_ne!(before, &fresh, "{what} is taken for {other}");
        }
        known.push((what, fresh));
    }
}

#[test]
fn nothing_else_does() {
    let changes: &[(&str, Change)] = &[
        ("where it lies", |_, _| {}),
        ("a token's value", |_, around| around.variables[0].1 = "another-token-of-a-user".to_owned()),
        ("how it is shown", |_, around| around.words.extend(["--progress", "none", "--jobs", "1"])),
        ("what is installed there", |place, _| place.write("app/node_modules/x/index.js", "")),
        ("the times of files", |place, _| {
            let file = fs::File::open(place.path("app/package.json")).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
    ];
    let (place, around) = prepared();
    let before = digest(&place, &around);
    for (what, change) in changes {
        let (place, mut around) = prepared();
        change(&place, &mut around);
        assert_eq!(digest(&place, &around), before, "{what}");
    }
}

#[test]
fn the_accepted_baseline_counts_too() {
    let (place, around) = prepared();
    let words = ["accept", "app", "--policy", "policy.toml", "--scenario", "baseline"];
    let told = place.run_with(&words, &[("SHOP_TOKEN", "one-token-of-a-user")]);
    assert_eq!(told.status, Some(0), "{told:?}");
    let before = digest(&place, &around);
    let text = place.read("app/sealcheck.lock.json");
    place.write("app/sealcheck.lock.json", &format!("{text}\n"));
    assert_ne!(digest(&place, &around), before);
}
