//! Which pair is chosen, with a node that only says its version and a cache of empty packages.

use super::fetch::{Cache, Download, Downloading};
use super::local::Machine;
use super::wish::Wish;
use super::{Toolchain, ToolchainError, find};
use std::fs::{File, create_dir_all, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use url::Url;

/// Nobody is asked.
struct NoNetwork;

impl Download for NoNetwork {
    fn download<'a>(&'a self, _: &'a Url, _: &'a str, _: &'a mut File, _: u64) -> Downloading<'a> {
        Box::pin(async { Err("there is no network".to_owned()) })
    }
}

/// A node at `PREFIX/bin/node`, which also answers for an npm.
fn node(prefix: &Path, version: &str) {
    create_dir_all(prefix.join("bin")).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = -p ]; then echo \"$0\"; echo {version}; else echo https://registry.example/; fi\n"
    );
    let path = prefix.join("bin/node");
    write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn npm(folder: &Path, version: &str, engines: &str) {
    create_dir_all(folder.join("bin")).unwrap();
    write(folder.join("bin/npm-cli.js"), "").unwrap();
    let manifest = serde_json::json!({ "name": "npm", "version": version, "engines": { "node": engines } });
    write(folder.join("package.json"), manifest.to_string()).unwrap();
}

/// What is chosen on a machine with node 20 and npm 11, where these lie in the cache.
async fn chosen(kept: &[&str], wish: Wish) -> Result<Toolchain, ToolchainError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usr");
    node(&path, "20.20.2");
    npm(&path.join("lib/node_modules/npm"), "11.19.1", "^20.17.0 || >=22.9.0");
    let root = folder.path().join("toolchains");
    for package in kept {
        match package.strip_prefix("npm-") {
            Some(version) => npm(&root.join(package), version, ">=12"),
            None => node(&root.join(package), package.rsplit_once('-').unwrap().1),
        }
    }
    create_dir_all(folder.path().join("project")).unwrap();
    let machine = Machine {
        path: Some(path.join("bin").into()),
        project: folder.path().join("project"),
        ..Machine::default()
    };
    let aside = folder.path().join("aside");
    create_dir_all(&aside).unwrap();
    find(&wish, &machine, &Cache { root, aside, download: &NoNetwork, offline: false }).await
}

fn wish(text: &str) -> Wish {
    Wish::parse(text, "`.nvmrc`").unwrap().remove(0)
}

fn node_here(version: &str) -> String {
    let cpu = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x64" };
    format!("node-linux-{cpu}-{version}")
}

/// `.nvmrc` asks for a node that is not on the `PATH`, and nothing names an npm.
#[tokio::test]
async fn what_lies_in_the_cache_does_not_choose_the_line_of_npm() {
    let [node_22, node_24] = ["22.3.0", "24.1.0"].map(node_here);
    for (asked, node, kept, npm) in [
        ("node@22", &node_22, ["npm-8.19.4", "npm-10.9.9", "npm-12.2.0"].as_slice(), Some("10.9.9")),
        ("node@22", &node_22, &["npm-10.9.9"], Some("10.9.9")),
        ("node@24", &node_24, &["npm-10.9.9", "npm-11.4.0", "npm-12.2.0"], Some("11.4.0")),
        // The one that would be another elsewhere is not taken: the registry has it, or nobody.
        ("node@22", &node_22, &["npm-8.19.4", "npm-12.2.0"], None),
        // A range that allows that line leaves no more to chance, and one that does not is as it says.
        ("node@24,npm@>=10.8.2", &node_24, &["npm-10.9.9", "npm-11.4.0", "npm-12.2.0"], Some("11.4.0")),
        ("node@24,npm@11.4.0", &node_24, &["npm-10.9.9", "npm-11.4.0", "npm-12.2.0"], Some("11.4.0")),
        ("node@22,npm@12", &node_22, &["npm-10.9.9", "npm-12.2.0"], Some("12.2.0")),
    ] {
        let kept: Vec<&str> = kept.iter().copied().chain([node.as_str()]).collect();
        let found = chosen(&kept, wish(asked)).await;
        assert_eq!(found.as_ref().ok().map(|it| it.npm.to_string()).as_deref(), npm, "{asked} with {kept:?}");
        let Ok(found) = found else { continue };
        let says = found.because.contains("comes with that line, and nothing names an npm");
        assert_eq!(says, !asked.contains("npm"), "{}", found.because);
        // What names one version leaves no line to choose.
        let chosen = found.because.contains("the line that node");
        assert_eq!(chosen, asked.contains("npm@>="), "{}", found.because);
    }
}

#[tokio::test]
async fn what_the_path_gives_is_taken_with_its_npm() {
    let found = chosen(&["npm-10.9.9"], wish("node@20")).await.unwrap();
    assert_eq!((found.node.to_string(), found.npm.to_string()), ("20.20.2".into(), "11.19.1".into()));
    assert_eq!(found.because, "asked for by `.nvmrc`; found on the PATH");
}
