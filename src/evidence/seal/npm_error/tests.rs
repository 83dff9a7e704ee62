//! Each code of npm 8 to 12 is read from the text that plain npm printed (`tests/fixtures/npm-errors/`).

mod rows;

use super::*;
use rows::MORE;
use std::path::Path;

/// The npm versions whose texts are recorded.
const NPMS: [&str; 4] = ["8.19.4", "10.9.9", "11.19.1", "12.2.0"];

/// What one npm printed, by case, with the public registry's host filled in.
fn recorded(npm: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npm-errors");
    let text = std::fs::read_to_string(folder.join(format!("npm-{npm}.txt"))).unwrap();
    let text = text.replace("{public}", "public.example");
    let cases = text.split("=== ").skip(1).map(|section| {
        let (head, stderr) = section.split_once('\n').unwrap();
        (head.split(':').next().unwrap().to_owned(), stderr.to_owned())
    });
    cases.collect()
}

/// Case, code, the first package, what the URL or path ends in, what the sentence has.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const NONE: &str = "";

/// What each npm says alike, but for words that do not matter here.
const ROWS: [Row; 45] = [
    (
        "eusage-out-of-step",
        "EUSAGE",
        "@acme/tools@1.0.0",
        NONE,
        "Missing: @acme/tools@1.0.0 from lock file; Invalid: lock file's left-over@1.0.0 does not satisfy left-over@",
    ),
    (
        "eusage-missing-nested",
        "EUSAGE",
        "@acme/tools@1.0.0",
        NONE,
        "Missing: @acme/tools@1.0.0 from lock file",
    ),
    ("eusage-no-lockfile", "EUSAGE", NONE, NONE, "can only install with an existing package-lock.json"),
    ("e401-packument", "E401", NONE, "/401/@acme%2finternal", "401 Unauthorized - GET"),
    ("e401-tarball", "E401", NONE, "/internal-1.0.0.tgz", "401 Unauthorized - GET"),
    ("e401-bearer", "E401", NONE, NONE, "your authentication token seems to be invalid"),
    ("e401-basic", "E401", NONE, NONE, "Incorrect or missing password"),
    ("e403", "E403", NONE, "/internal-1.0.0.tgz", "403 Forbidden - GET"),
    ("e403-packument", "E403", NONE, "/403/@acme%2finternal", "403 Forbidden - GET"),
    ("e404-packument", "E404", "@acme/secret@1.0.0", "/@acme%2fsecret", "404 Not Found - GET"),
    ("e404-tarball", "E404", "@acme/secret", "/secret-1.0.0.tgz", "404 Not Found - GET"),
    ("e429", "E429", NONE, "/429/left-over.tgz", "429 Too Many Requests"),
    ("e500", "E500", NONE, "/500/left-over.tgz", "500 Internal Server Error"),
    ("e503-packument", "E503", NONE, "/503/@acme%2finternal", "503 Service Unavailable"),
    (
        "eintegrity",
        "EINTEGRITY",
        "left-over",
        NONE,
        "integrity checksum failed when using sha512: wanted sha512-",
    ),
    (
        "eintegrity-packument",
        "EINTEGRITY",
        NONE,
        NONE,
        "Integrity checksum failed when using sha512: wanted sha512-",
    ),
    ("etarget", "ETARGET", "left-over@7.7.7", NONE, "No matching version found for left-over@7.7.7."),
    ("etarget-before", "ETARGET", "left-over@1.1.1", NONE, "left-over@1.1.1 with a date before"),
    ("etarget-min-release-age", "ETARGET", "left-over@1.1.1", NONE, "left-over@1.1.1 with a date before"),
    ("enotcached", "ENOTCACHED", NONE, "/x-1.1.1.tgz", "no cached response is available"),
    ("enotcached-packument", "ENOTCACHED", NONE, "/left-over", "no cached response is available"),
    ("ebadengine", "EBADENGINE", "needy@1.0.0", NONE, "needy@1.0.0, Required: {\"node\":\">=99\"}"),
    (
        "ebadplatform",
        "EBADPLATFORM",
        "foreign@1.0.0",
        NONE,
        "Unsupported platform for foreign@1.0.0: wanted {\"os\":\"win32\"",
    ),
    (
        "ebaddevengines",
        "EBADDEVENGINES",
        NONE,
        NONE,
        "Invalid devEngines.runtime: Invalid semver version \">=99\"",
    ),
    ("eresolve", "ERESOLVE", "left-over@1.1.1", NONE, "Found: left-over@1.1.1"),
    (
        "eallowremote",
        "EALLOWREMOTE",
        "@acme/internal",
        "/x-1.0.0.tgz",
        "Refusing to fetch \"@acme/internal@https://",
    ),
    (
        "eallowremote-url",
        "EALLOWREMOTE",
        "left-over",
        "/x-1.1.1.tgz",
        "Refusing to fetch \"left-over@https://",
    ),
    ("eallowgit", "EALLOWGIT", "by-git", NONE, "Refusing to fetch \"by-git@git+file:"),
    ("eallowfile", "EALLOWFILE", NONE, NONE, "packages of type \"file\" have been disabled"),
    (
        "estrictallowscripts",
        "ESTRICTALLOWSCRIPTS",
        "quiet@1.0.0",
        NONE,
        "not covered by allowScripts: quiet@1.0.0 (install:",
    ),
    (
        "eallowscripts",
        "EALLOWSCRIPTS",
        NONE,
        NONE,
        "--allow-scripts is not allowed in project-scoped installs",
    ),
    (
        "script-of-package",
        "3",
        NONE,
        "/project/node_modules/builds",
        "command failed in /project/node_modules/builds: `sh -c ",
    ),
    ("script-of-root", "7", NONE, "/project", "command failed in /project: `sh -c "),
    ("script-not-found", "127", NONE, "/project", "husky-that-is-not-there`"),
    ("git-unreachable", "128", NONE, "/team/by-git.git", "An unknown git error occurred: command git"),
    ("git-no-commit", "128", NONE, NONE, "checkout 0000000000000000000000000000000000000001: fatal: "),
    ("git-missing-program", "ENOENT", "by-git", "git", "An unknown git error occurred"),
    (
        "econnrefused",
        "ECONNREFUSED",
        NONE,
        "/left-over.tgz",
        "request to http://127.0.0.1:1/left-over.tgz failed",
    ),
    ("enotfound", "ENOTFOUND", NONE, "/left-over.tgz", "getaddrinfo ENOTFOUND npm.acme.invalid"),
    ("econnreset", "ECONNRESET", NONE, "/reset/left-over.tgz", "socket hang up"),
    ("fetch-timeout", "FETCH_ERROR", NONE, "/stall/left-over.tgz", "timeout at: https://"),
    ("emaxredirect", "EMAXREDIRECT", NONE, "/loop/left-over.tgz", "maximum redirect reached at: https://"),
    ("no-json", "FETCH_ERROR", NONE, "/html/left-over", "invalid json response body at https://"),
    ("no-tarball", "TAR_BAD_ARCHIVE", NONE, NONE, "Unrecognized archive format"),
    ("enoent-file", "ENOENT", "by-file", "/project/not-there.tgz", "no such file or directory"),
];

#[test]
fn each_error_of_each_npm_is_read() {
    let mut seen = 0;
    for npm in NPMS {
        for (case, stderr) in recorded(npm) {
            let Some((_, code, package, place, words)) = ROWS.iter().chain(MORE).find(|row| row.0 == case)
            else {
                continue;
            };
            let error = parse(&stderr).unwrap_or_else(|| panic!("npm {npm}: {case}: {stderr}"));
            // What an older npm does not refuse it goes on with, and fails otherwise.
            let allow = code.starts_with("EALLOW") && error.code != *code;
            if allow {
                continue;
            }
            let shown = format!("npm {npm}: {case}: {error:#?}");
            let first = error.packages.first();
            let named = first.map_or(String::new(), |it| match &it.version {
                Some(version) => format!("{}@{version}", it.name),
                None => it.name.clone(),
            });
            assert!(code.split('|').any(|code| code == error.code), "{shown}");
            // npm 11 names nothing of what it refuses in this way.
            if npm.starts_with("11.") && code.starts_with("EALLOW") {
                assert!(error.summary.contains("have been disabled") || named.is_empty(), "{shown}");
                continue;
            }
            assert_eq!(named, *package, "{shown}");
            let told = error.url.as_deref().or(error.path.as_deref()).unwrap_or_default();
            assert!(told.ends_with(place), "{shown}");
            assert!(place.is_empty() || !told.is_empty(), "{shown}");
            assert!(error.summary.contains(words), "{shown}");
            assert!(!error.message.contains("complete log") && !error.message.contains("Usage:"), "{shown}");
            assert!(!error.message.contains("    at ") && !error.message.contains("errno"), "{shown}");
            assert_eq!(error.wanted.is_some(), *code == "EINTEGRITY", "{shown}");
            seen += 1;
        }
    }
    assert!(seen >= 380, "{seen} texts were read");
}

#[test]
fn sentences_that_npm_breaks_are_whole_and_labels_are_gone() {
    let of = |npm: &str, case: &str| {
        let (_, stderr) = recorded(npm).into_iter().find(|(name, _)| name == case).unwrap();
        parse(&stderr).unwrap().message
    };
    let whole =
        "In most cases you or one of your dependencies are requesting a package version that doesn't exist.";
    for npm in NPMS {
        assert_eq!(
            of(npm, "etarget"),
            format!("No matching version found for left-over@7.7.7.\n{whole}"),
            "{npm}"
        );
        let forbidden = of(npm, "e403");
        assert!(forbidden.starts_with("403 Forbidden - GET https://npm.acme.example/403/"), "{forbidden}");
        assert!(forbidden.ends_with("or on a server you do not have access to."), "{forbidden}");
        assert!(of(npm, "script-of-package").ends_with("\nwhat the script printed"), "{npm}");
    }
}

#[test]
fn colours_bare_codes_and_errors_without_one_are_read() {
    for (stderr, code, summary) in [
        ("npm error code EMPTY\n", "EMPTY", ""),
        (
            "\u{1b}[1mnpm\u{1b}[22m \u{1b}[31merror\u{1b}[39m \u{1b}[94mcode\u{1b}[39m E404\n\u{1b}[1mnpm\u{1b}[22m \u{1b}[31merror\u{1b}[39m 404 Not Found - GET \u{1b}[2K\n",
            "E404",
            "404 Not Found - GET \u{1b}[2K",
        ),
        (
            "npm ERR! Cannot read properties of null (reading 'name')\n\nnpm ERR! A complete log of this run can be found in:\nnpm ERR!     /home/npm/x.log\n",
            "",
            "Cannot read properties of null (reading 'name')",
        ),
        ("npm error Invalid Version: not.a.version\n", "", "Invalid Version: not.a.version"),
        (
            "npm error Exit handler never called!\nnpm error This is an error with npm itself.\n",
            "",
            "Exit handler never called!",
        ),
    ] {
        let error = parse(stderr).unwrap();
        assert_eq!((error.code.as_str(), error.summary.as_str()), (code, summary));
    }
    assert_eq!(parse("npm warn deprecated x\nadded 3 packages\n"), None);
}

#[test]
fn what_a_script_makes_up_is_bounded() {
    let line = format!("npm error Missing: {}@1.0.0 from lock file\n", "a".repeat(90_000));
    let many = "npm error Missing: left-over@1.0.0 from lock file\n".to_owned();
    let names: String =
        (0..500).map(|at| format!("npm error Missing: p{at}@1.0.0 from lock file\n")).collect();
    let error = parse(&format!("npm error code EUSAGE\n{line}{many}{names}")).unwrap();
    assert!(error.summary.chars().count() <= SUMMARY && error.message.chars().count() <= MESSAGE);
    assert_eq!(error.packages.len(), NAMED);
    let hidden =
        parse("npm error code E401\nnpm error 401 - GET https://user:pass@npm.acme.example/a?token=x\n")
            .unwrap();
    assert_eq!(hidden.url.as_deref(), Some("https://npm.acme.example/a"));
}
