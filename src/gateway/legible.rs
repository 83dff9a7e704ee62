//! Whether a body can be read at all: text, or what text was packed into.
//!
//! What is neither may be anything, a secret that was encrypted among it. That alone is no
//! fault: it is recorded, and weighs where a script had read a secret. It must not know what
//! is looked for.

use super::written::{from_base64, from_hex, written_runs};
use std::io::Read;

/// Bytes that text may have and that are none: a marker, a lone control character.
const STRAY: usize = 8;
/// How deep packed things are looked into.
const DEPTH: u8 = 4;
/// Bytes that are looked at in all.
const MOST: usize = 32 << 20;
/// Letters that stand for as many bytes as hold a secret, or its key.
const HEX_RUN: usize = 32;
const BASE64_RUN: usize = 40;

/// Whether whoever reads all of it knows what it says.
pub(super) fn is_legible(bytes: &[u8]) -> bool {
    let mut left = MOST;
    legible(bytes, DEPTH, &mut left)
}

fn legible(bytes: &[u8], depth: u8, left: &mut usize) -> bool {
    let fits = bytes.len() <= *left;
    *left = left.saturating_sub(bytes.len());
    if !fits || depth == 0 {
        return false;
    }
    if let Some(inner) = wholly_unpacked(bytes, *left) {
        return legible(&inner, depth - 1, left);
    }
    is_text(bytes) && written_runs(bytes).filter_map(spelt).all(|inner| legible(&inner, depth - 1, left))
}

/// What a text is that has letters of an alphabet in it and hardly anything else.
fn is_text(bytes: &[u8]) -> bool {
    let odd = bytes.utf8_chunks().map(|chunk| {
        let controls = chunk.valid().chars().filter(|letter| letter.is_control() && !letter.is_whitespace());
        controls.count() + chunk.invalid().len()
    });
    odd.sum::<usize>() <= STRAY
}

/// What a run of letters stands for that no word is: it has both cases and digits, or is
/// hexadecimal.
fn spelt(run: &[u8]) -> Option<Vec<u8>> {
    if run.len() >= HEX_RUN
        && run.iter().any(u8::is_ascii_digit)
        && let Some(bytes) = from_hex(run)
    {
        return Some(bytes);
    }
    let mixed = [u8::is_ascii_digit, u8::is_ascii_lowercase, u8::is_ascii_uppercase];
    if run.len() < BASE64_RUN || !mixed.iter().all(|has| run.iter().any(has)) {
        return None;
    }
    from_base64(run)
}

/// What a gzip or zlib stream holds that is all there is, to its last byte.
fn wholly_unpacked(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let most = most as u64 + 1;
    match bytes {
        [0x1f, 0x8b, 8, ..] => {
            flate2::bufread::MultiGzDecoder::new(bytes).take(most).read_to_end(&mut out).ok()?;
        }
        [0x78, ..] => {
            let mut stream = flate2::bufread::ZlibDecoder::new(bytes);
            (&mut stream).take(most).read_to_end(&mut out).ok()?;
            if !stream.into_inner().is_empty() {
                return None;
            }
        }
        _ => return None,
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::written::BASE64;
    use super::*;
    use base64::Engine;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    /// Bytes as a cipher makes them.
    fn cipher(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn text_is_legible_and_so_is_what_text_is_packed_in() {
        let text = "{\"event\":\"postinstall\",\"name\":\"größe\",\"description\":\"anOrdinaryNameThatIsVeryLongForOne\"}";
        for body in
            [text.as_bytes().to_vec(), gzip(text.as_bytes()), gzip(&gzip(text.as_bytes())), Vec::new()]
        {
            assert!(is_legible(&body), "{body:?}");
        }
        let written = BASE64.encode(text);
        assert!(is_legible(format!("d={written}").as_bytes()));
    }

    #[test]
    fn what_a_cipher_made_is_not_however_it_is_written() {
        let secret = cipher(48);
        let packed = gzip(b"an innocent text");
        for body in [
            secret.clone(),
            BASE64.encode(&secret).into_bytes(),
            crate::evidence::tree::hex(&secret).into_bytes(),
            gzip(&secret),
            gzip(format!("{{\"d\":\"{}\"}}", BASE64.encode(&secret)).as_bytes()),
            [packed.as_slice(), &secret].concat(),
            [&secret, packed.as_slice()].concat(),
            [b"BZh91AY&SY".as_slice(), &secret].concat(),
        ] {
            assert!(!is_legible(&body), "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn a_bomb_is_not_read_to_its_end() {
        assert!(!is_legible(&gzip(&vec![b'x'; MOST + 1])));
    }
}
