//! Joins what gateway and witness handed in with the lockfile.

use super::exchange::{Exchange, Lookup};
use super::fact::{Decoy, Output};
use crate::wire::Event;

/// What was handed in, unjoined.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// From the witness, in its order.
    pub events: Vec<Event>,
    /// From the gateway.
    pub exchanges: Vec<Exchange>,
    /// From the gateway.
    pub lookups: Vec<Lookup>,
    /// Decoys that were on offer.
    pub decoys: Vec<Decoy>,
    /// The ends of the output, already redacted.
    pub output: Output,
}
