//! What this machine lacks is told as that, before anything runs, and never as the project's fault.

use super::{SHORT, shop};
use crate::support;
use crate::support::project::Project;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program on the shop, below a limit of the kernel's.
fn limited(shop: &Project, limit: &str, arguments: &[&str]) -> Output {
    let program = shop.command();
    let mut limited = Command::new("prlimit");
    limited.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
        .arg(limit)
        .arg(support::sealcheck())
        .args(arguments)
        .current_dir(shop.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_too_little_is_told_before_the_first_run() {
    let shop = shop();
    let test: Vec<&str> = ["test"].into_iter().chain(SHORT).collect();
    for (limit, part) in [
        ("--nofile=20:20", "open files are allowed here: 20, and"),
        ("--nofile=64:64", "open files are allowed here: 64, and"),
        ("--nofile=200:200", "open files are allowed here: 200, and"),
        ("--nofile=256:256", "open files are allowed here: 256, and"),
        ("--nproc=16:16", "too few processes and threads"),
        ("--fsize=100000:100000", "bytes of a file are allowed here: 100000, and"),
        ("--as=1500000000:1500000000", "address space"),
        ("--data=100000000:100000000", "bytes of data"),
        ("--cpu=60:60", "seconds of the processor"),
        ("--nproc=25:25", "too few processes and threads"),
    ] {
        let told = limited(&shop, limit, &test);
        let said = text(&told);
        assert_eq!(told.status.code(), Some(3), "{limit}: {said}");
        assert!(said.contains(part) && said.contains("are needed"), "{limit}: {said}");
        assert!(!said.contains("panicked") && !said.contains("npm"), "{limit}: {said}");
        assert!(told.stdout.is_empty(), "{limit}: {}", String::from_utf8_lossy(&told.stdout));
    }
}

#[test]
fn a_soft_limit_is_raised_as_far_as_it_may_be() {
    let shop = shop();
    let told = limited(&shop, "--nofile=64:", &["test", "--scenario", "baseline", "--jobs", "1"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told));
}

#[test]
fn a_node_that_never_answers_is_ended_with_the_program() {
    let shop = shop();
    let folder = tempfile::tempdir().unwrap();
    let node = folder.path().join("node");
    let pid = folder.path().join("pid");
    std::fs::write(&node, format!("#!/bin/sh\necho $$ >{}\nexec sleep 1000\n", pid.display())).unwrap();
    std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut program = shop.command();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let mut child = program.env("PATH", path).arg("test").stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let asked = loop {
        if let Ok(text) = std::fs::read_to_string(&pid)
            && let Ok(pid) = text.trim().parse::<u32>()
        {
            break pid;
        }
        assert!(Instant::now() < until && child.try_wait().unwrap().is_none(), "node was never asked");
        std::thread::sleep(Duration::from_millis(10));
    };
    let own = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let stat = std::fs::read_to_string(format!("/proc/{asked}/stat"));
    assert!(stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z ")), "node still runs");
}
