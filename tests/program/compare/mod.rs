//! Environments captured and compared: the cause that is named is the true one, equal
//! environments are equal, and no secret comes out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot be prepared fails"
)]

mod clean;
mod left;
mod noise;
mod pair;
mod pairs;
mod secrets;
mod stranger;
