//! What was sent, out of what it was packed into: percent-encoding, broken lines,
//! gzip, zlib, base64, base32 and hexadecimal. All of it is bounded, and whether
//! the bounds were met is told. It must not know what is looked for.

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use std::io::Read;

/// Bytes that unpacking may give for one request.
pub(super) const BUDGET: usize = 32 << 20;
/// Beginnings of gzip streams in one text that are tried.
pub(super) const STREAMS: usize = 8;
/// The shortest run of base64 or hexadecimal that is unpacked.
pub(super) const MIN_RUN: usize = 24;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
pub(super) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What unpacking may still give.
pub(super) struct Budget {
    left: usize,
    /// Nothing had to be left out.
    pub(super) whole: bool,
    /// Something packed had not come to its end.
    pub(super) ran_off: bool,
}

impl Budget {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { left: BUDGET, whole: true, ran_off: false }
    }

    /// What a part of a connection may give.
    pub(super) fn of(size: usize) -> Self {
        Self { left: size.saturating_mul(8).clamp(4 << 20, BUDGET), ..Self::new() }
    }

    /// Takes a part of it, where there is so much.
    fn take(&mut self, size: usize) -> bool {
        let fits = size <= self.left;
        self.left -= if fits { size } else { 0 };
        self.whole &= fits;
        fits
    }
}

fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high << 4 | low).unwrap_or(b'?'));
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// A text without what a form puts into it: percent-encoding, and the ends of the
/// lines into which `base64` and `xxd` break theirs.
pub(super) fn unwritten(bytes: &[u8], budget: &mut Budget) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    if bytes.contains(&b'%') {
        found.push(percent_decode(bytes));
    }
    let mut joined = Vec::with_capacity(bytes.len().min(budget.left));
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\n' | b'\r', _) => after,
            (b'\\', [b'n' | b'r', after @ ..]) => after,
            _ => {
                joined.push(*first);
                after
            }
        };
    }
    found.push(joined);
    found.retain(|text| text.len() < bytes.len() && budget.take(text.len()));
    found
}

pub(super) fn is_packed(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, 8, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

/// What gzip streams anywhere in it hold (a form's part, an archive after a
/// header), or a zlib stream that it is, as far as they can be read.
pub(super) fn unpacked(bytes: &[u8], budget: &mut Budget) -> Vec<Vec<u8>> {
    let starts = bytes.windows(3).enumerate().filter(|(_, start)| *start == [0x1f, 0x8b, 8]);
    budget.whole &= starts.clone().nth(STREAMS).is_none();
    let mut streams: Vec<Box<dyn Read + '_>> = starts
        .take(STREAMS)
        .map(|(at, _)| Box::new(flate2::read::MultiGzDecoder::new(&bytes[at..])) as Box<dyn Read>)
        .collect();
    if streams.is_empty() && is_packed(bytes) {
        streams.push(Box::new(flate2::read::ZlibDecoder::new(bytes)));
    }
    let mut found = Vec::new();
    for stream in streams {
        let mut out = Vec::new();
        // What is broken holds something up to there.
        let read = stream.take(budget.left as u64 + 1).read_to_end(&mut out);
        budget.ran_off |= read.is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof);
        if !budget.take(out.len()) {
            out.truncate(budget.left);
            budget.left = 0;
        }
        if !out.is_empty() {
            found.push(out);
        }
    }
    found
}

pub(super) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

pub(super) fn from_base32(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for byte in text {
        let value = BASE32.iter().position(|letter| letter.eq_ignore_ascii_case(byte))?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(out)
}

/// Runs of letters that may be base64 or hexadecimal.
pub(super) fn written_runs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    bytes.split(move |byte| !letter(byte)).filter(|run| run.len() >= MIN_RUN)
}

/// What the runs of base64 and of hexadecimal in a text stand for.
pub(super) fn runs(bytes: &[u8], budget: &mut Budget) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for run in written_runs(bytes) {
        let size = run.len();
        if !budget.take(size) {
            break;
        }
        found.extend(from_hex(run));
        let standard: Vec<u8> = run
            .iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        // A lone letter at the end stands for no whole byte.
        let whole = if size % 4 == 1 { size - 1 } else { size };
        if let Ok(decoded) = BASE64.decode(&standard[..whole]) {
            found.push(decoded);
        }
    }
    found
}
