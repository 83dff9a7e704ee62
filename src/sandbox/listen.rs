//! The sockets behind the doors, made inside.

use super::DOOR_ADDRESSES;
use super::failure::{During, Failure};
use crate::door::{BLACK_HOLE, hear_urgent};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

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
    for &port in ports {
        dig_hole(SocketAddrV4::new(BLACK_HOLE, port)).during(format!("make a black hole of port {port}"))?;
    }
    doors.push(UdpSocket::bind(RESOLVER).during("open the resolver's door")?.into());
    doors.push(listen_at(RESOLVER).during("open the resolver's door")?);
    Ok(doors)
}

/// An address where attempts to connect are not answered: the queue of its socket holds one
/// connection, which is there already and which nobody takes, so that the kernel drops every
/// further SYN (listen(2), and tcp_abort_on_overflow in tcp(7)). Both sockets stay open as long
/// as this process, which is as long as the place.
fn dig_hole(address: SocketAddrV4) -> io::Result<()> {
    let hole = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(hole.as_raw_fd(), &SockaddrIn::from(address))?;
    listen(&hole, Backlog::new(0)?)?;
    let filling = TcpStream::connect(address)?;
    let _ = (hole.into_raw_fd(), filling.into_raw_fd());
    Ok(())
}

/// npm opens its connections in bursts, so the backlog is the longest there is
/// (the standard library's is 128).
fn listen_at(address: SocketAddrV4) -> io::Result<OwnedFd> {
    let door = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(door.as_raw_fd(), &SockaddrIn::from(address))?;
    // In a container, whoever takes its connections is inside.
    hear_urgent(&door)?;
    listen(&door, Backlog::MAXCONN)?;
    Ok(door)
}
