//! The whole program and the real npm: each module is one question about what `sealcheck`
//! says and does. They share one executable, so that it is linked once and that a test that
//! waits leaves its processor to another.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test that cannot be prepared fails; it has no callers outside its own crate"
)]

mod accept;
mod bad_input;
mod catalogue;
mod catalogue_project;
mod cells;
mod cli;
mod compare;
mod drills;
mod escape;
mod examples;
mod live_view;
mod lockfiles;
mod many;
mod margin;
mod matrix;
mod nothing_left;
mod ordinary;
mod private_registry;
mod repeat;
mod reported;
mod review;
mod secrets;
mod shards;
#[path = "../support/mod.rs"]
mod support;
mod truth;
mod verdaccio;
mod virtual_registry;
