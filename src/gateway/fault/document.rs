//! Packuments that say something else than the registry's own.

use super::virtuals;
use crate::gateway::answer::{Delivered, dress, error};
use crate::gateway::folder::tarball_url;
use crate::gateway::route::Site;
use crate::gateway::serve::{Shared, Understood};
use crate::plan::STRANGER;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::scenario::Answer;
use crate::upstream::{Head, MAX_PACKUMENT, ServedVersion};
use http::{Response, header};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

/// The answers that are done to a genuine packument.
pub(super) const CHANGED: [Answer; 3] =
    [Answer::VersionMissing, Answer::TarballElsewhere, Answer::MergesPublic];

/// Changes a packument, and says whether there was anything to change.
pub(super) async fn change(
    shared: &Shared,
    answer: Answer,
    understood: &Understood,
    response: Response<Delivered>,
) -> (bool, Response<Delivered>) {
    rewrite(response, |document| {
        if answer == Answer::VersionMissing {
            return without_locked(document, &shared.locked(understood));
        }
        let known = understood.asked.package.as_ref().and_then(|name| shared.decoys.find(name));
        known.is_some_and(|(name, decoys)| match shared.own_registry(understood) {
            Some(registry) if answer == Answer::MergesPublic => {
                virtuals::merge(document, registry, name, decoys)
            }
            Some(_) | None => elsewhere(document, name, decoys),
        })
    })
    .await
}

/// Puts into a packument of the public registry what a stranger offers beside it.
pub(in crate::gateway) async fn beside(
    registry: &RegistryUrl,
    name: &PackageName,
    decoys: &[ServedVersion],
    response: Response<Delivered>,
) -> Response<Delivered> {
    rewrite(response, |document| virtuals::merge(document, registry, name, decoys)).await.1
}

/// Has a JSON document changed, and says whether there was anything to change.
async fn rewrite(
    response: Response<Delivered>,
    change: impl FnOnce(&mut Value) -> bool,
) -> (bool, Response<Delivered>) {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = Limited::new(body, usize::try_from(MAX_PACKUMENT).unwrap_or(usize::MAX))
        .collect()
        .await
        .map(|body| body.to_bytes())
    else {
        return (false, error(502, "the packument cannot be read"));
    };
    let mut document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let changed = change(&mut document);
    let headers = parts.headers.iter().filter(|(name, _)| {
        // They speak of the bytes before the change.
        ![header::CONTENT_LENGTH, header::ETAG, header::CONTENT_ENCODING].contains(name)
    });
    let headers =
        headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let head = Head { status: parts.status.as_u16(), headers: headers.collect(), length: None };
    let text = if changed { document.to_string().into_bytes().into() } else { bytes };
    let mut response = Response::new(Delivered::full(text));
    dress(&mut response, &head);
    (changed, response)
}

impl Shared {
    /// The registry at which something is asked for.
    pub(in crate::gateway) fn own_registry(&self, understood: &Understood) -> Option<&RegistryUrl> {
        match &understood.site {
            Site::Registry(at) | Site::Also(at) => Some(&self.world.registries.get(*at)?.url),
            Site::Public | Site::HandedOut(_) | Site::Trusted | Site::Unknown => None,
        }
    }

    /// The locked versions of the package that is asked for: decoys have them.
    fn locked(&self, understood: &Understood) -> Vec<String> {
        let Some(name) = &understood.asked.package else { return Vec::new() };
        let of = |spec: &&crate::plan::DecoySpec| spec.name.as_str().eq_ignore_ascii_case(name.as_str());
        self.world.decoys.iter().filter(of).map(|spec| spec.version.clone()).collect()
    }
}

/// Takes the locked versions out, and the tags that lead to them.
fn without_locked(document: &mut Value, locked: &[String]) -> bool {
    let Some(versions) = document.get_mut("versions").and_then(Value::as_object_mut) else { return false };
    let before = versions.len();
    versions.retain(|version, _| !locked.contains(version));
    let changed = versions.len() < before;
    if let Some(tags) = document.get_mut("dist-tags").and_then(Value::as_object_mut) {
        tags.retain(|_, version| {
            !version.as_str().is_some_and(|version| locked.iter().any(|it| it == version))
        });
    }
    changed
}

/// Says of each version that the stranger has as well that its tarball lies with
/// the stranger, hashes and all: who can write the one can write the others.
fn elsewhere(document: &mut Value, name: &PackageName, decoys: &[ServedVersion]) -> bool {
    let Ok(stranger) = RegistryUrl::parse(&format!("https://{STRANGER}/")) else { return false };
    let mut changed = false;
    for decoy in decoys {
        let dist = document
            .get_mut("versions")
            .and_then(|versions| versions.get_mut(&decoy.version))
            .and_then(|manifest| manifest.get_mut("dist"))
            .and_then(Value::as_object_mut);
        if let Some(dist) = dist {
            dist.insert("tarball".into(), tarball_url(&stranger, name, &decoy.version).into());
            dist.insert("integrity".into(), decoy.sha512.clone().into());
            dist.insert("shasum".into(), decoy.shasum.clone().into());
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::worlds::name;
    use serde_json::json;

    fn packument() -> Value {
        json!({
            "name": "@acme/internal",
            "dist-tags": { "latest": "1.2.0", "next": "2.0.0" },
            "versions": {
                "1.1.0": { "dist": { "tarball": "https://npm.corp.example/a.tgz", "integrity": "sha512-a" } },
                "1.2.0": { "dist": { "tarball": "https://npm.corp.example/b.tgz", "integrity": "sha512-b" } },
            },
        })
    }

    #[test]
    fn the_locked_version_is_missing_and_the_others_stay() {
        let mut document = packument();
        assert!(without_locked(&mut document, &["1.2.0".into()]));
        assert_eq!(document["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.1.0"]);
        assert_eq!(document["dist-tags"], json!({ "next": "2.0.0" }));
        assert!(!without_locked(&mut document, &["1.2.0".into()]));
        assert!(!without_locked(&mut json!([1]), &["1.2.0".into()]));
    }

    #[test]
    fn the_strangers_tarball_comes_with_the_strangers_hashes() {
        let stranger = ServedVersion {
            version: "1.2.0".into(),
            manifest: Value::Null,
            sha512: "sha512-x".into(),
            shasum: "00".into(),
            has_install_script: true,
        };
        let mut document = packument();
        assert!(elsewhere(&mut document, &name("@acme/internal"), &[stranger]));
        let dist = &document["versions"]["1.2.0"]["dist"];
        assert_eq!(dist["tarball"], "https://packages.stranger.example/@acme/internal/-/internal-1.2.0.tgz");
        assert_eq!((&dist["integrity"], &dist["shasum"]), (&json!("sha512-x"), &json!("00")));
        assert_eq!(document["versions"]["1.1.0"], packument()["versions"]["1.1.0"]);
    }
}
