//! What a URL is: whose host, what it asks for, which package.
//!
//! Pure: a URL and a world in, words out. Paths are hostile; a name that is no
//! package name is none.

use crate::evidence::exchange::{ExchangeKind, Role};
use crate::plan::World;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use globset::{Glob, GlobSet, GlobSetBuilder};
use url::Url;

/// Whose host and path it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Site {
    /// npm's public registry.
    Public,
    /// The registry of this index in the world.
    Registry(usize),
    /// A host to which the registry of this index hands downloads.
    Also(usize),
    /// A URL to which an earlier answer led.
    HandedOut(Handed),
    /// A host from which downloads are allowed.
    Trusted,
    /// Nobody's.
    Unknown,
}

/// What is known of a URL that an answer led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handed {
    /// The package it was about.
    pub(super) package: Option<PackageName>,
    /// Its version.
    pub(super) version: Option<String>,
    /// The role of the host that sent it there.
    pub(super) role: Role,
    /// The index of the registry that sent it there; `None` is the public one.
    pub(super) registry: Option<usize>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `/NAME`, or `/NAME/VERSION`.
    Packument,
    /// `/NAME/-/BARE-VERSION.tgz` and other registries' forms of it.
    Tarball,
    /// `/-/npm/v1/security/…`.
    Audit,
    /// `/-/npm/v1/keys`.
    Keys,
    /// `/-/npm/v1/attestations/…`.
    Attestations,
    /// `/-/ping`.
    Ping,
    /// Any other `/-/…`: publish, login, tokens.
    Api,
    /// Something else.
    Other,
}

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) shape: Shape,
    pub(super) package: Option<PackageName>,
    pub(super) version: Option<String>,
    /// The path is nothing but the name (and version): fit for the public registry.
    pub(super) exact: bool,
}

impl Asked {
    /// As it is recorded.
    pub(super) fn kind(&self, site: &Site) -> ExchangeKind {
        match (self.shape, site) {
            (Shape::Packument, Site::Public | Site::Registry(_)) => ExchangeKind::Packument,
            (Shape::Tarball, _) => ExchangeKind::Tarball,
            (Shape::Audit, Site::Public | Site::Registry(_)) => ExchangeKind::Audit,
            (Shape::Keys | Shape::Attestations, Site::Public | Site::Registry(_)) => ExchangeKind::Signatures,
            (_, Site::HandedOut(_) | Site::Also(_)) => ExchangeKind::Tarball,
            (
                Shape::Packument
                | Shape::Audit
                | Shape::Keys
                | Shape::Attestations
                | Shape::Ping
                | Shape::Api
                | Shape::Other,
                Site::Public | Site::Registry(_) | Site::Trusted | Site::Unknown,
            ) => ExchangeKind::Other,
        }
    }
}

/// The site of a URL: the longest prefix of a registry wins.
pub(super) fn site(world: &World, url: &Url, handed: impl FnOnce() -> Option<Handed>) -> Site {
    let public = (world.public.as_url().path().len(), Site::Public, &world.public);
    let others = world.registries.iter().enumerate().flat_map(|(at, registry)| {
        std::iter::once((registry.url.as_url().path().len(), Site::Registry(at), &registry.url))
            .chain(registry.also.iter().map(move |url| (url.as_url().path().len(), Site::Also(at), url)))
    });
    let longest = std::iter::once(public)
        .chain(others)
        .filter(|(_, _, registry)| registry.serves(url))
        .max_by_key(|(length, site, _)| (*length, matches!(site, Site::Registry(_) | Site::Public)));
    if let Some((_, site, _)) = longest {
        return site;
    }
    if let Some(handed) = handed() {
        return Site::HandedOut(handed);
    }
    // A registry's tarballs may lie beside its prefix, on the same origin.
    let beside = world.registries.iter().position(|registry| registry.url.as_url().origin() == url.origin());
    if let Some(at) = beside {
        return Site::Also(at);
    }
    match url.host_str() {
        // The public host by another scheme or port (an old `resolved`): what may
        // not be told to it may not be told to it there either.
        Some(host) if host == world.public.host() && world.hosts.contains(host) => Site::Public,
        // A stranger answers as the public registry does to the project's own names.
        Some(host) if world.strangers.contains(host) => Site::Public,
        Some(host) if world.hosts.contains(host) => Site::Trusted,
        Some(_) | None => Site::Unknown,
    }
}

/// The path of a URL below a site's prefix, decoded once, without the leading slash.
pub(super) fn below(world: &World, site: &Site, url: &Url) -> String {
    let prefix = match site {
        Site::Public => world.public.as_url().path().len(),
        Site::Registry(at) => {
            world.registries.get(*at).map_or(1, |registry| registry.url.as_url().path().len())
        }
        Site::Also(_) | Site::HandedOut(_) | Site::Trusted | Site::Unknown => 1,
    };
    decode(url.path().get(prefix..).unwrap_or_default())
}

pub(super) fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%'
            && let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2))
        {
            out.push(u8::try_from(high << 4 | low).unwrap_or(b'?'));
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether a decoded path could mean something else to a server than to us.
pub(super) fn is_devious(path: &str) -> bool {
    path.chars().any(|letter| letter.is_control() || letter == '\\' || letter == '%')
        || path.split('/').any(|part| part == ".." || part == ".")
        || path.starts_with('/')
        || path.contains("//")
}

/// Takes a decoded path below a registry apart.
pub(super) fn asked(path: &str) -> Asked {
    let plain = |shape| Asked { shape, package: None, version: None, exact: false };
    if let Some(api) = path.strip_prefix("-/") {
        return match api.trim_end_matches('/') {
            "ping" => plain(Shape::Ping),
            "npm/v1/keys" => plain(Shape::Keys),
            rest if rest.starts_with("npm/v1/security/") => plain(Shape::Audit),
            rest if rest.starts_with("npm/v1/attestations/") => plain(Shape::Attestations),
            _ => plain(Shape::Api),
        };
    }
    // GitLab has another `/-/` in the paths of groups.
    if let Some((before, file)) = path.rsplit_once("/-/") {
        return tarball(before, file);
    }
    // GitHub Packages: `download/@acme/internal/1.0.0/DIGEST`.
    if let Some(rest) = path.strip_prefix("download/")
        && let [scope, bare, version, _] = rest.split('/').collect::<Vec<_>>()[..]
        && let Ok(name) = PackageName::parse(&format!("{scope}/{bare}"))
    {
        let version = Some(version.to_owned());
        return Asked { shape: Shape::Tarball, package: Some(name), version, exact: false };
    }
    let named = |name: &str, version: Option<&str>| {
        let package = Some(PackageName::parse(name).ok()?);
        let version = version.map(str::to_owned);
        Some(Asked { shape: Shape::Packument, package, version, exact: true })
    };
    let parts: Vec<&str> = path.split('/').collect();
    let found = match parts[..] {
        [name] => named(name, None),
        [scope, bare] if scope.starts_with('@') => named(&format!("{scope}/{bare}"), None),
        [name, version] => named(name, Some(version)).filter(|_| is_version(version)),
        [scope, bare, version] if scope.starts_with('@') => {
            named(&format!("{scope}/{bare}"), Some(version)).filter(|_| is_version(version))
        }
        _ => None,
    };
    found.unwrap_or_else(|| plain(Shape::Other))
}

fn tarball(before: &str, file: &str) -> Asked {
    let mut tail = before.rsplitn(3, '/');
    let (bare, scope) = (tail.next().unwrap_or_default(), tail.next().filter(|part| part.starts_with('@')));
    let name = scope.map_or_else(|| bare.to_owned(), |scope| format!("{scope}/{bare}"));
    let last = file.rsplit('/').next().unwrap_or_default();
    let stem = [".tgz", ".tar.gz"].into_iter().find_map(|end| last.strip_suffix(end));
    let version = stem.and_then(|stem| stem.strip_prefix(bare)?.strip_prefix('-')).map(str::to_owned);
    let version = version.filter(|text| is_version(text));
    match PackageName::parse(&name) {
        Ok(package) if stem.is_some() => Asked {
            exact: name == before && !file.contains('/') && version.is_some(),
            shape: Shape::Tarball,
            package: Some(package),
            version,
        },
        Ok(package) => Asked { shape: Shape::Other, package: Some(package), version: None, exact: false },
        Err(_) => Asked { shape: Shape::Other, package: None, version: None, exact: false },
    }
}

fn is_version(text: &str) -> bool {
    text.len() <= 256
        && text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte))
}

/// Which names may not be told to strangers.
#[derive(Debug)]
pub(super) struct Inside {
    globs: GlobSet,
}

/// A name's class, as far as the gateway needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ownership {
    /// Private, and from the registry of this index (`None`: one that is not in the world).
    Private(Option<usize>),
    /// A member, link or `file:` package.
    Local,
    /// One of the project's own that the public registry has a package of as well.
    Shared,
    /// Anybody's.
    Public,
}

impl Inside {
    /// Reads the globs of a world; one that cannot be read matches nothing.
    pub(super) fn new(world: &World) -> Self {
        let mut builder = GlobSetBuilder::new();
        for glob in world.private_globs.iter().filter_map(|text| Glob::new(&text.to_lowercase()).ok()) {
            builder.add(glob);
        }
        Self { globs: builder.build().unwrap_or_default() }
    }

    /// The class of a name as seen from where it is asked for.
    ///
    /// The lockfile says of some names that are the project's own that a registry has a package
    /// of them too: there they are no secret. And an owner can have several registries; the one
    /// that is asked is then as good as the one that the package must come from.
    pub(super) fn at(&self, world: &World, name: &PackageName, url: &Url, site: &Site) -> Ownership {
        let known_to = |registry: &RegistryUrl| {
            let same = |(known, _): &(&PackageName, _)| known.as_str().eq_ignore_ascii_case(name.as_str());
            let mut registries = world.known.iter().filter(same).flat_map(|(_, registries)| registries);
            registries.any(|known| registry.serves(known.as_url()))
        };
        let stranger = || url.host_str().is_some_and(|host| world.strangers.contains(host));
        let by_name = self.of(world, name);
        match (&by_name, site) {
            (Ownership::Public | Ownership::Shared, _) => Ownership::Public,
            (Ownership::Private(_) | Ownership::Local, Site::Public) => {
                if stranger() || !known_to(&world.public) {
                    by_name
                } else if self.is_listed(world, name) {
                    Ownership::Shared
                } else {
                    Ownership::Public
                }
            }
            (Ownership::Private(_), Site::Registry(at) | Site::Also(at)) => {
                if self.is_own(world, name, *at) {
                    Ownership::Private(Some(*at))
                } else {
                    by_name
                }
            }
            (Ownership::Local, Site::Registry(at) | Site::Also(at)) => {
                let known = world.registries.get(*at).is_some_and(|registry| known_to(&registry.url));
                if known { Ownership::Public } else { by_name }
            }
            (
                Ownership::Private(_) | Ownership::Local,
                Site::HandedOut(_) | Site::Trusted | Site::Unknown,
            ) => by_name,
        }
    }

    /// Whether an entry of the lockfile, or the owner, names it as private or local: no glob.
    fn is_listed(&self, world: &World, name: &PackageName) -> bool {
        let same = |other: &PackageName| other.as_str().eq_ignore_ascii_case(name.as_str());
        world.local.iter().any(same) || world.private.keys().any(same)
    }

    /// Whether a registry of the world is one of the owner's for a private name; a name that the
    /// lockfile lacks is where its scope's other packages are.
    fn is_own(&self, world: &World, name: &PackageName, at: usize) -> bool {
        let Some(asked) = world.registries.get(at) else { return false };
        let same = |other: &&PackageName| other.as_str().eq_ignore_ascii_case(name.as_str());
        let sibling = |other: &&PackageName| name.scope().is_some() && other.scope() == name.scope();
        let known = world.own.keys().find(same).or_else(|| world.own.keys().find(sibling));
        let own = known.and_then(|known| world.own.get(known));
        own.is_some_and(|own| own.contains(&asked.url))
    }

    /// The class of a name. Case does not count: a name in capitals tells as much.
    pub(super) fn of(&self, world: &World, name: &PackageName) -> Ownership {
        let folded = name.as_str().to_ascii_lowercase();
        let same = |other: &PackageName| other.as_str().eq_ignore_ascii_case(&folded);
        if world.local.iter().any(same) {
            return Ownership::Local;
        }
        if let Some((_, own)) = world.private.iter().find(|(known, _)| same(known)) {
            return Ownership::Private(world.registries.iter().position(|registry| registry.url == *own));
        }
        if self.globs.is_match(&folded) {
            // The registry of its scope's other packages.
            let sibling = world
                .private
                .iter()
                .find(|(known, _)| name.scope().is_some() && known.scope() == name.scope());
            let own = sibling
                .and_then(|(_, own)| world.registries.iter().position(|registry| registry.url == *own));
            return Ownership::Private(own);
        }
        Ownership::Public
    }
}

/// The role of a site, as seen from a package.
pub(super) fn role(ownership: Option<&Ownership>, site: &Site) -> Role {
    match (ownership, site) {
        (_, Site::HandedOut(handed)) => handed.role,
        (Some(Ownership::Private(Some(own))), Site::Registry(at) | Site::Also(at)) if own == at => Role::Own,
        // A private name whose registry nobody knows: a configured one may be it.
        (Some(Ownership::Private(None)), Site::Registry(_) | Site::Also(_)) => Role::Unknown,
        (Some(Ownership::Private(_) | Ownership::Local), _) => Role::Foreign,
        (Some(Ownership::Public | Ownership::Shared), Site::Public) => Role::Public,
        (Some(Ownership::Public | Ownership::Shared), Site::Registry(_) | Site::Also(_)) => Role::Own,
        (Some(Ownership::Public | Ownership::Shared), Site::Trusted | Site::Unknown) | (None, _) => {
            Role::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::worlds::{name, world};
    use super::*;

    fn at(url: &str) -> (Site, Asked) {
        let (world, url) = (world(), Url::parse(url).unwrap());
        let site = site(&world, &url, || None);
        let path = below(&world, &site, &url);
        (site, asked(&path))
    }

    #[test]
    fn urls_are_taken_apart_as_registries_write_them() {
        let cases = [
            ("left-pad", Shape::Packument, Some("left-pad"), None, true),
            ("@acme/internal", Shape::Packument, Some("@acme/internal"), None, true),
            ("left-pad/1.3.0", Shape::Packument, Some("left-pad"), Some("1.3.0"), true),
            ("left-pad/-/left-pad-1.3.0.tgz", Shape::Tarball, Some("left-pad"), Some("1.3.0"), true),
            (
                "@acme/internal/-/internal-1.0.0-rc.1.tgz",
                Shape::Tarball,
                Some("@acme/internal"),
                Some("1.0.0-rc.1"),
                true,
            ),
            (
                "@acme/internal/-/@acme/internal-1.0.0.tgz",
                Shape::Tarball,
                Some("@acme/internal"),
                Some("1.0.0"),
                false,
            ),
            (
                "download/@acme/internal/1.0.0/0123abcd",
                Shape::Tarball,
                Some("@acme/internal"),
                Some("1.0.0"),
                false,
            ),
            ("-/npm/v1/security/advisories/bulk", Shape::Audit, None, None, false),
            ("-/npm/v1/keys", Shape::Keys, None, None, false),
            ("-/user/org.couchdb.user:me", Shape::Api, None, None, false),
            ("-/npm/v1/tokens", Shape::Api, None, None, false),
            ("../../etc/passwd", Shape::Other, None, None, false),
            ("", Shape::Other, None, None, false),
            ("a/b/c/d", Shape::Other, None, None, false),
            ("left-pad/x y", Shape::Other, None, None, false),
        ];
        for (path, shape, package, version, exact) in cases {
            let got = asked(path);
            let got =
                (got.shape, got.package.as_ref().map(PackageName::as_str), got.version.as_deref(), got.exact);
            assert_eq!(got, (shape, package, version, exact), "{path}");
        }
    }

    #[test]
    fn the_longest_prefix_is_the_site() {
        assert_eq!(at("https://registry.example/left-pad").0, Site::Public);
        assert_eq!(at("https://stranger.example/left-pad").0, Site::Public);
        let (site, asked) = at("https://npm.corp.example/api/npm-local/@acme%2finternal");
        assert_eq!((site, asked.package), (Site::Registry(0), Some(name("@acme/internal"))));
        assert_eq!(at("https://npm.corp.example/elsewhere/x.tgz").0, Site::Also(0));
        assert_eq!(at("https://blobs.corp.example/x").0, Site::Also(0));
        assert_eq!(at("https://mirror.example/npm/left-pad").0, Site::Registry(1));
        assert_eq!(at("https://cdn.example/x.tgz").0, Site::Trusted);
        assert_eq!(at("https://evil.example/left-pad").0, Site::Unknown);
        assert_eq!(at("http://registry.example/left-pad").0, Site::Unknown);
        assert_eq!(at("https://registry.example:8443/left-pad").0, Site::Unknown);
    }

    #[test]
    fn names_that_are_inside_are_known_in_any_case_and_by_glob() {
        let world = world();
        let inside = Inside::new(&world);
        let of = |text: &str| inside.of(&world, &name(text));
        assert_eq!(of("@acme/internal"), Ownership::Private(Some(0)));
        assert_eq!(of("@ACME/Internal"), Ownership::Private(Some(0)));
        assert_eq!(of("@acme/never-seen"), Ownership::Private(Some(0)));
        assert_eq!(of("acme-web"), Ownership::Local);
        assert_eq!(of("left-pad"), Ownership::Public);
    }

    #[test]
    fn a_role_is_seen_from_the_package() {
        let private = Ownership::Private(Some(0));
        assert_eq!(role(Some(&private), &Site::Registry(0)), Role::Own);
        assert_eq!(role(Some(&private), &Site::Also(0)), Role::Own);
        assert_eq!(role(Some(&private), &Site::Registry(1)), Role::Foreign);
        assert_eq!(role(Some(&private), &Site::Public), Role::Foreign);
        assert_eq!(role(Some(&Ownership::Local), &Site::Registry(0)), Role::Foreign);
        assert_eq!(role(Some(&Ownership::Public), &Site::Public), Role::Public);
        assert_eq!(role(Some(&Ownership::Public), &Site::Registry(1)), Role::Own);
        assert_eq!(role(None, &Site::Public), Role::Unknown);
    }

    #[test]
    fn each_registry_of_the_owners_is_the_packages_own() {
        let mut world = world();
        let mirror = world.registries[1].url.clone();
        let seen = |world: &World, text: &str| {
            let url = Url::parse(text).unwrap();
            let site = site(world, &url, || None);
            let asked = asked(&below(world, &site, &url));
            let ownership = asked.package.map(|name| Inside::new(world).at(world, &name, &url, &site));
            role(ownership.as_ref(), &site)
        };
        let tarball = format!("{mirror}@acme/internal/-/internal-1.2.0.tgz");
        assert_eq!(seen(&world, &tarball), Role::Foreign);
        world.own.entry(name("@acme/internal")).or_default().insert(mirror);
        assert_eq!(seen(&world, &tarball), Role::Own);
        let public = world.public.clone();
        let tarball = format!("{public}@acme/lint/-/lint-1.0.0.tgz");
        assert_eq!(seen(&world, &tarball), Role::Foreign);
        world.known.entry(name("@acme/lint")).or_default().insert(public);
        assert_eq!(seen(&world, &tarball), Role::Public);
    }

    #[test]
    fn devious_paths_are_known() {
        for path in ["a/../b", "@acme/../x", "a%2fb", "a\\b", "a\nb", "/-/user", "a//b"] {
            assert!(is_devious(path), "{path}");
        }
        assert!(!is_devious("@acme/internal/-/internal-1.0.0.tgz"));
    }
}
