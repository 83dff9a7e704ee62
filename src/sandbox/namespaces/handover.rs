//! Open sockets, passed from one process to another by `SCM_RIGHTS`.

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The kernel takes at most 253 descriptors in one message (`SCM_MAX_FD`).
const BATCH: usize = 128;

/// Sends descriptors, each batch with one byte.
pub(super) fn give(channel: &UnixStream, descriptors: &[OwnedFd]) -> io::Result<()> {
    for batch in descriptors.chunks(BATCH) {
        let raw: Vec<RawFd> = batch.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let sent =
            sendmsg::<()>(channel.as_raw_fd(), &[IoSlice::new(b"+")], &rights, MsgFlags::MSG_NOSIGNAL, None)?;
        if sent != 1 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// Receives exactly `count` descriptors, closed on exec.
pub(super) fn take(channel: &UnixStream, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut taken: Vec<OwnedFd> = Vec::new();
    while taken.len() < count {
        let mut byte = [0];
        let mut slices = [IoSliceMut::new(&mut byte)];
        let mut space = nix::cmsg_space!([RawFd; BATCH]);
        let message =
            recvmsg::<()>(channel.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
        let before = taken.len();
        for part in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(raw) = part {
                // SAFETY: the kernel has just made these descriptors for us, and nobody else knows them.
                taken.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
            }
        }
        if message.bytes == 0 || taken.len() == before {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if taken.len() == count { Ok(taken) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn more_descriptors_than_fit_one_message_all_arrive_in_order() {
        let (left, right) = UnixStream::pair().unwrap();
        let mut readers = Vec::new();
        let writers: Vec<OwnedFd> = (0..BATCH + 3)
            .map(|_| {
                let (reader, writer) = UnixStream::pair().unwrap();
                readers.push(reader);
                OwnedFd::from(writer)
            })
            .collect();
        give(&left, &writers).unwrap();
        let taken = take(&right, writers.len()).unwrap();
        assert_eq!(taken.len(), writers.len());
        for (at, (fd, mut reader)) in taken.into_iter().zip(readers).enumerate() {
            UnixStream::from(fd).write_all(&[u8::try_from(at).unwrap()]).unwrap();
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(usize::from(byte[0]), at);
        }
    }

    #[test]
    fn a_sender_that_goes_away_is_an_error() {
        let (left, right) = UnixStream::pair().unwrap();
        drop(left);
        assert!(take(&right, 1).is_err());
    }
}
