//! Packuments of packages that are served from here.

use super::layout::Layout;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::upstream::ServedVersion;
use node_semver::Version;
use serde_json::{Map, Value, json};

/// Fields of a package.json that the short packument has (npm's
/// package-metadata.md, "abbreviated version object").
const SHORT: [&str; 16] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "bundledDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "directories",
    "engines",
    "os",
    "cpu",
    "libc",
    "funding",
];

/// The URL of a tarball, as npm's own registry writes it.
pub(super) fn tarball_url(registry: &RegistryUrl, name: &PackageName, version: &str) -> String {
    format!("{registry}{name}/-/{}-{version}.tgz", name.bare())
}

/// A packument, short or `full`.
pub(super) fn packument(
    layout: &Layout,
    name: &PackageName,
    versions: &[ServedVersion],
    full: bool,
) -> Value {
    let mut all = Map::new();
    for version in versions {
        all.insert(version.version.clone(), manifest(layout, name, version, full));
    }
    let mut document = json!({ "name": name, "dist-tags": {}, "versions": all });
    if let Some(latest) = latest(versions) {
        document["dist-tags"]["latest"] = latest.into();
    }
    if full {
        let mut time = Map::new();
        for key in
            ["created", "modified"].into_iter().chain(versions.iter().map(|known| known.version.as_str()))
        {
            time.insert(key.to_owned(), PUBLISHED.into());
        }
        document["_id"] = name.as_str().into();
        document["time"] = time.into();
    } else {
        document["modified"] = PUBLISHED.into();
    }
    document
}

/// Long ago, so that `before` and `min-release-age` hide nothing.
pub(super) const PUBLISHED: &str = "1985-10-26T08:15:00.000Z";

/// One version's part of a packument.
pub(super) fn manifest(layout: &Layout, name: &PackageName, version: &ServedVersion, full: bool) -> Value {
    let mut manifest = match &version.manifest {
        Value::Object(fields) if full => fields.clone(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| SHORT.contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    match version.manifest.get("bin") {
        Some(Value::String(path)) => {
            manifest.insert("bin".into(), json!({ name.bare(): path }));
        }
        Some(bin) => {
            manifest.insert("bin".into(), bin.clone());
        }
        None => {}
    }
    if version.has_install_script {
        manifest.insert("hasInstallScript".into(), true.into());
    }
    if full {
        manifest.insert("_id".into(), format!("{name}@{}", version.version).into());
    }
    manifest.insert(
        "dist".into(),
        json!({
            "tarball": layout.tarball(name, version),
            "integrity": version.sha512,
            "shasum": version.shasum,
        }),
    );
    manifest.into()
}

/// The highest version that is no pre-release, else the highest.
fn latest(versions: &[ServedVersion]) -> Option<&str> {
    versions
        .iter()
        .filter_map(|known| Some((Version::parse(&known.version).ok()?, known.version.as_str())))
        .max_by(|(left, _), (right, _)| {
            (!left.is_prerelease()).cmp(&!right.is_prerelease()).then_with(|| left.cmp(right))
        })
        .map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::super::worlds::{name, registry};
    use super::*;

    fn version(version: &str) -> ServedVersion {
        ServedVersion {
            version: version.into(),
            manifest: json!({
                "name": "@acme/internal", "version": version, "bin": "cli.js", "readme": "long",
                "dependencies": { "left-pad": "^1.0.0" },
            }),
            sha512: "sha512-x".into(),
            shasum: "00".into(),
            has_install_script: true,
        }
    }

    #[test]
    fn a_packument_has_what_npm_needs() {
        let registry = Layout::npm(&registry("https://npm.corp.example/npm"));
        let versions = [version("1.10.0"), version("1.9.0"), version("2.0.0-rc.1")];
        let document = packument(&registry, &name("@acme/internal"), &versions, false);
        assert_eq!(document["dist-tags"]["latest"], "1.10.0");
        let one = &document["versions"]["1.9.0"];
        assert_eq!(
            one["dist"]["tarball"],
            "https://npm.corp.example/npm/@acme/internal/-/internal-1.9.0.tgz"
        );
        assert_eq!(one["bin"]["internal"], "cli.js");
        assert_eq!(one["hasInstallScript"], true);
        assert_eq!(one["dependencies"]["left-pad"], "^1.0.0");
        assert!(one.get("readme").is_none());
        let full = packument(&registry, &name("@acme/internal"), &versions, true);
        assert_eq!(full["versions"]["1.9.0"]["readme"], "long");
        assert!(full["time"]["1.9.0"].is_string());
    }
}
