//! Whose registries and names are whose in the world of a run.

use super::sample::{self, PRIVATE, PUBLIC, sound_lock, url};
use super::tests::{answer_of, run};
use super::*;
use crate::project::Project;
use crate::text::Source;
use serde_json::json;

/// The registries that are the owner's for `@acme/internal`, without scheme.
fn own_of(npmrc: &[(Level, &str)], more: &[&str], resolved: &str) -> Vec<String> {
    let mut lock = sound_lock();
    lock["packages"]["node_modules/@acme/internal"]["resolved"] = resolved.into();
    let mut project = sample::project(npmrc, &lock);
    for line in more {
        let mut urls = line.split(' ').map(url);
        project.settings.registries.push(crate::project::settings::RegistryEntry {
            url: urls.next().unwrap(),
            behind: urls.next(),
            also: urls.collect(),
            behind_place: None,
            serve: None,
            place: Source::new("sealcheck.toml", "x").place(0..1),
        });
    }
    let name = PackageName::parse("@acme/internal").unwrap();
    let own = run(&project, "baseline").world.own.remove(&name).unwrap();
    own.iter().map(|url| url.to_string().replace("https://", "")).collect()
}

#[test]
fn a_registry_is_the_owners_where_the_owners_files_name_it() {
    const HOME: &str = "npm.acme.example/npm/";
    let tarball = |registry: &str| format!("{registry}@acme/internal/-/internal-1.2.3.tgz");
    let pinned = tarball(PRIVATE);
    let project = |text: &'static str| vec![(Level::Project, text)];
    for (npmrc, more, resolved, own) in [
        (project("@acme:registry=https://npm.acme.example/npm/\n"), vec![], pinned.clone(), vec![HOME]),
        // Virtual and local, group and hosted: by any level's mapping, or by the default registry.
        (
            project("registry=https://npm.acme.example/all/\n"),
            vec![],
            pinned.clone(),
            vec!["npm.acme.example/all/", HOME],
        ),
        (
            vec![
                (Level::User, "@acme:registry=https://one.example/\n"),
                (Level::Project, "@acme:registry=https://two.example/\n"),
            ],
            vec![],
            pinned.clone(),
            vec![HOME, "one.example/", "two.example/"],
        ),
        // `url`, `behind`, `also`.
        (
            project("@acme:registry=https://npm.acme.example/npm/\n"),
            vec!["https://v.example/ https://l.example/ https://blobs.example/x/"],
            pinned.clone(),
            vec!["blobs.example/x/", "l.example/", HOME, "v.example/"],
        ),
        // A mirror for all that is public is no registry of the owner's for a scope that is mapped
        // elsewhere, unless it is on the same host or the lockfile pins the package there.
        (
            project("registry=https://mirror.example/\n@acme:registry=https://npm.acme.example/npm/\n"),
            vec![],
            pinned.clone(),
            vec![HOME],
        ),
        (
            project(
                "registry=https://npm.acme.example/mirror/\n@acme:registry=https://npm.acme.example/npm/\n",
            ),
            vec![],
            pinned.clone(),
            vec!["npm.acme.example/mirror/", HOME],
        ),
        (
            project("registry=https://mirror.example/\n@acme:registry=https://npm.acme.example/npm/\n"),
            vec![],
            tarball("https://mirror.example/"),
            vec!["mirror.example/", HOME],
        ),
        // Another scope's registry is that scope's.
        (
            project(
                "@acme:registry=https://npm.acme.example/npm/\n@paid:registry=https://npm.paid.example/\n",
            ),
            vec![],
            pinned.clone(),
            vec![HOME],
        ),
        // On a host of many a path that nothing names is nobody's.
        (
            project("@acme:registry=https://npm.acme.example/npm/\n"),
            vec![],
            tarball("https://npm.acme.example/npm-of-others/"),
            vec![HOME],
        ),
        // The public registry never is, whatever names it.
        (
            project("registry=https://registry.example/\n@acme:registry=http://registry.example/\n"),
            vec!["https://registry.example/"],
            pinned.clone(),
            vec![HOME],
        ),
    ] {
        assert_eq!(own_of(&npmrc, &more, &resolved), own, "{npmrc:?} {more:?} {resolved}");
    }
}

#[test]
fn names_of_public_packages_are_known_to_the_registries_that_the_lockfile_has_them_from() {
    let mut lock = sound_lock();
    let packages = lock["packages"].as_object_mut().unwrap();
    packages.insert("packages/ui".into(), json!({"name": "web-ui", "version": "2.0.0"}));
    packages.insert("node_modules/web-ui".into(), json!({"resolved": "packages/ui", "link": true}));
    let published = sample::registry_entry("http://registry.example/", "web-ui", "1.0.0");
    packages.insert("node_modules/left-pad/node_modules/web-ui".into(), published);
    let project =
        sample::project(&[(Level::Project, "@acme:registry=https://npm.acme.example/npm/\n")], &lock);
    let known = |project: &Project| -> Vec<String> {
        let known = run(project, "baseline").world.known;
        known.iter().map(|(name, at)| format!("{name} {}", at.iter().next().unwrap())).collect()
    };
    // Not `left-pad`, which nothing holds back.
    assert_eq!(known(&project), [format!("web-ui {PUBLIC}")]);
    let mut project = project;
    let name = |text| PackageName::parse(text).unwrap();
    // Of another project in its folders only what this one's lockfile does not have.
    project.nested = [name("@acme/lint"), name("@acme/internal"), name("other")].into();
    assert_eq!(known(&project), [format!("@acme/lint {PUBLIC}"), format!("web-ui {PUBLIC}")]);
}

#[test]
fn an_outage_hits_each_registry_that_the_lockfile_pins_private_packages_at() {
    let mut lock = sound_lock();
    lock["packages"]["node_modules/@acme/log"] =
        sample::registry_entry("https://npm.acme.example/local/", "@acme/log", "0.4.0");
    let npmrc = "@acme:registry=https://npm.acme.example/npm/\n@x:registry=https://npm.acme.example/local/\n@y:registry=https://npm.acme.example/other/\n";
    let run = run(&sample::project(&[(Level::Project, npmrc)], &lock), "private-not-found");
    assert_eq!(answer_of(&run, PRIVATE), Answer::NotFound);
    assert_eq!(answer_of(&run, "https://npm.acme.example/local/"), Answer::NotFound);
    assert_eq!(answer_of(&run, "https://npm.acme.example/other/"), Answer::Genuine);
}

/// As apollo-client, whose lockfile links the project into its own node_modules.
#[test]
fn the_decoy_of_a_link_to_the_project_itself_is_at_the_projects_version() {
    let lock = json!({"name": "web", "lockfileVersion": 3, "packages": {
        "": {"name": "web", "version": "4.2.12"},
        "node_modules/web": {"link": true},
    }});
    let mut project = sample::project(&[], &lock);
    project.manifest.version = Some("4.2.12".to_owned());
    let decoys = run(&project, "public-decoy").world.decoys;
    let told: Vec<String> =
        decoys.iter().map(|it| format!("{}@{},{}", it.name, it.version, it.higher)).collect();
    assert_eq!(told, ["web@4.2.12,102.0.0"]);
}
