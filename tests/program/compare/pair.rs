//! Two captured environments of one project, and what is known to tell them apart.

use crate::support::project::{Outcome, Project};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// Parts that change nothing about an install, in the order in which they are added.
const IDLE: [(&str, &str); 27] = [
    ("GITHUB_ACTIONS", "true"),
    ("npm_config_fund", "false"),
    ("CI_JOB_ID", "4711"),
    ("npm_config_loglevel", "verbose"),
    ("TZ", "Europe/Berlin"),
    ("npm_config_audit", "false"),
    ("GITHUB_SHA", "0123456789abcdef"),
    ("npm_config_progress", "false"),
    ("RUNNER_OS", "Linux"),
    ("npm_config_color", "always"),
    ("GITHUB_RUN_ID", "42"),
    ("npm_config_init_license", "MIT"),
    ("FORCE_COLOR", "1"),
    ("npm_config_save_exact", "true"),
    ("CI_COMMIT_BRANCH", "main"),
    ("npm_config_editor", "ed"),
    ("BUILD_NUMBER", "7"),
    ("npm_config_maxsockets", "9"),
    ("GITHUB_WORKFLOW", "nightly"),
    ("npm_config_message", "release"),
    ("RUNNER_ARCH", "X64"),
    ("npm_config_tag", "next"),
    ("GITHUB_ACTOR", "somebody"),
    ("npm_config_unicode", "false"),
    ("CI_PIPELINE_ID", "11"),
    ("npm_config_access", "public"),
    ("CI_RUNNER_TAGS", "linux"),
];

/// A project whose environment is captured twice.
pub(crate) struct Pair {
    /// The project.
    pub(crate) project: Project,
    files: tempfile::TempDir,
}

/// How an environment is captured.
#[derive(Default)]
pub(crate) struct Side<'a> {
    /// Variables beyond the test's own.
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// `~/.npmrc`.
    pub(crate) npmrc: &'a str,
    /// The umask, octal.
    pub(crate) umask: Option<&'a str>,
    /// Variables that change nothing.
    pub(crate) idle: usize,
}

impl Pair {
    pub(crate) fn of(project: Project) -> Self {
        Self { project, files: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(format!("{name}.json"))
    }

    /// Captures the machine as it is described, as `name`.
    pub(crate) fn capture(&self, name: &str, side: &Side<'_>) {
        self.capture_and(name, side, |_| {});
    }

    /// The same, with what this machine cannot be (another npm, another processor) put in.
    pub(crate) fn capture_and(&self, name: &str, side: &Side<'_>, edit: impl FnOnce(&mut Value)) {
        let user = self.project.home().join(".npmrc");
        if !side.npmrc.is_empty() {
            std::fs::write(&user, side.npmrc).unwrap();
        }
        let mut command = self.project.command();
        if let Some(umask) = side.umask {
            let mut shell = Command::new("sh");
            shell.current_dir(self.project.path()).env_clear();
            shell.envs(
                command.get_envs().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))),
            );
            shell.arg("-c").arg(format!("umask {umask}; exec \"$@\"")).arg("sh").arg(command.get_program());
            command = shell;
        }
        command.envs(side.env.iter().copied()).envs(IDLE.iter().take(side.idle).copied());
        let output = command.arg("capture").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut captured: Value = serde_json::from_slice(&output.stdout).unwrap();
        edit(&mut captured);
        std::fs::write(self.file(name), captured.to_string()).unwrap();
        let _ = std::fs::remove_file(user);
    }

    /// Compares the two that were captured as `a` and `b`.
    pub(crate) fn compare(&self, arguments: &[&str]) -> Outcome {
        let (a, b) = (self.file("a"), self.file("b"));
        let mut all = vec!["compare", a.to_str().unwrap(), b.to_str().unwrap()];
        all.extend(arguments);
        self.project.run(&all)
    }

    /// The same as JSON.
    pub(crate) fn compared(&self) -> Value {
        let outcome = self.compare(&["--format", "json"]);
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"))
    }
}

/// Node and npm of a captured environment.
pub(crate) fn tools(node: &'static str, npm: &'static str) -> impl FnOnce(&mut Value) {
    move |captured| captured["toolchain"] = json!({ "node": node, "npm": npm })
}

/// The causes that were named, each as the set of its parts.
pub(crate) fn causes(compared: &Value) -> BTreeSet<BTreeSet<String>> {
    let name = |at: &Value| {
        let part = &compared["deviations"][usize::try_from(at.as_u64().unwrap()).unwrap()];
        let own = ["key", "name", "path", "what"].iter().find_map(|field| part[*field].as_str());
        match own {
            Some(own) => format!("{} {own}", part["part"].as_str().unwrap()),
            None => part["part"].as_str().unwrap().to_owned(),
        }
    };
    let causes = compared["causes"].as_array().unwrap().iter();
    causes
        .map(|cause| {
            assert_eq!(cause["cause"], "found", "{compared:#}");
            assert_eq!(cause["without"], "as-left", "{compared:#}");
            cause["parts"].as_array().unwrap().iter().map(name).collect()
        })
        .collect()
}
