//! Finds planted secrets in what leaves: plain and in the encodings that
//! thieves use.
//!
//! Planted values are random, so a match is proof. Each is turned into the
//! texts it may appear as (base64 and base32 in every alignment, hexadecimal,
//! reversed), and these are looked for in one pass. What is sent is also
//! unpacked, each of these in each other: percent-encoding, broken lines, gzip,
//! zlib, and runs of base64 or hexadecimal. All of it is bounded.

use super::unpack::{
    BASE32, BASE64, Budget, MIN_RUN, from_base32, from_hex, is_packed, runs, unpacked, unwritten,
    written_runs,
};
use crate::plan::{Planted, World};
use base64::Engine;
use std::collections::BTreeMap;

/// Values shorter than this are not looked for: they would be found by chance.
const MIN_VALUE: usize = 8;
/// How deep packed things are unpacked.
const DEPTH: u8 = 5;
/// Labels of a name that are put together.
const LABELS: usize = 16;

const BASE64_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Looks for planted values.
pub(super) struct Scanner {
    exact: Needles,
    /// All in lower case, for names, which keep no case.
    folded: Needles,
    plain: Vec<(String, String)>,
}

impl Scanner {
    /// For these values.
    pub(super) fn new(world: &World) -> Self {
        let (mut exact, mut folded) = (Needles::default(), Needles::default());
        let mut plain = Vec::new();
        let tokens = world
            .planted
            .iter()
            .flat_map(|planted| values(planted).into_iter().map(|value| (value, planted.label.as_str())));
        let secrets = &world.secrets.secrets;
        let secrets = secrets.iter().map(|secret| (secret.value.clone().into_bytes(), secret.label.as_str()));
        for (value, label) in tokens.chain(secrets) {
            for text in spellings(&value) {
                folded.add(text.to_ascii_lowercase(), label);
                exact.add(text, label);
            }
            if let Ok(text) = String::from_utf8(value) {
                plain.push((text, label.to_owned()));
            }
        }
        Self { exact, folded, plain }
    }

    /// The label of a value in a host name.
    pub(super) fn in_name(&self, name: &str) -> Option<String> {
        let whole = name.to_ascii_lowercase();
        // A label holds 63 bytes, so a long value is cut by dots.
        let joined: Vec<u8> = whole.bytes().filter(|byte| *byte != b'.').collect();
        let found = self.folded.find(whole.as_bytes()).or_else(|| self.folded.find(&joined));
        found.map(str::to_owned).or_else(|| self.packed_in_name(&whole))
    }

    /// The label of a value that was packed and then spelt in a name, in one label
    /// or in several on end.
    fn packed_in_name(&self, name: &str) -> Option<String> {
        let labels: Vec<&str> = name.split('.').take(LABELS).collect();
        let mut budget = Budget::new();
        for start in 0..labels.len() {
            let mut joined = String::new();
            for label in &labels[start..] {
                joined.push_str(label);
                if joined.len() < MIN_RUN {
                    continue;
                }
                let spelt = [from_hex(joined.as_bytes()), from_base32(joined.as_bytes())];
                for bytes in spelt.into_iter().flatten().filter(|bytes| is_packed(bytes)) {
                    if let Some(label) = self.deep(&bytes, DEPTH, &mut budget) {
                        return Some(label);
                    }
                }
            }
        }
        None
    }

    /// The label of a value in a URL, a header or a body.
    pub(super) fn in_bytes(&self, bytes: &[u8]) -> Option<String> {
        self.in_body(bytes).0
    }

    /// The same, and whether all of it was looked at.
    pub(super) fn in_body(&self, bytes: &[u8]) -> (Option<String>, bool) {
        let mut budget = Budget::new();
        let found = self.deep(bytes, DEPTH, &mut budget);
        (found, budget.whole)
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// The label of a value in a part of what a connection brings, and whether something
    /// that is packed in it goes on behind it.
    pub(super) fn in_window(&self, bytes: &[u8]) -> (Option<String>, bool) {
        let mut budget = Budget::of(bytes.len());
        let found = self.deep(bytes, DEPTH, &mut budget);
        (found, budget.ran_off || !budget.whole)
    }

    fn deep(&self, bytes: &[u8], depth: u8, budget: &mut Budget) -> Option<String> {
        if let Some(label) = self.exact.find(bytes) {
            return Some(label.to_owned());
        }
        if self.exact.is_empty() {
            return None;
        }
        if depth == 0 {
            budget.whole &= !is_packed(bytes) && written_runs(bytes).next().is_none();
            return None;
        }
        for view in [unpacked, runs, unwritten] {
            for inner in view(bytes, budget) {
                if let Some(label) = self.deep(&inner, depth - 1, budget) {
                    return Some(label);
                }
            }
        }
        None
    }

    /// A text for the record, without any planted value.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, label) in &self.plain {
            text = text.replace(value.as_str(), &format!("[redacted:{label}]"));
        }
        match self.in_bytes(text.as_bytes()) {
            // Encoded somehow: nothing of it is shown.
            Some(label) => format!("[redacted:{label}]"),
            None => text,
        }
    }

    /// A host name for the record: what carries a value shows only its last two labels.
    pub(super) fn redact_name(&self, name: &str) -> String {
        let Some(label) = self.in_name(name) else { return name.to_owned() };
        let mut end: Vec<&str> = name.rsplitn(3, '.').take(2).collect();
        end.reverse();
        let end = end.join(".");
        match self.in_name(&end) {
            Some(_) => format!("[redacted:{label}]"),
            None => format!("[redacted:{label}].{end}"),
        }
    }
}

/// What a planted value may be used as: npm decodes `_password` and `_auth` itself.
fn values(planted: &Planted) -> Vec<Vec<u8>> {
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

fn spellings(value: &[u8]) -> Vec<Vec<u8>> {
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
    all.retain(|text| text.len() >= MIN_VALUE);
    all.sort();
    all.dedup();
    all
}

/// The characters that `value` gives for certain when `offset` bytes stand before it.
fn aligned(value: &[u8], offset: usize, bits: usize, letters: &[u8]) -> Vec<u8> {
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

/// Texts to look for, by their first four bytes.
#[derive(Default)]
struct Needles {
    by_start: BTreeMap<[u8; 4], Vec<(Vec<u8>, String)>>,
    /// A quick no: which hashes of four bytes occur at all.
    seen: Vec<bool>,
}

impl Needles {
    fn add(&mut self, text: Vec<u8>, label: &str) {
        let Some(start) = text.first_chunk::<4>().copied() else { return };
        if self.seen.is_empty() {
            self.seen = vec![false; 1 << 16];
        }
        self.seen[slot(start)] = true;
        self.by_start.entry(start).or_default().push((text, label.to_owned()));
    }

    fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    fn find(&self, bytes: &[u8]) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        bytes.windows(4).enumerate().find_map(|(at, start)| {
            let start = *start.first_chunk::<4>()?;
            if !self.seen[slot(start)] {
                return None;
            }
            let texts = self.by_start.get(&start)?;
            texts.iter().find(|(text, _)| bytes[at..].starts_with(text)).map(|(_, label)| label.as_str())
        })
    }
}

fn slot(start: [u8; 4]) -> usize {
    (u32::from_le_bytes(start).wrapping_mul(0x9e37_79b1) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use super::super::unpack::{BUDGET, STREAMS};
    use super::super::worlds::world;
    use super::*;
    use std::io::Write;

    fn scanner() -> (Scanner, String) {
        let world = world();
        (Scanner::new(&world), world.planted[0].value.clone())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn percent(bytes: &[u8]) -> String {
        bytes
            .iter()
            .map(|byte| match byte {
                b'+' | b'/' | b'=' => format!("%{byte:02X}"),
                other => char::from(*other).to_string(),
            })
            .collect()
    }

    fn wrapped(bytes: &[u8], end: &str) -> Vec<u8> {
        bytes.chunks(20).flat_map(|line| [line, end.as_bytes()].concat()).collect()
    }

    #[test]
    fn what_is_not_looked_at_whole_is_said() {
        let (scanner, value) = scanner();
        let bomb = gzip(&vec![b'x'; BUDGET + 1]);
        assert_eq!(scanner.in_body(&bomb), (None, false));
        let streams = gzip(b"x").repeat(STREAMS + 1);
        assert_eq!(scanner.in_body(&streams), (None, false));
        let mut nested = value.clone().into_bytes();
        for _ in 0..DEPTH + 2 {
            nested = BASE64.encode(&nested).into_bytes();
        }
        assert_eq!(scanner.in_body(&nested), (None, false));
        assert_eq!(scanner.in_body(b"an ordinary body"), (None, true));
        assert!(scanner.in_body(&gzip(value.as_bytes())).0.is_some());
    }

    #[test]
    fn a_secret_that_is_nobodys_is_found_like_a_token() {
        let world = world();
        let scanner = Scanner::new(&world);
        let secret = &world.secrets.secrets[0];
        assert_eq!(scanner.in_bytes(&gzip(secret.value.as_bytes())).as_deref(), Some("GITHUB_TOKEN"));
        assert_eq!(scanner.redact(&format!("/?t={}", secret.value)), "/?t=[redacted:GITHUB_TOKEN]");
    }

    #[test]
    fn a_value_is_found_in_each_of_its_disguises() {
        let (scanner, value) = scanner();
        let encode = |bytes: &[u8]| BASE64.encode(bytes).into_bytes();
        let mut disguises: Vec<Vec<u8>> = vec![
            format!("x={value}&y").into_bytes(),
            value.chars().rev().collect::<String>().into_bytes(),
            crate::evidence::tree::hex(value.as_bytes()).into_bytes(),
            value.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>().into_bytes(),
            gzip(format!("{{\"env\":\"{value}\"}}").as_bytes()),
            encode(&gzip(format!("NPM_TOKEN={value}\n").as_bytes())),
            format!("{{\"d\":\"{}\"}}", String::from_utf8(encode(&gzip(value.as_bytes()))).unwrap())
                .into_bytes(),
            encode(&encode(value.as_bytes())),
            [b"--form\r\n\r\n", gzip(value.as_bytes()).as_slice(), b"\r\n--form--"].concat(),
            format!("d={}&e=1", percent(&encode(&gzip(value.as_bytes())))).into_bytes(),
            wrapped(&encode(format!("[default]\nkey = {value}\nregion = nowhere\n").as_bytes()), "\n"),
            wrapped(&encode(format!("[default]\nkey = {value}\nregion = nowhere\n").as_bytes()), "\\n"),
            wrapped(&crate::evidence::tree::hex(&gzip(value.as_bytes())).into_bytes(), "\r\n"),
        ];
        for before in ["", "a", "ab", "abc", "abcd"] {
            disguises.push(encode(format!("{before}{value}rest").as_bytes()));
        }
        for disguise in disguises {
            let shown = String::from_utf8_lossy(&disguise).into_owned();
            assert_eq!(scanner.in_bytes(&disguise).as_deref(), Some("NPM_TOKEN"), "{shown}");
        }
    }

    #[test]
    fn ordinary_traffic_carries_nothing() {
        let (scanner, value) = scanner();
        for innocent in ["", "GET /left-pad", &value[..value.len() - 1], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(scanner.in_bytes(innocent.as_bytes()), None, "{innocent}");
        }
        assert_eq!(scanner.in_name("registry.example"), None);
        assert_eq!(scanner.redact("/left-pad"), "/left-pad");
    }

    #[test]
    fn names_lose_their_case_and_are_cut_by_dots() {
        let (scanner, value) = scanner();
        let (left, right) = value.split_at(value.len() / 2);
        assert_eq!(scanner.in_name(&format!("{left}.{right}.evil.example")).as_deref(), Some("NPM_TOKEN"));
        let base32 = String::from_utf8(aligned(value.as_bytes(), 0, 5, BASE32)).unwrap().to_lowercase();
        let name = format!("{base32}.evil.example");
        assert_eq!(scanner.in_name(&name).as_deref(), Some("NPM_TOKEN"));
        assert_eq!(scanner.redact_name(&name), "[redacted:NPM_TOKEN].evil.example");
    }

    #[test]
    fn what_is_packed_and_spelt_in_a_name_is_found_whatever_stands_around_it() {
        let (scanner, value) = scanner();
        let packed = gzip(value.as_bytes());
        let hex = crate::evidence::tree::hex(&packed);
        let base32 = String::from_utf8(aligned(&packed, 0, 5, BASE32)).unwrap();
        for text in [hex, base32] {
            let labels: Vec<&str> =
                (0..text.len()).step_by(60).map(|at| &text[at..text.len().min(at + 60)]).collect();
            let name = format!("q1.{}.evil.example", labels.join("."));
            assert!(name.len() <= 253, "{name}");
            assert_eq!(scanner.in_name(&name).as_deref(), Some("NPM_TOKEN"), "{name}");
        }
    }

    #[test]
    fn a_bomb_of_packed_zeros_ends() {
        let (scanner, _) = scanner();
        let bomb = gzip(&vec![0; 64 << 20]);
        assert_eq!(scanner.in_bytes(&gzip(&bomb)), None);
    }
}
