//! Asks registries for the signatures that settle which packages are public.
//!
//! Only for packages that nothing else decides: those that come through a
//! registry which serves both kinds. The private names among them are asked of
//! that registry alone, never of the public one.

use super::authorization::authorization;
use super::reach;
use crate::project::Project;
use crate::project::ReadOptions;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::project::signature::{RegistryKey, RegistrySignature, RegistrySignatures, SignedVersion};
use crate::upstream::{Accept, MAX_PACKUMENT, Reach, Request, Upstream};
use serde::Deserialize;
use std::collections::BTreeMap;

struct Known {
    keys: Vec<RegistryKey>,
    versions: BTreeMap<(PackageName, String), SignedVersion>,
}

impl RegistrySignatures for Known {
    fn keys(&self) -> Vec<RegistryKey> {
        self.keys.clone()
    }

    fn version(&self, name: &PackageName, version: &str) -> Option<SignedVersion> {
        self.versions.get(&(name.clone(), version.to_owned())).cloned()
    }
}

/// The project, read again with signatures where it has undecided packages.
pub(crate) async fn settle(
    project: Project,
    options: &ReadOptions<'_>,
    upstream: &Upstream,
) -> anyhow::Result<Project> {
    let undecided: Vec<PackageName> = project.undecided().keys().map(|name| (*name).clone()).collect();
    if undecided.is_empty() {
        return Ok(project);
    }
    let Some(keys) = keys(&project.public, upstream).await else { return Ok(project) };
    let mut versions = BTreeMap::new();
    for name in undecided {
        let registry = project.config.registry_for(&name, &project.public);
        if registry == project.public {
            continue;
        }
        let Some(found) = packument(&registry, &name, &project, upstream).await else { continue };
        versions.extend(found.into_iter().map(|(version, signed)| ((name.clone(), version), signed)));
    }
    let known = Known { keys, versions };
    let again = ReadOptions { signatures: Some(&known), ..options.clone() };
    Ok(Project::read(&again).map_err(|error| error.complaint().clone())?)
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    keyid: String,
    key: String,
    expires: Option<String>,
}

async fn keys(public: &RegistryUrl, upstream: &Upstream) -> Option<Vec<RegistryKey>> {
    let url = public.as_url().join("-/npm/v1/keys").ok()?;
    let reach = Reach::Anywhere;
    let bytes = get(Request { url, accept: Accept::Full, authorization: None, reach }, upstream).await?;
    let keys: Keys = serde_json::from_slice(&bytes).ok()?;
    Some(
        keys.keys
            .into_iter()
            .map(|key| RegistryKey { keyid: key.keyid, key: key.key, expires: key.expires })
            .collect(),
    )
}

#[derive(Deserialize)]
struct Packument {
    #[serde(default)]
    versions: BTreeMap<String, Version>,
    #[serde(default)]
    time: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Version {
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    #[serde(default)]
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

async fn packument(
    registry: &RegistryUrl,
    name: &PackageName,
    project: &Project,
    upstream: &Upstream,
) -> Option<BTreeMap<String, SignedVersion>> {
    let url = registry.as_url().join(&name.in_url()).ok()?;
    let authorization = authorization(&url, &project.config);
    let reach = reach::of(project, &url);
    let bytes = get(Request { url, accept: Accept::Full, authorization, reach }, upstream).await?;
    let packument: Packument = serde_json::from_slice(&bytes).ok()?;
    let Packument { versions, time } = packument;
    Some(
        versions
            .into_iter()
            .map(|(version, manifest)| {
                let published = time.get(&version).and_then(|time| time.as_str()).map(str::to_owned);
                let signatures = manifest
                    .dist
                    .signatures
                    .into_iter()
                    .map(|one| RegistrySignature { keyid: one.keyid, sig: one.sig })
                    .collect();
                (version, SignedVersion { signatures, published })
            })
            .collect(),
    )
}

async fn get(request: Request, upstream: &Upstream) -> Option<Vec<u8>> {
    let answer = upstream.get(request).await.ok()?;
    if answer.head.status != 200 {
        return None;
    }
    answer.body.collect(MAX_PACKUMENT).await.ok()
}
