//! Which hosts something of the project's names: its npm configuration, sealcheck.toml, npm
//! itself. Whether packages may come from another one is not decided here.

use super::accepted::matches_name;
use crate::evidence::seal::configured_registries;
use crate::project::Project;
use std::collections::BTreeSet;

/// The hosts that are named.
pub struct NamedHosts<'a> {
    known: BTreeSet<String>,
    trusted: &'a [String],
}

impl<'a> NamedHosts<'a> {
    /// Those of a project.
    pub fn of(project: &'a Project) -> Self {
        let mut known: BTreeSet<String> =
            configured_registries(project).iter().map(|registry| registry.host().to_owned()).collect();
        known.insert(project.public.host().to_owned());
        let also = project.settings.registries.iter().flat_map(|entry| &entry.also);
        known.extend(also.map(|also| also.host().to_owned()));
        Self { known, trusted: &project.settings.trusted_hosts }
    }

    /// Whether a host is a registry that is configured, the public one, one that a registry
    /// hands downloads to, or one that the project trusts.
    pub fn has(&self, host: &str) -> bool {
        self.known.contains(host) || self.trusted.iter().any(|trusted| matches_name(trusted, host))
    }
}
