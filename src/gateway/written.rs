//! What was sent, out of the letters that it was written in: percent-encoding and the escapes of
//! JSON, HTML and mail, lists of numbers, base64, base32 and hexadecimal, broken into lines or by
//! anything else, UTF-16, uuencode. It must not know what is looked for.

use super::unpack::{Budget, is_packed};
use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};

/// The shortest run of base64 or hexadecimal that is unpacked.
pub(super) const MIN_RUN: usize = 24;
/// The fewest numbers on end that may be letters.
const MIN_NUMBERS: usize = 8;
/// The shortest text that is looked for in what is none.
const MIN_TEXT: usize = 16;
/// Bytes between two numbers, but for blanks.
const MAX_BETWEEN: usize = 4;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
pub(super) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A text without what a form puts into it: escapes, and the ends of the lines into which
/// `base64` and `xxd` break theirs; and what lines of uuencode stand for.
pub(super) fn unwritten(bytes: &[u8], budget: &mut Budget) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let escapes: [(u8, Reading); 4] = [(b'%', percent), (b'=', quoted), (b'&', entity), (b'\\', backslash)];
    for (mark, escape) in escapes {
        found.extend(unescaped(bytes, mark, escape));
    }
    let breaks = |text: &[u8]| match text {
        [b'\n' | b'\r', ..] => Some((1, None)),
        [b'\\', b'n' | b'r', ..] => Some((2, None)),
        _ => None,
    };
    found.push(replaced(bytes, breaks));
    // UTF-16, and what else has a letter's other bytes empty.
    if bytes.iter().filter(|byte| **byte == 0).count() >= MIN_NUMBERS {
        found.push(bytes.iter().copied().filter(|byte| *byte != 0).collect());
    }
    found.extend(uudecoded(bytes));
    found.retain(|text| !text.is_empty() && text.len() < bytes.len() && budget.take(text.len()));
    found
}

/// The letters alone of a text, whatever stands between them: with the signs of base64, and
/// without.
pub(super) fn squeezed(bytes: &[u8]) -> [Vec<u8>; 2] {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let signs: Vec<u8> = bytes.iter().copied().filter(letter).collect();
    let plain = signs.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    [signs, plain]
}

/// What letters stand for as base64, wherever it begins in them.
pub(super) fn from_squeezed(letters: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..4).filter_map(|skip| from_base64(letters.get(skip..)?))
}

/// Whether it may be read as letters, also where each has empty bytes beside it.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let odd = bytes.utf8_chunks().map(|chunk| {
        let letters = chunk.valid().chars();
        let controls =
            letters.filter(|letter| letter.is_control() && !matches!(letter, '\t' | '\n' | '\r' | '\0'));
        controls.count() + chunk.invalid().len()
    });
    odd.sum::<usize>() <= bytes.len() / 8
}

/// The texts in something that is none: a form with a file in it.
pub(super) fn texts(bytes: &[u8]) -> Vec<u8> {
    let letter = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | 0);
    let texts = bytes.split(|byte| !letter(byte)).filter(|text| text.len() >= MIN_TEXT);
    texts.flat_map(|text| [text, b"\n"]).flatten().copied().collect()
}

/// How long something written is, and the letter it stands for.
type Escape = (usize, Option<char>);

/// Reads one where it begins.
type Reading = fn(&[u8]) -> Option<Escape>;

fn unescaped(bytes: &[u8], mark: u8, escape: Reading) -> Option<Vec<u8>> {
    bytes.contains(&mark).then(|| replaced(bytes, |text| (text[0] == mark).then(|| escape(text)).flatten()))
}

fn replaced(bytes: &[u8], escape: impl Fn(&[u8]) -> Option<Escape>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = match escape(rest) {
            Some((length, letter)) => {
                letter.into_iter().for_each(|letter| push(&mut out, u32::from(letter)));
                rest.get(length..).unwrap_or_default()
            }
            None => {
                out.push(*first);
                after
            }
        };
    }
    out
}

/// A byte as itself, and a letter beyond as UTF-8 has it.
fn push(out: &mut Vec<u8>, code: u32) {
    match (u8::try_from(code), char::from_u32(code)) {
        (Ok(byte), _) => out.push(byte),
        (Err(_), Some(letter)) => out.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
        (Err(_), None) => {}
    }
}

/// The number that so many digits are.
fn number(text: &[u8], digits: usize, radix: u32) -> Option<char> {
    let digits = text.get(..digits).filter(|digits| !digits.is_empty())?;
    let value = digits.iter().try_fold(0_u32, |sum, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        sum.checked_mul(radix)?.checked_add(digit)
    });
    char::from_u32(value?)
}

fn percent(text: &[u8]) -> Option<Escape> {
    match text {
        [_, b'u', code @ ..] => Some((6, Some(number(code, 4, 16)?))),
        _ => Some((3, Some(number(&text[1..], 2, 16)?))),
    }
}

/// As in mail: `=41`, and a line that goes on.
fn quoted(text: &[u8]) -> Option<Escape> {
    match text {
        [_, b'\r', b'\n', ..] => Some((3, None)),
        [_, b'\n', ..] => Some((2, None)),
        _ => Some((3, Some(number(&text[1..], 2, 16)?))),
    }
}

/// As in HTML: `&#65;` and `&#x41;`.
fn entity(text: &[u8]) -> Option<Escape> {
    let (skip, radix) = match text {
        [_, b'#', b'x' | b'X', ..] => (3, 16),
        [_, b'#', ..] => (2, 10),
        _ => return None,
    };
    let digits = text[skip..].iter().take(8).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let end = skip + digits;
    let closed = usize::from(text.get(end) == Some(&b';'));
    Some((end + closed, Some(number(&text[skip..], digits, radix)?)))
}

/// As in JSON, JavaScript and C: `\u0041`, `\u{41}`, `\x41`, `\101`.
fn backslash(text: &[u8]) -> Option<Escape> {
    match text {
        [_, b'u', b'{', code @ ..] => {
            let digits = code.iter().take(8).take_while(|byte| byte.is_ascii_hexdigit()).count();
            Some((digits + 4, Some(number(code, digits, 16)?)))
        }
        [_, b'u', code @ ..] => Some((6, Some(number(code, 4, 16)?))),
        [_, b'x', code @ ..] => Some((4, Some(number(code, 2, 16)?))),
        [_, b'/' | b'\\' | b'"', ..] => Some((2, Some(char::from(text[1])))),
        [_, code @ ..] => Some((4, Some(number(code, 3, 8)?))),
        [] => None,
    }
}

/// What lists of numbers stand for, letter by letter: a Buffer in JSON, a dump.
pub(super) fn numbers(bytes: &[u8], budget: &mut Budget) -> Vec<Vec<u8>> {
    // Digits of the radix, and how many make one letter.
    let forms = [(10, 1..=3), (16, 1..=2), (8, 3..=3), (2, 7..=8)];
    let mut found = Vec::new();
    for (radix, lengths) in forms {
        let listed = listed(bytes, radix, &lengths);
        if !listed.is_empty() && budget.take(listed.len()) {
            found.push(listed);
        }
    }
    found
}

fn listed(bytes: &[u8], radix: u32, lengths: &std::ops::RangeInclusive<usize>) -> Vec<u8> {
    let (mut out, mut held) = (Vec::new(), Vec::new());
    let mut between = 0;
    let mut end = |held: &mut Vec<u8>| {
        if held.len() >= MIN_NUMBERS {
            out.append(held);
            out.push(b'\n');
        }
        held.clear();
    };
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            between += usize::from(!bytes[at].is_ascii_whitespace());
            at += 1;
            continue;
        }
        if between > MAX_BETWEEN {
            end(&mut held);
        }
        between = 0;
        let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let mut word = &bytes[at..at + length];
        if radix == 16 {
            word = word.strip_prefix(b"0x").or_else(|| word.strip_prefix(b"x")).unwrap_or(word);
        }
        at += length;
        let value = Some(word).filter(|word| lengths.contains(&word.len()));
        match value
            .and_then(|word| number(word, word.len(), radix))
            .and_then(|it| u8::try_from(u32::from(it)).ok())
        {
            Some(byte) => held.push(byte),
            None => end(&mut held),
        }
    }
    end(&mut held);
    out
}

/// What lines of uuencode stand for.
fn uudecoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((first @ 33..=96, letters)) = line.split_first() else { continue };
        let size = usize::from((first - 32) & 63);
        let wanted = size.div_ceil(3) * 4;
        let fits = letters.len() == wanted && letters.iter().all(|letter| (32..=96).contains(letter));
        if size == 0 || !fits {
            continue;
        }
        let start = out.len();
        for four in letters.chunks_exact(4) {
            let bits = four.iter().fold(0_u32, |sum, letter| sum << 6 | u32::from((letter - 32) & 63));
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        out.truncate(start + size);
    }
    (!out.is_empty()).then_some(out)
}

pub(super) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

pub(super) fn from_base32(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(out)
}

/// What base64 of either alphabet stands for.
pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let standard: Vec<u8> = text
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    // A lone letter at the end stands for no whole byte.
    let whole = if text.len() % 4 == 1 { text.len() - 1 } else { text.len() };
    BASE64.decode(&standard[..whole]).ok()
}

/// Runs of letters that may be base64 or hexadecimal.
pub(super) fn written_runs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    bytes.split(move |byte| !letter(byte)).filter(|run| run.len() >= MIN_RUN)
}

/// Whether a run stands for what is a text or packed itself.
pub(super) fn holds_writing(bytes: &[u8]) -> bool {
    let meant = |text: Vec<u8>| is_packed(&text) || is_text(&text) && !text.contains(&0);
    written_runs(bytes).any(|run| [from_hex(run), from_base64(run)].into_iter().flatten().any(meant))
}

/// What the runs of base64, base32 and hexadecimal in a text stand for, read from either end.
pub(super) fn runs(bytes: &[u8], budget: &mut Budget) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for run in written_runs(bytes) {
        let reversed: Vec<u8> = run.iter().rev().copied().collect();
        for run in [run, &reversed] {
            if !budget.take(run.len()) {
                return found;
            }
            found.extend(from_hex(run));
            found.extend(from_base32(run));
            found.extend(from_base64(run));
        }
    }
    found
}
