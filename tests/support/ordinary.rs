//! The ordinary sound project of tests/fixtures/ordinary, with its private package in a
//! registry that runs: what the program must find nothing wrong with.

use super::npm::{lacks_public_registry, public_registry, succeed};
use super::package::Package;
use super::project::Project;
use super::verdaccio::Verdaccio;
use std::process::Command;

/// The variable that its npmrc takes the token from.
pub const TOKEN_VARIABLE: &str = "ACME_NPM_TOKEN";

/// The project and the registry of its private package.
pub struct Ordinary {
    /// Its folder, a git repository with one commit where there is git.
    pub project: Project,
    /// Where `@acme/internal` is published.
    pub registry: Verdaccio,
}

impl Ordinary {
    /// Starts the registry, publishes the private package and writes the project, whose
    /// environment holds the token and the authorities. Where that cannot be done
    /// here, says so for `test` and gives none.
    pub fn start(test: &str) -> Option<Self> {
        let registry = Verdaccio::start(test)?;
        if let Some(lack) = lacks_public_registry() {
            super::skip(test, lack);
            return None;
        }
        let published = registry.publish(&private_package());
        let url = registry.url.trim_end_matches('/');
        let fill = [
            ("{public}", public_registry().trim_end_matches('/')),
            ("{private}", url),
            ("{private-host}", url.trim_start_matches("https://")),
            ("{private-integrity}", &published.integrity),
        ];
        let mut project = Project::copied(&super::root().join("tests/fixtures/ordinary"), &fill);
        project.set(TOKEN_VARIABLE, &registry.token);
        project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
        commit(&project);
        Some(Self { project, registry })
    }
}

/// `@acme/internal`, as its owners publish it.
pub fn private_package() -> Package {
    Package::new("@acme/internal", "1.0.0")
        .field("license", "UNLICENSED".into())
        .file("index.js", "exports.greeting = (whom) => `hello, ${whom}`;\n")
}

fn commit(project: &Project) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(project.path())
            .env("HOME", project.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=acme", "-c", "user.email=shop@acme.example"])
            .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgSign=false"])
            .args(arguments);
        command
    };
    if git(&["--version"]).output().is_ok() {
        succeed(&mut git(&["init", "-q"]));
        succeed(&mut git(&["add", "-A"]));
        succeed(&mut git(&["commit", "-q", "-m", "The shop"]));
    }
}
