//! Plans of small projects.

use super::sample::{self, PRIVATE, PUBLIC, seed, sound, sound_lock, url};
use super::*;
use crate::project::Project;
use crate::project::class::Class;
use crate::project::npmrc::NpmVersion;
use crate::scenario::{Install, Loss, catalogue};
use crate::text::Source;
use serde_json::{Value, json};

/// What is planned here where no names are given: one that comes to the catalogue
/// later changes nothing in these tests.
const CORE: [&str; 13] = [
    "baseline",
    "control",
    "public-decoy",
    "private-mapping-removed",
    "registry-overridden",
    "lockfile-removed",
    "resolved-removed",
    "integrity-removed",
    "private-refused",
    "private-not-found",
    "tampered-tarball",
    "warm-cache-private-down",
    "scripts-disabled",
];

pub(super) fn options(names: &[&str]) -> PlanOptions {
    let names = if names.is_empty() { &CORE } else { names };
    let scenarios = catalogue::builtin()
        .iter()
        .filter(|scenario| names.contains(&scenario.name.as_str()))
        .cloned()
        .collect();
    PlanOptions { scenarios, repeat: 1, seed: seed(), npm: Some(NpmVersion(11, 19, 1)) }
}

pub(super) fn run(project: &Project, name: &str) -> RunSpec {
    let plan = plan(project, &options(&[name])).unwrap();
    assert_eq!(plan.not_applicable, []);
    plan.runs.into_iter().next().unwrap()
}

pub(super) fn reason(project: &Project, name: &str) -> String {
    let plan = plan(project, &options(&[name])).unwrap();
    assert!(plan.runs.is_empty(), "{name} applies");
    plan.not_applicable[0].1.clone()
}

pub(super) fn changed<'a>(run: &'a RunSpec, path: &str) -> &'a str {
    let bytes = run.changes.iter().find(|(name, _)| name == path).unwrap().1.as_deref().unwrap();
    std::str::from_utf8(bytes).unwrap()
}

pub(super) fn changed_paths(run: &RunSpec) -> Vec<&str> {
    run.changes.iter().map(|(path, _)| path.as_str()).collect()
}

pub(super) fn answer_of(run: &RunSpec, registry: &str) -> Answer {
    run.world.registries.iter().find(|one| one.url == url(registry)).unwrap().answer
}

fn decoys(run: &RunSpec) -> Vec<String> {
    run.world.decoys.iter().map(|one| format!("{}@{} {}", one.name, one.version, one.higher)).collect()
}

const BOTH_DECOYS: [&str; 2] = ["@acme/internal@1.2.3 99.0.0", "@acme/log@0.4.0 98.0.0"];

#[test]
fn baseline_changes_nothing_and_offers_nothing() {
    let run = run(&sound(), "baseline");
    assert_eq!(run.command, ["npm", "ci"]);
    assert_eq!(changed_paths(&run), [""; 0]);
    assert!(run.world.decoys.is_empty() && run.world.tamper.is_none());
    assert_eq!(answer_of(&run, PRIVATE), Answer::Genuine);
    assert_eq!(run.notes, ["update-notifier=false"]);
}

#[test]
fn control_takes_mapping_resolved_and_integrity_of_private_packages() {
    let run = run(&sound(), "control");
    assert!(!changed(&run, ".npmrc").contains("@acme:registry"));
    let mut lock = sound_lock();
    for name in ["@acme/internal", "@acme/log"] {
        let entry = lock["packages"][format!("node_modules/{name}")].as_object_mut().unwrap();
        entry.retain(|key, _| key == "version");
    }
    assert_eq!(changed(&run, "package-lock.json"), format!("{lock:#}\n"));
    assert_eq!(changed_paths(&run), [".npmrc", "package-lock.json"]);
    assert_eq!(decoys(&run), BOTH_DECOYS);
    assert_eq!(run.env["npm_config_allow_remote"], "all");
    assert_eq!(run.command, ["npm", "ci"]);
}

#[test]
fn control_of_a_workspace_makes_its_members_dependencies_from_a_registry() {
    let run = run(&sample::workspace(), "control");
    let lock: Value = serde_json::from_str(changed(&run, "package-lock.json")).unwrap();
    assert_eq!(lock["packages"]["node_modules/@web/ui"], json!({"version": "2.1.0"}));
    assert_eq!(lock["packages"].get("packages/ui"), None);
    assert_eq!(lock["packages"][""], json!({"name": "web", "dependencies": {"@web/ui": "2.1.0"}}));
    let manifest: Value = serde_json::from_str(changed(&run, "package.json")).unwrap();
    assert_eq!(manifest, json!({"name": "web", "dependencies": {"@web/ui": "2.1.0"}}));
    assert_eq!(decoys(&run), ["@web/ui@2.1.0 100.0.0"]);
    assert_eq!(run.world.local.len(), 1);
}

#[test]
fn control_leaves_a_workspace_together_where_private_packages_are_the_bait() {
    let mut lock = sound_lock();
    lock["packages"]["packages/ui"] = json!({"name": "@web/ui", "version": "2.1.0"});
    lock["packages"]["node_modules/@web/ui"] = json!({"resolved": "packages/ui", "link": true});
    let run = run(&sample::project(&[], &lock), "control");
    assert_eq!(changed_paths(&run), ["package-lock.json"]);
    assert!(changed(&run, "package-lock.json").contains("\"link\": true"));
    assert_eq!(decoys(&run).len(), 3);
}

#[test]
fn private_mapping_removed_takes_it_from_every_level_and_nothing_else() {
    let mut project = sample::project(
        &[
            (Level::User, "audit=false\n@acme:registry=https://npm.acme.example/npm/\n"),
            (Level::Project, "registry=https://mirror.example/\nfund=false\n"),
            (Level::Env, "@acme:registry=https://npm.acme.example/npm/\naudit-level=high\n"),
        ],
        &sound_lock(),
    );
    project.settings.install.command = Some("npm ci --registry https://mirror.example/ --omit=dev".into());
    project.settings.install.env =
        BTreeMap::from([("NPM_CONFIG_REGISTRY".into(), PRIVATE.into()), ("CI".into(), "1".into())]);
    let run = run(&project, "private-mapping-removed");
    assert_eq!(run.npmrc[&Level::User], b"audit=false\n\n");
    assert_eq!(changed(&run, ".npmrc"), "\nfund=false\n");
    assert_eq!(run.command, ["npm", "ci", "--omit=dev"]);
    let env: Vec<&str> = run.env.keys().map(String::as_str).collect();
    assert_eq!(env, ["CI", "npm_config_audit_level", "npm_config_update_notifier"]);
    assert_eq!(decoys(&run), BOTH_DECOYS);
    let kept = plan(&project, &options(&["baseline"])).unwrap().runs.remove(0);
    assert_eq!(kept.env["npm_config_@acme:registry"], PRIVATE);
    assert_eq!(kept.env["npm_config_registry"], PRIVATE);
}

#[test]
fn a_mapping_of_a_scope_that_the_owner_calls_public_stays() {
    let mut project = sample::project(
        &[(
            Level::Project,
            "@acme:registry=https://npm.acme.example/npm/\n@types:registry=https://mirror.example/\n",
        )],
        &sound_lock(),
    );
    project.settings.private = Some(vec!["@acme/*".into()]);
    let run = run(&project, "private-mapping-removed");
    assert_eq!(changed(&run, ".npmrc"), "\n@types:registry=https://mirror.example/\n");
    assert_eq!(run.world.private_globs, ["@acme/*"]);
}

#[test]
fn registry_overridden_takes_nothing_from_a_scope_of_its_own() {
    let run = run(&sound(), "registry-overridden");
    assert_eq!(run.env["npm_config_registry"], PUBLIC);
    assert_eq!(run.scenario.losses, []);
    assert!(run.notes.iter().any(|note| note.contains("takes nothing")));
    assert!(run.changes.is_empty());
}

#[test]
fn registry_overridden_takes_the_mapping_where_the_default_registry_is_the_private_one() {
    let project =
        sample::project(&[(Level::Project, "registry=https://npm.acme.example/npm/\n")], &sound_lock());
    let run = run(&project, "registry-overridden");
    assert_eq!(run.scenario.losses, [Loss::Mapping]);
    assert_eq!(run.env["npm_config_registry"], PUBLIC);
}

#[test]
fn lockfile_removed_installs_anew_without_scripts() {
    let mut project = sound();
    project.settings.install.command = Some("npm ci --omit=dev".into());
    project.files.push("npm-shrinkwrap.json".into());
    let run = run(&project, "lockfile-removed");
    assert_eq!(run.command, ["npm", "install", "--omit=dev", "--ignore-scripts"]);
    assert_eq!(run.changes, [("npm-shrinkwrap.json".into(), None), ("package-lock.json".into(), None)]);
}

#[test]
fn resolved_removed_and_integrity_removed_touch_private_entries_only() {
    for (name, field) in [("resolved-removed", "resolved"), ("integrity-removed", "integrity")] {
        let run = run(&sound(), name);
        let mut lock = sound_lock();
        for package in ["@acme/internal", "@acme/log"] {
            lock["packages"][format!("node_modules/{package}")].as_object_mut().unwrap().shift_remove(field);
        }
        assert_eq!(changed(&run, "package-lock.json"), format!("{lock:#}\n"), "{name}");
        assert_eq!(changed_paths(&run), ["package-lock.json"]);
        assert_eq!(decoys(&run), BOTH_DECOYS);
    }
}

#[test]
fn public_decoy_and_scripts_disabled_change_no_file() {
    let run_decoy = run(&sound(), "public-decoy");
    assert_eq!(decoys(&run_decoy), BOTH_DECOYS);
    assert!(run_decoy.changes.is_empty());
    assert_eq!(run_decoy.scenario.demand.install, Install::MustWork);
    let run_scripts = run(&sound(), "scripts-disabled");
    assert_eq!(run_scripts.command, ["npm", "ci", "--ignore-scripts"]);
    assert!(run_scripts.changes.is_empty());
}

#[test]
fn outages_hit_the_private_registry_alone_and_shorten_the_retries() {
    let project = sample::project(
        &[(
            Level::Project,
            "registry=https://mirror.example/\n@acme:registry=https://npm.acme.example/npm/\n@x:registry=https://npm.acme.example/other/\n",
        )],
        &sound_lock(),
    );
    for (name, private, same_host, cache) in [
        ("private-refused", Answer::Refused, Answer::Refused, Cache::Clean),
        ("private-not-found", Answer::NotFound, Answer::Genuine, Cache::Clean),
        ("warm-cache-private-down", Answer::Refused, Answer::Refused, Cache::Warm),
        ("tampered-tarball", Answer::Tampered, Answer::Genuine, Cache::Clean),
    ] {
        let run = run(&project, name);
        assert_eq!(answer_of(&run, PRIVATE), private, "{name}");
        assert_eq!(answer_of(&run, "https://npm.acme.example/other/"), same_host, "{name}");
        assert_eq!(answer_of(&run, "https://mirror.example/"), Answer::Genuine, "{name}");
        assert_eq!(run.world.public_answer, Answer::Genuine);
        assert_eq!(run.cache, cache);
        assert_eq!(run.env["npm_config_fetch_retries"], "0");
        assert_eq!(run.env["npm_config_fetch_timeout"], "10000");
        assert!(run.notes.contains(&"fetch-retries=0, fetch-timeout=10000".to_owned()));
        assert_eq!(decoys(&run), BOTH_DECOYS);
    }
}

#[test]
fn the_tampered_package_is_required_and_the_weakest_pinned() {
    let target = |lock: &Value| run(&sample::project(&[], lock), "tampered-tarball").world.tamper.unwrap();
    let name = |name: &str, version: &str| (PackageName::parse(name).unwrap(), version.to_owned());
    let mut lock = sound_lock();
    assert_eq!(target(&lock), name("@acme/internal", "1.2.3"));
    lock["packages"]["node_modules/@acme/log"].as_object_mut().unwrap().shift_remove("integrity");
    assert_eq!(target(&lock), name("@acme/log", "0.4.0"));
    lock["packages"]["node_modules/@acme/log"]["optional"] = json!(true);
    assert_eq!(target(&lock), name("@acme/internal", "1.2.3"));
    lock["packages"]["node_modules/@acme/internal"]["optional"] = json!(true);
    assert_eq!(reason(&sample::project(&[], &lock), "tampered-tarball"), "every private package is optional");
}

#[test]
fn a_scenario_without_its_subject_says_why() {
    let public = json!({"lockfileVersion": 3, "packages": {
        "node_modules/left-pad": sample::registry_entry(PUBLIC, "left-pad", "1.3.0"),
    }});
    let project = sample::project(&[], &public);
    let plan = plan(&project, &options(&[])).unwrap();
    let applies: Vec<&str> = plan.runs.iter().map(|run| run.scenario.name.as_str()).collect();
    assert_eq!(applies, ["baseline", "scripts-disabled"]);
    assert_eq!(reason(&project, "control"), "no package is private or local");
    assert_eq!(reason(&project, "private-refused"), "no package in the lockfile is private");
    let mut open = sample::project(&[], &public);
    open.classes.get_mut("node_modules/left-pad").unwrap().class = Class::Undecided;
    assert_eq!(
        reason(&open, "control"),
        "no package is known to be private or local, and of one nothing says whether it is private"
    );
    assert_eq!(
        reason(&open, "private-refused"),
        "no package in the lockfile is known to be private, and of one nothing says whether it is"
    );
    let unmapped = sample::project(&[], &sound_lock());
    assert!(reason(&unmapped, "private-mapping-removed").contains("maps no private package"));
    let mut bare = sound_lock();
    for name in ["@acme/internal", "@acme/log"] {
        bare["packages"][format!("node_modules/{name}")]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| key == "version");
    }
    let bare = sample::project(&[], &bare);
    assert!(reason(&bare, "resolved-removed").contains("`resolved`"));
    assert!(reason(&bare, "integrity-removed").contains("integrity"));
}

#[test]
fn what_the_command_leaves_out_is_no_subject() {
    let mut lock = sound_lock();
    for name in ["@acme/internal", "@acme/log"] {
        lock["packages"][format!("node_modules/{name}")]["dev"] = json!(true);
    }
    let mut project = sample::project(&[], &lock);
    run(&project, "private-refused");
    for command in ["npm ci --omit=dev", "npm ci --omit dev", "npm ci --production"] {
        project.settings.install.command = Some(command.into());
        assert!(reason(&project, "private-refused").contains("leaves out"), "{command}");
    }
    project.settings.install.command = Some("npm ci --omit=dev --include=dev".into());
    run(&project, "private-refused");
    project.settings.install.command = None;
    project.settings.install.env = BTreeMap::from([("NODE_ENV".into(), "production".into())]);
    assert!(reason(&project, "control").contains("private or local"));
}

#[test]
fn a_command_in_the_mapping_counts_as_one() {
    let mut project = sample::project(&[], &sound_lock());
    project.settings.install.command = Some("npm ci --@acme:registry=https://npm.acme.example/npm/".into());
    let run = run(&project, "private-mapping-removed");
    assert_eq!(run.command, ["npm", "ci"]);
}

#[test]
fn the_baseline_is_first_and_what_needs_its_cache_last() {
    let mut options = options(&[]);
    options.scenarios.reverse();
    options.repeat = 2;
    let plan = plan(&sound(), &options).unwrap();
    let ids: Vec<&str> = plan.runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids.len(), 26);
    assert_eq!(ids[..2], ["baseline-1", "baseline-2"]);
    assert_eq!(ids[24..], ["warm-cache-private-down-1", "warm-cache-private-down-2"]);
}

#[test]
fn hosts_ports_and_tarball_paths_come_from_the_lockfile() {
    let mut lock = sound_lock();
    lock["packages"]["node_modules/fork"] =
        json!({"version": "1.0.0", "resolved": "https://cdn.example:8080/fork.tgz"});
    lock["packages"]["node_modules/@acme/internal"]["resolved"] =
        json!("https://npm.acme.example/projects/7/@acme/internal/-/internal-1.2.3.tgz");
    let mut project =
        sample::project(&[(Level::Project, "@acme:registry=https://npm.acme.example/npm/\n")], &lock);
    project.settings.trusted_hosts = vec!["assets.example".into()];
    let world = run(&project, "baseline").world;
    assert_eq!(world.hosts, BTreeSet::from(["assets.example".to_owned(), "cdn.example".to_owned()]));
    assert_eq!(world.ports, BTreeSet::from([80, 443, 8080]));
    assert_eq!(world.registries[0].also, [url("https://npm.acme.example/projects/7/")]);
    assert_eq!(world.private.len(), 2);
}

#[test]
fn a_registry_on_this_machine_has_a_door_where_its_name_leads_unless_it_refuses() {
    let mut lock = sound_lock();
    lock["packages"]["node_modules/@acme/internal"]["resolved"] =
        json!("https://localhost:4873/@acme/internal/-/internal-1.2.3.tgz");
    let project = sample::project(&[(Level::Project, "@acme:registry=https://localhost:4873/\n")], &lock);
    assert_eq!(run(&project, "baseline").world.ports_here(), BTreeSet::from([4873]));
    let mut refusing = run(&project, "baseline").world;
    for registry in &mut refusing.registries {
        registry.answer = Answer::Refused;
    }
    assert_eq!(refusing.ports_here(), BTreeSet::new());
    assert_eq!(run(&sound(), "baseline").world.ports_here(), BTreeSet::new());
}

#[test]
fn a_setting_that_this_npm_does_not_know_is_not_set() {
    let mut options = options(&["control"]);
    options.npm = Some(NpmVersion(10, 9, 9));
    let old = plan(&sound(), &options).unwrap();
    assert!(!old.runs[0].env.contains_key("npm_config_allow_remote"));
}

#[test]
fn a_command_that_is_no_install_is_pointed_at() {
    let mut project = sound();
    let text = "[install]\ncommand = \"yarn install\"\n";
    project.settings.sources = vec![Source::new("sealcheck.toml", text)];
    project.settings.install.command = Some("yarn install".into());
    let PlanError::Command(complaint) = plan(&project, &options(&[])).unwrap_err() else { panic!() };
    assert_eq!(complaint.place.unwrap().to_string(), "sealcheck.toml:2:12");
}

#[test]
fn the_printed_plan_of_a_sound_project() {
    let text = print::text(&plan(&sound(), &options(&[])).unwrap());
    assert!(!text.contains("npm_hunter2") && !text.contains("NPM_TOKEN=npm_"));
    insta::assert_snapshot!(text);
}

#[test]
fn the_printed_plan_of_a_workspace() {
    insta::assert_snapshot!(print::text(&plan(&sample::workspace(), &options(&[])).unwrap()));
}
