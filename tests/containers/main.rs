//! Runs in containers when something goes wrong around them, and what is left of them
//! however the program ends: once at each engine of the tests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test that cannot be prepared fails; it has no callers outside its own crate"
)]

mod backends;
mod engines;
mod faults;
mod images;
mod left;
mod rig;
#[path = "../support/mod.rs"]
mod support;
