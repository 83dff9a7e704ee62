//! What the kernel says of a socket of another process: its two ends.

use crate::wire::Peer;
use crate::witness::sock_diag;
use nix::sys::socket::{
    AddressFamily, SockType as Type, SockaddrLike as _, SockaddrStorage, getsockname, getsockopt,
    sockopt::SockType,
};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A socket as the kernel knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    /// This side; port 0 where there is none yet.
    pub(super) local: SocketAddr,
    /// The other side; port 0 where there is none.
    pub(super) remote: (IpAddr, u16),
    /// It sends datagrams.
    pub(super) datagrams: bool,
}

/// Asks for a task's socket; `None` where it is no internet socket, or gone. `asked` is where it
/// was told to connect to, which the kernel confirms quicker than it finds.
pub(super) fn listed(task: i32, descriptor: i32, asked: Option<&Peer>) -> Option<Listed> {
    let Some(socket) = copy(task, descriptor) else { return found(task, descriptor) };
    if !is_internet(&socket) {
        // Each look-up of a name asks the kernel for its addresses by a socket of netlink.
        return None;
    }
    held(socket, asked).or_else(|| found(task, descriptor))
}

fn is_internet(socket: &OwnedFd) -> bool {
    let family = getsockname::<SockaddrStorage>(socket.as_raw_fd()).ok().and_then(|local| local.family());
    matches!(family, Some(AddressFamily::Inet | AddressFamily::Inet6))
}

/// By a copy of the descriptor: at once, but refused by the profile of some
/// engines, to all threads but a process's first. While a connection is under way the
/// kernel does not name the other end, and only confirms the one that was asked for.
fn held(socket: OwnedFd, asked: Option<&Peer>) -> Option<Listed> {
    let socket = UdpSocket::from(socket);
    let plain = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    let local = plain(socket.local_addr().ok()?);
    let datagrams = getsockopt(&socket, SockType).ok()? == Type::Datagram;
    let remote = match socket.peer_addr() {
        Ok(remote) => plain(remote),
        // Datagrams need no connection.
        Err(_) if datagrams => (local.ip(), 0).into(),
        Err(_) => {
            let asked = end_of(asked?)?;
            sock_diag::leads(&socket, local, asked).then_some(asked)?
        }
    };
    Some(Listed { local, remote: (remote.ip(), remote.port()), datagrams })
}

fn end_of(peer: &Peer) -> Option<SocketAddr> {
    let Peer::Ip { address, port } = peer else { return None };
    Some(SocketAddr::new(address.parse::<IpAddr>().ok()?.to_canonical(), *port))
}

/// A copy of a traced task's descriptor.
fn copy(task: i32, descriptor: RawFd) -> Option<OwnedFd> {
    let own = |fd: libc::c_long| {
        let fd = RawFd::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the kernel has just made this descriptor for us, closed on exec.
        Some(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    // SAFETY: takes numbers only.
    let process = own(unsafe { libc::syscall(libc::SYS_pidfd_open, task, 0) })?;
    // SAFETY: takes numbers only; the handle is ours.
    own(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), descriptor, 0) })
}

/// By the kernel's own lists, which it walks as a whole for each question.
fn found(task: i32, descriptor: i32) -> Option<Listed> {
    let link = std::fs::read_link(format!("/proc/{task}/fd/{descriptor}")).ok()?;
    let inode: u64 = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
    ["tcp", "udp", "tcp6", "udp6"].into_iter().find_map(|list| {
        let text = std::fs::read_to_string(format!("/proc/self/net/{list}")).ok()?;
        let found = text.lines().skip(1).find_map(|line| entry(line, inode))?;
        Some(Listed { datagrams: list.starts_with("udp"), ..found })
    })
}

/// One line of `/proc/net/tcp`, if it is the socket's.
fn entry(line: &str, inode: u64) -> Option<Listed> {
    let mut words = line.split_ascii_whitespace();
    let (local, remote) = (words.nth(1)?, words.next()?);
    if words.nth(6)?.parse() != Ok(inode) {
        return None;
    }
    Some(Listed { local: end(local)?.into(), remote: end(remote)?, datagrams: false })
}

/// `0100007F:1F90`: the address as words in the machine's order, the port as a number.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let mut bytes = Vec::with_capacity(16);
    for at in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
        _ => return None,
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

/// Where the kernel's list says that a connection leads, if that is another
/// place than the one that was read from memory: another thread can change an
/// address after it was looked at.
pub(super) fn really(peer: Option<&Peer>, listed: &Listed) -> Option<Peer> {
    let (real, real_port) = listed.remote;
    if real_port == 0 {
        return None;
    }
    if let Some(Peer::Ip { address, port }) = peer
        && let Ok(asked) = address.parse::<IpAddr>()
        && (asked == real || asked.is_unspecified())
        && *port == real_port
    {
        return None;
    }
    Some(Peer::Ip { address: real.to_string(), port: real_port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    /// As [`super::held`], of a task's descriptor.
    fn held(task: i32, descriptor: RawFd, asked: Option<&Peer>) -> Option<Listed> {
        super::held(copy(task, descriptor)?, asked)
    }

    #[test]
    fn both_ways_of_asking_give_the_same_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (task, descriptor) = (std::process::id().cast_signed(), stream.as_raw_fd());
        let wanted = Listed {
            local: stream.local_addr().unwrap(),
            remote: (listener.local_addr().unwrap().ip(), listener.local_addr().unwrap().port()),
            datagrams: false,
        };
        assert_eq!(found(task, descriptor), Some(wanted));
        // Some engines refuse the quick way.
        assert_eq!(held(task, descriptor, None).unwrap_or(wanted), wanted);
        assert_eq!(held(task, -1, None), None);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect("127.0.0.1:9").unwrap();
        let told = found(task, socket.as_raw_fd()).unwrap();
        assert!(told.datagrams && held(task, socket.as_raw_fd(), None).is_none_or(|held| held == told));
    }

    /// Connects to a listener until one connection is under way and stays so.
    fn under_way(there: SocketAddr) -> (Vec<OwnedFd>, OwnedFd) {
        use nix::sys::socket::{SockFlag, SockType, connect, socket};
        let mut done = Vec::new();
        for _ in 0..16 {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let one = socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
            let _ = connect(one.as_raw_fd(), &SockaddrStorage::from(there));
            let one = TcpStream::from(one);
            if one.peer_addr().is_err() {
                return (done, one.into());
            }
            done.push(one.into());
        }
        panic!("a queue of one took 16");
    }

    #[test]
    fn a_socket_that_is_none_of_the_internet_is_known_without_the_lists() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(!is_internet(&one.into()));
        for at in ["127.0.0.1:0", "[::1]:0"] {
            assert!(is_internet(&TcpListener::bind(at).unwrap().into()));
            assert!(is_internet(&UdpSocket::bind(at).unwrap().into()));
        }
    }

    #[test]
    fn a_connection_under_way_is_confirmed_where_it_leads_and_nowhere_else() {
        use nix::sys::socket::{Backlog, listen};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listen(&listener, Backlog::new(0).unwrap()).unwrap();
        let there = listener.local_addr().unwrap();
        let (_done, socket) = under_way(there);
        let (task, descriptor) = (std::process::id().cast_signed(), socket.as_raw_fd());
        let told = |port| Peer::Ip { address: "127.0.0.1".into(), port };
        let wanted = found(task, descriptor).unwrap();
        assert_eq!(wanted.remote, (there.ip(), there.port()));
        assert_eq!(held(task, descriptor, None), None);
        // Some engines refuse the quick way.
        assert_eq!(held(task, descriptor, Some(&told(there.port()))).unwrap_or(wanted), wanted);
        // The address that was read is another one: the list says where it really leads.
        assert_eq!(held(task, descriptor, Some(&told(9))), None);
        assert_eq!(listed(task, descriptor, Some(&told(9))), Some(wanted));
    }

    #[test]
    fn a_line_of_the_kernel_is_read_and_compared() {
        let line = "   1: 0100007F:A2C4 0500007F:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1";
        let found = entry(line, 4242).unwrap();
        assert_eq!(found.local, SocketAddr::from(([127, 0, 0, 1], 0xa2c4)));
        assert_eq!(found.remote, (IpAddr::from([127, 0, 0, 5]), 443));
        assert_eq!(entry(line, 4243), None);
        let told = |address: &str, port| Peer::Ip { address: address.into(), port };
        let real = told("127.0.0.5", 443);
        assert_eq!(really(Some(&real), &found), None);
        assert_eq!(really(Some(&told("127.0.0.6", 443)), &found).as_ref(), Some(&real));
        assert_eq!(really(Some(&Peer::Other { family: 1 }), &found).as_ref(), Some(&real));
        assert_eq!(really(None, &found), Some(real));
        let nowhere = Listed { remote: (IpAddr::from([0, 0, 0, 0]), 0), ..found };
        assert_eq!(really(Some(&told("127.0.0.6", 443)), &nowhere), None);
    }
}
