//! The sealed facts of a run, in the shape of the report's `runs[]`.

use super::exchange::{Exchange, Lookup, Role};
use crate::project::class::Class;
use crate::wire::{Change, CutShort, Exit, GapKind, ProcessId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything observed in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The scenario's name.
    pub scenario: String,
    /// Which repetition, from 1.
    pub repeat: u32,
    /// The command as run.
    pub command: Vec<String>,
    /// The command that was to be run in the same place once the first had exited with 0;
    /// empty where there is none. Each is a process without a parent.
    pub then: Vec<String>,
    /// How npm ended, the last of the commands that was started; `None` where it never
    /// started or was cut short.
    pub exit: Option<Exit>,
    /// Why the run was ended before its time, if it was.
    pub cut_short: Option<CutShort>,
    /// What npm said was wrong.
    pub npm_error: Option<NpmError>,
    /// Milliseconds of the command.
    pub duration_ms: u64,
    /// Decoys that were on offer.
    pub decoys: Vec<Decoy>,
    /// Every lockfile entry that belongs on this platform, and everything else
    /// found installed, ordered by path.
    pub packages: Vec<Package>,
    /// Ordered by `seq`.
    pub exchanges: Vec<Exchange>,
    /// Ordered by `seq`.
    pub lookups: Vec<Lookup>,
    /// Ordered by id.
    pub processes: Vec<Process>,
    /// In the order they were tried.
    pub connections: Vec<Connection>,
    /// Ordered by path.
    pub files: Vec<File>,
    /// Planted secrets that scripts read, each process and secret once, in order.
    pub reads: Vec<SecretRead>,
    /// The ends of its output, secrets redacted.
    pub output: Output,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// Whether the witness traced processes.
    pub traced: bool,
}

/// What npm printed as its error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NpmError {
    /// The code (`E404`, `EINTEGRITY`; a failed script's exit code); empty where npm gave none.
    pub code: String,
    /// The one sentence that says what was wrong, secrets redacted.
    pub summary: String,
    /// The whole message, a line each, without stack traces and the command's usage.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The packages that it names, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<NamedPackage>,
    /// The URL that it names, without credentials and query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The folder of the script or the file that it names, as in the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The integrity that the bytes did not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
}

impl NpmError {
    /// The code, or words for none.
    pub fn name(&self) -> &str {
        if self.code.is_empty() { "an error without a code" } else { &self.code }
    }
}

/// A package that npm's error names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NamedPackage {
    /// Its name.
    pub name: String,
    /// Its version, where npm names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A stranger's package on offer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Decoy {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether anybody asked for it (by packument or tarball).
    pub asked: bool,
    /// `sha512-…` of its tarball.
    pub sha512: String,
}

/// A package: what the lockfile wants and what came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Path below the project.
    pub path: String,
    /// The name in the tree.
    pub name: String,
    /// The version that is installed; `None` where nothing is.
    pub version: Option<String>,
    /// Its class.
    pub class: Class,
    /// What the lockfile says; `None` for one that it does not have.
    pub lock: Option<Locked>,
    /// Where its bytes came from; `None` where nothing is installed.
    pub source: Option<PackageSource>,
    /// Whether the bytes are the genuine ones (the lockfile's integrity, or the
    /// baseline's digest, or for decoys certainly not); `None` where that cannot be said.
    pub genuine: Option<bool>,
    /// Whether the delivered bytes satisfy the lockfile's integrity; `None` without one.
    pub integrity_ok: Option<bool>,
    /// Lifecycle events of it that ran, in order.
    pub scripts: Vec<String>,
    /// npm may leave it out (optional, and so is all that leads to it).
    pub optional: bool,
    /// A decoy's tree was recognised in it.
    pub decoy: bool,
}

/// What the lockfile pins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Locked {
    /// `version`.
    pub version: String,
    /// `resolved`.
    pub resolved: Option<String>,
    /// `integrity`.
    pub integrity: Option<String>,
}

/// Where the bytes of an installed package came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageSource {
    /// The kind of source.
    pub kind: SourceKind,
    /// Whose it is.
    pub role: Role,
    /// The host.
    pub host: Option<String>,
    /// The URL without query.
    pub url: Option<String>,
    /// `sha512-…` of the tarball.
    pub sha512: Option<String>,
    /// `seq` of the exchange.
    pub exchange: Option<u32>,
}

/// Kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A tarball that went over the wire in this run.
    Registry,
    /// npm's cache as it was before the run.
    Cache,
    /// A git clone.
    Git,
    /// A tarball in the project.
    File,
    /// A link to a folder of the project.
    Link,
    /// Its parent's tarball.
    Bundled,
    /// Its bytes match nothing that was delivered.
    Unknown,
}

/// A process that executed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Its ordinal.
    pub id: ProcessId,
    /// Its parent's.
    pub parent: Option<ProcessId>,
    /// Arguments of its last exec, secrets redacted.
    pub argv: Vec<String>,
    /// The executable's path.
    pub exe: String,
    /// Its working directory.
    pub cwd: String,
    /// The path of the package whose script it belongs to (`""`: the root project).
    pub package: Option<String>,
    /// That package's name.
    pub package_name: Option<String>,
    /// That package's version as installed.
    pub version: Option<String>,
    /// The lifecycle event.
    pub event: Option<String>,
    /// How it ended, `0`, `signal 9`; `None` where it was not seen to.
    pub exit: Option<String>,
    /// It was alive when npm had exited.
    pub outlived: bool,
    /// Files in the project, or in a clone that npm made of a repository, that it
    /// executed, links followed, in order and at most 16: also those before its last exec, and scripts that a `#!` line hands to
    /// another program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ran: Vec<String>,
    /// A program that scripts can have put there, and that it ran in the place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<StandIn>,
    /// What it read that a process of another script had written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fed: Vec<Fed>,
    /// When it executed its first program, in milliseconds since the run's command was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
    /// When it ended, counted from there; `None` where it was not seen to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
}

/// A file that another script had written before it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fed {
    /// Who wrote it last.
    pub by: ProcessId,
    /// The path at which it was read.
    pub file: String,
}

/// A program that is found first under a name that everybody knows, where scripts can write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandIn {
    /// The name: `sh`, `node`.
    pub name: String,
    /// The file, links followed.
    pub file: String,
}

/// A planted secret that a lifecycle script opened for reading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SecretRead {
    /// Who.
    pub process: ProcessId,
    /// Its label: `~/.aws/credentials`.
    pub secret: String,
    /// By the very npm that is tested, which a script started once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub npm: bool,
}

/// A connection or a datagram that a process wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// Who.
    pub process: ProcessId,
    /// The address, `unix:PATH`, `family:16`.
    pub address: String,
    /// The port, 0 where there is none.
    pub port: u16,
    /// The name whose address it is, if it was looked up.
    pub name: Option<String>,
    /// What came of it.
    pub outcome: Reached,
    /// It is datagrams that were sent there: nobody read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub datagram: bool,
    /// When it was tried, in milliseconds since the run's command was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}

/// What came of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reached {
    /// It reached the gateway.
    Gateway,
    /// Nobody listened.
    Refused,
    /// No route: there is no network but loopback.
    Unreachable,
    /// We refused the call.
    Denied,
    /// Begun, and its end was not seen.
    Pending,
    /// Something inside the sandbox (a server of the script's own).
    Inside,
}

/// A file that scripts touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// Absolute path inside the sandbox.
    pub path: String,
    /// What happened.
    pub change: Change,
    /// Who, where it is known.
    pub process: Option<ProcessId>,
    /// The path of the package in whose folder it lies.
    pub package: Option<String>,
    /// That process was the very npm that is tested, which a script started once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub npm: bool,
    /// It lies in npm's cache or among its logs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub npms: bool,
    /// Of a link: where it leads, relative to the project where it stays in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<String>,
    /// What node found until now where it finds this from now on: a file of the package, a
    /// package, `nothing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadows: Option<String>,
    /// Of an entry of npm's cache: the request that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
}

/// The ends of the command's output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// At most 16 KiB.
    pub stdout_tail: String,
    /// At most 16 KiB.
    pub stderr_tail: String,
}

/// Something that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Which kind.
    pub kind: GapKind,
    /// For people.
    pub detail: String,
    /// It may hide an answer, so silence proves nothing.
    pub hides_answer: bool,
    /// Whose call was refused, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
}
