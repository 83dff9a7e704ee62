//! Trees on disk against the tarballs they came from.

use super::*;
use crate::evidence::tree::index_tarball;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}

fn place(root: &Path) -> Place {
    let project = root.to_str().unwrap().to_owned();
    Place { project, members: vec![String::new(), "packages/web".into()] }
}

fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, format!("package/{path}"), *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn every_package_folder_is_found_and_nothing_else() {
    let room = tempfile::tempdir().unwrap();
    let root = room.path();
    for path in [
        "node_modules/a/package.json",
        "node_modules/a/node_modules/b/package.json",
        "node_modules/a/lib/node_modules/c/index.js",
        "node_modules/@acme/internal/package.json",
        "node_modules/.bin/tool",
        "node_modules/.package-lock.json",
        "node_modules/.cache/x/package.json",
        "packages/web/node_modules/d/package.json",
        "packages/web/package.json",
        "elsewhere/node_modules/e/package.json",
    ] {
        write(root, path, br#"{"name":"n","version":"1.0.0"}"#);
    }
    symlink("../packages/web", root.join("node_modules/web")).unwrap();
    symlink("/etc", root.join("node_modules/@acme/out")).unwrap();
    let survey = Survey::take(&place(root), None, false);
    let paths: Vec<_> = survey.packages().into_iter().map(|package| package.path).collect();
    assert_eq!(
        paths,
        [
            "node_modules/@acme/internal",
            "node_modules/a",
            "node_modules/a/lib/node_modules/c",
            "node_modules/a/node_modules/b",
            "packages/web/node_modules/d",
        ]
    );
    let links = survey.links();
    assert_eq!(links[0], Link { path: "node_modules/@acme/out".into(), target: "/etc".into() });
    assert_eq!(links[1], Link { path: "node_modules/web".into(), target: "packages/web".into() });
    assert!(survey.gaps.is_empty());
}

#[test]
fn a_folder_has_the_digests_of_its_tarball() {
    let room = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 4] = [
        ("package.json", br#"{"name":"a","version":"2.0.0"}"#),
        ("lib/x.js", b"x"),
        ("bin.js", b"#!/usr/bin/env node\r\n"),
        ("node_modules/b/index.js", b"b"),
    ];
    for (path, bytes) in files {
        write(room.path(), &format!("node_modules/a/{path}"), bytes);
    }
    symlink("lib/x.js", room.path().join("node_modules/a/link.js")).unwrap();
    let index = index_tarball(tarball(&files).as_slice()).unwrap();
    let packages = Survey::take(&place(room.path()), None, false).packages();
    assert_eq!(packages[0].tree, index.tree);
    assert_eq!(packages[0].manifest, index.manifest);
    assert_eq!((packages[0].name.as_str(), packages[0].version.as_str()), ("a", "2.0.0"));
    assert_eq!(packages[0].files, 3);
    assert_eq!(packages[1].tree, index.bundled["node_modules/b"]);
}

#[test]
fn a_second_survey_tells_what_was_added_changed_and_removed() {
    let room = tempfile::tempdir().unwrap();
    let root = room.path();
    for name in ["keep", "change", "remove", "rewrite", "package.json"] {
        write(root, &format!("node_modules/a/{name}"), br#"{"name":"a"}"#);
    }
    let before = Survey::take(&place(root), None, false);
    write(root, "node_modules/a/change", "2");
    write(root, "node_modules/a/add", "3");
    write(root, "node_modules/a/rewrite", br#"{"name":"a"}"#);
    std::fs::remove_file(root.join("node_modules/a/remove")).unwrap();
    let after = Survey::take(&place(root), Some(&before), false);
    let changes: Vec<_> =
        before.changes(&after, "/p").into_iter().map(|change| (change.path, change.change)).collect();
    assert_eq!(
        changes,
        [
            ("/p/node_modules/a/add".to_owned(), Change::Added),
            ("/p/node_modules/a/change".to_owned(), Change::Changed),
            ("/p/node_modules/a/remove".to_owned(), Change::Removed),
        ]
    );
    let fresh = Survey::take(&place(root), None, false);
    assert_eq!(after.packages(), fresh.packages());
    assert_eq!(after.packages()[0].name, "a");
}

#[test]
fn what_lies_beside_packages_is_told_and_what_it_takes_over() {
    let room = tempfile::tempdir().unwrap();
    let root = room.path();
    write(root, "node_modules/a/package.json", br#"{"name":"a","main":"dist/x"}"#);
    write(root, "node_modules/a/index.js", "1");
    write(root, "node_modules/early", "by a script, before the survey");
    let project = root.to_str().unwrap();
    let mut before = Survey::take(&place(root), None, false);
    before.forget(project, [format!("{project}/node_modules/early")].iter().map(String::as_str));
    for path in ["a.js", ".bin/tool", ".cache/deep/x", "@s/y", "a/dist/x.js"] {
        write(root, &format!("node_modules/{path}"), "1");
    }
    symlink("../out", root.join("node_modules/.bin/link")).unwrap();
    symlink("/tmp", root.join("node_modules/b")).unwrap();
    let changes = before.changes(&Survey::take(&place(root), Some(&before), false), "/p");
    let told = changes.iter().map(|change| {
        assert_eq!(change.change, Change::Added);
        let path = change.path.strip_prefix("/p/node_modules/").unwrap();
        (path, change.leads.as_deref().unwrap_or(""), change.shadows.as_deref().unwrap_or(""))
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("a/dist/x.js", "", "index.js"),
            (".bin/link", "node_modules/out", ""),
            (".bin/tool", "", ""),
            (".cache/deep/x", "", ""),
            ("@s/y", "", ""),
            ("a.js", "", "node_modules/a"),
            ("b", "/tmp", ""),
            ("early", "", ""),
        ]
    );
}

#[test]
fn what_a_script_planted_before_the_first_look_is_told() {
    let room = tempfile::tempdir().unwrap();
    let root = room.path();
    for package in ["a", "b", "c"] {
        write(root, &format!("node_modules/{package}/package.json"), r#"{"main":"dist/x"}"#);
        write(root, &format!("node_modules/{package}/dist/x.js"), "1");
        write(root, &format!("node_modules/{package}/index.js"), "1");
    }
    let project = root.to_str().unwrap();
    let mut before = Survey::take(&place(root), None, false);
    let names = ["a/dist/x.js", "b", ".cache", "c/dist"].map(|name| format!("{project}/node_modules/{name}"));
    before.forget(project, names.iter().map(String::as_str));
    let changes = before.changes(&Survey::take(&place(root), Some(&before), false), "/p");
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.path.as_str(), change.change, change.shadows.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [
            ("/p/node_modules/a/dist/x.js", Change::Changed, "index.js"),
            ("/p/node_modules/b/dist/x.js", Change::Added, "nothing"),
            ("/p/node_modules/b/index.js", Change::Added, "nothing"),
            ("/p/node_modules/b/package.json", Change::Added, ""),
            ("/p/node_modules/c/dist/x.js", Change::Changed, "index.js"),
        ]
    );
}

#[test]
fn what_was_made_unreadable_is_read_at_the_end_all_the_same() {
    let room = tempfile::tempdir().unwrap();
    let root = room.path();
    write(root, "node_modules/a/secret/x", "1");
    std::fs::set_permissions(root.join("node_modules/a/secret/x"), PermissionsExt::from_mode(0o0)).unwrap();
    std::fs::set_permissions(root.join("node_modules/a/secret"), PermissionsExt::from_mode(0o0)).unwrap();
    let survey = Survey::take(&place(root), None, true);
    assert_eq!(survey.packages()[0].files, 1);
    assert!(survey.gaps.is_empty());
}

#[test]
fn a_manifest_that_is_no_json_has_no_name() {
    let (name, version, _, digest) = read_manifest(b"{");
    assert_eq!((name.as_str(), version.as_str(), digest.len()), ("", "", 64));
}

#[test]
fn links_that_leave_the_project_are_absolute() {
    assert_eq!(lead("/p", "node_modules/a", "../packages/a"), "packages/a");
    assert_eq!(lead("/p", "node_modules/@s/a", "../../../../etc"), "/etc");
    assert_eq!(lead("/p", "node_modules/a", "/pq"), "/pq");
    assert_eq!(lead("/p", "node_modules/a", ".."), ".");
}
