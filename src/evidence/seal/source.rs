//! Where installed bytes came from, and whose they are.

use super::{KnownTarball, Recording, SealContext};
use crate::evidence::exchange::{Exchange, Role};
use crate::project::Project;
use crate::project::class::{Class, registry_setting};
use crate::project::integrity::{Algorithm, Digests, Integrity};
use crate::project::registry::RegistryUrl;
use crate::wire::PackageTree;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// What was delivered in a run, by what it unpacks to.
pub(super) struct Delivered<'a> {
    by_tree: BTreeMap<&'a str, BTreeSet<&'a str>>,
    by_manifest: BTreeMap<&'a str, BTreeSet<&'a str>>,
    by_sha512: BTreeMap<&'a str, Vec<&'a Exchange>>,
}

impl<'a> Delivered<'a> {
    pub(super) fn of(recording: &'a Recording, context: &SealContext<'a>) -> Self {
        let mut by_sha512: BTreeMap<&str, Vec<&Exchange>> = BTreeMap::new();
        for exchange in &recording.exchanges {
            if let Some(sha512) = &exchange.sha512 {
                by_sha512.entry(sha512).or_default().push(exchange);
            }
        }
        let (mut by_tree, mut by_manifest) = (BTreeMap::new(), BTreeMap::new());
        for (sha512, index) in context.tarballs {
            if !by_sha512.contains_key(sha512.as_str()) {
                continue;
            }
            by_tree.entry(index.tree.as_str()).or_insert_with(BTreeSet::new).insert(sha512.as_str());
            if !index.manifest.is_empty() {
                by_manifest
                    .entry(index.manifest.as_str())
                    .or_insert_with(BTreeSet::new)
                    .insert(sha512.as_str());
            }
        }
        Self { by_tree, by_manifest, by_sha512 }
    }

    /// The exchanges that delivered this tree: by its digest, else by that of
    /// its package.json where only one tarball has it.
    pub(super) fn find(&self, tree: &PackageTree) -> Vec<&'a Exchange> {
        let tarballs = self
            .by_tree
            .get(tree.tree.as_str())
            .or_else(|| self.by_manifest.get(tree.manifest.as_str()).filter(|tarballs| tarballs.len() == 1));
        let mut exchanges: Vec<&Exchange> = tarballs
            .into_iter()
            .flatten()
            .flat_map(|sha512| self.by_sha512.get(sha512).into_iter().flatten().copied())
            .collect();
        exchanges.sort_by_key(|exchange| exchange.seq);
        exchanges
    }
}

/// A package as far as its rightful source is concerned.
pub(super) struct Rightful<'a> {
    pub(super) class: Class,
    pub(super) name: &'a str,
    /// The registry it must come from, where one is known.
    pub(super) home: Option<&'a RegistryUrl>,
    /// Every registry that is the owner's for it; `None` where it is none of the lockfile's.
    pub(super) own: Option<&'a BTreeSet<RegistryUrl>>,
    /// `resolved` of the lockfile.
    pub(super) resolved: Option<&'a str>,
}

/// A place that delivered bytes.
pub(super) struct Origin {
    pub(super) url: Option<Url>,
    /// What the gateway took it for.
    pub(super) seen: Role,
}

impl Origin {
    pub(super) fn of_exchange(exchange: &Exchange) -> Self {
        Self { url: Url::parse(&url_of(exchange)).ok(), seen: exchange.role }
    }

    pub(super) fn of_known(known: &KnownTarball) -> Self {
        let url = Url::parse(&known.url).or_else(|_| Url::parse(&format!("https://{}/", known.host)));
        Self { url: url.ok(), seen: known.role }
    }
}

/// The URL of an exchange, without query.
pub(super) fn url_of(exchange: &Exchange) -> String {
    let scheme = if exchange.scheme == "http" { "http" } else { "https" };
    let port = match (scheme, exchange.port) {
        ("http", 80) | ("https", 443) => String::new(),
        (_, port) => format!(":{port}"),
    };
    format!("{scheme}://{}{port}{}", exchange.host, exchange.path)
}

/// Whose `origin` is, from the point of view of `package`.
///
/// A private package can come from any registry of the owner's
/// ([`Project::own_registries`]). A registry that redirects acts for itself, so a host nobody named is the
/// package's own if its registry sent npm there and the bytes satisfy the
/// lockfile's integrity; a redirect to a registry that has a name of its own,
/// or of bytes that nothing vouches for, is foreign.
pub(super) fn role(
    package: &Rightful<'_>,
    origin: &Origin,
    integrity_ok: Option<bool>,
    project: &Project,
) -> Role {
    let gateway = origin.seen;
    let Some(url) = &origin.url else { return gateway };
    match package.class {
        Class::Local => Role::Foreign,
        Class::Private => match package.home {
            None => gateway,
            Some(home) if home.serves(url) || named_by(home, url, project) => Role::Own,
            Some(_) if package.own.is_some_and(|own| own.iter().any(|own| own.serves(url))) => Role::Own,
            Some(home) if other_registry(home, url, project) => Role::Foreign,
            Some(home) if home.same_host(url) && url.scheme() == home.as_url().scheme() => Role::Own,
            Some(_) if gateway == Role::Own && integrity_ok == Some(true) => Role::Own,
            Some(_) => Role::Foreign,
        },
        Class::Public => {
            let asked = registry_for(package.name, project);
            if project.public.same_host(url) {
                Role::Public
            } else if asked.is_some_and(|asked| asked.same_host(url)) || same_host(package.resolved, url) {
                Role::Own
            } else {
                gateway
            }
        }
        Class::Other if same_host(package.resolved, url) => Role::Own,
        Class::Other => gateway,
        Class::Undecided if project.public.same_host(url) => Role::Public,
        Class::Undecided => Role::Unknown,
    }
}

fn same_host(resolved: Option<&str>, url: &Url) -> bool {
    resolved
        .and_then(|resolved| Url::parse(resolved).ok())
        .is_some_and(|resolved| resolved.host_str() == url.host_str())
}

fn registry_for(name: &str, project: &Project) -> Option<RegistryUrl> {
    let name = crate::project::name::PackageName::parse(name).ok()?;
    Some(project.config.registry_for(&name, &project.public))
}

/// Whether the owner said that `home` hands downloads to `url`.
fn named_by(home: &RegistryUrl, url: &Url, project: &Project) -> bool {
    project
        .settings
        .registries
        .iter()
        .filter(|entry| entry.url == *home)
        .any(|entry| entry.also.iter().any(|also| also.covers(url)))
}

fn other_registry(home: &RegistryUrl, url: &Url, project: &Project) -> bool {
    std::iter::once(project.public.clone()).chain(configured_registries(project)).any(|registry| {
        registry != *home && (registry.covers(url) || registry == project.public && registry.same_host(url))
    })
}

/// Every registry that npm's configuration or `[[registry]]` names, at any level.
pub fn configured_registries(project: &Project) -> BTreeSet<RegistryUrl> {
    let settings = project.config.settings.iter().filter_map(registry_setting);
    settings.chain(project.settings.registries.iter().map(|entry| entry.url.clone())).collect()
}

/// Whether bytes of these digests satisfy an integrity; `None` where it needs
/// a hash that was not computed.
pub(super) fn satisfies(integrity: &Integrity, sha512: Option<&str>, sha1: Option<&str>) -> Option<bool> {
    let needed = match integrity.strongest() {
        Algorithm::Sha512 => sha512.is_some(),
        Algorithm::Sha1 => sha1.is_some(),
        Algorithm::Sha256 | Algorithm::Sha384 => false,
    };
    let digests = Digests {
        sha1: sha1.map(unhex).unwrap_or_default(),
        sha256: Vec::new(),
        sha384: Vec::new(),
        sha512: sha512
            .and_then(|text| STANDARD.decode(text.strip_prefix("sha512-").unwrap_or(text)).ok())
            .unwrap_or_default(),
    };
    needed.then(|| integrity.accepts(&digests))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
