//! Where the program under test makes its sandboxes: out of namespaces, or in
//! containers where the whole test run is to be made there once more.

use super::toolchain::{NODE_20_NPM_10, NODE_20_NPM_11, NODE_22_NPM_12};
use std::process::Command;

/// The image with node 20 and npm 11 that `tests/engines/images` builds.
pub const IMAGE: &str = "sealcheck-test/glibc";

/// Its images by what `--toolchain` would have been given.
const IMAGES: [(&str, &str); 3] = [
    (NODE_20_NPM_10, "sealcheck-test/npm-10"),
    (NODE_20_NPM_11, IMAGE),
    (NODE_22_NPM_12, "sealcheck-test/npm-12"),
];

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

/// The arguments with an image in place of each toolchain that they name.
pub fn by_image<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let (mut arguments, toolchain) = without_toolchain(arguments);
    if let Some(toolchain) = toolchain {
        let image = IMAGES.iter().find(|(wish, _)| *wish == toolchain);
        let (_, image) = image.unwrap_or_else(|| panic!("no image of the tests has {toolchain}"));
        arguments.extend(["--image", *image]);
    }
    arguments
}

/// The arguments without `--toolchain`, and what it was given.
pub fn without_toolchain<'a>(arguments: &[&'a str]) -> (Vec<&'a str>, Option<&'a str>) {
    let Some(at) = arguments.iter().position(|word| *word == "--toolchain") else {
        return (arguments.to_vec(), None);
    };
    let mut rest = arguments.to_vec();
    rest.remove(at);
    let toolchain = (at < rest.len()).then(|| rest.remove(at));
    (rest, toolchain)
}
