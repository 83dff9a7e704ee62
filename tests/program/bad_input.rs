//! What bad input gets: what is wrong, where, and what to do.
//!
//! Each row is a project with one broken file. Nothing may be reported without
//! a message, and where a line can be named it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use sealcheck::project::registry::RegistryUrl;
use sealcheck::project::{Project, ReadOptions};
use sealcheck::text::Complaint;
use std::collections::BTreeMap;
use std::path::Path;

/// The file that is broken, its text, what the message says, and where.
type Row = (&'static str, &'static str, &'static str, Option<(usize, usize)>);

const MANIFEST: &str = r#"{"name": "web", "version": "1.0.0"}"#;
const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {"": {}}}"#;

fn options(top: &Path) -> ReadOptions<'static> {
    ReadOptions {
        root: top.join("project"),
        home: Some(top.join("home")),
        global_npmrc: None,
        builtin_npmrc: None,
        env: BTreeMap::new(),
        public: RegistryUrl::parse("https://registry.example/").unwrap(),
        npm: None,
        policy: Some(top.join("policy.toml")).filter(|path| path.exists()),
        trusted: sealcheck::project::named::Trusted::Machine,
        internal_hosts: None,
        signatures: None,
    }
}

fn write(top: &Path, file: &str, bytes: &[u8]) {
    let path = match file {
        "policy.toml" => top.join(file),
        _ => top.join("project").join(file),
    };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("home")).unwrap();
    write(dir.path(), "package.json", MANIFEST.as_bytes());
    write(dir.path(), "package-lock.json", LOCK.as_bytes());
    write(dir.path(), "served/x", b"");
    dir
}

fn complaint(dir: &tempfile::TempDir) -> Complaint {
    Project::read(&options(dir.path())).unwrap_err().complaint().clone()
}

const JSON: &[Row] = &[
    ("package.json", "", "ends too early", Some((1, 1))),
    ("package.json", "{\n  \"name\": \"web\",\n}", "comma too many", Some((3, 1))),
    ("package.json", "{\n  // why\n}", "no comments", Some((2, 3))),
    ("package.json", "{\"name\": 'web'}", "found `\\'`", Some((1, 10))),
    ("package.json", "[]", "`package.json` is an array", Some((1, 1))),
    ("package.json", "{\"name\": 7}", "`name` is a number", Some((1, 10))),
    ("package.json", "{\"dependencies\": []}", "`dependencies` is an array", Some((1, 18))),
    ("package.json", "{\"dependencies\": {\"a\": 1}}", "`dependencies.a` is a number", Some((1, 24))),
    ("package.json", "{\"workspaces\": \"packages/*\"}", "`workspaces` is a string", Some((1, 16))),
    ("package.json", "{\"workspaces\": [\"a\", 1]}", "`workspaces[]` is a number", Some((1, 22))),
    ("package.json", "{\"allowScripts\": {\"a\": \"yes\"}}", "`allowScripts.a` is a string", Some((1, 24))),
    ("package.json", "{\n<<<<<<< HEAD\n", "merge conflict", Some((2, 1))),
    ("package.json", "{} {}", "after the end", Some((1, 4))),
    ("package-lock.json", "{", "ends where a key", Some((1, 2))),
    ("package-lock.json", "null", "the lockfile is null", Some((1, 1))),
    ("package-lock.json", "{\"lockfileVersion\": 4}", "`lockfileVersion` 4 is not known", Some((1, 21))),
    ("package-lock.json", "{\"lockfileVersion\": \"3\"}", "`lockfileVersion` is a string", Some((1, 21))),
    ("package-lock.json", "{\"lockfileVersion\": 2.5}", "2.5 is not known", Some((1, 21))),
    ("package-lock.json", "{\"packages\": {}}", "has no `lockfileVersion`", Some((1, 1))),
    ("package-lock.json", "{\"lockfileVersion\": 3}", "has no `packages`", Some((1, 1))),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": []}",
        "`packages` is an array",
        Some((1, 36)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3,\n\"packages\": {\n\"node_modules/a\": 1}}",
        "`node_modules/a` is a number",
        Some((3, 19)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3,\n\"packages\": {\n\"node_modules/../../x\": {}}}",
        "lies outside the project",
        Some((3, 1)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"/etc\": {}}}",
        "lies outside",
        Some((1, 37)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/.bin\": {}}}",
        "`.bin` is not a package name",
        Some((1, 37)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/a\": {\"name\": \"../b\"}}}",
        "`../b` is not a package name",
        Some((1, 64)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/a\": {\"resolved\": 7}}}",
        "`resolved` is a number",
        Some((1, 68)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/a\": {\"integrity\": []}}}",
        "`integrity` is an array",
        Some((1, 69)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/a\": {\"link\": true, \"resolved\": \"../b\"}}}",
        "`../b` lies in the home folder or above it",
        Some((1, 82)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"a//b\": {}}}",
        "no path of a package",
        Some((1, 37)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 1, \"dependencies\": 1}",
        "`dependencies` is a number",
        Some((1, 40)),
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\": 1, \"dependencies\": {\"a/b\": {}}}",
        "`a/b` is not a package",
        Some((1, 41)),
    ),
    (
        "package-lock.json",
        "{\"dependencies\": {\"a\": {\"version\": \"1.0.0\", \"dependencies\": {\"b\": 2}}}}",
        "`b` is a number",
        Some((1, 67)),
    ),
    ("npm-shrinkwrap.json", "{\"lockfileVersion\": 9}", "9 is not known", Some((1, 21))),
    (
        "package-lock.json",
        "{\n<<<<<<< HEAD\n\"a\": 1\n=======\n\"a\": 2\n>>>>>>> b\n}",
        "unresolved merge conflict",
        Some((2, 1)),
    ),
];

const TOML: &[Row] = &[
    ("sealcheck.toml", "privat = []", "unknown key `privat`", Some((1, 1))),
    ("sealcheck.toml", "a = 1\nprivate = 1", "unknown key `a`", Some((1, 1))),
    ("sealcheck.toml", "private = ", "no TOML", Some((1, 11))),
    ("sealcheck.toml", "jobs = 1\njobs = 2", "no TOML", Some((2, 1))),
    ("sealcheck.toml", "private = \"@acme/*\"", "`private` is a string", Some((1, 11))),
    ("sealcheck.toml", "private = [\n  1,\n]", "`private` is an integer", Some((2, 3))),
    ("sealcheck.toml", "private = [\"@acme/[\"]", "not a glob", Some((1, 12))),
    ("sealcheck.toml", "private = [\"@acme\"]", "a scope alone", Some((1, 12))),
    ("sealcheck.toml", "scenarios = [\"../x.toml\"]", "leads out of the project", Some((1, 14))),
    ("sealcheck.toml", "[install]\ncommand = \"npm ci && rm x\"", "`&` needs a shell", Some((2, 11))),
    ("sealcheck.toml", "[install]\ncommand = \"yarn install\"", "not npm", Some((2, 11))),
    ("sealcheck.toml", "[install]\ncommand = \"npm ci --prefix x\"", "another folder", Some((2, 11))),
    ("sealcheck.toml", "[install]\ndirectory = \"../x\"", "leads out", Some((2, 13))),
    ("sealcheck.toml", "[install]\ndirectory = \"none\"", "cannot be opened", Some((2, 13))),
    ("sealcheck.toml", "[install]\ndirectry = \"x\"", "unknown key `directry` in `[install]`", Some((2, 1))),
    ("sealcheck.toml", "[install]\nenv = { A = 1 }", "`env` is an integer", Some((2, 13))),
    (
        "sealcheck.toml",
        "[install.env]\nNODE_OPTIONS = \"--require ./x.js\"",
        "`NODE_OPTIONS` is not",
        Some((2, 16)),
    ),
    ("sealcheck.toml", "[install.env]\nhome = \"/elsewhere\"", "`home` is not for a file", Some((2, 8))),
    ("sealcheck.toml", "[install.env]\nLD_PRELOAD = \"./x.so\"", "`LD_PRELOAD` is not", Some((2, 14))),
    ("sealcheck.toml", "[[registry]]\nserve = \"served\"", "lacks `url`", Some((1, 1))),
    ("sealcheck.toml", "[[registry]]\nurl = \"npm.acme.example\"", "not a URL", Some((2, 7))),
    ("sealcheck.toml", "[[registry]]\nurl = \"ftp://a.example/\"", "neither http nor https", Some((2, 7))),
    (
        "sealcheck.toml",
        "[[registry]]\nurl = \"https://u:hunter2@a.example/\"",
        "carries credentials",
        Some((2, 7)),
    ),
    (
        "sealcheck.toml",
        "[[registry]]\nurl = \"https://a.example/\"\nserve = \"/etc\"",
        "leads out",
        Some((3, 9)),
    ),
    (
        "sealcheck.toml",
        "[[registry]]\nurl = \"https://a.example/\"\nserve = \"served/x\"",
        "not a folder",
        Some((3, 9)),
    ),
    (
        "sealcheck.toml",
        "[[registry]]\nurl = \"https://a.example/\"\ntoken = \"T\"",
        "no variable",
        Some((3, 9)),
    ),
    ("sealcheck.toml", "[registry]\nurl = \"https://a.example/\"", "`registry` is a table", Some((1, 1))),
    ("sealcheck.toml", "[trust]\nhosts = [\"https://cdn.example\"]", "not the name of a host", Some((2, 10))),
    ("sealcheck.toml", "[[accepted]]\nrule = \"x\"", "lacks `reason`", Some((1, 1))),
    (
        "sealcheck.toml",
        "[[accepted]]\nrule = \"x\"\nreason = \"y\"\nexpires = \"soon\"",
        "is a string",
        Some((4, 11)),
    ),
    (
        "sealcheck.toml",
        "[[accepted]]\nrule = \"x\"\nreason = \"y\"\nexpires = 2027-13-01",
        "no TOML",
        Some((4, 11)),
    ),
    (
        "sealcheck.toml",
        "[[accepted]]\nrule = \"No Rule\"\nreason = \"y\"",
        "not the name of a rule",
        Some((2, 8)),
    ),
    ("sealcheck.toml", "jobs = 0", "`jobs` cannot be `0`", Some((1, 8))),
    ("sealcheck.toml", "fail-on = \"fatal\"", "`fail-on` cannot be", Some((1, 11))),
    ("sealcheck.toml", "shard = \"3/2\"", "`shard` cannot be", Some((1, 9))),
    ("sealcheck.toml", "timeout = \"soon\"", "`timeout` cannot be", Some((1, 11))),
    ("sealcheck.toml", "report = \"json=../x.json\"", "cannot set `report`", Some((1, 10))),
    ("sealcheck.toml", "store = \"/home\"", "cannot set `store`", Some((1, 9))),
    ("sealcheck.toml", "policy = \"p.toml\"", "cannot choose its policy", Some((1, 10))),
    ("sealcheck.toml", "[policy]\naudit-disclosure = \"loud\"", "cannot be `\"loud\"`", Some((2, 20))),
    ("policy.toml", "privte = []", "unknown key `privte`", Some((1, 1))),
    (
        "policy.toml",
        "[[registry]]\nurl = \"https://a.example/\"\ntoken = \"a b\"",
        "not the name of a variable",
        Some((3, 9)),
    ),
    ("policy.toml", "x", "no TOML", Some((1, 2))),
];

const NPMRC: &[Row] = &[
    (".npmrc", "audit=false\nuserconfig=/etc/hostname\n", "outside the project", Some((2, 1))),
    (".npmrc", "globalconfig=../../x", "outside the project", Some((1, 1))),
];

#[test]
fn every_broken_file_is_told_with_its_place_and_advice() {
    for (file, text, fragment, at) in JSON.iter().chain(TOML).chain(NPMRC) {
        let dir = project();
        write(dir.path(), file, text.as_bytes());
        let found = complaint(&dir);
        assert!(found.message.contains(fragment), "{file} {text:?}: {found}");
        assert!(!found.message.ends_with('.'), "{found}");
        let place = found.place.as_ref().unwrap_or_else(|| panic!("{file} {text:?} has no place: {found}"));
        assert!(place.file.ends_with(file), "{found}");
        assert_eq!(Some((place.line, place.column)), *at, "{file} {text:?}: {found}");
        assert!(found.help.is_some(), "{file} {text:?}: {found}");
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}

#[test]
fn no_excerpt_shows_a_credential() {
    for (file, text) in [
        ("package.json", "{\"dependencies\": {\"a\": \"git+https://u:hunter2@h.example/a.git\", \"b\": 1}}"),
        ("package.json", "{\"a\": \"https://u:hunter2@h.example/\" x}"),
        ("package-lock.json", "{\"lockfileVersion\": 9, \"x\": \"https://u:hunter2@h.example/\"}"),
        (
            "package-lock.json",
            "{\"lockfileVersion\": 3, \"packages\": {\"a\": {\"resolved\": \"https://h.example/?hunter2\"}, \"b\": 1}}",
        ),
        ("sealcheck.toml", "zebra = \"https://u:hunter2@h.example/\""),
        (".npmrc", "userconfig=/etc/hostname#//h.example/:_authToken=hunter2"),
    ] {
        let dir = project();
        write(dir.path(), file, text.as_bytes());
        let found = complaint(&dir);
        assert!(found.place.is_some(), "{found}");
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}

#[test]
fn a_misspelt_key_is_told_its_nearest() {
    for (text, near) in
        [("privat = []", "private"), ("[trust]\nscript = []", "scripts"), ("fail_on = 'x'", "fail-on")]
    {
        let dir = project();
        write(dir.path(), "sealcheck.toml", text.as_bytes());
        assert_eq!(complaint(&dir).help, Some(format!("did you mean `{near}`?")), "{text}");
    }
    let dir = project();
    write(dir.path(), "sealcheck.toml", b"zebra = 1");
    assert!(complaint(&dir).help.unwrap().contains("`private`"));
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    for file in ["package.json", "package-lock.json", ".npmrc", "sealcheck.toml"] {
        let dir = project();
        write(dir.path(), file, b"{\n  \"a\xff\"}");
        let found = complaint(&dir);
        assert!(found.message.contains("not UTF-8"), "{found}");
        assert_eq!(found.place.map(|place| (place.line, place.column)), Some((2, 5)), "{file}");
    }
}

#[test]
fn a_hostile_depth_or_size_is_no_crash() {
    let deep = |open: &str| open.repeat(300_000).into_bytes();
    for (file, bytes) in [
        ("package.json", deep("[")),
        ("package-lock.json", deep("{\"a\":")),
        ("package-lock.json", deep("{\"lockfileVersion\":1,\"dependencies\":{\"a\":")),
        ("sealcheck.toml", [b"private = ".to_vec(), deep("[")].concat()),
        (".npmrc", vec![b'a'; 9 << 20]),
        ("package.json", vec![b' '; 9 << 20]),
    ] {
        let dir = project();
        write(dir.path(), file, &bytes);
        let found = complaint(&dir);
        assert!(
            ["nests deeper", "no TOML", "larger than"].iter().any(|one| found.message.contains(one)),
            "{file}: {found}"
        );
    }
}

#[test]
fn a_project_of_another_package_manager_is_named() {
    for (file, manager) in [
        ("yarn.lock", "yarn"),
        ("pnpm-lock.yaml", "pnpm"),
        ("bun.lock", "bun"),
        ("bun.lockb", "bun"),
        ("deno.lock", "deno"),
    ] {
        let dir = project();
        std::fs::remove_file(dir.path().join("project/package-lock.json")).unwrap();
        write(dir.path(), file, b"");
        let found = complaint(&dir);
        assert!(
            found.message.contains(&format!("a project of {manager}")) && found.message.contains(file),
            "{found}"
        );
        assert!(found.help.unwrap().contains("npm install --package-lock-only"));
    }
    let dir = project();
    std::fs::remove_file(dir.path().join("project/package-lock.json")).unwrap();
    write(dir.path(), "package.json", b"{\n\"packageManager\": \"pnpm@9.0.0\"}");
    let found = complaint(&dir);
    assert!(found.message.contains("a project of pnpm"), "{found}");
    assert_eq!(found.place.unwrap().line, 2);
}

#[test]
fn what_is_missing_is_told() {
    let dir = project();
    std::fs::remove_file(dir.path().join("project/package-lock.json")).unwrap();
    let found = complaint(&dir);
    assert!(found.message.contains("no `package-lock.json`") && found.help.is_some(), "{found}");

    std::fs::remove_file(dir.path().join("project/package.json")).unwrap();
    assert!(complaint(&dir).message.contains("no package.json"));

    let mut options = options(dir.path());
    options.root = dir.path().join("nowhere");
    let found = Project::read(&options).unwrap_err();
    assert!(found.to_string().contains("cannot be opened") && found.complaint().help.is_some(), "{found}");

    let dir = project();
    std::fs::create_dir_all(dir.path().join("project/src")).unwrap();
    let mut options = self::options(dir.path());
    options.root = dir.path().join("project/src");
    let found = Project::read(&options).unwrap_err().complaint().clone();
    assert!(found.help.unwrap().contains("the nearest is in"), "the folder above has one");

    let mut options = self::options(dir.path());
    options.policy = Some(dir.path().join("none.toml"));
    assert!(Project::read(&options).unwrap_err().to_string().contains("no policy file"));
}

#[test]
fn links_and_folders_in_the_place_of_files_are_told() {
    for file in ["package-lock.json", ".npmrc", "sealcheck.toml"] {
        let dir = project();
        let path = dir.path().join("project").join(file);
        let _ = std::fs::remove_file(&path);
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        let found = complaint(&dir);
        assert!(found.message.contains("leads out of the project") && found.help.is_some(), "{found}");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(complaint(&dir).message.contains("is not a file"), "{file}");
    }
}

#[test]
fn a_sound_project_is_read_and_nothing_on_disk_changes() {
    let dir = project();
    write(dir.path(), ".npmrc", b"@acme:registry=https://npm.corp.example/\n");
    write(
        dir.path(),
        "package-lock.json",
        br#"{"lockfileVersion": 3, "packages": {"": {},
            "node_modules/@acme/a": {"version": "1.0.0"}, "node_modules/@acme/b": {"version": "1.0.0", "optional": true},
            "node_modules/c": {"version": "1.0.0"}, "node_modules/lib": {"resolved": "lib", "link": true}, "lib": {}}}"#,
    );
    write(dir.path(), "lib/package.json", b"{}");
    let project = Project::read(&options(dir.path())).unwrap();
    let names = |list: Vec<&sealcheck::project::name::PackageName>| {
        list.into_iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(project.private().into_keys().collect()), ["@acme/a", "@acme/b"]);
    assert_eq!(names(project.required_private().into_keys().collect()), ["@acme/a"]);
    assert_eq!(names(project.locals().into_iter().collect()), ["lib"]);
    assert!(project.undecided().is_empty());
    assert_eq!(project.directory, "");
    let mut files = project.files.clone();
    files.retain(|file| file != "served/x");
    assert_eq!(files, [".npmrc", "lib/package.json", "package-lock.json", "package.json"]);
    assert!(!dir.path().join("project/node_modules").exists());
}

#[test]
fn a_member_of_a_workspace_is_read_from_its_root() {
    let dir = project();
    write(dir.path(), "package.json", br#"{"workspaces": ["packages/*"]}"#);
    write(dir.path(), "packages/web/package.json", b"{}");
    write(dir.path(), "packages/web/.npmrc", b"registry=https://ignored.example/");
    let mut options = options(dir.path());
    options.root = dir.path().join("project/packages/web");
    let project = Project::read(&options).unwrap();
    assert!(project.root.ends_with("project"));
    assert_eq!(project.directory, "packages/web");
    assert!(project.config.get("registry").is_none(), "npm ignores a member's npmrc");

    write(dir.path(), "sealcheck.toml", b"[install]\ndirectory = 'packages/web'");
    let project = Project::read(&self::options(dir.path())).unwrap();
    assert_eq!(project.directory, "packages/web");
}
