//! A registry: an origin and a path prefix.

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
        url.scheme() == self.0.scheme()
            && url.host_str() == self.0.host_str()
            && url.port_or_known_default() == self.0.port_or_known_default()
            && url.path().starts_with(self.0.path())
    }

    /// Whether both name the same host and port.
    pub fn same_host(&self, url: &Url) -> bool {
        url.host_str() == self.0.host_str() && url.port_or_known_default() == self.0.port_or_known_default()
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
    fn what_npm_cannot_fetch_from_is_refused() {
        for bad in ["", "npm.acme.example", "file:///x", "ftp://a/", "https://"] {
            assert!(RegistryUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
