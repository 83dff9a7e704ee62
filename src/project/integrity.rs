//! Subresource integrity, as lockfiles hold it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A hash function of an integrity string, weakest first, so `max` is the one
/// npm uses (ssri picks the strongest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Broken for collisions.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512, what registries give today.
    Sha512,
}

impl Algorithm {
    /// As SRI spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// One or more hashes of the same bytes: `sha512-… sha1-…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Integrity {
    hashes: Vec<(Algorithm, Vec<u8>)>,
}

impl Integrity {
    /// Reads an SRI string the way ssri does: unknown algorithms and malformed
    /// hashes are skipped; `None` if nothing is left to verify with.
    pub fn parse(text: &str) -> Option<Self> {
        let mut hashes: Vec<(Algorithm, Vec<u8>)> = text
            .split_ascii_whitespace()
            .filter_map(|part| {
                let (name, rest) = part.split_once('-')?;
                let algorithm = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512]
                    .into_iter()
                    .find(|known| known.name() == name)?;
                let digest = STANDARD.decode(rest.split('?').next().unwrap_or(rest)).ok()?;
                (digest.len() == algorithm.length()).then_some((algorithm, digest))
            })
            .collect();
        hashes.sort();
        hashes.dedup();
        (!hashes.is_empty()).then_some(Self { hashes })
    }

    /// What a packument's `shasum` says, 40 hexadecimal digits, as SRI writes it.
    pub fn from_shasum(hexadecimal: &str) -> Option<String> {
        let digits: Vec<u8> = hexadecimal.chars().map_while(|it| it.to_digit(16)?.try_into().ok()).collect();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let whole = digits.len() == hexadecimal.len() && digits.len() == 2 * Algorithm::Sha1.length();
        whole.then(|| format!("sha1-{}", STANDARD.encode(bytes)))
    }

    /// Whether both speak of the same bytes, by the strongest algorithm that `self` has;
    /// `None` where `other` has none of it, since a hash that nobody can hold against
    /// another is the one that npm would go by.
    pub fn agrees(&self, other: &Self) -> Option<bool> {
        let strongest = self.strongest();
        if !other.hashes.iter().any(|(known, _)| *known == strongest) {
            return None;
        }
        // Each is an alternative for npm: all have to be known.
        Some(self.hashes.iter().filter(|(it, _)| *it == strongest).all(|hash| other.hashes.contains(hash)))
    }

    /// The strongest algorithm present: the one that decides.
    pub fn strongest(&self) -> Algorithm {
        self.hashes.iter().map(|(algorithm, _)| *algorithm).max().unwrap_or(Algorithm::Sha1)
    }

    /// Whether these digests satisfy it, by its strongest algorithm (several
    /// hashes of that algorithm are alternatives).
    pub fn accepts(&self, digests: &Digests) -> bool {
        let strongest = self.strongest();
        self.hashes.iter().filter(|(algorithm, _)| *algorithm == strongest).any(|(_, hash)| match strongest {
            Algorithm::Sha1 => *hash == digests.sha1,
            Algorithm::Sha256 => *hash == digests.sha256,
            Algorithm::Sha384 => *hash == digests.sha384,
            Algorithm::Sha512 => *hash == digests.sha512,
        })
    }
}

impl std::fmt::Display for Integrity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (algorithm, hash)) in self.hashes.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(out, "{space}{}-{}", algorithm.name(), STANDARD.encode(hash))?;
        }
        Ok(())
    }
}

/// The digests of some bytes, in every algorithm a lockfile may use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digests {
    /// 20 bytes.
    pub sha1: Vec<u8>,
    /// 32 bytes.
    pub sha256: Vec<u8>,
    /// 48 bytes.
    pub sha384: Vec<u8>,
    /// 64 bytes.
    pub sha512: Vec<u8>,
}

impl Digests {
    /// Of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// `sha512-…` as SRI writes it.
    pub fn sri(&self) -> String {
        format!("sha512-{}", STANDARD.encode(&self.sha512))
    }
}

/// Hashes a stream in all algorithms at once.
#[derive(Default)]
pub struct Hasher {
    sha1: Sha1,
    sha256: Sha256,
    sha384: Sha384,
    sha512: Sha512,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha1.update(bytes);
        self.sha256.update(bytes);
        self.sha384.update(bytes);
        self.sha512.update(bytes);
    }

    /// The digests of all bytes taken.
    pub fn finish(self) -> Digests {
        Digests {
            sha1: self.sha1.finalize().to_vec(),
            sha256: self.sha256.finalize().to_vec(),
            sha384: self.sha384.finalize().to_vec(),
            sha512: self.sha512.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_hash_decides_as_in_ssri() {
        let digests = Digests::of(b"bytes");
        let other = Digests::of(b"other");
        let mixed = format!("sha1-{} {}", STANDARD.encode(&other.sha1), digests.sri());
        let integrity = Integrity::parse(&mixed).unwrap();
        assert_eq!(integrity.strongest(), Algorithm::Sha512);
        assert!(integrity.accepts(&digests));
        assert!(!integrity.accepts(&other));
    }

    #[test]
    fn two_integrities_agree_by_the_strongest_hash_that_both_have() {
        let of = |text: &str| Integrity::parse(text).unwrap();
        let (one, two) = (Digests::of(b"one"), Digests::of(b"two"));
        let sha1 = |digests: &Digests| format!("sha1-{}", STANDARD.encode(&digests.sha1));
        assert_eq!(of(&one.sri()).agrees(&of(&format!("{} {}", one.sri(), sha1(&two)))), Some(true));
        assert_eq!(of(&one.sri()).agrees(&of(&two.sri())), Some(false));
        assert_eq!(of(&one.sri()).agrees(&of(&sha1(&one))), None);
        let shasum = "fe05bcdcdc4928012781a5f1a2a77cbb5398e106";
        assert_eq!(Integrity::from_shasum(shasum), Some(sha1(&one)));
        for bad in [
            "",
            "fe05",
            "xx05bcdcdc4928012781a5f1a2a77cbb5398e106",
            "fe05bcdcdc4928012781a5f1a2a77cbb5398e1066",
        ] {
            assert_eq!(Integrity::from_shasum(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_cannot_verify_is_no_integrity() {
        for none in ["", "sha512-", "sha512-AAAA", "md5-1B2M2Y8AsgTpgAmY7PhCfg==", "null"] {
            assert_eq!(Integrity::parse(none), None, "{none}");
        }
    }
}
