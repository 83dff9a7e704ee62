//! Values that a connection may hold: what its requests show to whom they are for.
//!
//! Each is blotted out of the bytes as often as a request showed it, and not once more.
//! Pure: bytes in, bytes out.

use std::collections::{BTreeMap, BTreeSet};

/// Longer values are not excused: no more is searched twice.
const LONGEST: usize = 8 << 10;
/// Different values of one connection.
const MOST: usize = 64;

#[derive(Debug, Default)]
struct Excuse {
    /// How often it may still be blotted out.
    left: u64,
    /// Where it was.
    at: BTreeSet<u64>,
}

/// The values of one connection.
#[derive(Debug, Default)]
pub(super) struct Excuses(BTreeMap<Vec<u8>, Excuse>);

impl Excuses {
    /// A request showed this.
    pub(super) fn add(&mut self, value: &[u8]) {
        let known = self.0.contains_key(value) || self.0.len() < MOST;
        if known && !value.is_empty() && value.len() <= LONGEST {
            self.0.entry(value.to_vec()).or_default().left += 1;
        }
    }

    /// Blots out what may be there of bytes that begin so far on the connection.
    pub(super) fn blot(&mut self, start: u64, window: &mut [u8]) {
        let end = start + window.len() as u64;
        for (value, excuse) in &mut self.0 {
            let size = value.len();
            let mut from = 0;
            while let Some(found) = find(&window[from..], value) {
                let place = start + (from + found) as u64;
                if !excuse.at.contains(&place) {
                    if excuse.left == 0 {
                        break;
                    }
                    excuse.left -= 1;
                    excuse.at.insert(place);
                }
                from += found + size;
            }
            // Some began in the bytes before.
            for place in &excuse.at {
                let (first, last) = ((*place).max(start), (place + size as u64).min(end));
                if first < last {
                    let range = index(first - start)..index(last - start);
                    window[range].fill(b' ');
                }
            }
        }
    }

    /// Nothing before this is looked at again.
    pub(super) fn forget_before(&mut self, start: u64) {
        for excuse in self.0.values_mut() {
            let gone = start.saturating_sub(LONGEST as u64);
            excuse.at = excuse.at.split_off(&gone);
        }
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn find(bytes: &[u8], value: &[u8]) -> Option<usize> {
    let first = *value.first()?;
    let mut from = 0;
    loop {
        from += bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        if bytes[from..].starts_with(value) {
            return Some(from);
        }
        from += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_blotted_out_as_often_as_it_was_shown() {
        let mut excuses = Excuses::default();
        excuses.add(b"token");
        excuses.add(b"token");
        let mut window = b"a token, a token, a token".to_vec();
        excuses.blot(100, &mut window);
        assert_eq!(window, b"a      , a      , a token");
        // The same bytes once more, from the middle of the second on.
        let mut again = b"ken, a token".to_vec();
        excuses.blot(113, &mut again);
        assert_eq!(again, b"   , a token");
    }

    #[test]
    fn what_began_before_is_blotted_out_to_its_end() {
        let mut excuses = Excuses::default();
        excuses.add(b"Bearer token");
        excuses.blot(0, &mut b"x Bearer token".to_vec());
        let mut rest = b"rer token y".to_vec();
        excuses.blot(5, &mut rest);
        assert_eq!(rest, b"          y"[..].strip_prefix(b"").map(<[u8]>::to_vec).unwrap());
    }
}
