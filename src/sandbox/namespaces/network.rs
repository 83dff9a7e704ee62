//! The loopback interface and the doors on it.

use super::failure::{During, Failure};
use crate::sandbox::DOOR_ADDRESSES;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Where names are asked for.
pub(super) const RESOLVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 53);

/// How many descriptors [`open_doors`] makes for so many ports, and so many at 127.0.0.1.
pub(super) fn descriptors(ports: usize, here: usize) -> usize {
    usize::from(DOOR_ADDRESSES) * ports + here + 2
}

/// Switches the loopback interface on, and with it the whole of 127/8.
pub(super) fn loopback_up() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: an ifreq is plain data for which zeroes are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: the request is an ifreq with a name and flags, as netdevice(7) asks of SIOCSIFFLAGS.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Opens every door: for each port the addresses in order, those at 127.0.0.1,
/// then the resolver's UDP and TCP sockets.
pub(super) fn open_doors(ports: &[u16], here: &[u16]) -> Result<Vec<OwnedFd>, Failure> {
    let mut doors = Vec::with_capacity(descriptors(ports.len(), here.len()));
    for &port in ports {
        for last in 2..2 + DOOR_ADDRESSES {
            let address = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), port);
            doors.push(listen_at(address).during(format!("open the door {address}"))?);
        }
    }
    for &port in here {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        doors.push(listen_at(address).during(format!("open the door {address}"))?);
    }
    doors.push(UdpSocket::bind(RESOLVER).during("open the resolver's door")?.into());
    doors.push(listen_at(RESOLVER).during("open the resolver's door")?);
    Ok(doors)
}

/// npm opens its connections in bursts, so the backlog is the longest there is
/// (the standard library's is 128).
fn listen_at(address: SocketAddrV4) -> io::Result<OwnedFd> {
    let door = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(door.as_raw_fd(), &SockaddrIn::from(address))?;
    listen(&door, Backlog::MAXCONN)?;
    Ok(door)
}

/// Settings of the new network and user namespaces, through a proc that is
/// still writable. One that this kernel lacks is no loss: without IPv6 there
/// is none to switch off.
pub(super) fn settle(proc: &Path) {
    for (setting, value) in [
        ("sys/net/ipv6/conf/all/disable_ipv6", "1"),
        ("sys/net/ipv6/conf/default/disable_ipv6", "1"),
        // A connection to where nobody answers fails after 3 s, not after 2 min.
        ("sys/net/ipv4/tcp_syn_retries", "1"),
        // No namespaces within: capabilities in one of them would reach more of the kernel.
        ("sys/user/max_user_namespaces", "0"),
    ] {
        let _ = std::fs::write(proc.join(setting), value);
    }
}
