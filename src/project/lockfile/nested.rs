//! Version 1: entries nested as they lie in `node_modules`.

use super::EntryKind;
use super::entry::{Entries, Named, kind_of};
use crate::project::json::{Json, Member};
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::text::Complaint;
use std::collections::BTreeSet;
use url::Url;

/// Reads `dependencies` to paths as later versions write them.
pub(super) fn read(json: &Json, entries: &mut Entries<'_, '_>) -> Result<(), Complaint> {
    let Some(dependencies) = json.get("dependencies") else { return Ok(()) };
    level(dependencies, "", entries)
}

/// Nesting is bounded by the reader of the JSON.
fn level(dependencies: &Json, above: &str, entries: &mut Entries<'_, '_>) -> Result<(), Complaint> {
    if !dependencies.is_object() {
        return Err(entries.wrong(dependencies, "dependencies", "an object"));
    }
    for member in dependencies.members() {
        if !member.value.is_object() {
            return Err(entries.wrong(&member.value, &member.key, "an object"));
        }
        let tree = entries.name(&member.key, &member.key_span)?;
        let path = format!("{above}node_modules/{tree}");
        let named = named(member, tree, above, entries)?;
        entries.add(member, &path, named)?;
        if let Some(below) = member.value.get("dependencies") {
            level(below, &format!("{path}/"), entries)?;
        }
    }
    Ok(())
}

fn named(
    member: &Member,
    tree: PackageName,
    above: &str,
    entries: &Entries<'_, '_>,
) -> Result<Named, Complaint> {
    let json = &member.value;
    let written = entries.text(json, "version")?.unwrap_or_default();
    let span = json.get("version").map_or(&member.key_span, |version| &version.span);
    let resolved = entries.resolved(json)?;
    if let Some(target) = written.strip_prefix("npm:") {
        let (name, version) =
            target.rsplit_once('@').filter(|(name, _)| !name.is_empty()).unwrap_or((target, ""));
        let name = entries.name(name, span)?;
        let alias = (name != tree).then_some(tree);
        return Ok(Named { name, alias, version: version.to_owned(), kind: EntryKind::Registry, resolved });
    }
    // Here `version` is the source for everything that no registry gave.
    let kind = kind_of(&written, &BTreeSet::new());
    let remote = written.starts_with("http:") || written.starts_with("https:");
    let (kind, resolved, version) = match kind {
        EntryKind::Git => (kind, Some(written), String::new()),
        EntryKind::File => {
            let path = written.strip_prefix("file:").unwrap_or(&written);
            entries.check_path(path.trim_start_matches("./"), span)?;
            let tarball = [".tgz", ".tar.gz", ".tar"].iter().any(|end| written.ends_with(end));
            let kind = if tarball { EntryKind::File } else { EntryKind::Link };
            (kind, Some(written), String::new())
        }
        EntryKind::Registry
        | EntryKind::Remote
        | EntryKind::Link
        | EntryKind::Folder
        | EntryKind::Bundled => {
            let bundled = json.get("bundled").is_some_and(Json::is_true);
            if let Some(version) = registry_version(&tree, &written) {
                (EntryKind::Registry, Some(written), version)
            } else if remote {
                (EntryKind::Remote, Some(written), String::new())
            } else if bundled && !above.is_empty() && resolved.is_none() {
                (EntryKind::Bundled, resolved, written)
            } else {
                (EntryKind::Registry, resolved, written)
            }
        }
    };
    Ok(Named { name: tree, alias: None, version, kind, resolved })
}

/// The version of the package that a `version` names by the URL at which a registry keeps its
/// tarball (`NAME/-/BASE-VERSION.tgz`): npm 5 wrote it so and left `resolved` out.
pub(crate) fn registry_version(name: &PackageName, written: &str) -> Option<String> {
    let url = Url::parse(written).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    RegistryUrl::before(&url, name)?;
    let base = name.as_str().rsplit('/').next()?;
    let file = url.path().rsplit('/').next()?;
    let version = file.strip_prefix(base)?.strip_prefix('-')?.strip_suffix(".tgz")?.replace("%2B", "+");
    node_semver::Version::parse(&version).ok().map(|_| version)
}
