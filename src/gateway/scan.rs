//! Finds planted secrets in what leaves: plain and in the encodings that
//! thieves use.
//!
//! Planted values are random, so a match is proof. Each is turned into the
//! texts it may appear as ([`super::spelling`]), and these are looked for in one
//! pass, in any case and whatever stands between the letters. What is sent is
//! also unpacked ([`super::unpack`]) and read as what it is written in
//! ([`super::written`]), each of these in each other. All of it is bounded.

use super::spelling::{spellings, values};
use super::unpack::{Budget, Found, is_packed, streams, unpacked};
use super::written::{
    MIN_RUN, from_base32, from_hex, from_squeezed, holds_writing, is_text, numbers, runs, squeezed, texts,
    unwritten,
};
use crate::plan::World;
use std::collections::BTreeMap;

/// How deep packed things are unpacked.
const DEPTH: u8 = 5;
/// Labels of a name that are put together.
const LABELS: usize = 16;

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
        if self.is_empty() {
            return None;
        }
        if let Some(label) = self.plain_or_folded(bytes) {
            return Some(label);
        }
        if depth == 0 {
            budget.whole &= !is_packed(bytes) && !holds_writing(bytes);
            return None;
        }
        if let Some(label) = self.in_found(unpacked(bytes, budget), depth, budget) {
            return Some(label);
        }
        if is_text(bytes) {
            return self.in_text(bytes, depth, budget);
        }
        self.in_text(&texts(bytes), depth, budget)
    }

    fn in_text(&self, bytes: &[u8], depth: u8, budget: &mut Budget) -> Option<String> {
        if let Some(label) = self.in_pieces(bytes, depth, budget) {
            return Some(label);
        }
        for view in [runs, unwritten, numbers] {
            let inner = view(bytes, budget);
            if let Some(label) = inner.iter().find_map(|inner| self.deep(inner, depth - 1, budget)) {
                return Some(label);
            }
        }
        None
    }

    /// The label of a value that is in pieces, whatever stands between them. What is packed, then
    /// written in base64 and then cut up is found where it says that it is packed.
    fn in_pieces(&self, bytes: &[u8], depth: u8, budget: &mut Budget) -> Option<String> {
        let [signs, plain] = squeezed(bytes);
        self.plain_or_folded(&signs).or_else(|| self.plain_or_folded(&plain)).or_else(|| {
            from_squeezed(&signs).find_map(|spelt| {
                let found = streams(&spelt, budget);
                self.in_found(found, depth, budget)
            })
        })
    }

    fn in_found(&self, found: Vec<Found>, depth: u8, budget: &mut Budget) -> Option<String> {
        found.into_iter().find_map(|Found { bytes, sure }| match sure {
            true => self.deep(&bytes, depth - 1, budget),
            false => self.plain_or_folded(&bytes),
        })
    }

    /// The label of a value in one of its spellings, in whatever case.
    fn plain_or_folded(&self, bytes: &[u8]) -> Option<String> {
        let found = self.exact.find(bytes);
        found.or_else(|| self.folded.find(&bytes.to_ascii_lowercase())).map(str::to_owned)
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
    use super::super::spelling::aligned;
    use super::super::unpack::{BUDGET, STREAMS};
    use super::super::worlds::world;
    use super::super::written::{BASE32, BASE64};
    use super::*;
    use base64::Engine;
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

    /// By encoders that are not ours: `tests/fixtures/encodings/make.py`.
    #[test]
    fn what_other_encoders_write_is_read_or_said_to_be_unread() {
        let (scanner, _) = scanner();
        let forms = include_str!("../../tests/fixtures/encodings/forms.txt");
        let mut wrong = Vec::new();
        for line in forms.lines() {
            let [kind, name, bytes] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let bytes = BASE64.decode(bytes).unwrap();
            let (found, whole) = scanner.in_body(&bytes);
            let right = match kind {
                "read" => found.as_deref() == Some("NPM_TOKEN"),
                _ => found.is_none() && !whole,
            };
            if !right {
                wrong.push((name, found, whole));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Ordinary texts are searched whole, and so is what no one can read.
    #[test]
    fn large_bodies_are_searched_whole() {
        let (scanner, _) = scanner();
        let mut lines = String::new();
        for at in 0_u32..4_000 {
            lines +=
                &format!("{{\"name\":\"@scope/package-{at}\",\"integrity\":\"sha512-{:x}\"}},\n", at * 7);
        }
        assert_eq!(scanner.in_body(lines.as_bytes()), (None, true));
        assert_eq!(scanner.in_body(&gzip(lines.as_bytes())), (None, true));
    }

    #[test]
    fn a_bomb_of_packed_zeros_ends() {
        let (scanner, _) = scanner();
        let bomb = gzip(&vec![0; 64 << 20]);
        assert_eq!(scanner.in_bytes(&gzip(&bomb)), None);
    }
}
