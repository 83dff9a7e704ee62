//! What is installed below `node_modules`: one digest for each package folder,
//! the same that its tarball has; and what lies beside the packages.
//!
//! A survey after another one hashes again only what was written in between.
//! It must not follow links, and it knows nothing of processes.

mod loose;

use super::walk::{Entry, Folder, Kind, Stamp, join};
use crate::evidence::shadow;
use crate::evidence::tree::{FileDigest, FileHasher, MAX_MANIFEST, TreeDigest, hex, manifest_digest};
use crate::wire::{Change, FileChange, Link, PackageTree};
use loose::{Loose, file_change};
use nix::errno::Errno;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes of one survey that are hashed; a sparse file can claim any size.
const BYTES: u64 = 16 << 30;
/// Files of one survey.
const FILES: u64 = 2_000_000;
/// The folder beside the links of `install-strategy=linked`.
const STORE: &str = ".store";
/// More threads than this only fight for the disk, and for descriptors.
const THREADS: usize = 8;
/// Characters of a name or version.
const WORD: usize = 256;

/// A file as it was found.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// `None` for what is no regular file.
    stamp: Option<Stamp>,
    digest: FileDigest,
}

#[derive(Debug, Clone)]
struct Package {
    tree: PackageTree,
    /// `main` in its package.json, clipped.
    main: String,
    files: BTreeMap<String, Mark>,
    /// Files that a script had put there, or written, before they were looked at first.
    planted: BTreeSet<String>,
}

/// All packages below the `node_modules` of a project.
#[derive(Debug, Default)]
pub(super) struct Survey {
    packages: BTreeMap<String, Package>,
    links: BTreeSet<Link>,
    /// What lies beside the packages, by its path relative to the project.
    loose: BTreeMap<String, Loose>,
    /// What could not be read.
    pub(super) gaps: BTreeSet<String>,
}

/// Where the trees are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The project, absolute.
    pub(super) project: String,
    /// Its folders that may hold a `node_modules`.
    pub(super) members: Vec<String>,
}

impl Place {
    /// The `node_modules` folders, relative to the project.
    pub(super) fn roots(&self) -> BTreeSet<String> {
        self.members.iter().map(|member| join(member.trim_matches('/'), "node_modules")).collect()
    }
}

impl Survey {
    /// Looks at everything, with what was known before. `mend` gives back
    /// permissions that scripts took away; only for when nothing is alive.
    pub(super) fn take(place: &Place, before: Option<&Survey>, mend: bool) -> Self {
        let work = Work {
            place,
            before,
            mend,
            queue: Mutex::new(Queue { jobs: place.roots().into_iter().map(Job::Modules).collect(), busy: 0 }),
            more: Condvar::new(),
            found: Mutex::new(Survey::default()),
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // Where no thread can be had, this one does all.
                let _none = std::thread::Builder::new().spawn_scoped(scope, || work.run());
            }
            work.run();
        });
        work.found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is no package at all.
    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The packages, ordered by path.
    pub(super) fn packages(&self) -> Vec<PackageTree> {
        self.packages.values().map(|package| package.tree.clone()).collect()
    }

    /// The links in the place of packages, ordered by path.
    pub(super) fn links(&self) -> Vec<Link> {
        self.links.iter().cloned().collect()
    }

    /// Files that differ in a later survey, by absolute path.
    pub(super) fn changes(&self, later: &Survey, project: &str) -> Vec<FileChange> {
        let paths: BTreeSet<&String> = self.packages.keys().chain(later.packages.keys()).collect();
        let none = BTreeMap::new();
        let mut changes = Vec::new();
        for path in paths {
            let before = self.packages.get(path).map_or(&none, |package| &package.files);
            let after = later.packages.get(path).map_or(&none, |package| &package.files);
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let at = join(&join(project, path), name);
                let Some(mut change) = file_change(at, before.get(name), after.get(name)) else { continue };
                if change.change == Change::Added
                    && let Some(known) = self.packages.get(path)
                {
                    change.shadows = shadow::in_package(before, &known.main, name);
                    // Beside what npm unpacked, it may have been npm's until then.
                    if known.planted.contains(name) && !known.files.is_empty() {
                        change.change = Change::Changed;
                    }
                }
                changes.push(change);
            }
        }
        self.loose_changes(later, project, &mut changes);
        changes
    }
}

enum Job {
    /// A `node_modules` folder.
    Modules(String),
    /// A package folder.
    Package(String),
}

struct Queue {
    jobs: Vec<Job>,
    busy: usize,
}

struct Work<'a> {
    place: &'a Place,
    before: Option<&'a Survey>,
    mend: bool,
    queue: Mutex<Queue>,
    more: Condvar,
    found: Mutex<Survey>,
    bytes: AtomicU64,
    files: AtomicU64,
}

impl Work<'_> {
    fn run(&self) {
        while let Some(job) = self.next() {
            match job {
                Job::Modules(path) => self.modules(&path),
                Job::Package(path) => self.package(&path),
            }
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.busy -= 1;
            if queue.busy == 0 {
                self.more.notify_all();
            }
        }
    }

    /// The next job; waits while another thread may still find some.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = queue.jobs.pop() {
                queue.busy += 1;
                return Some(job);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn push(&self, job: Job) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).jobs.push(job);
        self.more.notify_one();
    }

    fn gap(&self, path: &str, why: &str) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.gaps.insert(format!("{path}: {why}"));
    }

    fn link(&self, path: String, target: &str) {
        let target = lead(&self.place.project, &path, target);
        self.found.lock().unwrap_or_else(PoisonError::into_inner).links.insert(Link { path, target });
    }

    fn open(&self, path: &str) -> Option<Folder> {
        match Folder::open(&self.place.project, path, self.mend) {
            Ok(folder) => Some(folder),
            // No node_modules is no gap, and what vanished is not there.
            Err(Errno::ENOENT) => None,
            Err(errno) => {
                self.gap(path, &format!("{errno:?}"));
                None
            }
        }
    }

    fn modules(&self, path: &str) {
        if let Some(folder) = self.open(path) {
            self.packages_in(&folder, path, true);
        }
    }

    fn packages_in(&self, folder: &Folder, path: &str, scopes: bool) {
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(errno) => return self.gap(path, &format!("{errno:?}")),
        };
        if path == "node_modules"
            && let Some(store) =
                entries.iter().find(|entry| entry.name == STORE && entry.kind == Kind::Folder)
        {
            match folder.enter(store) {
                Ok(below) => self.store(&below, &join(path, STORE), true),
                Err(errno) => self.gap(&join(path, STORE), &format!("{errno:?}")),
            }
        }
        for entry in &entries {
            let below = join(path, &entry.name);
            match &entry.kind {
                Kind::Folder if path == "node_modules" && entry.name == STORE => {}
                _ if entry.name.starts_with('.') => self.loose(folder, entry, &below),
                Kind::Folder if scopes && entry.name.starts_with('@') => match folder.enter(entry) {
                    Ok(scope) => self.packages_in(&scope, &below, false),
                    Err(errno) => self.gap(&below, &format!("{errno:?}")),
                },
                Kind::Folder => self.push(Job::Package(below)),
                Kind::Link(target) => self.link(below, target),
                Kind::File(_) | Kind::Special => self.loose(folder, entry, &below),
            }
        }
    }

    /// The store of `install-strategy=linked`: a folder for each package, which holds it and
    /// links to what it needs in a `node_modules` of its own.
    fn store(&self, folder: &Folder, path: &str, scopes: bool) {
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(errno) => return self.gap(path, &format!("{errno:?}")),
        };
        for entry in entries.iter().filter(|entry| entry.kind == Kind::Folder) {
            let below = join(path, &entry.name);
            if scopes && entry.name.starts_with('@') {
                match folder.enter(entry) {
                    Ok(scope) => self.store(&scope, &below, false),
                    Err(errno) => self.gap(&below, &format!("{errno:?}")),
                }
            } else {
                self.push(Job::Modules(join(&below, "node_modules")));
            }
        }
    }

    fn package(&self, path: &str) {
        let Some(folder) = self.open(path) else { return };
        let mut harvest =
            Harvest { known: self.before.and_then(|before| before.packages.get(path)), ..Harvest::default() };
        self.files(&folder, path, "", &mut harvest);
        let mut digest = TreeDigest::default();
        for (name, mark) in harvest.files.iter().filter(|(_, mark)| mark.stamp.is_some()) {
            digest.add(name.clone(), mark.digest);
        }
        let (name, version, main, manifest) = match (&harvest.manifest, harvest.known) {
            (Some(bytes), _) => read_manifest(bytes),
            (None, Some(known)) if harvest.files.contains_key("package.json") => {
                let (tree, main) = (&known.tree, known.main.clone());
                (tree.name.clone(), tree.version.clone(), main, tree.manifest.clone())
            }
            (None, _) => Default::default(),
        };
        let tree = PackageTree {
            path: path.to_owned(),
            name,
            version,
            tree: digest.finish(),
            manifest,
            files: u32::try_from(digest.len()).unwrap_or(u32::MAX),
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found
            .packages
            .insert(path.to_owned(), Package { tree, main, files: harvest.files, planted: BTreeSet::new() });
    }

    fn files(&self, folder: &Folder, package: &str, above: &str, harvest: &mut Harvest<'_>) {
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(errno) => return self.gap(&join(package, above), &format!("{errno:?}")),
        };
        for entry in &entries {
            let name = join(above, &entry.name);
            match &entry.kind {
                Kind::Folder if entry.name == "node_modules" => self.push(Job::Modules(join(package, &name))),
                Kind::Folder => match folder.enter(entry) {
                    Ok(below) => self.files(&below, package, &name, harvest),
                    Err(errno) => self.gap(&join(package, &name), &format!("{errno:?}")),
                },
                Kind::File(stamp) => {
                    if self.files.fetch_add(1, Ordering::Relaxed) >= FILES {
                        self.gap("", "more files than are hashed");
                        return;
                    }
                    self.file(folder, entry, *stamp, package, &name, harvest);
                }
                Kind::Link(target) => {
                    harvest.files.insert(name, Mark { stamp: None, digest: Sha256::digest(target).into() });
                }
                Kind::Special => {
                    harvest.files.insert(name, Mark { stamp: None, digest: [0; 32] });
                }
            }
        }
    }

    fn file(
        &self,
        folder: &Folder,
        entry: &Entry,
        stamp: Stamp,
        package: &str,
        name: &str,
        harvest: &mut Harvest<'_>,
    ) {
        if let Some(known) = harvest.known.and_then(|known| known.files.get(name))
            && known.stamp == Some(stamp)
        {
            harvest.files.insert(name.to_owned(), *known);
            return;
        }
        if self.bytes.fetch_add(stamp.size(), Ordering::Relaxed) > BYTES {
            return self.gap(&join(package, name), "too many bytes to hash");
        }
        let keep = name == "package.json";
        match hash(folder, entry, keep) {
            Ok((stamp, digest, kept)) => {
                if keep {
                    harvest.manifest = Some(kept);
                }
                harvest.files.insert(name.to_owned(), Mark { stamp: Some(stamp), digest });
            }
            Err(why) => self.gap(&join(package, name), &why),
        }
    }
}

/// What is gathered of one package.
#[derive(Default)]
struct Harvest<'a> {
    known: Option<&'a Package>,
    files: BTreeMap<String, Mark>,
    /// The bytes of package.json, where they were read.
    manifest: Option<Vec<u8>>,
}

/// Hashes a file up to the size it has when it is opened, and keeps the
/// beginning of it where that is wanted.
pub(super) fn hash(
    folder: &Folder,
    entry: &Entry,
    keep: bool,
) -> Result<(Stamp, FileDigest, Vec<u8>), String> {
    let (file, stamp) = folder.file(entry).map_err(|errno| format!("{errno:?}"))?;
    let mut file = file.take(stamp.size().min(BYTES));
    let mut hasher = FileHasher::default();
    let mut kept = Vec::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let n = file.read(&mut buffer).map_err(|error| error.to_string())?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        if keep && (kept.len() as u64) < MAX_MANIFEST {
            kept.extend_from_slice(&buffer[..n]);
        }
    }
    let whole = hasher.finish();
    let digest = if keep { manifest_digest(&kept, whole) } else { whole };
    Ok((stamp, digest, kept))
}

/// Name, version, `main` and digest of a package.json.
fn read_manifest(bytes: &[u8]) -> (String, String, String, String) {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let parsed: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    let word = |key: &str| -> String {
        parsed.get(key).and_then(|value| value.as_str()).unwrap_or_default().chars().take(WORD).collect()
    };
    (word("name"), word("version"), word("main"), hex(&Sha256::digest(bytes)))
}

/// Where a link leads: relative to the project where it stays in it.
fn lead(project: &str, path: &str, target: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole =
        if target.starts_with('/') { target.to_owned() } else { join(&join(project, folder), target) };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let whole = format!("/{}", parts.join("/"));
    match whole.strip_prefix(project.trim_end_matches('/')) {
        Some("") => String::from("."),
        Some(rest) if rest.starts_with('/') => rest[1..].to_owned(),
        _ => whole,
    }
}

#[cfg(test)]
mod tests;
