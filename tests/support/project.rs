//! A small npm project for a test, told as a story: what it depends on, which
//! registries serve what, and what the lockfile holds. And the program run on it.

use super::lockfile::{self, Entry};
use super::npm::{in_empty_home, npm, public_registry};
use super::package::{Package, integrity};
use super::verdaccio::Published;
use super::{agree, place};
use node_semver::{Range, Version};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

type Change = Box<dyn FnOnce(&mut Entry)>;

enum Lock {
    Built,
    Text(String),
    Absent,
}

/// A registry that is a folder of the project.
pub struct Served {
    url: String,
    behind: Option<String>,
    packages: Vec<Package>,
}

impl Served {
    /// It is a virtual one, and this is the registry behind it.
    pub fn behind(mut self, url: &str) -> Self {
        self.behind = Some(url.to_owned());
        self
    }

    /// One published version.
    pub fn package(mut self, package: Package) -> Self {
        self.packages.push(package);
        self
    }
}

/// A project being told.
pub struct Builder {
    manifest: Value,
    npmrc: String,
    settings: String,
    files: BTreeMap<String, String>,
    registries: Vec<(String, Served)>,
    published: Vec<Entry>,
    in_folders: bool,
    lock: Lock,
    lockfile_version: u8,
    lockfile_name: String,
    changes: Vec<(String, Change)>,
}

/// A project on disk; dropping it removes it.
pub struct Project {
    folder: TempDir,
    home: TempDir,
    environment: BTreeMap<String, String>,
    /// What the lockfile locks, by name, where it was built.
    pub locked: BTreeMap<String, Entry>,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; none where a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The JSON report; null where none was written.
    pub report: Value,
}

impl Project {
    /// A private project `acme-shop` with nothing in it, a lockfile of version 3, and
    /// neither an npmrc nor a sealcheck.toml.
    #[expect(clippy::new_ret_no_self, reason = "a project is told before it is there")]
    pub fn new() -> Builder {
        Builder {
            manifest: json!({ "name": "acme-shop", "version": "1.0.0", "private": true }),
            npmrc: String::new(),
            settings: String::new(),
            files: BTreeMap::new(),
            registries: Vec::new(),
            published: Vec::new(),
            in_folders: false,
            lock: Lock::Built,
            lockfile_version: 3,
            lockfile_name: "package-lock.json".to_owned(),
            changes: Vec::new(),
        }
    }

    /// A project copied from a folder of the repository, with every placeholder of
    /// `fill` replaced in every file.
    pub fn copied(from: &Path, fill: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in walkdir::WalkDir::new(from).min_depth(1) {
            let entry = entry.unwrap();
            let to = folder.path().join(entry.path().strip_prefix(from).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir(&to).unwrap();
                continue;
            }
            let mut text = fs::read_to_string(entry.path()).unwrap();
            for (placeholder, value) in fill {
                text = text.replace(placeholder, value);
            }
            fs::write(&to, text).unwrap();
        }
        Self {
            folder,
            home: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
            locked: BTreeMap::new(),
        }
    }

    /// Sets a variable for everything that is run on it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// The real npm, outside of the program, to be given its arguments, in its folder.
    pub fn npm(&self) -> Command {
        let mut command = npm(self.path(), self.home());
        command.envs(&self.environment);
        command
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The home of everything that is run on it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The text of one of its files.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The program, to be given its arguments, in the project's folder.
    pub fn command(&self) -> Command {
        self.command_at(place::chosen().as_deref())
    }

    /// The same at an engine, or out of namespaces.
    fn command_at(&self, engine: Option<&str>) -> Command {
        let mut command = Command::new(super::sealcheck());
        in_empty_home(&mut command, self.home());
        if let Some(engine) = engine {
            place::within(&mut command, engine);
        }
        command
            .current_dir(self.path())
            .envs(&self.environment)
            .env("XDG_CACHE_HOME", super::toolchain::cache())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(self.command().args(arguments), None)
    }

    /// Runs `sealcheck test` with these arguments and reads its report. What came out of
    /// containers is held against what namespaces say.
    pub fn test(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.test_once(arguments);
        agree::hold(self, arguments, &outcome);
        outcome
    }

    /// The same in the place that was chosen for the test run and in no other.
    pub fn test_once(&self, arguments: &[&str]) -> Outcome {
        match place::chosen() {
            Some(engine) => self.test_at(Some(&engine), &place::by_image(arguments)),
            None => self.test_at(None, arguments),
        }
    }

    /// The same at an engine, or out of namespaces.
    pub fn test_at(&self, engine: Option<&str>, arguments: &[&str]) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        let mut option = std::ffi::OsString::from("json=");
        option.push(&report);
        let mut command = self.command_at(engine);
        outcome(command.arg("test").args(arguments).arg("--report").arg(option), Some(&report))
    }
}

/// Runs to the end; `report` is read where it was written.
pub fn outcome(command: &mut Command, report: Option<&PathBuf>) -> Outcome {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let report = report.and_then(|path| fs::read(path).ok()).map_or(Value::Null, |bytes| {
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("the report is no JSON: {error}"))
    });
    Outcome {
        status: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        report,
    }
}

impl Builder {
    /// Its package.json, in place of the empty one.
    pub fn manifest(mut self, manifest: Value) -> Self {
        self.manifest = manifest;
        self
    }

    /// A dependency.
    pub fn dependency(self, name: &str, range: &str) -> Self {
        self.entry("dependencies", name, range)
    }

    /// A dependency of its developers.
    pub fn dev_dependency(self, name: &str, range: &str) -> Self {
        self.entry("devDependencies", name, range)
    }

    /// A dependency that npm may do without.
    pub fn optional_dependency(self, name: &str, range: &str) -> Self {
        self.entry("optionalDependencies", name, range)
    }

    /// A lifecycle script of its own.
    pub fn script(self, event: &str, command: &str) -> Self {
        self.entry("scripts", event, command)
    }

    fn entry(mut self, field: &str, key: &str, value: &str) -> Self {
        self.manifest[field][key] = json!(value);
        self
    }

    /// Lines of its npmrc; `{public}` is npm's public registry, without the last slash.
    pub fn npmrc(mut self, lines: &str) -> Self {
        self.npmrc.push_str(lines.trim_end());
        self.npmrc.push('\n');
        self
    }

    /// Lines of its sealcheck.toml, before the registries that it serves.
    pub fn settings(mut self, lines: &str) -> Self {
        self.settings.push_str(lines.trim_end());
        self.settings.push('\n');
        self
    }

    /// Any other file.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// A registry at `url` that the gateway serves from `folder` of the project, with a
    /// `[[registry]]` in sealcheck.toml; the url may be `{public}`.
    pub fn served_registry(mut self, url: &str, folder: &str, tell: impl FnOnce(Served) -> Served) -> Self {
        let served = tell(Served { url: url.to_owned(), behind: None, packages: Vec::new() });
        self.registries.push((folder.to_owned(), served));
        self
    }

    /// A package that a running registry holds, for the lockfile to pin.
    pub fn published(mut self, package: &Package, at: &Published) -> Self {
        let mut entry = Entry::of(package, "", &at.integrity);
        entry.resolved = Some(at.resolved.clone());
        self.published.push(entry);
        self
    }

    /// Serves its packages as folders, which the program packs. Otherwise tarballs are
    /// served, whose bytes are known without the program.
    pub fn in_folders(mut self) -> Self {
        self.in_folders = true;
        self
    }

    /// The lockfile's version, 1 to 3.
    pub fn lockfile_version(mut self, version: u8) -> Self {
        self.lockfile_version = version;
        self
    }

    /// Its lockfile is an npm-shrinkwrap.json.
    pub fn shrinkwrap(mut self) -> Self {
        "npm-shrinkwrap.json".clone_into(&mut self.lockfile_name);
        self
    }

    /// What the lockfile says otherwise about a package.
    pub fn locked(mut self, name: &str, change: impl FnOnce(&mut Entry) + 'static) -> Self {
        self.changes.push((name.to_owned(), Box::new(change)));
        self
    }

    /// The lockfile, word for word but for `{public}`.
    pub fn lockfile(mut self, text: &str) -> Self {
        self.lock = Lock::Text(text.to_owned());
        self
    }

    /// It has no lockfile.
    pub fn without_lockfile(mut self) -> Self {
        self.lock = Lock::Absent;
        self
    }

    /// Writes it to a temporary folder.
    pub fn build(mut self) -> Project {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let offered = self.serve(root);
        for (folder, served) in &self.registries {
            let (url, folder) = (json!(served.url), json!(folder));
            self.settings.push_str(&format!("\n[[registry]]\nurl = {url}\nserve = {folder}\n"));
            if let Some(behind) = &served.behind {
                self.settings.push_str(&format!("behind = {}\n", json!(behind)));
            }
        }
        let mut locked = BTreeMap::new();
        let text = match std::mem::replace(&mut self.lock, Lock::Absent) {
            Lock::Absent => None,
            Lock::Text(text) => Some(text),
            Lock::Built => {
                locked = resolve(&self.manifest, &offered);
                for (name, change) in std::mem::take(&mut self.changes) {
                    change(locked.get_mut(&name).unwrap_or_else(|| panic!("{name} is not locked")));
                }
                Some(lockfile::text(self.lockfile_version, &self.manifest, &locked))
            }
        };
        assert!(self.changes.is_empty(), "there is no built lockfile to say something else of");
        let mut files = self.files;
        files.insert("package.json".to_owned(), serde_json::to_string_pretty(&self.manifest).unwrap() + "\n");
        files.extend(text.map(|text| (self.lockfile_name, at_the_public_registry(&text))));
        files.extend(
            (!self.npmrc.is_empty()).then(|| (".npmrc".to_owned(), at_the_public_registry(&self.npmrc))),
        );
        files.extend((!self.settings.is_empty()).then(|| ("sealcheck.toml".to_owned(), self.settings)));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Project { folder, home: tempfile::tempdir().unwrap(), environment: BTreeMap::new(), locked }
    }

    /// Writes what the registries serve, and gives what npm could lock, in their order.
    fn serve(&self, root: &Path) -> Vec<Entry> {
        let mut offered = self.published.clone();
        for (folder, served) in &self.registries {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).unwrap();
            for package in &served.packages {
                let place = folder.join(package.name()).join(package.version());
                let tarball = if self.in_folders {
                    package.write_to(&place);
                    sealcheck::upstream::folder::pack(&place).unwrap().tarball
                } else {
                    let tarball = package.tarball();
                    fs::create_dir_all(&place).unwrap();
                    fs::write(place.join(package.tarball_name()), &tarball).unwrap();
                    tarball
                };
                offered.push(Entry::of(package, &served.url, &integrity(&tarball)));
            }
        }
        offered
    }
}

/// Replaces `{public}` by the URL of npm's public registry, without its last slash.
pub fn at_the_public_registry(text: &str) -> String {
    if text.contains("{public}") {
        text.replace("{public}", public_registry().trim_end_matches('/'))
    } else {
        text.to_owned()
    }
}

/// What the manifest leads to, each name once, at the version of the first offer that
/// satisfies: a decoy that is told after the genuine package is never locked.
fn resolve(manifest: &Value, offered: &[Entry]) -> BTreeMap<String, Entry> {
    let mut waiting = VecDeque::new();
    for (field, optional, dev) in [
        ("dependencies", false, false),
        ("optionalDependencies", true, false),
        ("devDependencies", false, true),
    ] {
        for (name, range) in manifest[field].as_object().into_iter().flatten() {
            let range = range.as_str().unwrap().to_owned();
            // What is named otherwise than by a range (a folder, a URL, git) is the test's to lock.
            if Range::parse(&range).is_ok() {
                waiting.push_back((name.clone(), range, optional, dev));
            }
        }
    }
    let mut locked: BTreeMap<String, Entry> = BTreeMap::new();
    while let Some((name, range, optional, dev)) = waiting.pop_front() {
        let satisfies = Range::parse(&range).unwrap();
        if let Some(entry) = locked.get(&name) {
            let version = Version::parse(&entry.version).unwrap();
            assert!(satisfies.satisfies(&version), "{name}: two versions at once are the test's to lock");
            continue;
        }
        let mut entry = offered
            .iter()
            .find(|entry| entry.name == name && satisfies.satisfies(&Version::parse(&entry.version).unwrap()))
            .unwrap_or_else(|| panic!("no registry of the project serves {name}@{range}"))
            .clone();
        (entry.optional, entry.dev) = (optional, dev);
        waiting
            .extend(entry.wants().into_iter().map(|(name, range, may)| (name, range, may || optional, dev)));
        locked.insert(name, entry);
    }
    locked
}
