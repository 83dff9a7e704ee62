//! A job that uses the action: its steps in order, as a runner makes them. Each `run` is
//! bash in a clean place (`room`); each `uses` is written down with what it is given.

use super::expression::Context;
use super::github::{Api, TOKEN};
use super::support;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

const HOME: &str = "/home/runner";
const WORKSPACE: &str = "/home/runner/work/shop/shop";
const ACTION: &str = "/home/runner/work/_actions/sealcheck";
const TEMP: &str = "/home/runner/work/_temp";

/// A job before it runs.
pub(crate) struct Job {
    base: TempDir,
    pub(crate) api: Api,
    event: Value,
    event_name: &'static str,
    inputs: BTreeMap<String, String>,
    /// Answered by the runner for steps that use another action.
    restored: bool,
}

/// A job that ran.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What each step printed, by its name.
    pub(crate) logs: BTreeMap<String, String>,
    /// The exit code of each `run` that ran, by its step's name.
    pub(crate) codes: BTreeMap<String, i32>,
    /// The action, and what it was given, of each `uses` that ran, by its step's name.
    pub(crate) used: BTreeMap<String, (String, BTreeMap<String, String>)>,
    /// The outputs of the action.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The summary of all steps.
    pub(crate) summary: String,
    /// Whether the job would be red.
    pub(crate) failed: bool,
}

pub(crate) fn action() -> Yaml {
    let text = fs::read_to_string(support::root().join("action.yml")).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// A value of YAML as a runner takes it: as text.
fn text(yaml: &Yaml) -> String {
    yaml.as_str().map(str::to_owned).unwrap_or_else(|| panic!("{yaml:?} must be in quotes"))
}

fn texts(yaml: &Yaml) -> BTreeMap<String, String> {
    let pairs = yaml.as_hash().into_iter().flatten();
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let to = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&to).unwrap();
        } else {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

impl Job {
    /// A pull request to a repository that is a copy of `example`; none where this machine
    /// has no clean place to offer.
    pub(crate) fn new(example: &str) -> Option<Self> {
        let base = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let job = Self {
            base,
            api: Api::start(),
            event: json!({
                "action": "synchronize",
                "pull_request": { "number": 7, "title": "Add prices", "head": { "repo": { "full_name": "acme/shop" } } },
                "repository": { "full_name": "acme/shop" },
            }),
            event_name: "pull_request",
            inputs: BTreeMap::new(),
            restored: false,
        };
        for folder in [WORKSPACE, ACTION, TEMP] {
            fs::create_dir_all(job.outside(folder)).unwrap();
        }
        let root = support::root();
        copy(&root.join("examples").join(example), &job.outside(WORKSPACE));
        copy(&root.join("action"), &job.outside(ACTION).join("action"));
        fs::copy(root.join("action.yml"), job.outside(ACTION).join("action.yml")).unwrap();
        let program = job.outside(HOME).join("sealcheck");
        if fs::hard_link(support::sealcheck(), &program).is_err() {
            fs::copy(support::sealcheck(), &program).unwrap();
        }
        let tried = job.command(&["true"], &BTreeMap::new()).output();
        if tried.as_ref().is_ok_and(|tried| tried.status.success()) {
            return Some(job.with("binary", "/home/runner/sealcheck"));
        }
        support::skip("the action", &format!("no clean place: {tried:?}"));
        None
    }

    pub(crate) fn with(mut self, input: &str, value: &str) -> Self {
        self.inputs.insert(input.to_owned(), value.to_owned());
        self
    }

    /// Another event than the pull request's.
    pub(crate) fn on(mut self, name: &'static str, event: Value) -> Self {
        (self.event_name, self.event) = (name, event);
        self
    }

    /// The event, to be changed.
    pub(crate) fn event(&mut self) -> &mut Value {
        &mut self.event
    }

    /// Caches are there, as the job before this one left them.
    pub(crate) fn restored(mut self) -> Self {
        self.restored = true;
        self
    }

    /// Where a path of the place lies on this machine.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        let below = Path::new(path).strip_prefix("/home").unwrap();
        self.base.path().join(below)
    }

    /// A file of the repository.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.outside(WORKSPACE).join(path)
    }

    /// A program on the runner's path.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.outside(HOME).join("bin").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A command in the clean place, in an environment of nothing but this.
    fn command(&self, words: &[&str], environment: &BTreeMap<String, String>) -> Command {
        let mut command = Command::new(support::root().join("tests/action/room"));
        let node = which("node").and_then(|node| Some(node.canonicalize().ok()?.parent()?.to_owned()));
        let node = node.map(|node| format!(":{}", node.display())).unwrap_or_default();
        command
            .arg(self.base.path())
            .args(words)
            .env_clear()
            .env("PATH", format!("{HOME}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin{node}"))
            .env("HOME", HOME)
            .env("GITHUB_WORKSPACE", WORKSPACE)
            .envs(environment);
        command
    }

    /// Makes every step.
    pub(crate) fn run(&self) -> Ran {
        let action = action();
        let mut context = Context::default();
        let mut set = |name: String, value: &str| context.values.insert(name, value.to_owned());
        set("github.event_name".to_owned(), self.event_name);
        set("github.token".to_owned(), TOKEN);
        let known = action["inputs"].as_hash().unwrap();
        for input in self.inputs.keys() {
            assert!(known.contains_key(&Yaml::String(input.clone())), "the action has no input `{input}`");
        }
        for (name, input) in known {
            let name = text(name);
            let default = context.filled(&text(&input["default"]));
            let value = self.inputs.get(&name).unwrap_or(&default);
            context.values.insert(format!("inputs.{name}"), value.clone());
        }
        let mut ran = Ran {
            logs: BTreeMap::new(),
            codes: BTreeMap::new(),
            used: BTreeMap::new(),
            outputs: BTreeMap::new(),
            summary: String::new(),
            failed: false,
        };
        for step in action["runs"]["steps"].as_vec().unwrap() {
            self.step(step, &mut context, &mut ran);
        }
        for (name, output) in action["outputs"].as_hash().unwrap() {
            ran.outputs.insert(text(name), context.filled(&text(&output["value"])));
        }
        ran.failed = context.failed;
        ran
    }

    fn step(&self, step: &Yaml, context: &mut Context, ran: &mut Ran) {
        let name = text(&step["name"]);
        let runs = context.lets(step["if"].as_str());
        let mut outputs = BTreeMap::new();
        let mut succeeded = true;
        if runs && let Some(uses) = step["uses"].as_str() {
            let with = texts(&step["with"]).into_iter();
            let with = with.map(|(name, value)| (name, context.filled(&value))).collect();
            ran.used.insert(name, (uses.to_owned(), with));
            outputs.insert("cache-hit".to_owned(), self.restored.to_string());
        } else if runs {
            let environment = texts(&step["env"]).into_iter();
            let environment = environment.map(|(name, value)| (name, context.filled(&value))).collect();
            let code = self.shell(&name, step, environment, ran, &mut outputs);
            ran.codes.insert(name, code);
            succeeded = code == 0;
        }
        context.failed |= !succeeded;
        if let Some(id) = step["id"].as_str() {
            let outcome = if !runs {
                "skipped"
            } else if succeeded {
                "success"
            } else {
                "failure"
            };
            context.values.insert(format!("steps.{id}.outcome"), outcome.to_owned());
            context.steps.push(id.to_owned());
            for (name, value) in outputs {
                context.values.insert(format!("steps.{id}.outputs.{name}"), value);
            }
        }
    }

    /// A `run`: a file, given to the shell as a runner gives it.
    fn shell(
        &self,
        name: &str,
        step: &Yaml,
        mut environment: BTreeMap<String, String>,
        ran: &mut Ran,
        outputs: &mut BTreeMap<String, String>,
    ) -> i32 {
        assert_eq!(text(&step["shell"]), "bash", "{name}");
        let run = text(&step["run"]);
        assert!(!run.contains("${{"), "{name}: an expression in a line of a shell is code of strangers");
        for (file, content) in [
            ("event.json", self.event.to_string()),
            ("step.sh", run),
            ("output", String::new()),
            ("summary", String::new()),
            ("env", String::new()),
            ("path", String::new()),
        ] {
            fs::write(self.outside(TEMP).join(file), content).unwrap();
        }
        for (name, value) in [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTION_PATH", ACTION),
            ("GITHUB_API_URL", &self.api.url),
            ("GITHUB_ENV", &format!("{TEMP}/env")),
            ("GITHUB_EVENT_NAME", self.event_name),
            ("GITHUB_EVENT_PATH", &format!("{TEMP}/event.json")),
            ("GITHUB_OUTPUT", &format!("{TEMP}/output")),
            ("GITHUB_PATH", &format!("{TEMP}/path")),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "4711"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_STEP_SUMMARY", &format!("{TEMP}/summary")),
            ("LANG", "C.UTF-8"),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_TEMP", TEMP),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        let shell =
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "/home/runner/work/_temp/step.sh"];
        let told = self.command(&shell, &environment).output().unwrap();
        let log = [told.stdout, told.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        ran.logs.insert(name.to_owned(), log);
        let read = |file: &str| fs::read_to_string(self.outside(TEMP).join(file)).unwrap();
        for line in read("output").lines() {
            let (name, value) = line.split_once('=').unwrap();
            assert!(!name.contains("<<"), "{line}");
            outputs.insert(name.to_owned(), value.to_owned());
        }
        ran.summary.push_str(&read("summary"));
        assert_eq!(read("env") + &read("path"), "", "{name} changes what later steps run in");
        told.status.code().unwrap()
    }
}

fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
