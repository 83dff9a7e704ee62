//! One line for one observed fact.
//!
//! A finding names facts by run, list and number; here they become sentences.
//! A pointer to nothing gives no line.

use super::amount::size;
use crate::evidence::exchange::{Credential, Exchange, Lookup};
use crate::evidence::fact::{Connection, File, Package, Process, Reached};
use crate::report::model::{Report, Run};
use crate::report::opinion::{EvidenceKind, EvidenceRef};
use crate::wire::{Change, ProcessId};

/// What a pointer points at, in words; `arrow` stands between question and answer.
pub(in crate::report) fn line(report: &Report, pointer: &EvidenceRef, arrow: &str) -> Option<String> {
    let run = report.run(&pointer.run)?;
    let at = pointer.at;
    // Beyond what a list can hold there is nothing.
    let index = usize::try_from(at).ok()?;
    match pointer.kind {
        EvidenceKind::Exchange => {
            run.exchanges.iter().find(|exchange| exchange.seq == at).map(|it| exchange_line(it, arrow))
        }
        EvidenceKind::Lookup => {
            run.lookups.iter().find(|lookup| lookup.seq == at).map(|it| lookup_line(run, it, arrow))
        }
        EvidenceKind::Process => run.processes.iter().find(|process| process.id.0 == at).map(process_line),
        EvidenceKind::Package => run.packages.get(index).map(package_line),
        EvidenceKind::Connection => run.connections.get(index).map(|it| connection_line(run, it, arrow)),
        EvidenceKind::File => run.files.get(index).map(|file| file_line(run, file)),
        EvidenceKind::Read => {
            run.reads.get(index).map(|read| format!("{} read{}", read.secret, by(run, Some(read.process))))
        }
        EvidenceKind::Gap => run.gaps.get(index).map(|gap| format!("not seen: {}", gap.detail)),
    }
}

fn exchange_line(exchange: &Exchange, arrow: &str) -> String {
    let port = match (exchange.scheme.as_str(), exchange.port) {
        ("https", 443) | ("http", 80) => String::new(),
        (_, port) => format!(":{port}"),
    };
    let mut line = format!(
        "{} {}://{}{port}{} {arrow} ",
        exchange.method, exchange.scheme, exchange.host, exchange.path
    );
    match (exchange.status, &exchange.fault) {
        (Some(status), Some(fault)) => line.push_str(&format!("{status} ({fault})")),
        (Some(status), None) => line.push_str(&status.to_string()),
        (None, Some(fault)) => line.push_str(fault),
        (None, None) => line.push_str("no answer"),
    }
    if exchange.not_asked.is_some() {
        line.push_str(" from sealcheck, which asked nobody");
    }
    if exchange.bytes > 0 {
        line.push_str(&format!(", {}", size(exchange.bytes)));
    }
    if exchange.decoy {
        line.push_str(", decoy");
    }
    if let Some(host) = &exchange.redirected_to {
        line.push_str(&format!(", sent on to {host}"));
    }
    let label = exchange.credential_label.as_deref().unwrap_or("a credential");
    match exchange.credential {
        Credential::None => {}
        Credential::Own => line.push_str(&format!(", with {label}")),
        Credential::Foreign => line.push_str(&format!(", with {label}, which is another registry's")),
    }
    if let Some(secret) = &exchange.carried_secret {
        line.push_str(&format!(", carrying the value of {secret}"));
    }
    if let Some(secret) = &exchange.used_secret {
        line.push_str(&format!(", with {secret}"));
    }
    line
}

fn lookup_line(run: &Run, lookup: &Lookup, arrow: &str) -> String {
    let secret = match &lookup.carried_secret {
        Some(secret) => format!(", carrying the value of {secret}"),
        None => String::new(),
    };
    format!("look-up of {} {arrow} {}{secret}{}", lookup.name, lookup.answer, by(run, lookup.process))
}

fn process_line(process: &Process) -> String {
    let mut line = format!("`{}`", process.argv.join(" "));
    if let Some(whose) = whose(process) {
        line.push_str(&format!(", {whose}"));
    }
    if let Some(exit) = &process.exit {
        line.push_str(&format!(", ended with {exit}"));
    }
    if process.outlived {
        line.push_str(", alive after npm had exited");
    }
    line
}

/// `the postinstall of left-pad@1.3.0`.
fn whose(process: &Process) -> Option<String> {
    let package = process.package.as_deref()?;
    let name =
        process.package_name.as_deref().unwrap_or(if package.is_empty() { "the project" } else { package });
    let version = process.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
    let event = process.event.as_deref().unwrap_or("a script");
    Some(format!("the {event} of {name}{version}"))
}

fn package_line(package: &Package) -> String {
    let version = package.version.as_deref().unwrap_or("nothing");
    let mut line = format!("{}: {version} installed", package.path);
    if let Some(locked) =
        package.lock.as_ref().filter(|locked| Some(&locked.version) != package.version.as_ref())
    {
        line.push_str(&format!(", {} in the lockfile", locked.version));
    }
    if let Some(from) =
        package.source.as_ref().and_then(|source| source.url.as_ref().or(source.host.as_ref()))
    {
        line.push_str(&format!(", from {from}"));
    }
    if package.genuine == Some(false) {
        line.push_str(", not the genuine bytes");
    }
    line
}

fn connection_line(run: &Run, wish: &Connection, arrow: &str) -> String {
    let port = if wish.port == 0 { String::new() } else { format!(":{}", wish.port) };
    let name = wish.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let outcome = match wish.outcome {
        Reached::Gateway => "answered by the gateway",
        Reached::Refused => "refused",
        Reached::Unreachable => "unreachable",
        Reached::Denied => "denied",
        Reached::Pending => "begun, its end not seen",
        Reached::Inside => "answered inside the sandbox",
    };
    format!("connection to {}{port}{name} {arrow} {outcome}{}", wish.address, by(run, Some(wish.process)))
}

fn file_line(run: &Run, file: &File) -> String {
    let change = match file.change {
        Change::Added => "added",
        Change::Changed => "changed",
        Change::Removed => "removed",
    };
    // As the project's owner would write it.
    let path = file.path.strip_prefix("/project/").unwrap_or(&file.path);
    format!("{path} {change}{}", by(run, file.process))
}

/// `, by the postinstall of left-pad@1.3.0`.
fn by(run: &Run, id: Option<ProcessId>) -> String {
    let process = id.and_then(|id| run.processes.iter().find(|process| process.id == id));
    match process {
        Some(process) => {
            format!(", by {}", whose(process).unwrap_or_else(|| format!("`{}`", process.argv.join(" "))))
        }
        None => String::new(),
    }
}
