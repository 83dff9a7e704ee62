//! Registry signatures: what npm's `audit signatures` checks, as pure functions.
//!
//! A registry signs `name@version:integrity` by ECDSA on P-256 with SHA-256.
//! Keys and signatures come in from outside; no network here.

use super::name::PackageName;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

/// A key of a registry, as `/-/npm/v1/keys` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryKey {
    /// `SHA256:…`.
    pub keyid: String,
    /// The SPKI in base64, with or without PEM's frame.
    pub key: String,
    /// `expires`, RFC 3339: it signed nothing that was published later.
    pub expires: Option<String>,
}

/// A signature, as a packument's `dist.signatures` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySignature {
    /// Which key.
    pub keyid: String,
    /// DER in base64.
    pub sig: String,
}

/// What a packument says of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignedVersion {
    /// `dist.signatures`.
    pub signatures: Vec<RegistrySignature>,
    /// When it was published, RFC 3339, if known.
    pub published: Option<String>,
}

/// Who can say what a registry signed. The network is elsewhere; a caller
/// that has none passes nothing, and what depends on it stays undecided.
pub trait RegistrySignatures {
    /// The public registry's keys.
    fn keys(&self) -> Vec<RegistryKey>;

    /// The signatures of a version, from whichever registry serves it; `None`
    /// where it could not be asked.
    fn version(&self, name: &PackageName, version: &str) -> Option<SignedVersion>;
}

/// Whether any signature of a version verifies with any of the keys.
///
/// `integrity` is the one string that the lockfile pins (`sha512-…`), so that
/// the signature speaks of the very bytes that are installed.
pub fn is_signed(
    keys: &[RegistryKey],
    name: &PackageName,
    version: &str,
    integrity: &str,
    signed: &SignedVersion,
) -> bool {
    let message = format!("{name}@{version}:{integrity}");
    signed.signatures.iter().any(|signature| {
        keys.iter()
            .filter(|key| key.keyid == signature.keyid && holds(key, signed))
            .any(|key| verifies(&key.key, message.as_bytes(), &signature.sig))
    })
}

/// Whether the key was valid when the version was published. An expiry that
/// cannot be compared ends the key.
fn holds(key: &RegistryKey, signed: &SignedVersion) -> bool {
    let Some(expires) = &key.expires else { return true };
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (time(expires), signed.published.as_deref().and_then(time)) {
        (Some(expires), Some(published)) => published < expires,
        (Some(_) | None, _) => false,
    }
}

/// Whether `signature` (DER in base64) is one of `message` by `key` (SPKI in base64 or PEM).
pub fn verifies(key: &str, message: &[u8], signature: &str) -> bool {
    let (Some(point), Ok(signature)) = (point(key), STANDARD.decode(signature.trim())) else { return false };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, &signature).is_ok()
}

/// The SPKI of a key on P-256 is this, then the uncompressed point.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn point(key: &str) -> Option<Vec<u8>> {
    let body: String = key
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .flat_map(|line| line.chars().filter(|letter| !letter.is_whitespace()))
        .collect();
    let der = STANDARD.decode(body).ok()?;
    let point = der.strip_prefix(&SPKI_P256)?;
    (point.len() == 65).then(|| point.to_vec())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    /// A registry's key pair.
    pub(crate) struct Signer {
        pair: EcdsaKeyPair,
    }

    impl Signer {
        pub(crate) fn new() -> Self {
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            let pair =
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap();
            Self { pair }
        }

        pub(crate) fn key(&self) -> RegistryKey {
            let der = [SPKI_P256.as_slice(), self.pair.public_key().as_ref()].concat();
            RegistryKey { keyid: "SHA256:k".to_owned(), key: STANDARD.encode(der), expires: None }
        }

        pub(crate) fn sign(&self, message: &str) -> SignedVersion {
            let sig = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
            let signature = RegistrySignature { keyid: "SHA256:k".to_owned(), sig: STANDARD.encode(sig) };
            SignedVersion { signatures: vec![signature], published: None }
        }
    }

    #[test]
    fn a_signature_holds_for_its_name_version_and_bytes_alone() {
        let signer = Signer::new();
        let name = PackageName::parse("left-pad").unwrap();
        let signed = signer.sign("left-pad@1.0.0:sha512-AA==");
        let keys = [signer.key()];
        assert!(is_signed(&keys, &name, "1.0.0", "sha512-AA==", &signed));
        assert!(!is_signed(&keys, &name, "1.0.1", "sha512-AA==", &signed));
        assert!(!is_signed(&keys, &name, "1.0.0", "sha512-BB==", &signed));
        assert!(!is_signed(
            &keys,
            &PackageName::parse("right-pad").unwrap(),
            "1.0.0",
            "sha512-AA==",
            &signed
        ));
        assert!(!is_signed(&[Signer::new().key()], &name, "1.0.0", "sha512-AA==", &signed));
        assert!(!is_signed(&[], &name, "1.0.0", "sha512-AA==", &signed));
    }

    /// A signature and a key as npm's public registry published them.
    #[test]
    fn what_the_public_registry_signed_holds_with_its_key() {
        let key = RegistryKey {
            keyid: "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA".to_owned(),
            key: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg==".to_owned(),
            expires: Some("2025-01-29T00:00:00.000Z".to_owned()),
        };
        let signature = RegistrySignature {
            keyid: key.keyid.clone(),
            sig: "MEYCIQC7bupdf+ew7NreyTqMEewFAAHQeTUUUCk4RGauE+eYxQIhANjnRBfEi1pdJ6VuTOjkx5AGgnxPEbHSelMZi5kc//td".to_owned(),
        };
        let integrity =
            "sha512-KiUQaNohu3WBwlveaQ70YTqFwh1Ijw9AT6Lv0mNaK3QrJyf9wZrkv5U2tnt4rDBf78QeIp6ppN5aLa+yjGYuYA==";
        let name = PackageName::parse("@midas-ds/modal").unwrap();
        let published = |when: &str| SignedVersion {
            signatures: vec![signature.clone()],
            published: Some(when.to_owned()),
        };
        let keys = [key];
        let in_time = published("2024-11-01T10:27:54.000Z");
        assert!(is_signed(&keys, &name, "0.1.0", integrity, &in_time));
        assert!(!is_signed(&keys, &name, "0.1.1", integrity, &in_time));
        assert!(!is_signed(&keys, &name, "0.1.0", integrity, &published("2025-02-01T00:00:00.000Z")));
    }

    #[test]
    fn pem_is_read_and_rubbish_is_not() {
        let signer = Signer::new();
        let signed = signer.sign("m");
        let sig = &signed.signatures[0].sig;
        let key = signer.key().key;
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &key[..64], &key[64..]);
        assert!(verifies(&pem, b"m", sig));
        for (key, sig) in
            [("", sig.as_str()), ("AAAA", sig), ("%", sig), (&key, ""), (&key, "AAAA"), (&key, "%")]
        {
            assert!(!verifies(key, b"m", sig), "{key} {sig}");
        }
    }

    #[test]
    fn an_expired_key_signs_only_what_was_published_before() {
        let signer = Signer::new();
        let name = PackageName::parse("a").unwrap();
        let mut key = signer.key();
        key.expires = Some("2025-01-29T00:00:00.000Z".to_owned());
        let mut signed = signer.sign("a@1:x");
        for (published, good) in
            [(Some("2024-01-01T00:00:00Z"), true), (Some("2025-02-01T00:00:00Z"), false), (None, false)]
        {
            signed.published = published.map(str::to_owned);
            assert_eq!(
                is_signed(std::slice::from_ref(&key), &name, "1", "x", &signed),
                good,
                "{published:?}"
            );
        }
    }
}
