//! Which lockfile entries a command owes on a machine.

use super::layout::Layout;
use super::{SealContext, gap};
use crate::evidence::fact::Gap;
use crate::project::base::climbs;
use crate::project::lockfile::left_out::{LeftOut, Machine};
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::omit::Omit;
use crate::wire::GapKind;
use node_semver::Version;
use std::collections::BTreeSet;

/// What a command has to install.
pub(super) struct Owed<'a> {
    context: &'a SealContext<'a>,
    omit: Omit,
    left_out: LeftOut,
    scope: Scope,
    /// Packages lie in a store (`install-strategy=linked`, since 9.4). Only members that the
    /// root depends on are linked then.
    linked: bool,
}

/// What of the lockfile a command is about.
enum Scope {
    Whole,
    /// Some workspaces only, and what they lead to.
    Some(BTreeSet<String>),
    /// Some workspaces, and which is not known.
    Unknown,
    /// Npm writes no tree, or one that is not watched. Why, a fragment.
    Nothing(&'static str),
    /// `npm update --dry-run`, which a scenario runs for what npm asks and not for a tree.
    Questions,
}

impl<'a> Owed<'a> {
    /// From the run's command, variables and files, by the rules of its npm.
    pub(super) fn of(context: &'a SealContext<'a>, layout: &Layout<'_>) -> Self {
        let chosen =
            context.config.plain("install-strategy") == Some("linked") && since(context.npm, (9, 4, 0));
        Self {
            linked: chosen || layout.is_linked(),
            context,
            omit: Omit::of(context.config, context.node_env),
            left_out: context.project.lockfile.left_out(&machine(context)),
            scope: scope(context),
        }
    }

    /// Whether the command has to install this entry here.
    pub(super) fn owes(&self, entry: &LockEntry) -> bool {
        let in_scope = match &self.scope {
            Scope::Whole => true,
            Scope::Some(paths) => paths.contains(&entry.path),
            Scope::Unknown | Scope::Nothing(_) | Scope::Questions => false,
        };
        // Below a folder beside the project npm installs nothing (arborist's `build-ideal-tree.js`:
        // "outside the root, somebody else's problem"), whatever the lockfile has there.
        if climbs(&entry.path) > 0 && entry.kind != EntryKind::Folder {
            return false;
        }
        let omitted = self.omit.leaves_out(entry, self.context.project, Some(self.context.npm));
        // Since 11.9 npm prunes what only peers led to, where there are no peers.
        let unlinked = self.linked && entry.kind == EntryKind::Link && !self.wanted_by_root(entry);
        let no_peer = entry.peer && legacy_peers(self.context) && since(self.context.npm, (11, 9, 0));
        in_scope && !omitted && !unlinked && !no_peer && !self.left_out.has(&entry.path)
    }

    /// Whether the root depends on what is at the top of the tree.
    fn wanted_by_root(&self, entry: &LockEntry) -> bool {
        let name = entry.path.strip_prefix("node_modules/");
        name.is_some_and(|name| self.context.project.lockfile.root_wants.contains_key(name))
    }

    /// Why it cannot be said what is owed.
    pub(super) fn gaps(&self) -> impl Iterator<Item = Gap> {
        let scope = match &self.scope {
            Scope::Whole | Scope::Some(_) | Scope::Questions => None,
            Scope::Unknown => Some((
                "the command installs some workspaces only: what it owes was not worked out".to_owned(),
                false,
            )),
            Scope::Nothing(why) => {
                Some((format!("{why}, so that nothing of what it installs was seen"), true))
            }
        };
        let entangled = self.left_out.gave_up.then(|| {
            (
                "the lockfile's dependencies are too many to say what npm leaves out on this platform"
                    .to_owned(),
                true,
            )
        });
        scope.into_iter().chain(entangled).map(|(why, hides)| gap(GapKind::Tree, why, hides))
    }
}

fn since(npm: &Version, version: (u64, u64, u64)) -> bool {
    (npm.major, npm.minor, npm.patch) >= version
}

fn is_on(context: &SealContext<'_>, key: &str) -> bool {
    context.config.plain(key) == Some("true")
}

fn legacy_peers(context: &SealContext<'_>) -> bool {
    is_on(context, "legacy-peer-deps")
}

/// The machine as this npm sees it: the settings `os` and `cpu` count since 9.9.0, though not in
/// 10.0, and `libc` since 10.3.0.
fn machine(context: &SealContext<'_>) -> Machine {
    let set = |key: &str, known: bool| {
        context.config.plain(key).filter(|value| known && !value.is_empty()).map(str::to_owned)
    };
    let platform = context.platform;
    let targets = since(context.npm, (9, 9, 0)) && (context.npm.major, context.npm.minor) != (10, 0);
    let os = set("os", targets).unwrap_or_else(|| platform.os.clone());
    let libc = set("libc", since(context.npm, (10, 3, 0)));
    Machine {
        libc: libc.or_else(|| (os == "linux").then(|| platform.libc.clone())),
        cpu: set("cpu", targets).unwrap_or_else(|| platform.cpu.clone()),
        os,
        node: context.node.clone(),
        npm: context.npm.clone(),
    }
}

fn scope(context: &SealContext<'_>) -> Scope {
    if is_on(context, "dry-run") {
        if context.command.get(1).is_some_and(|word| word == "update") {
            return Scope::Questions;
        }
        return Scope::Nothing("`dry-run` is set and npm writes no tree");
    }
    if is_on(context, "package-lock-only") {
        return Scope::Nothing("`package-lock-only` is set and npm writes no tree");
    }
    if is_on(context, "global") || context.config.plain("location") == Some("global") {
        return Scope::Nothing("npm installs globally, outside of the project");
    }
    let lockfile = &context.project.lockfile;
    let chosen = context.config.items("workspace");
    let root = is_on(context, "include-workspace-root");
    match context.config.plain("workspaces") {
        _ if !chosen.is_empty() => match lockfile.members(&chosen) {
            Some(members) => Scope::Some(lockfile.reached(&members, root)),
            None => Scope::Unknown,
        },
        Some("true") => Scope::Some(lockfile.reached(&lockfile.folders(), root)),
        Some("false") => Scope::Some(lockfile.reached(&BTreeSet::new(), true)),
        Some(_) | None => Scope::Whole,
    }
}
