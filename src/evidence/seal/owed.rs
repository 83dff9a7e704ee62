//! Which lockfile entries a command owes on a platform.

use super::SealContext;
use crate::project::base::climbs;
use crate::project::lockfile::{EntryKind, LockEntry};

/// What a command leaves out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Omitted {
    dev: bool,
    optional: bool,
    peer: bool,
    /// It installs some workspaces only, so that what it owes is not known.
    pub(super) some_workspaces: bool,
}

impl Omitted {
    /// From the command's words, `NODE_ENV` and npm's configuration, as npm
    /// reads them: an `include` on the command line wins over any `omit`.
    pub(super) fn of(context: &SealContext<'_>) -> Self {
        let mut omitted = Self::default();
        let config = &context.project.config;
        for key in ["omit", "only"] {
            for kind in config.plain(key).unwrap_or_default().split([',', ' ', '\n']) {
                omitted.set(kind, true);
            }
        }
        let production = context.project.settings.install.env.get("NODE_ENV").map(String::as_str);
        omitted.dev |= production == Some("production") || config.plain("production") == Some("true");
        omitted.peer |= config.plain("legacy-peer-deps") == Some("true");
        let mut words = context.command.iter().map(String::as_str).peekable();
        let mut included = Vec::new();
        while let Some(word) = words.next() {
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (word, words.peek().copied()),
            };
            match flag {
                "--omit" | "--only" => omitted.set(value.unwrap_or_default(), true),
                "--include" => included.push(value.unwrap_or_default()),
                "--production" => omitted.dev = value != Some("false"),
                "--legacy-peer-deps" => omitted.peer = true,
                "--no-optional" => omitted.optional = true,
                "-w" | "--workspace" | "--workspaces" => omitted.some_workspaces = true,
                other => omitted.some_workspaces |= other.starts_with("-w=") || other == "--no-workspaces",
            }
        }
        for kind in included {
            omitted.set(kind, false);
        }
        omitted
    }

    fn set(&mut self, kind: &str, to: bool) {
        match kind {
            "dev" | "prod" | "production" => self.dev = to,
            "optional" => self.optional = to,
            "peer" => self.peer = to,
            _ => {}
        }
    }

    fn leaves_out(self, entry: &LockEntry) -> bool {
        self.dev && entry.dev || self.optional && entry.optional || self.peer && entry.peer
    }
}

/// Whether the command has to install this entry here, as far as npm's own
/// fields tell: a package inside one that does not fit does not fit either.
pub(super) fn owes(entry: &LockEntry, omitted: Omitted, context: &SealContext<'_>) -> bool {
    // Below a folder beside the project npm installs nothing (arborist's `build-ideal-tree.js`:
    // "outside the root, somebody else's problem"), whatever the lockfile has there.
    if climbs(&entry.path) > 0 && entry.kind != EntryKind::Folder {
        return false;
    }
    let platform = context.platform;
    let fits = |entry: &LockEntry| entry.fits(&platform.os, &platform.cpu, &platform.libc);
    let mut path = entry.path.as_str();
    while let Some((parent, _)) = path.rsplit_once("/node_modules/") {
        if context.project.lockfile.entries.get(parent).is_some_and(|parent| !fits(parent)) {
            return false;
        }
        path = parent;
    }
    fits(entry) && !omitted.leaves_out(entry)
}
