//! The decision, entry by entry.

use super::{Class, Classified};
use crate::project::integrity::Algorithm;
use crate::project::lockfile::{EntryKind, LockEntry, Lockfile};
use crate::project::name::PackageName;
use crate::project::npmrc::{Level, NpmConfig, Setting, Value};
use crate::project::registry::RegistryUrl;
use crate::project::settings::Settings;
use crate::project::signature::{RegistryKey, RegistrySignatures, is_signed};
use crate::text::Place;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeMap;
use url::Url;

/// What is decided from.
pub struct Facts<'a> {
    /// The lockfile.
    pub lockfile: &'a Lockfile,
    /// npm's configuration.
    pub config: &'a NpmConfig,
    /// The owner's settings.
    pub settings: &'a Settings,
    /// The public registry.
    pub public: &'a RegistryUrl,
    /// Who knows signatures, if anyone.
    pub signatures: Option<&'a dyn RegistrySignatures>,
}

/// The class of every entry of the lockfile, by its path.
pub fn classify(facts: &Facts<'_>) -> BTreeMap<String, Classified> {
    let judge = Judge::new(facts);
    let mut out: BTreeMap<String, Classified> = BTreeMap::new();
    // In the order of paths a parent comes before what is bundled in it.
    for entry in facts.lockfile.entries.values() {
        let class = match entry.kind {
            EntryKind::Bundled => bundled(entry, &out),
            EntryKind::Registry
            | EntryKind::Remote
            | EntryKind::Git
            | EntryKind::File
            | EntryKind::Link
            | EntryKind::Folder => judge.entry(entry),
        };
        out.insert(entry.path.clone(), class);
    }
    out
}

/// A registry that something names, with what names it.
struct Named {
    url: RegistryUrl,
    /// It may serve packages of the public registry as well.
    both: bool,
    because: String,
    from: String,
}

struct Judge<'a> {
    facts: &'a Facts<'a>,
    globs: Vec<(GlobMatcher, String)>,
    /// The longest path first: two registries can share a host.
    named: Vec<Named>,
    default: RegistryUrl,
    keys: Vec<RegistryKey>,
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts<'a>) -> Self {
        let globs = facts
            .settings
            .private
            .iter()
            .flatten()
            .filter_map(|text| Some((private_glob(text)?, text.clone())))
            .collect();
        let default = facts.config.default_registry(facts.public);
        let mut judge = Self {
            facts,
            globs,
            named: Vec::new(),
            default,
            keys: facts.signatures.map(RegistrySignatures::keys).unwrap_or_default(),
        };
        judge.named = judge.registries();
        judge
    }

    fn registries(&self) -> Vec<Named> {
        let mut out: Vec<Named> = Vec::new();
        for entry in &self.facts.settings.registries {
            // What is served from a folder serves that folder and nothing else, unless it is
            // said to be a virtual one.
            let both = entry.behind.is_some() || (entry.serve.is_none() && entry.url == self.default);
            let from = format!("{}:{}", entry.place.file, entry.place.line);
            let mut add = |url: &RegistryUrl, both| {
                let because = format!("`[[registry]]` names {url}");
                out.push(Named { url: url.clone(), both, because, from: from.clone() });
            };
            add(&entry.url, both);
            if let Some(behind) = &entry.behind {
                add(behind, false);
            }
            for also in &entry.also {
                add(also, both);
            }
        }
        for setting in &self.facts.config.settings {
            if setting.key != "registry" && !setting.key.ends_with(":registry") {
                continue;
            }
            let Value::Plain(text) = &setting.value else { continue };
            let Ok(url) = RegistryUrl::parse(text) else { continue };
            // Only one that is in force maps anything, but each is the owner's word for a registry.
            let both = url == self.default || setting.key == "registry";
            let because = format!("`{}` names {url}", setting.key);
            out.push(Named { url, both, because, from: origin(setting) });
        }
        out.retain(|named| !self.is_public(&named.url));
        // `serve` and `behind` come first of equals: they say more than npm's config.
        out.sort_by_key(|named| std::cmp::Reverse(named.url.as_url().path().len()));
        out
    }

    fn is_public(&self, url: &RegistryUrl) -> bool {
        url.same_name(self.facts.public.as_url())
    }

    /// Whether npm gets what lies at `url` from the public registry: it lies there by name (an old
    /// `resolved` has http), and npm does not put another default registry in its place.
    fn at_public(&self, url: &Url) -> bool {
        self.facts.public.same_name(url)
            && (self.is_public(&self.default) || !self.facts.config.replaces_host(url, self.facts.public))
    }

    fn entry(&self, entry: &LockEntry) -> Classified {
        match entry.kind {
            EntryKind::Link | EntryKind::Folder | EntryKind::File => {
                let because = match entry.kind {
                    EntryKind::File => "it is a `file:` package",
                    EntryKind::Link => "it is a link to a folder of the project",
                    EntryKind::Folder
                    | EntryKind::Registry
                    | EntryKind::Remote
                    | EntryKind::Git
                    | EntryKind::Bundled => "it is a folder of the project",
                };
                return plain(Class::Local, because, entry);
            }
            EntryKind::Git => return plain(Class::Other, "it comes from git", entry),
            EntryKind::Remote => return plain(Class::Other, "it comes from a URL of its own", entry),
            EntryKind::Registry | EntryKind::Bundled => {}
        }
        let resolved = entry.resolved.as_deref().and_then(|text| Url::parse(text).ok());
        if let Some((_, glob)) = self.globs.iter().find(|(glob, _)| glob.is_match(entry.name.as_str())) {
            return self.listed(entry, glob, resolved.as_ref());
        }
        // `private = []` is the owner's word that nothing is; a list with names
        // in it adds to what the npm config says, and settles what that leaves open.
        let none = self.facts.settings.private.as_ref().is_some_and(Vec::is_empty);
        if !none && let Some((registry, setting)) = self.mapping(&entry.name) {
            // npm 7 and newer fetches a `resolved` as it stands; the mapping is asked for what has none.
            // Without an integrity, whoever takes the name there decides about the bytes: then the
            // mapping says whose name it is.
            if entry.integrity.is_some() && resolved.as_ref().is_some_and(|url| self.at_public(url)) {
                let because = format!(
                    "its `resolved` pins it at the public registry, where npm fetches it in spite of `{}`",
                    setting.key
                );
                return from_lock(Class::Public, Some(self.facts.public), &because, entry);
            }
            let because = format!("`{}` maps its scope", setting.key);
            return Classified {
                class: Class::Private,
                registry: Some(registry),
                because,
                from: origin(setting),
            };
        }
        let class = self.by_source(entry, resolved.as_ref());
        match (&self.facts.settings.private, class.class) {
            (Some(_), Class::Undecided) => {
                Classified { class: Class::Public, ..self.said(class, "`private` does not list it") }
            }
            (Some(_), Class::Private) if none => Classified {
                class: Class::Other,
                ..self.said(class, "`private = []` says that nothing is private")
            },
            (Some(_) | None, _) => class,
        }
    }

    /// The owner's list decided by what it leaves out.
    fn said(&self, class: Classified, because: &str) -> Classified {
        let from = self.facts.settings.private_place.as_ref().map_or_else(String::new, spot);
        Classified { because: because.to_owned(), from, ..class }
    }

    /// Named by the owner; what remains to be found is its registry.
    fn listed(&self, entry: &LockEntry, glob: &str, resolved: Option<&Url>) -> Classified {
        let registry = self
            .mapping(&entry.name)
            .map(|(registry, _)| registry)
            .or_else(|| resolved.and_then(|url| self.covering(url)).map(|named| named.url.clone()))
            .or_else(|| Some(self.default.clone()).filter(|url| !self.is_public(url)))
            .or_else(|| resolved.and_then(|url| self.guess(url, &entry.name)))
            .or_else(|| self.only_registry());
        let from = self.facts.settings.private_place.as_ref().map_or_else(String::new, spot);
        match registry {
            Some(registry) => Classified {
                class: Class::Private,
                registry: Some(registry),
                because: format!("`private` lists `{glob}`"),
                from,
            },
            None => Classified {
                class: Class::Undecided,
                registry: None,
                because: format!("`private` lists `{glob}`, and nothing names its registry"),
                from,
            },
        }
    }

    /// The owner's registry, where `[[registry]]` names one beside the public one.
    fn only_registry(&self) -> Option<RegistryUrl> {
        let mut own = self.facts.settings.registries.iter().filter(|entry| !self.is_public(&entry.url));
        let only = own.next()?;
        own.next().is_none().then(|| only.url.clone())
    }

    /// Which registry of the owner's npm maps a scope to.
    fn mapping(&self, name: &PackageName) -> Option<(RegistryUrl, &'a Setting)> {
        self.facts.config.scope_registry(name.scope()?).filter(|(registry, _)| !self.is_public(registry))
    }

    fn by_source(&self, entry: &LockEntry, resolved: Option<&Url>) -> Classified {
        let Some(text) = &entry.resolved else { return self.by_config(entry) };
        let Some(url) = resolved else {
            return plain(Class::Other, "its `resolved` is not a URL, so npm leaves it out", entry);
        };
        if self.facts.public.same_name(url) {
            return from_lock(
                Class::Public,
                Some(self.facts.public),
                "its `resolved` lies under the public registry",
                entry,
            );
        }
        match self.covering(url) {
            Some(named) if named.both => self.by_signature(entry, &named.url),
            Some(named) => {
                let because =
                    format!("its `resolved` lies under a registry of the owner's: {}", named.because);
                let from = named.from.clone();
                Classified { class: Class::Private, registry: Some(named.url.clone()), because, from }
            }
            None => {
                let host = url.host_str().unwrap_or(text);
                plain(
                    Class::Other,
                    &format!("its `resolved` lies on `{host}`, which nothing names as a registry"),
                    entry,
                )
            }
        }
    }

    /// No `resolved`: npm asks whatever the configuration says that day.
    fn by_config(&self, entry: &LockEntry) -> Classified {
        let registry = self.facts.config.registry_for(&entry.name, self.facts.public);
        if self.is_public(&registry) {
            let because = "it has no `resolved`, and no setting leads away from the public registry";
            return from_lock(Class::Public, Some(self.facts.public), because, entry);
        }
        match self.covering(registry.as_url()) {
            Some(named) if !named.both => Classified {
                class: Class::Private,
                registry: Some(registry.clone()),
                because: format!(
                    "it has no `resolved`, and comes from a registry of the owner's: {}",
                    named.because
                ),
                from: named.from.clone(),
            },
            Some(_) | None => self.by_signature(entry, &registry),
        }
    }

    /// A registry that may serve both kinds: the public registry's own
    /// signature of the very bytes that the lockfile pins tells them apart.
    fn by_signature(&self, entry: &LockEntry, registry: &RegistryUrl) -> Classified {
        let undecided = |why: &str| {
            from_lock(
                Class::Undecided,
                Some(registry),
                &format!("{registry} may serve public packages too, and {why}"),
                entry,
            )
        };
        let Some(signatures) = self.facts.signatures else {
            return undecided("signatures were not looked at");
        };
        let strongest = entry.integrity.as_ref().map(|integrity| integrity.strongest());
        let pinned = entry
            .integrity_text
            .as_deref()
            .filter(|_| strongest == Some(Algorithm::Sha512))
            .and_then(|text| text.split_ascii_whitespace().find(|hash| hash.starts_with("sha512-")));
        let Some(pinned) = pinned else {
            return undecided("the lockfile pins no sha512 that a signature could speak of");
        };
        match signatures.version(&entry.name, &entry.version) {
            None => undecided("its signatures could not be had"),
            Some(signed) if is_signed(&self.keys, &entry.name, &entry.version, pinned, &signed) => from_lock(
                Class::Public,
                Some(registry),
                "the public registry's signature of it verifies",
                entry,
            ),
            Some(_) => undecided("no signature of the public registry's verifies"),
        }
    }

    fn covering(&self, url: &Url) -> Option<&Named> {
        self.named.iter().find(|named| named.url.serves(url))
    }

    /// The registry that a tarball's URL speaks of: what stands before `NAME/-/`.
    fn guess(&self, url: &Url, name: &PackageName) -> Option<RegistryUrl> {
        if self.facts.public.same_name(url) {
            return None;
        }
        RegistryUrl::before(url, name)
    }
}

/// A glob over names: `*` stops at the scope's slash.
pub(crate) fn private_glob(text: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(text).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

fn bundled(entry: &LockEntry, known: &BTreeMap<String, Classified>) -> Classified {
    let parent = entry.path.rfind("/node_modules/").map(|at| &entry.path[..at]);
    match parent.and_then(|path| Some((path, known.get(path)?))) {
        Some((path, class)) => Classified {
            class: class.class,
            registry: class.registry.clone(),
            because: format!("it comes inside the tarball of `{path}`: {}", class.because),
            from: class.from.clone(),
        },
        None => plain(Class::Other, "it comes inside another package's tarball", entry),
    }
}

fn plain(class: Class, because: &str, entry: &LockEntry) -> Classified {
    from_lock(class, None, because, entry)
}

fn from_lock(class: Class, registry: Option<&RegistryUrl>, because: &str, entry: &LockEntry) -> Classified {
    let place = entry.resolved_place.as_ref().unwrap_or(&entry.place);
    Classified {
        class,
        registry: registry.cloned(),
        because: because.to_owned(),
        from: format!("{} (lockfile)", spot(place)),
    }
}

fn spot(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

/// ".npmrc:1 (project)".
fn origin(setting: &Setting) -> String {
    let level = match setting.level {
        Level::Default => "default",
        Level::Builtin => "builtin",
        Level::Global => "global",
        Level::User => "user",
        Level::Project => "project",
        Level::Env => "environment",
        Level::Cli => "command line",
    };
    match &setting.place {
        Some(place) => format!("{} ({level})", spot(place)),
        None => format!("`{}` ({level})", setting.key),
    }
}
