//! What an image has: found out inside it, by our own executable.

use crate::toolchain::answers::Answers;
use crate::toolchain::local::{self, Machine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Looked {
    /// node and npm.
    Found(Box<Tools>),
    /// What is not there, a fragment: "no node on its PATH".
    Lacks(String),
}

/// node and npm of an image. Paths are paths inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tools {
    /// node's version.
    pub(crate) node: String,
    /// npm's version.
    pub(crate) npm: String,
    /// The executable, links followed.
    pub(crate) node_exe: PathBuf,
    /// The package's folder.
    pub(crate) npm_dir: PathBuf,
    /// npm's built-in default registry, asked of this npm.
    pub(crate) public: String,
    /// The image's `PATH`.
    pub(crate) path: String,
    /// npm's own npmrc.
    pub(crate) builtin_npmrc: Option<String>,
    /// The global npmrc of this node.
    pub(crate) global_npmrc: Option<String>,
    /// `/etc/passwd`.
    pub(crate) passwd: Option<String>,
    /// `glibc` or `musl`, as node was linked.
    pub(crate) libc: String,
}

/// Bytes of a file of the image that are read.
const MAX_FILE: u64 = 1 << 20;

/// Looks, and says it on standard output. Returns an exit code.
pub(crate) fn run() -> i32 {
    let looked = look().unwrap_or_else(Looked::Lacks);
    let Ok(text) = serde_json::to_string(&looked) else { return 70 };
    say(&text)
}

/// Says a line to the host, and stays until it has heard it: engines lose the last
/// words of a container that goes away. Returns an exit code.
pub(crate) fn say(line: &str) -> i32 {
    let said = super::print(&format!("{line}\n"));
    let _ = std::io::stdin().read(&mut [0]);
    i32::from(said.is_err())
}

fn look() -> Result<Looked, String> {
    let path = std::env::var_os("PATH");
    let machine = Machine {
        path: path.clone(),
        home: None,
        env: BTreeMap::new(),
        // No folder of a project is here, and nothing below this one is run.
        project: PathBuf::from("/.sealcheck"),
        answers: Answers::default(),
    };
    let found = local::candidates(&machine).into_iter().next().ok_or("has no node on its PATH")?;
    let npm = found.npm.ok_or("has node, but no npm on its PATH")?;
    let public = local::public_registry(&machine.answers, &found.node_exe, &npm.dir, &std::env::temp_dir())
        .map_err(|error| format!("has an npm that does not run: {error}"))?;
    let prefix = found.node_exe.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    Ok(Looked::Found(Box::new(Tools {
        node: found.node.to_string(),
        npm: npm.version.to_string(),
        public: public.to_string(),
        path: path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        builtin_npmrc: text(&npm.dir.join("npmrc")),
        global_npmrc: text(&prefix.join("etc/npmrc")),
        passwd: text(Path::new("/etc/passwd")),
        libc: libc_of(&found.node_exe).to_owned(),
        node_exe: found.node_exe,
        npm_dir: npm.dir,
    })))
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

/// By the loader that the executable names among its first bytes.
pub(super) fn libc_of(executable: &Path) -> &'static str {
    let mut start = Vec::new();
    let read = File::open(executable).and_then(|file| file.take(8192).read_to_end(&mut start));
    let musl = read.is_ok() && start.windows(7).any(|bytes| bytes == b"ld-musl");
    if musl { "musl" } else { "glibc" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loader_tells_the_libc() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node");
        std::fs::write(&path, b"\x7fELF..../lib/ld-musl-x86_64.so.1\0").unwrap();
        assert_eq!(libc_of(&path), "musl");
        std::fs::write(&path, b"\x7fELF..../lib64/ld-linux-x86-64.so.2\0").unwrap();
        assert_eq!(libc_of(&path), "glibc");
    }

    #[test]
    fn what_was_seen_survives_the_way_out() {
        let lacks = Looked::Lacks("no node on its PATH".into());
        assert_eq!(serde_json::from_str::<Looked>(&serde_json::to_string(&lacks).unwrap()).unwrap(), lacks);
    }
}
