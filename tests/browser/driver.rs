//! A headless browser, driven by a script of node: what it needs, and what it tells.

use crate::support;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Debian's package `chromium`.
const CHROMIUM: &str = "/usr/bin/chromium";

/// A page to be looked at; `look.cjs` says what the fields mean.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) routes: BTreeMap<String, String>,
    pub(crate) views: Vec<(u32, &'static str)>,
    pub(crate) steps: Vec<Value>,
    pub(crate) paints: u32,
    pub(crate) shots: PathBuf,
}

impl Job {
    /// In light and dark, wide and narrow: a usual run has each of them, and not every two.
    pub(crate) fn new(name: &str, file: PathBuf, routes: &[(&str, &str)]) -> Self {
        let mut views = vec![(1280, "light"), (390, "dark")];
        if support::everything() {
            views.extend([(1280, "dark"), (390, "light")]);
        }
        Self {
            name: name.to_owned(),
            file,
            routes: routes.iter().map(|(name, route)| ((*name).to_owned(), (*route).to_owned())).collect(),
            views,
            steps: Vec::new(),
            paints: 0,
            shots: folder(),
        }
    }
}

/// What was seen of a page.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Seen {
    pub(crate) requests: Vec<String>,
    pub(crate) errors: Vec<String>,
    pub(crate) violations: Vec<String>,
    pub(crate) overflow: Vec<String>,
    pub(crate) paints: Vec<f64>,
    pub(crate) steps: Vec<Value>,
}

impl Seen {
    /// What is true of every page: nothing was asked for but the file itself, nothing was
    /// complained of, nothing is in anybody's way, and nothing is wider than the window.
    pub(crate) fn assert_sound(&self, job: &Job) {
        let own = format!("file://{}", job.file.display());
        // What the reader saves is handed over by an address within the page.
        let asked = |url: &&String| url.split('#').next() != Some(&own) && !url.starts_with("blob:");
        let left: Vec<&String> = self.requests.iter().filter(asked).collect();
        assert!(!self.requests.is_empty(), "{}: nothing was opened", job.name);
        assert!(left.is_empty(), "{}: requests left the page: {left:#?}", job.name);
        assert!(self.errors.is_empty(), "{}: the console has errors: {:#?}", job.name, self.errors);
        assert!(self.violations.is_empty(), "{}: {:#?}", job.name, self.violations);
        assert!(self.overflow.is_empty(), "{}: wider than the window: {:#?}", job.name, self.overflow);
    }

    /// What a step showed, as text.
    pub(crate) fn text(&self, step: usize) -> &str {
        self.steps[step].as_str().unwrap_or_else(|| panic!("step {step}: {:?}", self.steps))
    }

    pub(crate) fn number(&self, step: usize) -> u64 {
        self.steps[step].as_u64().unwrap_or_else(|| panic!("step {step}: {:?}", self.steps))
    }
}

/// Where pages and pictures are left to be looked at.
pub(crate) fn folder() -> PathBuf {
    let folder = support::target().join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What is lacking here to drive a browser.
pub(crate) fn lacks() -> Option<String> {
    if !Path::new(CHROMIUM).exists() {
        return Some(format!("there is no {CHROMIUM} (Debian's package `chromium`)"));
    }
    support::npm::lacks_npm().or_else(|| match installed() {
        Ok(_) => None,
        Err(why) => Some(why.clone()),
    })
}

/// The folder with the script and what it needs of npm, installed once for each lockfile.
fn installed() -> &'static Result<PathBuf, String> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let source = support::root().join("tests/browser");
        let read = |name: &str| std::fs::read(source.join(name)).unwrap();
        let folder = folder().join("driver");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("look.cjs"), read("look.cjs")).unwrap();
        let lockfile = read("package-lock.json");
        let kept = folder.join("installed.json");
        if std::fs::read(&kept).is_ok_and(|kept| kept == lockfile) {
            return Ok(folder);
        }
        if let Some(lacks) = support::npm::lacks_public_registry() {
            return Err(lacks.to_owned());
        }
        for name in ["package.json", "package-lock.json"] {
            std::fs::write(folder.join(name), read(name)).unwrap();
        }
        let home = tempfile::tempdir().unwrap();
        support::npm::succeed(support::npm::npm(&folder, home.path()).args(["ci", "--ignore-scripts"]));
        std::fs::write(&kept, lockfile).unwrap();
        Ok(folder)
    })
}

/// Opens the page and does what the job says.
pub(crate) fn look(job: &Job) -> Seen {
    let folder = installed().as_ref().unwrap();
    let home = tempfile::tempdir().unwrap();
    let jobs = home.path().join("jobs.json");
    std::fs::write(&jobs, json!({ "executable": CHROMIUM, "jobs": [job] }).to_string()).unwrap();
    let mut node = Command::new("node");
    support::npm::in_empty_home(&mut node, home.path());
    node.current_dir(folder).arg("look.cjs").arg(&jobs).stdin(std::process::Stdio::null());
    let output = support::npm::succeed(&mut node);
    let mut told: BTreeMap<String, Seen> = serde_json::from_slice(&output.stdout).unwrap();
    told.remove(&job.name).unwrap()
}
