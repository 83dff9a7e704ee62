//! What lies in the Unix sockets of this network, also of those that nobody has open: what is on
//! its way in a message, and what a closed socket has sent.
//!
//! The kernel lists them by sock_diag(7). It says how many bytes wait, and not what it keeps for
//! them, which for a thousand single bytes is a thousand times as much. The sender's buffer bounds
//! that, so a socket in which anything waits counts as if one had been filled for it.

use super::sock_diag::{BY_FAMILY, ask};
use nix::sys::socket::{MsgFlags, recv};
use std::os::fd::AsRawFd;

/// A socket and what the kernel has beside it.
const EACH: u64 = 4096;
/// The most that one sender may have under way: twice `net.core.wmem_max` where nobody raised it.
const BUFFER: u64 = 2 * 212_992;
/// Messages that wait at a datagram socket, each from another sender: `net.unix.max_dgram_qlen`
/// of a new network, and one.
const MESSAGES: u64 = 11;
/// Parts of an answer that are read: some ten million sockets.
const PARTS: usize = 1 << 16;

// sock_diag(7), linux/netlink.h.
const REQUEST_DUMP: u16 = 0x301;
const SHOW_QUEUES: u32 = 0x10;
const QUEUES: u16 = 4;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `nlmsghdr`, and `unix_diag_msg` behind it.
const HEAD: usize = 16;
const ANSWER: usize = 16;

/// Bytes in all of them, never less than it is; `None` where the kernel does not list them.
pub(super) fn held() -> Option<u64> {
    let asked = ask(&request())?;
    let mut sum = 0_u64;
    let mut part = vec![0; 64 << 10];
    for _ in 0..PARTS {
        let length = recv(asked.as_raw_fd(), &mut part, MsgFlags::empty()).ok()?;
        let (held, done) = within(part.get(..length)?)?;
        sum = sum.saturating_add(held);
        if done {
            return Some(sum);
        }
    }
    Some(u64::MAX)
}

fn request() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(40_u32.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    // Family, protocol, padding; every state; no inode; what to show; no cookie.
    bytes.extend([libc::AF_UNIX as u8, 0, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(SHOW_QUEUES.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes
}

/// Bytes that one part of the answer speaks of, and whether it is the last.
fn within(mut part: &[u8]) -> Option<(u64, bool)> {
    let mut sum = 0_u64;
    while part.len() >= HEAD {
        let length = number(part, 0)? as usize;
        let message = part.get(..length).filter(|message| message.len() >= HEAD)?;
        match u16::from_ne_bytes([message[4], message[5]]) {
            DONE => return Some((sum, true)),
            ERROR => return None,
            BY_FAMILY => sum = sum.saturating_add(of_one(message.get(HEAD..)?)),
            _ => {}
        }
        part = part.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some((sum, false))
}

/// A `unix_diag_msg` (family, type, state, padding, inode, cookie) and its attributes.
fn of_one(message: &[u8]) -> u64 {
    let kind = message.get(1).copied().map_or(0, i32::from);
    let mut attributes = message.get(ANSWER..).unwrap_or_default();
    while let (Some(length), Some(name)) = (half(attributes, 0), half(attributes, 2)) {
        let length = usize::from(length);
        if name == QUEUES && number(attributes, 4).is_some_and(|waiting| waiting > 0) {
            let full = if kind == libc::SOCK_DGRAM { MESSAGES * BUFFER } else { BUFFER };
            return EACH + full;
        }
        if length < 4 {
            break;
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    EACH
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    #[test]
    fn what_waits_counts_also_from_a_sender_that_is_gone() {
        // Other tests of this process come and go: so many that they do not matter.
        let before = held().unwrap();
        let mut kept = Vec::new();
        for _ in 0..200 {
            let (mut from, to) = UnixStream::pair().unwrap();
            from.write_all(b"x").unwrap();
            let (sender, receiver) = UnixDatagram::pair().unwrap();
            sender.send(b"x").unwrap();
            kept.push((to, receiver));
        }
        let most = 200 * (1 + MESSAGES) * BUFFER;
        assert!(held().unwrap() > before + most * 9 / 10, "{before}");
    }

    #[test]
    fn what_is_cut_or_an_error_is_no_answer() {
        assert_eq!(within(&[]), Some((0, false)));
        let mut error = request();
        error[4] = ERROR as u8;
        assert_eq!(within(&error), None);
        assert_eq!(within(&request()[..20]), None);
        assert_eq!(of_one(&[1, 1]), EACH);
    }
}
