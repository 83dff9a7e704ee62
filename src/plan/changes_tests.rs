//! What scenarios of the project's side make of small projects: npm's
//! configuration, the lockfile, package.json and the command.

use super::sample::{self, PUBLIC, sound, sound_lock};
use super::tests::{changed, changed_paths, options, reason, run};
use super::*;
use crate::project::Project;
use crate::project::lockfile::EntryKind;
use crate::project::npmrc::NpmVersion;
use crate::scenario::Loss;
use crate::text::Source;
use serde_json::{Value, json};

const MAPPED: &str = "@acme:registry=https://npm.acme.example/npm/\n";
const OLDER: NpmVersion = NpmVersion(11, 19, 1);
const NEWEST: NpmVersion = NpmVersion(12, 2, 0);
const MAPPING: [Loss; 1] = [Loss::Mapping];

fn mapped_at(level: Level) -> Project {
    sample::project(&[(level, MAPPED)], &sound_lock())
}

fn under(project: &Project, name: &str, npm: NpmVersion) -> Result<RunSpec, String> {
    let mut options = options(&[name]);
    options.npm = Some(npm);
    let mut plan = plan(project, &options).unwrap();
    plan.not_applicable.pop().map_or_else(|| Ok(plan.runs.remove(0)), |(_, why)| Err(why))
}

fn lock(run: &RunSpec) -> Value {
    serde_json::from_str(changed(run, "package-lock.json")).unwrap()
}

#[test]
fn an_npmrc_that_npm_does_not_find_is_not_there() {
    for (name, level) in [
        ("home-changed", Level::User),
        ("userconfig-elsewhere", Level::User),
        ("prefix-elsewhere", Level::Global),
    ] {
        let run = run(&mapped_at(level), name);
        assert!(run.npmrc.is_empty() && run.changes.is_empty(), "{name}");
        assert_eq!(run.scenario.losses, MAPPING, "{name}");
        let why = reason(&sound(), name);
        assert!(why.contains("npmrc maps no private package"), "{name}: {why}");
    }
    assert_eq!(run(&mapped_at(Level::User), "home-changed").command, ["npm", "ci"]);
    assert_eq!(
        run(&mapped_at(Level::User), "userconfig-elsewhere").command,
        ["npm", "ci", "--userconfig=/nowhere/npmrc"]
    );
    assert_eq!(run(&mapped_at(Level::Global), "prefix-elsewhere").command, ["npm", "ci", "--prefix=."]);
}

#[test]
fn an_npmrc_that_is_lost_takes_nothing_where_another_says_the_same() {
    let twice = sample::project(&[(Level::User, MAPPED), (Level::Project, MAPPED)], &sound_lock());
    for name in ["home-changed", "npmrc-in-parent-folder"] {
        let run = run(&twice, name);
        assert_eq!(run.scenario.losses, [], "{name}");
        assert!(run.notes.iter().any(|note| note.contains("takes nothing here")), "{name}");
    }
}

#[test]
fn an_npmrc_in_the_folder_above_lies_there_and_nowhere_else() {
    let run = run(&mapped_at(Level::Project), "npmrc-in-parent-folder");
    assert_eq!(run.changes, [(".npmrc".to_owned(), None)]);
    assert_eq!(run.parent_npmrc.as_deref(), Some(MAPPED.as_bytes()));
    assert_eq!(run.scenario.losses, MAPPING);
}

#[test]
fn an_npmrc_in_a_member_lies_there_and_nowhere_else() {
    let mut lock = sound_lock();
    lock["packages"]["packages/ui"] = json!({"name": "@web/ui", "version": "2.1.0"});
    lock["packages"]["node_modules/@web/ui"] = json!({"resolved": "packages/ui", "link": true});
    let project = sample::project(&[(Level::Project, MAPPED)], &lock);
    let run = run(&project, "npmrc-in-workspace-member");
    assert_eq!(changed_paths(&run), [".npmrc", "packages/ui/.npmrc"]);
    assert_eq!(changed(&run, "packages/ui/.npmrc"), MAPPED);
    assert_eq!(run.changes[0].1, None);
    assert!(run.parent_npmrc.is_none());
    let why = reason(&mapped_at(Level::Project), "npmrc-in-workspace-member");
    assert!(why.contains("workspace"), "{why}");
}

#[test]
fn mappings_are_written_as_the_scenario_says() {
    for (name, line) in [
        ("scope-in-other-case", "@Acme:registry=https://npm.acme.example/npm/\n"),
        ("mapping-empty", "@acme:registry=\"\"\n"),
        ("mapping-variable-unset", "@acme:registry=${SEALCHECK_NOT_SET}\n"),
        ("mapping-variable-optional", "@acme:registry=${SEALCHECK_NOT_SET?}\n"),
    ] {
        let run = run(&mapped_at(Level::Project), name);
        assert_eq!(changed(&run, ".npmrc"), line, "{name}");
        assert_eq!(changed_paths(&run), [".npmrc"], "{name}");
        assert_eq!(run.scenario.losses, MAPPING, "{name}");
        assert!(!run.env.contains_key(mapping::UNSET), "{name}");
        let why = reason(&sample::project(&[(Level::Env, MAPPED)], &sound_lock()), name);
        assert!(why.contains("npmrc file maps"), "{name}: {why}");
    }
}

#[test]
fn a_default_registry_has_no_case_but_can_be_empty() {
    let project =
        sample::project(&[(Level::Project, "registry=https://npm.acme.example/npm/\n")], &sound_lock());
    assert!(reason(&project, "scope-in-other-case").contains("the scope of a private package"));
    assert_eq!(changed(&run(&project, "mapping-empty"), ".npmrc"), "registry=\"\"\n");
}

#[test]
fn a_password_in_a_mapping_is_planted_in_every_form_of_it() {
    let with_password = "@acme:registry=https://me:hunter2hunter2@npm.acme.example/npm/\n";
    let project = sample::project(&[(Level::Project, with_password)], &sound_lock());
    for name in ["scope-in-other-case", "npmrc-in-parent-folder"] {
        let run = run(&project, name);
        let files = run.changes.iter().filter_map(|(_, bytes)| bytes.clone()).chain(run.parent_npmrc);
        for bytes in files {
            let text = String::from_utf8(bytes).unwrap();
            assert!(!text.contains("hunter2") && text.contains("npm.acme.example"), "{name}: {text}");
        }
    }
}

#[test]
fn options_and_variables_are_filled_from_the_project() {
    let project = sound();
    let registry = run(&project, "registry-option");
    assert_eq!(registry.command, ["npm", "ci", &format!("--registry={PUBLIC}")]);
    assert_eq!(registry.scenario.losses, []);
    let by_default =
        sample::project(&[(Level::Project, "registry=https://npm.acme.example/npm/\n")], &sound_lock());
    assert_eq!(run(&by_default, "registry-option").scenario.losses, MAPPING);
    assert_eq!(run(&project, "scope-setting").env["npm_config_scope"], "@acme");
    let named = run(&project, "replace-registry-host-named");
    assert_eq!(named.env["npm_config_replace_registry_host"], "npm.acme.example");
    assert_eq!(named.scenario.losses, [Loss::Resolved]);
    let always = run(&project, "replace-registry-host-always");
    assert_eq!(always.env["npm_config_replace_registry_host"], "always");
}

#[test]
fn a_mirror_is_a_default_registry_before_the_public_one() {
    let mirror = sample::project(
        &[(
            Level::Project,
            "registry=https://mirror.example/\n@acme:registry=https://npm.acme.example/npm/\n",
        )],
        &sound_lock(),
    );
    for (name, value) in [("replace-registry-host-never", "never"), ("replace-registry-host-npmjs", "npmjs")]
    {
        assert_eq!(run(&mirror, name).env["npm_config_replace_registry_host"], value);
        assert!(reason(&sound(), name).contains("pinned to the public registry"), "{name}");
    }
}

#[test]
fn what_this_npm_does_not_know_does_not_apply() {
    let mut project = sound();
    let entry = project.lockfile.entries.get_mut("node_modules/@acme/internal").unwrap();
    entry.has_install_script = true;
    let mut unresolved = sound();
    unresolved.lockfile.entries.get_mut("node_modules/left-pad").unwrap().resolved = None;
    let mut from_git = sound();
    from_git.lockfile.entries.get_mut("node_modules/left-pad").unwrap().kind = EntryKind::Git;
    let url = "takes no URL for `replace-registry-host`";
    // The first version that knows it, measured, and the one before.
    for (project, name, before, first, why) in [
        (&project, "allow-remote-none", (11, 13, 0), (11, 14, 0), "does not know `allow-remote`"),
        (&from_git, "allow-git-none", (11, 8, 0), (11, 9, 0), "does not know `allow-git`"),
        (&unresolved, "min-release-age", (11, 9, 0), (11, 10, 0), "does not know `min-release-age`"),
        (&unresolved, "min-release-age", (11, 0, 0), (11, 12, 0), "does not know `min-release-age`"),
        (
            &project,
            "install-scripts-unreviewed",
            (11, 15, 0),
            (11, 16, 0),
            "does not know `strict-allow-scripts`",
        ),
        (&project, "install-scripts-denied", (11, 15, 0), (11, 16, 0), "does not know `allowScripts`"),
        (&project, "install-scripts-denied", (10, 9, 9), (12, 2, 0), "does not know `allowScripts`"),
        (&project, "replace-registry-host-url", (11, 17, 0), (11, 18, 0), url),
        (&project, "replace-registry-host-url", (8, 19, 4), (12, 0, 0), url),
        (
            &project,
            "replace-registry-host-always",
            (8, 15, 0),
            (8, 16, 0),
            "does not know `replace-registry-host`",
        ),
        (
            &project,
            "resolved-omitted-on-write",
            (8, 9, 0),
            (8, 10, 0),
            "does not know `omit-lockfile-registry-resolved`",
        ),
    ] {
        let (before, first) =
            (NpmVersion(before.0, before.1, before.2), NpmVersion(first.0, first.1, first.2));
        assert_eq!(under(project, name, before).unwrap_err(), format!("npm {before} {why}"), "{name}");
        under(project, name, first).unwrap();
    }
}

/// Every setting of a catalogue's scenario is known to the newest npm that was measured.
#[test]
fn the_newest_npm_knows_what_the_catalogue_sets() {
    let project = sound();
    let stakes = needs::Stakes::of(&project, &[]);
    for scenario in crate::scenario::catalogue::builtin() {
        let ignored = environment::ignored(scenario, &stakes, Some(NEWEST));
        assert_eq!(ignored, None, "{}", scenario.name);
    }
}

#[test]
fn an_option_that_this_npm_does_not_know_does_not_apply_either() {
    let project = sound();
    let stakes = needs::Stakes::of(&project, &[]);
    let ignored = |option: &str, npm: NpmVersion| {
        let mut scenario = crate::scenario::catalogue::builtin()[0].clone();
        scenario.install.npm_options = vec![option.to_owned()];
        environment::ignored(&scenario, &stakes, Some(npm))
    };
    for option in ["--install-strategy=nested", "--no-replace-registry-host", "--install-links"] {
        assert!(ignored(option, NpmVersion(8, 0, 0)).unwrap().starts_with("npm 8.0.0 does not know"));
        assert_eq!(ignored(option, NpmVersion(10, 9, 9)), None, "{option}");
    }
    assert!(ignored("--libc=musl", NpmVersion(10, 2, 5)).is_some());
    assert_eq!(ignored("--libc=musl", NpmVersion(10, 3, 0)), None);
    assert_eq!(ignored("--@acme:registry=https://npm.acme.example/", NpmVersion(8, 0, 0)), None);
}

/// A key that this npm does not know defends nothing, whoever set it.
#[test]
fn a_control_that_this_npm_does_not_know_is_no_defence() {
    let with = |line: &str| sample::project(&[(Level::Project, &format!("{MAPPED}{line}\n"))], &sound_lock());
    for (line, before, first) in [
        ("allow-remote=none", (11, 13, 0), (11, 14, 0)),
        ("allow-git=none", (11, 8, 0), (11, 9, 0)),
        ("strict-allow-scripts=true", (11, 15, 0), (11, 16, 0)),
    ] {
        let has = |npm: (u64, u64, u64)| {
            let npm = NpmVersion(npm.0, npm.1, npm.2);
            defences(&with(line), Some(npm)).unwrap().contains(&Loss::Controls)
        };
        assert_eq!((has(before), has(first)), (false, true), "{line}");
    }
}

#[test]
fn open_controls_take_what_npm_12_or_the_project_has_closed() {
    assert_eq!(under(&sound(), "install-controls-open", OLDER).unwrap().scenario.losses, []);
    assert_eq!(under(&sound(), "install-controls-open", NEWEST).unwrap().scenario.losses, [Loss::Controls]);
    let closed =
        sample::project(&[(Level::Project, &format!("{MAPPED}ignore-scripts=true\n"))], &sound_lock());
    let run = under(&closed, "install-controls-open", OLDER).unwrap();
    assert_eq!(run.scenario.losses, [Loss::Controls]);
    assert_eq!(run.env["npm_config_ignore_scripts"], "false");
    let control = under(&sound(), "control", OLDER).unwrap();
    assert_eq!(control.scenario.losses, [Loss::Mapping, Loss::Resolved, Loss::Integrity]);
    assert_eq!(under(&sound(), "control", NEWEST).unwrap().scenario.losses.len(), 4);
}

#[test]
fn resolved_of_private_entries_points_elsewhere() {
    let of = |name: &str| {
        let run = run(&sound(), name);
        let lock = lock(&run);
        assert_eq!(
            lock["packages"]["node_modules/left-pad"],
            sound_lock()["packages"]["node_modules/left-pad"]
        );
        let internal = lock["packages"]["node_modules/@acme/internal"].clone();
        assert!(internal["integrity"].is_string(), "{name}");
        (internal["resolved"].as_str().unwrap().to_owned(), run.world.strangers)
    };
    let (stranger, hosts) = of("lockfile-at-stranger");
    assert_eq!(stranger, "https://packages.stranger.example/@acme/internal/-/internal-1.2.3.tgz");
    assert_eq!(hosts, BTreeSet::from(["packages.stranger.example".to_owned()]));
    let (public, hosts) = of("lockfile-at-public");
    assert_eq!(public, format!("{PUBLIC}@acme/internal/-/internal-1.2.3.tgz"));
    assert!(hosts.is_empty());
    assert_eq!(of("lockfile-other-tarball").0, format!("{PUBLIC}left-pad/-/left-pad-1.3.0.tgz"));
    let damaged = of("lockfile-resolved-unparsable").0;
    assert!(::url::Url::parse(&damaged).is_err(), "{damaged}");
}

#[test]
fn a_shrinkwrap_beside_pins_nothing_and_the_lockfile_stays() {
    let run = run(&sound(), "shrinkwrap-beside");
    assert_eq!(changed_paths(&run), ["npm-shrinkwrap.json"]);
    let text = changed(&run, "npm-shrinkwrap.json");
    let lock: Value = serde_json::from_str(text).unwrap();
    assert_eq!(lock["packages"]["node_modules/@acme/internal"], json!({"version": "1.2.3"}));
    let mut project = sound();
    project.lockfile.source = Source::new("npm-shrinkwrap.json", project.lockfile.source.text());
    assert!(reason(&project, "shrinkwrap-beside").contains("npm-shrinkwrap.json"));
}

#[test]
fn a_lockfile_is_of_version_1_and_knows_no_scripts() {
    let old = lock(&run(&sound(), "lockfile-version-1"));
    assert_eq!(old["lockfileVersion"], 1);
    assert_eq!(old["dependencies"]["@acme/internal"]["version"], "1.2.3");
    assert!(old.get("packages").is_none());
    let mut lock_with_script = sound_lock();
    lock_with_script["packages"]["node_modules/@acme/internal"]["hasInstallScript"] = json!(true);
    let mut project = sample::project(&[(Level::Project, MAPPED)], &lock_with_script);
    assert!(reason(&project, "install-script-flag-missing").contains("install script"));
    project.lockfile.entries.get_mut("node_modules/@acme/internal").unwrap().has_install_script = true;
    let run = run(&project, "install-script-flag-missing");
    assert_eq!(changed(&run, "package-lock.json"), format!("{:#}\n", sound_lock()));
}

#[test]
fn package_json_asks_for_a_version_that_only_a_stranger_has() {
    let mut project = sound();
    assert!(reason(&project, "lockfile-out-of-step").contains("package.json itself"));
    let manifest = json!({"name": "web", "dependencies": {"@acme/internal": "^1.2.0", "left-pad": "1"}});
    project.manifest.source = Source::new("package.json", format!("{manifest:#}\n"));
    project.manifest.dependencies =
        BTreeMap::from([("@acme/internal".into(), "^1.2.0".into()), ("left-pad".into(), "1".into())]);
    let run = run(&project, "lockfile-out-of-step");
    assert_eq!(changed_paths(&run), ["package.json"]);
    assert_eq!(changed(&run, "package.json"), format!("{manifest:#}\n").replace("^1.2.0", "99.0.0"));
    assert!(run.world.decoys.iter().any(|decoy| decoy.higher == "99.0.0"));
}

#[test]
fn install_scripts_are_denied_by_name() {
    let mut project = sound();
    project.lockfile.entries.get_mut("node_modules/@acme/log").unwrap().has_install_script = true;
    let run = run(&project, "install-scripts-denied");
    let manifest: Value = serde_json::from_str(changed(&run, "package.json")).unwrap();
    assert_eq!(manifest["allowScripts"], json!({"@acme/log": false}));
}

#[test]
fn the_command_is_another_one() {
    let mut project = sound();
    project.settings.install.command = Some("npm ci --omit=peer".into());
    assert_eq!(run(&project, "npm-install").command, ["npm", "install", "--omit=peer"]);
    assert_eq!(run(&project, "npm-update-dry-run").command, ["npm", "update", "--omit=peer", "--dry-run"]);
    assert_eq!(
        run(&project, "foreground-scripts").command,
        ["npm", "ci", "--omit=peer", "--foreground-scripts"]
    );
    project.settings.install.command = Some("npm install".into());
    assert!(reason(&project, "npm-install").contains("already"));
}

#[test]
fn what_is_left_out_or_comes_from_git_must_be_there() {
    let mut project = sound();
    for (name, part) in
        [("omit-dev", "development"), ("omit-optional", "optional"), ("allow-git-none", "git")]
    {
        let why = reason(&project, name);
        assert!(why.contains(part), "{name}: {why}");
    }
    assert!(reason(&project, "released-before").contains("`resolved`"));
    let entry = project.lockfile.entries.get_mut("node_modules/left-pad").unwrap();
    (entry.dev, entry.optional, entry.resolved) = (true, true, None);
    assert_eq!(run(&project, "omit-dev").command, ["npm", "ci", "--omit=dev"]);
    assert_eq!(run(&project, "omit-optional").command, ["npm", "ci", "--omit=optional"]);
    assert_eq!(run(&project, "released-before").env["npm_config_before"], "1980-01-01");
    assert_eq!(run(&project, "min-release-age").env["npm_config_min_release_age"], "36500");
    project.lockfile.entries.get_mut("node_modules/left-pad").unwrap().kind = EntryKind::Git;
    assert_eq!(run(&project, "allow-git-none").env["npm_config_allow_git"], "none");
}

#[test]
fn caches_are_warm_where_the_scenario_says_so() {
    for name in ["warm-cache", "prefer-offline", "prefer-offline-private-down", "offline-warm"] {
        assert_eq!(run(&sound(), name).cache, Cache::Warm, "{name}");
    }
    let cold = run(&sound(), "offline-cold");
    assert_eq!((cold.cache, cold.env["npm_config_offline"].as_str()), (Cache::Clean, "true"));
}

#[test]
fn the_printed_plan_says_what_is_done_to_the_project() {
    let names = ["npmrc-in-parent-folder", "mapping-empty", "lockfile-at-stranger", "shrinkwrap-beside"];
    let text = print::text(&plan(&sound(), &options(&names)).unwrap());
    for part in [
        "the project's npmrc in the folder above",
        "registry mappings without a value",
        "`resolved` of private entries at a stranger's host",
        "beside the project's as a shrinkwrap",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
