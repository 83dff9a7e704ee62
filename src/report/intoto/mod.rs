//! The report as an in-toto Statement v1, ready to be signed.
//!
//! The statement is about the lockfile and the commit, by digest; what it says of them is a
//! predicate of our own, which `docs/in-toto.md` describes. Nothing is signed here, and
//! nothing is judged. Digests are hexadecimal, as in-toto wants them.

mod predicate;
#[cfg(test)]
mod tests;

use super::model::{Report, Subject};
use super::terminal::safe::Charset;
use crate::evidence::tree::hex;
use crate::text::Complaint;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The type of a statement, version 1.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// The type and version of the predicate. It leads nowhere: sealcheck has no site, and a
/// name under one that is not ours would be another's to define.
pub const PREDICATE: &str = "urn:sealcheck:test:v1";

/// Characters of one text.
const MOST: usize = 2_000;

/// The statement as pretty JSON with a final newline.
///
/// # Errors
/// The report has no digest of anything that was tested, and a statement must be about something.
pub fn render(report: &Report) -> Result<String, Complaint> {
    let subject = subject(&report.subject);
    if subject.is_empty() {
        return Err(Complaint::about("the report has no digest of a lockfile or a commit that was tested")
            .help("a statement must be about something; run the test again"));
    }
    let statement = json!({
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": PREDICATE,
        "predicate": predicate::predicate(report),
    });
    Ok(format!("{statement:#}\n"))
}

/// What was tested, each with the digest by which whoever verifies finds it. A commit that
/// the files differ from is not what was tested.
fn subject(subject: &Subject) -> Vec<Value> {
    let lockfile = subject.lockfile_sha512.as_deref().and_then(|sri| described("lockfile", sri));
    let commit = commit(subject).filter(|_| subject.dirty == Some(false));
    let commit = commit.map(|commit| json!({ "name": "commit", "digest": { "gitCommit": commit } }));
    lockfile.into_iter().chain(commit).collect()
}

/// The commit, if it is the name of one: a saved report could say anything.
fn commit(subject: &Subject) -> Option<&str> {
    subject.commit.as_deref().filter(|name| {
        let digits = name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits && matches!(name.len(), 40 | 64)
    })
}

/// A resource by its name and its digest; `None` for what is no digest.
fn described(name: &str, sri: &str) -> Option<Value> {
    let digest = STANDARD.decode(sri.strip_prefix("sha512-")?).ok().filter(|digest| digest.len() == 64)?;
    Some(json!({ "name": name, "digest": { "sha512": hex(&digest) } }))
}

/// Text of a stranger: on one line, and nothing in it steers what shows it.
fn plain(text: &str) -> String {
    Charset { unicode: true }.clipped(text, MOST)
}
