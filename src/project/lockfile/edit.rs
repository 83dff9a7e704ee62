//! Changed copies of a lockfile: the user's own text with pieces cut out.
//!
//! Nothing but what is asked for changes, not even white space, so that npm
//! reads the copy as it would the original.

use crate::project::json::{self, Json, Member};
use crate::text::{Complaint, Source};
use std::ops::Range;

/// What happens to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It stays.
    Keep,
    /// It loses members.
    Strip {
        /// `resolved`.
        resolved: bool,
        /// `integrity`.
        integrity: bool,
    },
    /// It becomes an entry of that version that a registry has to give.
    FromRegistry {
        /// The version, exact.
        version: String,
    },
    /// It goes (the folder of a workspace member).
    Drop,
}

/// A new text of a lockfile. `edit` is asked for every entry but the root, by
/// the path that [`super::Lockfile::entries`] gives it; version 2 holds most
/// entries twice, and both are changed.
///
/// # Errors
/// The text is no JSON.
pub fn edit(source: &Source, edit: impl Fn(&str) -> Edit) -> Result<String, Complaint> {
    let json = json::parse(source)?;
    let mut splices = Vec::new();
    if let Some(packages) = json.get("packages") {
        object(packages.members(), &mut splices, |member| {
            if member.key.is_empty() { Edit::Keep } else { edit(&member.key) }
        });
    }
    if let Some(dependencies) = json.get("dependencies") {
        nested(dependencies, "", &edit, &mut splices);
    }
    Ok(apply(source.text(), splices))
}

type Splice = (Range<usize>, String);

fn nested(dependencies: &Json, above: &str, edit: &impl Fn(&str) -> Edit, splices: &mut Vec<Splice>) {
    let path = |member: &Member| format!("{above}node_modules/{}", member.key);
    object(dependencies.members(), splices, |member| edit(&path(member)));
    for member in dependencies.members() {
        if let Some(below) = member.value.get("dependencies") {
            nested(below, &format!("{}/", path(member)), edit, splices);
        }
    }
}

fn object(members: &[Member], splices: &mut Vec<Splice>, edit: impl Fn(&Member) -> Edit) {
    let edits: Vec<Edit> = members.iter().map(edit).collect();
    cut(members, |at| edits[at] == Edit::Drop, splices);
    for (member, edit) in members.iter().zip(edits) {
        match edit {
            Edit::Keep | Edit::Drop => {}
            Edit::Strip { resolved, integrity } => {
                let inner = member.value.members();
                let gone = |at: usize| match inner[at].key.as_str() {
                    "resolved" => resolved,
                    "integrity" => integrity,
                    _ => false,
                };
                cut(inner, gone, splices);
            }
            Edit::FromRegistry { version } => {
                let text = serde_json::json!({ "version": version }).to_string();
                splices.push((member.value.span.clone(), text));
            }
        }
    }
}

/// Cuts members out together with the comma that goes with each.
fn cut(members: &[Member], gone: impl Fn(usize) -> bool, splices: &mut Vec<Splice>) {
    let kept_before = |at: usize| (0..at).any(|before| !gone(before));
    for at in (0..members.len()).filter(|at| gone(*at)) {
        let span = if kept_before(at) {
            members[at - 1].value.span.end..members[at].value.span.end
        } else if let Some(next) = members.get(at + 1) {
            members[at].key_span.start..next.key_span.start
        } else {
            members[at].key_span.start..members[at].value.span.end
        };
        splices.push((span, String::new()));
    }
}

/// Splices lie beside or inside one another; what lies inside another is moot.
fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by(|(left, _), (right, _)| (left.start, right.end).cmp(&(right.start, left.end)));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in splices {
        if span.start < at {
            continue;
        }
        out.push_str(&text[at..span.start]);
        out.push_str(&new);
        at = span.end;
    }
    out.push_str(&text[at..]);
    out
}
