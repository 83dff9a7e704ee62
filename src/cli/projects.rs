//! Which projects `test` is to test: folders, globs of folders, and lists of both in a file.
//!
//! What lies below a glob is hostile: it is walked within bounds and no link is followed.
//! Only names are looked at here; what is in a project is read elsewhere.

use super::arguments::TestArguments;
use crate::text::{Complaint, Place, Source};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The most projects that are tested at once.
const MOST: usize = 10_000;
/// Bytes of a list.
const LIST: u64 = 4 << 20;
/// Files and folders that are looked at for one glob.
const LOOKED_AT: usize = 500_000;
/// How deep `**` goes.
const DEPTH: usize = 16;

/// A project's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) folder: PathBuf,
    /// As the user named it: unique among all.
    pub(super) shown: String,
}

/// All that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// At least one; no folder twice.
    pub(super) projects: Vec<Named>,
    /// One report is wanted of all of them, however many there are today.
    pub(super) together: bool,
}

/// The projects, in the order in which they were named.
///
/// # Errors
/// A list that cannot be read, or a glob that matches no project.
pub(super) fn chosen(arguments: &TestArguments) -> Result<Chosen, Complaint> {
    let mut found = Found::default();
    let mut together = arguments.projects.is_some() || arguments.carrying.carry_over.is_some();
    for given in &arguments.project {
        together |= found.take(given, Path::new(""), None)?;
    }
    if let Some(list) = &arguments.projects {
        for (line, place) in lines(list)? {
            let folder = list.parent().unwrap_or(Path::new(""));
            found.take(Path::new(&line), folder, Some(&place))?;
        }
    }
    if found.projects.is_empty() {
        found.take(Path::new("."), Path::new(""), None)?;
    }
    together |= found.projects.len() > 1;
    Ok(Chosen { projects: found.projects, together })
}

/// The lines of a list that name something, each with its place.
fn lines(list: &Path) -> Result<Vec<(String, Place)>, Complaint> {
    let name = list.display().to_string();
    let unreadable = |error: &dyn std::fmt::Display| {
        Complaint::about(format!("the list of projects `{name}` cannot be read: {error}"))
            .help("name a text file with a folder or a glob on each line")
    };
    // A pipe would never end and a device never stop.
    if !list.metadata().map_err(|error| unreadable(&error))?.is_file() {
        return Err(unreadable(&"it is not a file"));
    }
    let mut text = String::new();
    let file = File::open(list).map_err(|error| unreadable(&error))?;
    file.take(LIST + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    if text.len() as u64 > LIST {
        return Err(unreadable(&format!("it is larger than {} MiB", LIST >> 20)));
    }
    let source = Source::new(name.as_str(), text);
    let mut found = Vec::new();
    let mut at = 0;
    for line in source.text().split_inclusive('\n') {
        let said = line.trim();
        let from = at + line.find(said).unwrap_or(0);
        at += line.len();
        if !said.is_empty() && !said.starts_with('#') {
            found.push((said.to_owned(), source.place(from..from + said.len())));
        }
    }
    if found.is_empty() {
        return Err(Complaint::about(format!("the list of projects `{name}` names none"))
            .help("write a folder or a glob on each line, as in `packages/*`"));
    }
    Ok(found)
}

#[derive(Default)]
struct Found {
    projects: Vec<Named>,
    known: BTreeSet<PathBuf>,
}

impl Found {
    /// Takes what is named, relative to `below`, and says whether it was a glob.
    fn take(&mut self, given: &Path, below: &Path, place: Option<&Place>) -> Result<bool, Complaint> {
        let path = joined(below, given);
        let is_glob = given.to_string_lossy().contains(['*', '?', '[', '{']) && !path.is_dir();
        if !is_glob {
            self.add(path, place)?;
            return Ok(false);
        }
        let matched = matching(&path).map_err(|complaint| at(complaint, place))?;
        for folder in matched {
            self.add(folder, place)?;
        }
        Ok(true)
    }

    fn add(&mut self, folder: PathBuf, place: Option<&Place>) -> Result<(), Complaint> {
        // One that is not there is complained about where it is read; in a list with its line.
        let real = match folder.canonicalize() {
            Ok(real) => real,
            Err(_) if place.is_none() => folder.clone(),
            Err(error) => {
                let said = format!("`{}` cannot be opened: {error}", folder.display());
                let complaint =
                    Complaint::about(said).help("name the folder that has the project's package.json");
                return Err(at(complaint, place));
            }
        };
        if self.known.insert(real) {
            let shown = folder.display().to_string();
            self.projects.push(Named { folder, shown });
        }
        if self.projects.len() > MOST {
            return Err(at(Complaint::about(format!("these are more than {MOST} projects")), place)
                .help("test them in parts"));
        }
        Ok(())
    }
}

fn at(complaint: Complaint, place: Option<&Place>) -> Complaint {
    Complaint { place: place.cloned(), ..complaint }
}

/// A path without the parts that lead nowhere; `.` where nothing is left.
fn joined(below: &Path, given: &Path) -> PathBuf {
    let whole = below.join(given);
    let parts: PathBuf = whole.components().filter(|part| !matches!(part, Component::CurDir)).collect();
    if parts.as_os_str().is_empty() { PathBuf::from(".") } else { parts }
}

/// The folders that a glob matches and that are projects, ordered.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, Complaint> {
    let text = pattern.to_string_lossy();
    let matcher: GlobMatcher = GlobBuilder::new(&text)
        .literal_separator(true)
        .build()
        .map_err(|error| {
            Complaint::about(format!("`{text}` is no folder and not a glob: {}", error.kind()))
                .help("write it as `packages/*` or `**`, in quotes so that the shell leaves it alone")
        })?
        .compile_matcher();
    let is_plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
    let start: PathBuf = pattern.components().take_while(is_plain).collect();
    let beyond: Vec<Component<'_>> = pattern.components().skip_while(is_plain).collect();
    let depth = if text.contains("**") || text.contains('{') { DEPTH } else { beyond.len() };
    let hidden = beyond.iter().any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
    let from = if start.as_os_str().is_empty() { Path::new(".") } else { &start };
    let walk = walkdir::WalkDir::new(from).max_depth(depth).follow_links(false).sort_by_file_name();
    let walk = walk.into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let skipped = matches!(&*name, "node_modules" | ".git") || (!hidden && name.starts_with('.'));
        entry.depth() == 0 || (entry.file_type().is_dir() && !skipped)
    });
    let (mut found, mut empty) = (Vec::new(), 0);
    for (at, entry) in walk.enumerate() {
        if at > LOOKED_AT {
            return Err(Complaint::about(format!(
                "below `{}` are more than {LOOKED_AT} folders",
                from.display()
            ))
            .help("write a glob that begins deeper"));
        }
        // A folder that cannot be read has nothing that could be tested.
        let Ok(entry) = entry else { continue };
        let path = entry.path().strip_prefix(".").unwrap_or(entry.path()).to_path_buf();
        if !matcher.is_match(&path) {
            continue;
        }
        if is_project(&path) { found.push(path) } else { empty += 1 }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let complaint = Complaint::about(format!("`{text}` matches no project"));
    Err(match empty {
        0 => complaint
            .help("no folder has such a name; `node_modules` and hidden folders are never looked into"),
        1 => complaint.help("one folder matches, but a project has a package.json and a lockfile"),
        more => {
            complaint.help(format!("{more} folders match, but a project has a package.json and a lockfile"))
        }
    })
}

/// Whether a folder has what an install needs; that it can be read is another matter.
fn is_project(folder: &Path) -> bool {
    let there = |name: &str| folder.join(name).symlink_metadata().is_ok_and(|meta| meta.is_file());
    there("package.json") && (there("package-lock.json") || there("npm-shrinkwrap.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A tree of folders, of which some are projects.
    fn tree() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        for project in ["apps/web", "apps/shop", "libs/deep/er", "apps/web/node_modules/x", ".hidden/app"] {
            let folder = top.path().join(project);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("package.json"), "{}").unwrap();
            std::fs::write(folder.join("package-lock.json"), "{}").unwrap();
        }
        std::fs::create_dir_all(top.path().join("apps/docs")).unwrap();
        std::fs::write(top.path().join("apps/docs/package.json"), "{}").unwrap();
        symlink(top.path().join("libs/deep"), top.path().join("apps/link")).unwrap();
        symlink(top.path(), top.path().join("libs/round")).unwrap();
        top
    }

    fn below(top: &Path, patterns: &[&str]) -> Result<Vec<String>, Complaint> {
        let project = patterns.iter().map(|pattern| top.join(pattern)).collect();
        let arguments = TestArguments { project, ..TestArguments::default() };
        let shown = |named: Named| named.folder.strip_prefix(top).unwrap().display().to_string();
        Ok(chosen(&arguments)?.projects.into_iter().map(shown).collect())
    }

    #[test]
    fn a_glob_finds_projects_and_follows_no_link() {
        let top = tree();
        let found = |pattern: &str| below(top.path(), &[pattern]).unwrap();
        assert_eq!(found("apps/*"), ["apps/shop", "apps/web"]);
        assert_eq!(found("**"), ["apps/shop", "apps/web", "libs/deep/er"]);
        assert_eq!(found("{apps,libs}/**"), ["apps/shop", "apps/web", "libs/deep/er"]);
        assert_eq!(found("*/we[b]"), ["apps/web"]);
        assert_eq!(found(".hidden/*"), [".hidden/app"]);
    }

    #[test]
    fn the_same_folder_is_one_project_however_it_is_named() {
        let top = tree();
        let named = ["apps/web", "apps/../apps/web", "apps/web/", "apps/w*"];
        assert_eq!(below(top.path(), &named).unwrap(), ["apps/web"]);
    }

    #[test]
    fn a_pattern_without_a_project_is_named() {
        let top = tree();
        for (pattern, help) in [
            ("none/*", "no folder has such a name"),
            ("apps/docs*", "one folder matches, but a project has a package.json and a lockfile"),
            ("apps/lin?", "no folder has such a name"),
            ("**/node_modules/*", "never looked into"),
            ("apps/[", "in quotes"),
        ] {
            let complaint = below(top.path(), &[pattern]).unwrap_err();
            assert!(complaint.message.contains(pattern), "{pattern}: {complaint}");
            assert!(complaint.help.unwrap().contains(help), "{pattern}");
        }
    }

    #[test]
    fn a_folder_whose_name_looks_like_a_glob_is_a_folder() {
        let top = tree();
        std::fs::create_dir(top.path().join("[id]")).unwrap();
        assert_eq!(below(top.path(), &["[id]"]).unwrap(), ["[id]"]);
    }

    fn listed(top: &Path, text: &str) -> Result<Chosen, Complaint> {
        let list = top.join("list.txt");
        std::fs::write(&list, text).unwrap();
        chosen(&TestArguments { projects: Some(list), ..TestArguments::default() })
    }

    #[test]
    fn a_list_is_relative_to_itself_and_its_mistakes_have_a_line() {
        let top = tree();
        let all = listed(top.path(), "# ours\napps/web\n\n  ./apps/*  \r\n").unwrap();
        assert!(all.together);
        let folders: Vec<_> = all.projects.iter().map(|named| named.folder.clone()).collect();
        assert_eq!(folders, [top.path().join("apps/web"), top.path().join("apps/shop")]);
        for (text, part, line) in [
            ("apps/web\nnone/*\n", "`none/*`", Some(2)),
            ("# x\nnowhere", "nowhere", Some(2)),
            ("#\n", "names none", None),
        ] {
            let complaint = listed(top.path(), text).unwrap_err();
            assert!(complaint.message.contains(part) || complaint.message.contains("none"), "{complaint}");
            assert_eq!(complaint.place.map(|place| place.line), line, "{text}");
        }
        let missing = TestArguments { projects: Some(top.path().join("gone")), ..TestArguments::default() };
        assert!(chosen(&missing).unwrap_err().message.contains("gone"));
        let folder = TestArguments { projects: Some(top.path().into()), ..TestArguments::default() };
        assert!(chosen(&folder).unwrap_err().message.contains("not a file"));
    }

    #[test]
    fn one_folder_alone_has_the_report_of_one() {
        let top = tree();
        let one = TestArguments { project: vec![top.path().join("apps/web")], ..TestArguments::default() };
        assert!(!chosen(&one).unwrap().together);
        assert_eq!(chosen(&TestArguments::default()).unwrap().projects[0].shown, ".");
        let glob = TestArguments { project: vec![top.path().join("apps/w*")], ..TestArguments::default() };
        assert!(chosen(&glob).unwrap().together, "tomorrow it may match two");
    }
}
