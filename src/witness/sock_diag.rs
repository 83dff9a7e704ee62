//! Questions to the kernel about sockets (sock_diag(7)). One for a TCP connection by its two ends
//! it answers by a look in its table; `/proc/net/tcp` walks the whole of that table instead.

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// `SOCK_DIAG_BY_FAMILY` of linux/sock_diag.h: the question, and an answer that found one.
pub(super) const BY_FAMILY: u16 = 20;
/// `sizeof(struct nlmsghdr)` and `sizeof(struct inet_diag_req_v2)`.
const HEADER: usize = 16;
const QUESTION: usize = 56;

/// Whether `socket`, a TCP socket of this network namespace, leads from `local` to `remote`,
/// also while the connection is under way. `false` where the kernel does not say so.
pub(super) fn leads(socket: &impl AsFd, local: SocketAddr, remote: SocketAddr) -> bool {
    asked(socket, local, remote).unwrap_or(false)
}

fn asked(socket: &impl AsFd, local: SocketAddr, remote: SocketAddr) -> Option<bool> {
    let question = question(cookie(socket)?, local, remote)?;
    let netlink = ask(&question)?;
    let mut answer = [0; 512];
    // The kernel has answered before `send` returns.
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT).ok()?;
    let kind = answer.get(..length)?.get(4..6)?;
    Some(kind == BY_FAMILY.to_ne_bytes())
}

/// Sends a question, a whole netlink message. The answer can be received from what is returned.
pub(super) fn ask(question: &[u8]) -> Option<OwnedFd> {
    let netlink =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)
            .ok()?;
    send(netlink.as_raw_fd(), question, MsgFlags::empty()).ok()?;
    Some(netlink)
}

/// The number that the kernel gives a socket for as long as it runs (`SO_COOKIE`).
fn cookie(socket: &impl AsFd) -> Option<u64> {
    let mut cookie = 0_u64;
    let mut size = libc::socklen_t::try_from(size_of::<u64>()).ok()?;
    // SAFETY: the kernel writes at most `size` bytes to the number, which lives longer than the call.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut size,
        )
    };
    (failed == 0).then_some(cookie)
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`. Where a socket of IPv6 leads to an address of
/// IPv4, the kernel has it in the table of IPv4.
fn question(cookie: u64, local: SocketAddr, remote: SocketAddr) -> Option<Vec<u8>> {
    let family = match (local.ip(), remote.ip()) {
        (IpAddr::V4(_), IpAddr::V4(_)) => libc::AF_INET,
        (IpAddr::V6(_), IpAddr::V6(_)) => libc::AF_INET6,
        _ => return None,
    };
    let address = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => {
            let mut whole = [0; 16];
            whole[..4].copy_from_slice(&ip.octets());
            whole
        }
        IpAddr::V6(ip) => ip.octets(),
    };
    let mut out = Vec::with_capacity(HEADER + QUESTION);
    out.extend(u32::try_from(HEADER + QUESTION).ok()?.to_ne_bytes());
    out.extend(BY_FAMILY.to_ne_bytes());
    out.extend(u16::try_from(libc::NLM_F_REQUEST).ok()?.to_ne_bytes());
    // Number of the question, and who asks: the kernel fills in the latter.
    out.extend(1_u32.to_ne_bytes());
    out.extend(0_u32.to_ne_bytes());
    // Family, protocol, no extension, padding; every state.
    out.extend([u8::try_from(family).ok()?, u8::try_from(libc::IPPROTO_TCP).ok()?, 0, 0]);
    out.extend(u32::MAX.to_ne_bytes());
    // `struct inet_diag_sockid`: ports and addresses in the network's order, no interface, cookie.
    out.extend(local.port().to_be_bytes());
    out.extend(remote.port().to_be_bytes());
    out.extend(address(local.ip()));
    out.extend(address(remote.ip()));
    out.extend(0_u32.to_ne_bytes());
    let low = u32::try_from(cookie & u64::from(u32::MAX)).ok()?;
    out.extend(low.to_ne_bytes());
    out.extend(u32::try_from(cookie >> 32).ok()?.to_ne_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_is_known_by_both_of_its_ends_and_no_other() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(at).unwrap();
            let there = listener.local_addr().unwrap();
            let (stream, other) = (TcpStream::connect(there).unwrap(), TcpStream::connect(there).unwrap());
            let here = stream.local_addr().unwrap();
            assert!(leads(&stream, here, there), "{at}");
            assert!(!leads(&stream, here, SocketAddr::new(there.ip(), 9)), "{at}");
            // The ends are right, and the socket is another.
            assert!(!leads(&other, here, there), "{at}");
        }
    }

    #[test]
    fn a_socket_of_ipv6_that_leads_to_ipv4_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{}", there.port()).parse().unwrap();
        let stream = TcpStream::connect(mapped).unwrap();
        let here = stream.local_addr().unwrap();
        let here = SocketAddr::new(here.ip().to_canonical(), here.port());
        assert!(leads(&stream, here, there));
    }
}
