//! Asking git about a repository that is hostile: its configuration must not make git run
//! anything, and what it answers is bounded in size and time.

use crate::output;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The most bytes of names that git may answer.
const MAX_NAMES: u64 = 128 << 20;

/// A pipe in the place of a `.gitignore` or of the index would hold git for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// What git answers in `root`; `None` where it refuses: no work tree, not trusted, nothing
/// of that name.
///
/// # Errors
/// Where there is no git, or it answers more than `limit` bytes or not at all.
pub(crate) fn ask(root: &Path, words: &[&str], limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    // What git compares with a file it first puts through the filters that the repository's
    // own configuration names, and those are programs.
    let names = answer(root, &["config", "-z", "--name-only", "--get-regexp", r"^filter\."], &[], 1 << 20)?;
    let names = String::from_utf8_lossy(&names.unwrap_or_default()).into_owned();
    let mut off = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        // `filter.NAME.clean`; a name can hold dots, and no `=`, which would end it here.
        let Some((filter, key)) = name.rsplit_once('.').filter(|_| !name.contains('=')) else {
            return Err(std::io::Error::other("the repository's configuration has a filter of an odd name"));
        };
        match key {
            "clean" | "smudge" | "process" => off.push(format!("{filter}.{key}=")),
            "required" => off.push(format!("{filter}.{key}=false")),
            _ => {}
        }
    }
    answer(root, words, &off, limit)
}

/// The same with settings laid over the repository's own.
fn answer(root: &Path, words: &[&str], settings: &[String], limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut command = Command::new("git");
    // Of the caller's environment only what finds git and the user's own trust
    // in the folder (`safe.directory`); GIT_* of the caller would lead elsewhere.
    command.env_clear();
    for name in ["PATH", "HOME", "XDG_CONFIG_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .current_dir(root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("LC_ALL", "C")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
        .args(["-c", "core.untrackedCache=false", "-c", "diff.external="])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .args(words);
    let output = output::of(&mut command, limit, PATIENCE)
        .map_err(|error| std::io::Error::new(error.kind(), format!("git: {error}")))?;
    Ok(Some(output.stdout).filter(|_| output.success))
}

/// The names in an answer whose words end them with NUL (`-z`); what is no UTF-8 is none
/// that npm could have written.
pub(crate) fn names(root: &Path, words: &[&str]) -> Option<Vec<String>> {
    let bytes = ask(root, words, MAX_NAMES).ok()??;
    let names = bytes.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    Some(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn git(dir: &Path, words: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
        let status = Command::new("git").current_dir(dir).args(identity).args(words).status().unwrap();
        assert!(status.success(), "git is needed for this test");
    }

    #[test]
    fn a_repository_has_no_program_run() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mark = outside.path().join("ran");
        fs::write(dir.path().join("a.txt"), "a").unwrap();
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["add", "a.txt"]);
        git(dir.path(), &["commit", "-q", "-m", "a"]);
        fs::write(dir.path().join(".gitattributes"), "* filter=x.y diff=x\n").unwrap();
        let program = format!("touch {}; cat", mark.display());
        for key in [
            "filter.x.y.clean",
            "filter.x.y.process",
            "filter.x.y.smudge",
            "diff.x.textconv",
            "core.fsmonitor",
        ] {
            git(dir.path(), &["config", key, &program]);
        }
        git(dir.path(), &["config", "filter.x.y.required", "true"]);
        fs::write(dir.path().join("a.txt"), "b").unwrap();
        assert_eq!(names(dir.path(), &["ls-files", "--modified", "-z"]).unwrap(), ["a.txt"]);
        assert!(ask(dir.path(), &["status", "--porcelain"], 999).unwrap().is_some());
        assert!(!mark.exists(), "a filter of the repository was run");
    }
}
