//! A dependency's script tries to get out of the sandbox, to get hold of the user's
//! token, to blind the witness and to wear the machine out, each time with the whole
//! program around it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test that cannot be prepared fails; it has no callers outside its own crate"
)]

mod again;
mod bytes;
mod cache;
mod credentials;
mod evidence;
mod further;
mod host;
mod internal;
mod limits;
mod rig;
mod toolchain;
mod tree;
