//! Hosts that do not answer, networks that are not there, and what a sandbox does not let
//! through.

use crate::support::npm::{skipped, skipped_without_toolchains};
use crate::support::package::{Package, integrity};
use crate::support::project::{Outcome, Project, outcome};
use crate::support::toolchain::{NODE_20_NPM_10, NODE_20_NPM_11};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const REGISTRY: &str = "https://registry.example/";
const REGISTRY_OF_NOBODY: &str = "https://registry.nobody.example";

/// A project with one package of a registry, and with more lockfile entries.
fn with_entries(entries: &[(String, Value)], dependencies: &[(&str, &str)]) -> Project {
    let left = Package::new("left", "1.0.0");
    let mut wanted = json!({ "left": "1.0.0" });
    for (name, range) in dependencies {
        wanted[*name] = json!(range);
    }
    let manifest = json!({ "name": "shop", "version": "1.0.0", "dependencies": wanted });
    let mut packages = json!({
        "": manifest,
        "node_modules/left": { "version": "1.0.0", "integrity": integrity(&left.tarball()),
            "resolved": format!("{REGISTRY}left/-/left-1.0.0.tgz") },
    });
    for (path, entry) in entries {
        packages[path.as_str()] = entry.clone();
    }
    let lock = json!({ "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": packages });
    Project::new()
        .npmrc(&format!("registry={REGISTRY}"))
        .manifest(manifest)
        .served_registry(REGISTRY, "served", |it| it.package(left))
        .lockfile(&format!("{lock:#}"))
        .build()
}

fn note<'a>(outcome: &'a Outcome, rule: &str) -> Vec<&'a Value> {
    let findings = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{outcome:?}"));
    findings.iter().filter(|finding| finding["rule"] == rule).collect()
}

/// Packages that all come from one place.
const MANY: usize = 300;

/// A project with so many packages below one URL.
fn all_from(url: &str) -> Project {
    let names: Vec<String> = (0..MANY).map(|at| format!("dead-{at:03}")).collect();
    let entries: Vec<(String, Value)> = names
        .iter()
        .map(|name| {
            let resolved = format!("{url}/{name}/-/{name}-1.0.0.tgz");
            (format!("node_modules/{name}"), json!({ "version": "1.0.0", "resolved": resolved }))
        })
        .collect();
    let wanted: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    with_entries(&entries, &wanted)
}

/// One finding that counts the entries, one line that says so, and nothing said of the project.
fn told_once(outcome: &Outcome, host: &str) {
    assert_eq!(outcome.status, Some(3), "{outcome:?}");
    let told = note(outcome, "not-observed");
    let told: Vec<&str> = told.iter().map(|finding| finding["message"].as_str().unwrap()).collect();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.contains(&format!("{host} could not be reached")), "{told}");
    assert!(told.contains(&format!("{MANY} entries of the lockfile come from it (lines ")), "{told}");
    assert!(told.contains(&format!(" and {} more)", MANY - 10)), "{told}");
    let lines: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(lines.len(), 1, "{}", outcome.stderr);
    assert!(note(outcome, "install-failed").is_empty(), "{outcome:?}");
}

#[test]
fn a_dead_host_costs_what_one_package_does() {
    // A port of this machine where nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let project = all_from(&format!("http://127.0.0.1:{port}"));
    told_once(&project.test_once(&["--scenario", "baseline"]), &format!("127.0.0.1:{port}"));
}

#[test]
fn a_name_without_an_address_is_a_dead_host() {
    let project = all_from("https://registry.nobody.invalid");
    told_once(&project.test_once(&["--scenario", "baseline"]), "registry.nobody.invalid");
}

/// What does not answer an attempt to connect: a queue that is full, so that the kernel drops
/// what comes.
#[test]
fn an_address_that_swallows_everything_is_a_dead_host() {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, socket,
    };
    use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
    use std::os::fd::AsRawFd;
    let held = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(held.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))).unwrap();
    listen(&held, Backlog::new(0).unwrap()).unwrap();
    let at: SockaddrIn = getsockname(held.as_raw_fd()).unwrap();
    let address: std::net::SocketAddr = SocketAddrV4::new(Ipv4Addr::LOCALHOST, at.port()).into();
    let filled: Vec<_> =
        (0..4).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200))).collect();
    assert!(filled.iter().any(Result::is_err), "the queue takes everything");
    let project = all_from(&format!("http://{address}"));
    told_once(&project.test_once(&["--scenario", "baseline"]), &address.to_string());
}

#[test]
fn a_dead_host_is_learnt_once_for_all_places() {
    if skipped_without_toolchains("reported::unreachable::a_dead_host_is_learnt_once_for_all_places") {
        return;
    }
    // Each connection is closed as soon as it is counted.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let project = all_from(&format!("https://{host}"));
    let counted = Arc::new(AtomicUsize::new(0));
    let counter = counted.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            drop(stream);
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let asked = |toolchains: &[&str]| {
        let named = toolchains.iter().flat_map(|name| ["--toolchain", *name]);
        let arguments: Vec<&str> =
            ["--scenario", "baseline", "--scenario", "scripts-disabled"].into_iter().chain(named).collect();
        told_once(&project.test_at(None, &arguments), &host);
        counted.swap(0, Ordering::SeqCst)
    };
    let one = asked(&[NODE_20_NPM_10]);
    // npm asks for fifteen at once.
    assert!((2..=30).contains(&one), "{one}");
    let two = asked(&[NODE_20_NPM_10, NODE_20_NPM_11]);
    assert!((2..=30).contains(&two), "{two}");
}

#[test]
fn a_machine_without_a_network_says_so_once() {
    use std::process::Command;
    let test = "reported::unreachable::a_machine_without_a_network_says_so_once";
    if skipped(test) {
        return;
    }
    // A place needs its own groups, which a mapped user may not set.
    let alone = ["-n", "--"];
    let tried = Command::new("unshare").args(alone).arg("true").output();
    if !tried.as_ref().is_ok_and(|tried| tried.status.success()) {
        return crate::support::skip(test, &format!("no network namespace: {tried:?}"));
    }
    let project = all_from(REGISTRY_OF_NOBODY);
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let own = project.command();
    let mut command = Command::new("unshare");
    command.args(alone).arg(own.get_program()).current_dir(project.path());
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["test", "--scenario", "baseline", "--report"]).arg(format!("json={}", report.display()));
    told_once(&outcome(&mut command, Some(&report)), "registry.nobody.example");
}

#[test]
fn what_git_needs_and_a_sandbox_lacks_is_unobserved() {
    const COMMIT: &str = "82cff7b0123456789abcdef0123456789abcdef0";
    for (source, refused) in [
        ("git+ssh://git@git.acme.example/gis/graph.git", "refused it port 22 of git.acme.example"),
        ("git://git.acme.example/gis/graph.git", "refused it port 9418 of git.acme.example"),
        ("git+ssh://git@git.acme.example:2222/gis/graph.git", "refused it port 2222 of git.acme.example"),
        ("git+file:///srv/no/graph.git", "no copy of the repository `/srv/no/graph.git`"),
    ] {
        let spec = format!("{source}#{COMMIT}");
        let entry = json!({ "version": "1.0.0", "resolved": spec });
        let project = with_entries(&[("node_modules/graph".to_owned(), entry)], &[("graph", &spec)]);
        let outcome = project.test_once(&["--scenario", "baseline"]);
        assert_eq!(outcome.status, Some(3), "{source}: {outcome:?}");
        assert_eq!(outcome.report["verdict"], "unobserved", "{source}");
        let told = note(&outcome, "not-observed");
        let of_graph = told.iter().find(|finding| finding["package"] == "graph");
        let of_graph = of_graph.unwrap_or_else(|| panic!("{source}: {told:?}"));
        assert!(of_graph["message"].as_str().unwrap().contains(refused), "{source}: {of_graph:#}");
        assert_eq!(of_graph["location"]["file"], "package-lock.json", "{source}");
        assert!(note(&outcome, "install-failed").is_empty(), "{source}");
    }
}

/// A project whose optional dependency comes from git, or is a package of the registry that
/// needs it.
fn with_optional(source: &str, needed_by: Option<&str>) -> Project {
    let left = Package::new("left", "1.0.0");
    let maps = Package::new("maps", "1.0.0").dependency("graph", source);
    let (name, range) = needed_by.map_or(("graph", source), |name| (name, "1.0.0"));
    let manifest = json!({ "name": "shop", "version": "1.0.0", "dependencies": { "left": "1.0.0" },
        "optionalDependencies": { (name): range } });
    let mut packages = json!({
        "": manifest,
        "node_modules/left": { "version": "1.0.0", "integrity": integrity(&left.tarball()),
            "resolved": format!("{REGISTRY}left/-/left-1.0.0.tgz") },
        "node_modules/graph": { "version": "1.0.0", "resolved": source, "optional": true },
    });
    if needed_by.is_some() {
        packages["node_modules/maps"] = json!({ "version": "1.0.0", "optional": true,
            "integrity": integrity(&maps.tarball()), "resolved": format!("{REGISTRY}maps/-/maps-1.0.0.tgz"),
            "dependencies": { "graph": source } });
    }
    let lock = json!({ "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": packages });
    Project::new()
        .npmrc(&format!("registry={REGISTRY}\nallow-git=all"))
        .manifest(manifest)
        .served_registry(REGISTRY, "served", |it| it.package(left).package(maps))
        .lockfile(&format!("{lock:#}"))
        .build()
}

#[test]
fn an_optional_repository_that_a_sandbox_does_not_reach_is_unobserved() {
    const COMMIT: &str = "82cff7b0123456789abcdef0123456789abcdef0";
    for (source, needed_by, refused) in [
        ("git+ssh://git@git.acme.example/gis/graph.git", None, "refused it port 22 of git.acme.example"),
        ("git://git.acme.example/gis/graph.git", None, "refused it port 9418 of git.acme.example"),
        ("git+https://git.stranger.example/gis/graph.git", None, "git.stranger.example"),
        (
            "git+ssh://git@git.acme.example/gis/graph.git",
            Some("maps"),
            "refused it port 22 of git.acme.example",
        ),
    ] {
        let project = with_optional(&format!("{source}#{COMMIT}"), needed_by);
        let outcome = project.test_once(&["--scenario", "baseline"]);
        assert_eq!(outcome.status, Some(3), "{source}: {outcome:?}");
        assert_eq!(outcome.report["verdict"], "unobserved", "{source}");
        assert_eq!(outcome.report["runs"][0]["exit_code"], 0, "{source}: npm does without it");
        let told = note(&outcome, "incomplete-install");
        let of = |name: &str| told.iter().find(|finding| finding["package"] == name);
        let message = |name: &str| {
            let finding = of(name).unwrap_or_else(|| panic!("{source}: {name}: {told:#?}"));
            assert_eq!(finding["severity"], "note", "{finding:#}");
            finding["message"].as_str().unwrap().to_owned()
        };
        assert!(message("graph").contains("graph comes from git, and "), "{source}: {told:#?}");
        assert!(message("graph").contains(refused), "{source}: {told:#?}");
        if let Some(name) = needed_by {
            assert!(message(name).contains("it fell with graph"), "{source}: {told:#?}");
        }
    }
}

#[test]
fn an_inspection_needs_no_npm_and_tells_what_the_lockfile_lacks() {
    let names: Vec<String> = (0..40).map(|at| format!("far-{at:02}")).collect();
    let entries: Vec<(String, Value)> = names
        .iter()
        .map(|name| {
            let resolved = format!("https://mirror.stranger.example/{name}/-/{name}-1.0.0.tgz");
            (format!("node_modules/{name}"), json!({ "version": "1.0.0", "resolved": resolved }))
        })
        .collect();
    let wanted: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    let project = with_entries(&entries, &wanted);
    let told = project.run(&["inspect"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    for line in [
        "  40 entries with no integrity that npm can verify, so that nothing vouches for the bytes\n",
        "  40 entries from mirror.stranger.example, which is neither a configured registry nor the public one\n",
        " far-00\n",
        "    and 35 more\n",
    ] {
        assert!(told.stdout.contains(line), "{line}{}", told.stdout);
    }
    // An npm that nobody has, and a machine without any.
    let mut manifest: Value = serde_json::from_str(&project.read("package.json")).unwrap();
    manifest["packageManager"] = json!("npm@9.99.99");
    std::fs::write(project.path().join("package.json"), manifest.to_string()).unwrap();
    let told = project.run(&["inspect"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.stdout.contains("not asked of the npm that is wanted"), "{}", told.stdout);
    assert!(told.stdout.contains("40 entries from mirror.stranger.example"), "{}", told.stdout);
    let bare = tempfile::tempdir().unwrap();
    let output = project.command().arg("inspect").env("PATH", bare.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text.contains("public registry not known: there is no npm here to ask"), "{text}");
    assert!(text.contains("40 entries with no integrity"), "{text}");
}
