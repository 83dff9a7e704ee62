//! An error as a plain value that crosses from the stage to the host.

use crate::sandbox::SandboxError;
use serde::{Deserialize, Serialize};
use std::io;

/// The step that failed and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// A fragment: "mount /proc".
    pub(super) step: String,
    /// The kernel's error number; 0 where the error was not the kernel's.
    pub(super) errno: i32,
    /// The words for an error that was not the kernel's.
    pub(super) text: String,
}

impl Failure {
    /// A refusal of our own.
    pub(super) fn refused(step: impl Into<String>, text: impl Into<String>) -> Self {
        Self { step: step.into(), errno: 0, text: text.into() }
    }

    /// The cause as the standard library has it.
    pub(super) fn cause(&self) -> io::Error {
        match self.errno {
            0 => io::Error::other(self.text.clone()),
            number => io::Error::from_raw_os_error(number),
        }
    }
}

impl From<Failure> for SandboxError {
    fn from(failure: Failure) -> Self {
        Self::Setup { source: failure.cause(), step: failure.step }
    }
}

/// Names the step in which something failed.
pub(super) trait During<T> {
    /// The same result, with the step in its error.
    fn during(self, step: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, step: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| {
            let error = error.into();
            Failure {
                step: step.into(),
                errno: error.raw_os_error().unwrap_or(0),
                text: if error.raw_os_error().is_some() { String::new() } else { error.to_string() },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_answer_survives_the_way_to_the_host() {
        let failure = Err::<(), _>(nix::errno::Errno::EPERM).during("mount /proc").unwrap_err();
        let crossed: Failure = serde_json::from_str(&serde_json::to_string(&failure).unwrap()).unwrap();
        let SandboxError::Setup { step, source } = crossed.into() else { panic!("another kind") };
        assert_eq!((step.as_str(), source.raw_os_error()), ("mount /proc", Some(libc::EPERM)));
    }

    #[test]
    fn words_survive_where_there_is_no_number() {
        let failure = Err::<(), _>(io::Error::other("a path leads out")).during("check").unwrap_err();
        assert_eq!(failure.cause().to_string(), "a path leads out");
    }
}
