//! `sealcheck.toml` and the policy file.
//!
//! The owner's word: an unknown key is an error, since a misspelt one would be
//! a rule that never holds. The policy file is laid over the project's own.

pub mod command;
mod layer;
mod options;
mod read;
mod table;
#[cfg(test)]
mod tests;
mod variables;

pub(crate) use options::{MOST_JOBS, MOST_REPETITIONS};
pub(crate) use variables::{is_ours, may_be_set, puts_code};

use super::registry::RegistryUrl;
use crate::text::{Complaint, Place, Source};
use std::collections::BTreeMap;

/// How a file names npm's public registry, whose host only the toolchain's npm knows.
const PUBLIC: &str = "{public}";

/// Stands for [`PUBLIC`] until that npm has been asked. The top-level domain is
/// reserved (RFC 2606), so nobody's registry is mistaken for it.
fn public_stand_in() -> RegistryUrl {
    #[allow(clippy::expect_used, reason = "a constant")]
    RegistryUrl::parse("https://public.invalid/").expect("a constant that parses")
}

impl Settings {
    /// Puts npm's public registry in the place of `{public}`.
    ///
    /// # Errors
    /// A `behind` that would have private names asked of it, or that leads nowhere.
    pub(super) fn name_public(&mut self, public: &RegistryUrl) -> Result<(), Complaint> {
        let stand_in = public_stand_in();
        let urls = self.registries.iter_mut().flat_map(|entry| {
            std::iter::once(&mut entry.url).chain(&mut entry.also).chain(entry.behind.as_mut())
        });
        for url in urls.filter(|url| **url == stand_in) {
            *url = public.clone();
        }
        self.registries.iter().try_for_each(|entry| entry.check_behind(public))
    }
}

/// What the owner wrote, the policy laid over the project's own file (a
/// project may tighten a policy, never loosen it).
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The files read, the project's first.
    pub sources: Vec<Source>,
    /// `private`; `None` where no file has the key, `Some([])` means none.
    pub private: Option<Vec<String>>,
    /// Which file `private` came from.
    pub private_place: Option<Place>,
    /// `scenarios`: suites, names, or globs of files.
    pub scenarios: Vec<String>,
    /// `[install]`.
    pub install: Install,
    /// `[[registry]]`.
    pub registries: Vec<RegistryEntry>,
    /// `[trust] hosts`.
    pub trusted_hosts: Vec<String>,
    /// `[trust] scripts`; `None` where there is no such list.
    pub trusted_scripts: Option<Vec<String>>,
    /// `[[accepted]]`.
    pub accepted: Vec<Accepted>,
    /// Any option of `test`, by its long name (`jobs`, `fail-on`).
    pub options: BTreeMap<String, toml::Value>,
    /// `[policy] audit-disclosure` and other thresholds: severities by name.
    pub policy: BTreeMap<String, String>,
    /// `[[registry]] token` of the policy file: the variable whose value may be
    /// sent to that registry.
    pub tokens: BTreeMap<RegistryUrl, String>,
    /// `[[registry]]` of the policy file, by `url` and `also`.
    pub policy_registries: Vec<RegistryUrl>,
    /// `[trust] hosts` of the policy file.
    pub policy_hosts: Vec<String>,
}

/// `[install]`.
#[derive(Debug, Clone, Default)]
pub struct Install {
    /// The command, `npm ci` where nothing is said. Split as a shell would split words, run without one.
    pub command: Option<String>,
    /// Folder to run it in, relative to the root, checked to stay in it.
    pub directory: Option<String>,
    /// More environment.
    pub env: BTreeMap<String, String>,
}

/// `[[registry]]`.
#[derive(Debug, Clone)]
pub struct RegistryEntry {
    /// `url`.
    pub url: RegistryUrl,
    /// `also`: hosts it hands downloads to.
    pub also: Vec<RegistryUrl>,
    /// `behind`: the registry that a virtual one should take private names from.
    pub behind: Option<RegistryUrl>,
    /// Where that stands.
    pub behind_place: Option<Place>,
    /// `serve`: an absolute folder, checked to lie in the project (or beside the policy file).
    pub serve: Option<std::path::PathBuf>,
    /// Where.
    pub place: Place,
}

impl RegistryEntry {
    /// Private names are asked of what `behind` names, and never of the public registry.
    fn check_behind(&self, public: &RegistryUrl) -> Result<(), Complaint> {
        let Some(behind) = &self.behind else { return Ok(()) };
        // By any scheme or port, and with the dot that ends an absolute name: it is the same host.
        let name = |registry: &RegistryUrl| registry.host().trim_end_matches('.').to_ascii_lowercase();
        let wrong = if name(public) == name(behind) {
            "`behind` is npm's public registry, which is asked for no private name"
        } else if name(public) == name(&self.url) {
            "npm's public registry has no registry of yours behind it"
        } else if *behind == self.url {
            "`behind` is the registry itself"
        } else {
            return Ok(());
        };
        let place = self.behind_place.clone().unwrap_or_else(|| self.place.clone());
        Err(Complaint::at(place, wrong)
            .help("name the registry of your own from which the virtual one takes your private packages"))
    }
}

/// `[[accepted]]`.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The rule.
    pub rule: String,
    /// The package; `None` is any.
    pub package: Option<String>,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: Option<String>,
    /// Until when, ISO date.
    pub expires: Option<jiff::civil::Date>,
    /// Where.
    pub place: Place,
}
