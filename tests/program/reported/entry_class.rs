//! A package's class and registry belong to its lockfile entry, not to its name.

use crate::support::npm::skipped_without_toolchains;
use crate::support::package::{Package, integrity};
use crate::support::project::{Builder, Outcome, Project, Served, at_the_public_registry};
use crate::support::told::{came_to, found, run, test};
use crate::support::toolchain::NODE_22_NPM_12;
use serde_json::{Value, json};

const PACKAGES: &str = "https://npm.pkg.example/";

/// A lockfile entry of a package that lies at this registry.
fn pinned(package: &Package, registry: &str) -> Value {
    let registry = registry.trim_end_matches('/');
    let mut entry = json!({
        "version": package.version(),
        "resolved": format!("{registry}/{}/-/{}", package.name(), package.tarball_name()),
        "integrity": integrity(&package.tarball()),
    });
    let manifest = package.manifest();
    if let Some(dependencies) = manifest.get("dependencies") {
        entry["dependencies"] = dependencies.clone();
    }
    entry
}

/// A project with this manifest and these lockfile entries.
fn project(root: &Value, entries: &Value, npmrc: &str) -> Builder {
    let mut packages = json!({ "": root });
    packages.as_object_mut().unwrap().extend(entries.as_object().cloned().unwrap());
    let lock = json!({
        "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": packages,
    });
    Project::new()
        .manifest(root.clone())
        .npmrc(npmrc)
        .lockfile(&at_the_public_registry(&format!("{lock:#}\n")))
}

fn serving(builder: Builder, url: &str, folder: &str, packages: Vec<Package>) -> Builder {
    builder.served_registry(url, folder, |registry| packages.into_iter().fold(registry, Served::package))
}

/// What a rule says.
fn says(outcome: &Outcome, rule: &str) -> Vec<String> {
    let findings = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    let of_rule = findings.iter().filter(|finding| finding["rule"] == rule);
    of_rule.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

fn lint() -> Package {
    Package::new("@jdoe/lint-config", "1.2.0").dependency("@jdoe/secret", "^1.0.0")
}

fn secret(version: &str) -> Package {
    Package::new("@jdoe/secret", version)
}

/// A scope on two registries, and a name that has a version on each.
fn mixed() -> Builder {
    let old = Package::new("@jdoe/lint-config", "1.1.0");
    let mut alias = pinned(&old, "{public}");
    alias["name"] = "@jdoe/lint-config".into();
    let root = json!({ "name": "shop", "version": "1.0.0", "dependencies": {
        "@jdoe/secret": "2.0.0", "@jdoe/lint-config": "^1.2.0", "lint-old": "npm:@jdoe/lint-config@1.1.0",
    }});
    let entries = json!({
        "node_modules/@jdoe/secret": pinned(&secret("2.0.0"), PACKAGES),
        "node_modules/@jdoe/lint-config": pinned(&lint(), "{public}"),
        "node_modules/@jdoe/lint-config/node_modules/@jdoe/secret": pinned(&secret("1.0.0"), "{public}"),
        "node_modules/lint-old": alias,
    });
    let builder = project(&root, &entries, "@jdoe:registry=https://npm.pkg.example");
    let builder = serving(builder, PACKAGES, "registry/own", vec![secret("2.0.0")]);
    serving(builder, "{public}", "registry/public", vec![lint(), old, secret("1.0.0")])
}

#[test]
fn what_the_lockfile_pins_at_the_public_registry_is_public_in_a_mapped_scope() {
    if skipped_without_toolchains("reported::entry_class::mixed") {
        return;
    }
    let outcome = test(&mixed().build(), &["baseline", "control", "private-mapping-removed"]);
    for scenario in ["baseline", "private-mapping-removed"] {
        assert_eq!(came_to(&outcome, scenario), "sealed 0", "{}", outcome.stdout);
        assert_eq!(found(&outcome, scenario, "node_modules/@jdoe/secret"), "private registry own");
        for public in [
            "node_modules/@jdoe/lint-config",
            "node_modules/@jdoe/lint-config/node_modules/@jdoe/secret",
            "node_modules/lint-old",
        ] {
            assert_eq!(found(&outcome, scenario, public), "public registry public", "{scenario} {public}");
        }
    }
    // Strangers offer the private version alone: what is published is who published it.
    assert_eq!(came_to(&outcome, "control"), "leaked 0");
    assert_eq!(found(&outcome, "control", "node_modules/@jdoe/secret"), "private registry foreign");
    assert_eq!(found(&outcome, "control", "node_modules/@jdoe/lint-config"), "public registry public");
    let told = says(&outcome, "lockfile-against-config");
    assert!(
        told.len() == 1 && told[0].contains("its scope is mapped to https://npm.pkg.example/"),
        "{told:?}"
    );
    assert_eq!(says(&outcome, "private-name-requested"), Vec::<String>::new());
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
}

/// npm 12 refuses such an entry without a request.
#[test]
fn an_npm_that_refuses_the_public_entry_of_a_mapped_scope_is_told_as_it_is() {
    if skipped_without_toolchains("reported::entry_class::mixed_12") {
        return;
    }
    let outcome = mixed().build().test(&["--scenario", "baseline", "--toolchain", NODE_22_NPM_12]);
    assert_eq!(came_to(&outcome, "baseline"), "broken EALLOWREMOTE", "{}", outcome.stdout);
    assert_eq!(says(&outcome, "private-name-requested"), Vec::<String>::new());
}

/// setup-node maps the owner's whole scope in the user's npmrc. For a lockfile of version 1 npm
/// asks the mapped registry for each packument, and fetches `resolved` all the same.
#[test]
fn what_setup_node_maps_may_be_public() {
    if skipped_without_toolchains("reported::entry_class::setup_node") {
        return;
    }
    let (lint, other) = (Package::new("@jdoe/lint-config", "1.2.0"), Package::new("left-over", "1.1.1"));
    let (at_public, left) = (pinned(&lint, "{public}"), pinned(&other, "{public}"));
    let lock = json!({ "name": "shop", "version": "1.0.0", "lockfileVersion": 1, "requires": true,
        "dependencies": { "@jdoe/lint-config": at_public, "left-over": left } });
    let builder = Project::new()
        .dependency("@jdoe/lint-config", "^1.2.0")
        .dependency("left-over", "^1.0.0")
        .lockfile(&at_the_public_registry(&format!("{lock:#}\n")));
    let builder = serving(builder, PACKAGES, "registry/own", vec![secret("2.0.0")]);
    let mut project = serving(builder, "{public}", "registry/public", vec![lint, other]).build();
    let npmrc = "@jdoe:registry=https://npm.pkg.example\n//npm.pkg.example/:_authToken=${NODE_AUTH_TOKEN}\n";
    std::fs::write(project.home().join(".npmrc"), npmrc).unwrap();
    project.set("NODE_AUTH_TOKEN", "ghp_0123456789abcdefghijklmnopqrstuvwxyz");
    let outcome = test(&project, &["baseline"]);
    assert_eq!(came_to(&outcome, "baseline"), "sealed 0", "{}", outcome.stdout);
    assert_eq!(found(&outcome, "baseline", "node_modules/@jdoe/lint-config"), "public registry public");
    assert_eq!(outcome.report["project"]["private"], json!([]));
}

/// A member of a workspace that is published too: a dependency and an alias use older versions.
#[test]
fn a_published_version_of_a_member_comes_from_where_it_is_published() {
    if skipped_without_toolchains("reported::entry_class::members") {
        return;
    }
    let published = |version| Package::new("acme-ui", version);
    let tool = Package::new("tool", "1.0.0").dependency("acme-ui", "^1.0.0");
    let mut alias = pinned(&published("0.9.0"), "{public}");
    alias["name"] = "acme-ui".into();
    let root = json!({ "name": "shop", "version": "1.0.0", "workspaces": ["packages/*"],
        "dependencies": { "tool": "1.0.0", "ui-before": "npm:acme-ui@0.9.0" } });
    let entries = json!({
        "node_modules/acme-ui": { "resolved": "packages/ui", "link": true },
        "node_modules/tool": pinned(&tool, "{public}"),
        "node_modules/tool/node_modules/acme-ui": pinned(&published("1.0.0"), "{public}"),
        "node_modules/ui-before": alias,
        "packages/ui": { "name": "acme-ui", "version": "2.0.0" },
    });
    let builder = project(&root, &entries, "audit=false")
        .file("packages/ui/package.json", "{ \"name\": \"acme-ui\", \"version\": \"2.0.0\" }\n");
    let public = vec![tool, published("0.9.0"), published("1.0.0")];
    let project = serving(builder, "{public}", "registry/public", public).build();
    let outcome = test(&project, &["baseline", "control", "public-decoy"]);
    for scenario in ["baseline", "public-decoy"] {
        assert_eq!(came_to(&outcome, scenario), "sealed 0", "{}", outcome.stdout);
        assert_eq!(found(&outcome, scenario, "node_modules/acme-ui"), "local link own");
        for public in ["node_modules/tool/node_modules/acme-ui", "node_modules/ui-before"] {
            assert_eq!(found(&outcome, scenario, public), "public registry public", "{public}");
        }
    }
    // A stranger who gets to publish the next version wins where the link is gone.
    assert_eq!(came_to(&outcome, "control"), "leaked 0", "{}", outcome.stdout);
    assert_eq!(found(&outcome, "control", "node_modules/acme-ui"), "local registry foreign");
    assert_eq!(says(&outcome, "private-name-requested"), Vec::<String>::new());
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
}

/// A script installs another project of the repository, whose own lockfile names what is public;
/// npm does not read this one's npmrc there.
#[test]
fn a_project_that_a_script_installs_has_its_own_public_names() {
    if skipped_without_toolchains("reported::entry_class::nested") {
        return;
    }
    let lint = Package::new("@jdoe/lint-config", "1.2.0");
    let tools =
        json!({ "name": "tools", "version": "1.0.0", "dependencies": { "@jdoe/lint-config": "^1.2.0" } });
    let lock = json!({ "name": "tools", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": { "": tools, "node_modules/@jdoe/lint-config": pinned(&lint, "{public}") } });
    let root = json!({ "name": "shop", "version": "1.0.0", "dependencies": { "@jdoe/secret": "2.0.0" },
        "scripts": { "postinstall": "cd tools && npm ci && { npm view @jdoe/hidden version || true; }" } });
    let entries = json!({ "node_modules/@jdoe/secret": pinned(&secret("2.0.0"), PACKAGES) });
    let builder = project(&root, &entries, "@jdoe:registry=https://npm.pkg.example/")
        .file("tools/package.json", &format!("{tools:#}\n"))
        .file("tools/package-lock.json", &at_the_public_registry(&format!("{lock:#}\n")));
    let builder = serving(builder, PACKAGES, "registry/own", vec![secret("2.0.0")]);
    let project = serving(builder, "{public}", "registry/public", vec![lint]).build();
    let outcome = test(&project, &["baseline"]);
    // The install works. The name that nobody pins anywhere is the private scope's, and stays here.
    assert_eq!(came_to(&outcome, "baseline"), "exposed 0", "{}", outcome.stdout);
    let told = says(&outcome, "private-name-requested");
    let hidden = told.iter().find(|message| message.contains("@jdoe/hidden"));
    assert!(hidden.is_some_and(|message| message.contains("sealcheck kept the request back")), "{told:?}");
    assert!(!told.iter().any(|message| message.contains("lint-config")), "{told:?}");
}

/// The owner says that a name is private, and the lockfile says that the public registry has it:
/// it is not told there, and the answer is nobody's but ours.
#[test]
fn an_answer_of_our_own_is_never_told_as_the_registrys() {
    if skipped_without_toolchains("reported::entry_class::not_asked") {
        return;
    }
    let core = Package::new("@acme/core", "1.0.0");
    let root = json!({ "name": "shop", "version": "1.0.0", "dependencies": { "@acme/core": "1.0.0" } });
    let entries = json!({ "node_modules/@acme/core": pinned(&core, "{public}") });
    let builder = project(&root, &entries, "@acme:registry=https://npm.acme.example/")
        .settings("private = [\"@acme/*\"]");
    let builder = serving(builder, "https://npm.acme.example/", "registry/own", vec![core.clone()]);
    let project = serving(builder, "{public}", "registry/public", vec![core]).build();
    let outcome = test(&project, &["baseline"]);
    assert_eq!(came_to(&outcome, "baseline"), "exposed E404", "{}", outcome.stdout);
    let exchanges = run(&outcome, "baseline")["exchanges"].as_array().unwrap();
    let tarball = exchanges.iter().find(|it| it["kind"] == "tarball").unwrap();
    assert!(tarball["not_asked"].as_str().unwrap().starts_with("the name is private"), "{tarball:#}");
    assert_eq!(tarball["answered_by"], "gateway");
    let failed = says(&outcome, "install-failed");
    assert!(failed[0].contains("was not asked: sealcheck answered 404 in its place"), "{failed:?}");
    let told = says(&outcome, "private-name-requested");
    assert!(told[0].contains("sealcheck kept the request back"), "{told:?}");
    let all = outcome.report["findings"].to_string();
    assert!(!all.contains("and answered 404"), "{all}");
}

struct Two {
    name: &'static str,
    npmrc: &'static str,
    user: &'static str,
    settings: &'static str,
    pinned: &'static str,
    other: &'static str,
}

/// One package, that two registries of the owner's have: it is pinned at one, and npm is
/// configured for the other.
#[test]
fn a_second_registry_of_the_owners_is_no_stranger() {
    if skipped_without_toolchains("reported::entry_class::two_own") {
        return;
    }
    let core = Package::new("@acme/core", "1.0.0");
    for two in [
        Two {
            name: "group and hosted",
            npmrc: "registry=https://art.acme.example/repository/npm-group/",
            user: "",
            settings: "private = [\"@acme/*\"]",
            pinned: "https://art.acme.example/repository/npm-hosted/",
            other: "https://art.acme.example/repository/npm-group/",
        },
        Two {
            name: "mirror and paid host",
            npmrc: "registry=https://mirror.acme.example/npm/\n@acme:registry=https://npm.paid.example/",
            user: "",
            settings: "",
            pinned: "https://mirror.acme.example/npm/",
            other: "https://npm.paid.example/",
        },
        Two {
            name: "the user's mapping and the project's",
            npmrc: "@acme:registry=https://npm.acme.example/new/",
            user: "@acme:registry=https://npm.acme.example/old/\n",
            settings: "",
            pinned: "https://npm.acme.example/old/",
            other: "https://npm.acme.example/new/",
        },
    ] {
        let root = json!({ "name": "shop", "version": "1.0.0", "dependencies": { "@acme/core": "1.0.0" } });
        let entries = json!({ "node_modules/@acme/core": pinned(&core, two.pinned) });
        let mut builder = project(&root, &entries, two.npmrc);
        if !two.settings.is_empty() {
            builder = builder.settings(two.settings);
        }
        let builder = serving(builder, two.pinned, "registry/one", vec![core.clone()]);
        let builder = serving(builder, two.other, "registry/two", vec![core.clone()]);
        let project = serving(builder, "{public}", "registry/public", vec![]).build();
        std::fs::write(project.home().join(".npmrc"), two.user).unwrap();
        let outcome = test(&project, &["baseline", "resolved-removed", "private-not-found"]);
        let name = two.name;
        assert_eq!(came_to(&outcome, "baseline"), "sealed 0", "{name}: {}", outcome.stdout);
        assert_eq!(came_to(&outcome, "resolved-removed"), "sealed 0", "{name}: {}", outcome.stdout);
        assert_eq!(came_to(&outcome, "private-not-found"), "sealed E404", "{name}: {}", outcome.stdout);
        for scenario in ["baseline", "resolved-removed"] {
            assert_eq!(
                found(&outcome, scenario, "node_modules/@acme/core"),
                "private registry own",
                "{name}"
            );
        }
        let told = says(&outcome, "lockfile-against-config").join("\n");
        assert!(
            told.contains(&format!("at {}, and npm's configuration names {}", two.pinned, two.other)),
            "{name}: {told}"
        );
        assert!(
            told.contains(&format!("came from {} instead of {}", two.other, two.pinned)),
            "{name}: {told}"
        );
        assert_eq!(outcome.status, Some(0), "{name}: {}", outcome.stdout);
    }
}

/// What a second registry of the owner's gives is compared all the same.
#[test]
fn other_bytes_of_a_second_registry_of_the_owners_are_a_leak() {
    if skipped_without_toolchains("reported::entry_class::other_bytes") {
        return;
    }
    let core = Package::new("@acme/core", "1.0.0");
    let other = core.clone().file("index.js", "module.exports = 'another';\n");
    let (local, all) = ("https://art.acme.example/npm-local/", "https://art.acme.example/npm-all/");
    let root = json!({ "name": "shop", "version": "1.0.0", "dependencies": { "@acme/core": "1.0.0" } });
    let mut bare = pinned(&core, local);
    bare.as_object_mut().unwrap().remove("integrity");
    let builder = project(
        &root,
        &json!({ "node_modules/@acme/core": bare }),
        "registry=https://art.acme.example/npm-all/",
    )
    .settings("private = [\"@acme/*\"]");
    let builder = serving(builder, local, "registry/one", vec![core]);
    let project = serving(builder, all, "registry/two", vec![other]).build();
    let outcome = test(&project, &["baseline", "resolved-removed"]);
    assert_eq!(came_to(&outcome, "baseline"), "sealed 0", "{}", outcome.stdout);
    assert_eq!(came_to(&outcome, "resolved-removed"), "leaked 0", "{}", outcome.stdout);
    assert_eq!(says(&outcome, "tampered-bytes-installed").len(), 1, "{}", outcome.stdout);
}

/// One registry, that the files write in two ways: by http and https, and with the dot that ends
/// an absolute name.
#[test]
fn a_registry_written_in_two_ways_is_one() {
    if skipped_without_toolchains("reported::entry_class::written_twice") {
        return;
    }
    let (core, base) = (Package::new("@acme/core", "1.0.0"), Package::new("@base/one", "1.0.0"));
    let root = json!({ "name": "shop", "version": "1.0.0",
        "dependencies": { "@acme/core": "1.0.0", "@base/one": "1.0.0" } });
    let mut encoded = pinned(&base, "https://NPM.base.example.:443/");
    encoded["resolved"] = "https://NPM.base.example.:443/@base%2fone/-/one-1.0.0.tgz".into();
    let entries = json!({
        "node_modules/@acme/core": pinned(&core, "https://npm.acme.example/"),
        "node_modules/@base/one": encoded,
    });
    let npmrc = "@acme:registry=http://npm.acme.example/\n@base:registry=https://npm.base.example/";
    let builder = project(&root, &entries, npmrc);
    let builder = serving(builder, "http://npm.acme.example/", "registry/acme", vec![core]);
    let project = serving(builder, "https://npm.base.example/", "registry/base", vec![base]).build();
    let outcome = test(&project, &["baseline"]);
    assert_eq!(came_to(&outcome, "baseline"), "sealed 0", "{}", outcome.stdout);
    for path in ["node_modules/@acme/core", "node_modules/@base/one"] {
        assert_eq!(found(&outcome, "baseline", path), "private registry own", "{path}");
    }
}

/// What a tarball bundles comes with it, and the registry has a package of the same name: local
/// and private ones bundle it, and a vendored one stands beside another version of its name.
#[test]
fn a_bundled_or_vendored_package_takes_its_name_from_nobody() {
    if skipped_without_toolchains("reported::entry_class::bundled") {
        return;
    }
    let left = |version: &str| Package::new("left-over", version);
    let bundles = |package: Package| {
        package
            .dependency("left-over", "^1.0.0")
            .field("bundleDependencies", json!(["left-over"]))
            .file("node_modules/left-over/package.json", r#"{ "name": "left-over", "version": "1.0.0" }"#)
    };
    let (outer, tool) =
        (bundles(Package::new("outer", "0.1.4")), bundles(Package::new("@acme/tool", "1.0.0")));
    let vendored = Package::new("vendored", "1.0.2");
    let local = |package: &Package, file: &str| {
        json!({ "version": package.version(), "resolved": format!("file:{file}"),
            "integrity": integrity(&package.tarball()), "bundleDependencies": ["left-over"] })
    };
    let inside = json!({ "version": "1.0.0", "inBundle": true });
    let mut alias = pinned(&Package::new("vendored", "1.0.1"), "{public}");
    alias["name"] = "vendored".into();
    let mut own = pinned(&tool, "https://npm.acme.example/");
    own["bundleDependencies"] = json!(["left-over"]);
    let mut packed = local(&vendored, "vendored.tgz");
    packed.as_object_mut().unwrap().remove("bundleDependencies");
    let root = json!({ "name": "shop", "version": "1.0.0", "dependencies": {
        "outer": "file:outer.tgz", "@acme/tool": "1.0.0", "left-over": "1.1.0",
        "vendored": "file:vendored.tgz", "before": "npm:vendored@1.0.1" } });
    let mut outer_entry = local(&outer, "outer.tgz");
    outer_entry["dependencies"] = json!({ "left-over": "^1.0.0" });
    let entries = json!({
        "node_modules/@acme/tool": own,
        "node_modules/@acme/tool/node_modules/left-over": inside,
        "node_modules/before": alias,
        "node_modules/left-over": pinned(&left("1.1.0"), "{public}"),
        "node_modules/outer": outer_entry,
        "node_modules/outer/node_modules/left-over": inside,
        "node_modules/vendored": packed,
    });
    let builder = project(&root, &entries, "@acme:registry=https://npm.acme.example/");
    let builder = serving(builder, "https://npm.acme.example/", "registry/own", vec![tool]);
    let public = vec![left("1.1.0"), Package::new("vendored", "1.0.1")];
    let project = serving(builder, "{public}", "registry/public", public).build();
    std::fs::write(project.path().join("outer.tgz"), outer.tarball()).unwrap();
    std::fs::write(project.path().join("vendored.tgz"), vendored.tarball()).unwrap();
    let outcome = test(&project, &["baseline", "control"]);
    assert_eq!(came_to(&outcome, "baseline"), "sealed 0", "{}", outcome.stdout);
    assert_eq!(came_to(&outcome, "control"), "leaked 0", "{}", outcome.stdout);
    for public in ["node_modules/left-over", "node_modules/before"] {
        assert_eq!(found(&outcome, "baseline", public), "public registry public", "{public}");
    }
    for (path, class) in [("outer", "local"), ("@acme/tool", "private")] {
        let path = format!("node_modules/{path}/node_modules/left-over");
        let path = found(&outcome, "baseline", &path);
        assert!(path.starts_with(&format!("{class} bundled")), "{path}");
    }
    let summary = &outcome.report["project"];
    let private: Vec<&Value> =
        summary["private"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!((private, &summary["local"]), (vec![&json!("@acme/tool")], &json!(["outer", "vendored"])));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
}

/// npm 5 wrote the tarball's URL into `version`; older lockfiles have http, which npm replaces.
#[test]
fn old_ways_to_name_the_public_registry_are_understood() {
    if skipped_without_toolchains("reported::entry_class::old_ways") {
        return;
    }
    let left = Package::new("left-over", "1.1.1");
    let url = "{public}/left-over/-/left-over-1.1.1.tgz";
    for written in ["version", "resolved"] {
        let mut entry = pinned(&left, "{public}");
        entry.as_object_mut().unwrap().remove("resolved");
        entry[written] = url.into();
        let lock = json!({ "name": "shop", "version": "1.0.0", "lockfileVersion": 1, "requires": true,
            "dependencies": { "left-over": entry } });
        let lock = at_the_public_registry(&format!("{lock:#}\n"));
        let lock = if written == "version" { lock } else { lock.replace("https://", "http://") };
        let builder = Project::new().dependency("left-over", "1.1.1").lockfile(&lock);
        let builder = serving(builder, "{public}", "registry/public", vec![left.clone()]);
        let outcome = test(&builder.build(), &["baseline"]);
        assert_eq!(came_to(&outcome, "baseline"), "sealed 0", "{written}: {}", outcome.stdout);
        let path = "node_modules/left-over";
        assert_eq!(found(&outcome, "baseline", path), "public registry public", "{written}");
        assert_eq!(says(&outcome, "plaintext-registry"), Vec::<String>::new(), "{written}");
    }
}
