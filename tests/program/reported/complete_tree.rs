//! What npm leaves out of the tree, and whether that is told.

use crate::support;
use crate::support::npm::skipped_without_toolchains;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use support::package::{Package, integrity};
use support::project::{Builder, Outcome, Project, Served, at_the_public_registry};
use support::toolchain::{NODE_20_NPM_10, NODE_20_NPM_11};

const OWN: &str = "https://npm.acme.example/";
const INTERNAL: &str = "node_modules/@acme/internal";
const NODE_20_NPM_8: &str = "node@20,npm@8";

fn internal() -> Package {
    Package::new("@acme/internal", "1.0.0")
}

/// A package as the lockfile has it, and the fields that it has there beside.
fn locked(package: &Package, more: Value) -> (Package, Value) {
    (package.clone(), more)
}

fn optional(package: Package) -> (Package, Value) {
    (package, json!({ "optional": true }))
}

/// A package of another machine, which its manifest says as its entry does.
fn bound(package: Package, fields: Value) -> (Package, Value) {
    let fields = fields.as_object().unwrap().clone();
    let package = fields.iter().fold(package, |package, (key, value)| package.field(key, value.clone()));
    (package, {
        let mut more = Value::Object(fields);
        more["optional"] = json!(true);
        more
    })
}

/// A project whose root package.json and lockfile have `root`, with these packages at the top
/// of its tree, each served by the registry of its scope, and other entries.
fn shop(root: Value, packages: Vec<(Package, Value)>, others: Value) -> Builder {
    shop_with(root, packages, others, Vec::new())
}

/// The same, whose public registry has more packages.
fn shop_with(root: Value, packages: Vec<(Package, Value)>, others: Value, public: Vec<Package>) -> Builder {
    let mut root = root;
    root["name"] = json!("acme-shop");
    root["version"] = json!("1.0.0");
    let mut entries = json!({ "": root });
    let (mut own, mut public) = (Vec::new(), public);
    for (package, more) in packages {
        let scoped = package.name().starts_with("@acme/");
        let registry = if scoped { OWN.trim_end_matches('/') } else { "{public}" };
        let mut entry = json!({
            "version": package.version(),
            "resolved": format!("{registry}/{}/-/{}", package.name(), package.tarball_name()),
            "integrity": integrity(&package.tarball()),
        });
        if package.has_install_script() {
            entry["hasInstallScript"] = json!(true);
        }
        for key in ["dependencies", "optionalDependencies"] {
            if let Some(wants) = package.manifest().get(key) {
                entry[key] = wants.clone();
            }
        }
        entry.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        entries[format!("node_modules/{}", package.name())] = entry;
        if scoped { &mut own } else { &mut public }.push(package);
    }
    entries.as_object_mut().unwrap().extend(others.as_object().cloned().unwrap());
    let lock = json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": entries,
    });
    let serve = |packages: Vec<Package>| move |registry| packages.into_iter().fold(registry, Served::package);
    Project::new()
        .manifest(root)
        .npmrc(&format!("@acme:registry={OWN}"))
        .lockfile(&at_the_public_registry(&format!("{lock:#}\n")))
        .served_registry(OWN, "registry/acme", serve(own))
        .served_registry("{public}", "registry/public", serve(public))
}

fn baseline(project: &Project) -> Outcome {
    project.test(&["--scenario", "baseline"])
}

fn runs<'a>(outcome: &'a Outcome, scenario: &str) -> Vec<&'a Value> {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    runs.iter().filter(|run| run["scenario"] == scenario).collect()
}

/// Verdict, and the paths of what is installed.
fn came_to(run: &Value) -> (&str, Vec<&str>) {
    let packages = run["packages"].as_array().unwrap().iter().filter(|it| !it["version"].is_null());
    let paths = packages.map(|package| package["path"].as_str().unwrap());
    (run["verdict"].as_str().unwrap(), paths.map(|path| path.trim_start_matches("node_modules/")).collect())
}

/// What a rule says, each with its package.
fn says(outcome: &Outcome, rule: &str) -> Vec<String> {
    let findings = outcome.report["findings"].as_array().unwrap().iter().filter(|it| it["rule"] == rule);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    findings.map(|it| format!("{}: {}", text(&it["package"]), text(&it["message"]))).collect()
}

/// The demand is counted from the lockfile: npm exits 0 in each of these.
#[test]
fn an_install_of_nothing_is_no_pass() {
    if skipped_without_toolchains("reported::complete_tree::nothing") {
        return;
    }
    let one = json!({ "dependencies": { "@acme/internal": "1.0.0" } });
    let member = json!({
        "node_modules/web": { "resolved": "packages/web", "link": true },
        "packages/web": { "name": "web", "version": "1.0.0" },
    });
    let workspace = json!({ "workspaces": ["packages/*"], "dependencies": { "@acme/internal": "1.0.0" } });
    let no_url = || vec![locked(&internal(), json!({ "resolved": "not a url" }))];
    let sound = || vec![locked(&internal(), json!({}))];
    let of_developers = json!({ "devDependencies": { "@acme/internal": "1.0.0" } });
    let rows = [
        (
            "`resolved` is no URL",
            shop(one.clone(), no_url(), json!({})),
            "broken",
            "the lockfile demands, is not installed",
        ),
        (
            "the same beside a member",
            shop(workspace, no_url(), member)
                .file("packages/web/package.json", "{\"name\":\"web\",\"version\":\"1.0.0\"}"),
            "broken",
            "the lockfile demands, is not installed",
        ),
        (
            "npm writes no tree",
            shop(one.clone(), sound(), json!({})).npmrc("dry-run=true"),
            "unobserved",
            "installs none of",
        ),
        (
            "all is omitted",
            shop(of_developers, vec![locked(&internal(), json!({ "dev": true }))], json!({}))
                .npmrc("omit=dev"),
            "unobserved",
            "installs none of",
        ),
        ("as it should be", shop(one, sound(), json!({})), "sealed", "each of 1 packages"),
    ];
    for (case, project, verdict, because) in rows {
        let outcome = baseline(&project.build());
        let run = runs(&outcome, "baseline")[0];
        assert_eq!(run["verdict"], verdict, "{case}: {}", outcome.stdout);
        assert_eq!(run["exit_code"], 0, "{case}");
        assert!(run["because"].as_str().unwrap().contains(because), "{case}: {}", run["because"]);
    }
}

/// Its registry fails in one way after the other, and npm exits 0.
#[test]
fn an_optional_package_that_vanishes_is_told() {
    if skipped_without_toolchains("reported::complete_tree::optional") {
        return;
    }
    let project = shop(
        json!({ "optionalDependencies": { "@acme/internal": "1.0.0" } }),
        vec![optional(internal())],
        json!({}),
    );
    let outages = [
        ("private-unauthorized", "npm.acme.example answered 401"),
        ("private-not-found", "npm.acme.example answered 404"),
        ("private-unavailable", "and 2 more"),
        ("private-truncated", "npm.acme.example answered 200 and failed"),
        ("private-name-unknown", "and 2 more"),
    ];
    let names = outages.iter().flat_map(|(name, _)| ["--scenario", *name]);
    let outcome =
        project.build().test(&["--scenario", "baseline"].into_iter().chain(names).collect::<Vec<_>>());
    assert_eq!(came_to(runs(&outcome, "baseline")[0]), ("sealed", vec!["@acme/internal"]));
    let told = says(&outcome, "incomplete-install");
    for (outage, why) in outages {
        assert_eq!(came_to(runs(&outcome, outage)[0]), ("broken", vec![]), "{outage}: {}", outcome.stdout);
        assert!(told.iter().any(|message| message.contains(why)), "{outage}: {told:?}");
    }
    assert_eq!(told.len(), 1, "one fault is one finding: {told:?}");
}

/// What npm takes away again because a script failed, what falls with it, and what is for
/// another machine.
#[test]
fn a_failing_script_and_another_machine_are_told_apart() {
    if skipped_without_toolchains("reported::complete_tree::script") {
        return;
    }
    let wants = json!({
        "dependencies": { "left-over": "1.1.1" },
        "optionalDependencies": { "@acme/native": "1.0.0", "@acme/windows": "1.0.0", "@acme/newer": "1.0.0" },
    });
    let native = Package::new("@acme/native", "1.0.0")
        .dependency("@acme/internal", "1.0.0")
        .script("postinstall", "exit 3");
    let packages = vec![
        locked(&Package::new("left-over", "1.1.1"), json!({})),
        optional(native),
        optional(internal()),
        bound(Package::new("@acme/windows", "1.0.0"), json!({ "os": ["win32"] })),
        bound(Package::new("@acme/newer", "1.0.0"), json!({ "engines": { "node": ">=99" } })),
    ];
    let outcome = baseline(&shop(wants, packages, json!({})).build());
    assert_eq!(came_to(runs(&outcome, "baseline")[0]), ("broken", vec!["left-over"]));
    let told = says(&outcome, "incomplete-install");
    assert_eq!(
        told.iter().map(|message| message.split(':').next().unwrap()).collect::<Vec<_>>(),
        ["@acme/internal", "@acme/native"],
        "{told:?}"
    );
    assert!(told[0].contains("it fell with @acme/native@1.0.0"), "{told:?}");
    assert!(told[1].contains("its postinstall script ended with 3"), "{told:?}");
    assert_eq!(says(&outcome, "tree-mutated-by-script"), Vec::<String>::new(), "npm removed it");
}

/// Binaries of other machines, as an image library has them, by each npm's own rule.
#[test]
fn what_an_npm_leaves_out_for_the_machine_is_not_missed() {
    if skipped_without_toolchains("reported::complete_tree::machine") {
        return;
    }
    let machine = |os: &str, cpu: &str, libc: &str| json!({ "os": [os], "cpu": [cpu], "libc": [libc] });
    let package = |name: &str| Package::new(name, "1.0.0");
    let here = std::env::consts::ARCH.replace("x86_64", "x64").replace("aarch64", "arm64");
    let image = ["image-linux", "image-musl", "image-wasm", "image-windows"]
        .into_iter()
        .fold(package("image"), |image, name| image.optional_dependency(name, "1.0.0"))
        .script("postinstall", "node -e 1");
    let packages = vec![
        locked(&internal(), json!({})),
        locked(&image, json!({})),
        bound(
            package("image-linux").optional_dependency("codec-linux", "1.0.0"),
            machine("linux", &here, "glibc"),
        ),
        bound(package("codec-linux"), machine("linux", &here, "glibc")),
        bound(package("image-musl").dependency("codec-musl", "1.0.0"), machine("linux", &here, "musl")),
        optional(package("codec-musl")),
        bound(package("image-wasm").dependency("runtime", "1.0.0"), json!({ "cpu": ["wasm32"] })),
        optional(package("runtime").dependency("helper", "1.0.0")),
        optional(package("helper")),
        bound(
            package("image-windows").optional_dependency("codec-windows", "1.0.0"),
            json!({ "os": ["win32"] }),
        ),
        optional(package("codec-windows")),
    ];
    let wants = json!({ "dependencies": { "@acme/internal": "1.0.0", "image": "1.0.0" } });
    let project = shop(wants, packages, json!({})).build();
    let own = ["@acme/internal", "codec-linux"];
    let old = [&own[..], &["codec-musl", "codec-windows", "image", "image-linux", "image-musl"]].concat();
    let ten = [&own[..], &["codec-windows", "image", "image-linux"]].concat();
    let eleven = [&own[..], &["image", "image-linux"]].concat();
    let toolchains = [(NODE_20_NPM_8, old), (NODE_20_NPM_10, ten), (NODE_20_NPM_11, eleven)];
    let arguments: Vec<&str> = toolchains.iter().flat_map(|(name, _)| ["--toolchain", *name]).collect();
    let reports = tempfile::tempdir().unwrap();
    let saved = |name: &str| reports.path().join(name).display().to_string();
    for name in ["a.json", "b.json"] {
        let to = format!("json={}", saved(name));
        let all = [&["--scenario", "baseline"], arguments.as_slice(), &["--report", &to]].concat();
        let outcome = project.test_once(&all);
        for ((toolchain, expected), run) in toolchains.iter().zip(runs(&outcome, "baseline")) {
            assert_eq!(&came_to(run), &("sealed", expected.clone()), "{toolchain}");
            let removed = run["files"].as_array().unwrap().iter().filter(|file| file["change"] == "removed");
            assert_eq!(removed.count(), 0, "{toolchain}: npm removed it");
        }
        for rule in ["incomplete-install", "tree-mutated-by-script", "not-observed"] {
            assert_eq!(says(&outcome, rule), Vec::<String>::new());
        }
    }
    let compared = project.run(&["compare", &saved("a.json"), &saved("b.json")]);
    assert_eq!(compared.status, Some(0), "equal trees: {}{}", compared.stdout, compared.stderr);
}

/// A workspace with two versions of a package. `genuine` is what the lockfile's integrity,
/// a sha1 and no `resolved`, was made of; npm takes what the registry has (S4).
fn linked(genuine: &Package) -> Builder {
    let other = Package::new("left-over", "1.1.1").file("index.js", "module.exports = 'other';\n");
    let nested = Package::new("left-over", "2.0.0");
    let sha1 = Sha1::digest(genuine.tarball());
    let sha1 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sha1);
    let own = internal().dependency("left-over", "2.0.0").script("postinstall", "node -e 1");
    let entry = json!({
        "version": "2.0.0", "integrity": integrity(&nested.tarball()),
        "resolved": at_the_public_registry("{public}/left-over/-/left-over-2.0.0.tgz"),
    });
    let others = json!({
        "node_modules/@acme/internal/node_modules/left-over": entry,
        "node_modules/web": { "resolved": "packages/web", "link": true },
        "packages/web": { "name": "web", "version": "1.0.0", "dependencies": { "left-over": "1.1.1" } },
        "node_modules/left-over": { "version": "1.1.1", "integrity": format!("sha1-{sha1}") },
    });
    let wants = json!({
        "workspaces": ["packages/*"], "dependencies": { "@acme/internal": "1.0.0", "left-over": "1.1.1" },
    });
    shop_with(wants, vec![locked(&own, json!({}))], others, vec![other, nested])
        .npmrc("install-strategy=linked")
        .file(
            "packages/web/package.json",
            r#"{"name":"web","version":"1.0.0","dependencies":{"left-over":"1.1.1"}}"#,
        )
}

/// A linked tree is seen package by package, and a wrong one does not read sealed.
#[test]
fn a_linked_tree_is_seen() {
    if skipped_without_toolchains("reported::complete_tree::linked") {
        return;
    }
    let served = Package::new("left-over", "1.1.1").file("index.js", "module.exports = 'other';\n");
    let sound = baseline(&linked(&served).build());
    let run = runs(&sound, "baseline")[0];
    let all = vec!["@acme/internal", "@acme/internal/node_modules/left-over", "left-over", "packages/web"];
    assert_eq!(came_to(run), ("sealed", all.clone()), "{}", sound.stdout);
    let own = run["packages"].as_array().unwrap().iter().find(|it| it["path"] == INTERNAL).unwrap();
    assert_eq!((&own["scripts"], &own["source"]["role"]), (&json!(["postinstall"]), &json!("own")));

    let wrong = baseline(&linked(&Package::new("left-over", "1.1.1")).build());
    assert_eq!(came_to(runs(&wrong, "baseline")[0]), ("broken", all), "{}", wrong.stdout);
    let told = says(&wrong, "tampered-bytes-installed");
    assert!(told.iter().any(|message| message.starts_with("left-over:")), "{told:?}");
}
