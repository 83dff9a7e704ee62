//! A certificate authority that lives for one invocation.
//!
//! Its key is in memory only; its certificate goes into the trust stores of the
//! sandboxes and nowhere else.

use super::GatewayError;
use super::fault::certificate::Flaw;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer};
use rcgen::{KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Certificates that are kept at most: a script may connect by names without end.
const MAX_LEAVES: usize = 4096;

/// What serves a name, with a flaw or without one.
type Leaves = BTreeMap<(String, Option<Flaw>), Arc<ServerConfig>>;

/// Signs a certificate for any name that somebody connects to.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// One whose certificate is in no store.
    stranger: Issuer<'static, KeyPair>,
    pem: String,
    /// All leaves share one key: making keys is most of the cost.
    leaf_key: KeyPair,
    leaves: Mutex<Leaves>,
}

impl Authority {
    /// Makes one, with a fresh key (ECDSA P-256).
    pub fn new() -> Result<Self, GatewayError> {
        let (issuer, pem) = self_signed("sealcheck, for one run only")?;
        let (stranger, _) = self_signed("sealcheck, trusted by nobody")?;
        Ok(Self { issuer, stranger, pem, leaf_key: KeyPair::generate()?, leaves: Mutex::default() })
    }

    /// Its certificate, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.pem
    }

    /// The server side of TLS for a name (or an address in text), made on demand;
    /// with a flaw, one that npm must not go on with.
    pub(super) fn server(&self, name: &str, flaw: Option<Flaw>) -> Result<Arc<ServerConfig>, GatewayError> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = leaves.get(&(name.to_owned(), flaw)) {
            return Ok(config.clone());
        }
        let subject = flaw.map_or(name, |flaw| flaw.subject(name));
        let mut params = CertificateParams::new([subject.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "sealcheck");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        dates(&mut params);
        if let Some(flaw) = flaw {
            flaw.apply(&mut params);
        }
        let issuer = if flaw == Some(Flaw::Untrusted) { &self.stranger } else { &self.issuer };
        let leaf: CertificateDer<'static> = params.signed_by(&self.leaf_key, issuer)?.der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        if leaves.len() >= MAX_LEAVES {
            leaves.clear();
        }
        leaves.insert((name.to_owned(), flaw), config.clone());
        Ok(config)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Authority")
    }
}

/// An authority of a name, and its certificate in PEM.
fn self_signed(name: &str) -> Result<(Issuer<'static, KeyPair>, String), GatewayError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    dates(&mut params);
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

/// Wide enough for a machine whose clock is wrong.
fn dates(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_certificate_and_a_name_that_is_none_is_an_error() {
        let authority = Authority::new().unwrap();
        let one = authority.server("npm.corp.example", None).unwrap();
        assert!(Arc::ptr_eq(&one, &authority.server("npm.corp.example", None).unwrap()));
        assert!(authority.server("127.0.0.2", None).is_ok());
        assert!(authority.server("n\u{fc}x", None).is_err());
        assert!(authority.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    }
}
