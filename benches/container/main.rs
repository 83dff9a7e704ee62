//! What a test in a container costs beside the plain install in one, and how much
//! the line to a container carries.
//!
//! `DOCKER_HOST=… cargo bench --bench container -- PROJECT --image IMAGE [--pairs N] [--store DIR] [--only NAME]`
//!
//! The plain side is the engine's own client: `docker run` of the same command in
//! the same image with the network on, everything on the container's disk.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks, and may fall over")]

mod line;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_sealcheck");

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut folder, mut image, mut pairs, mut only) = (None, None, 7, None);
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let mut store = target.join("store");
    while let Some(word) = words.next() {
        match word.as_str() {
            "--pairs" => pairs = words.next().and_then(|text| text.parse().ok()).unwrap_or(pairs),
            "--image" => image = words.next(),
            "--only" => only = words.next(),
            "--store" => store = words.next().map_or(store, PathBuf::from),
            _ => folder = Some(PathBuf::from(word)),
        }
    }
    let (Some(folder), Some(image)) = (folder, image) else {
        println!(
            "usage: DOCKER_HOST=… cargo bench --bench container -- PROJECT --image IMAGE [--pairs N] [--store DIR] [--only NAME]"
        );
        return;
    };
    std::fs::create_dir_all(&target).unwrap();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if wanted("line") {
        for streams in [1, 100] {
            let rates: Vec<f64> = (0..pairs).map(|_| line::rate(&image, streams)).collect();
            println!("{:<46} {:>7.0} MB/s", format!("the line, {streams} streams"), median(rates));
        }
    }
    if wanted("run") {
        let folder = folder.canonicalize().unwrap();
        ours(&folder, &image, &store); // fills the store
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for pair in 0..pairs {
            // Who goes second finds a warmer machine: take turns.
            if pair % 2 == 0 {
                left.push(ours(&folder, &image, &store));
                right.push(plain(&folder, &image));
            } else {
                right.push(plain(&folder, &image));
                left.push(ours(&folder, &image, &store));
            }
        }
        let (left, right) = (median(left), median(right));
        println!(
            "{:<46} {left:>7.2} s {right:>7.2} s {:>7.2}",
            "baseline / plain in a container",
            left / right
        );
    }
}

/// Seconds of a baseline run.
fn ours(folder: &Path, image: &str, store: &Path) -> f64 {
    timed(|| {
        let mut command = Command::new(EXECUTABLE);
        command.arg("test").arg(folder).args([
            "--scenario",
            "baseline",
            "--image",
            image,
            "--scratch",
            "memory",
        ]);
        command.arg("--store").arg(store).args(["--progress", "none", "--quiet"]);
        let status = command.stdout(Stdio::null()).status().unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    })
}

/// Seconds of the plain install.
fn plain(folder: &Path, image: &str) -> f64 {
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "-v", &format!("{}:/from:ro", folder.display())]);
    if let Ok(bundle) = std::env::var("NODE_EXTRA_CA_CERTS") {
        command.args(["-v", &format!("{bundle}:/ca.pem:ro"), "-e", "NODE_EXTRA_CA_CERTS=/ca.pem"]);
    }
    command.args([image, "sh", "-c", "cp -r /from /app && cd /app && npm ci"]);
    timed(|| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    })
}

fn timed(what: impl FnOnce()) -> f64 {
    nix::unistd::sync();
    let began = Instant::now();
    what();
    began.elapsed().as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// How long a measurement may take at all.
const LIMIT: Duration = Duration::from_secs(120);
