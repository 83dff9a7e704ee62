//! Which entries npm leaves out of the tree: what fits this machine not, what falls with it,
//! and what nothing needs.
//!
//! Each npm has a rule of its own for what falls with an optional package that cannot be
//! installed. It must not know what a command omits, nor what was installed.

use super::{EntryKind, LockEntry, Lockfile, Want, allows};
use node_semver::{Range, Version};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Steps of one walk through the dependencies. A lockfile of a hundred thousand entries
/// needs some millions; one that is made to need more is not followed.
const STEPS: usize = 50_000_000;

/// Where npm installs, as npm sees it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// `linux`, or what the setting `os` says instead.
    pub os: String,
    /// `x64`, or what `cpu` says.
    pub cpu: String,
    /// `glibc`, `musl`, or what `libc` says; `None` where there is none, as on another system.
    pub libc: Option<String>,
    /// node's version.
    pub node: Version,
    /// npm's version.
    pub npm: Version,
}

/// What an npm does, by its exact version; each measured with the versions on both sides.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// It looks at `libc` (since 9.6.3).
    libc: bool,
    /// It leaves out before it installs, and with an optional package also what only that
    /// one may do without (since 11.6.2). Earlier ones remove it afterwards.
    inert: bool,
    /// What was left out before needs nothing any more (since 11.13.0).
    inert_needs_nothing: bool,
    /// What nothing needs is left out, whether the lockfile marks it or not (since 11.12.0).
    prunes: bool,
}

impl Rules {
    fn of(npm: &Version) -> Self {
        let since = |major, minor, patch| (npm.major, npm.minor, npm.patch) >= (major, minor, patch);
        Self {
            libc: since(9, 6, 3),
            inert: since(11, 6, 2),
            inert_needs_nothing: since(11, 13, 0),
            prunes: since(11, 12, 0),
        }
    }
}

/// What is known of npm's choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Paths of entries that are not installed here, with all that lies in their folders.
    paths: BTreeSet<String>,
    /// The dependencies could not be followed to their end.
    pub gave_up: bool,
}

impl LeftOut {
    /// Whether npm leaves this path out, by itself or with the folder that it lies in.
    pub fn has(&self, path: &str) -> bool {
        let mut path = path;
        loop {
            if self.paths.contains(path) {
                return true;
            }
            let Some((parent, _)) = path.rsplit_once("/node_modules/") else { return false };
            path = parent;
        }
    }
}

impl Lockfile {
    /// What npm leaves out because of `os`, `cpu`, `libc` and `engines`, and because nothing
    /// needs it. Lockfiles of version 1 hold nothing of that: npm asks the registry for the
    /// former, and nothing is known here.
    pub fn left_out(&self, machine: &Machine) -> LeftOut {
        let rules = Rules::of(&machine.npm);
        let graph = Graph::of(self);
        let mut steps = STEPS;
        let mut left = BTreeSet::new();
        let mut gave_up = false;
        for (at, entry) in graph.entries.iter().enumerate() {
            if !entry.optional || left.contains(&at) || entry.misfit(machine).is_none() {
                continue;
            }
            match graph.optional_set(at, rules, &left, &mut steps) {
                Some(set) => left.extend(set),
                None => {
                    gave_up = true;
                    left.insert(at);
                }
            }
        }
        let mut paths: BTreeSet<String> =
            left.into_iter().filter_map(|at| Some(graph.entries.get(at)?.path.clone())).collect();
        paths.extend(self.unneeded(rules));
        LeftOut { paths, gave_up }
    }

    /// What is not needed. A npm that does not prune installs it, unless it is marked as
    /// extraneous and something makes npm look at the tree anew; nothing lacks such a one there.
    fn unneeded(&self, rules: Rules) -> Vec<String> {
        // A lockfile of version 1 does not say what the root depends on, nor one without its entry.
        let prunes = rules.prunes && !self.root_wants.is_empty();
        let loose = |entry: &&LockEntry| {
            let stands = matches!(entry.kind, EntryKind::Folder | EntryKind::Link | EntryKind::Bundled);
            entry.extraneous || prunes && !stands
        };
        let loose: Vec<&LockEntry> = self.entries.values().filter(loose).collect();
        if loose.is_empty() {
            return Vec::new();
        }
        let mut folders = self.folders();
        folders.retain(|path| self.entries.get(*path).is_some_and(|entry| !entry.extraneous));
        // An optional peer is for who has it anyway: since 11.12.0 it keeps nothing in the tree.
        let needed = self.led_to(&folders, true, |want| want != Want::OptionalPeer);
        let paths = loose.into_iter().map(|entry| &entry.path);
        paths.filter(|path| !needed.contains(*path)).cloned().collect()
    }

    /// What npm removes with an optional package that it could not install, by path; that
    /// one itself is among it.
    pub fn falls_with(&self, path: &str, npm: &Version) -> BTreeSet<&str> {
        let graph = Graph::of(self);
        let Some(at) = graph.by_path.get(path).copied() else { return BTreeSet::new() };
        let set = graph.optional_set(at, Rules::of(npm), &BTreeSet::new(), &mut { STEPS });
        let paths = set.unwrap_or_else(|| BTreeSet::from([at])).into_iter();
        paths.filter_map(|at| Some(graph.entries.get(at)?.path.as_str())).collect()
    }
}

impl Lockfile {
    /// The folders of members and of `file:` packages.
    pub fn folders(&self) -> BTreeSet<&str> {
        let folders = self.entries.values().filter(|entry| entry.kind == EntryKind::Folder);
        folders.map(|entry| entry.path.as_str()).collect()
    }

    /// The folders that npm's `workspace` chooses, by name, by path, or by a folder above;
    /// `None` where one chooses nothing.
    pub fn members(&self, chosen: &[&str]) -> Option<BTreeSet<&str>> {
        let mut members = BTreeSet::new();
        for wanted in chosen {
            let path = wanted.trim_start_matches("./").trim_end_matches('/');
            let mut any = false;
            for entry in self.entries.values().filter(|entry| entry.kind == EntryKind::Folder) {
                let below = entry
                    .path
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                if below || entry.name.as_str() == *wanted {
                    any = true;
                    members.insert(entry.path.as_str());
                }
            }
            if !any {
                return None;
            }
        }
        Some(members)
    }

    /// Everything that these folders lead to, and what the root leads to where it counts too.
    pub fn reached(&self, folders: &BTreeSet<&str>, root: bool) -> BTreeSet<String> {
        self.led_to(folders, root, |_| true)
    }

    /// The same by those dependencies alone that count.
    fn led_to(
        &self,
        folders: &BTreeSet<&str>,
        root: bool,
        counts: impl Fn(Want) -> bool,
    ) -> BTreeSet<String> {
        let graph = Graph::of(self);
        let of_root = || {
            let wants = self.root_wants.iter().filter(|(_, want)| counts(**want));
            wants.filter_map(|(name, _)| graph.resolve("", name))
        };
        let mut reached: BTreeSet<usize> =
            folders.iter().filter_map(|path| graph.by_path.get(path).copied()).collect();
        if root {
            reached.extend(of_root());
        }
        let mut waiting: VecDeque<usize> = reached.iter().copied().collect();
        while let Some(at) = waiting.pop_front() {
            let Some(entry) = graph.entries.get(at) else { continue };
            let target = entry.resolved.as_deref().filter(|_| entry.kind == EntryKind::Link);
            let target =
                target.and_then(|path| graph.by_path.get(path.strip_prefix("file:").unwrap_or(path)));
            let out = graph.out.get(at).into_iter().flatten();
            let out = out.filter(|edge| counts(edge.want)).map(|edge| edge.to);
            for to in out.chain(target.copied()) {
                if reached.insert(to) {
                    waiting.push_back(to);
                }
            }
        }
        reached.into_iter().filter_map(|at| Some(graph.entries.get(at)?.path.clone())).collect()
    }
}

/// What of an entry does not fit a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// `os`, `cpu`, `libc` or `engines`.
    pub field: &'static str,
    /// What the entry wants: `darwin, win32`, `node >=22`.
    pub wanted: String,
    /// What there is; empty where there is no libc.
    pub here: String,
}

impl LockEntry {
    /// What of it does not fit, by npm's `checkPlatform` and `checkEngine`. Of `engines` npm only
    /// warns where the package is not optional.
    pub fn misfit(&self, machine: &Machine) -> Option<Misfit> {
        let libc = machine.libc.as_deref().unwrap_or_default();
        let known = Rules::of(&machine.npm).libc;
        for (field, list, here) in [
            ("os", &self.os, machine.os.as_str()),
            ("cpu", &self.cpu, machine.cpu.as_str()),
            ("libc", &self.libc, libc),
        ] {
            let counts = field != "libc" || known && !list.is_empty();
            if counts && (!allows(list, here) || field == "libc" && libc.is_empty()) {
                return Some(Misfit { field, wanted: list.join(", "), here: here.to_owned() });
            }
        }
        for (engine, version) in [("node", &machine.node), ("npm", &machine.npm)] {
            let Some(range) = self.engines.get(engine).filter(|range| !range.is_empty()) else { continue };
            if !satisfies(version, range) {
                let (wanted, here) = (format!("{engine} {range}"), version.to_string());
                return Some(Misfit { field: "engines", wanted, here });
            }
        }
        None
    }
}

/// npm counts a prerelease as the version that it leads to. What is no range fits nothing.
fn satisfies(version: &Version, range: &str) -> bool {
    // Our parser passes over words that npm's does not know.
    let is_known = |word: &str| {
        let version = word.trim_start_matches(['<', '>', '=', '~', '^', 'v', '|']);
        version.is_empty()
            || version == "-"
            || version.starts_with(|c: char| c.is_ascii_digit() || "xX*".contains(c))
    };
    if !range.split_whitespace().all(is_known) {
        return false;
    }
    let plain = Version { pre_release: Vec::new(), ..version.clone() };
    Range::parse(range).is_ok_and(|range| plain.satisfies(&range))
}

/// Who depends on whom, as npm would resolve it in the tree.
struct Graph<'a> {
    entries: Vec<&'a LockEntry>,
    by_path: BTreeMap<&'a str, usize>,
    out: Vec<Vec<Edge>>,
    /// `None` is the root.
    into: Vec<Vec<(Option<usize>, bool)>>,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    to: usize,
    want: Want,
}

impl<'a> Graph<'a> {
    fn of(lockfile: &'a Lockfile) -> Self {
        let entries: Vec<&LockEntry> = lockfile.entries.values().collect();
        let by_path: BTreeMap<&str, usize> =
            entries.iter().enumerate().map(|(at, entry)| (entry.path.as_str(), at)).collect();
        let mut graph = Self {
            out: vec![Vec::new(); entries.len()],
            into: vec![Vec::new(); entries.len()],
            entries,
            by_path,
        };
        graph.connect(None, "", &lockfile.root_wants);
        for at in 0..graph.entries.len() {
            let Some(entry) = graph.entries.get(at).copied() else { continue };
            // A link needs nothing: its folder does.
            if entry.kind != EntryKind::Link {
                graph.connect(Some(at), &entry.path, &entry.wants);
            }
        }
        graph
    }

    fn connect(&mut self, from: Option<usize>, path: &str, wants: &BTreeMap<String, Want>) {
        for (name, want) in wants {
            let Some(to) = self.resolve(path, name) else { continue };
            if let Some(into) = self.into.get_mut(to) {
                into.push((from, want.is_optional()));
            }
            if let Some(out) = from.and_then(|from| self.out.get_mut(from)) {
                out.push(Edge { to, want: *want });
            }
        }
    }

    /// What `name` is to a package at `path`: the nearest `node_modules` upward that has it.
    fn resolve(&self, path: &str, name: &str) -> Option<usize> {
        let mut folder = path;
        loop {
            let place = if folder.is_empty() {
                format!("node_modules/{name}")
            } else {
                format!("{folder}/node_modules/{name}")
            };
            if let Some(at) = self.by_path.get(place.as_str()) {
                return Some(*at);
            }
            if folder.is_empty() {
                return None;
            }
            // A folder of a scope or of modules has no `node_modules` of its own, so that
            // looking there finds nothing.
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }

    /// npm's `optionalSet`: what needs the package up to where npm may do without, and what
    /// only those depend on. `None` where the steps did not suffice.
    fn optional_set(
        &self,
        seed: usize,
        rules: Rules,
        inert: &BTreeSet<usize>,
        steps: &mut usize,
    ) -> Option<BTreeSet<usize>> {
        let mut step = || {
            *steps = steps.checked_sub(1)?;
            Some(())
        };
        let mut set = BTreeSet::from([seed]);
        let mut waiting = VecDeque::from([seed]);
        while let Some(at) = waiting.pop_front() {
            for (from, optional) in self.into.get(at)? {
                step()?;
                if let Some(from) = from.filter(|_| !optional)
                    && set.insert(from)
                {
                    waiting.push_back(from);
                }
            }
        }
        let counts = |from: Option<usize>, to: usize, optional: bool| {
            if rules.inert {
                let gone = rules.inert_needs_nothing && from.is_some_and(|from| inert.contains(&from));
                !set.contains(&to) && !gone
            } else {
                !optional
            }
        };
        let mut deps = set.clone();
        let mut waiting: VecDeque<usize> = deps.iter().copied().collect();
        while let Some(at) = waiting.pop_front() {
            for edge in self.out.get(at)? {
                step()?;
                if counts(Some(at), edge.to, edge.want.is_optional()) && deps.insert(edge.to) {
                    waiting.push_back(edge.to);
                }
            }
        }
        let mut waiting: VecDeque<usize> = deps.iter().copied().collect();
        while let Some(at) = waiting.pop_front() {
            if !deps.contains(&at) {
                continue;
            }
            let mut needed = false;
            for (from, optional) in self.into.get(at)? {
                step()?;
                needed |= !from.is_some_and(|from| deps.contains(&from)) && counts(*from, at, *optional);
            }
            if needed {
                deps.remove(&at);
                for edge in self.out.get(at)?.iter().filter(|edge| deps.contains(&edge.to)) {
                    step()?;
                    waiting.push_back(edge.to);
                }
            }
        }
        Some(deps)
    }
}

#[cfg(test)]
mod tests;
