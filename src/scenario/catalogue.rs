//! The catalogue embedded in the executable, and choosing from it.

use super::file::{self, Own, ScenarioError};
use super::{Scenario, Suite};
use crate::text::{Complaint, Source, nearest};
use std::path::Path;
use std::sync::LazyLock;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*]
    };
}

/// Name and text of each file, in the order in which lists show them.
static FILES: &[(&str, &str)] = files![
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
    "home-changed",
    "userconfig-elsewhere",
    "prefix-elsewhere",
    "npmrc-in-parent-folder",
    "npmrc-in-workspace-member",
    "scope-in-other-case",
    "mapping-empty",
    "mapping-variable-unset",
    "mapping-variable-optional",
    "registry-option",
    "scope-setting",
    "replace-registry-host-always",
    "replace-registry-host-named",
    "replace-registry-host-url",
    "replace-registry-host-never",
    "replace-registry-host-npmjs",
    "resolved-omitted-on-write",
    "prefer-offline",
    "prefer-offline-private-down",
    "poisoned-cache",
    "poisoned-cache-private-down",
    "poisoned-cache-immutable",
    "must-revalidate-cache-private-down",
    "offline-cold",
    "offline-warm",
    "omit-dev",
    "omit-optional",
    "released-before",
    "min-release-age",
    "allow-remote-none",
    "allow-git-none",
    "install-scripts-denied",
    "install-scripts-unreviewed",
    "install-controls-open",
    "lockfile-version-1",
    "shrinkwrap-beside",
    "lockfile-out-of-step",
    "lockfile-at-stranger",
    "lockfile-at-public",
    "lockfile-other-tarball",
    "lockfile-resolved-unparsable",
    "lockfile-sha1-only",
    "install-script-flag-missing",
    "warm-cache",
    "npm-install",
    "foreground-scripts",
    "npm-rebuild",
    "npm-update-dry-run",
    "private-black-hole",
    "private-name-unknown",
    "private-name-servfail",
    "private-name-unanswered",
    "private-reset",
    "private-unanswered",
    "private-certificate-untrusted",
    "private-certificate-expired",
    "private-certificate-wrong-name",
    "private-unauthorized",
    "private-token-unset",
    "private-forbidden",
    "private-gone",
    "private-rate-limited",
    "private-server-error",
    "private-unavailable",
    "private-login-page",
    "private-truncated",
    "private-truncated-chunked",
    "private-truncated-unframed",
    "private-reset-in-body",
    "private-slow",
    "private-packument-empty",
    "private-version-missing",
    "private-tarball-elsewhere",
    "private-redirected-public",
    "private-redirected-stranger",
    "private-redirected-port",
    "private-redirected-http",
    "private-redirect-loop",
    "virtual-merges",
    "virtual-merges-lockfile-removed",
    "virtual-falls-through",
    "public-refused",
    "private-refused-patiently",
];

/// Files that do not parse cannot be embedded: a test parses each.
static BUILTIN: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
    FILES
        .iter()
        .filter_map(|(name, text)| file::parse(&Source::new(format!("{name}.toml"), *text), name).ok())
        .collect()
});

/// Every scenario of the catalogue.
pub fn builtin() -> &'static [Scenario] {
    &BUILTIN
}

/// The file of a scenario of the catalogue, comments and all.
pub fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Reads every `*.toml` of a folder (not of folders below), ordered by name.
/// A file that has the name of one of the catalogue's is an error.
pub fn load_dir(dir: &Path) -> Result<Vec<Own>, ScenarioError> {
    let unreadable = |source| ScenarioError::Unreadable { path: dir.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut scenarios = Vec::new();
    for path in paths {
        let own = file::read(&path)?;
        if text(&own.scenario.name).is_some() {
            let message = format!("`{}` is the name of a scenario of the catalogue", own.scenario.name);
            return Err(own.complaint(message).into());
        }
        scenarios.push(own);
    }
    Ok(scenarios)
}

/// Adds scenarios to those that are known: a file that is there already is not
/// there twice, and another of the same name is an error.
pub fn add(known: &mut Vec<Own>, more: Vec<Own>) -> Result<(), Complaint> {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    for own in more {
        match known.iter().find(|other| other.scenario.name == own.scenario.name) {
            Some(other) if real(&other.path) == real(&own.path) => {}
            Some(other) => {
                let name = &own.scenario.name;
                return Err(own.complaint(format!("`{name}` is the name of `{}` as well", other.place)));
            }
            None => known.push(own),
        }
    }
    Ok(())
}

/// Chooses by name. `patterns` are names or globs; with none, all of `suite`
/// are chosen. What `skip` names (the same way) is left out. The order is that
/// of `all`.
///
/// A pattern that fits nothing is an error that names the nearest scenario.
pub fn select(
    all: &[Scenario],
    patterns: &[String],
    skip: &[String],
    suite: Suite,
) -> Result<Vec<Scenario>, Complaint> {
    let wanted = matching(all, patterns)?;
    let unwanted = matching(all, skip)?;
    Ok(all
        .iter()
        .enumerate()
        .filter(
            |(at, scenario)| {
                if patterns.is_empty() { scenario.suites.contains(&suite) } else { wanted.contains(at) }
            },
        )
        .filter(|(at, _)| !unwanted.contains(at))
        .map(|(_, scenario)| scenario.clone())
        .collect())
}

fn matching(all: &[Scenario], patterns: &[String]) -> Result<Vec<usize>, Complaint> {
    let mut chosen = Vec::new();
    for pattern in patterns {
        let glob = globset::Glob::new(pattern)
            .map_err(|error| Complaint::about(format!("`{pattern}` is not a glob: {}", error.kind())))?
            .compile_matcher();
        let before = chosen.len();
        chosen.extend((0..all.len()).filter(|at| glob.is_match(&all[*at].name)));
        if chosen.len() == before {
            let complaint = Complaint::about(format!("no scenario is named `{pattern}`"));
            return Err(match nearest(pattern, all.iter().map(|scenario| scenario.name.as_str())) {
                Some(near) => complaint.help(format!("did you mean `{near}`?")),
                None => complaint.help("`sealcheck scenarios list` shows them all"),
            });
        }
    }
    Ok(chosen)
}

/// The JSON Schema of a scenario file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Scenario).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Answer, Install, Loss, Reach};
    use std::path::PathBuf;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_catalogue_and_parses() {
        let mut on_disk: Vec<String> = std::fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        on_disk.sort();
        let mut embedded: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        embedded.sort_unstable();
        assert_eq!(on_disk, embedded);
        for name in on_disk {
            let path = folder().join(format!("{name}.toml"));
            let scenario = file::read(&path).unwrap_or_else(|error| panic!("{}", error.complaint()));
            assert!(builtin().contains(&scenario.scenario), "{name}");
        }
    }

    #[test]
    fn only_the_control_takes_more_than_one_defence() {
        for scenario in builtin() {
            assert!(scenario.control || scenario.losses.len() <= 1, "{}", scenario.name);
            assert_eq!(scenario.control, scenario.name == "control");
        }
    }

    #[test]
    fn every_scenario_but_the_baseline_offers_decoys_where_there_is_somebody_to_offer_them() {
        for scenario in builtin() {
            let possible = scenario.world.public == Answer::Genuine;
            assert_eq!(scenario.world.decoys, possible && scenario.name != "baseline", "{}", scenario.name);
        }
    }

    #[test]
    fn whoever_waits_for_a_dead_registry_shortens_the_retries_and_says_so() {
        for scenario in builtin() {
            let dead =
                [scenario.world.private, scenario.world.public].iter().any(|it| it.reach() != Reach::Nothing);
            // One that nobody runs unasked may take its time, and measures it.
            let shortens = dead && scenario.suites != [Suite::ByName];
            assert!(scenario.install.shorten_retries || !shortens, "{}", scenario.name);
            let prose = scenario.about.replace('\n', " ");
            let shortens = scenario.install.shorten_retries;
            assert_eq!(prose.contains("retry times are shortened"), shortens, "{}", scenario.name);
        }
    }

    #[test]
    fn a_loss_is_never_demanded_to_change_nothing() {
        for scenario in builtin().iter().filter(|scenario| !scenario.losses.is_empty()) {
            assert_ne!(scenario.demand.install, Install::MustWork, "{}", scenario.name);
        }
        let lockfile = builtin().iter().find(|scenario| scenario.losses == [Loss::Lockfile]).unwrap();
        assert!(lockfile.install.npm_install && lockfile.install.ignore_scripts);
    }

    #[test]
    fn whatever_is_in_the_core_is_in_everything() {
        for scenario in builtin() {
            let full = scenario.suites.contains(&Suite::Full);
            assert!(full || scenario.suites == [Suite::ByName], "{}", scenario.name);
        }
    }

    #[test]
    fn no_title_ends_in_a_full_stop_and_prose_has_no_overlong_line() {
        for scenario in builtin() {
            assert!(!scenario.title.ends_with('.') && scenario.title.len() < 80, "{}", scenario.name);
            assert!(scenario.about.trim_end().ends_with('.'), "{}", scenario.name);
            let text = text(&scenario.name).unwrap();
            assert!(text.lines().all(|line| line.chars().count() <= 90), "{}", scenario.name);
        }
    }

    #[test]
    fn choosing_knows_names_globs_and_suites() {
        let names = |patterns: &[&str], skip: &[&str]| -> Vec<String> {
            let owned = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            select(builtin(), &owned(patterns), &owned(skip), Suite::Core)
                .unwrap()
                .into_iter()
                .map(|scenario| scenario.name)
                .collect()
        };
        let core = builtin().iter().filter(|scenario| scenario.suites.contains(&Suite::Core)).count();
        assert_eq!(names(&[], &[]).len(), core);
        assert_eq!(names(&["private-refuse?", "baseline"], &[]), ["baseline", "private-refused"]);
        assert_eq!(
            names(&["private-ref*", "private-not*"], &["*-found", "*-patiently"]),
            ["private-refused"]
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let ask = |pattern: &str| {
            select(builtin(), &[pattern.to_owned()], &[], Suite::Core).unwrap_err().help.unwrap()
        };
        assert_eq!(ask("private-refussed"), "did you mean `private-refused`?");
        assert!(ask("xyzzy").contains("scenarios list"));
        let skip = select(builtin(), &[], &["contrl".to_owned()], Suite::Core).unwrap_err();
        assert_eq!(skip.help.as_deref(), Some("did you mean `control`?"));
    }

    #[test]
    fn a_folder_of_ones_own_is_read_in_order_and_may_not_shadow_the_catalogue() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b-mine", "a-mine"] {
            let own = text("public-decoy").unwrap().replace("public-decoy", name);
            std::fs::write(dir.path().join(format!("{name}.toml")), own).unwrap();
        }
        std::fs::write(dir.path().join("README.md"), "no scenario").unwrap();
        let names: Vec<String> =
            load_dir(dir.path()).unwrap().into_iter().map(|own| own.scenario.name).collect();
        assert_eq!(names, ["a-mine", "b-mine"]);
        std::fs::write(dir.path().join("control.toml"), text("control").unwrap()).unwrap();
        let error = load_dir(dir.path()).unwrap_err();
        let complaint = error.complaint();
        assert!(complaint.message.contains("catalogue"), "{error}");
        let place = complaint.place.unwrap();
        assert!(place.file.ends_with("control.toml"), "{place}");
        assert_eq!((place.line, place.column, place.excerpt.as_str()), (1, 1, "name = \"control\""));
        assert!(complaint.help.unwrap().contains("name of its own"));
        assert!(load_dir(&dir.path().join("absent")).is_err());
    }

    #[test]
    fn two_files_of_one_name_are_pointed_at_and_one_file_found_twice_is_not() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().join("one"), root.path().join("two")];
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
            let own = format!("# mine\n{}", text("public-decoy").unwrap().replace("public-decoy", "mine"));
            std::fs::write(folder.join("mine.toml"), own).unwrap();
        }
        let mut known = Vec::new();
        add(&mut known, load_dir(&folders[0]).unwrap()).unwrap();
        add(&mut known, load_dir(&folders[0].join("../one")).unwrap()).unwrap();
        assert_eq!(known.len(), 1);
        let complaint = add(&mut known, load_dir(&folders[1]).unwrap()).unwrap_err();
        let place = complaint.place.unwrap();
        assert!(place.file.ends_with("two/mine.toml"), "{place}");
        assert_eq!((place.line, place.column), (2, 1));
        assert!(complaint.message.contains("one/mine.toml:2:1"), "{}", complaint.message);
        assert!(complaint.help.unwrap().contains("name of its own"));
    }

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let path = folder().join("schema.json");
        let fresh = format!("{:#}\n", schema());
        if std::env::var_os("SEALCHECK_WRITE_SCHEMA").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == fresh,
            "run the tests with SEALCHECK_WRITE_SCHEMA=1 and commit scenarios/schema.json"
        );
    }

    #[test]
    fn the_table_of_scenarios_in_the_documentation_is_complete() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenarios.md");
        let page = std::fs::read_to_string(page).unwrap();
        // The other tables of the page have two columns.
        let is_row = |line: &&str| line.starts_with("| `") && line.matches('|').count() > 3;
        let rows: Vec<&str> = page.lines().filter(is_row).collect();
        let fresh: Vec<String> = builtin().iter().map(row).collect();
        assert_eq!(rows, fresh.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// A scenario's row in docs/scenarios.md.
    fn row(scenario: &Scenario) -> String {
        let words = |value: serde_json::Value| -> String {
            let list: Vec<String> = value
                .as_array()
                .into_iter()
                .flatten()
                .map(|word| format!("`{}`", word.as_str().unwrap()))
                .collect();
            if list.is_empty() { "none".to_owned() } else { list.join(", ") }
        };
        let install = serde_json::to_value(scenario.demand.install).unwrap();
        format!(
            "| `{}` | {} | {} | {} | {} | {} |",
            scenario.name,
            scenario.title,
            words(serde_json::to_value(&scenario.losses).unwrap()),
            words(serde_json::to_value(&scenario.needs).unwrap()),
            install.as_str().unwrap(),
            words(serde_json::to_value(&scenario.demand.codes).unwrap()),
        )
    }
}
