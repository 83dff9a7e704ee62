//! What the second observer saw of plain npm, kept in the repository, so that npm is not
//! asked again for what it did the last time.
//!
//! A recording is of one cell and one exact version of npm. It holds as long as all that it
//! was made of is the same: the project, the scenario, the registries, and the observer's
//! own code. Each run remakes a tenth of the recordings, another tenth every day, and
//! fails where npm did otherwise. It must not know what the program under test reports.
//!
//! `SEALCHECK_TEST_CELLS_RECORD=all cargo test --test program cells::` remakes those of the
//! cells that are tried; `new` instead of `all` makes those that lack. With
//! `SEALCHECK_TEST_EVERYTHING=1` all cells are tried.

use super::account::Account;
use super::cell::Subject;
use super::observer::public_host;
use super::plain::contents;
use crate::support;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Code that decides what is observed, besides the project and its circumstance.
const OBSERVER: [&str; 4] = [
    include_str!("account.rs"),
    include_str!("observer.rs"),
    include_str!("plain.rs"),
    include_str!("../../fixtures/cells/route.cjs"),
];

/// How many days pass until each recording was remade once.
const DAYS: u64 = 10;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recorded {
    /// A digest of all that the recording was made of.
    inputs: String,
    account: Account,
}

/// The recordings of a project: by scenario, then by npm's version.
type Recordings = BTreeMap<String, BTreeMap<String, Recorded>>;

/// Where an account comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A recording of the same inputs.
    Recorded,
    /// npm was asked, and did what the recording says.
    Remade,
    /// npm was asked: there was no recording of these inputs and this npm.
    New,
}

/// Two tests can write the same file.
static WRITING: Mutex<()> = Mutex::new(());

/// Which recordings are to be written: `all`, `new`, or none.
fn to_write() -> Option<String> {
    std::env::var("SEALCHECK_TEST_CELLS_RECORD").ok().filter(|which| !which.is_empty())
}

fn file(subject: &Subject) -> PathBuf {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = subject.name.chars().map(plain).collect();
    let name: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    support::root().join("tests/fixtures/cells/observed").join(format!("{}.json", name.join("-")))
}

fn read(subject: &Subject) -> Recordings {
    let Ok(text) = std::fs::read_to_string(file(subject)) else { return Recordings::new() };
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file(subject).display()))
}

fn write(subject: &Subject, scenario: &str, npm: &str, recorded: Recorded) {
    let _turn = WRITING.lock().unwrap();
    let mut all = read(subject);
    all.entry(scenario.to_owned()).or_default().insert(npm.to_owned(), recorded);
    let (path, folder) = (file(subject), file(subject).parent().unwrap().to_owned());
    std::fs::create_dir_all(&folder).unwrap();
    // Another thread may read it meanwhile.
    let mut whole = tempfile::NamedTempFile::new_in(&folder).unwrap();
    whole.write_all((serde_json::to_string_pretty(&all).unwrap() + "\n").as_bytes()).unwrap();
    whole.persist(path).unwrap();
}

/// A digest of what decides what npm does in a cell. The public registry's host is the
/// machine's affair, so it stands as `{public}`.
fn inputs(subject: &Subject, scenario: &toml::Value) -> String {
    let mut digest = Sha256::new();
    let mut add = |label: &str, bytes: &[u8]| {
        digest.update(format!("{label} {}\n", bytes.len()));
        digest.update(bytes);
    };
    for code in OBSERVER {
        add("code", code.as_bytes());
    }
    // Prose changes nothing.
    for part in ["world", "project", "install"] {
        add(part, scenario.get(part).map(ToString::to_string).unwrap_or_default().as_bytes());
    }
    for (path, bytes) in contents(subject.project.path()) {
        let text = String::from_utf8(bytes).map(|text| text.replace(public_host(), "{public}").into_bytes());
        add(&path, &text.unwrap_or_else(|error| error.into_bytes()));
    }
    for (host, packages) in &subject.world.shelves {
        let host = host.replace(public_host(), "{public}");
        for package in packages {
            add(&format!("{host} {}@{}", package.name(), package.version()), &package.tarball());
        }
    }
    add("owned", subject.world.owned.join(" ").as_bytes());
    add("locked", format!("{:?}", subject.locked).as_bytes());
    let digest = digest.finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether it is the day on which this recording is remade.
fn is_due(subject: &Subject, scenario: &str, npm: &str) -> bool {
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let digest = Sha256::digest(format!("{} {scenario} {npm}", subject.name));
    u64::from(digest[0]) % DAYS == today % DAYS
}

/// What npm does in a cell: as it was recorded, or by asking it.
///
/// The second value is where it comes from; the third says where npm does otherwise than
/// it was recorded.
pub fn observed(
    subject: &Subject,
    name: &str,
    npm: &str,
    scenario: &toml::Value,
    ask: impl FnOnce() -> Account,
) -> (Account, Origin, Vec<String>) {
    let inputs = inputs(subject, scenario);
    let kept = read(subject).remove(name).and_then(|mut by_npm| by_npm.remove(npm));
    let kept = kept.filter(|kept| kept.inputs == inputs && to_write().as_deref() != Some("all"));
    let Some(kept) = kept else {
        let account = ask();
        if to_write().is_some() {
            write(subject, name, npm, Recorded { inputs, account: account.clone() });
        }
        return (account, Origin::New, Vec::new());
    };
    if !support::everything() && !is_due(subject, name, npm) {
        return (kept.account, Origin::Recorded, Vec::new());
    }
    let account = ask();
    let otherwise = kept.account.differences(&account);
    let otherwise = otherwise.into_iter().map(|line| format!("recorded otherwise than npm does: {line}"));
    (account, Origin::Remade, otherwise.collect())
}
