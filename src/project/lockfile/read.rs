//! The text of a lockfile to entries: versions 2 and 3, and which one it is.

use super::entry::Entries;
use super::{Lockfile, Want, nested};
use crate::project::json::{self, Json, Kind};
use crate::project::places::Places;
use crate::text::{Complaint, Source};
use std::collections::{BTreeMap, BTreeSet};

impl Lockfile {
    /// Understands the text of a lockfile.
    pub(crate) fn parse(source: Source) -> Result<Self, Complaint> {
        let json = json::parse(&source)?;
        let places = Places::new(&source);
        let version = version(&json, &places)?;
        let mut entries = Entries::new(&places, version);
        let forgotten = if version == 1 {
            nested::read(&json, &mut entries)?;
            Vec::new()
        } else {
            packages(&json, &mut entries)?
        };
        let entries = entries.finish();
        let root = json.get("packages").and_then(|packages| packages.get(""));
        let root_wants = root.map(|root| wants(root, true)).unwrap_or_default();
        Ok(Self { source, version, root_wants, entries, forgotten })
    }
}

/// `lockfileVersion`; the oldest files have none.
fn version(json: &Json, places: &Places<'_>) -> Result<u8, Complaint> {
    if !json.is_object() {
        return Err(Complaint::at(
            places.at(&json.span),
            format!("the lockfile is {}, where an object belongs", json.noun()),
        )
        .help("let npm write it anew: `npm install --package-lock-only`"));
    }
    let Some(value) = json.get("lockfileVersion") else {
        if json.get("packages").is_none() {
            return Ok(1);
        }
        let span = json.span.start..json.span.start + 1;
        return Err(Complaint::at(places.at(&span), "the lockfile has no `lockfileVersion`").help(
            "add `\"lockfileVersion\": 3`, or let npm write it anew: `npm install --package-lock-only`",
        ));
    };
    for known in 1..=3_u8 {
        if matches!(value.kind, Kind::Number(number) if number.to_bits() == f64::from(known).to_bits()) {
            return Ok(known);
        }
    }
    let shown = match &value.kind {
        Kind::Number(number) => format!("`lockfileVersion` {number} is not known"),
        Kind::Null | Kind::Bool(_) | Kind::Text(_) | Kind::List(_) | Kind::Object(_) => {
            format!("`lockfileVersion` is {}, where a number belongs", value.noun())
        }
    };
    Err(Complaint::at(places.at(&value.span), shown).help("sealcheck reads 1, 2 and 3, as npm does"))
}

/// Reads `packages`; what npm forgets of them is given back.
fn packages(json: &Json, entries: &mut Entries<'_, '_>) -> Result<Vec<String>, Complaint> {
    let Some(packages) = json.get("packages") else {
        return Err(entries
            .complaint(&(json.span.start..json.span.start + 1), "the lockfile has no `packages`")
            .help("let npm write it anew: `npm install --package-lock-only`"));
    };
    if !packages.is_object() {
        return Err(entries.wrong(packages, "packages", "an object"));
    }
    let specs = remote_specs(packages);
    let linked = targets(packages);
    let gone = former_members(packages, &linked);
    let mut forgotten = Vec::new();
    for member in packages.members() {
        if !member.value.is_object() {
            return Err(entries.wrong(&member.value, &member.key, "an object"));
        }
        let folder = member.key.split("/node_modules/").next().unwrap_or_default();
        if gone.contains(folder) {
            forgotten.push(member.key.clone());
        } else if !member.key.is_empty() {
            entries.package(member, &specs, &linked)?;
        }
    }
    Ok(forgotten)
}

/// Every folder that a link leads to.
fn targets(packages: &Json) -> BTreeSet<&str> {
    let links =
        packages.members().iter().filter(|member| member.value.get("link").is_some_and(Json::is_true));
    links.filter_map(|member| member.value.get("resolved")?.text()).collect()
}

/// Folders of former members: npm marks them as extraneous, no link leads to them, and it
/// installs neither them nor what lies in their `node_modules`. It keeps the entries until the lockfile is
/// written anew.
fn former_members<'a>(packages: &'a Json, linked: &BTreeSet<&str>) -> BTreeSet<&'a str> {
    let linked: BTreeSet<&str> =
        linked.iter().map(|link| link.strip_prefix("file:").unwrap_or(link)).collect();
    let folders = packages.members().iter().filter(|member| {
        let path = member.key.as_str();
        let is_folder = !path.is_empty() && !path.contains("node_modules/");
        is_folder && member.value.get("extraneous").is_some_and(Json::is_true) && !linked.contains(path)
    });
    folders.map(|member| member.key.as_str()).collect()
}

/// Every URL that some package names as a dependency's own spec: what tells a
/// tarball dependency from one of a registry.
fn remote_specs(packages: &Json) -> BTreeSet<String> {
    const KINDS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
    packages
        .members()
        .iter()
        .flat_map(|member| KINDS.iter().filter_map(|kind| member.value.get(kind)))
        .flat_map(|specs| specs.members().iter().filter_map(|spec| spec.value.text()))
        .filter(|spec| spec.starts_with("http:") || spec.starts_with("https:"))
        .map(str::to_owned)
        .collect()
}

/// An object of strings; members that are none are overlooked, as npm does.
pub(super) fn strings(json: Option<&Json>) -> BTreeMap<String, String> {
    json.map(Json::members)
        .unwrap_or_default()
        .iter()
        .filter_map(|member| Some((member.key.clone(), member.value.text()?.to_owned())))
        .collect()
}

/// The dependencies of a package with whether npm may do without each. Of a name that stands
/// in several lists the last of these counts (`Node#_loadDeps` in npm's arborist);
/// `devDependencies` are those of the root and of folders alone.
pub(super) fn wants(package: &Json, is_top: bool) -> BTreeMap<String, Want> {
    let mut wants = BTreeMap::new();
    let meta = package.get("peerDependenciesMeta");
    let may_lack =
        |name: &str| meta.and_then(|meta| meta.get(name)?.get("optional")).is_some_and(Json::is_true);
    let names = |key: &str| package.get(key).map(Json::members).unwrap_or_default();
    for peer in names("peerDependencies") {
        let want = if may_lack(&peer.key) { Want::OptionalPeer } else { Want::Needed };
        wants.insert(peer.key.clone(), want);
    }
    for (key, want) in [("dependencies", Want::Needed), ("optionalDependencies", Want::Optional)] {
        wants.extend(names(key).iter().map(|member| (member.key.clone(), want)));
    }
    if is_top {
        wants.extend(names("devDependencies").iter().map(|member| (member.key.clone(), Want::Needed)));
    }
    wants
}

/// One string or a list of them.
pub(super) fn words(json: Option<&Json>) -> Vec<String> {
    match json.map(|json| &json.kind) {
        Some(Kind::Text(text)) => vec![text.clone()],
        Some(Kind::List(items)) => items.iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
        Some(Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Object(_)) | None => Vec::new(),
    }
}
