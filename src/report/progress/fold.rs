//! What folds in the log of a CI system: the progress of runs, so that the report after
//! it stands open.

use ring::rand::{SecureRandom, SystemRandom};

/// How a part of the log is folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Fold {
    /// It is not.
    #[default]
    Open,
    /// GitHub's groups. No other line of the part can be a command to the runner until it
    /// reads the token, which nobody else knows.
    GitHub(String),
    /// GitLab's sections, by a name that no other of the job has.
    GitLab(String),
}

impl Fold {
    /// What the environment is, by the variables that each system sets.
    pub(super) fn of_environment() -> Self {
        let set = |name: &str| std::env::var(name).is_ok_and(|value| value == "true");
        let mut bytes = [0; 16];
        if SystemRandom::new().fill(&mut bytes).is_err() {
            return Self::Open;
        }
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match (set("GITHUB_ACTIONS"), set("GITLAB_CI")) {
            (true, _) => Self::GitHub(token),
            (false, true) => Self::GitLab(token),
            (false, false) => Self::Open,
        }
    }

    /// Lines before the part. `title` is ours.
    pub(super) fn begin(&self, title: &str, now: i64) -> String {
        match self {
            Self::Open => String::new(),
            Self::GitHub(token) => format!("::group::{title}\n::stop-commands::{token}\n"),
            Self::GitLab(name) => {
                format!("\u{1b}[0Ksection_start:{now}:sealcheck_{name}[collapsed=true]\r\u{1b}[0K{title}\n")
            }
        }
    }

    /// Lines behind it.
    pub(super) fn end(&self, now: i64) -> String {
        match self {
            Self::Open => String::new(),
            Self::GitHub(token) => format!("::{token}::\n::endgroup::\n"),
            Self::GitLab(name) => format!("\u{1b}[0Ksection_end:{now}:sealcheck_{name}\r\u{1b}[0K\n"),
        }
    }
}
