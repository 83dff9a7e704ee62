//! The registry that end-to-end tests publish to is one like a company's: over TLS
//! that only its own authority vouches for, readable with its token alone.

use crate::support::npm::{npm, succeed};
use crate::support::package::Package;
use crate::support::project::Project;
use crate::support::verdaccio::Verdaccio;
use std::time::Duration;

fn internal() -> Package {
    Package::new("@acme/internal", "1.0.0")
        .script("postinstall", "node mark.js")
        .file("mark.js", "require('fs').writeFileSync('ran', 'yes');\n")
        .file("cli.js", "#!/usr/bin/env node\nconsole.log('from @acme/internal');\n")
        .bin("acme", "cli.js")
        .dependency("acme-logger", "^2.0.0")
}

#[test]
fn what_is_published_can_be_installed_with_the_token_and_runs_its_script() {
    let Some(registry) = Verdaccio::start("private_registry::installed") else { return };
    registry.publish(&Package::new("acme-logger", "2.1.0"));
    let published = registry.publish(&internal());
    assert!(published.resolved.starts_with(&registry.url), "{published:?}");
    assert!(published.integrity.starts_with("sha512-"), "{published:?}");

    let project = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("package.json"), "{}").unwrap();
    let install = || {
        let mut command = npm(project.path(), home.path());
        command
            .args(["install", "@acme/internal@1.0.0", "--fetch-retries=0", "--registry", &registry.url])
            .env("npm_config_cafile", &registry.ca_pem);
        command
    };

    let refused = install().output().unwrap();
    assert!(!refused.status.success());
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("E401") || text.contains("E403"), "{text}");

    let untrusted = install().env_remove("npm_config_cafile").output().unwrap();
    let text = String::from_utf8_lossy(&untrusted.stderr).into_owned();
    assert!(!untrusted.status.success() && text.contains("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "{text}");

    std::fs::write(home.path().join(".npmrc"), registry.npmrc_auth()).unwrap();
    succeed(&mut install());
    let modules = project.path().join("node_modules");
    assert_eq!(std::fs::read_to_string(modules.join("@acme/internal/ran")).unwrap(), "yes");
    assert!(modules.join("acme-logger/index.js").exists());
    assert!(modules.join(".bin/acme").exists());
    assert!(registry.log().contains("internal"), "{}", registry.log());
}

#[test]
fn the_real_npm_ci_takes_a_built_lockfile_of_every_version() {
    let Some(registry) = Verdaccio::start("private_registry::lockfiles") else { return };
    let logger = Package::new("acme-logger", "2.1.0");
    let (internal, logger) =
        ((internal(), registry.publish(&internal())), (logger.clone(), registry.publish(&logger)));
    for version in 1..=3 {
        let mut project = Project::new()
            .dependency("@acme/internal", "1.0.0")
            .npmrc(&format!("registry={}\n{}", registry.url, registry.npmrc_auth()))
            .published(&internal.0, &internal.1)
            .published(&logger.0, &logger.1)
            .lockfile_version(version)
            .build();
        project.set("npm_config_cafile", registry.ca_pem.to_str().unwrap());
        succeed(project.npm().args(["ci", "--fetch-retries=0"]));
        let modules = project.path().join("node_modules");
        assert_eq!(std::fs::read_to_string(modules.join("@acme/internal/ran")).unwrap(), "yes", "v{version}");
        assert!(modules.join("acme-logger/index.js").exists(), "v{version}");
        assert!(modules.join(".bin/acme").exists(), "v{version}");
    }
}

#[test]
fn nothing_of_it_is_left_when_it_is_dropped() {
    let Some(registry) = Verdaccio::start("private_registry::dropped") else { return };
    let group = registry.process_group();
    let address = registry.url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let address = address.replace("localhost", "127.0.0.1").parse().unwrap();
    std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    drop(registry);
    assert_eq!(nix::sys::signal::killpg(group, None), Err(nix::errno::Errno::ESRCH));
    assert!(std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_err());
}
