//! The witness's end of the channel to the host.
//!
//! Events are gathered between stops and written in one go; what the host must
//! know before a process goes on is flushed first. Floods are counted, not kept.

use crate::wire::{Event, GapKind, Order, ProcessId, Timed, WireError, receive, send};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// Buffered bytes after which they are written in any case.
const BUFFER: usize = 64 << 10;
/// Events of the kinds that a process can make at will.
const EVENTS_OF_ALL: u32 = 400_000;
/// Such events of one process.
const EVENTS_OF_ONE: u32 = 20_000;
/// Gaps of one kind that are told one by one.
const GAPS: u32 = 200;

/// The channel.
pub(super) struct Channel {
    stream: UnixStream,
    buffer: Vec<u8>,
    gone: bool,
    of_all: u32,
    of_one: BTreeMap<ProcessId, u32>,
    gaps: BTreeMap<GapKind, u32>,
    overflown: bool,
    /// From when times are counted; `None` until the command is about to be started.
    start: Option<Instant>,
}

impl Channel {
    /// Takes the descriptor over and keeps it from every program inside.
    pub(super) fn new(descriptor: OwnedFd) -> std::io::Result<Self> {
        nix::fcntl::fcntl(&descriptor, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        Ok(Self {
            stream: UnixStream::from(descriptor),
            buffer: Vec::new(),
            gone: false,
            of_all: 0,
            of_one: BTreeMap::new(),
            gaps: BTreeMap::new(),
            overflown: false,
            start: None,
        })
    }

    /// The order; `None` where the host left without one.
    pub(super) fn order(&mut self) -> Result<Option<Order>, WireError> {
        receive(&mut self.stream)
    }

    /// The command is about to be started, and times are counted from now. They are lengths
    /// by the kernel's steady clock, which on its own means nothing on another machine: an
    /// engine may be one.
    pub(super) fn start_the_clock(&mut self) -> Instant {
        *self.start.insert(Instant::now())
    }

    /// To be watched for the host's leaving.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether nobody listens any more.
    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Reports an event, which happened now.
    pub(super) fn tell(&mut self, event: Event) {
        let since = self.start.map(|start| u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
        let timed = Timed { at_ms: since.unwrap_or(0), event };
        if send(&mut self.buffer, &timed).is_err() {
            // Only a tree with millions of packages is too long for a frame.
            self.gap(GapKind::Overflow, "a message too long for the channel");
        }
        if self.buffer.len() > BUFFER {
            self.flush();
        }
    }

    /// Reports an event that a process can cause as often as it likes.
    pub(super) fn tell_of(&mut self, process: ProcessId, event: Event) {
        let count = self.of_one.entry(process).or_default();
        if *count < EVENTS_OF_ONE && self.of_all < EVENTS_OF_ALL {
            *count += 1;
            self.of_all += 1;
            self.tell(event);
        } else if !self.overflown {
            self.overflown = true;
            self.gap(GapKind::Overflow, &format!("process {} did more than is kept", process.0));
        }
    }

    /// Reports something that could not be seen.
    pub(super) fn gap(&mut self, kind: GapKind, detail: &str) {
        let count = self.gaps.entry(kind).or_default();
        *count += 1;
        if *count <= GAPS {
            self.tell(Event::Gap { kind, detail: detail.to_owned() });
        }
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) {
        if !self.buffer.is_empty() && !self.gone {
            self.gone = self.stream.write_all(&self.buffer).is_err();
        }
        self.buffer.clear();
    }
}
