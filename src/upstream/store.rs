//! Bodies by digest, and which request had which answer.
//!
//! `content/` holds bodies by sha512, `index/` one small file for each answered
//! request, `trees/` what a tarball would unpack to. Files are written aside
//! and renamed, so that several processes can share a folder; each body is
//! hashed once before an invocation believes it. No secret is ever in it. Each process
//! that uses a kept one holds its `lock` shared, and only who has it alone removes anything.

mod trim;

pub use trim::Trimmed;

use super::UpstreamError;
use super::request::Head;
use crate::evidence::tree::{TarballIndex, hex, index_tarball};
use crate::project::integrity::{Algorithm, Digests, Hasher, Integrity};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha512};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tempfile::{NamedTempFile, TempDir};

/// Bytes that a store may have where nobody says how many.
pub const DEFAULT_LIMIT: u64 = 20 << 30;
/// How long another process that trims is waited for, and how often it is asked.
const PATIENCE: (u32, Duration) = (200, Duration::from_millis(50));
/// Bytes of a file of `index/` or `trees/` that are read.
const MAX_ENTRY: u64 = 16 << 20;
/// What tarballs unpack to is kept here: another name for each other way to digest it.
const TREES: &str = "trees-3";

/// A folder of answers.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    kept: bool,
    /// For what is fetched for scripts, where this one is kept: gone with the invocation.
    apart: Option<Arc<Store>>,
    /// Removed with the last of these values.
    _folder: Option<Arc<TempDir>>,
    verified: Arc<Mutex<BTreeSet<String>>>,
    /// Bodies that this invocation used, by hexadecimal digest.
    used: Arc<Mutex<BTreeSet<String>>>,
    /// Held shared for as long as these values are there; `None` where the folder or its
    /// filesystem has no locks.
    lock: Option<Arc<File>>,
    /// When the oldest and the newest of the used answers were fetched.
    ages: Mutex<Option<(Timestamp, Timestamp)>>,
}

/// One answer in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The URL, for people; its query is a hash.
    pub url: String,
    /// The status.
    pub status: u16,
    /// Headers that are passed on.
    pub headers: Vec<(String, String)>,
    /// `sha512-…` of the body.
    pub sha512: String,
    /// Bytes of the body.
    pub length: u64,
    /// When it was fetched.
    #[serde(with = "instant")]
    pub fetched_at: Timestamp,
}

/// A time in the text form of RFC 3339.
mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Kept {
    /// Status and headers.
    pub fn head(&self) -> Head {
        Head { status: self.status, headers: self.headers.clone(), length: Some(self.length) }
    }
}

impl Store {
    /// Opens or makes a store.
    pub fn open(root: &Path) -> Result<Self, UpstreamError> {
        for folder in ["content", "index", TREES, "tmp"] {
            let path = root.join(folder);
            std::fs::create_dir_all(&path).map_err(|error| disk(&path, error))?;
        }
        let store = Self {
            root: root.to_owned(),
            kept: true,
            apart: None,
            _folder: None,
            verified: Arc::default(),
            used: Arc::default(),
            lock: lock(root).map(Arc::new),
            ages: Mutex::default(),
        };
        store.sweep();
        Ok(store)
    }

    /// The same store for another project of the invocation: what one has fetched or
    /// verified is so for all, and each knows the age of what it used itself.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            root: self.root.clone(),
            kept: self.kept,
            apart: self.apart.clone(),
            _folder: self._folder.clone(),
            verified: self.verified.clone(),
            used: self.used.clone(),
            lock: self.lock.clone(),
            ages: Mutex::default(),
        }
    }

    /// A store that is gone with this value.
    pub fn temporary() -> Result<Self, UpstreamError> {
        let folder = tempfile::Builder::new()
            .prefix("sealcheck-store-")
            .tempdir()
            .map_err(|error| disk(&std::env::temp_dir(), error))?;
        let mut store = Self::open(folder.path())?;
        (store.kept, store._folder) = (false, Some(Arc::new(folder)));
        Ok(store)
    }

    /// A store in a folder that the caller removes after it.
    pub fn passing(root: &Path) -> Result<Self, UpstreamError> {
        Ok(Self { kept: false, ..Self::open(root)? })
    }

    /// The same with another beside it for what is fetched for scripts, whose size nobody who
    /// keeps it has asked for. What is there is found here too.
    #[must_use]
    pub fn with_apart(mut self, apart: Self) -> Self {
        self.apart = Some(Arc::new(apart));
        self
    }

    /// Where that goes.
    pub fn for_scripts(self: &Arc<Self>) -> Arc<Self> {
        self.apart.clone().unwrap_or_else(|| self.clone())
    }

    /// Whether it outlives the invocation.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// When the oldest of the answers that this invocation used was fetched.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.ages.lock().unwrap_or_else(PoisonError::into_inner).map(|(oldest, _)| oldest)
    }

    /// When the newest of them was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.ages.lock().unwrap_or_else(PoisonError::into_inner).map(|(_, newest)| newest)
    }

    /// The kept answer to a request. One that cannot be read is none.
    pub fn lookup(&self, key: &str) -> Option<Kept> {
        let path = self.path("index", key, ".json")?;
        let kept: Kept = read_json(&path)?;
        self.aged(kept.fetched_at);
        self.touch(&path);
        Some(kept)
    }

    /// Whether there is an answer to a request.
    pub fn has(&self, key: &str) -> bool {
        self.path("index", key, ".json").is_some_and(|path| path.is_file())
    }

    /// Keeps an answer whose body is in the store.
    pub fn keep(&self, key: &str, kept: &Kept) -> Result<(), UpstreamError> {
        let path = self.path("index", key, ".json").ok_or_else(|| UpstreamError::NoContent(key.into()))?;
        self.aged(kept.fetched_at);
        self.write_json(&path, kept)
    }

    /// Puts bytes in.
    pub fn insert(&self, bytes: &[u8]) -> Result<Digests, UpstreamError> {
        let mut writer = self.writer()?;
        writer.write_all(bytes).map_err(|error| disk(&self.root, error))?;
        writer.finish(self)
    }

    /// Begins a body of unknown length.
    pub fn writer(&self) -> Result<ContentWriter, UpstreamError> {
        let folder = self.root.join("tmp");
        let file = NamedTempFile::new_in(&folder).map_err(|error| disk(&folder, error))?;
        Ok(ContentWriter { file, hasher: Hasher::default(), length: 0 })
    }

    /// Opens a body. It is hashed before it is first believed; one that is not
    /// what its name says is removed.
    pub fn content(&self, sha512: &str) -> Result<File, UpstreamError> {
        match (self.own_content(sha512), &self.apart) {
            (Err(UpstreamError::NoContent(_)), Some(apart)) => apart.content(sha512),
            (found, _) => found,
        }
    }

    fn own_content(&self, sha512: &str) -> Result<File, UpstreamError> {
        let missing = || UpstreamError::NoContent(sha512.to_owned());
        let name = digest_hex(sha512).ok_or_else(missing)?;
        let path = self.path("content", &name, "").ok_or_else(missing)?;
        let file = File::open(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound { missing() } else { disk(&path, error) }
        })?;
        if !self.verified.lock().unwrap_or_else(PoisonError::into_inner).contains(&name) {
            let mut hash = Sha512::new();
            let mut buffer = vec![0; 256 << 10];
            let mut from = &file;
            loop {
                let n = from.read(&mut buffer).map_err(|error| disk(&path, error))?;
                if n == 0 {
                    break;
                }
                hash.update(&buffer[..n]);
            }
            if hex(&hash.finalize()) != name {
                let _ = std::fs::remove_file(&path);
                return Err(missing());
            }
            self.believe(&name);
            self.touch(&path);
            return File::open(&path).map_err(|error| disk(&path, error));
        }
        Ok(file)
    }

    /// What a tarball in the store would unpack to; computed once and kept.
    pub fn index(&self, sha512: &str) -> Result<TarballIndex, UpstreamError> {
        let missing = || UpstreamError::NoContent(sha512.to_owned());
        let name = digest_hex(sha512).ok_or_else(missing)?;
        let path = self.path(TREES, &name, ".json").ok_or_else(missing)?;
        if let Some(index) = read_json(&path) {
            return Ok(index);
        }
        let content = match (self.own_content(sha512), &self.apart) {
            (Err(UpstreamError::NoContent(_)), Some(apart)) => return apart.index(sha512),
            (found, _) => found?,
        };
        let content = std::io::BufReader::with_capacity(128 << 10, content);
        let index = index_tarball(content).map_err(|error| disk(&path, error))?;
        self.write_json(&path, &index)?;
        Ok(index)
    }

    fn aged(&self, fetched: Timestamp) {
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        *ages = Some(
            ages.map_or((fetched, fetched), |(oldest, newest)| (oldest.min(fetched), newest.max(fetched))),
        );
    }

    fn believe(&self, name: &str) {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Notes that a file was used, where that matters to anybody: what was not used for
    /// longest is removed first. That a read-only store keeps no note is no fault.
    fn touch(&self, path: &Path) {
        if self.kept {
            let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
        }
    }

    /// `FOLDER/ab/NAME`; only for hexadecimal names, so nothing can climb.
    fn path(&self, folder: &str, name: &str, end: &str) -> Option<PathBuf> {
        let sound = name.len() > 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        sound.then(|| self.root.join(folder).join(&name[..2]).join(format!("{name}{end}")))
    }

    fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<(), UpstreamError> {
        let write = || {
            let mut file = NamedTempFile::new_in(self.root.join("tmp"))?;
            serde_json::to_writer(&mut file, value)?;
            place(file, path)
        };
        write().map_err(|error| disk(path, error))
    }

    /// Removes what was left half written.
    fn sweep(&self) {
        let day = Duration::from_secs(24 * 3600);
        for entry in std::fs::read_dir(self.root.join("tmp")).into_iter().flatten().flatten() {
            let modified = entry.metadata().and_then(|meta| meta.modified());
            // Another process may be writing right now; a day is long past that.
            if modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > day)) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Waits until nobody trims.
fn lock(root: &Path) -> Option<File> {
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).to_owned();
    let file = options.open(root.join("lock")).ok()?;
    for _ in 0..PATIENCE.0 {
        match file.try_lock_shared() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PATIENCE.1),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

/// A body being written aside.
pub struct ContentWriter {
    file: NamedTempFile,
    hasher: Hasher,
    length: u64,
}

impl ContentWriter {
    /// Another handle on the same file, to read while it grows.
    pub fn reader(&self) -> std::io::Result<File> {
        self.file.reopen()
    }

    /// Bytes written.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Puts it in its place.
    pub fn finish(self, store: &Store) -> Result<Digests, UpstreamError> {
        let digests = self.hasher.finish();
        let name = hex(&digests.sha512);
        let path = store.path("content", &name, "").ok_or_else(|| UpstreamError::NoContent(name.clone()))?;
        place(self.file, &path).map_err(|error| disk(&path, error))?;
        store.believe(&name);
        Ok(digests)
    }
}

impl Write for ContentWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.length += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Renames a file to its place; whoever was faster wrote the same.
fn place(file: NamedTempFile, path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn digest_hex(sha512: &str) -> Option<String> {
    let integrity = Integrity::parse(sha512)?;
    let text = sha512.strip_prefix("sha512-")?;
    (integrity.strongest() == Algorithm::Sha512).then(|| STANDARD.decode(text).ok().map(|raw| hex(&raw)))?
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_ENTRY).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn disk(path: &Path, source: std::io::Error) -> UpstreamError {
    UpstreamError::Disk { path: path.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(sha512: String) -> Kept {
        Kept {
            url: "https://registry.example/a".into(),
            status: 200,
            headers: vec![("etag".into(), "\"1\"".into())],
            sha512,
            length: 5,
            fetched_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_answer_outlives_the_store_that_kept_it() {
        let folder = tempfile::tempdir().unwrap();
        let key = "00".repeat(32);
        let entry = {
            let store = Store::open(folder.path()).unwrap();
            let entry = kept(store.insert(b"bytes").unwrap().sri());
            store.keep(&key, &entry).unwrap();
            entry
        };
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.lookup(&key), Some(entry.clone()));
        assert_eq!(store.oldest(), Some(Timestamp::UNIX_EPOCH));
        let mut bytes = String::new();
        store.content(&entry.sha512).unwrap().read_to_string(&mut bytes).unwrap();
        assert_eq!(bytes, "bytes");
    }

    #[test]
    fn a_body_that_was_altered_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let sri = Store::open(folder.path()).unwrap().insert(b"bytes").unwrap().sri();
        let name = digest_hex(&sri).unwrap();
        std::fs::write(folder.path().join("content").join(&name[..2]).join(&name), "other").unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(matches!(store.content(&sri), Err(UpstreamError::NoContent(_))));
    }

    #[test]
    fn no_name_can_climb_out() {
        let store = Store::temporary().unwrap();
        assert!(store.lookup("../../../../etc/passwd").is_none());
        for bad in ["", "sha512-", "sha512-../../x", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="] {
            assert!(matches!(store.content(bad), Err(UpstreamError::NoContent(_))), "{bad}");
        }
    }
}
