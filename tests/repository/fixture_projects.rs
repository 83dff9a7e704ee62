//! What the end-to-end tests are told about is what npm finds: projects made by the
//! builder are taken by the real npm.

#![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

use crate::support;
use crate::support::npm::{lacks_npm, public_registry, succeed};
use crate::support::package::{Package, integrity};
use crate::support::project::{Builder, Project};
use sealcheck::project::name::PackageName;
use sealcheck::upstream::{ServedFolder, Store};
use serde_json::{Value, json};

fn told() -> Builder {
    Project::new()
        .dependency("@acme/internal", "^1.0.0")
        .dev_dependency("left-over", "1.1.1")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .settings("private = [\"@acme/*\"]")
        .served_registry("https://npm.acme.example/", "registry/private", |registry| {
            registry.package(
                Package::new("@acme/internal", "1.0.0")
                    .file("mark.js", "require('fs').writeFileSync('ran', 'yes')\n")
                    .script("postinstall", "node mark.js")
                    .dependency("acme-logger", "2.x"),
            )
        })
        .served_registry("{public}", "registry/public", |registry| {
            registry
                .package(Package::new("@acme/internal", "1.0.0").file("index.js", "// a stranger's\n"))
                .package(Package::new("acme-logger", "2.3.4"))
                .package(Package::new("left-over", "1.1.1"))
        })
}

/// Puts the served tarballs where npm finds them without a registry.
fn from_files(project: &Project) {
    let text = project.read("package-lock.json");
    let mut lockfile: Value = serde_json::from_str(&text).unwrap();
    for section in ["packages", "dependencies"] {
        for (path, entry) in lockfile[section].as_object_mut().into_iter().flatten() {
            if path.is_empty() {
                continue;
            }
            let name = path.strip_prefix("node_modules/").unwrap_or(path);
            let version = entry["version"].as_str().unwrap().to_owned();
            let kind = if name.starts_with('@') { "private" } else { "public" };
            let base = name.rsplit('/').next().unwrap();
            let file = format!("registry/{kind}/{name}/{version}/{base}-{version}.tgz");
            assert!(project.path().join(&file).exists(), "{file}");
            entry["resolved"] = json!(format!("file:{file}"));
        }
    }
    std::fs::write(project.path().join("package-lock.json"), lockfile.to_string()).unwrap();
}

#[test]
fn a_built_lockfile_pins_the_genuine_package_by_its_registry_and_hash() {
    if let Some(lack) = lacks_npm() {
        return support::skip("fixture_projects::pins", &lack);
    }
    let project = told().build();
    let lockfile: Value = serde_json::from_str(&project.read("package-lock.json")).unwrap();
    let internal = &lockfile["packages"]["node_modules/@acme/internal"];
    let tarball = project.path().join("registry/private/@acme/internal/1.0.0/internal-1.0.0.tgz");
    assert_eq!(internal["resolved"], "https://npm.acme.example/@acme/internal/-/internal-1.0.0.tgz");
    assert_eq!(internal["integrity"], integrity(&std::fs::read(tarball).unwrap()));
    assert_eq!(internal["hasInstallScript"], true);
    assert_eq!(lockfile["packages"]["node_modules/left-over"]["dev"], true);
    let logger = lockfile["packages"]["node_modules/acme-logger"]["resolved"].as_str().unwrap();
    assert_eq!(logger, format!("{}acme-logger/-/acme-logger-2.3.4.tgz", public_registry()));
    let settings = project.read("sealcheck.toml");
    assert!(settings.contains("url = \"{public}\"\nserve = \"registry/public\""), "{settings}");
    let parsed: toml::Table = settings.parse().unwrap();
    assert_eq!(parsed["registry"].as_array().unwrap().len(), 2);
}

#[test]
fn the_real_npm_installs_what_was_told_without_a_registry() {
    if let Some(lack) = lacks_npm() {
        return support::skip("fixture_projects::npm_ci", &lack);
    }
    for version in 2..=3 {
        let project = told().lockfile_version(version).build();
        from_files(&project);
        succeed(project.npm().args(["ci", "--offline"]));
        let modules = project.path().join("node_modules");
        assert_eq!(std::fs::read_to_string(modules.join("@acme/internal/ran")).unwrap(), "yes", "v{version}");
        assert!(modules.join("acme-logger/index.js").exists(), "v{version}");
    }
}

#[test]
fn a_hash_that_a_test_changed_is_refused_by_npm() {
    if let Some(lack) = lacks_npm() {
        return support::skip("fixture_projects::refused", &lack);
    }
    let other = integrity(b"other bytes");
    let project = told().locked("acme-logger", move |entry| entry.integrity = Some(other)).build();
    from_files(&project);
    let output = project.npm().args(["ci", "--offline"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("EINTEGRITY"), "{text}");
}

#[test]
fn a_lockfile_may_lack_what_a_test_takes_away() {
    if let Some(lack) = lacks_npm() {
        return support::skip("fixture_projects::lacks", &lack);
    }
    for version in 1..=3 {
        let project = told()
            .lockfile_version(version)
            .locked("@acme/internal", |entry| (entry.resolved, entry.integrity) = (None, None))
            .build();
        let lockfile: Value = serde_json::from_str(&project.read("package-lock.json")).unwrap();
        assert_eq!(lockfile["lockfileVersion"], version);
        assert_eq!(lockfile.get("packages").is_some(), version >= 2);
        assert_eq!(lockfile.get("dependencies").is_some(), version <= 2);
        let modern = &lockfile["packages"]["node_modules/@acme/internal"];
        let old = &lockfile["dependencies"]["@acme/internal"];
        for entry in [modern, old].into_iter().filter(|entry| !entry.is_null()) {
            assert_eq!(entry["version"], "1.0.0");
            assert!(entry.get("resolved").is_none() && entry.get("integrity").is_none(), "{entry}");
        }
    }
}

#[test]
fn what_the_program_serves_has_the_hashes_that_the_lockfile_pins() {
    if let Some(lack) = lacks_npm() {
        return support::skip("fixture_projects::serves", &lack);
    }
    for project in [told().build(), told().in_folders().build()] {
        let store = Store::temporary().unwrap();
        let serve = |folder: &str| ServedFolder::read(&project.path().join(folder), &store).unwrap();
        let (private, public) = (serve("registry/private"), serve("registry/public"));
        assert_eq!((private.packages.len(), public.packages.len()), (1, 3));
        for entry in project.locked.values() {
            let genuine = if entry.name.starts_with('@') { &private } else { &public };
            let served = &genuine.packages[&PackageName::parse(&entry.name).unwrap()][0];
            assert_eq!(entry.integrity.as_ref(), Some(&served.sha512), "{}", entry.name);
            assert_eq!(entry.has_install_script, served.has_install_script, "{}", entry.name);
        }
        let decoy = &public.packages[&PackageName::parse("@acme/internal").unwrap()][0];
        assert_ne!(project.locked["@acme/internal"].integrity.as_ref(), Some(&decoy.sha512));
    }
}

#[test]
fn toolchains_are_named_as_the_option_wants_them() {
    for text in support::toolchain::ALL {
        let wish = sealcheck::toolchain::wish::Wish::parse(text, "`--toolchain`").unwrap().remove(0);
        assert!(wish.node.is_some() && wish.npm.is_some(), "{text}");
    }
}

#[test]
fn no_file_names_the_public_registry() {
    if let Some(lack) = lacks_npm() {
        return support::skip("fixture_projects::names", &lack);
    }
    let host = public_registry().trim_start_matches("https://").trim_end_matches('/');
    let mut read = 0;
    let folders = ["src", "tests", "docs", "scenarios", "examples", "benches", "action", ".ci"];
    let folders = folders.iter().map(|name| support::root().join(name)).filter(|folder| folder.exists());
    for entry in folders.flat_map(walkdir::WalkDir::new).map(Result::unwrap) {
        if entry.file_type().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains(host), "{}", entry.path().display());
            read += 1;
        }
    }
    assert!(read > 10, "{read}");
}

#[test]
fn the_program_is_run_in_the_project_with_an_empty_home() {
    let project = Project::new().build();
    let environment: Vec<_> = project.command().get_envs().map(|(name, _)| name.to_owned()).collect();
    assert!(environment.contains(&"HOME".into()) && !environment.contains(&"NPM_TOKEN".into()));
    assert_eq!(project.run(&["--version"]).status, Some(0));
    assert_eq!(std::fs::read_dir(project.home()).unwrap().count(), 0);
}
