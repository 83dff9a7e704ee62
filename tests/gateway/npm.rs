//! The real npm against the gateway, by way of a proxy's door.

use crate::rig::{Rig, open, sockets, upstream, world};
use crate::{name, with_folder};
use sealcheck::evidence::exchange::AnsweredBy;
use sealcheck::evidence::{ExchangeKind, Role};
use sealcheck::gateway::DECOY_MARK;
use sealcheck::project::registry::RegistryUrl;
use sealcheck::scenario::Answer;
use sealcheck::upstream::{Store, Upstream, UpstreamConfig};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

/// Runs `npm ci` in a project that wants one package.
fn npm_ci(rig: &Rig, project: &Path, npmrc: &str, package: &str, entry: &serde_json::Value) -> Output {
    let dependencies = serde_json::json!({ package: entry["version"] });
    let manifest = serde_json::json!({ "name": "web", "version": "1.0.0", "dependencies": dependencies });
    let lock = serde_json::json!({
        "name": "web", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": { "name": "web", "version": "1.0.0", "dependencies": dependencies },
            format!("node_modules/{package}"): entry,
        },
    });
    std::fs::write(project.join("package.json"), manifest.to_string()).unwrap();
    std::fs::write(project.join("package-lock.json"), lock.to_string()).unwrap();
    std::fs::write(project.join("ca.pem"), rig.ca_pem()).unwrap();
    let proxy = format!("https-proxy=http://{}/\n", rig.lookup("proxy.example"));
    let rest = "cafile=ca.pem\nfetch-retries=0\nupdate-notifier=false\nfund=false\n";
    std::fs::write(project.join(".npmrc"), format!("{proxy}{rest}{npmrc}")).unwrap();
    let mut command = Command::new("npm");
    command.args(["ci", "--foreground-scripts"]).current_dir(project).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", project);
    command.output().unwrap_or_else(|error| panic!("this test needs npm on the PATH: {error}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs_from_a_folder_and_asks_for_its_audit() {
    let root = tempfile::tempdir().unwrap();
    let rig = with_folder(root.path(), Answer::Genuine);
    let project = tempfile::tempdir().unwrap();
    let npmrc = format!(
        "registry={}\n@acme:registry={}\n",
        rig.url("registry.example", "/"),
        rig.url("npm.corp.example", "/npm/")
    );
    let entry = serde_json::json!({ "version": "1.2.0" });
    let output = npm_ci(&rig, project.path(), &npmrc, "@acme/internal", &entry);
    assert!(output.status.success(), "{}", said(&output));
    let installed = project.path().join("node_modules/@acme/internal/index.js");
    assert_eq!(std::fs::read_to_string(installed).unwrap(), "module.exports = 'genuine'\n");
    let seen = rig.gateway.close().await.exchanges;
    assert!(
        seen.iter().any(|seen| seen.kind == ExchangeKind::Audit && seen.status == Some(200)),
        "{seen:#?}"
    );
    let packages: Vec<_> = seen.iter().filter(|seen| seen.package.is_some()).collect();
    assert!(packages.iter().all(|seen| seen.role == Role::Own && seen.answered_by == AnsweredBy::Folder));
    assert!(packages.iter().any(|seen| seen.kind == ExchangeKind::Tarball && seen.sha512.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_takes_the_decoy_where_the_mapping_is_gone() {
    let root = tempfile::tempdir().unwrap();
    let rig = with_folder(root.path(), Answer::Genuine);
    let project = tempfile::tempdir().unwrap();
    let npmrc = format!("registry={}\n", rig.url("registry.example", "/"));
    for (entry, runs) in [
        (serde_json::json!({ "version": "1.2.0" }), false),
        (
            serde_json::json!({ "version": "1.2.0", "hasInstallScript": true, "bin": { "sh": "bin/sh" } }),
            true,
        ),
    ] {
        let output = npm_ci(&rig, project.path(), &npmrc, "@acme/internal", &entry);
        assert!(output.status.success(), "{}", said(&output));
        let installed = project.path().join("node_modules/@acme/internal/index.js");
        assert!(std::fs::read_to_string(installed).unwrap().contains("sealcheck-decoy"));
        assert_eq!(said(&output).contains(&format!("{DECOY_MARK} postinstall")), runs, "{}", said(&output));
    }
    let record = rig.gateway.close().await;
    assert!(record.decoys.iter().all(|decoy| decoy.asked));
    assert!(record.exchanges.iter().filter(|seen| seen.decoy).all(|seen| seen.role == Role::Foreign));
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_refuses_a_tampered_tarball_by_its_integrity() {
    let root = tempfile::tempdir().unwrap();
    let rig = with_folder(root.path(), Answer::Tampered);
    let project = tempfile::tempdir().unwrap();
    let npmrc = format!("@acme:registry={}\n", rig.url("npm.corp.example", "/npm/"));
    let packed = sealcheck::upstream::folder::pack(&root.path().join("internal")).unwrap();
    let entry = serde_json::json!({
        "version": "1.2.0", "integrity": packed.digests.sri(),
        "resolved": rig.url("npm.corp.example", "/npm/@acme/internal/-/internal-1.2.0.tgz"),
    });
    let output = npm_ci(&rig, project.path(), &npmrc, "@acme/internal", &entry);
    assert!(!output.status.success() && said(&output).contains("EINTEGRITY"), "{}", said(&output));
    let seen = rig.gateway.close().await.exchanges;
    let mut tarballs = seen.iter().filter(|seen| seen.kind == ExchangeKind::Tarball).peekable();
    assert!(tarballs.peek().is_some() && tarballs.all(|seen| seen.fault.as_deref() == Some("tampered")));
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs_from_the_real_public_registry() {
    if let Some(lack) = crate::support::npm::lacks_public_registry() {
        crate::support::skip("gateway::npm_installs_from_the_real_public_registry", lack);
        return;
    }
    let asked = Command::new("npm").args(["config", "get", "registry"]).output().unwrap();
    let public = RegistryUrl::parse(String::from_utf8_lossy(&asked.stdout).trim()).unwrap();
    let sockets = sockets();
    let mut world = world(sockets.port);
    world.public = public.clone();
    // The doors are at another port than the registry; the tunnel says which is meant.
    let extra = std::env::var("NODE_EXTRA_CA_CERTS").ok().and_then(|path| std::fs::read(path).ok());
    let config = UpstreamConfig { extra_roots: extra, ..UpstreamConfig::default() };
    let kept = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(kept.path()).unwrap());
    let online = Arc::new(Upstream::new(&config, store, false).unwrap());
    let again: Vec<_> =
        sockets.doors.iter().map(|(address, door)| (*address, door.try_clone().unwrap())).collect();
    let project = tempfile::tempdir().unwrap();
    let entry = serde_json::json!({ "version": "1.3.0" });
    for (doors, upstream, by) in [
        (sockets.doors, online, AnsweredBy::Upstream),
        (again, upstream(Arc::new(Store::open(kept.path()).unwrap()), true), AnsweredBy::Store),
    ] {
        let rig = open(world.clone(), sockets.port, doors, upstream);
        let output = npm_ci(&rig, project.path(), &format!("registry={public}\n"), "left-pad", &entry);
        assert!(output.status.success(), "{}", said(&output));
        let seen = rig.gateway.close().await.exchanges;
        let tarball = seen.iter().find(|seen| seen.kind == ExchangeKind::Tarball).unwrap();
        assert_eq!((tarball.role, tarball.answered_by), (Role::Public, by), "{seen:#?}");
        assert_eq!(tarball.package.as_deref(), Some(name("left-pad").as_str()));
        std::fs::remove_dir_all(project.path().join(".npm")).unwrap();
    }
}
