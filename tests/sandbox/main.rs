//! Sandboxes of the namespaces backend, made and entered for real.
//!
//! This executable is its own stage and its own PID 1, so that no other module
//! of the crate is needed: that is why it has a `main` instead of the usual
//! harness. Started as root, it runs everything once more as an ordinary user.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod shown;
mod witness;

use bench::{Bench, alive, descendants, exe, runtime, until};
use sealcheck::sandbox::namespaces::{Namespaces, stage_main, sweep};
use sealcheck::sandbox::{CacheSpec, SandboxError, SandboxSpec, Scratch, Signal};
use sealcheck::wire::{CutShort, Exit};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

type Test = (&'static str, fn());

const TESTS: [Test; 18] = [
    ("the_place_is_cut_off", the_place_is_cut_off),
    ("nothing_of_the_system_can_be_written", nothing_of_the_system_can_be_written),
    ("the_processes_inside_own_nothing", the_processes_inside_own_nothing),
    ("doors_take_connections_from_inside", doors_take_connections_from_inside),
    ("the_project_is_copied_with_its_changes", the_project_is_copied_with_its_changes),
    ("a_hostile_project_does_not_escape", a_hostile_project_does_not_escape),
    ("folders_are_shown_and_files_written", folders_are_shown_and_files_written),
    ("nobody_sits_behind_a_file_that_is_shown", shown::nobody_sits_behind_a_file_that_is_shown),
    ("what_users_share_is_not_used_up", shown::what_users_share_is_not_used_up),
    ("a_cache_is_kept_and_copied", a_cache_is_kept_and_copied),
    ("limits_hold", limits_hold),
    ("a_limit_of_the_disk_ends_the_run", a_limit_of_the_disk_ends_the_run),
    ("output_of_any_length_arrives_whole", output_of_any_length_arrives_whole),
    ("several_places_stand_side_by_side", several_places_stand_side_by_side),
    ("nothing_is_left_after_a_drop", nothing_is_left_after_a_drop),
    ("nothing_is_left_after_the_host_was_killed", nothing_is_left_after_the_host_was_killed),
    ("nothing_is_left_after_the_guard_was_killed", nothing_is_left_after_the_guard_was_killed),
    ("what_cannot_be_made_is_said", what_cannot_be_made_is_said),
];

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("__stage") => std::process::exit(stage_main(words[3].parse().unwrap())),
        Some("__witness") => std::process::exit(witness::witness(words[3].parse().unwrap())),
        Some("__knock") => shown::knock(Path::new(&words[2])),
        Some("__host") => hold_a_sandbox(Path::new(&words[2])),
        _ => std::process::exit(run_tests(&words[1..])),
    }
}

fn run_tests(words: &[String]) -> i32 {
    let scratch = tempfile::tempdir().unwrap();
    let lacks: Vec<String> = Namespaces::new(exe(), scratch.path().join("s"))
        .probe()
        .into_iter()
        .filter_map(|trial| {
            let why = trial.outcome.err()?;
            Some(format!("{}: {why}; {}", trial.capability.name(), trial.hint.unwrap_or_default()))
        })
        .collect();
    if !lacks.is_empty() {
        println!("sandboxes cannot be tested here:\n  {}", lacks.join("\n  "));
        return i32::from(std::env::var_os("SEALCHECK_MUST_HAVE_NAMESPACES").is_some());
    }
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let who = if nix::unistd::geteuid().is_root() { "root" } else { "user" };
    let mut failed = 0;
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} as {who} ... {}", if passed { "ok" } else { "FAILED" });
        failed += i32::from(!passed);
    }
    if nix::unistd::geteuid().is_root() {
        // A copy, because the build folder may lie in root's home.
        let copy = tempfile::tempdir().unwrap();
        fs::set_permissions(copy.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let program = copy.path().join("sandbox-test");
        fs::copy(exe(), &program).unwrap();
        let status = Command::new(program).args(words).uid(1000).gid(1000).current_dir("/").status().unwrap();
        failed += i32::from(!status.success());
    }
    i32::from(failed > 0)
}

// The tests.

fn the_place_is_cut_off() {
    let bench = Bench::new();
    fs::write(bench.path("secret"), "host").unwrap();
    let script = format!(
        "echo interfaces $(tail -n +3 /proc/net/dev | cut -d: -f1)
         echo ipv6 $(cat /proc/net/if_inet6)
         echo root $(ls -A /)
         echo devices $(ls /dev)
         echo host $(hostname)
         echo pids $(ls /proc | grep -c '^[0-9]')
         echo pid1 $(tr '\\0' ' ' < /proc/1/cmdline)
         echo env $(tr '\\0' ' ' < /proc/1/environ)
         echo fds $(ls /proc/1/fd)
         echo rootfs $(awk '$5==\"/\" {{print $(NF-2)}}' /proc/self/mountinfo)
         echo users $(cut -d: -f1 /etc/passwd)
         test -e {} && echo SEEN
         for path in /run /sys /root /boot /etc/shadow /etc/ssl/private /var/lib; do test -e $path && echo SEEN $path; done
         true",
        bench.path("secret").display()
    );
    let ran = bench.sh(&script);
    assert_eq!(ran.exit, Some(Exit::Code(0)));
    ran.finished.unwrap();
    let line = |name: &str| {
        let start = format!("{name} ");
        let line = ran.stdout.lines().find(|line| *line == name || line.starts_with(&start));
        line.unwrap_or_else(|| panic!("{name}: {}", ran.stdout))[name.len()..].trim().to_owned()
    };
    assert_eq!(line("interfaces"), "lo");
    assert_eq!(line("ipv6"), "");
    let root = line("root");
    for name in root.split(' ') {
        let known = ["bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "project"];
        assert!(known.contains(&name) || ["sbin", "tmp", "usr", "var"].contains(&name), "{name}");
    }
    assert!(!line("devices").contains("vd") && line("devices").contains("urandom"));
    assert_eq!(line("host"), "sealcheck");
    assert!(line("pids").parse::<u32>().unwrap() < 8);
    assert_eq!(line("pid1"), "sealcheck __witness --channel 3");
    assert_eq!(line("env"), "");
    // The standard streams, the channel, and the stub's own copy of it.
    assert_eq!(line("fds"), "0 1 2 3 4");
    assert_eq!(line("rootfs"), "tmpfs");
    assert_eq!(line("users"), "root npm nobody");
    assert!(!ran.stdout.contains("SEEN"), "{}", ran.stdout);
}

fn nothing_of_the_system_can_be_written() {
    let ran = Bench::new().sh("exec 2>/dev/null
         for folder in / /usr /usr/bin /bin /etc /etc/alternatives /dev /home /var /proc /proc/sys/kernel; do
           touch $folder/sealcheck-was-here && echo WRITTEN $folder
         done
         (echo x > /etc/passwd) && echo WRITTEN /etc/passwd
         (echo x > /proc/self/comm) && echo WRITTEN comm
         (echo x > /proc/sys/kernel/hostname) && echo WRITTEN hostname
         (echo 0 > /proc/self/oom_score_adj) && echo WRITTEN oom_score_adj
         mount -o remount,rw / && echo REMOUNTED
         umount /proc && echo UMOUNTED
         unshare -U true && echo UNSHARED
         for folder in /project /home/npm /home/npm/.npm /tmp /var/tmp /dev/shm; do
           touch $folder/file && chmod +x $folder/file && rm $folder/file || echo READONLY $folder
         done
         printf '#!/bin/sh\\necho ran' > /tmp/run; chmod +x /tmp/run; /tmp/run
         echo x > /dev/null && head -c 3 /dev/zero | wc -c");
    assert_eq!(ran.stdout, "ran\n3\n");
}

fn the_processes_inside_own_nothing() {
    let ran = Bench::new().sh(
        "id -u; id -g; id -un; grep -E '^(Cap|NoNewPrivs|Uid|Gid)' /proc/self/status; cat /proc/self/uid_map",
    );
    let words: Vec<&str> = ran.stdout.split_whitespace().collect();
    assert_eq!(words[..3], ["1000", "1000", "npm"]);
    for (name, value) in [
        ("CapInh:", "0000000000000000"),
        ("CapPrm:", "0000000000000000"),
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
        ("CapAmb:", "0000000000000000"),
        ("NoNewPrivs:", "1"),
    ] {
        let at = words.iter().position(|word| *word == name).unwrap();
        assert_eq!(words[at + 1], value, "{name}");
    }
    let outside: u32 = words[words.len() - 2].parse().unwrap();
    assert_ne!(outside, 0, "uid 0 of the host is mapped");
}

fn doors_take_connections_from_inside() {
    let bench = Bench::new();
    let spec = bench.spec(&[
        "knock",
        "127.0.0.5:443",
        "127.0.0.65:80",
        "127.0.1.1:443",
        "127.0.0.5:8443",
        "127.0.0.1:4873",
        "127.0.0.1:443",
        "[::1]:443",
    ]);
    runtime().block_on(async {
        let (mut doors, prepared) = bench.backend().prepare(spec).await.unwrap();
        let answering = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            for address in ["127.0.0.5:443", "127.0.0.65:80", "127.0.0.1:4873"] {
                let mut visit = doors.visits.recv().await.unwrap();
                assert_eq!(visit.door.to_string(), address);
                let mut asked = String::new();
                visit.stream.read_to_string(&mut asked).await.unwrap();
                let answer = format!("{asked} at {}", visit.door);
                visit.stream.write_all(answer.as_bytes()).await.unwrap();
            }
            let question = doors.datagrams.recv().await.unwrap();
            assert_eq!(question.bytes, b"name?");
            doors
        });
        let mut running = prepared.start().await.unwrap();
        let mut said = Vec::new();
        while let Some(signal) = running.signals.recv().await {
            if let Signal::Stdout(more) = signal {
                said.extend(more);
            }
        }
        running.finish().await.unwrap();
        drop(answering.await.unwrap());
        let said = String::from_utf8(said).unwrap();
        let mut said = said.lines();
        assert_eq!(said.next(), Some("127.0.0.5:443 knock at 127.0.0.5:443"));
        assert_eq!(said.next(), Some("127.0.0.65:80 knock at 127.0.0.65:80"));
        assert_eq!(said.next(), Some("127.0.1.1:443 ConnectionRefused"));
        assert_eq!(said.next(), Some("127.0.0.5:8443 ConnectionRefused"));
        assert_eq!(said.next(), Some("127.0.0.1:4873 knock at 127.0.0.1:4873"));
        assert_eq!(said.next(), Some("127.0.0.1:443 ConnectionRefused"));
        let ipv6 = said.next().unwrap();
        assert!(ipv6.starts_with("[::1]:443 ") && !ipv6.contains("knock"), "{ipv6}");
    });
}

fn the_project_is_copied_with_its_changes() {
    let bench = Bench::new();
    let project = bench.path("project");
    fs::create_dir_all(project.join("packages/web")).unwrap();
    fs::write(project.join("package.json"), "{}").unwrap();
    fs::write(project.join("packages/web/run.sh"), "#!/bin/sh\necho hello").unwrap();
    fs::set_permissions(project.join("packages/web/run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(project.join("untracked"), "stays out").unwrap();
    fs::write(project.join("package-lock.json"), "old").unwrap();
    fs::write(project.join("gone.txt"), "x").unwrap();
    let mut spec = bench.spec(&[
        "sh",
        "-c",
        "packages/web/run.sh; ls -A | tr '\\n' ' '; cat package-lock.json new/file; echo y > package.json",
    ]);
    spec.project.files =
        ["gone.txt", "package-lock.json", "package.json", "packages/web/run.sh"].map(String::from).into();
    spec.project.changes = vec![
        ("package-lock.json".to_owned(), Some(b"changed ".to_vec())),
        ("gone.txt".to_owned(), None),
        ("new/file".to_owned(), Some(b"made".to_vec())),
    ];
    let ran = bench.run(spec);
    assert_eq!(ran.stdout, "hello\nnew package-lock.json package.json packages changed made");
    assert_eq!(ran.skipped, Vec::<String>::new());
    assert_eq!(
        fs::read_to_string(project.join("package.json")).unwrap(),
        "{}",
        "the original was written to"
    );
    assert_eq!(fs::read_to_string(project.join("package-lock.json")).unwrap(), "old");
}

fn a_hostile_project_does_not_escape() {
    let bench = Bench::new();
    let project = bench.path("project");
    fs::create_dir(bench.path("outside")).unwrap();
    fs::write(bench.path("outside/secret"), "host").unwrap();
    symlink(bench.path("outside"), project.join("absolute")).unwrap();
    symlink("../outside/secret", project.join("upwards")).unwrap();
    symlink("package.json", project.join("inner")).unwrap();
    fs::write(project.join("package.json"), "{}").unwrap();
    let mut spec =
        bench.spec(&["sh", "-c", "ls -A | tr '\\n' ' '; cat inner absolute/secret upwards 2>/dev/null"]);
    spec.project.files =
        ["absolute", "absolute/secret", "inner", "package.json", "upwards"].map(String::from).into();
    let ran = bench.run(spec);
    assert_eq!(ran.stdout, "inner package.json {}");
    assert_eq!(ran.skipped, ["absolute", "absolute/secret", "upwards"]);

    let mut spec = bench.spec(&["true"]);
    spec.project.changes = vec![("../outside/secret".to_owned(), Some(b"overwritten".to_vec()))];
    let error = runtime().block_on(bench.backend().prepare(spec)).err().unwrap();
    assert!(matches!(error, SandboxError::Setup { .. }));
    assert_eq!(fs::read_to_string(bench.path("outside/secret")).unwrap(), "host");
}

fn folders_are_shown_and_files_written() {
    let bench = Bench::new();
    // Only its owner may enter, as with a toolchain in root's home.
    fs::create_dir_all(bench.path("private/node/bin")).unwrap();
    fs::write(bench.path("private/node/bin/tool"), "#!/bin/sh\necho tool").unwrap();
    fs::set_permissions(bench.path("private/node/bin/tool"), PermissionsExt::from_mode(0o755)).unwrap();
    fs::set_permissions(bench.path("private"), PermissionsExt::from_mode(0o700)).unwrap();
    let mut spec = bench.spec(&[
        "sh",
        "-c",
        "/opt/node/bin/tool; touch /opt/node/x 2>/dev/null && echo WRITTEN; cat /home/npm/.npmrc /etc/ssl/certs/ca.pem /etc/hosts",
    ]);
    spec.show = vec![(bench.path("private/node"), "/opt/node".to_owned())];
    spec.files = vec![
        ("/home/npm/.npmrc".to_owned(), b"fund=false\n".to_vec()),
        ("/etc/ssl/certs/ca.pem".to_owned(), b"PEM\n".to_vec()),
        ("/etc/hosts".to_owned(), b"127.0.0.1 other\n".to_vec()),
    ];
    assert_eq!(bench.run(spec).stdout, "tool\nfund=false\nPEM\n127.0.0.1 other\n");
}

fn a_cache_is_kept_and_copied() {
    let bench = Bench::new();
    let cache = bench.path("cache");
    let mut spec = bench.spec(&[
        "sh",
        "-c",
        "mkdir -p /home/npm/.npm/_cacache/a; echo one > /home/npm/.npm/_cacache/a/b",
    ]);
    spec.cache = CacheSpec::Keep(cache.clone());
    bench.run(spec);
    assert_eq!(fs::read_to_string(cache.join("_cacache/a/b")).unwrap(), "one\n");
    for scratch in [Scratch::Memory, Scratch::Disk(bench.path("disk"))] {
        let mut spec = bench.spec(&["sh", "-c", "cd /home/npm/.npm/_cacache/a; cat b; echo two >> b; cat b"]);
        spec.cache = CacheSpec::CopyOf(cache.clone());
        spec.scratch = scratch;
        assert_eq!(bench.run(spec).stdout, "one\none\ntwo\n");
        assert_eq!(fs::read_to_string(cache.join("_cacache/a/b")).unwrap(), "one\n");
    }
}

fn limits_hold() {
    let bench = Bench::new();
    let ran = bench.sh("ulimit -n; ulimit -c
         head -c 20000000 /dev/zero > /tmp/big 2>/dev/null || echo full; rm /tmp/big
         i=0; while test $i -lt 300; do sleep 5 & i=$((i+1)); done 2>/dev/null || echo enough");
    assert!(ran.stdout.starts_with("512\n0\nfull\n"), "{}", ran.stdout);
    let ran = bench.sh("awk '/Max processes/ {print $3, $4}' /proc/self/limits");
    assert_eq!(ran.stdout, "200 200\n");
}

fn a_limit_of_the_disk_ends_the_run() {
    let bench = Bench::new();
    let plain = "i=0; while :; do head -c 8000000 /dev/zero > /tmp/$i; i=$((i+1)); done";
    let unnamed = "exec 5> /tmp/gone; rm /tmp/gone; while :; do head -c 8000000 /dev/zero >&5; done";
    let kept = "i=0; while :; do head -c 8000000 /dev/zero > /home/npm/.npm/$i; i=$((i+1)); done";
    for (script, keeps) in [(plain, false), (unnamed, false), (kept, true)] {
        let mut spec = bench.spec(&["sh", "-c", script]);
        spec.order.disk_limit = 64 << 20;
        spec.order.time_limit_ms = 60_000;
        spec.scratch = Scratch::Disk(bench.path("disk"));
        if keeps {
            (spec.cache, spec.scratch) = (CacheSpec::Keep(bench.path("kept")), Scratch::Memory);
        }
        let ran = bench.run_watched(spec);
        assert_eq!(ran.cut_short, Some(CutShort::Disk), "{script}");
        ran.finished.unwrap();
    }
    // What others write is not the run's.
    let mut spec = bench.spec(&["sleep", "2"]);
    spec.order.disk_limit = 64 << 20;
    spec.scratch = Scratch::Disk(bench.path("disk"));
    let other = bench.path("other");
    let writer = std::thread::spawn(move || fs::write(other, vec![1; 200 << 20]).unwrap());
    assert_eq!(bench.run_watched(spec).cut_short, None);
    writer.join().unwrap();
}

fn output_of_any_length_arrives_whole() {
    let ran = Bench::new().sh("head -c 5000000 /dev/zero | tr '\\0' x");
    assert_eq!(ran.stdout.len(), 5_000_000);
    ran.finished.unwrap();
}

fn several_places_stand_side_by_side() {
    let bench = Bench::new();
    let script = "echo $$ > /tmp/mine; ls /tmp /project; hostname";
    std::thread::scope(|scope| {
        for ran in [(); 4].map(|()| scope.spawn(|| bench.sh(script))) {
            let ran = ran.join().unwrap();
            ran.finished.unwrap();
            assert_eq!(ran.stdout, "/project:\n\n/tmp:\nmine\nsealcheck\n");
        }
    });
}

fn nothing_is_left_after_a_drop() {
    let bench = Bench::new();
    let mut spec =
        bench.spec(&["sh", "-c", "mkdir closed; chmod 0 closed; setsid sleep 1000 & echo up; sleep 1000"]);
    spec.scratch = Scratch::Disk(bench.path("disk"));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let me = std::process::id();
    runtime().block_on(async {
        let (_doors, prepared) = bench.backend().prepare(spec).await.unwrap();
        let mut running = prepared.start().await.unwrap();
        while !matches!(running.signals.recv().await.unwrap(), Signal::Stdout(_)) {}
        let inside = descendants(me);
        assert!(inside.len() >= 4, "{inside:?}");
        // The folder, and beside it the lock that says whose it is.
        assert_eq!(fs::read_dir(bench.path("disk")).unwrap().count(), 2);
        assert_eq!(sweep(&bench.path("disk")).unwrap(), Vec::<PathBuf>::new());
        drop(running);
        assert_eq!(descendants(me), Vec::<u32>::new());
        assert!(!inside.into_iter().any(alive));
    });
    assert_eq!(fs::read_dir(bench.path("disk")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), mounts);

    // The same without an order ever sent.
    drop(runtime().block_on(bench.backend().prepare(bench.spec(&["true"]))).unwrap());
    assert_eq!(descendants(me), Vec::<u32>::new());
}

fn hold_a_sandbox(folder: &Path) {
    let bench = Bench { folder: tempfile::tempdir_in(folder).unwrap() };
    fs::create_dir(bench.path("project")).unwrap();
    let mut spec = bench.spec(&["sh", "-c", "setsid sleep 1000 & sleep 1000"]);
    spec.scratch = Scratch::Disk(folder.join("disk"));
    runtime().block_on(async {
        let (_doors, prepared) = bench.backend().prepare(spec).await.unwrap();
        let running = prepared.start().await.unwrap();
        println!("up");
        std::future::pending::<()>().await;
        drop(running);
    });
}

fn nothing_is_left_after_the_host_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut host =
        Command::new(exe()).arg("__host").arg(folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    host.stdout.take().unwrap().read_exact(&mut [0; 3]).unwrap();
    until("the command did not start", || descendants(host.id()).len() >= 5);
    let inside = descendants(host.id());
    host.kill().unwrap();
    host.wait().unwrap();
    until("processes outlived their host", || !inside.iter().copied().any(alive));
    let swept = sweep(&folder.path().join("disk")).unwrap();
    assert_eq!(swept.len(), 1);
    assert_eq!(fs::read_dir(folder.path().join("disk")).unwrap().count(), 0);
}

fn nothing_is_left_after_the_guard_was_killed() {
    let bench = Bench::new();
    let me = std::process::id();
    runtime().block_on(async {
        let spec = bench.spec(&["sh", "-c", "setsid sleep 1000 & echo up; sleep 1000"]);
        let (_doors, prepared) = bench.backend().prepare(spec).await.unwrap();
        let mut running = prepared.start().await.unwrap();
        while !matches!(running.signals.recv().await.unwrap(), Signal::Stdout(_)) {}
        let inside = descendants(me);
        let guard = nix::unistd::Pid::from_raw(inside[0].cast_signed());
        nix::sys::signal::kill(guard, nix::sys::signal::Signal::SIGKILL).unwrap();
        while running.signals.recv().await.is_some() {}
        until("processes outlived their guard", || !inside.iter().copied().any(alive));
        assert!(matches!(running.finish().await, Err(SandboxError::Lost(_))));
    });
}

fn what_cannot_be_made_is_said() {
    let bench = Bench::new();
    let step = |change: &dyn Fn(&mut SandboxSpec)| {
        let mut spec = bench.spec(&["true"]);
        change(&mut spec);
        match runtime().block_on(bench.backend().prepare(spec)) {
            Err(SandboxError::Setup { step, .. }) => step,
            Err(SandboxError::Lost(why)) => panic!("{why}"),
            Ok(_) => panic!("it was made"),
        }
    };
    assert!(step(&|spec| spec.project.root = "/not/there".into()).starts_with("open /not/there"));
    assert_eq!(step(&|spec| spec.show = vec![("/".into(), "/host".into())]), "show /");
    assert_eq!(step(&|spec| spec.show = vec![("/usr".into(), "/a/../b".into())]), "show /a/../b");
    assert_eq!(step(&|spec| spec.show = vec![("/usr".into(), "/bin/x".into())]), "show /bin/x");
    assert_eq!(step(&|spec| spec.files = vec![("/usr/x".into(), Vec::new())]), "write /usr/x");
    assert!(step(&|spec| spec.ports = vec![443, 443]).starts_with("open the door 127.0.0.2:443"));
    assert_eq!(descendants(std::process::id()), Vec::<u32>::new());

    let ran = bench.run(bench.spec(&["vanish"]));
    assert!(matches!(ran.finished, Err(SandboxError::Lost(why)) if why.contains('5')));
}
