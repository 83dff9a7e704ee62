//! Registries and hosts that somebody other than the tested project names: the caller's own
//! npmrc files and variables, the policy file, and npm itself.
//!
//! A file of the project can say where packages lie, but not that a script, or an address of this
//! machine's own network, is to be reached for its sake: whoever writes a pull request writes it.

use super::npmrc::{Level, NpmConfig};
use super::registry::RegistryUrl;
use super::settings::Settings;
use std::collections::BTreeSet;
use url::Url;

/// The caller's variable that names hosts besides, separated by commas, each `HOST` or `HOST:PORT`.
pub const VARIABLE: &str = "SEALCHECK_INTERNAL_HOSTS";

/// Whose word counts about the way to the registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// Every npmrc of this machine and the caller's variables.
    Machine,
    /// The user's own file alone: what else there is came with an image, which a file of the
    /// project can name.
    UserFile,
}

impl Trusted {
    /// Whether what a level sets is the caller's word. The project's own `.npmrc` is not, and
    /// neither is the command line: that is `[install] command`, which a project can set.
    pub fn counts(self, level: Level) -> bool {
        match (self, level) {
            (_, Level::User) | (Self::Machine, Level::Builtin | Level::Global | Level::Env) => true,
            (_, Level::Default | Level::Project | Level::Cli)
            | (Self::UserFile, Level::Builtin | Level::Global | Level::Env) => false,
        }
    }
}

/// Hosts, each with a port or for all ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedHosts(BTreeSet<(String, Option<u16>)>);

impl NamedHosts {
    /// Of a project's configuration, whose levels know who wrote them; `listed` is the value of
    /// [`VARIABLE`].
    pub(super) fn of(
        config: &NpmConfig,
        settings: &Settings,
        (trusted, listed): (Trusted, Option<&str>),
        public: &RegistryUrl,
    ) -> Self {
        let mut named = Self::default();
        named.registry(public);
        for setting in config.settings.iter().filter(|setting| trusted.counts(setting.level)) {
            if let Some(registry) = super::class::registry_setting(setting) {
                named.registry(&registry);
            } else if let Some(rest) = setting.key.strip_prefix("//") {
                named.origin(rest.split('/').next().unwrap_or_default(), &[443, 80]);
            }
        }
        for registry in &settings.policy_registries {
            named.registry(registry);
        }
        for host in &settings.policy_hosts {
            named.origin(host, &[443, 80]);
        }
        for host in listed.into_iter().flat_map(|list| list.split(',')) {
            named.origin(host.trim(), &[]);
        }
        named
    }

    /// These, each `HOST` or `HOST:PORT`.
    pub fn listed(hosts: &[&str]) -> Self {
        let mut named = Self::default();
        for host in hosts {
            named.origin(host, &[]);
        }
        named
    }

    fn registry(&mut self, registry: &RegistryUrl) {
        self.0.insert((registry.host().to_owned(), Some(registry.port())));
    }

    /// `HOST` stands for these ports, or for all if there are none.
    fn origin(&mut self, text: &str, ports: &[u16]) {
        // Brings a host into the form that a URL gives it.
        let Ok(url) = Url::parse(&format!("ws://{text}/")) else { return };
        let Some(host) = url.host_str().map(str::to_owned) else { return };
        let written = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        match (written, ports) {
            (Some(port), _) => {
                self.0.insert((host, Some(port)));
            }
            (None, []) => {
                self.0.insert((host, None));
            }
            (None, ports) => self.0.extend(ports.iter().map(|port| (host.clone(), Some(*port)))),
        }
    }

    /// Whether the origin of a URL is among them.
    pub fn has(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let port = url.port_or_known_default();
        self.0.contains(&(host.to_owned(), port)) || self.0.contains(&(host.to_owned(), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::npmrc::{Setting, Value};

    fn set(level: Level, key: &str, value: &str) -> Setting {
        let value = Value::Plain(value.to_owned());
        Setting { level, key: key.to_owned(), raw: value.clone(), value, variables: Vec::new(), place: None }
    }

    #[test]
    fn only_what_somebody_else_names_is_named() {
        let settings = vec![
            set(Level::User, "@acme:registry", "https://npm.corp.example/api/"),
            set(Level::User, "//verdaccio.example:4873/:_authToken", "t"),
            set(Level::Global, "//plain.example/npm/:_auth", "t"),
            set(Level::Env, "registry", "http://localhost:4873/"),
            set(Level::Project, "registry", "http://localhost:9999/"),
            set(Level::Project, "//evil.example/:_authToken", "t"),
            set(Level::Cli, "registry", "http://cli.example/"),
            set(Level::User, "proxy", "http://proxy.example:3128/"),
        ];
        let config = NpmConfig { settings, ..NpmConfig::default() };
        let settings = Settings {
            policy_registries: vec![RegistryUrl::parse("https://policy.example:8443/npm/").unwrap()],
            policy_hosts: vec!["cdn.example".to_owned(), "10.0.0.7:8080".to_owned()],
            ..Settings::default()
        };
        let listed = Some("Inner.example, [::1]:5000");
        let public = RegistryUrl::parse("https://registry.example/").unwrap();
        let of = |trusted| NamedHosts::of(&config, &settings, (trusted, listed), &public);
        let named = of(Trusted::Machine);
        for url in [
            "https://registry.example/left-pad",
            "https://npm.corp.example/elsewhere",
            "https://verdaccio.example:4873/x",
            "http://verdaccio.example:4873/x",
            "http://plain.example/",
            "https://plain.example/",
            "http://localhost:4873/x",
            "https://policy.example:8443/",
            "https://cdn.example/x.tgz",
            "http://10.0.0.7:8080/x.tgz",
            "http://inner.example:1/",
            "http://[::1]:5000/",
        ] {
            assert!(named.has(&Url::parse(url).unwrap()), "{url}");
        }
        for url in [
            "http://registry.example:8080/",
            "http://npm.corp.example/",
            "https://verdaccio.example/",
            "http://localhost:9999/",
            "http://localhost:49991/secret",
            "https://evil.example/",
            "http://cli.example/",
            "http://proxy.example:3128/",
            "https://policy.example/",
            "http://10.0.0.7/",
            "http://[::1]/",
        ] {
            assert!(!named.has(&Url::parse(url).unwrap()), "{url}");
        }
        // An image brings its own files and variables, and names nothing of this machine.
        let named = of(Trusted::UserFile);
        for (url, is_named) in [
            ("https://npm.corp.example/", true),
            ("https://policy.example:8443/", true),
            ("http://inner.example:1/", true),
            ("https://registry.example/", true),
            ("http://plain.example/", false),
            ("http://localhost:4873/x", false),
        ] {
            assert_eq!(named.has(&Url::parse(url).unwrap()), is_named, "{url}");
        }
    }
}
