//! What of the user's credentials a plan lets into a sandbox: nothing.

use super::sample::{self, PRIVATE, REAL_TOKEN, sound, sound_lock, url};
use super::tests::{changed, changed_paths, options, run};
use super::*;
use crate::project::settings::RegistryEntry;
use crate::text::Source;
use serde_json::{Value, json};

#[test]
fn no_real_credential_enters_a_sandbox() {
    let basic = "dXNlcjpodW50ZXIyaHVudGVyMg==";
    let user = format!(
        "//npm.acme.example/npm/:_authToken={REAL_TOKEN}\n# //old/:_authToken={REAL_TOKEN}\n\
         //mirror.example/:_auth={basic}\n//mirror.example/:username=bob\n//pw.example/:_password=aHVudGVyMg==\n\
         https-proxy=http://bob:{REAL_TOKEN}@proxy.example:3128\ncafile=/etc/corp.pem\n"
    );
    let project = sample::project(
        &[
            (Level::User, &user),
            (
                Level::Project,
                "@acme:registry=https://${HOST}/npm/\n//npm.acme.example/npm/:_authToken=${NPM_TOKEN}\n",
            ),
            (Level::Env, &format!("//env.example/:_authToken={REAL_TOKEN}\n")),
        ],
        &sound_lock(),
    );
    let plan = plan(&project, &options(&[])).unwrap();
    for run in &plan.runs {
        let mut all: Vec<String> = run.env.values().cloned().collect();
        all.extend(run.npmrc.values().map(|bytes| String::from_utf8(bytes.clone()).unwrap()));
        all.extend(
            run.changes
                .iter()
                .flat_map(|(_, bytes)| bytes)
                .map(|bytes| String::from_utf8_lossy(bytes).into()),
        );
        for text in &all {
            assert!(
                !text.contains("hunter2") && !text.contains(basic) && !text.contains("aHVudGVyMg"),
                "{text}"
            );
        }
        assert!(!format!("{run:?}").contains("hunter2"));
    }
    let run = &plan.runs[0];
    let labels: Vec<(&str, Option<&str>, bool)> = run
        .world
        .planted
        .iter()
        .map(|one| (one.label.as_str(), one.nerf_dart.as_deref(), one.real.is_some()))
        .collect();
    assert_eq!(
        labels,
        [
            ("https-proxy", None, true),
            ("//env.example/:_authToken", Some("//env.example/"), true),
            ("//mirror.example/:_auth", Some("//mirror.example/"), true),
            ("//npm.acme.example/npm/:_authToken", Some("//npm.acme.example/npm/"), true),
            ("NPM_TOKEN", Some("//npm.acme.example/npm/"), true),
            ("//pw.example/:_password", Some("//pw.example/"), true),
        ]
    );
    let token = &run.world.planted[4].value;
    assert_eq!(&run.env["NPM_TOKEN"], token);
    assert!(token.starts_with("npm_") && token.len() == 40, "{token}");
    let user = String::from_utf8(run.npmrc[&Level::User].clone()).unwrap();
    assert!(user.contains("//mirror.example/:username=bob\n"));
    assert!(
        user.contains(&format!(
            "https-proxy=http://bob:{}@proxy.example:3128/\n",
            run.world.planted[0].value
        ))
    );
    assert!(!user.contains("cafile"));
    assert!(run.notes.iter().any(|note| note.contains("cafile")), "{:?}", run.notes);
    assert_eq!(changed(run, ".npmrc").lines().next(), Some("@acme:registry=https://npm.acme.example/npm/"));
    assert!(run.world.ports.contains(&3128));
}

#[test]
fn a_project_file_can_name_no_variable_of_the_callers_to_send_anywhere() {
    let theirs = (Level::Project, "//npm.acme.example/npm/:_authToken=${NPM_TOKEN}\n");
    let real = |npmrc: &[(Level, &str)]| {
        let world = run(&sample::project(npmrc, &sound_lock()), "baseline").world;
        let token = world.planted.into_iter().find(|one| one.label == "NPM_TOKEN").unwrap();
        token.real.map(|real| real.expose().to_owned())
    };
    assert_eq!(real(&[theirs]), None);
    let own = format!("//npm.acme.example/npm/:_authToken={REAL_TOKEN}");
    assert_eq!(real(&[(Level::User, &own), theirs]).as_deref(), Some(REAL_TOKEN));
    let elsewhere = format!("//evil.example/:_authToken={REAL_TOKEN}");
    assert_eq!(real(&[(Level::User, &elsewhere), theirs]), None);
    assert_eq!(real(&[(Level::User, theirs.1)]).as_deref(), Some(REAL_TOKEN));
}

#[test]
fn passwords_in_urls_and_in_install_env_are_planted_too() {
    let mut lock = sound_lock();
    lock["packages"]["node_modules/@acme/log"]["resolved"] =
        json!("https://ci:hunter2hunter2@npm.acme.example/npm/@acme/log/-/log-0.4.0.tgz");
    let npmrc = [(Level::Project, "registry=https://ci:hunter2hunter3@npm.acme.example/npm/\n")];
    let mut project = sample::project(&npmrc, &lock);
    project.settings.install.env = BTreeMap::from([
        ("NPM_CONFIG_//x.example/:_authToken".into(), REAL_TOKEN.into()),
        ("npm_config_https_proxy".into(), "http://bob:hunter2hunter2@proxy.example:3128/".into()),
    ]);
    let run = run(&project, "baseline");
    assert_eq!(changed_paths(&run), [".npmrc", "package-lock.json"]);
    let text = format!("{} {} {:?}", changed(&run, ".npmrc"), changed(&run, "package-lock.json"), run.env);
    assert!(!text.contains("hunter2"), "{text}");
    assert!(run.env["npm_config_//x.example/:_authToken"].starts_with("npm_"));
    assert!(run.env["npm_config_https_proxy"].starts_with("http://bob:npm_"));
    let planted: Vec<(&str, Option<&str>, &str)> = run
        .world
        .planted
        .iter()
        .map(|one| (one.label.as_str(), one.nerf_dart.as_deref(), one.key.as_str()))
        .collect();
    assert_eq!(
        planted,
        [
            ("https-proxy", None, "https-proxy"),
            ("resolved of npm.acme.example", Some("//npm.acme.example/"), "_auth"),
            ("registry", Some("//npm.acme.example/npm/"), "_auth"),
            ("//x.example/:_authToken", Some("//x.example/"), "_authToken"),
        ]
    );
    let before = lock["packages"]["node_modules/left-pad"].clone();
    let after: Value = serde_json::from_str(changed(&run, "package-lock.json")).unwrap();
    assert_eq!(after["packages"]["node_modules/left-pad"], before);
}

#[test]
fn an_unset_token_is_planted_without_a_real_one_and_so_is_one_of_a_served_registry() {
    let unset = [(Level::Project, "//npm.acme.example/npm/:_authToken=${UNSET}\n")];
    let world = run(&sample::project(&unset, &sound_lock()), "baseline").world;
    assert_eq!((world.planted[0].label.as_str(), world.planted[0].real.is_some()), ("UNSET", false));
    let clear = "//npm.acme.example/npm/:_authToken=npm_hunter2hunter2";
    let mut project = sample::project(&[(Level::User, clear)], &sound_lock());
    assert!(run(&project, "baseline").world.planted[0].real.is_some());
    let place = Source::new("sealcheck.toml", "x").place(0..1);
    project.settings.registries.push(RegistryEntry {
        url: url(PRIVATE),
        also: vec![url("https://blobs.acme.example:8443/")],
        behind: None,
        behind_place: None,
        serve: Some("/srv/web/registry".into()),
        place,
    });
    let world = run(&project, "baseline").world;
    assert!(world.planted[0].real.is_none());
    assert_eq!(world.registries.len(), 1);
    assert_eq!(world.registries[0].serve.as_deref(), Some(std::path::Path::new("/srv/web/registry")));
    assert!(world.ports.contains(&8443));
}

#[test]
fn another_seed_gives_other_tokens_and_the_same_seed_the_same_plan() {
    let project = sound();
    let value = |seed: &str| {
        let mut options = options(&["baseline"]);
        options.seed = Secret::new("seed", seed);
        plan(&project, &options).unwrap().runs[0].world.planted[0].value.clone()
    };
    assert_ne!(value("one"), value("two"));
    assert_eq!(value("one"), value("one"));
}
