//! Who wanted to reach what, and what came of it.

use super::Recording;
use crate::door::BLACK_HOLE;
use crate::evidence::exchange::Lookup;
use crate::evidence::fact::{Connection, Reached};
use crate::wire::{Dial, Event, Peer, ProcessId};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// The loopback addresses that have doors are 127.0.0.2 up to this last octet,
/// and 127.0.0.1 on the ports of registries that are literally there.
const LAST_DOOR: u8 = 65;

/// Every attempt but those at the sandbox's own resolver (they are look-ups)
/// and the ones with which libc only asks the kernel for a route (port 0).
pub(super) fn connections(recording: &Recording, here: &BTreeSet<u16>) -> Vec<Connection> {
    recording
        .timed()
        .filter_map(|(event, at_ms)| match event {
            Event::Connected { process, to, local: _, datagram, outcome } => {
                let connection = connection(*process, to, outcome, &recording.lookups, here)?;
                let datagram = *datagram && connection.port != 0;
                Some(Connection { at_ms, datagram, ..connection })
            }
            Event::Ready
            | Event::Forked { .. }
            | Event::Executed { .. }
            | Event::ExecFailed { .. }
            | Event::Exited { .. }
            | Event::Read { .. }
            | Event::Fed { .. }
            | Event::Denied { .. }
            | Event::Unpacked { .. }
            | Event::Installed { .. }
            | Event::Changed(_)
            | Event::CommandExited { .. }
            | Event::Gap { .. }
            | Event::Ended { .. } => None,
        })
        .collect()
}

fn connection(
    process: ProcessId,
    to: &Peer,
    dial: &Dial,
    lookups: &[Lookup],
    here: &BTreeSet<u16>,
) -> Option<Connection> {
    let (address, port, outcome) = match to {
        Peer::Ip { address, port } => {
            let ip = address.parse::<IpAddr>().ok();
            if *port == 0 || (*port == 53 && ip == Some(IpAddr::V4(Ipv4Addr::LOCALHOST))) {
                return None;
            }
            (address.clone(), *port, ip_outcome(ip, here.contains(port), dial))
        }
        Peer::Unix { path } => (format!("unix:{path}"), 0, inside(dial)),
        Peer::Other { family } => (format!("family:{family}"), 0, inside(dial)),
    };
    // No two names have one address.
    let name = lookups.iter().find(|lookup| lookup.answer == address).map(|lookup| lookup.name.clone());
    Some(Connection { process, address, port, name, outcome, datagram: false, at_ms: None })
}

fn inside(dial: &Dial) -> Reached {
    match dial {
        Dial::Done | Dial::Pending => Reached::Inside,
        Dial::Failed(_) => Reached::Refused,
        Dial::Denied => Reached::Denied,
    }
}

fn ip_outcome(ip: Option<IpAddr>, here: bool, dial: &Dial) -> Reached {
    match dial {
        Dial::Denied => Reached::Denied,
        Dial::Failed(errno) => match errno.as_str() {
            "ENETUNREACH" | "EHOSTUNREACH" | "EADDRNOTAVAIL" | "EAFNOSUPPORT" | "ENETDOWN" => {
                Reached::Unreachable
            }
            _ => Reached::Refused,
        },
        Dial::Done | Dial::Pending => match ip {
            Some(IpAddr::V4(v4)) if v4.is_loopback() => match v4.octets() {
                [127, 0, 0, last] if (2..=LAST_DOOR).contains(&last) => Reached::Gateway,
                [127, 0, 0, 1] if here => Reached::Gateway,
                [127, 0, 1, _] => Reached::Refused,
                _ if v4 == BLACK_HOLE => Reached::Pending,
                _ => Reached::Inside,
            },
            Some(ip) if ip.is_loopback() => Reached::Inside,
            Some(_) | None => match dial {
                Dial::Done => Reached::Unreachable,
                Dial::Pending | Dial::Failed(_) | Dial::Denied => Reached::Pending,
            },
        },
    }
}
