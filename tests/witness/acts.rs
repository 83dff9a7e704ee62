//! Programs that misbehave. Each ends with 0 where the world was as it must be.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Plays one.
pub(crate) fn act(name: &str, words: &[String]) -> i32 {
    let fine = match name {
        "thread-exec" => thread_exec(),
        "orphan" => orphan(),
        "posix-spawn" => Command::new("/bin/true").status().is_ok_and(|status| status.success()),
        "connect" => connect(),
        "datagrams" => datagrams(),
        "race" => race(),
        "refusals" => refusals(),
        "untraced" => untraced(),
        "at-the-witness" => at_the_witness(),
        "kill-the-witness" => kill_the_witness(),
        "own-limits" => own_limits(),
        "descriptors" => descriptors(),
        "foreign" => foreign(),
        "realtime" => realtime(),
        "eat" => eat(),
        "hoard" => crate::hoards::hoard(&words[0]),
        "unreadable" => unreadable(&words[0]),
        "storm" => storm(),
        "npm" => npm(words),
        "share-descriptors" => share_descriptors(),
        "open-and-exec" => open_and_exec(&words[0]),
        "read-inherited" => read_inherited(),
        "flood" => flood(),
        "escapes" => escapes(),
        other => panic!("no act {other}"),
    };
    i32::from(!fine)
}

/// The error of a raw system call; 0 where it succeeded.
fn call(number: libc::c_long, arguments: [u64; 5]) -> i32 {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the calls made here are refused, or take plain numbers.
    if unsafe { libc::syscall(number, a, b, c, d, e) } >= 0 { 0 } else { nix::errno::Errno::last_raw() }
}

fn expect(what: &str, errno: i32, wanted: i32) -> bool {
    if errno != wanted {
        eprintln!("{what} gave {errno} and not {wanted}");
    }
    errno == wanted
}

fn thread_exec() -> bool {
    let thread = std::thread::spawn(|| Command::new("/bin/true").arg("from-a-thread").exec());
    eprintln!("{:?}", thread.join());
    false
}

fn orphan() -> bool {
    // SAFETY: this process has one thread.
    unsafe {
        if libc::fork() == 0 {
            if libc::fork() == 0 {
                libc::setsid();
                // Alive well beyond the command.
                std::thread::sleep(Duration::from_secs(600));
            }
            libc::_exit(7);
        }
        let mut status = 0;
        libc::wait(&raw mut status);
    }
    true
}

fn connect() -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    let stream = TcpStream::connect(there).unwrap();
    std::fs::write("ports", format!("{} {}", stream.local_addr().unwrap().port(), there.port())).unwrap();
    let refused = TcpStream::connect("127.0.0.1:9").unwrap_err();
    let unreachable = TcpStream::connect("203.0.113.1:443").unwrap_err();
    let six = TcpStream::connect("[2001:db8::1]:443").is_err();
    let name = SocketAddr::from_abstract_name(b"nobody").unwrap();
    let hidden = UnixStream::connect_addr(&name).is_err();
    let path = UnixStream::connect("/nowhere/socket").is_err();
    refused.raw_os_error() == Some(libc::ECONNREFUSED)
        && unreachable.raw_os_error() == Some(libc::ENETUNREACH)
        && six
        && hidden
        && path
}

fn datagrams() -> bool {
    let listener = UdpSocket::bind("127.0.0.1:5353").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"one", "127.0.0.1:5353").unwrap();
    std::fs::write("ports", socket.local_addr().unwrap().port().to_string()).unwrap();
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: 5354_u16.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let mut bytes = *b"two";
    let mut vector = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all structures are plain numbers and live until the calls are over.
    unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_name = (&raw const address).cast_mut().cast();
        header.msg_namelen = size_of_val(&address) as u32;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&socket);
        libc::sendmsg(descriptor, &raw const header, 0);
        let other = libc::sockaddr_in { sin_port: 5355_u16.to_be(), ..address };
        let mut second = header;
        second.msg_name = (&raw const other).cast_mut().cast();
        let mut both =
            [libc::mmsghdr { msg_hdr: header, msg_len: 0 }, libc::mmsghdr { msg_hdr: second, msg_len: 0 }];
        libc::sendmmsg(descriptor, both.as_mut_ptr(), 2, 0);
    }
    // Traffic on a connected socket names nobody and must get through.
    let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect("127.0.0.1:5353").unwrap();
    connected.send(b"three").unwrap();
    let mut buffer = [0; 16];
    listener.recv(&mut buffer).unwrap();
    listener.recv(&mut buffer).is_ok_and(|n| &buffer[..n] == b"three")
}

/// Another thread changes the address while the call is made.
fn race() -> bool {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    static ADDRESS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
    static DONE: AtomicBool = AtomicBool::new(false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let pack = |last: u8| {
        let mut bytes = [0_u8; 8];
        bytes[..2].copy_from_slice(&2_u16.to_ne_bytes());
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        bytes[4..].copy_from_slice(&[127, 0, 0, last]);
        u64::from_ne_bytes(bytes)
    };
    // The third is no address at all, as far as one that looks early can tell.
    let (one, two, three) = (pack(1), pack(2), 0_u64);
    ADDRESS[0].store(one, Ordering::Relaxed);
    let flipper = std::thread::spawn(move || {
        while !DONE.load(Ordering::Relaxed) {
            ADDRESS[0].store(one, Ordering::Relaxed);
            ADDRESS[0].store(two, Ordering::Relaxed);
            ADDRESS[0].store(three, Ordering::Relaxed);
        }
    });
    for _ in 0..200 {
        // SAFETY: the address is 16 readable bytes, of which the kernel uses eight.
        unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
            libc::connect(socket, ADDRESS[0].as_ptr().cast_const().cast(), 16);
            libc::close(socket);
        }
        // 128 fit into the queue: a connection beyond that waits for minutes.
        while listener.accept().is_ok() {}
    }
    DONE.store(true, Ordering::Relaxed);
    flipper.join().is_ok()
}

fn refusals() -> bool {
    let user = libc::CLONE_NEWUSER as u64;
    let listener = 1 << 3;
    expect("io_uring_setup", call(libc::SYS_io_uring_setup, [8, 0, 0, 0, 0]), libc::ENOSYS)
        & expect("clone3", call(libc::SYS_clone3, [0; 5]), libc::ENOSYS)
        & expect("unshare", call(libc::SYS_unshare, [user, 0, 0, 0, 0]), libc::EPERM)
        & expect("clone", call(libc::SYS_clone, [user | 17, 0, 0, 0, 0]), libc::EPERM)
        & expect("prctl", call(libc::SYS_prctl, [4, 0, 0, 0, 0]), libc::EPERM)
        & expect("seccomp", call(libc::SYS_seccomp, [1, listener, 0, 0, 0]), libc::EPERM)
        & expect("bpf", call(libc::SYS_bpf, [0; 5]), libc::EPERM)
        & expect("mount", call(libc::SYS_mount, [0; 5]), libc::EPERM)
        & expect("keyctl", call(libc::SYS_keyctl, [0; 5]), libc::EPERM)
        & expect("perf_event_open", call(libc::SYS_perf_event_open, [0; 5]), libc::EPERM)
        & expect("userfaultfd", call(libc::SYS_userfaultfd, [0; 5]), libc::EPERM)
        & expect("pidfd_getfd", call(libc::SYS_pidfd_getfd, [0; 5]), libc::EPERM)
        & expect("connect", call(libc::SYS_connect, [0, 8, 16, 0, 0]), libc::EPERM)
}

/// A child that nobody would follow.
fn untraced() -> bool {
    expect("clone", call(libc::SYS_clone, [0x0080_0000 | 17, 0, 0, 0, 0]), libc::EPERM)
}

fn at_the_witness() -> bool {
    let limits = [0_u64, 0];
    let place = limits.as_ptr().expose_provenance() as u64;
    let closed = ["/proc/1/mem", "/proc/1/environ", "/proc/1/fd/3", "/proc/1/auxv"]
        .iter()
        .all(|path| std::fs::File::open(path).is_err());
    closed
        & std::fs::read_dir("/proc/1/fd").is_err()
        & std::fs::read_link("/proc/1/exe").is_err()
        & expect("prlimit64", call(libc::SYS_prlimit64, [1, 0, place, 0, 0]), libc::EPERM)
        & expect("ptrace", call(libc::SYS_ptrace, [libc::PTRACE_SEIZE as u64, 1, 0, 0, 0]), libc::EPERM)
        & expect("process_vm_readv", call(libc::SYS_process_vm_readv, [1, 0, 0, 0, 0]), libc::EPERM)
        & expect("sched_setaffinity", call(libc::SYS_sched_setaffinity, [1, 8, place, 0, 0]), libc::EPERM)
        & expect("setpriority", call(libc::SYS_setpriority, [0, 1, 19, 0, 0]), libc::EPERM)
        & expect("setpriority of a user", call(libc::SYS_setpriority, [2, 0, 19, 0, 0]), libc::EPERM)
        & expect("ioprio_set", call(libc::SYS_ioprio_set, [1, 1, 0, 0, 0]), libc::EPERM)
}

fn kill_the_witness() -> bool {
    for _ in 0..3 {
        for signal in 1..=64 {
            // The kernel drops each; what it answers does not matter.
            call(libc::SYS_kill, [1, signal, 0, 0, 0]);
        }
    }
    true
}

/// One's own limits, and a child's, are one's own.
fn own_limits() -> bool {
    let mut limits = [0_u64, 0];
    let place = limits.as_mut_ptr().expose_provenance() as u64;
    let fine = expect("prlimit64", call(libc::SYS_prlimit64, [0, 7, 0, place, 0]), 0);
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        std::thread::sleep(Duration::from_secs(600));
    }
    let pid = child as u64;
    let fine = fine & expect("prlimit64 of a child", call(libc::SYS_prlimit64, [pid, 7, place, 0, 0]), 0);
    call(libc::SYS_kill, [pid, 9, 0, 0, 0]);
    fine & expect("prctl", call(libc::SYS_prctl, [4, 1, 0, 0, 0]), 0)
}

fn descriptors() -> bool {
    let open: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut stdin = Vec::new();
    std::io::stdin().read_to_end(&mut stdin).unwrap();
    // The fourth is the folder that is being read.
    eprintln!("{}", if open.len() == 4 { "" } else { "descriptors were left open" });
    open.len() == 4 && stdin.is_empty() && nix::unistd::getppid().as_raw() == 1
}

#[cfg(target_arch = "x86_64")]
fn foreign() -> bool {
    // SAFETY: getpid of the old dialect takes nothing and touches nothing else.
    unsafe { std::arch::asm!("int 0x80", inout("rax") 20_u64 => _) };
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn foreign() -> bool {
    std::process::abort()
}

fn realtime() -> bool {
    // SAFETY: the signal's default action ends this process.
    unsafe { libc::raise(35) };
    false
}

fn eat() -> bool {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 8 << 20]);
        std::thread::sleep(Duration::from_millis(5));
        if eaten.len() > 200 {
            return false;
        }
    }
}

/// A program that may be run and not read.
fn unreadable(path: &str) -> bool {
    let status = Command::new(path).args(["act", "descriptors"]).status().unwrap();
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(9)
}

/// Makers that are killed while they make, by their brothers.
fn storm() -> bool {
    for _ in 0..30 {
        let mut makers = Vec::new();
        for _ in 0..4 {
            // SAFETY: this process has one thread; the children only make system calls.
            unsafe {
                match libc::fork() {
                    0 => loop {
                        match libc::fork() {
                            0 => {
                                if libc::fork() == 0 {
                                    libc::execv(
                                        c"/bin/true".as_ptr(),
                                        [c"true".as_ptr(), std::ptr::null()].as_ptr(),
                                    );
                                }
                                libc::_exit(0);
                            }
                            -1 => libc::_exit(1),
                            _ => {}
                        }
                    },
                    child => makers.push(child),
                }
            }
        }
        std::thread::sleep(Duration::from_millis(10));
        for maker in makers {
            // SAFETY: a child of this process that is waited for right after.
            unsafe {
                libc::kill(maker, libc::SIGKILL);
                libc::waitpid(maker, std::ptr::null_mut(), 0);
            }
        }
    }
    true
}

/// What npm does: runs `package=script` pairs with its variables.
/// A process that has the descriptors of another could keep what that one opened in a call
/// whose end nobody sees.
fn share_descriptors() -> bool {
    let flags = (libc::CLONE_FILES | libc::SIGCHLD) as u64;
    // SAFETY: this process has one thread, and the child ends at once.
    let made = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    if made == 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    }
    made < 0 && expect("clone with CLONE_FILES", nix::errno::Errno::last_raw(), libc::EPERM)
}

/// One thread opens a secret by a way that takes the kernel long, and another executes
/// meanwhile, which ends the first in its call. What it opened stays open.
fn open_and_exec(after_us: &str) -> bool {
    let _ = std::fs::create_dir("a");
    let _ = std::os::unix::fs::symlink("a/../".repeat(780), "slow");
    let path = format!("{}../home/.netrc\0", "slow/".repeat(38));
    std::thread::spawn(move || {
        // SAFETY: the path ends with NUL and lives as long as the thread.
        unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY) };
        std::thread::sleep(Duration::from_secs(60));
    });
    std::thread::sleep(Duration::from_micros(after_us.parse().unwrap()));
    let own = std::env::current_exe().unwrap();
    eprintln!("{}", Command::new(own).args(["act", "read-inherited"]).exec());
    false
}

/// Reads whatever was left open, and writes down whether a secret was among it.
fn read_inherited() -> bool {
    for descriptor in 3..32 {
        let mut bytes = [0_u8; 8];
        // SAFETY: the buffer is as long as stated; what is not open is an error.
        let read = unsafe { libc::read(descriptor, bytes.as_mut_ptr().cast(), bytes.len()) };
        if read == 8 && &bytes == b"a secret" {
            std::fs::write("stolen", "").unwrap();
        }
    }
    true
}

/// Calls that no install needs, each twice.
fn escapes() -> bool {
    let calls = [
        ("setns", libc::SYS_setns, libc::EPERM),
        ("mount", libc::SYS_mount, libc::EPERM),
        ("bpf", libc::SYS_bpf, libc::EPERM),
        ("keyctl", libc::SYS_keyctl, libc::EPERM),
        ("userfaultfd", libc::SYS_userfaultfd, libc::EPERM),
        ("io_uring_setup", libc::SYS_io_uring_setup, libc::ENOSYS),
    ];
    let mut fine = true;
    for _ in 0..2 {
        for (name, number, wanted) in calls {
            fine &= expect(name, call(number, [0; 5]), wanted);
        }
        let family = libc::AF_VSOCK as u64;
        fine &= expect("vsock", call(libc::SYS_socket, [family, 1, 0, 0, 0]), libc::EAFNOSUPPORT);
    }
    fine
}

/// Leaves a process behind that sends signals to whoever comes after it.
fn flood() -> bool {
    // SAFETY: this process has one thread; the calls take plain numbers.
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            let until = std::time::Instant::now() + Duration::from_secs(20);
            let own = libc::getpid();
            while std::time::Instant::now() < until {
                for pid in own + 1..own + 64 {
                    for signal in [libc::SIGCONT, libc::SIGURG, libc::SIGWINCH, libc::SIGCHLD] {
                        libc::kill(pid, signal);
                    }
                }
            }
            libc::_exit(0);
        }
    }
    true
}

fn npm(words: &[String]) -> bool {
    let project = std::env::current_dir().unwrap();
    for word in words {
        let (package, script) = word.split_once('=').unwrap();
        let folder = project.join(package);
        let status = Command::new("/bin/sh")
            .args(["-c", script])
            .current_dir(&folder)
            .env("npm_lifecycle_event", "postinstall")
            .env("npm_package_json", folder.join("package.json"))
            .status();
        std::io::stdout().flush().unwrap();
        if !status.is_ok_and(|status| status.success()) {
            return false;
        }
    }
    true
}
