//! Messages between the host and the witness inside a sandbox.
//!
//! Both ends are the same executable, so there is one version of each message.
//! A message is a frame: four bytes of length, little endian, then JSON. The
//! reader is bounded: the witness is ours, but what it reports (arguments,
//! paths, package names) was chosen by strangers.
//!
//! This module knows no process, socket or npm; only the words.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{Read, Write};
use std::net::SocketAddr;

/// The largest frame that is read, in bytes.
pub const MAX_FRAME: usize = 64 << 20;

/// What the witness is to start and to watch. Sent once, host to witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The command, `argv[0]` a path or a name to be found on the `PATH` of `env`.
    pub argv: Vec<String>,
    /// A second command, started in the same place once the first has exited with 0; none
    /// where it is empty.
    pub then: Vec<String>,
    /// The whole environment, nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Working directory, absolute, inside the sandbox.
    pub cwd: String,
    /// The project's root inside the sandbox; its `node_modules` trees are hashed.
    pub project: String,
    /// Folders below `project` that may hold a `node_modules` (the root is `""`).
    pub members: Vec<String>,
    /// Whether to trace processes. Without it only the exit and the trees are
    /// reported (this is what the benchmark compares against).
    pub trace: bool,
    /// Whether to follow what lifecycle scripts do to files. Needs `trace`.
    pub watch: bool,
    /// Files that hold planted secrets, absolute: who opens one to read it is told.
    pub secrets: Vec<String>,
    /// Whether to hash the trees at all.
    pub hash: bool,
    /// Milliseconds from the start after which everything is killed.
    pub time_limit_ms: u64,
    /// Milliseconds that processes get after the command has exited.
    pub grace_ms: u64,
    /// Bytes of resident memory of all processes together after which
    /// everything is killed; 0 is no limit.
    pub memory_limit: u64,
    /// Bytes that may be written to disk; 0 is no limit.
    pub disk_limit: u64,
    /// What new files of the command are denied: umask(2).
    pub umask: u32,
}

/// A process of a sandbox: an ordinal given by the witness in order of first
/// sight, never a pid. The command itself is 1; a second one is the only other process
/// that nobody made.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct ProcessId(pub u32);

/// An event with its time, as it goes from the witness to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Milliseconds since the witness was about to start the command, on the clock of the
    /// machine that it runs on: a length of time, which means the same on any other.
    pub at_ms: u64,
    /// What happened.
    pub event: Event,
}

/// What the witness reports, witness to host, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The witness is in place and about to start the command.
    Ready,
    /// A process came to be (fork, vfork, clone of a process; threads are not processes).
    Forked {
        /// The new process.
        process: ProcessId,
        /// Who made it; `None` for a command of the order.
        parent: Option<ProcessId>,
    },
    /// A process became another program; sent at the exec stop, so it succeeded.
    Executed {
        /// Which process.
        process: ProcessId,
        /// Its parent by the tree the witness keeps, not by `getppid`.
        parent: Option<ProcessId>,
        /// Arguments as the kernel holds them, each clipped to 4 KiB, at most 256.
        argv: Vec<String>,
        /// The executable's path.
        exe: String,
        /// The file that was asked for, links followed: another than `exe` where a
        /// `#!` line names that.
        file: String,
        /// Its working directory.
        cwd: String,
        /// Set on a direct child of the command, from its environment at exec.
        lifecycle: Option<Lifecycle>,
    },
    /// A program was looked for and not found, or not permitted. A `PATH` search is many of these;
    /// only the last failed attempt before a success or an exit is reported.
    ExecFailed {
        /// Which process.
        process: ProcessId,
        /// The path it tried.
        path: String,
        /// The kernel's name of the error (`ENOENT`).
        errno: String,
    },
    /// A process ended.
    Exited {
        /// Which process.
        process: ProcessId,
        /// How.
        how: Exit,
        /// It was still alive when the command had exited.
        outlived: bool,
    },
    /// A process asked for a connection, or sent a datagram to an address.
    Connected {
        /// Which process.
        process: ProcessId,
        /// Where to.
        to: Peer,
        /// The socket's own address, for TCP and UDP once the kernel chose one.
        local: Option<SocketAddr>,
        /// It is datagrams that are sent there, and no stream.
        datagram: bool,
        /// What came of the call.
        outcome: Dial,
    },
    /// A process of a lifecycle script opened a planted secret for reading; told once.
    Read {
        /// Which process.
        process: ProcessId,
        /// The file, by the path it was planted at.
        path: String,
        /// By the very npm that is tested, which a script started once more.
        #[serde(default)]
        npm: bool,
    },
    /// A process of a lifecycle script opened for reading what a process of another had written;
    /// told once for each two scripts and file.
    Fed {
        /// Which process.
        process: ProcessId,
        /// Who wrote it last.
        by: ProcessId,
        /// The file, by the path at which it was opened.
        path: String,
    },
    /// A system call was refused by us.
    Denied {
        /// Which process.
        process: ProcessId,
        /// The system call (`prlimit64`).
        call: String,
        /// What it was aimed at, for people.
        detail: String,
    },
    /// The trees as they were unpacked, before the first lifecycle script ran.
    /// Sent only if a script ran.
    Unpacked {
        /// One for each package folder below a `node_modules`, ordered by path.
        packages: Vec<PackageTree>,
    },
    /// The trees at the end.
    Installed {
        /// One for each package folder below a `node_modules`, ordered by path.
        packages: Vec<PackageTree>,
        /// Links below a `node_modules` (workspaces, `file:` packages), ordered by path.
        links: Vec<Link>,
    },
    /// A file that differs between `Unpacked` and `Installed`, or that a
    /// lifecycle script left outside `node_modules`.
    Changed(FileChange),
    /// The last command that was started exited.
    CommandExited {
        /// How.
        how: Exit,
        /// Milliseconds since the first was started.
        after_ms: u64,
    },
    /// Something could not be seen.
    Gap {
        /// Which kind.
        kind: GapKind,
        /// For people.
        detail: String,
    },
    /// The last message: nothing is left alive inside.
    Ended {
        /// The largest sum of resident memory seen, in bytes (0: not measured).
        peak_memory: u64,
        /// Why the witness ended the run before its time, if it did.
        cut_short: Option<CutShort>,
    },
}

/// What npm says a direct child of its is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lifecycle {
    /// `npm_lifecycle_event` (`postinstall`).
    pub event: String,
    /// `npm_package_json`: the absolute path of the package's manifest.
    pub package_json: String,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// By itself, with a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// An address somebody wanted to reach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// IPv4 or IPv6 and a port. `address` as the standard library prints it.
    Ip {
        /// The address.
        address: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket; abstract names begin with `@`.
    Unix {
        /// Its path or name.
        path: String,
    },
    /// Any other family (netlink, vsock), by the kernel's number.
    Other {
        /// `sa_family`.
        family: u16,
    },
}

/// What came of a call that wanted a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dial {
    /// It succeeded at once (a datagram was sent).
    Done,
    /// `EINPROGRESS`: the ordinary answer to a non-blocking connect.
    Pending,
    /// The kernel refused, by its name of the error.
    Failed(String),
    /// We refused.
    Denied,
}

/// A package folder below a `node_modules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageTree {
    /// Path relative to the project, `node_modules/@acme/internal`.
    pub path: String,
    /// `name` in its package.json, clipped; empty where there is none.
    pub name: String,
    /// `version` in its package.json, clipped; empty where there is none.
    pub version: String,
    /// Digest of the tree, see [`crate::evidence::tree`]; hex.
    pub tree: String,
    /// SHA-256 of package.json, hex; empty where there is none.
    pub manifest: String,
    /// Number of files.
    pub files: u32,
}

/// A symbolic link in the place of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// Path relative to the project.
    pub path: String,
    /// Where it leads, relative to the project where it stays in it.
    pub target: String,
}

/// A file that scripts added, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileChange {
    /// Absolute path inside the sandbox.
    pub path: String,
    /// What happened to it.
    pub change: Change,
    /// The last process of a lifecycle script that wrote, moved or removed it, where
    /// that was seen.
    pub process: Option<ProcessId>,
    /// That process was the very npm that is tested, which a script started once more.
    #[serde(default)]
    pub npm: bool,
    /// Of a link: where it leads, relative to the project where it stays in it.
    #[serde(default)]
    pub leads: Option<String>,
    /// What was found until now where this is found from now on.
    #[serde(default)]
    pub shadows: Option<String>,
    /// Of an entry of npm's cache: the request that it answers.
    #[serde(default)]
    pub answers: Option<String>,
}

impl FileChange {
    /// Of which nothing more is known yet.
    pub fn new(path: String, change: Change) -> Self {
        Self { path, change, process: None, npm: false, leads: None, shadows: None, answers: None }
    }
}

/// Kinds of change of a file.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there before.
    Added,
    /// Its bytes differ.
    Changed,
    /// It is gone.
    Removed,
}

/// Kinds of blindness.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// A stopped process's memory could not be read; the call was answered `EPERM`.
    UnreadableArguments,
    /// A system call that would hide what follows was tried and refused.
    RefusedCall,
    /// A tree could not be hashed wholly.
    Tree,
    /// More of something than is kept; the rest was counted only.
    Overflow,
    /// A connection whose owner could not be named.
    Connection,
    /// What a lifecycle script did to files was not followed.
    Files,
    /// The witness itself failed at something.
    Witness,
}

/// Why the witness ended everything.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CutShort {
    /// The time limit.
    Time,
    /// The memory limit.
    Memory,
    /// The limit of what may be written to disk.
    Disk,
    /// The host asked for it (Ctrl-C), or is gone.
    Host,
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The channel.
    #[error("the channel to the witness failed")]
    Io(#[from] std::io::Error),
    /// A frame longer than [`MAX_FRAME`].
    #[error("a message of {0} bytes is longer than the limit of {MAX_FRAME}")]
    TooLong(usize),
    /// Not the JSON of a message.
    #[error("a message could not be understood")]
    Json(#[from] serde_json::Error),
}

/// Writes one frame. One `write` call, so that frames of one writer never mix.
pub fn send<T: Serialize>(out: &mut impl Write, message: &T) -> Result<(), WireError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME {
        return Err(WireError::TooLong(length));
    }
    frame[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    out.write_all(&frame)?;
    Ok(())
}

/// Reads one frame; `None` at a clean end.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>, WireError> {
    let mut length = [0; 4];
    let mut have = 0;
    while have < 4 {
        match from.read(&mut length[have..]) {
            Ok(0) if have == 0 => return Ok(None),
            Ok(0) => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            Ok(n) => have += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(WireError::TooLong(length));
    }
    let mut body = Vec::new();
    if from.take(length as u64).read_to_end(&mut body)? < length {
        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(serde_json::from_slice(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        let mut pipe = Vec::new();
        let sent = Event::Exited { process: ProcessId(7), how: Exit::Signal(9), outlived: true };
        send(&mut pipe, &sent).unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(receive::<Event>(&mut from).unwrap(), Some(sent));
        assert_eq!(receive::<Event>(&mut from).unwrap(), None);
    }

    #[test]
    fn a_frame_that_claims_too_much_or_ends_early_is_refused() {
        let huge = u32::MAX.to_le_bytes();
        assert!(matches!(receive::<Event>(&mut huge.as_slice()), Err(WireError::TooLong(_))));
        let short = [9, 0, 0, 0, b'{'];
        assert!(matches!(receive::<Event>(&mut short.as_slice()), Err(WireError::Io(_))));
    }
}
