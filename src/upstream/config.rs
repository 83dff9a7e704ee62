//! How npm would reach a registry from here, as plain values.
//!
//! Whoever fills this has read npmrc files and the environment; this module
//! reads neither.

use super::UpstreamError;
use super::internal::Guarded;
use super::request::Reach;
use crate::secret::Secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Proxies, trust and patience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Proxy for https (`https-proxy`, `HTTPS_PROXY`); may hold credentials.
    pub https_proxy: Option<Secret>,
    /// Proxy for http (`proxy`, `HTTP_PROXY`).
    pub http_proxy: Option<Secret>,
    /// Hosts reached without one (`noproxy`, `NO_PROXY`), comma-separated suffixes.
    pub no_proxy: Option<String>,
    /// PEM of `cafile` or `ca`, which replaces all other roots, as in npm.
    pub roots: Option<Vec<u8>>,
    /// PEM of `NODE_EXTRA_CA_CERTS`, in addition to the system's.
    pub extra_roots: Option<Vec<u8>>,
    /// PEM of a client certificate chain and of its key (`cert`, `key`).
    pub identity: Option<(Vec<u8>, Secret)>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Longest silence in the middle of an answer.
    pub read_timeout: Duration,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            https_proxy: None,
            http_proxy: None,
            no_proxy: None,
            roots: None,
            extra_roots: None,
            identity: None,
            user_agent: concat!("sealcheck/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(60),
        }
    }
}

impl UpstreamConfig {
    /// The client for requests that may go so far.
    pub(super) fn client(&self, reach: Reach) -> Result<reqwest::Client, UpstreamError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .no_proxy()
            .user_agent(&self.user_agent)
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout);
        if reach == Reach::Outside {
            builder = builder.dns_resolver(Arc::new(Guarded { proxies: self.proxies() }));
        }
        let except = self.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
        if let Some(url) = &self.https_proxy {
            let proxy = reqwest::Proxy::https(url.expose())
                .ok()
                .ok_or_else(|| bad("the https proxy", "no proxy URL"))?;
            builder = builder.proxy(proxy.no_proxy(except.clone()));
        }
        if let Some(url) = &self.http_proxy {
            let proxy = reqwest::Proxy::http(url.expose())
                .ok()
                .ok_or_else(|| bad("the http proxy", "no proxy URL"))?;
            builder = builder.proxy(proxy.no_proxy(except));
        }
        builder.build().map_err(|error| bad("the connection settings", &error.to_string()))
    }

    /// The names of the proxies.
    fn proxies(&self) -> BTreeSet<String> {
        let urls = [&self.https_proxy, &self.http_proxy].into_iter().flatten();
        let hosts = urls.filter_map(|url| Some(url::Url::parse(url.expose()).ok()?.host_str()?.to_owned()));
        hosts.collect()
    }

    fn tls(&self) -> Result<ClientConfig, UpstreamError> {
        let mut roots = RootCertStore::empty();
        if let Some(pem) = &self.roots {
            add(&mut roots, pem, "cafile")?;
        } else {
            // One root that cannot be read is no reason to trust none.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if let Some(pem) = &self.extra_roots {
                add(&mut roots, pem, "NODE_EXTRA_CA_CERTS")?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bad("TLS", &error.to_string()))?
            .with_root_certificates(roots);
        match &self.identity {
            None => Ok(config.with_no_client_auth()),
            Some((chain, key)) => {
                let chain = certificates(chain, "cert")?;
                let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                    .ok()
                    .ok_or_else(|| bad("key", "no private key in PEM"))?;
                config
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| bad("the client certificate", &error.to_string()))
            }
        }
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, UpstreamError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(what, &format!("not PEM: {error}")))
}

fn add(roots: &mut RootCertStore, pem: &[u8], what: &str) -> Result<(), UpstreamError> {
    roots.add_parsable_certificates(certificates(pem, what)?);
    Ok(())
}

fn bad(what: &str, why: &str) -> UpstreamError {
    UpstreamError::Config { what: what.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named_without_its_secret() {
        let key = Secret::new("key", "hunter2");
        let config = UpstreamConfig { identity: Some((Vec::new(), key)), ..UpstreamConfig::default() };
        let error = config.client(Reach::Anywhere).unwrap_err();
        assert_eq!(error.to_string(), "key cannot be used: no private key in PEM");
        let proxy = Some(Secret::new("https-proxy", "http://u:hunter2@:x y/"));
        let config = UpstreamConfig { https_proxy: proxy, ..UpstreamConfig::default() };
        let error = config.client(Reach::Anywhere).unwrap_err();
        assert!(
            error.to_string().contains("https proxy") && !error.to_string().contains("hunter2"),
            "{error}"
        );
    }
}
