//! What is not as it was accepted, in words: what was before and what is now.

use super::ROOT;
use super::difference::{Change, PackageChange};

/// Names and lines that are written out.
const SHOWN: usize = 3;

impl PackageChange {
    /// "plain is not as accepted: version 2.0.0 → 2.0.1".
    pub fn words(&self) -> String {
        let whose = if self.name == ROOT { "the project" } else { self.name.as_str() };
        format!("{whose} is not as accepted: {}", self.told())
    }

    fn told(&self) -> String {
        let told: Vec<String> = self.changes.iter().map(one_change).collect();
        told.join("; ")
    }
}

/// Packages of which only the version is another, as the lockfile says, in one sentence;
/// `None` of none.
pub fn pinned_words(changes: &[PackageChange]) -> Option<String> {
    let told: Vec<String> =
        changes.iter().map(|change| format!("{} {}", change.name, change.told())).collect();
    let count = match changes.len() {
        0 => return None,
        1 => "1 package is".to_owned(),
        many => format!("{many} packages are"),
    };
    Some(format!("{count} not as accepted, and the lockfile pins each: {}", few(&told)))
}

fn one_change(change: &Change) -> String {
    let side = |lines: &[String]| if lines.is_empty() { "none".to_owned() } else { few(lines) };
    format!("{} {} → {}", change.topic.words(), side(&change.before), side(&change.after))
}

/// "a, b, c and 4 more".
pub fn few(all: &[String]) -> String {
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
