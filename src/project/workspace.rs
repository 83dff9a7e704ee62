//! Which folder npm takes for the root of a project.
//!
//! npm walks up from where it is started: a member of a workspace is installed
//! from the workspace's root.

use super::file::{SMALL_LIMIT, read_text};
use super::manifest::Manifest;
use globset::GlobBuilder;
use std::path::{Path, PathBuf};

/// The root of the workspace that `folder` (canonical) is a member of.
pub(crate) fn root_of(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().skip(1).find(|above| has_member(above, folder)).map(Path::to_path_buf)
}

/// Whether `above` has a package.json whose `workspaces` name `folder`. One
/// that cannot be read is passed over, as npm does: it may be a stranger's.
fn has_member(above: &Path, folder: &Path) -> bool {
    let Ok(Some(source)) = read_text(&above.join("package.json"), "package.json", SMALL_LIMIT) else {
        return false;
    };
    let Ok(manifest) = Manifest::parse(source) else { return false };
    let Some(relative) = folder.strip_prefix(above).ok().and_then(Path::to_str) else { return false };
    is_member(&manifest.workspaces, relative)
}

/// npm's globs: the last pattern that matches decides, `!` excludes.
pub(crate) fn is_member(patterns: &[String], relative: &str) -> bool {
    let mut member = false;
    for pattern in patterns {
        let (wanted, pattern) = match pattern.strip_prefix('!') {
            Some(rest) => (false, rest),
            None => (true, pattern.as_str()),
        };
        let pattern = pattern.trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        if glob.is_ok_and(|glob| glob.compile_matcher().is_match(relative)) {
            member = wanted;
        }
    }
    member
}

/// The nearest folder above that has a package.json, for advice.
pub(crate) fn nearest_manifest(folder: &Path) -> Option<&Path> {
    folder.ancestors().skip(1).find(|above| above.join("package.json").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_of_the_globs() {
        let patterns = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        for (list, relative, member) in [
            (&["packages/*"][..], "packages/a", true),
            (&["packages/*"], "packages/a/b", false),
            (&["packages/**"], "packages/a/b", true),
            (&["./packages/a/"], "packages/a", true),
            (&["packages/*", "!packages/a"], "packages/a", false),
            (&["[bad"], "packages/a", false),
            (&[], "a", false),
        ] {
            assert_eq!(is_member(&patterns(list), relative), member, "{list:?} {relative}");
        }
    }

    #[test]
    fn a_member_is_installed_from_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("packages/a")).unwrap();
        std::fs::create_dir_all(top.join("other")).unwrap();
        std::fs::write(top.join("package.json"), r#"{"workspaces": ["packages/*"]}"#).unwrap();
        assert_eq!(root_of(&top.join("packages/a")), Some(top.clone()));
        assert_eq!(root_of(&top.join("other")), None);
        assert_eq!(nearest_manifest(&top.join("other")), Some(top.as_path()));
    }
}
