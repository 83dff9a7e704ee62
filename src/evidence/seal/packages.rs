//! Each package: what the lockfile wants and what came.

use super::layout::Layout;
use super::owed::Owed;
use super::source::{Delivered, Origin, Rightful, role, satisfies, url_of};
use super::timeline::Timeline;
use super::{Recording, SealContext, gap, processes};
use crate::evidence::exchange::Role;
use crate::evidence::fact::{Gap, Locked, Package, PackageSource, Process, SourceKind};
use crate::project::class::Class;
use crate::project::lockfile::{EntryKind, LockEntry, fetched_from};
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::wire::{Exit, GapKind, PackageTree};
use std::collections::{BTreeMap, BTreeSet};

/// Names shown in a gap before it says how many more there are.
const SHOWN: usize = 5;

/// Every entry that is owed here and everything else that is installed.
pub(super) fn packages(
    sources: Sources<'_>,
    processes: &[Process],
    context: &SealContext<'_>,
    owed: &Owed<'_>,
    gaps: &mut Vec<Gap>,
) -> Vec<Package> {
    let Sources { timeline, recording, layout } = sources;
    let join = Join {
        timeline,
        recording,
        context,
        delivered: Delivered::of(recording, context),
        own: context.project.own_registries(),
        scripts: processes::scripts(processes),
    };
    let entries = &context.project.lockfile.entries;
    let mut paths: BTreeSet<&str> = timeline.installed.keys().chain(timeline.links.keys()).copied().collect();
    // What npm unpacked and took away again, because it does not belong here, is not missed.
    let is_missed = |path: &&str| entries.get(*path).is_none_or(|entry| owed.owes(entry));
    paths.extend(timeline.unpacked.keys().copied().filter(is_missed));
    paths.extend(entries.values().filter(|entry| owed.owes(entry)).map(|entry| entry.path.as_str()));
    if timeline.exit == Some(Exit::Code(0)) {
        gaps.extend(owed.gaps());
    }
    let entry_of = |path: &str| entries.get(path).or_else(|| entries.get(layout.entry_of(path)?));
    let mut all: Vec<Package> = paths.into_iter().map(|path| join.package(path, entry_of(path))).collect();
    bundled(&mut all, &join);
    all.retain(|package| !is_part(package, &join));
    unknown_sources(&all, timeline.exit, gaps, |package| {
        entries.get(&package.path).is_some_and(|entry| entry.kind == EntryKind::Link)
    });
    all
}

/// Where what came is read from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) timeline: &'a Timeline<'a>,
    pub(super) recording: &'a Recording,
    pub(super) layout: &'a Layout<'a>,
}

struct Join<'a> {
    timeline: &'a Timeline<'a>,
    recording: &'a Recording,
    context: &'a SealContext<'a>,
    delivered: Delivered<'a>,
    own: BTreeMap<PackageName, BTreeSet<RegistryUrl>>,
    scripts: BTreeMap<&'a str, Vec<String>>,
}

impl<'a> Join<'a> {
    /// The tree as it was unpacked: what scripts did to it later is another matter.
    fn tree(&self, path: &str) -> Option<&'a PackageTree> {
        self.timeline.unpacked.get(path).or_else(|| self.timeline.installed.get(path)).copied()
    }

    fn package(&self, path: &str, entry: Option<&LockEntry>) -> Package {
        let tree = self.tree(path);
        let name = match (entry, tree) {
            (Some(entry), _) => entry.name.as_str().to_owned(),
            (None, Some(tree)) if !tree.name.is_empty() => tree.name.clone(),
            (None, _) => from_path(path).to_owned(),
        };
        let locked = entry.map_or(path, |entry| entry.path.as_str());
        let class = self.class(locked, &name, tree.map(|tree| tree.version.as_str()));
        let home = self
            .context
            .project
            .classes
            .get(locked)
            .and_then(|classified| classified.registry.as_ref())
            .or_else(|| self.context.private.get(&name).filter(|_| class == Class::Private));
        let rightful = Rightful {
            class,
            name: &name,
            home,
            own: PackageName::parse(&name).ok().and_then(|name| self.own.get(&name)),
            resolved: entry.and_then(|entry| entry.resolved.as_deref()),
        };
        let found = tree.map(|tree| self.source(tree, entry, &rightful));
        let linked = self.linked(path, entry);
        let version = match (self.timeline.installed.get(path), &linked) {
            (Some(tree), _) => Some(tree.version.clone()),
            (None, Some((version, _))) => Some(version.clone()),
            (None, None) => None,
        };
        let (source, sha1, decoy) = match (found, linked) {
            (Some(found), _) => (Some(found.source), found.sha1, found.decoy),
            (None, Some((_, source))) => (Some(source), None, false),
            (None, None) => (None, None, false),
        };
        let sha512 = source.as_ref().and_then(|source| source.sha512.as_deref());
        let integrity_ok = entry
            .and_then(|entry| entry.integrity.as_ref())
            .and_then(|integrity| satisfies(integrity, sha512, sha1.as_deref()));
        let unchanged = entry.is_some_and(|entry| {
            tree.is_some_and(|tree| entry.version.is_empty() || tree.version == entry.version)
        });
        let baseline = self.context.genuine.get(path).or_else(|| self.context.genuine.get(locked));
        let genuine = match (decoy, integrity_ok, baseline, sha512) {
            (true, _, _, _) => Some(false),
            (false, Some(ok), _, _) if unchanged => Some(ok),
            (false, None, Some(baseline), Some(sha512)) if unchanged => Some(baseline == sha512),
            (false, _, _, _) => None,
        };
        Package {
            path: path.to_owned(),
            name,
            version,
            class,
            lock: entry.map(|entry| Locked {
                version: entry.version.clone(),
                resolved: entry.resolved.clone(),
                integrity: entry.integrity_text.clone(),
            }),
            source,
            genuine,
            integrity_ok,
            scripts: self.scripts.get(path).cloned().unwrap_or_default(),
            optional: entry.is_some_and(|entry| entry.optional),
            decoy,
        }
    }

    /// The class of a path: of the lockfile's entry there. What is at a path that the lockfile
    /// does not have is of the class that the lockfile gives this version of its name, else of
    /// the name's.
    fn class(&self, path: &str, name: &str, version: Option<&str>) -> Class {
        let classes = &self.context.project.classes;
        if let Some(classified) = classes.get(path) {
            return classified.class;
        }
        let same: Vec<(&LockEntry, Class)> = self
            .context
            .project
            .lockfile
            .entries
            .values()
            .filter(|entry| entry.name.as_str() == name && entry.speaks_for_its_name())
            .filter_map(|entry| Some((entry, classes.get(&entry.path)?.class)))
            .collect();
        let of_version = |class: Class| {
            let mut same = same.iter().filter(|(entry, _)| Some(entry.version.as_str()) == version);
            same.any(|(_, found)| *found == class)
        };
        let told = [Class::Private, Class::Local, Class::Public, Class::Other, Class::Undecided];
        if let Some(class) = told.into_iter().find(|class| of_version(*class)) {
            return class;
        }
        let local = same.iter().any(|(_, class)| *class == Class::Local);
        match (self.context.private.contains_key(name), local) {
            (true, _) => Class::Private,
            (false, true) => Class::Local,
            (false, false) => Class::Public,
        }
    }

    /// Version and source of what is no tree of its own: a link, or the folder
    /// of a workspace member, which is the project's own files.
    fn linked(&self, path: &str, entry: Option<&LockEntry>) -> Option<(String, PackageSource)> {
        let version = match entry.map(|entry| entry.kind) {
            Some(EntryKind::Folder) => entry.map(|entry| entry.version.clone()).unwrap_or_default(),
            Some(
                EntryKind::Registry
                | EntryKind::Remote
                | EntryKind::Git
                | EntryKind::File
                | EntryKind::Link
                | EntryKind::Bundled,
            )
            | None => {
                let target = self.timeline.links.get(path)?;
                let folder = self.context.project.lockfile.entries.get(*target);
                folder.map(|folder| folder.version.clone()).unwrap_or_default()
            }
        };
        Some((version, plain(SourceKind::Link, Role::Own, None)))
    }

    fn source(&self, tree: &PackageTree, entry: Option<&LockEntry>, rightful: &Rightful<'_>) -> Found {
        let project = self.context.project;
        let integrity = entry.and_then(|entry| entry.integrity.as_ref());
        let worst = self
            .delivered
            .find(tree)
            .into_iter()
            .map(|exchange| {
                let ok = integrity.and_then(|integrity| {
                    satisfies(integrity, exchange.sha512.as_deref(), exchange.sha1.as_deref())
                });
                (role(rightful, &Origin::of_exchange(exchange), ok, project), exchange)
            })
            // The same bytes may have come twice; a foreign delivery is the one that matters.
            .min_by_key(|(role, exchange)| (suspicion(*role), exchange.seq));
        if let Some((role, exchange)) = worst {
            let decoy = exchange.decoy
                || self.recording.decoys.iter().any(|decoy| Some(&decoy.sha512) == exchange.sha512.as_ref());
            return Found {
                source: PackageSource {
                    kind: SourceKind::Registry,
                    role,
                    host: Some(exchange.host.clone()),
                    url: Some(url_of(exchange)),
                    sha512: exchange.sha512.clone(),
                    exchange: Some(exchange.seq),
                },
                sha1: exchange.sha1.clone(),
                decoy,
            };
        }
        if let Some(known) = self.context.known.get(&tree.tree) {
            let ok = integrity.and_then(|integrity| satisfies(integrity, Some(&known.sha512), None));
            return Found {
                source: PackageSource {
                    kind: SourceKind::Cache,
                    role: role(rightful, &Origin::of_known(known), ok, project),
                    host: Some(known.host.clone()),
                    url: Some(known.url.clone()),
                    sha512: Some(known.sha512.clone()),
                    exchange: None,
                },
                sha1: None,
                decoy: self.recording.decoys.iter().any(|decoy| decoy.sha512 == known.sha512),
            };
        }
        let resolved = rightful.resolved;
        let source = match entry.map(|entry| entry.kind) {
            Some(EntryKind::Git) => plain(SourceKind::Git, Role::Own, resolved),
            Some(EntryKind::File) => plain(SourceKind::File, Role::Own, resolved),
            Some(EntryKind::Bundled) => plain(SourceKind::Bundled, Role::Unknown, None),
            Some(EntryKind::Registry | EntryKind::Remote | EntryKind::Link | EntryKind::Folder) | None => {
                plain(SourceKind::Unknown, Role::Unknown, None)
            }
        };
        Found { source, sha1: None, decoy: false }
    }
}

struct Found {
    source: PackageSource,
    sha1: Option<String>,
    decoy: bool,
}

fn plain(kind: SourceKind, role: Role, url: Option<&str>) -> PackageSource {
    let host = url.and_then(fetched_from).and_then(|url| url.host_str().map(str::to_owned));
    PackageSource { kind, role, host, url: url.map(str::to_owned), sha512: None, exchange: None }
}

fn suspicion(role: Role) -> u8 {
    match role {
        Role::Foreign => 0,
        Role::Unknown => 1,
        Role::Public => 2,
        Role::Own => 3,
    }
}

fn from_path(path: &str) -> &str {
    path.rsplit_once("node_modules/").map_or(path, |(_, name)| name)
}

/// Whether it is no package but a folder of the tarball that it came in: `yaml` has a
/// `browser/dist/node_modules/tslib` without a package.json.
fn is_part(package: &Package, join: &Join<'_>) -> bool {
    let came = package.source.as_ref().is_some_and(|source| source.kind == SourceKind::Bundled);
    let bare = |tree: &PackageTree| tree.manifest.is_empty();
    package.lock.is_none() && came && join.tree(&package.path).is_some_and(bare)
}

/// Packages whose bytes lay in their parent's tarball are whose that is.
fn bundled(all: &mut [Package], join: &Join<'_>) {
    let sources: BTreeMap<String, PackageSource> =
        all.iter().filter_map(|package| Some((package.path.clone(), package.source.clone()?))).collect();
    for package in all {
        let Some(source) = &mut package.source else { continue };
        let Some(tree) = join.tree(&package.path) else { continue };
        // npm may have fetched the same bytes for another place in the tree.
        let stated = match join.context.project.lockfile.entries.get(&package.path) {
            Some(entry) => entry.kind == EntryKind::Bundled,
            None => tree.manifest.is_empty(),
        };
        if !stated && !matches!(source.kind, SourceKind::Bundled | SourceKind::Unknown) {
            continue;
        }
        // The parent is not always just above: `resolve` ships
        // `test/shadowed_core/node_modules/util`.
        for (at, _) in package.path.rmatch_indices('/') {
            let parent = &package.path[..at];
            let Some(from) = sources.get(parent) else { continue };
            let inner = package.path[parent.len()..].trim_start_matches('/');
            let bundled = from
                .sha512
                .as_ref()
                .and_then(|sha512| join.context.tarballs.get(sha512))
                .and_then(|index| index.bundled.get(inner));
            if source.kind == SourceKind::Bundled || bundled == Some(&tree.tree) {
                *source = PackageSource {
                    kind: SourceKind::Bundled,
                    sha512: None,
                    exchange: from.exchange,
                    ..from.clone()
                };
                break;
            }
        }
    }
}

/// Bytes that match nothing that was delivered: for a private package that
/// hides the very answer.
fn unknown_sources(
    all: &[Package],
    exit: Option<Exit>,
    gaps: &mut Vec<Gap>,
    is_link: impl Fn(&Package) -> bool,
) {
    let unknown = |own: bool| -> Vec<&str> {
        all.iter()
            .filter(|package| {
                package.source.as_ref().is_some_and(|source| source.kind == SourceKind::Unknown)
                    && matches!(package.class, Class::Private | Class::Local) == own
            })
            .map(|package| package.name.as_str())
            .collect()
    };
    for (own, hides) in [(true, exit == Some(Exit::Code(0))), (false, false)] {
        let names = unknown(own);
        if names.is_empty() {
            continue;
        }
        // With `install-links` npm packs the folder that a link would lead to.
        let mut them = all.iter().filter(|package| {
            names.contains(&package.name.as_str())
                && package.source.as_ref().is_some_and(|source| source.kind == SourceKind::Unknown)
        });
        let copied = if own && them.all(&is_link) {
            ", and npm copied what the lockfile has as a link (`install-links`): the copy was not held against its folder"
        } else {
            ""
        };
        let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        gaps.push(gap(
            GapKind::Tree,
            format!("the bytes of {shown}{more} match nothing that was delivered{copied}"),
            hides,
        ));
    }
}
