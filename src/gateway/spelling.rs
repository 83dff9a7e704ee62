//! The texts that a planted value may appear as: as it is, reversed, and written in each
//! alphabet that thieves use, whatever stands before it. It must not know where they are
//! looked for.

use super::written::{BASE32, BASE64};
use crate::plan::Planted;
use base64::Engine;

/// Values shorter than this are not looked for: they would be found by chance.
pub(super) const MIN_VALUE: usize = 8;

const BASE64_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Of Adobe, of ZeroMQ, and of RFC 1924 (git, Python).
const ASCII85: &[u8; 85] =
    b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu";
const Z85: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const BASE85: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const DECIMAL: &[u8] = b"0123456789";

/// What a planted value may be used as: npm decodes `_password` and `_auth` itself.
pub(super) fn values(planted: &Planted) -> Vec<Vec<u8>> {
    let mut values = vec![planted.value.clone().into_bytes()];
    if matches!(planted.key.as_str(), "_password" | "_auth")
        && let Ok(inner) = BASE64.decode(&planted.value)
    {
        if let Some(colon) = inner.iter().position(|byte| *byte == b':') {
            values.push(inner[colon + 1..].to_vec());
        } else {
            values.push(inner);
        }
    }
    values.retain(|value| value.len() >= MIN_VALUE);
    values
}

pub(super) fn spellings(value: &[u8]) -> Vec<Vec<u8>> {
    let reversed: Vec<u8> = value.iter().rev().copied().collect();
    let hex = crate::evidence::tree::hex(value).into_bytes();
    let mut all = vec![value.to_vec(), reversed.clone(), hex.to_ascii_uppercase(), hex];
    let percent = value.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect();
    all.push(percent);
    for text in [value, reversed.as_slice()] {
        for offset in 0..3 {
            all.push(aligned(text, offset, 6, BASE64_ALPHABET));
            all.push(aligned(text, offset, 6, BASE64_URL));
        }
        for offset in 0..5 {
            all.push(aligned(text, offset, 5, BASE32));
        }
    }
    all.push(value.iter().copied().filter(u8::is_ascii_alphanumeric).collect());
    for alphabet in [ASCII85, Z85, BASE85] {
        for offset in 0..4 {
            all.push(aligned_85(value, offset, alphabet));
        }
    }
    all.extend([whole(value, BASE58), whole(value, BASE36), whole(value, DECIMAL)]);
    let backwards: Vec<Vec<u8>> = all.iter().map(|text| text.iter().rev().copied().collect()).collect();
    all.extend(backwards);
    all.retain(|text| text.len() >= MIN_VALUE);
    all.sort();
    all.dedup();
    all
}

/// The characters that `value` gives for certain when `offset` bytes stand before it.
pub(super) fn aligned(value: &[u8], offset: usize, bits: usize, letters: &[u8]) -> Vec<u8> {
    let bit = |at: usize| usize::from(value[at / 8] >> (7 - at % 8) & 1);
    let skip = (bits - offset * 8 % bits) % bits;
    let mut text = Vec::new();
    let mut at = skip;
    while at + bits <= value.len() * 8 {
        text.push(letters[(at..at + bits).fold(0, |sum, at| sum << 1 | bit(at))]);
        at += bits;
    }
    text
}

/// The same in base 85, four bytes in five letters.
fn aligned_85(value: &[u8], offset: usize, letters: &[u8; 85]) -> Vec<u8> {
    let from = value.get((4 - offset) % 4..).unwrap_or_default();
    let five = |four: &[u8]| {
        let mut rest = four.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let mut text = [0; 5];
        for letter in text.iter_mut().rev() {
            *letter = letters[rest % 85];
            rest /= 85;
        }
        text
    };
    from.chunks_exact(4).flat_map(five).collect()
}

/// A value as one number, with nothing before it and nothing behind.
fn whole(value: &[u8], letters: &[u8]) -> Vec<u8> {
    let base = letters.len();
    let mut rest = value.to_vec();
    let mut text = Vec::new();
    while rest.iter().any(|byte| *byte != 0) {
        let mut left = 0;
        for byte in &mut rest {
            let here = left << 8 | usize::from(*byte);
            *byte = u8::try_from(here / base).unwrap_or(u8::MAX);
            left = here % base;
        }
        text.push(letters[left]);
    }
    text.reverse();
    text
}
