//! Registries that put tarballs elsewhere than npm's own registry does.

use crate::support::npm::{skipped, skipped_without_toolchains};
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::Package;
use crate::support::project::{Outcome, Project, at_the_public_registry};
use crate::support::told::came_to;
use crate::support::toolchain::{NODE_20_NPM_10, NODE_20_NPM_11, NODE_22_NPM_12};
use serde_json::Value;

/// Where a registry has what, as its vendor's does: the hosts alone are nobody's.
struct Layout {
    vendor: &'static str,
    /// Where packuments are asked for.
    registry: &'static str,
    /// What a lockfile has in `resolved`.
    resolved: &'static str,
    /// Keys of the token, as the vendor's page tells to write them.
    tokens: &'static [&'static str],
}

const LAYOUTS: [Layout; 8] = [
    Layout {
        vendor: "azure",
        registry: "https://pkgs.azure.example/acme/shop/_packaging/feed/npm/registry/",
        resolved: "https://pkgs.azure.example/acme/shop/_packaging/feed/npm/registry/@acme/internal/-/internal-1.0.0.tgz",
        tokens: &[
            "//pkgs.azure.example/acme/shop/_packaging/feed/npm/registry/",
            "//pkgs.azure.example/acme/shop/_packaging/feed/npm/",
        ],
    },
    Layout {
        vendor: "azure, by the feed's id",
        registry: "https://pkgs.azure.example/acme/_packaging/feed/npm/registry/",
        resolved: "https://pkgs.azure.example/acme/_packaging/0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0/npm/registry/@acme/internal/-/internal-1.0.0.tgz",
        tokens: &[
            "//pkgs.azure.example/acme/_packaging/feed/npm/registry/",
            "//pkgs.azure.example/acme/_packaging/feed/npm/",
        ],
    },
    Layout {
        vendor: "gitlab, of a project",
        registry: "https://gitlab.example/api/v4/projects/7/packages/npm/",
        resolved: "https://gitlab.example/api/v4/projects/7/packages/npm/@acme/internal/-/@acme/internal-1.0.0.tgz",
        tokens: &["//gitlab.example/api/v4/projects/7/packages/npm/"],
    },
    Layout {
        vendor: "gitlab, of a group",
        registry: "https://gitlab.example/api/v4/groups/3/-/packages/npm/",
        resolved: "https://gitlab.example/api/v4/projects/7/packages/npm/@acme/internal/-/@acme/internal-1.0.0.tgz",
        tokens: &[
            "//gitlab.example/api/v4/groups/3/-/packages/npm/",
            "//gitlab.example/api/v4/projects/7/packages/npm/",
        ],
    },
    Layout {
        vendor: "github",
        registry: "https://npm.github.example/",
        resolved: "https://npm.github.example/download/@acme/internal/1.0.0/5f0e0c6bb3a3c9f4b1a2d3e4f5061728394a5b6c",
        tokens: &["//npm.github.example/"],
    },
    Layout {
        vendor: "artifactory",
        registry: "https://acme.artifactory.example/artifactory/api/npm/npm-local/",
        resolved: "https://acme.artifactory.example/artifactory/api/npm/npm-local/@acme/internal/-/@acme/internal-1.0.0.tgz",
        tokens: &["//acme.artifactory.example/artifactory/api/npm/npm-local/"],
    },
    Layout {
        vendor: "codeartifact",
        registry: "https://acme-111122223333.d.codeartifact.eu-west-1.aws.example/npm/packages/",
        resolved: "https://acme-111122223333.d.codeartifact.eu-west-1.aws.example/npm/packages/@acme/internal/-/internal-1.0.0.tgz",
        tokens: &["//acme-111122223333.d.codeartifact.eu-west-1.aws.example/npm/packages/"],
    },
    Layout {
        vendor: "a host of blobs whose URLs tell no package",
        registry: "https://npm.blobs.example/npm/",
        resolved: "https://npm.blobs.example/files/5f0e0c6bb3a3c9f4",
        tokens: &["//npm.blobs.example/"],
    },
];

impl Layout {
    fn project(&self) -> Project {
        let mut npmrc = format!("@acme:registry={}\n", self.registry);
        for key in self.tokens {
            npmrc.push_str(&format!("{key}:_authToken=${{NPM_TOKEN}}\n"));
        }
        let resolved = self.resolved.to_owned();
        let mut project = Project::new()
            .dependency("@acme/internal", "1.0.0")
            .npmrc(&npmrc)
            .served_registry(self.registry, "served", |it| {
                it.package(Package::new("@acme/internal", "1.0.0"))
            })
            .locked("@acme/internal", move |entry| entry.resolved = Some(resolved))
            .build();
        project.set("NPM_TOKEN", "no-token-at-all");
        project
    }
}

/// Each run as `SCENARIO VERDICT: BECAUSE`, where it is none of these verdicts.
fn other_than(outcome: &Outcome, wanted: &[&str]) -> Vec<String> {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{outcome:?}"));
    // The control is no scenario that was asked for, and must leak.
    let other =
        |run: &&Value| run["scenario"] != "control" && !wanted.contains(&run["verdict"].as_str().unwrap());
    runs.iter()
        .filter(other)
        .map(|run| format!("{} {}: {}", run["scenario"], run["verdict"], run["because"]))
        .collect()
}

/// What leads to each way in which a tarball can be asked for, and to caches that are filled.
const SCENARIOS: [&str; 10] = [
    "baseline",
    "resolved-removed",
    "poisoned-cache",
    "poisoned-cache-private-down",
    "must-revalidate-cache-private-down",
    "tampered-tarball",
    "virtual-falls-through",
    "private-redirected-port",
    "private-redirected-http",
    "private-not-found",
];

/// Oldest npm first.
const NPMS: [&str; 4] = ["node@22,npm@8", NODE_20_NPM_10, NODE_20_NPM_11, NODE_22_NPM_12];

/// npm 12 refuses a tarball that does not lie below its registry (EALLOWREMOTE), and so it refuses
/// these layouts; the others it takes, as all npms before it took all of them.
const REFUSED_BY_NPM_12: [&str; 3] =
    ["azure, by the feed's id", "gitlab, of a group", "a host of blobs whose URLs tell no package"];

#[test]
fn every_layout_is_what_each_npm_makes_of_it() {
    if skipped_without_toolchains("reported::registry_layouts::every_layout_is_what_each_npm_makes_of_it") {
        return;
    }
    let mut wrong = Vec::new();
    for (at, layout) in LAYOUTS.iter().enumerate() {
        let project = layout.project();
        for (column, npm) in NPMS.into_iter().enumerate() {
            let refused = npm == NODE_22_NPM_12 && REFUSED_BY_NPM_12.contains(&layout.vendor);
            // In a usual run one of them in turn, and what npm 12 refuses at once.
            if column != at % NPMS.len() && !refused && !crate::support::everything() {
                continue;
            }
            let scenarios = if refused { &SCENARIOS[..1] } else { &SCENARIOS[..] };
            let named = scenarios.iter().flat_map(|name| ["--scenario", *name]);
            let outcome = project.test_once(&named.chain(["--toolchain", npm]).collect::<Vec<_>>());
            if refused {
                let ended = came_to(&outcome, "baseline");
                if ended != "broken EALLOWREMOTE" {
                    wrong.push(format!("{}, {npm}: {ended}", layout.vendor));
                }
                continue;
            }
            for run in other_than(&outcome, &["sealed", "exposed"]) {
                wrong.push(format!("{}, {npm}: {run}", layout.vendor));
            }
            // What npm does with a token is told of npm, and is no leak of the project's.
            let told = outcome.report["findings"].as_array().unwrap().iter();
            let told = told.filter(|finding| finding["rule"] == "credential-to-foreign-host");
            let told: Vec<&str> = told.map(|finding| finding["severity"].as_str().unwrap()).collect();
            if told.is_empty() || told.iter().any(|severity| *severity != "note") {
                wrong.push(format!("{}, {npm}: the token's way is told as {told:?}", layout.vendor));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn test(project: &Project, scenarios: &[&str]) -> Outcome {
    let named = scenarios.iter().flat_map(|name| ["--scenario", *name]);
    project.test_once(&named.collect::<Vec<_>>())
}

/// The token is for the tarballs, and the packument is refused without one: `npm ci` needs none.
#[test]
fn a_token_for_the_tarballs_alone_is_enough_for_a_sound_project() {
    if skipped("reported::registry_layouts::a_token_for_the_tarballs_alone_is_enough_for_a_sound_project") {
        return;
    }
    const TOKEN: &str = "the-real-token-of-acme-0123456789";
    let registry = OwnRegistry::start(Manner { token: Some(TOKEN.to_owned()), ..Manner::default() });
    let internal = Package::new("@acme/internal", "1.0.0");
    let published = registry.publish(&internal);
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc(&format!("@acme:registry={}", registry.url))
        .published(&internal, &published)
        .build();
    let tarballs = format!("{}@acme/internal/-/", registry.url.trim_start_matches("https:"));
    std::fs::write(project.home().join(".npmrc"), format!("{tarballs}:_authToken={TOKEN}\n")).unwrap();
    project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
    assert!(project.npm().arg("ci").output().unwrap().status.success(), "plain npm");
    let refused = ["resolved-removed", "lockfile-out-of-step"];
    let outcome = test(&project, &[&["baseline"], refused.as_slice()].concat());
    assert_eq!(other_than(&outcome, &["sealed"]), Vec::<String>::new(), "{}", outcome.stdout);
    for name in refused {
        let runs = outcome.report["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["scenario"] == name).unwrap();
        assert_eq!(run["npm_error"]["code"], "E401", "{name}: {}", run["because"]);
    }
}

/// A served folder answers what the vendor's registry would, and says that its tarballs lie there.
#[test]
fn a_served_folder_is_asked_where_the_vendors_registry_has_it() {
    if skipped("reported::registry_layouts::a_served_folder_is_asked_where_the_vendors_registry_has_it") {
        return;
    }
    for layout in &LAYOUTS {
        let outcome = test(&layout.project(), &["resolved-removed"]);
        let runs = outcome.report["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["scenario"] == "resolved-removed").unwrap();
        let asked = run["exchanges"].as_array().unwrap().iter();
        let asked = asked.filter(|it| it["kind"] == "tarball" && it["package"] == "@acme/internal");
        let asked: Vec<String> = asked
            .map(|it| format!("https://{}{}", it["host"].as_str().unwrap(), it["path"].as_str().unwrap()))
            .collect();
        assert_eq!(asked, [layout.resolved], "{}", layout.vendor);
    }
}

/// npm asks the default registry, in npm's own form, for what is pinned to the public one: a
/// registry whose tarballs lie elsewhere has nothing there.
#[test]
fn a_served_folder_has_nothing_where_the_vendors_registry_has_nothing() {
    let test_name =
        "reported::registry_layouts::a_served_folder_has_nothing_where_the_vendors_registry_has_nothing";
    if skipped(test_name) {
        return;
    }
    for (vendor, there) in [("azure", true), ("gitlab, of a project", false), ("github", false)] {
        let layout = LAYOUTS.iter().find(|layout| layout.vendor == vendor).unwrap();
        let public = at_the_public_registry("{public}/@acme/other/-/other-1.0.0.tgz");
        let mut npmrc = format!("registry={0}\n@acme:registry={0}\n", layout.registry);
        for key in layout.tokens {
            npmrc.push_str(&format!("{key}:_authToken=${{NPM_TOKEN}}\n"));
        }
        let mut project = Project::new()
            .dependency("@acme/internal", "1.0.0")
            .dependency("@acme/other", "1.0.0")
            .npmrc(&npmrc)
            .served_registry(layout.registry, "served", |it| {
                it.package(Package::new("@acme/internal", "1.0.0"))
                    .package(Package::new("@acme/other", "1.0.0"))
            })
            .locked("@acme/internal", |entry| entry.resolved = Some(layout.resolved.to_owned()))
            .locked("@acme/other", |entry| entry.resolved = Some(public))
            .build();
        project.set("NPM_TOKEN", "no-token-at-all");
        let outcome = test(&project, &["baseline"]);
        let runs = outcome.report["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["scenario"] == "baseline").unwrap();
        let code = run["npm_error"]["code"].as_str();
        assert_eq!(code, (!there).then_some("E404"), "{vendor}: {}", outcome.stdout);
    }
}
