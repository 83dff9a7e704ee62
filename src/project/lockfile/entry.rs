//! One entry of a lockfile, checked: its path, its names and its source.

use super::read::{strings, wants, words};
use super::{EntryKind, LockEntry};
use crate::project::base::{HIGHEST, climbs};
use crate::project::integrity::Integrity;
use crate::project::json::{Json, Kind, Member};
use crate::project::name::PackageName;
use crate::project::places::Places;
use crate::text::Complaint;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The most entries that are read, some ten times the largest real lockfile.
const MAX_ENTRIES: usize = 100_000;

/// Collects entries.
pub(super) struct Entries<'a, 's> {
    places: &'a Places<'s>,
    version: u8,
    found: BTreeMap<String, LockEntry>,
}

impl<'a, 's> Entries<'a, 's> {
    pub(super) fn new(places: &'a Places<'s>, version: u8) -> Self {
        Self { places, version, found: BTreeMap::new() }
    }

    pub(super) fn finish(self) -> BTreeMap<String, LockEntry> {
        self.found
    }

    pub(super) fn complaint(&self, span: &Range<usize>, message: impl Into<String>) -> Complaint {
        Complaint::at(self.places.at(span), message)
    }

    pub(super) fn wrong(&self, found: &Json, what: &str, wanted: &str) -> Complaint {
        self.complaint(&found.span, format!("`{what}` is {}, where {wanted} belongs", found.noun()))
            .help("let npm write the lockfile anew: `npm install --package-lock-only`")
    }

    /// An entry of `packages` (versions 2 and 3).
    pub(super) fn package(
        &mut self,
        member: &Member,
        specs: &BTreeSet<String>,
        linked: &BTreeSet<&str>,
    ) -> Result<(), Complaint> {
        let (path, json) = (member.key.as_str(), &member.value);
        self.check_path(path, &member.key_span)?;
        let in_modules = in_modules(path);
        let written_name = self.text(json, "name")?;
        let (name, alias) = match in_modules {
            Some(tree) => {
                let tree = self.name(tree, &member.key_span)?;
                match written_name {
                    Some(target) if target != tree.as_str() => {
                        let span = json.get("name").map_or(&member.key_span, |name| &name.span);
                        (self.name(&target, span)?, Some(tree))
                    }
                    Some(_) | None => (tree, None),
                }
            }
            None => match folder_name(path, written_name.as_deref()) {
                Some(name) => (name, None),
                None => (self.name(path, &member.key_span)?, None),
            },
        };
        let resolved = self.resolved(json)?;
        let link = json.get("link").is_some_and(Json::is_true);
        let bundled = json.get("inBundle").is_some_and(Json::is_true);
        // npm marks what the root bundles for its own publishing as well; that
        // is fetched like anything else.
        let nested = path.matches("node_modules/").count() > 1;
        let kind = if link {
            EntryKind::Link
        } else if in_modules.is_none() || linked.contains(path) {
            // A link can lead into the `node_modules` of a folder above.
            EntryKind::Folder
        } else if bundled && nested && resolved.is_none() {
            EntryKind::Bundled
        } else {
            resolved.as_deref().map_or(EntryKind::Registry, |resolved| kind_of(resolved, specs))
        };
        if link && let (Some(target), Some(value)) = (&resolved, json.get("resolved")) {
            self.check_path(target.strip_prefix("file:").unwrap_or(target), &value.span)?;
        }
        let version = self.text(json, "version")?.unwrap_or_default();
        self.add(member, path, Named { name, alias, version, kind, resolved })
    }

    /// Adds an entry whose name, version and source are known.
    pub(super) fn add(&mut self, member: &Member, path: &str, named: Named) -> Result<(), Complaint> {
        if self.found.len() >= MAX_ENTRIES {
            return Err(self.complaint(
                &member.key_span,
                format!("the lockfile holds more than {MAX_ENTRIES} packages"),
            ));
        }
        let json = &member.value;
        let integrity_text = match json.get("integrity") {
            None => None,
            Some(value) => match &value.kind {
                Kind::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
                Kind::Null | Kind::Bool(false) => None,
                Kind::Bool(true) | Kind::Number(_) | Kind::List(_) | Kind::Object(_) => {
                    return Err(self.wrong(value, "integrity", "a string"));
                }
            },
        };
        let flag = |key: &str| json.get(key).is_some_and(Json::is_true);
        // In the order of the file: the places count columns onward.
        let place = self.places.at(&member.key_span);
        let source_key =
            if self.version == 1 && json.get("resolved").is_none() { "version" } else { "resolved" };
        let resolved_place = named
            .resolved
            .as_ref()
            .and_then(|_| json.get(source_key))
            .map(|value| self.places.at(&value.span));
        let integrity_place = integrity_text
            .as_ref()
            .and_then(|_| json.get("integrity"))
            .map(|value| self.places.at(&value.span));
        let bins = bins(json, &named.name);
        let entry = LockEntry {
            path: path.to_owned(),
            name: named.name,
            alias: named.alias,
            version: named.version,
            kind: named.kind,
            resolved: named.resolved.as_deref().map(shown),
            integrity: integrity_text.as_deref().and_then(Integrity::parse),
            integrity_text,
            optional: flag("optional"),
            dev: flag("dev"),
            peer: flag("peer"),
            extraneous: self.version > 1 && flag("extraneous"),
            dev_optional: flag("devOptional"),
            has_install_script: flag("hasInstallScript"),
            bins,
            os: words(json.get("os")),
            cpu: words(json.get("cpu")),
            libc: words(json.get("libc")),
            engines: strings(json.get("engines")),
            wants: wants(json, named.kind == EntryKind::Folder),
            optional_dependencies: strings(json.get("optionalDependencies")),
            place,
            resolved_place,
            integrity_place,
        };
        self.found.insert(path.to_owned(), entry);
        Ok(())
    }

    /// `resolved`; `false`, `null` and `""` are no source to npm.
    pub(super) fn resolved(&self, json: &Json) -> Result<Option<String>, Complaint> {
        match json.get("resolved").map(|value| (value, &value.kind)) {
            None | Some((_, Kind::Null | Kind::Bool(false))) => Ok(None),
            Some((_, Kind::Text(text))) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some((value, Kind::Bool(true) | Kind::Number(_) | Kind::List(_) | Kind::Object(_))) => {
                Err(self.wrong(value, "resolved", "a string"))
            }
        }
    }

    pub(super) fn text(&self, json: &Json, key: &str) -> Result<Option<String>, Complaint> {
        match json.get(key) {
            None => Ok(None),
            Some(value) => match value.text() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong(value, key, "a string")),
            },
        }
    }

    pub(super) fn name(&self, text: &str, span: &Range<usize>) -> Result<PackageName, Complaint> {
        PackageName::parse(text).map_err(|bad| {
            self.complaint(span, bad.to_string())
                .help("npm would unpack it to a place outside its folder or refuse it; remove the entry")
        })
    }

    /// A path of an entry is joined to folders later on: it must stay inside.
    pub(super) fn check_path(&self, path: &str, span: &Range<usize>) -> Result<(), Complaint> {
        // Beside the project is where `file:../x` leads; whether that is copied is decided later.
        let above = climbs(path);
        let parts = || path.split('/').skip(above);
        if path.starts_with('/') || above > HIGHEST || parts().any(|part| part == "..") {
            return Err(self.complaint(span, format!("`{}` lies outside the project", clip(path))).help(
                "only packages below the project, or beside it in its git repository, are copied; depend on a published version of it",
            ));
        }
        let odd = path.contains(['\\', '\0', '\n', '\r']) || path.len() > 4096;
        if odd || parts().any(|part| part.is_empty() || part == ".") {
            return Err(self
                .complaint(span, format!("`{}` is no path of a package", clip(path).escape_debug()))
                .help("let npm write the lockfile anew: `npm install --package-lock-only`"));
        }
        Ok(())
    }
}

/// What is known of an entry before its flags are read.
pub(super) struct Named {
    pub(super) name: PackageName,
    pub(super) alias: Option<PackageName>,
    pub(super) version: String,
    pub(super) kind: EntryKind,
    pub(super) resolved: Option<String>,
}

/// The names of its commands: of one that has no name of its own, the package's.
fn bins(json: &Json, name: &PackageName) -> BTreeSet<String> {
    match json.get("bin").map(|bin| (&bin.kind, bin)) {
        Some((Kind::Text(_), _)) => {
            BTreeSet::from([name.as_str().rsplit('/').next().unwrap_or_default().to_owned()])
        }
        Some((Kind::Object(_), bin)) => bin.members().iter().map(|member| member.key.clone()).collect(),
        Some(_) | None => BTreeSet::new(),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(120).collect()
}

/// The name that a path below a `node_modules` ends in.
fn in_modules(path: &str) -> Option<&str> {
    let at = path.rfind("node_modules/")?;
    if at > 0 && !path[..at].ends_with('/') {
        return None;
    }
    let name = &path[at + "node_modules/".len()..];
    // `node_modules/a/lib` would be a folder inside a package.
    let slashes = name.matches('/').count();
    (slashes == usize::from(name.starts_with('@'))).then_some(name)
}

/// The name of a folder: what its package.json says, else npm's guess by its path.
fn folder_name(path: &str, written: Option<&str>) -> Option<PackageName> {
    let parsed = written.and_then(|name| PackageName::parse(name).ok());
    let mut parts = path.rsplit('/');
    let base = parts.next().unwrap_or_default();
    let scoped = parts.next().filter(|scope| scope.starts_with('@')).map(|scope| format!("{scope}/{base}"));
    parsed
        .or_else(|| scoped.and_then(|name| PackageName::parse(&name).ok()))
        .or_else(|| PackageName::parse(base).ok())
        .or_else(|| {
            let safe = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
            let name: String = std::iter::once('f').chain(base.chars().take(200).map(safe)).collect();
            PackageName::parse(&name).ok()
        })
}

/// What kind of source a `resolved` names.
pub(super) fn kind_of(resolved: &str, specs: &BTreeSet<String>) -> EntryKind {
    const GIT: [&str; 7] = ["git+", "git:", "git@", "github:", "gitlab:", "bitbucket:", "gist:"];
    if GIT.iter().any(|scheme| resolved.starts_with(scheme)) {
        EntryKind::Git
    } else if resolved.starts_with("file:") {
        EntryKind::File
    } else if specs.contains(resolved) {
        EntryKind::Remote
    } else {
        EntryKind::Registry
    }
}

/// `resolved` without credentials and query; otherwise as written.
fn shown(resolved: &str) -> String {
    let Ok(mut url) = url::Url::parse(resolved) else { return resolved.to_owned() };
    let git = resolved.starts_with("git");
    let credentials = url.password().is_some() || (!url.username().is_empty() && !git);
    if !credentials && url.query().is_none() {
        return resolved.to_owned();
    }
    let _ = url.set_password(None);
    if credentials {
        let _ = url.set_username("");
    }
    url.set_query(None);
    url.into()
}
