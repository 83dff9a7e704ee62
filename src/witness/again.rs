//! Whether a program that a script starts is the very npm that is tested, started once more.
//!
//! Such a one reads the user's `.npmrc` and writes npm's logs whoever starts it. It is known by
//! what the kernel has of it before its first instruction: the executable, the file that this is
//! to run, and that nothing puts other code into it. A name proves nothing: `/usr/bin/npm` is a
//! link, and so may be what a script makes and leads elsewhere a moment later. This module knows
//! no rule, and no process but the one that it is asked about.

use super::procfs;
use crate::project::settings::puts_code;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, access, geteuid};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// npm's own programs.
const PROGRAMS: [&str; 2] = ["npm-cli.js", "npx-cli.js"];
/// Links that the kernel follows on one way.
const LINKS: usize = 40;
/// Commands that run a file of whoever calls them within npm (`init-module`).
const RUNNING: [&str; 3] = ["init", "create", "innit"];
/// The setting that names code for npm itself to load (npm 6).
const ONLOAD: &str = "onload-script";

/// The npm that the command of an order is.
pub(super) struct Npm {
    exe: String,
    /// The folder of its programs, links followed.
    folder: PathBuf,
}

impl Npm {
    /// As it was started.
    pub(super) fn of(exe: &str, argv: &[String]) -> Option<Self> {
        let program = Path::new(argv.get(1)?).canonicalize().ok()?;
        Some(Self { exe: exe.to_owned(), folder: program.parent()?.to_owned() })
    }

    /// Whether a process that has just executed is the same; `given` is the environment of the
    /// command.
    pub(super) fn is(
        &self,
        pid: i32,
        exe: &str,
        argv: &[String],
        cwd: &str,
        given: &[(String, String)],
    ) -> bool {
        let Some(word) = argv.get(1).filter(|word| !word.starts_with('-')) else { return false };
        if exe != self.exe || argv.len() >= procfs::ARGUMENTS || argv.iter().skip(2).any(|word| is_code(word))
        {
            return false;
        }
        let Some(file) = fixed(&Path::new(cwd).join(word)) else { return false };
        let own = file.parent() == Some(&self.folder)
            && PROGRAMS.iter().any(|program| file.file_name().is_some_and(|name| name == *program));
        own && procfs::environment(pid).is_some_and(|environment| !brings_code(&environment, given))
    }
}

/// Whether an argument has npm run a file of its caller's, or show a credential.
fn is_code(word: &str) -> bool {
    let setting = word.trim_start_matches('-');
    let setting = setting.split('=').next().unwrap_or_default();
    RUNNING.iter().any(|command| word.len() > 2 && command.starts_with(word))
        || word.starts_with('-') && setting.len() > 1 && ONLOAD.starts_with(setting)
        || word.contains(":_")
}

/// Whether a variable puts code into npm, other than the command itself has it.
fn brings_code(environment: &[u8], given: &[(String, String)]) -> bool {
    let entries = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    entries.into_iter().any(|entry| {
        let Some((name, value)) = entry.split_once('=') else { return false };
        let same = given.iter().any(|(own, its)| own == name && its == value);
        let setting = name.to_ascii_lowercase().replace('_', "-");
        let code = setting.strip_prefix("npm-config-") == Some(ONLOAD) && !value.is_empty();
        !same && (code || puts_code(name, value))
    })
}

/// The real file that a path leads to, where nobody inside can lead it elsewhere: neither is a
/// folder on the way theirs to write, nor the file.
fn fixed(path: &Path) -> Option<PathBuf> {
    let mut left: VecDeque<OsString> = parts(path)?;
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if within_reach(&at) {
            return None;
        }
        let next = at.join(&part);
        let status = std::fs::symlink_metadata(&next).ok()?;
        if !status.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        let target = std::fs::read_link(&next).ok().filter(|_| links <= LINKS)?;
        // What climbs does so from where the link really lies, and before all else.
        let mut whole = at.clone();
        let mut climbs = true;
        for part in target.components() {
            match part {
                Component::RootDir => whole = PathBuf::from("/"),
                Component::ParentDir if climbs => whole = whole.parent()?.to_owned(),
                Component::ParentDir | Component::Prefix(_) => return None,
                Component::Normal(part) => {
                    climbs = false;
                    whole.push(part);
                }
                Component::CurDir => {}
            }
        }
        let mut further = parts(&whole)?;
        further.append(&mut left);
        (at, left) = (PathBuf::from("/"), further);
    }
    (at.is_file() && !within_reach(&at)).then_some(at)
}

/// The parts of an absolute path that does not climb: node takes `a/..` for nothing, and the
/// kernel goes where `a` leads. What leads through /proc is another thing for each that asks.
fn parts(path: &Path) -> Option<VecDeque<OsString>> {
    let mut parts = VecDeque::new();
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(part) => parts.push_back(part.to_owned()),
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    let proc = parts.front().is_some_and(|first| first == "proc");
    (path.is_absolute() && !proc).then_some(parts)
}

/// Whether scripts, whose user the witness has, can change it or what lies in it.
fn within_reach(path: &Path) -> bool {
    let sealed = statvfs(path).is_ok_and(|status| status.flags().contains(FsFlags::ST_RDONLY));
    let theirs = std::fs::metadata(path).map_or(true, |status| status.uid() == geteuid().as_raw());
    !sealed && (theirs || access(path, AccessFlags::W_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(words: &[(&str, &str)]) -> Vec<(String, String)> {
        words.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_file_of_the_machine_is_fixed_and_what_a_script_can_lead_elsewhere_is_not() {
        let room = tempfile::tempdir().unwrap();
        let link = room.path().join("npm-cli.js");
        std::os::unix::fs::symlink("/proc/version", &link).unwrap();
        assert_eq!(fixed(&link), None);
        assert_eq!(fixed(Path::new("/proc/self/exe")), None);
        assert_eq!(fixed(Path::new("/proc/../proc/version")), None);
        let own = room.path().join("x");
        std::fs::write(&own, "").unwrap();
        assert_eq!(fixed(&own), None);
        assert!(within_reach(room.path()) && within_reach(Path::new("/nowhere")));
    }

    #[test]
    fn what_brings_code_is_known_by_its_name_and_not_by_being_there() {
        let given = owned(&[("NODE_OPTIONS", "--require /opt/agent.js")]);
        let brings = |text: &str| brings_code(text.replace('|', "\0").as_bytes(), &given);
        for text in [
            "A=1|NODE_OPTIONS=--require=./evil.js",
            "NODE_PATH=/tmp",
            "LD_PRELOAD=/tmp/x.so",
            "OPENSSL_CONF=x",
            "npm_config_onload_script=/tmp/x.js",
            "NODE_OPTIONS=--require /opt/agent.js|NODE_OPTIONS=--import=/tmp/x.mjs",
        ] {
            assert!(brings(text), "{text}");
        }
        for text in [
            "",
            "NODE=/usr/bin/node|PATH=/project/node_modules/.bin|TMPDIR=/tmp/x|NODE_ENV=production",
            "npm_config_cache=/tmp/x|npm_config_init_module=/home/npm/.npm-init.js|GIT_DIR=x",
            "NODE_OPTIONS=--max-old-space-size=4096",
            // As npm 6 gives every setting to its scripts.
            "npm_config_onload_script=|npm_config_node_options=",
            "NODE_OPTIONS=--require /opt/agent.js",
        ] {
            assert!(!brings(text), "{text}");
        }
    }

    #[test]
    fn a_command_that_loads_its_callers_file_is_told_from_others() {
        for word in ["init", "create", "ini", "--onload-script=x", "//x/:_authToken"] {
            assert!(is_code(word), "{word}");
        }
        for word in ["run", "ci", "i", "in", "install", "--init-version=1", "create-x", "--omit=dev"] {
            assert!(!is_code(word), "{word}");
        }
    }
}
