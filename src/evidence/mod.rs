//! What was observed in a run: facts in order, no opinions.
//!
//! A [`Recording`] is what gateway and witness handed in; [`Evidence`] is the
//! same, joined with the project's lockfile: each package with the bytes it
//! came from. Once sealed it is not changed. This module must not know rules,
//! severities or verdicts, and reaches no socket and no process.

pub mod exchange;
pub mod fact;
pub mod resolution;
pub mod seal;
pub mod shadow;
pub mod tree;

pub use exchange::{Credential, Exchange, ExchangeKind, Lookup, Role, Unread, Unreadable};
pub use fact::{
    Connection, Decoy, Evidence, Gap, NamedPackage, NpmError, Output, Package, PackageSource, Process,
    SourceKind,
};
pub use resolution::Resolution;
