//! Other projects in the project's folders, which its scripts may install.
//!
//! Only their lockfiles are looked at, and only for names that they pin at the public registry:
//! what these projects install is no part of the tested install.

use super::file::{SMALL_LIMIT, read_inside};
use super::lockfile::{EntryKind, Lockfile, NAMES};
use super::name::PackageName;
use super::registry::RegistryUrl;
use std::collections::BTreeSet;
use std::path::Path;
use url::Url;

/// Lockfiles that are read at most.
const MAX_LOCKFILES: usize = 100;

/// Names that a lockfile below the root pins at the public registry. One that cannot be read
/// says nothing: the tested install does not use it.
pub(super) fn pinned_at_public(root: &Path, files: &[String], public: &RegistryUrl) -> BTreeSet<PackageName> {
    let nested =
        files.iter().filter(|file| file.rsplit_once('/').is_some_and(|(_, name)| NAMES.contains(&name)));
    let mut names = BTreeSet::new();
    for file in nested.take(MAX_LOCKFILES) {
        let Ok(Some(source)) = read_inside(root, &root.join(file), file, SMALL_LIMIT) else { continue };
        let Ok(lockfile) = Lockfile::parse(source) else { continue };
        for entry in lockfile.entries.into_values().filter(|entry| entry.kind == EntryKind::Registry) {
            let url = entry.resolved.as_deref().and_then(|text| Url::parse(text).ok());
            if url.is_some_and(|url| public.same_name(&url)) {
                names.insert(entry.name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_and_is_pinned_at_the_public_registry_counts() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let lock = |name: &str, host: &str| {
            format!(
                r#"{{"lockfileVersion": 3, "packages": {{"node_modules/{name}":
                {{"version": "1.0.0", "resolved": "https://{host}/{name}/-/x-1.0.0.tgz"}}}}}}"#
            )
        };
        let files: Vec<String> = [
            "package-lock.json",
            "a/package-lock.json",
            "b/npm-shrinkwrap.json",
            "c/package-lock.json",
            "d/other.json",
        ]
        .map(str::to_owned)
        .into();
        for (file, text) in files.iter().zip([
            lock("at-root", "registry.example"),
            lock("@acme/lint", "registry.example"),
            lock("elsewhere", "npm.acme.example"),
            "no JSON".to_owned(),
            lock("no-lockfile", "registry.example"),
        ]) {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let public = RegistryUrl::parse("https://registry.example/").unwrap();
        let names = pinned_at_public(&root, &files, &public);
        assert_eq!(names.iter().map(PackageName::as_str).collect::<Vec<_>>(), ["@acme/lint"]);
    }
}
