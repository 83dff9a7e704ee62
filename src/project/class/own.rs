//! Which registries are the owner's for a private package.
//!
//! A package has one registry that it must come from. An owner often has more of them that
//! give the same package: a virtual registry before a local one, a mirror before a paid one.
//! Only what the owner's own files name counts, and never that a path is on the same host:
//! on a hosted service the next path is somebody else's. This module must not know what a
//! registry answers.

use super::Class;
use crate::project::Project;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::name::PackageName;
use crate::project::npmrc::{Setting, Value};
use crate::project::registry::RegistryUrl;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

impl Project {
    /// For each private package of the lockfile, the registries that are the owner's for it:
    ///
    /// - the one that it must come from;
    /// - each that a `[[registry]]` names by `url`, `also` or `behind`;
    /// - each that its own scope is mapped to, at any level of npm's configuration;
    /// - the one that npm would ask for it;
    /// - a default registry on the same host as one of these;
    /// - any other registry of npm's configuration under which the lockfile pins it.
    ///
    /// The public registry is none of them, whatever names it.
    pub fn own_registries(&self) -> BTreeMap<PackageName, BTreeSet<RegistryUrl>> {
        let mut own: BTreeMap<PackageName, BTreeSet<RegistryUrl>> = BTreeMap::new();
        let settings = &self.settings.registries;
        let declared: BTreeSet<&RegistryUrl> = settings
            .iter()
            .flat_map(|entry| std::iter::once(&entry.url).chain(&entry.also).chain(&entry.behind))
            .collect();
        let configured: Vec<(&Setting, RegistryUrl)> = self
            .config
            .settings
            .iter()
            .filter_map(|setting| Some((setting, registry_setting(setting)?)))
            .collect();
        for (entry, classified) in self.of_class(Class::Private) {
            let registries = own.entry(entry.name.clone()).or_insert_with(|| {
                let mapping = entry.name.scope().map(|scope| format!("{scope}:registry"));
                let mapped = configured.iter().filter(|(setting, _)| Some(&setting.key) == mapping.as_ref());
                declared
                    .iter()
                    .map(|url| (*url).clone())
                    .chain(mapped.map(|(_, url)| url.clone()))
                    .chain([self.config.registry_for(&entry.name, &self.public)])
                    .collect()
            });
            registries.extend(classified.registry.clone());
            let pinned = entry.resolved.as_deref().and_then(|text| Url::parse(text).ok());
            let pins = |url: &RegistryUrl| pinned.as_ref().is_some_and(|pinned| url.serves(pinned));
            registries.extend(configured.iter().map(|(_, url)| url).filter(|url| pins(url)).cloned());
            let beside: Vec<RegistryUrl> = configured
                .iter()
                .filter(|(setting, url)| {
                    setting.key == "registry" && registries.iter().any(|own| own.same_host(url.as_url()))
                })
                .map(|(_, url)| url.clone())
                .collect();
            registries.extend(beside);
            registries.retain(|url| !url.same_name(self.public.as_url()));
        }
        own
    }

    /// The first public package of the lockfile that npm gets from this registry: one that serves
    /// both kinds is virtual.
    pub fn public_from(&self, registry: &RegistryUrl) -> Option<&LockEntry> {
        let default = self.config.default_registry(&self.public);
        let from = |entry: &LockEntry| match entry.resolved.as_deref().and_then(|text| Url::parse(text).ok())
        {
            Some(url) if self.public.same_name(&url) => {
                self.config.replaces_host(&url, &self.public) && default == *registry
            }
            Some(url) => registry.serves(&url),
            None => self.config.registry_for(&entry.name, &self.public) == *registry,
        };
        self.of_class(Class::Public).map(|(entry, _)| entry).find(|entry| from(entry))
    }

    /// For each name that a registry has a package of which is not private: the registries that
    /// the lockfile has it from. A member of a workspace that is published too, and a package of
    /// a private scope that is pinned at the public registry, are no secret there.
    pub fn known_names(&self) -> BTreeMap<PackageName, BTreeSet<RegistryUrl>> {
        let mut known: BTreeMap<PackageName, BTreeSet<RegistryUrl>> = BTreeMap::new();
        for class in [Class::Public, Class::Other, Class::Undecided] {
            for (entry, classified) in
                self.of_class(class).filter(|(entry, _)| entry.kind == EntryKind::Registry)
            {
                let pinned = entry.resolved.as_deref().and_then(|text| Url::parse(text).ok());
                let registries = match pinned {
                    Some(url) if self.public.same_name(&url) => Some(self.public.clone()),
                    Some(url) => RegistryUrl::before(&url, &entry.name),
                    None => classified.registry.clone(),
                };
                known.entry(entry.name.clone()).or_default().extend(registries);
            }
        }
        known
    }
}

/// The registry that a setting names; of a URL with credentials, the URL without them.
pub(crate) fn registry_setting(setting: &Setting) -> Option<RegistryUrl> {
    if setting.key != "registry" && (!setting.key.ends_with(":registry") || setting.key.starts_with("//")) {
        return None;
    }
    match &setting.value {
        Value::Plain(text) => RegistryUrl::parse(text).ok(),
        Value::Secret(secret) => RegistryUrl::parse(secret.expose()).ok(),
    }
}
