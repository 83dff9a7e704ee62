//! What a virtual registry gives in the place of the owner's packages, or beside them.
//!
//! Pure. Versions that the owner has stay the owner's, as Verdaccio and Artifactory have
//! it; what is added to a packument is done in `document`.

use super::{is_read, is_tarball};
use crate::gateway::decide::Question;
use crate::gateway::folder::manifest;
use crate::gateway::layout::Layout;
use crate::gateway::route::Ownership;
use crate::plan::World;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::upstream::ServedVersion;
use serde_json::{Value, json};

/// Whether a private name is asked for, by packument or by a tarball that tells its name.
pub(in crate::gateway) fn falls_through(question: &Question<'_>) -> bool {
    is_read(question)
        && question.asked.package.is_some()
        && matches!(question.ownership, Some(Ownership::Private(_)))
}

/// Whether a tarball is asked for that only the stranger has.
pub(in crate::gateway) fn is_strangers(world: &World, question: &Question<'_>) -> bool {
    let (Some(name), Some(version)) = (&question.asked.package, &question.asked.version) else {
        return false;
    };
    falls_through(question)
        && is_tarball(question.asked, question.site)
        && world.decoys.iter().any(|spec| {
            spec.name.as_str().eq_ignore_ascii_case(name.as_str())
                && [Some(&spec.higher), spec.between.as_ref()].contains(&Some(version))
        })
}

/// Adds to a packument what the stranger has and the owner has not.
pub(super) fn merge(
    document: &mut Value,
    registry: &RegistryUrl,
    name: &PackageName,
    decoys: &[ServedVersion],
) -> bool {
    let full = document.get("time").is_some();
    let layout = Layout::npm(registry);
    let Some(versions) = document.get_mut("versions").and_then(Value::as_object_mut) else { return false };
    let more: Vec<&ServedVersion> =
        decoys.iter().filter(|decoy| !versions.contains_key(&decoy.version)).collect();
    for decoy in &more {
        versions.insert(decoy.version.clone(), manifest(&layout, name, decoy, full));
    }
    let highest = more.iter().filter_map(|decoy| node_semver::Version::parse(&decoy.version).ok()).max();
    if let Some(highest) = highest {
        document["dist-tags"]["latest"] = highest.to_string().into();
    }
    for decoy in more.iter().filter(|_| full) {
        document["time"][&decoy.version] = json!(crate::gateway::folder::PUBLISHED);
    }
    !more.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::decide::{Act, decide};
    use crate::gateway::route::{Inside, asked, below, site};
    use crate::gateway::worlds::{name, world};
    use crate::scenario::Answer;
    use http::Method;
    use url::Url;

    fn act(answer: Answer, path: &str) -> Act {
        let mut world = world();
        world.registries[0].answer = answer;
        let url = Url::parse(&format!("https://npm.corp.example/api/npm-local/{path}")).unwrap();
        let site = site(&world, &url, || None);
        let (asked, inside) = (asked(&below(&world, &site, &url)), Inside::new(&world));
        let ownership = asked.package.as_ref().map(|name| inside.at(&world, name, &url, &site));
        let question = Question {
            method: &Method::GET,
            url: &url,
            site: &site,
            asked: &asked,
            ownership: ownership.as_ref(),
            devious: false,
            carries: false,
            moved: false,
        };
        decide(&world, &question)
    }

    #[test]
    fn what_only_the_stranger_has_is_the_strangers() {
        let own = Act::Forward { query: true };
        let decoy = |name| Act::DecoyAsOwn(name);
        let (merges, falls) = (Answer::MergesPublic, Answer::FallsThrough);
        for (path, merged, fallen) in [
            ("@acme%2finternal", own.clone(), decoy("falls-through")),
            ("@acme/internal/-/internal-1.2.0.tgz", own.clone(), decoy("falls-through")),
            ("@acme/internal/-/internal-99.0.0.tgz", decoy("merges-public"), decoy("falls-through")),
            ("left-pad", own.clone(), own.clone()),
        ] {
            assert_eq!(act(merges, path), merged, "{path}");
            assert_eq!(act(falls, path), fallen, "{path}");
        }
    }

    #[test]
    fn the_owners_versions_stay_and_the_strangers_come_beside_them() {
        let decoy = |version: &str| ServedVersion {
            version: version.into(),
            manifest: json!({ "name": "@acme/internal", "version": version }),
            sha512: format!("sha512-{version}"),
            shasum: "00".into(),
            has_install_script: true,
        };
        let registry = RegistryUrl::parse("https://npm.corp.example/all/").unwrap();
        let mut document = json!({
            "dist-tags": { "latest": "1.2.0" },
            "versions": { "1.2.0": { "dist": { "integrity": "sha512-own" } } },
        });
        let decoys = [decoy("1.2.0"), decoy("99.0.0"), decoy("1.2.98")];
        assert!(merge(&mut document, &registry, &name("@acme/internal"), &decoys));
        assert_eq!(document["versions"]["1.2.0"]["dist"]["integrity"], "sha512-own");
        let tarball = &document["versions"]["1.2.98"]["dist"]["tarball"];
        assert_eq!(tarball, "https://npm.corp.example/all/@acme/internal/-/internal-1.2.98.tgz");
        assert_eq!(document["dist-tags"]["latest"], "99.0.0");
        assert!(!merge(&mut document, &registry, &name("@acme/internal"), &decoys));
        assert!(!merge(&mut json!([]), &registry, &name("@acme/internal"), &decoys));
    }
}
