//! The other side: the same command, plainly, with nothing of ours around it.

use crate::server::Server;
use crate::{Bench, timed};
use sealcheck::plan::RunSpec;
use sealcheck::scenario::Cache;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// From the real registry, everything on disk.
pub(crate) fn from_registry(bench: &Bench) -> Duration {
    let run = &bench.plan("baseline")[0];
    let folder = tempfile::tempdir_in(&bench.folder).unwrap();
    copy(bench, run, folder.path());
    let bundle = std::env::var_os("NODE_EXTRA_CA_CERTS");
    timed(|| {
        let mut npm = npm(bench, run, folder.path(), &folder.path().join("cache"));
        if let Some(bundle) = &bundle {
            npm.env("NODE_EXTRA_CA_CERTS", bundle);
        }
        assert!(npm.status().unwrap().success());
    })
}

/// Each run after the other, from the same store, everything in memory. Worlds
/// are those of the scenarios, so what fails there fails here.
pub(crate) fn from_store(bench: &Bench, runs: &[RunSpec]) -> Duration {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let warm = base.path().join("warm");
    let mut whole = Duration::ZERO;
    for run in runs {
        let folder = tempfile::tempdir_in(&base).unwrap();
        copy(bench, run, folder.path());
        let server = Server::open(bench, run);
        let bundle = folder.path().join("ca.pem");
        std::fs::write(&bundle, server.ca_pem()).unwrap();
        let gives = run.scenario.name == "baseline" && runs.len() > 1;
        let cache = if gives { warm.clone() } else { folder.path().join("cache") };
        whole += timed(|| {
            if run.cache == Cache::Warm {
                let status = Command::new("cp").arg("-r").arg(&warm).arg(&cache).status().unwrap();
                assert!(status.success());
            }
            let mut npm = npm(bench, run, folder.path(), &cache);
            npm.env("npm_config_https_proxy", server.url()).env("NODE_EXTRA_CA_CERTS", &bundle);
            let code = npm.status().unwrap().code();
            assert!(code.is_some(), "{}", run.id);
        });
        server.close();
    }
    whole
}

fn copy(bench: &Bench, run: &RunSpec, into: &Path) {
    for file in &bench.project.files {
        // What npm needs; the served folders stay where they are.
        if file.starts_with("registry/") {
            continue;
        }
        let target = into.join(file);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(bench.project.root.join(file), target).unwrap();
    }
    for (path, bytes) in &run.changes {
        match bytes {
            Some(bytes) => std::fs::write(into.join(path), bytes).unwrap(),
            None => {
                let _ = std::fs::remove_file(into.join(path));
            }
        }
    }
}

fn npm(bench: &Bench, run: &RunSpec, cwd: &Path, cache: &Path) -> Command {
    let mut npm = Command::new(&bench.node);
    npm.arg(bench.npm.join("bin/npm-cli.js"))
        .args(&run.command[1..])
        .current_dir(cwd)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", cwd)
        .env("CI", "true")
        .env("npm_config_cache", cache)
        .env("npm_config_globalconfig", cwd.join("no-global-npmrc"))
        .env("npm_config_userconfig", cwd.join("no-user-npmrc"))
        .envs(&run.env)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    npm
}
