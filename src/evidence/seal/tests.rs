//! Recordings of small installs, sealed.

mod desk;
mod processes;

use super::*;
use crate::evidence::exchange::Role;
use crate::evidence::fact::SourceKind;
use crate::project::class::Class;
use crate::project::integrity::Digests;
use crate::project::lockfile::EntryKind;
use crate::wire::{Change, CutShort, FileChange, Link, PackageTree, ProcessId};
use desk::{Desk, INTERNAL, entry, sri, tree};

/// Where the bytes came from, and what that makes of them.
#[test]
fn the_source_of_a_private_package_is_told_by_its_bytes() {
    let own = "https://npm.corp.example/@acme/internal/-/internal-1.0.0.tgz";
    let public = "https://registry.example/@acme/internal/-/internal-1.0.0.tgz";
    let blob = "https://blobs.example/deadbeef";
    let sha1 = "sha1-";
    let old = format!("{sha1}{}", {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(Digests::of(b"genuine").sha1)
    });
    // (npm-facts case, lockfile integrity, who delivered what and for whom the gateway
    // took it, role, genuine)
    let table = [
        ("sealed", Some(sri("genuine")), own, Role::Own, "genuine", Role::Own, Some(true)),
        ("S1", None, public, Role::Foreign, "stranger", Role::Foreign, None),
        (
            "S4: sha1 only, bypassed",
            Some(old.clone()),
            public,
            Role::Foreign,
            "stranger",
            Role::Foreign,
            Some(false),
        ),
        ("sha1 only, honoured", Some(old), own, Role::Own, "genuine", Role::Own, Some(true)),
        ("S9: redirect to the public registry", None, public, Role::Own, "stranger", Role::Foreign, None),
        ("S9: redirect to a blob store, no integrity", None, blob, Role::Own, "other", Role::Foreign, None),
        (
            "redirect to a blob store, intact",
            Some(sri("genuine")),
            blob,
            Role::Own,
            "genuine",
            Role::Own,
            Some(true),
        ),
        (
            "redirect to a blob store, other bytes",
            Some(sri("genuine")),
            blob,
            Role::Own,
            "other",
            Role::Foreign,
            Some(false),
        ),
        ("tampered", Some(sri("genuine")), own, Role::Own, "other", Role::Own, Some(false)),
    ];
    for (case, integrity, url, seen, bytes, role, genuine) in table {
        let mut desk = Desk::new();
        if let Some(integrity) = &integrity {
            desk = desk.integrity(integrity);
        }
        let package = desk
            .delivered(url, Some("@acme/internal"), seen, bytes)
            .ends(0, vec![tree(INTERNAL, bytes)])
            .internal();
        let source = package.source.unwrap();
        assert_eq!((source.kind, source.role), (SourceKind::Registry, role), "{case}");
        assert_eq!(package.genuine, genuine, "{case}");
        assert_eq!(source.url.as_deref(), Some(url), "{case}");
    }
}

#[test]
fn of_two_deliveries_of_the_same_bytes_the_foreign_one_counts() {
    let package = Desk::new()
        .delivered("https://npm.corp.example/a.tgz", Some("@acme/internal"), Role::Own, "genuine")
        .delivered("https://registry.example/a.tgz", Some("@acme/internal"), Role::Foreign, "genuine")
        .ends(0, vec![tree(INTERNAL, "genuine")])
        .internal();
    let source = package.source.unwrap();
    assert_eq!((source.role, source.exchange), (Role::Foreign, Some(2)));
}

#[test]
fn bytes_of_another_package_under_the_name_are_foreign() {
    let package = Desk::new()
        .delivered("https://registry.example/evil.tgz", Some("evil"), Role::Public, "evil")
        .ends(0, vec![tree(INTERNAL, "evil")])
        .internal();
    assert_eq!(package.source.unwrap().role, Role::Foreign);
    assert_eq!(package.name, "@acme/internal");
}

#[test]
fn a_decoy_is_recognised_and_never_genuine() {
    let mut desk = Desk::new().delivered(
        "https://registry.example/a.tgz",
        Some("@acme/internal"),
        Role::Foreign,
        "decoy",
    );
    desk.recording.decoys.push(Decoy {
        name: "@acme/internal".to_owned(),
        version: "1.0.0".to_owned(),
        asked: true,
        sha512: sri("decoy"),
    });
    let package = desk.ends(0, vec![tree(INTERNAL, "decoy")]).internal();
    assert_eq!((package.decoy, package.genuine), (true, Some(false)));
}

#[test]
fn without_integrity_the_baseline_says_what_is_genuine() {
    for (baseline, genuine) in [("genuine", true), ("before", false)] {
        let mut desk = Desk::new().delivered(
            "https://npm.corp.example/a.tgz",
            Some("@acme/internal"),
            Role::Own,
            "genuine",
        );
        desk.genuine.insert(INTERNAL.to_owned(), sri(baseline));
        let package = desk.ends(0, vec![tree(INTERNAL, "genuine")]).internal();
        assert_eq!(package.genuine, Some(genuine), "{baseline}");
    }
}

#[test]
fn what_the_cache_held_is_told_from_what_was_delivered() {
    for (url, seen, role) in [
        ("https://npm.corp.example/a.tgz", Role::Own, Role::Own),
        ("https://blobs.example/a.tgz", Role::Own, Role::Own),
        ("https://registry.example/a.tgz", Role::Foreign, Role::Foreign),
    ] {
        let earlier = Desk::new().delivered(url, Some("@acme/internal"), seen, "genuine");
        let mut desk = Desk::new().integrity(&sri("genuine"));
        desk.known = known_tarballs(&earlier.recording.exchanges, &earlier.tarballs);
        let package = desk.ends(0, vec![tree(INTERNAL, "genuine")]).internal();
        let source = package.source.unwrap();
        assert_eq!((source.kind, source.role, package.genuine), (SourceKind::Cache, role, Some(true)));
    }
}

#[test]
fn bytes_that_nobody_delivered_are_a_gap_that_hides_the_answer() {
    let evidence = Desk::new().ends(0, vec![tree(INTERNAL, "from nowhere")]).seal();
    let package = evidence.packages.iter().find(|package| package.path == INTERNAL).unwrap();
    assert_eq!(package.source.as_ref().unwrap().kind, SourceKind::Unknown);
    assert!(evidence.gaps.iter().any(|gap| gap.hides_answer && gap.detail.contains("@acme/internal")));
}

#[test]
fn a_script_is_known_by_the_tree_and_not_by_what_it_claims() {
    let evidence = Desk::new()
        .executed(1, 0, None)
        .executed(2, 1, Some(("postinstall", "/project/node_modules/@acme/internal/package.json")))
        .executed(3, 2, Some(("install", "/project/node_modules/forged/package.json")))
        .executed(4, 1, Some(("prepare", "/project/package.json")))
        .event(Event::Unpacked { packages: vec![tree(INTERNAL, "before")] })
        .event(Event::Exited { process: ProcessId(3), how: Exit::Signal(9), outlived: true })
        .delivered("https://npm.corp.example/a.tgz", Some("@acme/internal"), Role::Own, "before")
        .ends(0, vec![tree(INTERNAL, "after the script")])
        .seal();
    let of = |id: u32| evidence.processes.iter().find(|process| process.id == ProcessId(id)).unwrap();
    assert_eq!(of(3).package.as_deref(), Some(INTERNAL));
    assert_eq!(
        (of(3).event.as_deref(), of(3).package_name.as_deref()),
        (Some("postinstall"), Some("@acme/internal"))
    );
    assert_eq!((of(3).outlived, of(3).exit.as_deref()), (true, Some("signal 9")));
    assert_eq!((of(4).package.as_deref(), of(4).package_name.as_deref()), (Some(""), Some("app")));
    assert_eq!(of(1).package, None);
    let package = evidence.packages.iter().find(|package| package.path == INTERNAL).unwrap();
    assert_eq!(package.scripts, ["postinstall"]);
    assert_eq!(package.source.as_ref().unwrap().role, Role::Own, "matched as it was unpacked");
}

#[test]
fn scripts_of_a_second_command_are_told_again() {
    let script = Some(("postinstall", "/project/node_modules/@acme/internal/package.json"));
    let evidence = Desk::new()
        .executed(1, 0, None)
        .executed(2, 1, script)
        .event(Event::Forked { process: ProcessId(3), parent: None })
        .executed(3, 0, None)
        .executed(4, 3, script)
        .executed(5, 4, None)
        .ends(0, vec![tree(INTERNAL, "bytes")])
        .seal();
    let package = evidence.packages.iter().find(|package| package.path == INTERNAL).unwrap();
    assert_eq!(package.scripts, ["postinstall", "postinstall"]);
    let last = evidence.processes.iter().find(|process| process.id == ProcessId(5)).unwrap();
    assert_eq!((last.package.as_deref(), last.event.as_deref()), (Some(INTERNAL), Some("postinstall")));
}

#[test]
fn a_tree_that_loops_ends() {
    let evidence = Desk::new().executed(2, 3, None).executed(3, 2, None).ends(0, Vec::new()).seal();
    assert_eq!(evidence.processes.len(), 2);
}

#[test]
fn what_a_process_ran_before_its_last_exec_stays_known() {
    let exec = |exe: &str, file: &str| Event::Executed {
        process: ProcessId(2),
        parent: Some(ProcessId(1)),
        argv: vec!["sh".to_owned()],
        exe: exe.to_owned(),
        file: file.to_owned(),
        cwd: "/project".to_owned(),
        lifecycle: None,
    };
    let script = "/project/node_modules/@acme/internal/sh.js";
    let mut desk = Desk::new();
    for (exe, file) in [("/usr/bin/node", script), ("/bin/sh", "/bin/sh"), ("/bin/sh", script)] {
        desk = desk.event(exec(exe, file));
    }
    let evidence = desk.ends(0, Vec::new()).seal();
    assert_eq!(evidence.processes[0].ran, [script]);
    assert_eq!(evidence.processes[0].exe, "/bin/sh");
}

#[test]
fn connections_get_the_name_that_was_looked_up_and_their_end() {
    use crate::wire::{Dial, Peer};
    let ip = |address: &str, port: u16, outcome: Dial| Event::Connected {
        process: ProcessId(2),
        to: Peer::Ip { address: address.to_owned(), port },
        local: None,
        datagram: false,
        outcome,
    };
    let mut desk = Desk::new()
        .event(ip("127.0.0.9", 443, Dial::Pending))
        .event(ip("127.0.0.1", 53, Dial::Done))
        .event(ip("127.0.0.1", 3000, Dial::Pending))
        .event(ip("127.0.0.1", 4873, Dial::Pending))
        .event(ip("127.0.1.4", 443, Dial::Pending))
        .event(ip("198.51.100.7", 8787, Dial::Failed("ENETUNREACH".to_owned())))
        .event(ip("203.0.113.1", 0, Dial::Done));
    desk.recording.lookups.push(Lookup {
        seq: 1,
        name: "cdn.example".to_owned(),
        answer: "127.0.0.9".to_owned(),
        process: None,
        carried_secret: None,
        at_ms: None,
    });
    let evidence = desk.ends(0, Vec::new()).seal();
    use crate::evidence::fact::Reached;
    let seen: Vec<(&str, Option<&str>, Reached)> = evidence
        .connections
        .iter()
        .map(|connection| (connection.address.as_str(), connection.name.as_deref(), connection.outcome))
        .collect();
    assert_eq!(
        seen,
        [
            ("127.0.0.9", Some("cdn.example"), Reached::Gateway),
            ("127.0.0.1", None, Reached::Inside),
            ("127.0.0.1", None, Reached::Gateway),
            ("127.0.1.4", None, Reached::Refused),
            ("198.51.100.7", None, Reached::Unreachable),
        ]
    );
}

#[test]
fn times_are_those_of_the_first_program_the_end_and_the_attempt() {
    use crate::wire::{Dial, Peer};
    let exited = |process| Event::Exited { process: ProcessId(process), how: Exit::Code(0), outlived: false };
    let to = Peer::Ip { address: "198.51.100.7".to_owned(), port: 443 };
    let connected = Event::Connected {
        process: ProcessId(2),
        to,
        local: None,
        datagram: false,
        outcome: Dial::Failed("ENETUNREACH".into()),
    };
    let mut desk = Desk::new().executed(1, 0, None).executed(2, 1, None).executed(2, 1, None);
    desk = desk.event(connected).event(exited(2)).executed(3, 1, None).event(exited(1));
    desk.recording.times = vec![3, 40, 55, 60, 90];
    assert!(desk.recording.events.len() > desk.recording.times.len());
    let evidence = desk.ends(0, Vec::new()).seal();
    let lives: Vec<_> = evidence.processes.iter().map(|it| (it.id.0, it.started_ms, it.ended_ms)).collect();
    // Of what came behind the last time that is known, nobody knows it.
    assert_eq!(lives, [(1, Some(3), None), (2, Some(40), Some(90)), (3, None, None)]);
    assert_eq!(evidence.processes[0].exit.as_deref(), Some("0"));
    assert_eq!(evidence.connections[0].at_ms, Some(60));
}

#[test]
fn files_belong_to_the_longest_folder_and_climbing_paths_to_nobody() {
    let nested = "node_modules/@acme/internal/node_modules/deep";
    let changed = |path: &str| Event::Changed(FileChange::new(path.to_owned(), Change::Added));
    let evidence = Desk::new()
        .event(changed("/project/node_modules/@acme/internal/node_modules/deep/x.js"))
        .event(changed("/project/node_modules/@acme/internal/x.js"))
        .event(changed("/project/node_modules/@acme/internal/../../../etc/x"))
        .event(changed("/home/npm/hunter2hunter2"))
        .ends(0, vec![tree(INTERNAL, "a"), tree(nested, "b")])
        .seal();
    let of: BTreeMap<&str, Option<&str>> =
        evidence.files.iter().map(|file| (file.path.as_str(), file.package.as_deref())).collect();
    assert_eq!(of["/project/node_modules/@acme/internal/node_modules/deep/x.js"], Some(nested));
    assert_eq!(of["/project/node_modules/@acme/internal/x.js"], Some(INTERNAL));
    assert_eq!(of["/project/node_modules/@acme/internal/../../../etc/x"], None);
    assert_eq!(of["/home/npm/[redacted:NPM_TOKEN]"], None);
}

#[test]
fn only_what_is_owed_here_is_listed_as_missing() {
    let mut desk = Desk::new();
    desk.command.push("--omit=dev".to_owned());
    let mut other = entry("node_modules/fsevents", EntryKind::Registry);
    other.os = vec!["darwin".to_owned()];
    other.optional = true;
    desk.lock(other, Class::Public);
    desk.lock(entry("node_modules/fsevents/node_modules/inner", EntryKind::Registry), Class::Public);
    let mut dev = entry("node_modules/tap", EntryKind::Registry);
    dev.dev = true;
    desk.lock(dev, Class::Public);
    let mut optional = entry("node_modules/extra", EntryKind::Registry);
    optional.optional = true;
    desk.lock(optional, Class::Public);
    let evidence = desk.ends(0, vec![tree(INTERNAL, "a"), tree("node_modules/stray", "b")]).seal();
    let listed: Vec<(&str, bool, bool)> = evidence
        .packages
        .iter()
        .map(|package| (package.path.as_str(), package.version.is_some(), package.lock.is_some()))
        .collect();
    assert_eq!(
        listed,
        [(INTERNAL, true, true), ("node_modules/extra", false, true), ("node_modules/stray", true, false)]
    );
}

#[test]
fn links_members_and_bundled_packages_have_their_own_kinds() {
    let mut desk = Desk::new();
    desk.lock(entry("node_modules/member", EntryKind::Link), Class::Local);
    desk.lock(entry("packages/member", EntryKind::Folder), Class::Local);
    desk.lock(entry("node_modules/@acme/internal/node_modules/inner", EntryKind::Bundled), Class::Other);
    let mut desk =
        desk.delivered("https://npm.corp.example/a.tgz", Some("@acme/internal"), Role::Own, "genuine");
    desk = desk.event(Event::CommandExited { how: Exit::Code(0), after_ms: 1 });
    let evidence = desk
        .event(Event::Installed {
            packages: vec![
                tree(INTERNAL, "genuine"),
                tree("node_modules/@acme/internal/node_modules/inner", "inner"),
                tree("node_modules/@acme/internal/test/fixture/node_modules/inner", "inner"),
            ],
            links: vec![Link {
                path: "node_modules/member".to_owned(),
                target: "packages/member".to_owned(),
            }],
        })
        .event(Event::Ended { peak_memory: 0, cut_short: None })
        .seal();
    let kinds: BTreeMap<&str, (SourceKind, Role)> = evidence
        .packages
        .iter()
        .filter_map(|package| Some((package.path.as_str(), package.source.as_ref()?)))
        .map(|(path, source)| (path, (source.kind, source.role)))
        .collect();
    assert_eq!(kinds["node_modules/member"], (SourceKind::Link, Role::Own));
    assert_eq!(kinds["packages/member"], (SourceKind::Link, Role::Own));
    for inner in ["node_modules/inner", "test/fixture/node_modules/inner"] {
        let path = format!("node_modules/@acme/internal/{inner}");
        assert_eq!(kinds[path.as_str()], (SourceKind::Bundled, Role::Own));
    }
}

/// `yaml` ships `browser/dist/node_modules/tslib`, which has no package.json; and npm fetches the same
/// version of what `tap` bundles for another place of the tree.
#[test]
fn a_bundled_package_is_its_parents_and_a_folder_without_manifest_is_none() {
    let bare = |path: &str, bytes: &str| PackageTree {
        name: String::new(),
        version: String::new(),
        manifest: String::new(),
        ..tree(path, bytes)
    };
    let inner = format!("{INTERNAL}/node_modules/inner");
    let (once, changed) = (format!("{INTERNAL}/dist/node_modules/tslib"), "node_modules/new".to_owned());
    let seal = |delivered_inside: &str| {
        let mut desk = Desk::new();
        desk.lock(entry(&inner, EntryKind::Bundled), Class::Other);
        desk.lock(entry("node_modules/inner", EntryKind::Registry), Class::Public);
        let desk = desk
            .delivered("https://npm.corp.example/a.tgz", Some("@acme/internal"), Role::Own, "genuine")
            .delivered("https://registry.example/inner.tgz", Some("inner"), Role::Public, "inner")
            .delivered("https://registry.example/other.tgz", Some("inner"), Role::Public, "other")
            .event(Event::CommandExited { how: Exit::Code(0), after_ms: 1 });
        desk.event(Event::Installed {
            packages: vec![
                tree(INTERNAL, "genuine"),
                tree(&inner, delivered_inside),
                bare(&once, "inner"),
                tree("node_modules/inner", "inner"),
                bare(&changed, "made by a script"),
            ],
            links: Vec::new(),
        })
        .event(Event::Ended { peak_memory: 0, cut_short: None })
        .seal()
    };
    let hosts = |inside: &str| -> Vec<(String, SourceKind, Option<String>)> {
        let told = seal(inside).packages.into_iter().filter_map(|package| {
            let source = package.source?;
            Some((package.path, source.kind, source.host))
        });
        told.collect()
    };
    let own = || Some("npm.corp.example".to_owned());
    let public = || Some("registry.example".to_owned());
    let with = |kind, host| {
        vec![
            (INTERNAL.to_owned(), SourceKind::Registry, own()),
            (inner.clone(), kind, host),
            ("node_modules/inner".to_owned(), SourceKind::Registry, public()),
            // What no tarball held is told, manifest or not.
            (changed.clone(), SourceKind::Unknown, None),
        ]
    };
    assert_eq!(hosts("inner"), with(SourceKind::Bundled, own()));
    // Other bytes than the parent's tarball has there came another way.
    assert_eq!(hosts("other"), with(SourceKind::Registry, public()));
}

#[test]
fn a_local_package_from_a_registry_is_foreign() {
    let mut desk = Desk::new();
    desk.lock(entry("node_modules/member", EntryKind::Link), Class::Local);
    let evidence = desk
        .delivered("https://registry.example/member.tgz", Some("member"), Role::Foreign, "decoy")
        .ends(0, vec![tree("node_modules/member", "decoy")])
        .seal();
    let package = evidence.packages.iter().find(|package| package.name == "member").unwrap();
    assert_eq!(package.source.as_ref().unwrap().role, Role::Foreign);
}

#[test]
fn silence_of_the_witness_is_a_gap() {
    let quiet = Desk::new().seal();
    assert!(quiet.gaps.iter().any(|gap| gap.hides_answer));
    assert_eq!(quiet.exit, None);
    let cut = Desk::new().event(Event::Ended { peak_memory: 0, cut_short: Some(CutShort::Time) }).seal();
    assert_eq!(cut.cut_short, Some(CutShort::Time));
    let no_tree = Desk::new()
        .event(Event::CommandExited { how: Exit::Code(0), after_ms: 1 })
        .event(Event::Ended { peak_memory: 0, cut_short: None })
        .seal();
    assert!(no_tree.gaps.iter().any(|gap| gap.hides_answer && gap.kind == GapKind::Tree));
}

#[test]
fn a_failed_install_keeps_what_was_unpacked_and_says_why_it_failed() {
    let mut desk = Desk::new()
        .delivered("https://registry.example/a.tgz", Some("@acme/internal"), Role::Foreign, "decoy")
        .event(Event::Unpacked { packages: vec![tree(INTERNAL, "decoy")] });
    desk.recording.output.stderr_tail =
        "npm error code 1\nnpm error command sh -c hunter2hunter2\nnpm error https://b.example/x.tgz?sig=S\n"
            .to_owned();
    let evidence = desk.ends(1, Vec::new()).seal();
    assert!(evidence.output.stderr_tail.ends_with("https://b.example/x.tgz\n"));
    assert!(!evidence.npm_error.as_ref().unwrap().message.contains("sig="));
    let package = &evidence.packages[0];
    assert_eq!(package.version, None);
    assert_eq!(package.source.as_ref().unwrap().role, Role::Foreign);
    let error = evidence.npm_error.unwrap();
    assert_eq!((error.code.as_str(), error.summary.as_str()), ("1", "command sh -c [redacted:NPM_TOKEN]"));
}
