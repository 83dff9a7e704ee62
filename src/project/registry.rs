//! A registry: an origin and a path prefix.

use super::name::PackageName;
use serde::{Deserialize, Serialize};
use url::Url;

/// The URL of a registry, normalised: http or https, no credentials, no query,
/// a path that ends in a slash.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RegistryUrl(Url);

/// Why a text is no registry URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistry {
    /// It does not parse as a URL.
    #[error("`{0}` is not a URL")]
    NotAUrl(String),
    /// Its scheme is not one npm fetches by.
    #[error("`{0}` is neither http nor https")]
    Scheme(String),
}

impl RegistryUrl {
    /// Checks and normalises. Credentials in the URL are dropped, not kept.
    pub fn parse(text: &str) -> Result<Self, BadRegistry> {
        let shown: String = text.chars().take(200).collect();
        let mut url = Url::parse(text.trim()).ok().ok_or(BadRegistry::NotAUrl(shown))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(BadRegistry::Scheme(url.scheme().to_owned()));
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        // The dot that ends an absolute name leads to the same host.
        if let Some(relative) = url.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_owned) {
            let _ = url.set_host(Some(&relative));
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The host name, lower case.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, also where the URL leaves it to the scheme.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// Whether `url` lies under this registry: same scheme, host, port, and path prefix.
    pub fn covers(&self, url: &Url) -> bool {
        url.scheme() == self.0.scheme() && self.same_host(url) && url.path().starts_with(self.0.path())
    }

    /// Whether `url` lies under this registry, or under the same one by https where this is
    /// http: whoever has the host's certificate is no other than who has the host. Not so the
    /// other way round, where anybody on the way can answer.
    pub fn serves(&self, url: &Url) -> bool {
        let upgraded = || {
            let mut secure = self.0.clone();
            let standard = self.0.scheme() == "http" && self.0.port().is_none();
            standard && secure.set_scheme("https").is_ok() && Self(secure).covers(url)
        };
        self.covers(url) || upgraded()
    }

    /// Whether both name the same host and port.
    pub fn same_host(&self, url: &Url) -> bool {
        self.same_name(url) && url.port_or_known_default() == self.0.port_or_known_default()
    }

    /// Whether both name the same host, by any scheme and port.
    pub fn same_name(&self, url: &Url) -> bool {
        url.host_str().map(|host| host.strip_suffix('.').unwrap_or(host)) == self.0.host_str()
    }

    /// The registry that the URL of a tarball speaks of: what stands before `NAME/-/`, of which
    /// some registries encode the slash.
    pub fn before(tarball: &Url, name: &PackageName) -> Option<Self> {
        let path = tarball.path();
        let encoded = [name.as_str().to_owned(), name.in_url(), name.as_str().replace('/', "%2F")];
        let at = encoded.iter().find_map(|name| path.find(&format!("/{name}/-/")))?;
        let mut root = tarball.clone();
        root.set_path(path.get(..=at)?);
        Self::parse(root.as_str()).ok()
    }

    /// As `.npmrc` keys credentials: `//host[:port]/path/`.
    pub fn nerf_dart(&self) -> String {
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("//{}{port}{}", self.host(), self.0.path())
    }
}

impl TryFrom<String> for RegistryUrl {
    type Error = BadRegistry;
    fn try_from(text: String) -> Result<Self, BadRegistry> {
        Self::parse(&text)
    }
}

impl From<RegistryUrl> for String {
    fn from(registry: RegistryUrl) -> Self {
        registry.0.into()
    }
}

impl std::fmt::Display for RegistryUrl {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_registries_can_share_a_host() {
        let local = RegistryUrl::parse("https://user:pw@npm.acme.example/api/npm-local").unwrap();
        assert_eq!(local.to_string(), "https://npm.acme.example/api/npm-local/");
        let other = Url::parse("https://npm.acme.example/api/npm-local-2/x.tgz").unwrap();
        assert!(!local.covers(&other));
        assert!(local.same_host(&other));
        assert_eq!(local.nerf_dart(), "//npm.acme.example/api/npm-local/");
    }

    #[test]
    fn one_registry_can_be_written_in_several_ways() {
        let one = RegistryUrl::parse("https://npm.acme.example/npm/").unwrap();
        for same in [
            "https://NPM.acme.example/npm",
            "https://npm.acme.example:443/npm/",
            "https://npm.acme.example./npm/",
            "https://user@npm.acme.example/npm/?x#y",
        ] {
            assert_eq!(RegistryUrl::parse(same).unwrap(), one, "{same}");
        }
        let covers = |url: &str| one.covers(&Url::parse(url).unwrap());
        for inside in ["https://NPM.ACME.example:443/npm/a", "https://npm.acme.example./npm/@a%2fb"] {
            assert!(covers(inside), "{inside}");
        }
        for outside in [
            "https://npm.acme.example/NPM/a",
            "https://npm.acme.example:8443/npm/a",
            "https://npm.acme.example/npm%2fa",
        ] {
            assert!(!covers(outside), "{outside}");
        }
    }

    #[test]
    fn https_is_the_same_registry_as_http_and_not_the_other_way_round() {
        let (http, https) = ("http://npm.acme.example/npm/", "https://npm.acme.example/npm/");
        let serves = |registry: &str, url: &str| {
            RegistryUrl::parse(registry).unwrap().serves(&Url::parse(url).unwrap().join("a").unwrap())
        };
        assert!(serves(http, https) && serves(http, http) && serves(https, https));
        assert!(!serves(https, http));
        assert!(!serves("http://npm.acme.example:4873/npm/", https));
        assert!(!serves(http, "https://npm.acme.example/other/"));
    }

    #[test]
    fn what_npm_cannot_fetch_from_is_refused() {
        for bad in ["", "npm.acme.example", "file:///x", "ftp://a/", "https://"] {
            assert!(RegistryUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
