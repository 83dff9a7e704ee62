//! What the host asks of the stage, and the stage's answer.
//!
//! Bytes of files follow the request as one run of bytes, since JSON would make
//! four of each.

use super::capability::Capability;
use crate::sandbox::failure::Failure;
use crate::sandbox::{CacheSpec, Limits, SandboxSpec};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// The first and only message to a stage.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Make a place. So many bytes of contents follow.
    Make(Box<Setup>, u64),
    /// Try one thing and say whether it works.
    Try(Capability),
}

/// A [`SandboxSpec`] without the bytes and the order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    /// An empty host folder to mount on, out of sight of every other process.
    pub(super) hold: PathBuf,
    /// The host folder for what is written; `None` is memory.
    pub(super) disk: Option<PathBuf>,
    pub(super) project: PathBuf,
    pub(super) project_files: Vec<String>,
    /// Path, and length of its contents, or `None` to remove.
    pub(super) changes: Vec<(String, Option<u64>)>,
    pub(super) show: Vec<(PathBuf, String)>,
    /// Path, and length of its contents.
    pub(super) files: Vec<(String, u64)>,
    pub(super) cache: Cache,
    pub(super) ports: Vec<u16>,
    pub(super) ports_here: Vec<u16>,
    pub(super) processes: u64,
    pub(super) open_files: u64,
    pub(super) disk_limit: u64,
}

/// [`CacheSpec`] for the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Cache {
    Empty,
    Keep(PathBuf),
    CopyOf(PathBuf),
}

/// The stage's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The place stands; so many descriptors follow.
    Ready { descriptors: usize, skipped: Vec<String> },
    /// What was tried works.
    Works,
    /// A step failed.
    Failed(Failure),
}

impl Setup {
    /// The request for a spec and the contents that follow it.
    pub(super) fn of(spec: &SandboxSpec, hold: PathBuf, disk: Option<PathBuf>) -> (Self, Vec<u8>) {
        let mut contents = Vec::new();
        let mut put = |bytes: &[u8]| {
            contents.extend_from_slice(bytes);
            bytes.len() as u64
        };
        let changes = spec
            .project
            .changes
            .iter()
            .map(|(path, bytes)| (path.clone(), bytes.as_deref().map(&mut put)))
            .collect();
        let files = spec.files.iter().map(|(path, bytes)| (path.clone(), put(bytes))).collect();
        let Limits { memory: _, processes, open_files, disk: disk_limit } = spec.limits;
        let setup = Self {
            hold,
            disk,
            project: spec.project.root.clone(),
            project_files: spec.project.files.clone(),
            changes,
            show: spec.show.clone(),
            files,
            cache: match &spec.cache {
                CacheSpec::Empty => Cache::Empty,
                CacheSpec::Keep(folder) => Cache::Keep(folder.clone()),
                CacheSpec::CopyOf(folder) => Cache::CopyOf(folder.clone()),
            },
            ports: spec.ports.clone(),
            ports_here: spec.ports_here.clone(),
            processes,
            open_files,
            disk_limit,
        };
        (setup, contents)
    }
}

/// The contents, handed out in the order in which they were put in.
pub(super) struct Contents {
    bytes: Vec<u8>,
    at: usize,
}

impl Contents {
    /// Reads exactly `length` bytes.
    pub(super) fn read(from: &mut impl Read, length: u64) -> io::Result<Self> {
        let mut bytes = Vec::new();
        if from.take(length).read_to_end(&mut bytes)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self { bytes, at: 0 })
    }

    /// The next `length` bytes.
    pub(super) fn next(&mut self, length: u64) -> io::Result<&[u8]> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let piece = end.and_then(|end| self.bytes.get(self.at..end)).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.at += piece.len();
        Ok(piece)
    }
}

/// Sends a request and what belongs to it.
pub(super) fn ask(to: &mut impl Write, request: &Request, contents: &[u8]) -> io::Result<()> {
    crate::wire::send(to, request).map_err(io::Error::other)?;
    to.write_all(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_come_out_in_order_and_never_beyond_the_end() {
        let mut contents = Contents::read(&mut &b"abcdef"[..], 5).unwrap();
        assert_eq!(contents.next(2).unwrap(), b"ab");
        assert_eq!(contents.next(0).unwrap(), b"");
        assert_eq!(contents.next(3).unwrap(), b"cde");
        assert!(contents.next(1).is_err());
        assert!(contents.next(u64::MAX).is_err());
        assert!(Contents::read(&mut &b"ab"[..], 3).is_err());
    }
}
