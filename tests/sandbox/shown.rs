//! What of the host a sandbox reaches below what it is shown, and how much it has of what all
//! processes of a user share.

use crate::bench::{Bench, exe};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Says what comes of asking for whoever listens at a socket.
pub(crate) fn knock(path: &Path) {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => println!("answered"),
        Err(error) => println!("{:?}", error.kind()),
    }
}

pub(crate) fn nobody_sits_behind_a_file_that_is_shown() {
    let bench = Bench::new();
    fs::create_dir(bench.path("shown")).unwrap();
    let (socket, fifo) = (bench.path("shown/socket"), bench.path("shown/fifo"));
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    for path in [&socket, &fifo] {
        fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    }
    fs::copy(exe(), bench.path("shown/knock")).unwrap();
    let mut reader = fs::OpenOptions::new();
    reader.read(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    let mut reader = reader.open(&fifo).unwrap();
    let script = "cd /opt/shown; ./knock __knock $PWD/socket
         (echo by-script > fifo) 2>/dev/null & sleep 0.3; kill $! 2>/dev/null; test -p fifo && echo fifo";
    let mut spec = bench.spec(&["sh", "-c", script]);
    spec.show = vec![(bench.path("shown"), "/opt/shown".to_owned())];
    assert_eq!(bench.run(spec).stdout, "ConnectionRefused\nfifo\n");
    let mut got = String::new();
    // Nobody wrote: not even a blank, and nobody has it open.
    assert_eq!(reader.read_to_string(&mut got).unwrap(), 0, "{got}");
}

pub(crate) fn what_users_share_is_not_used_up() {
    let ran = Bench::new().sh("cd /proc/sys/user
         cat max_inotify_instances max_inotify_watches max_fanotify_groups max_user_namespaces
         grep -c 'max=64' /proc/mounts
         i=0; while test $i -lt 17000; do true > /dev/shm/$i || break; i=$((i+1)); done 2>/dev/null
         test $i -lt 16384 && echo bounded");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[..2], ["32", "16384"], "{}", ran.stdout);
    assert_eq!(lines[2..], ["0", "0", "1", "bounded"], "{}", ran.stdout);
}
