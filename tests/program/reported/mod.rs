//! Faults that users reported, each with other inputs of its kind.
//!
//! Every test runs the program on a small project and holds what it says against what
//! plain npm does there. One file is one kind of fault, named for what went wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a test that cannot be prepared fails; each kind uses its own part of what is shared"
)]

mod complete_tree;
mod credentials;
mod entry_class;
mod failing_control;
mod install_layout;
mod lockfile_diff;
mod messages;
mod npm_features;
mod project_layout;
mod registry_layouts;
mod required_margin;
mod surroundings;
mod unreachable;
