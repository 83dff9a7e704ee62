//! `plaintext-registry`: whoever sits on the wire can read and change it.

use crate::evidence::ExchangeKind;
use crate::evidence::seal::configured_registries;
use crate::finding::case::{Case, Sighting};
use crate::finding::location::Spot;
use crate::project::registry::RegistryUrl;
use std::collections::BTreeMap;
use url::{Host, Url};
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "plaintext-registry",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "packages or credentials go over http",
    page: include_str!("../../../docs/rules/plaintext-registry.md"),
    check: Check::Report(check),
};

/// What is known of one host that is spoken to in clear.
#[derive(Default)]
struct Clear {
    spot: Option<Spot>,
    what: Option<String>,
    runs: Vec<usize>,
}

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let mut hosts: BTreeMap<String, Clear> = BTreeMap::new();
    let project = case.project;
    for registry in configured_registries(project) {
        if let Some(host) = clear(registry.as_url()) {
            // The line that says so, and no other one of that host.
            let names = |text: &str| RegistryUrl::parse(text).is_ok_and(|url| url == registry);
            let setting = project.config.settings.iter().find(|setting| {
                setting.key.ends_with("registry") && project.config.plain(&setting.key).is_some_and(names)
            });
            let of_file = || project.settings.registries.iter().find(|entry| entry.url == registry);
            let known = hosts.entry(host).or_default();
            known.what = Some(format!("the registry {registry} is configured with http"));
            known.spot = match setting {
                Some(setting) => Some(Spot::Npmrc(setting.key.clone())),
                None => of_file().map(|entry| Spot::At(entry.place.clone())),
            };
        }
    }
    for entry in project.lockfile.entries.values() {
        // What npm sends to the default registry goes by that one's scheme.
        let fetched = entry.resolved.as_deref().and_then(|resolved| Url::parse(resolved).ok());
        let fetched = fetched.filter(|url| !project.config.replaces_host(url, &project.public));
        let host = fetched.as_ref().and_then(clear);
        if let Some(host) = host {
            let known = hosts.entry(host).or_default();
            // What is said and where it stands are of one source.
            if known.what.is_none() {
                known.what = Some(format!("the lockfile fetches {} over http", entry.name));
                known.spot = Some(Spot::resolved(&entry.path));
            }
        }
    }
    for run in case.observed() {
        for exchange in &run.evidence.exchanges {
            let packages = match exchange.kind {
                ExchangeKind::Packument | ExchangeKind::Tarball | ExchangeKind::Audit | ExchangeKind::Signatures => true,
                ExchangeKind::Other => false,
            };
            let url = Url::parse(&format!("http://{}/", exchange.host)).ok();
            // Where a scenario redirects to http, the host is not spoken to in clear by itself.
            if exchange.scheme != "http" || !packages || run.led_within_host(exchange) {
                continue;
            }
            if let Some(host) = url.as_ref().and_then(clear) {
                let known = hosts.entry(host).or_default();
                known.what.get_or_insert_with(|| format!("{} was asked over http", exchange.host));
                if known.runs.last() != Some(&run.at) {
                    known.runs.push(run.at);
                }
            }
        }
    }
    hosts
        .into_iter()
        .map(|(host, clear)| {
            Sighting::new(
                format!(
                    "{}, so that whoever is on the way can read and change what {host} sends",
                    clear.what.unwrap_or_default()
                ),
                "use https",
            )
            .key(host)
            .at(clear.spot.unwrap_or(Spot::Nowhere))
            .runs(clear.runs)
        })
        .collect()
}

/// The host of an http URL that leaves the machine.
fn clear(url: &Url) -> Option<String> {
    let local = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (url.scheme() == "http" && !local).then(|| url.host_str().map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
