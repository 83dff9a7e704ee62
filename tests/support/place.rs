//! Where the program under test makes its sandboxes: out of namespaces, or in
//! containers where the whole test run is to be made there once more.

use std::process::Command;

/// The image with node 20 and npm 11 that `tests/engines/images` builds.
pub const IMAGE: &str = "sealcheck-test/glibc";

/// The socket of an engine of the tests, by its name: `docker`, `podman`.
pub fn engine(name: &str) -> Option<String> {
    std::env::var(format!("SEALCHECK_TEST_{}", name.to_uppercase())).ok().filter(|at| !at.is_empty())
}

/// Has a command run its sandboxes where `SEALCHECK_TEST_PLACE` says: there is
/// `docker`, `podman`, and nothing.
pub fn choose(command: &mut Command) {
    if let Some(name) = chosen() {
        within(command, &name);
    }
}

/// Has a command run its sandboxes at an engine, in the usual image.
pub fn within(command: &mut Command, name: &str) {
    let at = engine(name).unwrap_or_else(|| panic!("the engine {name} was not started"));
    command.env("DOCKER_HOST", at).env("SEALCHECK_IMAGE", IMAGE);
}

/// The engine in which all is to happen, if it is to happen in one.
pub fn chosen() -> Option<String> {
    std::env::var("SEALCHECK_TEST_PLACE").ok().filter(|name| !name.is_empty())
}
