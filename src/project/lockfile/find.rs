//! Which lockfile npm would use, and whose it is where there is none of npm's.

use super::Lockfile;
use crate::project::file::{LOCKFILE_LIMIT, read_inside};
use crate::project::manifest::Manifest;
use crate::text::Complaint;
use std::path::Path;

/// npm's own, the one that wins first.
pub(crate) const NAMES: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];

/// Lockfiles of other package managers.
const OTHERS: [(&str, &str); 6] = [
    ("yarn.lock", "yarn"),
    ("pnpm-lock.yaml", "pnpm"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("deno.lock", "deno"),
    ("shrinkwrap.yaml", "pnpm"),
];

impl Lockfile {
    /// The lockfile of the project at `root`.
    pub(crate) fn read(root: &Path, manifest: &Manifest) -> Result<Self, Complaint> {
        for name in NAMES {
            if let Some(source) = read_inside(root, &root.join(name), name, LOCKFILE_LIMIT)? {
                return Self::parse(source);
            }
        }
        let help = "run `npm install --package-lock-only` and commit the `package-lock.json` it writes";
        if let Some((file, manager)) = OTHERS.into_iter().find(|(file, _)| root.join(file).exists()) {
            return Err(Complaint::about(format!(
                "this is a project of {manager}: it has `{file}` and no `package-lock.json`"
            ))
            .help(format!("sealcheck tests installs by npm; to try npm here, {help}")));
        }
        let manager = manifest.package_manager.as_deref().and_then(|text| text.split('@').next());
        if let Some(manager) = manager.filter(|manager| !manager.is_empty() && *manager != "npm") {
            let message = format!("this is a project of {manager}, as its `packageManager` says");
            let complaint = match manifest.source.find("\"packageManager\"") {
                Some(place) => Complaint::at(place, message),
                None => Complaint::about(message),
            };
            return Err(complaint.help(format!("sealcheck tests installs by npm; to try npm here, {help}")));
        }
        Err(Complaint::about("the project has no `package-lock.json`, so `npm ci` cannot install it")
            .help(help))
    }
}
