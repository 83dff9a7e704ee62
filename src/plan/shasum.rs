//! The one thing that a plan leaves open until the baseline has run: the sha1 of tarballs
//! that the lockfile knows by something stronger.

use super::{RunSpec, forged};
use crate::project::Project;
use crate::project::integrity::{Algorithm, Integrity};
use std::collections::BTreeMap;

/// Fills in what a run leaves open. `delivered` has the sha1 (hexadecimal) of each tarball
/// that the baseline was given, by its sha512 (`sha512-…`). The error is the path of an entry
/// whose bytes are not among them.
pub fn with_shasums(
    run: &RunSpec,
    project: &Project,
    delivered: &BTreeMap<String, String>,
) -> Result<RunSpec, String> {
    let mut run = run.clone();
    let mut weak = BTreeMap::new();
    for (path, integrity) in &run.sha1_of {
        if integrity.strongest() == Algorithm::Sha1 {
            continue;
        }
        let known = delivered.iter().find_map(|(sha512, sha1)| {
            let same = integrity.agrees(&Integrity::parse(sha512)?) == Some(true);
            Integrity::from_shasum(sha1).filter(|_| same)
        });
        weak.insert(path.clone(), known.ok_or_else(|| path.clone())?);
    }
    let source = &project.lockfile.source;
    let changed = run.changes.iter_mut().find(|(name, _)| name == source.name());
    let text = match &changed {
        Some((_, Some(bytes))) => String::from_utf8_lossy(bytes).into_owned(),
        // Without a lockfile nothing is pinned by anything.
        Some((_, None)) => return Ok(run),
        None => source.text().to_owned(),
    };
    // It was read as JSON before.
    let text = forged::pin(&text, &weak).map_err(|error| error.to_string())?.into_bytes();
    match changed {
        Some((_, bytes)) => *bytes = Some(text),
        None => run.changes.push((source.name().to_owned(), Some(text))),
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;
    use crate::plan::sample::sound;

    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

    #[test]
    fn a_sha1_comes_from_what_the_baseline_was_given_and_from_nowhere_else() {
        let project = sound();
        let open = run(&project, "lockfile-sha1-only");
        assert!(!open.sha1_of.is_empty());
        assert_eq!(
            with_shasums(&open, &project, &BTreeMap::new()).unwrap_err(),
            *open.sha1_of.keys().next().unwrap()
        );
        let delivered =
            open.sha1_of.values().map(|integrity| (integrity.to_string(), SHA1.to_owned())).collect();
        let filled = with_shasums(&open, &project, &delivered).unwrap();
        let (_, bytes) =
            filled.changes.iter().find(|(name, _)| name == project.lockfile.source.name()).unwrap();
        let text = String::from_utf8(bytes.clone().unwrap()).unwrap();
        let lock: serde_json::Value = serde_json::from_str(&text).unwrap();
        for path in open.sha1_of.keys() {
            assert_eq!(lock["packages"][path]["integrity"], "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
        }
        let others = |text: &str| text.matches("sha512-").count();
        assert_eq!(others(&text), others(project.lockfile.source.text()) - open.sha1_of.len());
    }
}
