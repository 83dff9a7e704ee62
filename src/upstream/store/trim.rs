//! A store brought down to a size: what was not used for longest goes first.
//!
//! An answer goes before its body, so that whoever looks at the same time finds either
//! both or none and asks again. Nothing is removed while another process uses the store.

use super::{Kept, Store, digest_hex, disk, read_json};
use crate::upstream::UpstreamError;
use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::SystemTime;

/// What became of a store that was to be made smaller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Bodies that were removed, each with every answer that has it.
    pub removed: usize,
    /// Bytes that were freed.
    pub freed: u64,
    /// Bytes that are left.
    pub left: u64,
    /// Another process uses the store, so nothing was removed.
    pub busy: bool,
}

/// A body with all that is of no use without it.
#[derive(Debug, Default)]
struct Unit {
    used: bool,
    last: Option<SystemTime>,
    bytes: u64,
    /// What leads to the body, then what was computed from it, then itself.
    files: [Vec<PathBuf>; 3],
}

impl Unit {
    fn add(&mut self, part: usize, path: PathBuf, meta: &std::fs::Metadata) {
        self.bytes += meta.len();
        // A tree is written once; that it is read says its body's time.
        if part != TREE {
            self.last = self.last.max(meta.modified().ok());
        }
        self.files[part].push(path);
    }

    fn remove(&self) -> Result<(), UpstreamError> {
        for path in self.files.iter().flatten() {
            std::fs::remove_file(path).map_err(|error| disk(path, error))?;
        }
        Ok(())
    }
}

const ANSWER: usize = 0;
const TREE: usize = 1;
const BODY: usize = 2;

impl Store {
    /// Removes what was not used for longest until all that is kept has at most `limit`
    /// bytes: what this invocation used only where that alone is more. What cannot be used
    /// any more is removed in any case.
    ///
    /// # Errors
    /// Where something cannot be removed.
    pub fn trim(&self, limit: u64) -> Result<Trimmed, UpstreamError> {
        match self.lock.as_ref().map(|lock| lock.try_lock()) {
            Some(Err(TryLockError::WouldBlock)) => {
                let left = self.units().values().map(|unit| unit.bytes).sum();
                self.hold();
                return Ok(Trimmed { left, busy: true, ..Trimmed::default() });
            }
            // Without locks the order of removal has to do.
            Some(Ok(()) | Err(TryLockError::Error(_))) | None => {}
        }
        let done = self.trim_alone(limit);
        self.hold();
        done
    }

    /// Takes the lock as one of many again.
    fn hold(&self) {
        let _ = self.lock.as_ref().map(|lock| lock.lock_shared());
    }

    fn trim_alone(&self, limit: u64) -> Result<Trimmed, UpstreamError> {
        let mut units: Vec<(String, Unit)> = self.units().into_iter().collect();
        units.sort_by(|(left, one), (right, other)| {
            (one.used, one.last, left).cmp(&(other.used, other.last, right))
        });
        let mut trimmed =
            Trimmed { left: units.iter().map(|(_, unit)| unit.bytes).sum(), ..Trimmed::default() };
        for (name, unit) in &units {
            let broken = unit.files[BODY].is_empty();
            if !broken && trimmed.left <= limit {
                continue;
            }
            unit.remove()?;
            // Were it here still, it would be believed.
            self.verified.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            trimmed.removed += usize::from(!broken);
            trimmed.freed += unit.bytes;
            trimmed.left -= unit.bytes;
        }
        Ok(trimmed)
    }

    /// Everything that is kept, by the hexadecimal digest of the body it belongs to.
    fn units(&self) -> BTreeMap<String, Unit> {
        let mut units: BTreeMap<String, Unit> = BTreeMap::new();
        for (path, meta) in files(&self.root.join("index")) {
            let kept = read_json::<Kept>(&path).and_then(|kept| digest_hex(&kept.sha512));
            // One that nothing can be read from leads to nothing: it has a unit of its own.
            let name = kept.unwrap_or_else(|| path.display().to_string());
            units.entry(name).or_default().add(ANSWER, path, &meta);
        }
        let folders = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        // Also what earlier versions computed in another way.
        let trees = folders.filter(|folder| folder.file_name().to_string_lossy().starts_with("trees-"));
        for (path, meta) in trees.flat_map(|folder| files(&folder.path())) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            units.entry(name).or_default().add(TREE, path, &meta);
        }
        for (path, meta) in files(&self.root.join("content")) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            units.entry(name).or_default().add(BODY, path, &meta);
        }
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for name in used.iter() {
            if let Some(unit) = units.get_mut(name) {
                unit.used = true;
            }
        }
        units
    }
}

/// The files of a folder and of those in it; links lead nowhere.
fn files(folder: &Path) -> impl Iterator<Item = (PathBuf, std::fs::Metadata)> + use<> {
    let walk = walkdir::WalkDir::new(folder).max_depth(2).follow_links(false);
    walk.into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| Some((entry.path().to_path_buf(), entry.metadata().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;
    use std::fs::File;
    use std::time::Duration;

    /// Keeps an answer as old as `days`.
    fn fill(root: &Path, at: u32, bytes: &[u8], days: u64) -> String {
        let store = Store::open(root).unwrap();
        let sha512 = store.insert(bytes).unwrap().sri();
        let kept = Kept {
            url: format!("https://registry.example/{at}"),
            status: 200,
            headers: Vec::new(),
            sha512: sha512.clone(),
            length: bytes.len() as u64,
            fetched_at: Timestamp::UNIX_EPOCH,
        };
        let key = key(at);
        store.keep(&key, &kept).unwrap();
        let _ = store.index(&sha512);
        let name = digest_hex(&sha512).unwrap();
        let then = SystemTime::now() - Duration::from_secs(days * 86_400);
        for path in [store.path("index", &key, ".json"), store.path("content", &name, "")] {
            File::open(path.unwrap()).unwrap().set_modified(then).unwrap();
        }
        sha512
    }

    fn key(at: u32) -> String {
        format!("{at:064x}")
    }

    fn size(root: &Path) -> u64 {
        let walk = walkdir::WalkDir::new(root).into_iter().flatten();
        walk.filter(|entry| entry.file_type().is_file()).map(|entry| entry.metadata().unwrap().len()).sum()
    }

    /// The answers that are whole; panics where one is not.
    fn whole(root: &Path, all: u32) -> Vec<u32> {
        let store = Store::open(root).unwrap();
        let there = |at: &u32| match store.lookup(&key(*at)) {
            Some(kept) => {
                store.content(&kept.sha512).expect("an answer without its body");
                true
            }
            None => false,
        };
        (0..all).filter(there).collect()
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        for (at, days) in [(0, 3), (1, 9), (2, 1)] {
            fill(folder.path(), at, &[u8::try_from(at).unwrap(); 1000], days);
        }
        let store = Store::open(folder.path()).unwrap();
        let trimmed = store.trim(size(folder.path()) - 1).unwrap();
        assert_eq!((trimmed.removed, trimmed.busy), (1, false));
        assert_eq!(trimmed.left, size(folder.path()));
        drop(store);
        assert_eq!(whole(folder.path(), 3), [0, 2]);
    }

    #[test]
    fn what_is_used_becomes_young_and_stays_unless_it_is_too_much_alone() {
        let folder = tempfile::tempdir().unwrap();
        for (at, days) in [(0, 3), (1, 9), (2, 1)] {
            fill(folder.path(), at, &[u8::try_from(at).unwrap(); 1000], days);
        }
        let store = Store::open(folder.path()).unwrap();
        let kept = store.lookup(&key(1)).unwrap();
        store.content(&kept.sha512).unwrap();
        // Room for one.
        let trimmed = store.trim(size(folder.path()) / 2).unwrap();
        assert_eq!(trimmed.removed, 2);
        assert!(store.content(&kept.sha512).is_ok());
        assert_eq!(store.trim(10).unwrap().left, 0);
        assert!(store.content(&kept.sha512).is_err(), "it was verified once, and is not there any more");
        drop(store);
        // Used by another invocation, it is the youngest for the next.
        fill(folder.path(), 0, b"zero", 3);
        fill(folder.path(), 1, b"one", 9);
        Store::open(folder.path()).unwrap().lookup(&key(1)).unwrap();
        Store::open(folder.path()).unwrap().trim(size(folder.path()) - 1).unwrap();
        assert_eq!(whole(folder.path(), 2), [1]);
    }

    #[test]
    fn nothing_goes_while_another_uses_the_store() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), 0, b"zero", 3);
        let (one, other) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
        assert!(one.trim(0).unwrap().busy);
        assert_eq!(whole(folder.path(), 1), [0]);
        drop(other);
        // A second project of the same invocation is no other.
        let beside = one.beside();
        assert_eq!(one.trim(0).unwrap(), Trimmed { busy: false, left: 0, ..one_trimmed(&beside) });
        assert_eq!(whole(folder.path(), 1), [0; 0]);
    }

    fn one_trimmed(store: &Store) -> Trimmed {
        // Nothing is left, so a second time nothing can go.
        assert_eq!(store.trim(0).unwrap(), Trimmed::default());
        Trimmed { removed: 1, freed: 4 + index_bytes(), ..Trimmed::default() }
    }

    fn index_bytes() -> u64 {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), 0, b"zero", 3);
        size(&folder.path().join("index"))
    }

    #[test]
    fn what_leads_to_nothing_is_removed_whatever_the_limit_is() {
        let folder = tempfile::tempdir().unwrap();
        let sha512 = fill(folder.path(), 0, b"zero", 3);
        let name = digest_hex(&sha512).unwrap();
        std::fs::remove_file(folder.path().join("content").join(&name[..2]).join(&name)).unwrap();
        let old = folder.path().join("trees-1/ab");
        std::fs::create_dir_all(&old).unwrap();
        std::fs::write(old.join("abcdef0123.json"), "{}").unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("file"), "safe").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("content/zz")).unwrap();
        Store::open(folder.path()).unwrap().trim(u64::MAX).unwrap();
        assert_eq!(size(folder.path()), 0, "but for the link's, which is nobody's here");
        assert_eq!(std::fs::read_to_string(outside.path().join("file")).unwrap(), "safe");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn it_fits_afterwards_and_nothing_is_half_there(
            answers in proptest::collection::vec((0_usize..3000, 0_u64..30, any::<bool>()), 1..8),
            share in 0_u64..120,
        ) {
            let folder = tempfile::tempdir().unwrap();
            for (at, (length, days, _)) in (0..).zip(&answers) {
                // Some have the same body.
                fill(folder.path(), at, &vec![7; *length / 1000 * 1000], *days);
            }
            let store = Store::open(folder.path()).unwrap();
            for (at, (_, _, used)) in (0..).zip(&answers) {
                if *used {
                    let kept = store.lookup(&key(at)).unwrap();
                    store.content(&kept.sha512).unwrap();
                }
            }
            let limit = size(folder.path()) * share / 100;
            let trimmed = store.trim(limit).unwrap();
            prop_assert!(trimmed.left <= limit);
            prop_assert_eq!(trimmed.left, size(folder.path()));
            drop(store);
            whole(folder.path(), u32::try_from(answers.len()).unwrap());
        }
    }
}
