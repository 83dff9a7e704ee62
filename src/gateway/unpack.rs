//! What was sent, out of what it was packed into: gzip, zlib, raw deflate, zip and brotli.
//! All of it is bounded in bytes and in tries, and whether the bounds were met is told.
//! It must not know what is looked for.

use super::written::is_text;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// Bytes that unpacking may give for one request.
pub(super) const BUDGET: usize = 32 << 20;
/// Beginnings of streams in one text that are tried, of those that say what they are.
pub(super) const STREAMS: usize = 8;
/// Texts that are tried as a stream that does not say what it is.
const TRIES: usize = 20_000;
/// What such a stream must give to be one: less comes of anything.
const LEAST: usize = 8;
/// Bytes at a text's beginning, and how many of them are no letters in what is packed.
const HEAD: usize = 64;
const ODD: usize = 4;

/// What unpacking may still give.
pub(super) struct Budget {
    left: usize,
    tries: usize,
    /// Nothing had to be left out.
    pub(super) whole: bool,
    /// Something packed had not come to its end.
    pub(super) ran_off: bool,
}

impl Budget {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { left: BUDGET, tries: TRIES, whole: true, ran_off: false }
    }

    /// What a part of a connection may give.
    pub(super) fn of(size: usize) -> Self {
        Self { left: size.saturating_mul(8).clamp(4 << 20, BUDGET), ..Self::new() }
    }

    /// Takes a part of it, where there is so much.
    pub(super) fn take(&mut self, size: usize) -> bool {
        let fits = size <= self.left;
        self.left -= if fits { size } else { 0 };
        self.whole &= fits;
        fits
    }

    fn may_try(&mut self) -> bool {
        let may = self.tries > 0;
        self.tries = self.tries.saturating_sub(1);
        self.whole &= may;
        may
    }
}

/// Whether something begins as a stream that is unpacked.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, 8, ..]) || is_zlib(bytes) || is_zip(bytes)
}

fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

/// A file in an archive, not merely stored.
fn is_zip(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'K', 3, 4, _, _, _, _, 8, 0, ..])
}

/// Beginnings of what is not unpacked: zstd, xz, bzip2, LZ4 and 7z.
const FOREIGN: [&[u8]; 5] = [
    &[0x28, 0xb5, 0x2f, 0xfd],
    &[0xfd, b'7', b'z', b'X', b'Z', 0],
    b"1AY&SY",
    &[0x04, 0x22, 0x4d, 0x18],
    &[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c],
];

fn is_foreign(bytes: &[u8]) -> bool {
    FOREIGN.iter().any(|start| bytes.starts_with(start))
}

/// What a stream gave.
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    /// It was one. Something comes of anything that is taken for one: what is not sure is worth
    /// a look, and no further unpacking.
    pub(super) sure: bool,
}

/// What was packed into it: streams anywhere in it (a form's part, an archive behind a header),
/// as far as they can be read; and what all of it is, should it be raw deflate or brotli, which
/// do not say that they are.
pub(super) fn unpacked(bytes: &[u8], budget: &mut Budget) -> Vec<Found> {
    let mut found = streams(bytes, budget);
    if !is_packed(bytes) && is_odd(bytes) && budget.may_try() {
        let raw = inflated(DeflateDecoder::new(bytes), budget);
        let brotli = inflated(brotli_decompressor::Decompressor::new(bytes, 4096), budget);
        // That one runs off is no sign that it was one.
        for (out, end) in [raw, brotli] {
            let sure = end == End::Whole && out.len() >= LEAST && (is_text(&out) || is_packed(&out));
            found.push(Found { bytes: out, sure });
        }
    }
    found
}

/// What those streams hold that say what they are.
pub(super) fn streams(bytes: &[u8], budget: &mut Budget) -> Vec<Found> {
    let mut found = Vec::new();
    let mut streams = 0;
    for (at, first) in bytes.iter().enumerate() {
        // A quick no.
        if !matches!(first, 0x1f | 0x78 | b'P' | 0x28 | 0xfd | b'1' | 0x04 | b'7') {
            continue;
        }
        let rest = &bytes[at..];
        budget.whole &= !is_foreign(rest);
        if !is_packed(rest) {
            continue;
        }
        if streams == STREAMS || !budget.may_try() {
            budget.whole = false;
            break;
        }
        let (out, end) = match rest {
            [0x1f, ..] => inflated(MultiGzDecoder::new(rest), budget),
            [0x78, ..] => inflated(ZlibDecoder::new(rest), budget),
            _ => inflated(DeflateDecoder::new(rest.get(zip_head(rest)..).unwrap_or_default()), budget),
        };
        // Two bytes alone may stand anywhere, and mean nothing.
        let is_one = at == 0 || !is_zlib(rest) || end == End::Whole;
        budget.ran_off |= end == End::RanOff && (is_one || out.len() >= HEAD);
        streams += usize::from(is_one);
        found.push(Found { bytes: out, sure: is_one });
    }
    found
}

/// Whether it cannot be a text from its beginning.
fn is_odd(bytes: &[u8]) -> bool {
    let letter = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    bytes.iter().take(HEAD).filter(|byte| !letter(byte)).count() >= ODD
}

/// Bytes of a zip entry's head.
fn zip_head(bytes: &[u8]) -> usize {
    let number =
        |at: usize| bytes.get(at..at + 2).map_or(0, |two| usize::from(two[0]) | usize::from(two[1]) << 8);
    30 + number(26) + number(28)
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
    RanOff,
}

/// What a stream gives until it ends, is broken, or is too much.
fn inflated(stream: impl Read, budget: &mut Budget) -> (Vec<u8>, End) {
    let mut out = Vec::new();
    // What is broken holds something up to there.
    let end = match stream.take(budget.left as u64 + 1).read_to_end(&mut out) {
        Ok(_) => End::Whole,
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => End::RanOff,
        Err(_) => End::Broken,
    };
    if !budget.take(out.len()) {
        out.truncate(budget.left);
        budget.left = 0;
    }
    (out, end)
}
