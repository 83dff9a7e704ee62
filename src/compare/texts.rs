//! Two texts line by line: what went and what came, with a line around it.

use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// The longest that is searched for the shortest way from one text to the other; after it
/// a longer one is taken.
const PATIENCE: Duration = Duration::from_secs(2);

/// Characters of a line that are kept.
const LONGEST: usize = 400;

/// The lines that differ, each behind `-`, `+` or a space, at most `most` of them, and how
/// many there are beside; gaps are a line `…`.
pub fn lines(left: &str, right: &str, most: usize) -> (Vec<String>, usize) {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(left, right);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(1).iter().enumerate() {
        if at > 0 {
            lines.push("…".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            // A lockfile can be one line of megabytes.
            let line: String = change.value().trim_end_matches(['\n', '\r']).chars().take(LONGEST).collect();
            lines.push(format!("{sign} {line}"));
        }
    }
    let more = lines.len().saturating_sub(most);
    lines.truncate(most);
    (lines, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_a_line_around_it() {
        let left = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let right = "a\nB\nc\nd\ne\nf\ng\nH\n";
        let (all, more) = lines(left, right, 99);
        assert_eq!(all, ["  a", "- b", "+ B", "  c", "…", "  g", "- h", "+ H"]);
        assert_eq!((more, lines(left, right, 3).1, lines(left, left, 9)), (0, 5, (Vec::new(), 0)));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(left in "[ab\n\r]{0,40}", right in "[ab\n\r]{0,40}") {
            let _ = lines(&left, &right, 5);
        }
    }
}
