//! The sockets behind the doors, made inside.

use super::DOOR_ADDRESSES;
use super::failure::{During, Failure};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

/// Where names are asked for.
pub(super) const RESOLVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 53);

/// How many descriptors [`open_doors`] makes for so many ports, and so many at 127.0.0.1.
pub(super) fn descriptors(ports: usize, here: usize) -> usize {
    usize::from(DOOR_ADDRESSES) * ports + here + 2
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
