//! `sealcheck accept`: the runs of `test`, recorded as what is approved.

use super::arguments::{AcceptArguments, Talk, TestArguments};
use super::baseline::Purpose;
use super::{Code, test};

/// Runs what `test` would, and records it where nothing forbids that.
pub(crate) fn run(arguments: AcceptArguments, talk: &Talk) -> anyhow::Result<Code> {
    let AcceptArguments { project, choice, surroundings, running } = arguments;
    let arguments =
        TestArguments { project: vec![project], choice, surroundings, running, update: false, shard: None };
    test::run_for(Purpose::Accept, arguments, talk)
}
