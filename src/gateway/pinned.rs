//! Which package a URL is of where its path does not tell.
//!
//! Pure. Registries name tarballs as they like; the lockfile says which is whose.

use super::route::{Asked, Shape, Site};
use crate::plan::World;
use url::Url;

/// What the lockfile knows of a URL whose path tells no package or no version.
pub(super) fn pinned(world: &World, site: &Site, url: &Url, asked: Asked) -> Asked {
    let told = asked.shape == Shape::Tarball && asked.package.is_some() && asked.version.is_some();
    match site {
        Site::Registry(_) | Site::Also(_) if !told => match world.pinned_at(url) {
            Some((name, version)) => Asked {
                shape: Shape::Tarball,
                package: Some(name.clone()),
                version: Some(version.clone()),
                exact: false,
            },
            None => asked,
        },
        Site::Registry(_)
        | Site::Also(_)
        | Site::Public
        | Site::HandedOut(_)
        | Site::Trusted
        | Site::Unknown => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::{asked, below, site};
    use super::super::worlds::{name, world};
    use super::*;

    #[test]
    fn a_tarball_whose_url_tells_no_package_is_known_by_the_lockfile() {
        let mut world = world();
        let known = (name("@acme/internal"), "1.2.0".to_owned());
        for text in ["https://npm.corp.example:443/files/7", "https://blobs.corp.example:443/sha/0a1b"] {
            world.pinned.insert(text.to_owned(), known.clone());
        }
        let seen = |text: &str| {
            let url = Url::parse(text).unwrap();
            let site = site(&world, &url, || None);
            let asked = pinned(&world, &site, &url, asked(&below(&world, &site, &url)));
            (asked.shape, asked.package.map(|name| name.to_string()), asked.version)
        };
        let tarball = (Shape::Tarball, Some("@acme/internal".to_owned()), Some("1.2.0".to_owned()));
        for text in [
            "https://npm.corp.example/files/7",
            "https://blobs.corp.example/sha/0a1b?signature=x",
            "https://npm.corp.example/api/groups/3/-/npm/@acme/internal/-/@acme/internal-1.2.0.tgz",
            "https://npm.corp.example/api/npm-local/download/@acme/internal/1.2.0/0a1b",
        ] {
            assert_eq!(seen(text), tarball, "{text}");
        }
        for text in ["https://npm.corp.example/files/8", "https://cdn.example/files/7"] {
            assert_ne!(seen(text).0, Shape::Tarball, "{text}");
        }
        // What a path tells of itself is believed, and the public registry's always.
        let other = "https://npm.corp.example/api/npm-local/@acme/other/-/other-1.0.0.tgz";
        assert_eq!(seen(other).1.as_deref(), Some("@acme/other"));
    }
}
