//! A run's entry in the report, from its scenario and its evidence.
//!
//! Evidence is moved in as it was sealed. Verdicts come from elsewhere: an
//! entry says `unobserved` until it is told otherwise, so that one forgotten is
//! never green.

use super::model::{Run, Tool, Toolchain};
use super::opinion::Verdict;
use crate::compare::side::Install;
use crate::evidence::fact::{Evidence, Output};
use crate::scenario::Scenario;
use crate::wire::Exit;

impl Run {
    /// The entry of a run of which nothing was observed.
    pub fn new(
        id: impl Into<String>,
        scenario: &Scenario,
        toolchain: Toolchain,
        backend: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            scenario: scenario.name.clone(),
            title: scenario.title.clone(),
            control: scenario.control,
            losses: scenario.losses.clone(),
            backend: backend.into(),
            image: None,
            toolchain,
            platform: None,
            verdict: Verdict::Unobserved,
            because: String::new(),
            counts: None,
            command: Vec::new(),
            then: Vec::new(),
            exit_code: None,
            signal: None,
            cut_short: None,
            npm_error: None,
            duration_ms: 0,
            repeat: 1,
            notes: Vec::new(),
            traced: false,
            decoys: Vec::new(),
            packages: Vec::new(),
            exchanges: Vec::new(),
            lookups: Vec::new(),
            processes: Vec::new(),
            connections: Vec::new(),
            files: Vec::new(),
            reads: Vec::new(),
            output: Output::default(),
            gaps: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The same entry with all that was observed.
    #[must_use]
    pub fn observed(self, evidence: Evidence) -> Self {
        // Taken apart field by field, so that a new one cannot be forgotten here.
        let Evidence {
            scenario: _,
            repeat,
            command,
            then,
            exit,
            cut_short,
            npm_error,
            duration_ms,
            decoys,
            packages,
            exchanges,
            lookups,
            processes,
            connections,
            files,
            reads,
            output,
            gaps,
            traced,
        } = evidence;
        let (exit_code, signal) = match exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Self {
            repeat,
            command,
            then,
            exit_code,
            signal,
            cut_short,
            npm_error,
            duration_ms,
            decoys,
            packages,
            exchanges,
            lookups,
            processes,
            connections,
            files,
            reads,
            output,
            gaps,
            traced,
            ..self
        }
    }
}

/// A saved run beside others, live or saved.
impl<'a> From<&'a Run> for Install<'a> {
    fn from(run: &'a Run) -> Self {
        Self {
            command: &run.command,
            exit: run.exit_code.map(Exit::Code).or(run.signal.map(Exit::Signal)),
            cut_short: run.cut_short,
            npm_error: run.npm_error.as_ref(),
            traced: run.traced,
            packages: &run.packages,
            processes: &run.processes,
            connections: &run.connections,
            lookups: &run.lookups,
            files: &run.files,
            reads: &run.reads,
            gaps: &run.gaps,
        }
    }
}

impl Tool {
    /// This program; `sha256` is its executable's, hexadecimal, where it could be read.
    pub fn this(sha256: Option<String>) -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sha256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Demand, Install, Loss};

    fn scenario() -> Scenario {
        Scenario {
            name: "mapping-removed".to_owned(),
            title: "The mapping is lost".to_owned(),
            about: String::new(),
            suites: Vec::new(),
            losses: vec![Loss::Mapping],
            needs: Vec::new(),
            control: true,
            world: Default::default(),
            project: Default::default(),
            install: Default::default(),
            demand: Demand { install: Install::Anyhow, codes: Vec::new(), npm_does: Vec::new() },
        }
    }

    #[test]
    fn an_entry_is_unobserved_until_told_otherwise_and_keeps_what_was_seen() {
        let toolchain = Toolchain { node: "24.0.0".into(), npm: "11.0.0".into(), because: "PATH".into() };
        let run = Run::new("mapping-removed-1", &scenario(), toolchain, "namespaces");
        assert_eq!(run.verdict, Verdict::Unobserved);
        assert!(run.control);
        let evidence = Evidence {
            scenario: "mapping-removed".to_owned(),
            repeat: 2,
            command: vec!["npm".to_owned(), "ci".to_owned()],
            then: Vec::new(),
            exit: Some(Exit::Signal(9)),
            cut_short: None,
            npm_error: None,
            duration_ms: 7,
            decoys: Vec::new(),
            packages: Vec::new(),
            exchanges: Vec::new(),
            lookups: Vec::new(),
            processes: Vec::new(),
            connections: Vec::new(),
            files: Vec::new(),
            reads: Vec::new(),
            output: Output { stdout_tail: String::new(), stderr_tail: "x".to_owned() },
            gaps: Vec::new(),
            traced: true,
        };
        let run = run.observed(evidence);
        assert_eq!((run.repeat, run.signal, run.exit_code, run.duration_ms), (2, Some(9), None, 7));
        assert_eq!((run.verdict, run.losses.as_slice()), (Verdict::Unobserved, &[Loss::Mapping][..]));
        assert_eq!((run.output.stderr_tail.as_str(), run.traced), ("x", true));
    }
}
