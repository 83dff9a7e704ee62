//! The commands beside `test`: what each prints, and that it does nothing else.

use super::{assert_good, shop, snapshot};
use crate::support;
use crate::support::package::{Package, integrity};
use crate::support::project::{Project, outcome};
use crate::support::verdaccio::Published;
use serde_json::{Value, json};

#[test]
fn a_plan_runs_nothing_and_changes_nothing() {
    let shop = shop();
    let before = snapshot(shop.path());
    let told = shop.run(&["plan"]);
    assert_good(&told);
    for part in ["baseline-1", "control-1", "npm ci", "private-mapping-removed-1"] {
        assert!(told.stdout.contains(part), "`{part}` is not in\n{}", told.stdout);
    }
    assert_eq!(told.stderr, "");
    assert_eq!(snapshot(shop.path()), before);
    assert!(snapshot(shop.home()).is_empty());
    let one = shop.run(&["plan", "--scenario", "private-*", "--skip", "private-not-found"]);
    assert!(one.stdout.contains("private-refused-1") && !one.stdout.contains("private-not-found-1"));
}

/// npm takes the nearest folder above that has a package.json for its project, also where it is
/// asked for its built-in default from a cache below such a folder.
#[test]
fn the_public_registry_is_npms_own_whatever_lies_above_the_cache() {
    let shop = shop();
    std::fs::write(shop.home().join("package.json"), "{}").unwrap();
    std::fs::write(shop.home().join(".npmrc"), "registry=https://npm.company.example/\n").unwrap();
    let inspect = || {
        let mut command = shop.command();
        outcome(command.arg("inspect").env("XDG_CACHE_HOME", shop.home().join(".cache")), None)
    };
    let public = support::npm::public_registry();
    // As npm answers, and as it is kept.
    for told in [inspect(), inspect()] {
        assert_good(&told);
        let wanted = format!("public registry {public}");
        assert!(told.stdout.contains(&wanted), "`{wanted}` is not in\n{}", told.stdout);
    }
    let kept = std::fs::read_dir(shop.home().join(".cache/sealcheck/answers")).unwrap().count();
    assert!(kept >= 2, "{kept}");
}

#[test]
fn a_toolchain_that_is_fetched_is_named_once() {
    if support::npm::skipped_without_toolchains("cli::a_toolchain_that_is_fetched_is_named_once") {
        return;
    }
    let shop = shop();
    let plan = |words: &[&str], cache: &str| {
        let mut command = shop.command();
        command.args(words).args(["plan", "--toolchain", "npm@8.19.4"]);
        outcome(command.env("XDG_CACHE_HOME", shop.home().join(cache)), None)
    };
    let told = plan(&[], ".cache");
    assert_good(&told);
    let fetched = "/npm/-/npm-8.19.4.tgz, once for this machine\n";
    assert!(told.stderr.starts_with("fetching ") && told.stderr.ends_with(fetched), "{}", told.stderr);
    assert_eq!(plan(&[], ".cache").stderr, "", "it is kept");
    assert_eq!(plan(&["-q"], ".quiet").stderr, "");
}

#[test]
fn an_inspection_shows_positions_and_integrities() {
    let shop = shop();
    let told = shop.run(&["inspect"]);
    assert_good(&told);
    let packed = support::root().join("examples/leaky-shop/registry/shop/prices");
    let integrity = sealcheck::upstream::folder::pack(&packed).unwrap().digests.sri();
    for part in [
        ".npmrc:1, project",
        "@shop/prices is private to https://npm.shop.example/",
        "1 entry private without `resolved`",
        "package-lock.json:15:5: @shop/prices",
        &format!("@shop/prices@1.2.0 {integrity}"),
    ] {
        assert!(told.stdout.contains(part), "`{part}` is not in\n{}", told.stdout);
    }
}

/// A project of whose packages nothing says whose they are.
fn undecided() -> Project {
    let logger = Package::new("acme-logger", "1.0.0");
    let published = Published {
        resolved: "https://npm.corp.example/all/acme-logger/-/acme-logger-1.0.0.tgz".to_owned(),
        integrity: integrity(&logger.tarball()),
    };
    Project::new()
        .dependency("acme-logger", "1.0.0")
        .npmrc("registry=https://npm.corp.example/all/")
        .settings("jobs = 1 # of the owner's own")
        .published(&logger, &published)
        .build()
}

#[test]
fn the_line_of_the_toolchain_tells_that_npm_refuses_it() {
    let shop = |npmrc: &str| {
        Project::new()
            .manifest(
                serde_json::json!({ "name": "shop", "version": "1.0.0", "engines": { "node": ">=99" } }),
            )
            .npmrc(npmrc)
            .build()
    };
    for (npmrc, refuses) in [("engine-strict=true", true), ("engine-strict=false", false), ("", false)] {
        let told = shop(npmrc).run(&["inspect"]);
        assert_good(&told);
        let line = told.stdout.lines().find(|line| line.starts_with("node ")).unwrap();
        assert!(line.contains("`engines` in package.json wants node >=99"), "{line}");
        let says = line.contains("with `engine-strict` (.npmrc:1) npm refuses that by EBADENGINE");
        assert_eq!(says, refuses, "{npmrc}: {line}");
    }
}

/// One registry serves both kinds, and its packages are undecided for one and the same reason.
#[test]
fn what_is_undecided_for_one_reason_is_one_line() {
    let mut project = Project::new().npmrc("registry=https://npm.corp.example/all/");
    for at in 0..12 {
        let name = format!("acme-{at:02}");
        let package = Package::new(&name, "1.0.0");
        let published = Published {
            resolved: format!("https://npm.corp.example/all/{name}/-/{name}-1.0.0.tgz"),
            integrity: integrity(&package.tarball()),
        };
        project = project.dependency(&name, "1.0.0").published(&package, &published);
    }
    let project = project.build();
    let told = project.run(&["inspect"]);
    assert_good(&told);
    let lines: Vec<&str> = told.stdout.lines().filter(|line| line.contains("undecided:")).collect();
    assert_eq!(
        lines,
        [
            "  12 packages are undecided: https://npm.corp.example/all/ may serve public packages too, and signatures were not looked at (acme-00, acme-01, acme-02, acme-03, acme-04 and 7 more)"
        ],
    );
    let told = project.run(&["plan"]);
    assert_good(&told);
    assert!(!told.stdout.contains("no package is private"), "{}", told.stdout);
    assert!(
        told.stdout.contains(
            "control: no package is known to be private or local, and of 12 nothing says whether they are private"
        ),
        "{}",
        told.stdout
    );
    let lines: Vec<&str> = told.stdout.lines().filter(|line| line.contains("undecided:")).collect();
    assert!(
        matches!(lines[..], [line] if line.trim().starts_with("12 packages are undecided: ")),
        "{lines:?}"
    );
    assert!(told.stdout.contains("`sealcheck inspect --write`"), "{}", told.stdout);
}

/// As in real projects: a member whose folder has another name than its link, a former member
/// that the lockfile keeps, one name twice, git in npm's short form, keys of old versions of npm.
#[test]
fn the_numbers_of_an_inspection_fit_one_another() {
    let far = |name: &str| {
        json!({ "version": "1.0.0", "resolved": format!("https://npm.corp.example/all/{name}/-/{name}-1.0.0.tgz"),
            "integrity": integrity(&Package::new(name, "1.0.0").tarball()) })
    };
    let root = json!({ "name": "shop", "version": "1.0.0",
        "dependencies": { "@shop/ui": "file:./ui", "once": "1.0.0", "twice": "1.0.0", "forked": "github:o/forked" } });
    let lock = json!({ "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {
        "": root,
        "node_modules/@shop/ui": { "resolved": "ui", "link": true },
        "ui": { "name": "shop-ui", "version": "1.0.0" },
        "node_modules/once": far("once"),
        "node_modules/twice": far("twice"),
        "node_modules/once/node_modules/twice": far("twice"),
        "node_modules/forked": { "version": "1.0.0", "resolved": "github:o/forked#176ac18360937454512b19ef7d78cc51fe80708d" },
        "packages/gone": { "name": "@shop/gone", "version": "1.0.0", "extraneous": true },
    } });
    let project = Project::new()
        .manifest(root)
        .lockfile(&format!("{lock:#}"))
        .npmrc("registry=https://npm.corp.example/all/\nalways-auth=true\ntag-version-prefix=\"\"\n")
        .build();
    std::fs::create_dir_all(project.path().join("ui")).unwrap();
    std::fs::write(project.path().join("ui/package.json"), r#"{"name":"shop-ui","version":"1.0.0"}"#)
        .unwrap();
    let told = project.run(&["inspect"]);
    assert_good(&told);
    for line in [
        "version 3, 6 entries, and 1 that npm installs no more (extraneous: packages/gone)\n",
        "  1 local (2 entries, as a link and its folder are two; 2 names)\n",
        "  3 undecided (2 names)\n",
        "  1 other\n",
        "  1 entry from github.com, which is neither a configured registry nor the public one\n",
        "  tag-version-prefix = \"\"  (.npmrc:3, project)\n",
        " does not know `always-auth`: it is given to scripts and does nothing else  (.npmrc:2, project)\n",
    ] {
        assert!(told.stdout.contains(line), "{line}{}", told.stdout);
    }
}

#[test]
fn an_inspection_proposes_what_is_undecided_and_keeps_the_file() {
    let project = undecided();
    let before = project.read("sealcheck.toml");
    let told = project.run(&["inspect"]);
    assert_good(&told);
    assert!(told.stdout.contains("acme-logger is undecided"), "{}", told.stdout);
    assert_eq!(project.read("sealcheck.toml"), before, "nothing is written unless it is asked for");

    assert_good(&project.run(&["inspect", "--write"]));
    let after = project.read("sealcheck.toml");
    assert!(after.contains("\"acme-logger\""), "{after}");
    assert!(after.contains(before.trim()), "the owner's lines are gone:\n{after}");
    let told = project.run(&["inspect"]);
    assert_good(&told);
    assert!(told.stdout.contains("acme-logger is private to"), "{}", told.stdout);
    // Once all is decided there is nothing more to write.
    assert_good(&project.run(&["inspect", "--write"]));
    assert_eq!(project.read("sealcheck.toml"), after);
}

#[test]
fn every_scenario_is_listed_and_shown_and_fits_the_schema() {
    let shop = shop();
    let list = shop.run(&["scenarios", "list"]);
    assert_good(&list);
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 13, "{names:?}");
    for name in names {
        let told = shop.run(&["scenarios", "show", name]);
        assert_good(&told);
        let toml: toml::Table = told.stdout.parse().unwrap();
        assert_eq!(toml["name"].as_str(), Some(name));
    }
    let schema = shop.run(&["scenarios", "schema"]);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    let kept = std::fs::read_to_string(support::root().join("scenarios/schema.json")).unwrap();
    assert_eq!(schema, serde_json::from_str::<Value>(&kept).unwrap());
}

#[test]
fn every_rule_is_listed_and_explained() {
    let shop = shop();
    let list = shop.run(&["explain"]);
    assert_good(&list);
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names.len(), sealcheck::finding::RULES.len());
    for name in names {
        let told = shop.run(&["explain", name]);
        assert_good(&told);
        assert!(told.stdout.starts_with(&format!("# {name}\n")), "{}", told.stdout);
        assert!(told.stdout.contains("## How to mend it"), "{}", told.stdout);
    }
}

#[test]
fn the_doctor_gives_a_hint_for_every_lack() {
    let shop = shop();
    let told = shop.run(&["doctor"]);
    let lines: Vec<&str> = told.stdout.lines().collect();
    let lacks = |line: &&str| line.starts_with("LACK");
    assert!(
        lines.iter().all(|line| ["ok ", "LACK", "none", "   "].iter().any(|it| line.starts_with(it))),
        "{told:?}"
    );
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| lacks(line)) {
        assert!(lines.get(at + 1).is_some_and(|next| next.contains("to mend it: ")), "{line}\n{told:?}");
    }
    let sandbox_lacks = lines.iter().take(6).any(lacks);
    assert_eq!(told.status, Some(if sandbox_lacks { 3 } else { 0 }), "{told:?}");

    // Without node there is a lack whatever the machine is.
    let told = outcome(shop.command().arg("doctor").env("PATH", "/nonexistent"), None);
    assert_eq!(told.status, Some(3), "{told:?}");
    assert!(told.stdout.contains("LACK  no node was found\n      to mend it: "), "{}", told.stdout);
}

#[test]
fn the_doctor_names_a_variable_that_is_not_set() {
    let project = Project::new()
        .npmrc("@acme:registry=https://npm.corp.example/\n//npm.corp.example/:_authToken=${ACME_TOKEN}")
        .served_registry("https://npm.corp.example/", "served", |it| {
            it.package(Package::new("@acme/logger", "1.0.0"))
        })
        .served_registry("{public}", "public", |it| it.package(Package::new("other", "1.0.0")))
        .dependency("@acme/logger", "1.0.0")
        .build();
    let told = project.run(&["doctor", "."]);
    assert_eq!(told.status, Some(3), "{told:?}");
    assert!(told.stdout.contains("to mend it: set the variable ACME_TOKEN"), "{}", told.stdout);
}

#[test]
fn cleaning_removes_what_it_says_and_nothing_else() {
    let shop = shop();
    let cache = tempfile::tempdir().unwrap();
    let clean = |arguments: &[&str]| {
        outcome(shop.command().arg("clean").args(arguments).env("XDG_CACHE_HOME", cache.path()), None)
    };
    let told = clean(&[]);
    assert_good(&told);
    assert_eq!(told.stdout, "nothing was left behind\n");
    std::fs::create_dir_all(cache.path().join("sealcheck/toolchains/node")).unwrap();
    assert_good(&clean(&[]));
    assert!(cache.path().join("sealcheck/toolchains/node").is_dir(), "toolchains go only on request");
    assert_good(&clean(&["--toolchains"]));
    assert!(!cache.path().join("sealcheck/toolchains").exists());
}

#[test]
fn completions_know_the_options() {
    let shop = shop();
    for shell in ["bash", "zsh", "fish"] {
        let told = shop.run(&["completions", shell]);
        assert_good(&told);
        for part in ["sealcheck", "scenarios-dir", "inspect"] {
            assert!(told.stdout.contains(part), "{shell}: {part}");
        }
        assert!(!told.stdout.contains("__witness"), "{shell} offers a hidden command");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let pages = folder.path().join("man/man1");
    let told = outcome(
        shop.command().env("SEALCHECK_SCENARIOS_DIR", "/of/this/machine").args([
            "man",
            "-o",
            pages.to_str().unwrap(),
        ]),
        None,
    );
    assert_good(&told);
    let written = snapshot(&pages);
    let named = |name: &str| String::from_utf8(written[pages.join(name).to_str().unwrap()].clone()).unwrap();
    for (name, title, part) in [
        ("sealcheck.1", ".TH sealcheck 1", "sealcheck\\-inspect(1)"),
        ("sealcheck-test.1", ".TH sealcheck-test 1", "\\-\\-fail\\-on"),
        ("sealcheck-scenarios-list.1", ".TH sealcheck-scenarios-list 1", ".SH SYNOPSIS"),
    ] {
        let page = named(name);
        assert!(page.contains(title) && page.contains(part), "{name}\n{page}");
    }
    for (name, page) in &written {
        let page = String::from_utf8_lossy(page);
        assert!(!page.contains("/of/this/machine") && !page.contains("__"), "{name}\n{page}");
    }
    assert_eq!(shop.run(&["man", "scenarios", "list"]).stdout, named("sealcheck-scenarios-list.1"));
    assert_eq!(shop.run(&["man"]).stdout, named("sealcheck.1"));
}

#[test]
fn help_and_version_are_results() {
    let shop = shop();
    for arguments in [&["--version"][..], &["--help"], &["test", "--help"], &["help", "inspect"]] {
        let told = shop.run(arguments);
        assert_good(&told);
        assert!(told.stdout.contains("sealcheck") && told.stderr.is_empty(), "{told:?}");
        assert!(!told.stdout.contains("__stage"), "{told:?}");
    }
    let told = shop.run(&[]);
    assert_eq!(told.status, Some(2), "no command is no result");
    assert!(told.stderr.contains("Usage:"), "{told:?}");
}
