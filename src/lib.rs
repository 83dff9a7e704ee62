//! sealcheck runs a project's install in throwaway sandboxes while the world
//! around it goes wrong, records where every package really came from and what
//! every script really did, and says with proof whether the install stays
//! sealed.
//!
//! ARCHITECTURE.md tells which module may know which.

pub mod cli;
pub mod compare;
pub mod door;
pub mod drill;
pub mod environment;
pub mod evidence;
pub mod finding;
pub mod gateway;
mod output;
pub mod plan;
pub mod project;
pub mod report;
pub mod runner;
pub mod sandbox;
pub mod scenario;
pub mod secret;
pub mod text;
pub mod toolchain;
pub mod upstream;
pub mod wire;
pub mod witness;
