//! Where a registry that is served from a folder has its tarballs: where its vendor's would, as
//! far as the lockfile's `resolved` URLs tell.
//!
//! Pure. GitLab and Artifactory repeat the scope before the file, GitHub Packages has a path of
//! its own, a group's registry leads to its projects. Where the lockfile pins nothing there, the
//! layout is npm's own, and any path that tells a package is answered.

use super::folder::tarball_url;
use super::route::{self, Site, decode};
use crate::plan::World;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::upstream::ServedVersion;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// The end of a tarball's URL, by name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// `@acme/internal/-/internal-1.0.0.tgz`: npm's own.
    Npm,
    /// `@acme/internal/-/@acme/internal-1.0.0.tgz`.
    Scoped,
    /// `download/@acme/internal/1.0.0/DIGEST`.
    Download,
}

impl End {
    fn of(self, name: &PackageName, version: &str, digest: &str) -> String {
        match self {
            Self::Npm => format!("{name}/-/{}-{version}.tgz", name.bare()),
            Self::Scoped => format!("{name}/-/{name}-{version}.tgz"),
            Self::Download => format!("download/{name}/{version}/{digest}"),
        }
    }
}

/// A form of URL: what stands before the end, decoded, and the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    before: String,
    end: End,
}

impl Form {
    fn of(url: &Url, name: &PackageName, version: &str) -> Option<Self> {
        let text = plain(url);
        let digest = text.rsplit('/').next().unwrap_or_default();
        [End::Npm, End::Scoped, End::Download].into_iter().find_map(|end| {
            let before = text.strip_suffix(&end.of(name, version, digest))?;
            before.ends_with('/').then(|| Self { before: before.to_owned(), end })
        })
    }

    fn url(&self, name: &PackageName, version: &ServedVersion) -> String {
        format!("{}{}", self.before, self.end.of(name, &version.version, &version.shasum))
    }
}

/// Where a registry has its tarballs.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    registry: RegistryUrl,
    /// By name and version, where the lockfile has them.
    pinned: BTreeMap<PackageName, BTreeMap<String, Url>>,
    /// Every form that is seen there, and that which a name has.
    forms: BTreeSet<Form>,
    of_name: BTreeMap<PackageName, Form>,
}

impl Layout {
    /// npm's own.
    pub(super) fn npm(registry: &RegistryUrl) -> Self {
        Self {
            registry: registry.clone(),
            pinned: BTreeMap::new(),
            forms: BTreeSet::new(),
            of_name: BTreeMap::new(),
        }
    }

    /// That of the registry of this index.
    pub(super) fn of(world: &World, at: usize, registry: &RegistryUrl) -> Self {
        let mut layout = Self::npm(registry);
        for (url, (name, version)) in &world.pinned {
            let Ok(url) = Url::parse(url) else { continue };
            let own = match route::site(world, &url, || None) {
                Site::Registry(other) | Site::Also(other) => other == at,
                Site::Public | Site::HandedOut(_) | Site::Trusted | Site::Unknown => false,
            };
            if !own {
                continue;
            }
            if let Some(form) = Form::of(&url, name, version) {
                layout.forms.insert(form.clone());
                layout.of_name.entry(name.clone()).or_insert(form);
            }
            layout.pinned.entry(name.clone()).or_default().insert(version.clone(), url);
        }
        layout
    }

    /// Where the tarball of a version lies, for a packument.
    pub(super) fn tarball(&self, name: &PackageName, version: &ServedVersion) -> String {
        let pinned = self.pinned.get(name).and_then(|versions| versions.get(&version.version));
        let form = || self.of_name.get(name).or_else(|| self.forms.first());
        match (pinned, form()) {
            (Some(url), _) => url.as_str().to_owned(),
            (None, Some(form)) => form.url(name, version),
            (None, None) => tarball_url(&self.registry, name, &version.version),
        }
    }

    /// Whether this registry has the tarball of a version at a URL.
    pub(super) fn has(&self, url: &Url, name: &PackageName, version: &ServedVersion) -> bool {
        if self.pinned.is_empty() {
            return true;
        }
        let text = plain(url);
        let by_form = || self.forms.iter().any(|form| form.url(name, version) == text);
        let pinned = self.pinned.get(name).and_then(|versions| versions.get(&version.version));
        let is_told = || plain_text(&self.tarball(name, version)).as_ref() == Some(&text);
        pinned.is_some_and(|pinned| plain(pinned) == text) || by_form() || is_told()
    }

    /// Whether `/NAME/VERSION` is answered, as npm's own registry does.
    pub(super) fn has_manifests(&self) -> bool {
        self.pinned.is_empty() || self.forms.iter().any(|form| form.end == End::Npm)
    }
}

/// A URL without query, fragment and credential, its path decoded, its host without the dot that
/// a name may end in.
fn plain(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), decode(url.path()))
}

fn plain_text(text: &str) -> Option<String> {
    Url::parse(text).ok().as_ref().map(plain)
}

#[cfg(test)]
mod tests {
    use super::super::worlds::{name, registry, world};
    use super::*;
    use serde_json::json;

    const OWN: &str = "https://npm.corp.example/api/npm-local/";
    const INTERNAL: &str = "@acme/internal";

    fn version(text: &str) -> ServedVersion {
        ServedVersion {
            version: text.to_owned(),
            manifest: json!({}),
            sha512: "sha512-x".to_owned(),
            shasum: "00ff".to_owned(),
            has_install_script: false,
        }
    }

    fn layout(resolved: &[&str]) -> Layout {
        let mut world = world();
        for url in resolved {
            world.pinned.insert((*url).to_owned(), (name(INTERNAL), "1.2.0".to_owned()));
        }
        Layout::of(&world, 0, &registry(OWN))
    }

    #[test]
    fn what_is_asked_for_lies_where_the_vendor_has_it() {
        let npm = format!("{OWN}@acme/internal/-/internal");
        for (vendor, resolved, next, other) in [
            ("npm", format!("{npm}-1.2.0.tgz"), format!("{npm}-1.3.0.tgz"), "@acme/other/-/other-1.0.0.tgz"),
            (
                "gitlab, of a project",
                format!("{OWN}@acme/internal/-/@acme/internal-1.2.0.tgz"),
                format!("{OWN}@acme/internal/-/@acme/internal-1.3.0.tgz"),
                "@acme/other/-/@acme/other-1.0.0.tgz",
            ),
            (
                "github",
                format!("{OWN}download/@acme/internal/1.2.0/0a1b"),
                format!("{OWN}download/@acme/internal/1.3.0/00ff"),
                "download/@acme/other/1.0.0/00ff",
            ),
        ] {
            let layout = layout(&[&resolved]);
            let at = |text: &str, version_of: &str| {
                layout.has(&Url::parse(text).unwrap(), &name(INTERNAL), &version(version_of))
            };
            assert_eq!(layout.tarball(&name(INTERNAL), &version("1.2.0")), resolved, "{vendor}");
            assert_eq!(layout.tarball(&name(INTERNAL), &version("1.3.0")), next, "{vendor}");
            assert_eq!(layout.tarball(&name("@acme/other"), &version("1.0.0")), format!("{OWN}{other}"));
            assert!(at(&resolved, "1.2.0") && at(&next, "1.3.0"), "{vendor}");
            assert!(at(&format!("{resolved}?signature=x"), "1.2.0"), "{vendor}");
            assert_eq!(at(&format!("{npm}-1.2.0.tgz"), "1.2.0"), vendor == "npm", "{vendor}");
            assert_eq!(at(&format!("{npm}-1.3.0.tgz"), "1.3.0"), vendor == "npm", "{vendor}");
            assert!(!at("https://npm.corp.example/elsewhere/internal-1.2.0.tgz", "1.2.0"), "{vendor}");
            assert_eq!(layout.has_manifests(), vendor == "npm", "{vendor}");
        }
    }

    #[test]
    fn a_group_leads_to_its_projects() {
        let project = "https://npm.corp.example/api/v4/projects/7/packages/npm/";
        let layout = layout(&[&format!("{project}@acme/internal/-/@acme/internal-1.2.0.tgz")]);
        let told = layout.tarball(&name(INTERNAL), &version("1.3.0"));
        assert_eq!(told, format!("{project}@acme/internal/-/@acme/internal-1.3.0.tgz"));
        let own = format!("{OWN}@acme/internal/-/@acme/internal-1.2.0.tgz");
        assert!(!layout.has(&Url::parse(&own).unwrap(), &name(INTERNAL), &version("1.2.0")));
    }

    #[test]
    fn urls_that_tell_no_package_are_known_one_by_one() {
        let layout = layout(&["https://blobs.corp.example/sha/0a1b"]);
        let has =
            |text: &str, of: &str| layout.has(&Url::parse(text).unwrap(), &name(INTERNAL), &version(of));
        let npm = |version: &str| format!("{OWN}@acme/internal/-/internal-{version}.tgz");
        assert!(has("https://blobs.corp.example/sha/0a1b", "1.2.0"));
        assert!(!has(&npm("1.2.0"), "1.2.0"));
        // Of another version nothing is known: it lies where its packument says.
        assert_eq!(layout.tarball(&name(INTERNAL), &version("1.3.0")), npm("1.3.0"));
        assert!(has(&npm("1.3.0"), "1.3.0"));
    }

    #[test]
    fn where_nothing_is_pinned_the_layout_is_npms() {
        let layout = layout(&["https://registry.example/@acme/internal/-/internal-1.2.0.tgz"]);
        let npm = format!("{OWN}@acme/internal/-/internal-1.2.0.tgz");
        assert_eq!(layout.tarball(&name(INTERNAL), &version("1.2.0")), npm);
        assert!(layout.has(&Url::parse(&npm).unwrap(), &name(INTERNAL), &version("1.2.0")));
        assert!(layout.has_manifests());
    }
}
