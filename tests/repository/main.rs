//! The repository itself: its layers and words, its dependencies,
//! and the projects that its tests are made on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test that cannot be prepared fails; it has no callers outside its own crate"
)]

mod dependencies;
mod first_day;
mod fixture_projects;
mod ordinary_fixture;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
