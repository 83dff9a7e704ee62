//! What the gateway saw: requests and look-ups.

use crate::wire::ProcessId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One request that reached the gateway and what it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// Order of arrival, from 1.
    pub seq: u32,
    /// `GET`; a connection that sent no request (an opaque one) has `-`.
    pub method: String,
    /// `https`, `http`; `connect` for a tunnel that carried no TLS of ours.
    pub scheme: String,
    /// The host that was meant (the name looked up, SNI or `Host`).
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path without query, secrets redacted.
    pub path: String,
    /// What was answered; `None` where the answer was a fault below HTTP.
    pub status: Option<u16>,
    /// What it was for.
    pub kind: ExchangeKind,
    /// The package it was about, from the URL's shape: `@acme/internal`.
    pub package: Option<String>,
    /// The version, from a tarball URL's shape.
    pub version: Option<String>,
    /// Whose host it is, as seen from the package (see [`Role`]).
    pub role: Role,
    /// What credential it carried.
    pub credential: Credential,
    /// The label of that credential (`NPM_TOKEN`), never its value.
    pub credential_label: Option<String>,
    /// The label of a planted secret found elsewhere in the request (URL, header, body, plain or encoded).
    pub carried_secret: Option<String>,
    /// The label of a planted secret with which the very service was asked that it would be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_secret: Option<String>,
    /// More was sent, or was packed into what was sent, than is searched for planted secrets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsearched: bool,
    /// What of it could not be searched, or not be read; `None` where all of it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// The fault that was played, by name (`refused`).
    pub fault: Option<String>,
    /// A decoy was delivered.
    pub decoy: bool,
    /// Bytes of the body delivered.
    pub bytes: u64,
    /// `sha512-…` of the body as delivered; only for 200 answers delivered whole.
    pub sha512: Option<String>,
    /// Hexadecimal sha1 of the same body.
    pub sha1: Option<String>,
    /// Where a redirect led (host and port only).
    pub redirected_to: Option<String>,
    /// Who made it; `None` where that is not known.
    pub process: Option<ProcessId>,
    /// What answered.
    pub answered_by: AnsweredBy,
    /// Why nobody was asked, a fragment: the answer is sealcheck's own, and no registry's.
    /// `None` where somebody answered, a decoy did, or a scenario plays the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<String>,
    /// When the request arrived at the gateway, in milliseconds since the run's command was
    /// started; of a connection that sent none, when that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// Milliseconds until the answer was delivered or had failed; `None` where whoever asked
    /// did not wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

/// Bytes that were sent, and of which nobody can say what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// How many came with them, as far as they were counted.
    pub bytes: u64,
    /// Why.
    pub because: Unreadable,
}

/// Why nobody can say what bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unreadable {
    /// There are more than are searched.
    Bound,
    /// More is packed in them than is unpacked.
    Packed,
    /// They are in a protocol that is not read: no HTTP, or TLS that is not ended here.
    Protocol,
    /// They are in a form that is not read: encrypted, or packed in another way.
    Form,
}

/// What answered an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnsweredBy {
    /// The real registry, now.
    Upstream,
    /// The real registry's answer, kept.
    Store,
    /// A folder served as a registry.
    Folder,
    /// A decoy of ours.
    Decoy,
    /// The gateway itself: refused, recorded, a fault.
    Gateway,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeKind {
    /// A package's document.
    Packument,
    /// A package's bytes.
    Tarball,
    /// npm's audit.
    Audit,
    /// Keys and attestations.
    Signatures,
    /// Anything else.
    Other,
}

/// Whose a host is, from the point of view of the package that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The registry the package must come from, or a host that registry sent it to.
    Own,
    /// The public registry, asked for a public package.
    Public,
    /// Not the package's own.
    Foreign,
    /// It cannot be said.
    Unknown,
}

/// What credential a request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Credential {
    /// None.
    None,
    /// One that is for this host.
    Own,
    /// One that is for another.
    Foreign,
}

/// One DNS question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Lookup {
    /// Order of arrival, from 1.
    pub seq: u32,
    /// The name, lower case, without the final dot; secrets redacted.
    pub name: String,
    /// `127.0.0.2`, `NXDOMAIN`, `SERVFAIL`, `none` (no such record type), `unanswered`.
    pub answer: String,
    /// Who asked.
    pub process: Option<ProcessId>,
    /// The label of a planted secret found in the name.
    pub carried_secret: Option<String>,
    /// When it arrived at the gateway, in milliseconds since the run's command was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}
