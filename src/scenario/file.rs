//! Reading a scenario file.

use super::{Answer, Demand, Install, Loss, Reach, Scenario, Suite};
use crate::text::{Complaint, Place, Source, nearest};
use std::path::{Path, PathBuf};

/// The largest scenario file that is read, in bytes.
pub const MAX_FILE: u64 = 256 << 10;

/// Why a scenario could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file's text is wrong.
    #[error("{0}")]
    Invalid(Box<Complaint>),
    /// The file or folder could not be read.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: std::io::Error,
    },
}

impl ScenarioError {
    /// What is wrong, for showing with its line.
    pub fn complaint(&self) -> Complaint {
        match self {
            Self::Invalid(complaint) => complaint.as_ref().clone(),
            Self::Unreadable { source, .. } => Complaint::about(format!("{self}: {source}")),
        }
    }
}

impl From<Complaint> for ScenarioError {
    fn from(complaint: Complaint) -> Self {
        Self::Invalid(Box::new(complaint))
    }
}

/// Reads the text of a scenario file. `stem` is the file's name without
/// `.toml`, which must be the scenario's own.
pub fn parse(source: &Source, stem: &str) -> Result<Scenario, Complaint> {
    let scenario: Scenario = toml::from_str(source.text()).map_err(|error| complain(source, &error))?;
    check(source, stem, &scenario)?;
    Ok(scenario)
}

/// A scenario of the user's own.
#[derive(Debug, Clone)]
pub struct Own {
    /// The scenario.
    pub scenario: Scenario,
    /// Its file.
    pub path: PathBuf,
    /// Where the file gives the name.
    pub place: Place,
}

impl Own {
    /// A complaint about its name.
    pub fn complaint(&self, message: String) -> Complaint {
        Complaint::at(self.place.clone(), message)
            .help("give it a name of its own, and name the file `NAME.toml` as well as `name = \"NAME\"`")
    }
}

/// Reads one scenario file from disk, of at most [`MAX_FILE`] bytes.
pub fn read(path: &Path) -> Result<Own, ScenarioError> {
    use std::io::Read;
    let unreadable = |source| ScenarioError::Unreadable { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let shown = path.display().to_string();
    if bytes.len() as u64 > MAX_FILE {
        return Err(Complaint::about(format!("`{shown}` is longer than a scenario file may be"))
            .help(format!("the limit is {} KiB", MAX_FILE >> 10))
            .into());
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Complaint::about(format!("`{shown}` is not UTF-8 ({})", error.utf8_error())))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let source = Source::new(shown, text);
    let scenario = parse(&source, &stem)?;
    let place = key_place(&source, "name").unwrap_or_else(|| source.place(0..0));
    Ok(Own { scenario, path: path.to_owned(), place })
}

/// Turns an error of the TOML reader into one of ours, with the nearest known
/// word where a key or a value is misspelt.
fn complain(source: &Source, error: &toml::de::Error) -> Complaint {
    let message = error.message().trim().to_owned();
    let help = mend(&message);
    let complaint = match error.span() {
        Some(span) => Complaint::at(source.place(span), message),
        None => Complaint::about(format!("{}: {message}", source.name())),
    };
    complaint.help(
        help.unwrap_or_else(|| "`sealcheck scenarios schema` prints the form of a scenario file".to_owned()),
    )
}

/// What mends an error of serde's. It says ``unknown field `x`, expected one of
/// `a`, `b` ``: the words between back-ticks are the wrong one and the known ones.
fn mend(message: &str) -> Option<String> {
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (first, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (*first, rest));
    if message.starts_with("unknown ") {
        let known: Vec<String> = rest.iter().map(|word| format!("`{word}`")).collect();
        return Some(match nearest(first, rest.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => return None,
            None => format!("here may stand {}", known.join(", ")),
        });
    }
    if message.starts_with("missing field") {
        return Some(format!("add `{first}`, `sealcheck scenarios show baseline` is the shortest example"));
    }
    if message.starts_with("duplicate key") {
        return Some("take one of the two out".to_owned());
    }
    let expected = message.strip_prefix("invalid type")?.rsplit_once("expected ")?.1;
    Some(match expected {
        "a boolean" => "write `true` or `false`, without quotes".to_owned(),
        "a string" => "write it in quotes".to_owned(),
        "a sequence" => "write a list, `[\"…\"]`".to_owned(),
        other => format!("write {other} here"),
    })
}

/// What the types alone cannot say.
fn check(source: &Source, stem: &str, scenario: &Scenario) -> Result<(), Complaint> {
    let at = |key: &str| key_place(source, key);
    let name = scenario.name.as_str();
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return Err(complaint(at("name"), source, format!("`{name}` is no scenario name"))
            .help("use lower-case letters, digits and hyphens"));
    }
    if name != stem {
        return Err(complaint(at("name"), source, format!("the scenario `{name}` lies in `{stem}.toml`"))
            .help(format!("name the file `{name}.toml`")));
    }
    if scenario.suites.is_empty() {
        return Err(complaint(at("suites"), source, "the scenario is in no suite".to_owned()).help(
            "write `suites = [\"full\"]`, or `[\"by-name\"]` for one that runs only where it is named",
        ));
    }
    if scenario.suites.contains(&Suite::ByName) && scenario.suites.len() > 1 {
        let message = "the scenario is in a suite and runs only by its name".to_owned();
        return Err(
            complaint(at("suites"), source, message).help("leave out \"by-name\", or every suite beside it")
        );
    }
    check_world(source, scenario)?;
    check_demand(source, &scenario.demand)?;
    if let Some(version) = scenario.project.lockfile.version.filter(|version| *version != 1) {
        let message = format!("a lockfile cannot be rewritten in version {version}");
        return Err(complaint(at("version").or_else(|| at("lockfile")), source, message)
            .help("`version = 1` is what npm 6 wrote, and the only one"));
    }
    if scenario.project.remove_integrity && scenario.project.lockfile.integrity.is_some() {
        let message = "what is removed says nothing any more".to_owned();
        return Err(complaint(at("remove-integrity"), source, message)
            .help("keep one of `remove-integrity` and `lockfile = { integrity = … }`"));
    }
    if scenario.install.npm_install && scenario.install.npm_update_dry_run {
        return Err(complaint(at("npm-update-dry-run"), source, "the command is two commands".to_owned())
            .help("keep one of `npm-install` and `npm-update-dry-run`"));
    }
    if scenario.install.then_npm_rebuild && scenario.install.npm_update_dry_run {
        let message = "nothing was installed that could be rebuilt".to_owned();
        return Err(complaint(at("then-npm-rebuild"), source, message)
            .help("keep one of `then-npm-rebuild` and `npm-update-dry-run`"));
    }
    check_losses(source, scenario)
}

/// No change takes a defence that `losses` does not name.
fn check_losses(source: &Source, scenario: &Scenario) -> Result<(), Complaint> {
    for (loss, keys) in takes(scenario) {
        // Losing the lockfile loses what stands in it.
        let covered =
            matches!(loss, Loss::Resolved | Loss::Integrity) && scenario.losses.contains(&Loss::Lockfile);
        if covered || scenario.losses.contains(&loss) {
            continue;
        }
        let (change, word) = (keys[0], loss.word());
        let message = format!("`{change}` takes a defence away that `losses` does not name");
        return Err(complaint(keys.iter().find_map(|key| key_place(source, key)), source, message)
            .help(format!("add \"{word}\" to `losses`: the margin is counted from it")));
    }
    Ok(())
}

/// The defences that a scenario's changes take, each with the key that does and
/// the tables in which that may stand.
fn takes(scenario: &Scenario) -> Vec<(Loss, Vec<&str>)> {
    let changes = &scenario.project;
    let lockfile = &changes.lockfile;
    let mut taken: Vec<(Loss, Vec<&str>)> = [
        (changes.remove_mapping, Loss::Mapping, vec!["remove-mapping"]),
        (!changes.npmrc_absent.is_empty(), Loss::Mapping, vec!["npmrc-absent"]),
        (changes.npmrc_moved.is_some(), Loss::Mapping, vec!["npmrc-moved"]),
        (changes.mapping.is_some(), Loss::Mapping, vec!["mapping"]),
        (changes.remove_lockfile, Loss::Lockfile, vec!["remove-lockfile"]),
        (lockfile.as_shrinkwrap, Loss::Lockfile, vec!["as-shrinkwrap", "lockfile"]),
        (changes.remove_resolved, Loss::Resolved, vec!["remove-resolved"]),
        (lockfile.resolved.is_some(), Loss::Resolved, vec!["resolved", "lockfile"]),
        (changes.remove_integrity, Loss::Integrity, vec!["remove-integrity"]),
        (lockfile.integrity.is_some(), Loss::Integrity, vec!["integrity", "lockfile"]),
        (changes.remove_controls, Loss::Controls, vec!["remove-controls"]),
        (changes.allow_scripts == Some(true), Loss::Controls, vec!["allow-scripts"]),
    ]
    .into_iter()
    .filter(|(done, _, _)| *done)
    .map(|(_, loss, keys)| (loss, keys))
    .collect();
    for (key, value) in &changes.npm_config {
        taken.extend(setting_takes(key, value).map(|loss| (loss, vec![key.as_str(), "npm-config"])));
    }
    for option in &scenario.install.npm_options {
        let (key, value) = option.split_once('=').unwrap_or((option, "true"));
        let key = key.trim_start_matches('-');
        taken.extend(setting_takes(key, value).map(|loss| (loss, vec![key, "npm-options"])));
    }
    taken
}

/// The defence that a setting of npm's takes.
fn setting_takes(key: &str, value: &str) -> Option<Loss> {
    let on = value == "true";
    match key {
        "registry" | "userconfig" | "globalconfig" | "prefix" => Some(Loss::Mapping),
        "replace-registry-host" => (!matches!(value, "never" | "npmjs")).then_some(Loss::Resolved),
        "allow-remote" | "allow-git" | "allow-file" | "allow-directory" => {
            (value == "all").then_some(Loss::Controls)
        }
        "ignore-scripts" | "strict-allow-scripts" => (!on).then_some(Loss::Controls),
        "dangerously-allow-all-scripts" => on.then_some(Loss::Controls),
        other => other.ends_with(":registry").then_some(Loss::Mapping),
    }
}

/// What contradicts itself in a world.
fn check_world(source: &Source, scenario: &Scenario) -> Result<(), Complaint> {
    let public = scenario.world.public;
    if public.reach() == Reach::Some && public != Answer::Tampered {
        let message =
            format!("the public registry cannot answer `{}`: it has no private package", public.name());
        return Err(complaint(key_place(source, "public"), source, message)
            .help("set it for `private`, or let the public registry fail altogether, such as by `refused`"));
    }
    let private = scenario.world.private;
    if matches!(private, Answer::MergesPublic | Answer::FallsThrough) && !scenario.world.decoys {
        let message = format!("nobody has published what a registry gives that answers `{}`", private.name());
        return Err(complaint(key_place(source, "private"), source, message).help(
            "write `decoys = true` beside it: the public registry then has a package of each private name",
        ));
    }
    if scenario.world.cache.is_poisoned() && !scenario.world.decoys {
        let message = "a poisoned cache holds decoys, and there are none".to_owned();
        return Err(complaint(key_place(source, "cache"), source, message).help(
            "write `decoys = true` beside it: the cache then holds a stranger's package of each private name",
        ));
    }
    // What is not answered genuinely is answered before anybody asks for a decoy.
    if scenario.world.decoys && public.reach() == Reach::All {
        let message = format!("the public registry {} and cannot offer decoys", public.says());
        return Err(
            complaint(key_place(source, "decoys"), source, message).help("leave out `decoys`, or `public`")
        );
    }
    Ok(())
}

fn check_demand(source: &Source, demand: &Demand) -> Result<(), Complaint> {
    let needs_codes = match demand.install {
        Install::MayFail | Install::MustFail => true,
        Install::MustWork | Install::Anyhow => false,
    };
    if needs_codes && demand.codes.is_empty() {
        return Err(complaint(
            key_place(source, "install"),
            source,
            "an install that may fail needs the `codes` by which it may".to_owned(),
        )
        .help("name npm's codes for the fault, `codes = [\"E404\"]`"));
    }
    for code in &demand.codes {
        let known = code.starts_with(|first: char| first.is_ascii_uppercase())
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if !known {
            return Err(complaint(
                source.find(&format!("\"{code}\"")),
                source,
                format!("`{code}` is not a code as npm prints them"),
            )
            .help("npm's codes are like `E404`, `EINTEGRITY`, `ECONNREFUSED`"));
        }
    }
    Ok(())
}

fn complaint(place: Option<Place>, source: &Source, message: String) -> Complaint {
    match place {
        Some(place) => Complaint::at(place, message),
        None => Complaint::about(format!("{}: {message}", source.name())),
    }
}

/// The line that sets a key; good enough for files of a screen.
fn key_place(source: &Source, key: &str) -> Option<Place> {
    let mut at = 0;
    for line in source.text().split_inclusive('\n') {
        let bare = line.trim_start();
        let start = at + line.len() - bare.len();
        if bare.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return Some(source.place(start..start + key.len()));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"gone\"\ntitle = \"Gone\"\nabout = \"It is gone.\"\nsuites = [\"full\"]\n\
                        [demand]\ninstall = \"must-fail\"\ncodes = [\"E404\"]\n";

    fn read_text(text: &str) -> Result<Scenario, Complaint> {
        parse(&Source::new("gone.toml", text), "gone")
    }

    #[test]
    fn a_short_file_is_read() {
        let scenario = read_text(GOOD).unwrap();
        assert_eq!(scenario.demand.codes, ["E404"]);
        assert!(!scenario.control && scenario.losses.is_empty());
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_nearest_known_one() {
        let text = GOOD.replace("[demand]", "[world]\ndecoy = true\n[demand]");
        let complaint = read_text(&text).unwrap_err();
        let place = complaint.place.unwrap();
        assert_eq!((place.line, place.column), (6, 1), "{}", complaint.message);
        assert_eq!(complaint.help.as_deref(), Some("did you mean `decoys`?"));
    }

    #[test]
    fn a_misspelt_value_is_named_too() {
        let complaint = read_text(&GOOD.replace("must-fail", "must-fial")).unwrap_err();
        assert_eq!(complaint.place.unwrap().line, 6);
        assert_eq!(complaint.help.as_deref(), Some("did you mean `must-fail`?"));
    }

    #[test]
    fn what_is_no_toml_says_where() {
        let complaint = read_text("name = \"gone\"\ntitle = \n").unwrap_err();
        assert_eq!(complaint.place.unwrap().line, 2);
    }

    fn project(line: &str) -> String {
        GOOD.replace("[demand]", &format!("[project]\n{line}\n[demand]"))
    }

    fn install(line: &str) -> String {
        GOOD.replace("[demand]", &format!("[install]\n{line}\n[demand]"))
    }

    #[test]
    fn what_takes_no_defence_needs_no_loss_and_the_lockfile_s_loss_covers_what_stands_in_it() {
        for text in [
            project("npm-config = { allow-remote = \"none\", replace-registry-host = \"never\" }"),
            project("npm-config = { ignore-scripts = \"true\" }"),
            project("lockfile = { version = 1, remove-install-script-flag = true }"),
            project("allow-scripts = false"),
            project("remove-resolved = true\nlockfile = { as-shrinkwrap = true }")
                .replace("[project]", "losses = [\"lockfile\"]\n[project]"),
        ] {
            read_text(&text).unwrap_or_else(|error| panic!("{text}: {}", error.message));
        }
    }

    #[test]
    fn every_wrong_word_and_type_has_its_place_and_what_mends_it() {
        let cases = [
            ("title = ", "titl = ", 2, "unknown field `titl`", "did you mean `title`?"),
            ("title = ", "xyzzy = ", 2, "unknown field `xyzzy`", "here may stand `name`"),
            ("[demand]", "[word]\n[demand]", 5, "unknown field `word`", "did you mean `world`?"),
            ("[demand]", "[world]\nprivate = \"refuse\"\n[demand]", 6, "unknown variant", "`refused`"),
            ("[demand]", "[world]\nprivate = \"teapot\"\n[demand]", 6, "unknown variant", "`nx-domain`"),
            ("[demand]", "[world]\ndecoys = \"yes\"\n[demand]", 6, "expected a boolean", "without quotes"),
            ("[demand]", "control = 1\n[demand]", 5, "expected a boolean", "`true` or `false`"),
            ("\"Gone\"", "404", 2, "expected a string", "in quotes"),
            ("[\"full\"]", "\"full\"", 4, "expected a sequence", "a list"),
            ("[\"E404\"]", "[404]", 7, "expected a string", "in quotes"),
            ("title = \"Gone\"\n", "", 1, "missing field `title`", "add `title`"),
            ("title = ", "name = \"gone\"\ntitle = ", 2, "duplicate key", "take one"),
            ("title = \"Gone\"", "title = \"Gone", 2, "", "scenarios schema"),
        ];
        for (before, after, line, message, help) in cases {
            let text = GOOD.replacen(before, after, 1);
            assert_ne!(text, GOOD, "{before}");
            let complaint = read_text(&text).unwrap_err();
            let place = complaint.place.as_ref().unwrap();
            assert_eq!((place.file.as_str(), place.line), ("gone.toml", line), "{complaint}");
            assert!(place.column >= 1 && !place.excerpt.is_empty(), "{complaint}");
            assert!(complaint.message.contains(message), "{complaint}");
            assert!(complaint.help.as_ref().unwrap().contains(help), "{complaint}: {:?}", complaint.help);
        }
    }

    #[test]
    fn rules_beyond_the_types_hold() {
        let cases = [
            (GOOD.replace("\"gone\"", "\"Gone!\""), 1, "no scenario name"),
            (GOOD.replace("\"gone\"", "\"other\""), 1, "lies in"),
            (GOOD.replace("[\"full\"]", "[]"), 4, "no suite"),
            (GOOD.replace("[\"full\"]", "[\"full\", \"by-name\"]"), 4, "only by its name"),
            (GOOD.replace("[demand]", "[world]\npublic = \"refused\"\ndecoys = true\n[demand]"), 7, "decoys"),
            (GOOD.replace("[demand]", "[world]\npublic = \"redirect-loop\"\n[demand]"), 6, "redirect-loop"),
            (
                GOOD.replace("[demand]", "[world]\nprivate = \"merges-public\"\n[demand]"),
                6,
                "nobody has published",
            ),
            (GOOD.replace("[demand]", "[world]\ncache = \"poisoned\"\n[demand]"), 6, "there are none"),
            (GOOD.replace("codes = [\"E404\"]\n", ""), 6, "needs the `codes`"),
            (GOOD.replace("E404", "e404"), 7, "not a code"),
            (project("remove-mapping = true"), 6, "`remove-mapping` takes"),
            (project("npmrc-absent = [\"user\"]"), 6, "`npmrc-absent` takes"),
            (project("npmrc-moved = \"parent-folder\""), 6, "`npmrc-moved` takes"),
            (project("mapping = \"empty\""), 6, "`mapping` takes"),
            (project("lockfile = { resolved = \"stranger\" }"), 6, "`resolved` takes"),
            (project("lockfile = { as-shrinkwrap = true }"), 6, "`as-shrinkwrap` takes"),
            (project("lockfile = { version = 2 }"), 6, "version 2"),
            (project("allow-scripts = true"), 6, "`allow-scripts` takes"),
            (project("npm-config = { allow-remote = \"all\" }"), 6, "`allow-remote` takes"),
            (project("npm-config = { replace-registry-host = \"always\" }"), 6, "takes"),
            (install("npm-options = [\"--registry=https://x.example/\"]"), 6, "`registry` takes"),
            (install("npm-install = true\nnpm-update-dry-run = true"), 7, "two commands"),
            (project("remove-integrity = true\nlockfile = { integrity = \"sha1\" }"), 6, "what is removed"),
            (project("lockfile = { integrity = \"sha1\" }"), 6, "`integrity` takes"),
            (install("then-npm-rebuild = true\nnpm-update-dry-run = true"), 6, "rebuilt"),
        ];
        for (text, line, part) in cases {
            let complaint = read_text(&text).unwrap_err();
            assert!(complaint.message.contains(part), "{}", complaint.message);
            assert_eq!(complaint.place.unwrap().line, line, "{part}");
            assert!(complaint.help.is_some(), "{part}");
        }
    }

    #[test]
    fn a_file_too_long_or_not_there_is_an_error_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.toml");
        std::fs::write(&path, vec![b'#'; MAX_FILE as usize + 1]).unwrap();
        assert!(read(&path).unwrap_err().complaint().message.contains("longer"));
        let absent = dir.path().join("absent.toml");
        assert!(matches!(read(&absent), Err(ScenarioError::Unreadable { .. })));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(read(&path).unwrap_err().complaint().message.contains("UTF-8"));
    }
}
