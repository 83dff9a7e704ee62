//! Whom a process wants to reach: addresses as the kernel takes them.

use super::memory::Memory;
use super::tracee::Call;
use crate::wire::{Dial, Peer};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A `struct sockaddr_storage` is no longer.
const ADDRESS: usize = 128;
/// `UIO_MAXIOV`: the kernel sends no more messages in one call.
const MESSAGES: u64 = 1024;

/// A call that wants to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    /// The descriptor of the socket.
    pub(super) descriptor: i32,
    /// Whether the socket keeps the address (`connect`), so that the kernel lists it.
    pub(super) keeps: bool,
    /// Where to; several for `sendmmsg`.
    pub(super) peers: BTreeSet<Peer>,
}

/// Reads what a call wants to reach; `None` where it names no address, `Err`
/// where its memory cannot be read. A `connect` without one is followed all the
/// same: another thread may put one there before the kernel looks.
pub(super) fn reach(call: &Call, memory: Option<&Memory>) -> Result<Option<Reach>, ()> {
    let [descriptor, first, second, _, fifth, sixth] = call.arguments;
    let memory = memory.ok_or(())?;
    let number = call.number as libc::c_long;
    let mut peers = BTreeSet::new();
    match number {
        libc::SYS_connect => peers.extend(one(memory, first, second)?.as_deref().and_then(peer)),
        libc::SYS_sendto => peers.extend(one(memory, fifth, sixth)?.as_deref().and_then(receiver)),
        libc::SYS_sendmsg => peers.extend(of_message(memory, first)?),
        libc::SYS_sendmmsg => {
            for at in 0..(second & 0xffff_ffff).min(MESSAGES) {
                // Behind each header lies the number of bytes sent.
                let header = first.checked_add(at * 64).ok_or(())?;
                match of_message(memory, header) {
                    Ok(found) => peers.extend(found),
                    // The kernel stops there too, after the messages before it.
                    Err(()) if !peers.is_empty() => break,
                    Err(()) => return Err(()),
                }
            }
        }
        _ => {}
    }
    let keeps = number == libc::SYS_connect;
    Ok((keeps || !peers.is_empty()).then_some(Reach { descriptor: descriptor as i32, keeps, peers }))
}

/// `struct msghdr` begins with the address and its length.
fn of_message(memory: &Memory, header: u64) -> Result<Option<Peer>, ()> {
    let address = memory.word(header).ok_or(())?;
    let length = memory.half(header.checked_add(8).ok_or(())?).ok_or(())?;
    Ok(one(memory, address, u64::from(length))?.as_deref().and_then(receiver))
}

fn one(memory: &Memory, address: u64, length: u64) -> Result<Option<Vec<u8>>, ()> {
    let length = usize::try_from(length & 0xffff_ffff).unwrap_or(ADDRESS).min(ADDRESS);
    if address == 0 || length < 2 {
        return Ok(None);
    }
    memory.bytes(address, length).ok_or(()).map(Some)
}

/// The address a datagram goes to. UDP over IPv4 takes `AF_UNSPEC` for `AF_INET`.
fn receiver(bytes: &[u8]) -> Option<Peer> {
    match bytes {
        [0, 0, rest @ ..] => {
            let family = (libc::AF_INET as u16).to_ne_bytes();
            peer(&[&family[..], rest].concat())
        }
        bytes => peer(bytes),
    }
}

/// A socket address; `None` for one that asks for nothing (`AF_UNSPEC` ends a
/// connection) or is too short.
fn peer(bytes: &[u8]) -> Option<Peer> {
    let family = u16::from_ne_bytes([*bytes.first()?, *bytes.get(1)?]);
    let port = || Some(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    match i32::from(family) {
        libc::AF_UNSPEC => None,
        libc::AF_INET => {
            let address: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some(Peer::Ip { address: Ipv4Addr::from(address).to_string(), port: port()? })
        }
        libc::AF_INET6 => {
            let address: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            // A mapped address reaches the IPv4 one.
            Some(Peer::Ip { address: Ipv6Addr::from(address).to_canonical().to_string(), port: port()? })
        }
        libc::AF_UNIX => {
            let name = &bytes[2..];
            let path = match name.split_first() {
                Some((0, rest)) => format!("@{}", String::from_utf8_lossy(rest)),
                _ => {
                    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                    String::from_utf8_lossy(&name[..end]).into_owned()
                }
            };
            Some(Peer::Unix { path })
        }
        _ => Some(Peer::Other { family }),
    }
}

/// What a call's result says; one that a signal interrupted goes on in the kernel.
pub(super) fn outcome(result: i64) -> Dial {
    const RESTARTED: std::ops::RangeInclusive<i64> = -516..=-512;
    match result {
        0.. => Dial::Done,
        result if RESTARTED.contains(&result) || result == -i64::from(libc::EINPROGRESS) => Dial::Pending,
        result => Dial::Failed(name(result)),
    }
}

/// The kernel's name of an error, from a negative result.
pub(super) fn name(result: i64) -> String {
    format!("{:?}", Errno::from_raw(i32::try_from(-result).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_family_are_read() {
        let v4 = [2, 0, 1, 187, 127, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(peer(&v4), Some(Peer::Ip { address: "127.0.0.5".into(), port: 443 }));
        let mut v6 = [0_u8; 28];
        v6[..4].copy_from_slice(&[10, 0, 0, 53]);
        v6[23] = 1;
        assert_eq!(peer(&v6), Some(Peer::Ip { address: "::1".into(), port: 53 }));
        v6[18..24].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
        assert_eq!(peer(&v6), Some(Peer::Ip { address: "10.0.0.1".into(), port: 53 }));
        assert_eq!(peer(b"\x01\0/run/x\0junk"), Some(Peer::Unix { path: "/run/x".into() }));
        assert_eq!(peer(b"\x01\0\0name"), Some(Peer::Unix { path: "@name".into() }));
        assert_eq!(peer(&[16, 0, 0, 0]), Some(Peer::Other { family: 16 }));
    }

    #[test]
    fn what_is_too_short_or_unspecified_asks_for_nothing() {
        for bytes in [&[][..], &[2], &[2, 0, 1], &[2, 0, 1, 187, 127], &[10, 0, 0, 53, 0], &[0, 0, 0, 0]] {
            assert_eq!(peer(bytes), None);
        }
    }

    #[test]
    fn a_datagram_without_a_family_goes_to_ipv4() {
        let bytes = [0, 0, 0, 53, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(receiver(&bytes), Some(Peer::Ip { address: "127.0.0.1".into(), port: 53 }));
    }

    #[test]
    fn results_are_told_apart() {
        assert_eq!(outcome(0), Dial::Done);
        assert_eq!(outcome(33), Dial::Done);
        assert_eq!(outcome(-115), Dial::Pending);
        assert_eq!(outcome(-512), Dial::Pending);
        assert_eq!(outcome(-111), Dial::Failed("ECONNREFUSED".into()));
    }
}
