//! What `inspect` and `plan` say of packages of which nothing says whether they are private:
//! a line for each reason. It must not decide anything.

use crate::project::Project;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Names that a line shows before it counts the rest.
const SHOWN: usize = 5;

/// The lines, indented; empty where all is decided.
pub(super) fn lines(project: &Project) -> String {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, classified) in project.undecided() {
        reasons.entry(classified.because.clone()).or_default().push(name.to_string());
    }
    let mut out = String::new();
    for (because, names) in reasons {
        let _ = match names.as_slice() {
            [name] => writeln!(out, "  {name} is undecided: {because}"),
            many => {
                let shown = many.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = match many.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                writeln!(out, "  {} packages are undecided: {because} ({shown}{more})", many.len())
            }
        };
    }
    out
}
