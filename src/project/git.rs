//! Asking git about a repository that is hostile: its configuration must not make git run
//! anything, and what it answers is bounded in size and time.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
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
    let mut command = Command::new("git");
    // Of the caller's environment only what finds git and the user's own trust
    // in the folder (`safe.directory`); GIT_* of the caller would lead elsewhere.
    command.env_clear();
    for name in ["PATH", "HOME", "XDG_CONFIG_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let mut child = command
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
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let Some(out) = child.stdout.take() else { return Err(std::io::Error::other("it says nothing")) };
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = out.take(limit + 1).read_to_end(&mut bytes);
        // Nobody listens once the time is up.
        let _ = sender.send(read.map(|_| bytes));
    });
    let bytes = match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(bytes)) if bytes.len() as u64 <= limit => Ok(bytes),
        Ok(Ok(_)) => Err(std::io::Error::other(format!("it is larger than {} MiB", limit >> 20))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(std::io::Error::other(format!("git was not done in {} s", PATIENCE.as_secs()))),
    };
    if bytes.is_err() {
        // Ends a git that is still writing; it may be gone already.
        let _ = child.kill();
    }
    let good = child.wait()?.success();
    Ok(Some(bytes?).filter(|_| good))
}

/// The names in an answer whose words end them with NUL (`-z`); what is no UTF-8 is none
/// that npm could have written.
pub(crate) fn names(root: &Path, words: &[&str]) -> Option<Vec<String>> {
    let bytes = ask(root, words, MAX_NAMES).ok()??;
    let names = bytes.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    Some(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
