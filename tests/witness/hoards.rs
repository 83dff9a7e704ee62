//! Programs that hold memory which is in none of their pages, and that each is ended for it.

use crate::cases::{ended, exit_of};
use crate::room::{Project, observe};
use sealcheck::wire::{CutShort, Event, Exit};
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;

const LIMIT: u64 = 64 << 20;

pub(crate) fn memory_that_no_process_has_is_counted() {
    for kind in ["segments", "messages", "sockets", "datagrams", "in-flight", "page-tables", "pipes"] {
        let project = Project::new();
        let mut order = project.act(&["hoard", kind]);
        order.memory_limit = LIMIT;
        let events = observe(&order);
        assert_eq!(ended(&events).1, Some(CutShort::Memory), "{kind}: {events:#?}");
        assert_eq!(exit_of(&events), Exit::Signal(9), "{kind}");
    }
}

pub(crate) fn memory_that_nobody_could_count_is_refused() {
    let project = Project::new();
    let events = observe(&project.act(&["hoard", "memory-files"]));
    assert_eq!(exit_of(&events), Exit::Code(0), "{events:#?}");
    let denied =
        |name: &str| events.iter().any(|event| matches!(event, Event::Denied { call, .. } if call == name));
    assert!(denied("memfd_create") && denied("io_setup"), "{events:#?}");
}

/// Holds more than the limit in one way, and waits to be ended.
pub(crate) fn hoard(kind: &str) -> bool {
    match kind {
        "segments" => segments(),
        "messages" => messages(),
        "sockets" => sockets(false),
        "in-flight" => sockets(true),
        "datagrams" => datagrams(),
        "page-tables" => page_tables(),
        "pipes" => pipes(),
        "memory-files" => return memory_files(),
        other => panic!("no hoard {other}"),
    }
    std::thread::sleep(Duration::from_secs(600));
    false
}

fn segments() {
    let size = 2 * LIMIT as usize;
    // SAFETY: the segment is as long as what is written to it, and is let go of afterwards.
    unsafe {
        let segment = libc::shmget(libc::IPC_PRIVATE, size, libc::IPC_CREAT | 0o600);
        let at = libc::shmat(segment, std::ptr::null(), 0);
        libc::memset(at, 1, size);
        libc::shmdt(at);
    }
}

fn messages() {
    let message = [1_u8; 8 + 4000];
    // SAFETY: a message begins with its kind, a number that is not 0, and is as long as is said.
    unsafe {
        loop {
            let queue = libc::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600);
            if queue < 0 {
                break;
            }
            while libc::msgsnd(queue, message.as_ptr().cast(), 4000, libc::IPC_NOWAIT) == 0 {}
        }
    }
}

/// What a sender that is gone has sent, in sockets that are open or only on their way.
fn sockets(in_flight: bool) {
    let mut kept = Vec::new();
    let mut ways = Vec::new();
    for number in 0..LIMIT / 200_000 * 2 {
        // One has room for some hundred messages.
        if number % 64 == 0 {
            ways.push(UnixStream::pair().unwrap());
        }
        let (mut from, to) = UnixStream::pair().unwrap();
        from.set_nonblocking(true).unwrap();
        while from.write(&[1; 4096]).is_ok() {}
        match ways.last() {
            Some((way, _)) if in_flight => send_away(way, &to),
            Some(_) | None => kept.push(to),
        }
    }
    std::mem::forget((kept, ways));
}

fn send_away(by: &UnixStream, what: &UnixStream) {
    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
    let rights = [what.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&rights)];
    let bytes = [std::io::IoSlice::new(b"x")];
    sendmsg::<()>(by.as_raw_fd(), &bytes, &rights, MsgFlags::MSG_DONTWAIT, None).unwrap();
}

fn datagrams() {
    for _ in 0..LIMIT / 200_000 * 2 {
        let (from, to) = UnixDatagram::pair().unwrap();
        from.set_nonblocking(true).unwrap();
        from.send(b"x").unwrap();
        while from.send(&[1; 30_000]).is_ok() {}
        std::mem::forget(to);
    }
}

/// One page for each two megabytes that were looked at and are nowhere.
fn page_tables() {
    let (step, count) = (2_usize << 20, 2 * LIMIT as usize / 4096);
    // SAFETY: what is read lies in what was mapped.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let at = libc::mmap(std::ptr::null_mut(), step * count, libc::PROT_READ, flags, -1, 0);
        assert_ne!(at, libc::MAP_FAILED);
        for number in 0..count {
            let _ = at.cast::<u8>().add(number * step).read_volatile();
        }
    }
}

fn pipes() {
    for _ in 0..8 {
        // SAFETY: this process has one thread.
        if unsafe { libc::fork() } == 0 {
            while let Ok((read, write)) = nix::unistd::pipe() {
                nix::unistd::write(&write, &[1]).unwrap();
                std::mem::forget((read, write));
            }
            std::thread::sleep(Duration::from_secs(600));
        }
    }
}

fn memory_files() -> bool {
    // SAFETY: the name is a text; what comes of the calls is looked at.
    unsafe {
        let file = libc::memfd_create(c"x".as_ptr(), 0);
        let refused = file < 0 && *libc::__errno_location() == libc::ENOSYS;
        if file >= 0 {
            drop(OwnedFd::from_raw_fd(file));
        }
        let mut context = 0_u64;
        let notes = libc::syscall(libc::SYS_io_setup, 1, &raw mut context);
        refused && notes < 0 && *libc::__errno_location() == libc::ENOSYS
    }
}
