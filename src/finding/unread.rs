//! Which secrets scripts read, and what they sent that nobody could search.
//!
//! Decided here for all rules that say something of either. A secret in a variable is read by
//! nobody's leave: it counts where it was used. It must not know a rule.

use super::EvidenceKind;
use super::case::{Run, owner};
use crate::evidence::fact::{Connection, Process, Reached};
use crate::evidence::{Exchange, Unreadable};
use crate::wire::ProcessId;

/// The file that npm reads whoever starts it.
const NPMRC: &str = "~/.npmrc";

/// A secret that a package's script read.
pub(super) struct Read<'a> {
    pub(super) process: &'a Process,
    /// The path of the package.
    pub(super) package: &'a str,
    /// Which, as it is told.
    pub(super) told: String,
    pub(super) fact: (EvidenceKind, u32),
}

/// What scripts read, the opened files first.
pub(super) fn reads<'a>(run: &Run<'a>) -> Vec<Read<'a>> {
    let made = |process: ProcessId, told: String, fact: (EvidenceKind, u32)| {
        let process = run.process(process)?;
        Some(Read { process, package: process.package.as_deref()?, told, fact })
    };
    let opened = (0u32..)
        .zip(&run.evidence.reads)
        .filter(|(_, read)| read.secret != NPMRC || !read.npm)
        .filter_map(|(at, read)| made(read.process, read.secret.clone(), (EvidenceKind::Read, at)));
    let used = run.evidence.exchanges.iter().filter_map(|exchange| {
        let (secret, process) = (exchange.used_secret.as_ref()?, exchange.process?);
        let told = format!("{secret}, with which it asked {}", exchange.host);
        made(process, told, (EvidenceKind::Exchange, exchange.seq))
    });
    opened.chain(used).collect()
}

/// Bytes of which nobody knows what they hold.
pub(super) struct Sent<'a> {
    /// Who sent them; `None` where that is not known.
    pub(super) by: Option<&'a Process>,
    /// "a POST to sink.example:443".
    pub(super) what: String,
    /// The host, and with its port.
    pub(super) host: String,
    pub(super) target: String,
    /// They are datagrams, and no part of a connection.
    pub(super) datagrams: bool,
    /// How many, as far as they were counted.
    pub(super) bytes: Option<u64>,
    /// Why nobody knows, a fragment.
    pub(super) why: &'static str,
    /// Something was left out that is searched otherwise: silence proves nothing, whoever sent it.
    pub(super) blind: bool,
    pub(super) fact: (EvidenceKind, u32),
}

impl Sent<'_> {
    /// Whether npm itself sent them.
    pub(super) fn by_npm(&self) -> bool {
        self.by.is_some_and(|process| process.package.is_none())
    }

    /// Whose they are, for people.
    pub(super) fn owner(&self) -> String {
        self.by.map_or_else(|| "a process that is not known".to_owned(), owner)
    }
}

/// All that left unread.
pub(super) fn sent<'a>(run: &Run<'a>) -> Vec<Sent<'a>> {
    let requests = run.evidence.exchanges.iter().filter_map(|exchange| in_exchange(run, exchange));
    let connections = (0u32..).zip(&run.evidence.connections);
    let datagrams = connections.filter_map(|(at, connection)| in_datagrams(run, at, connection));
    requests.chain(datagrams).collect()
}

fn in_exchange<'a>(run: &Run<'a>, exchange: &Exchange) -> Option<Sent<'a>> {
    let because = match exchange.unread {
        Some(unread) => unread.because,
        None if exchange.unsearched => Unreadable::Bound,
        None => return None,
    };
    let target = format!("{}:{}", exchange.host, exchange.port);
    Some(Sent {
        by: exchange.process.and_then(|id| run.process(id)),
        what: match exchange.method.as_str() {
            "-" => format!("a message to {target}"),
            method => format!("a {method} to {target}"),
        },
        host: exchange.host.clone(),
        target,
        datagrams: false,
        bytes: exchange.unread.map(|unread| unread.bytes),
        why: match because {
            Unreadable::Bound => "more than is searched",
            Unreadable::Packed => "with more packed in them than is unpacked",
            Unreadable::Protocol => "in a protocol that nobody here reads",
            Unreadable::Form => "encrypted, or packed in a form that is not read",
        },
        blind: exchange.unsearched,
        fact: (EvidenceKind::Exchange, exchange.seq),
    })
}

/// Datagrams of scripts to where only the resolver's are read: what is in them is nowhere.
fn in_datagrams<'a>(run: &Run<'a>, at: u32, connection: &Connection) -> Option<Sent<'a>> {
    // What could not be sent has not left, and what stays inside neither.
    let left = connection.datagram && matches!(connection.outcome, Reached::Gateway | Reached::Pending);
    let by = run.process(connection.process).filter(|process| left && process.package.is_some())?;
    let host = connection.name.as_ref().unwrap_or(&connection.address);
    let target = format!("{host}:{}", connection.port);
    Some(Sent {
        by: Some(by),
        what: format!("datagrams to {target}"),
        host: host.clone(),
        target,
        datagrams: true,
        bytes: None,
        why: "which nobody reads",
        blind: true,
        fact: (EvidenceKind::Connection, at),
    })
}
