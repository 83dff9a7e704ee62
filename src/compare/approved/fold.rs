//! Many lines of one kind told as few: a reviewer reads a folder or a compiler, and not
//! hundreds of files and calls of it. The same lines are always folded in the same way.

use std::collections::{BTreeMap, BTreeSet};

/// The most lines of one kind that a package has unfolded.
const MOST: usize = 24;
/// The most commands of one program in an event that has more than that.
const OF_ONE: usize = 3;

/// Files by their folders, `added dist/**`, each kind of change by itself.
pub(super) fn files(lines: &BTreeSet<String>) -> BTreeSet<String> {
    let mut by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in lines {
        let (change, path) = line.split_once(' ').unwrap_or(("", line));
        by.entry(change).or_default().insert(path);
    }
    by.into_iter()
        .flat_map(|(change, paths)| folded(&paths).into_iter().map(move |path| format!("{change} {path}")))
        .collect()
}

fn folded(paths: &BTreeSet<&str>) -> BTreeSet<String> {
    let deepest = paths.iter().map(|path| path.split('/').count()).max().unwrap_or(1);
    let mut told: BTreeSet<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let mut depth = deepest;
    while told.len() > MOST && depth > 1 {
        depth -= 1;
        told = paths.iter().map(|path| to_depth(path, depth)).collect();
    }
    told
}

/// The first parts of a path; what was below them as `**`.
fn to_depth(path: &str, depth: usize) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() <= depth || parts.last() == Some(&"**") && parts.len() == depth + 1 {
        return path.to_owned();
    }
    format!("{}/**", parts[..depth].join("/"))
}

/// Commands by their program, `cc **`; a script's own command stays.
pub(super) fn commands(lines: &BTreeSet<String>) -> BTreeSet<String> {
    if lines.len() <= MOST {
        return lines.clone();
    }
    let mut by: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for line in lines {
        by.entry(line.split(' ').next().unwrap_or(line)).or_default().push(line);
    }
    by.into_iter()
        .flat_map(|(program, lines)| {
            let fold = lines.len() > OF_ONE && lines.iter().all(|line| line.contains(' '));
            if fold { vec![format!("{program} **")] } else { lines.into_iter().cloned().collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::deed::covers;
    use super::*;

    fn lines(lines: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        lines.into_iter().collect()
    }

    #[test]
    fn few_stay_as_they_are() {
        let few = lines((0..MOST).map(|n| format!("added dist/{n}.js")));
        assert_eq!(files(&few), few);
        assert_eq!(commands(&few), few);
    }

    #[test]
    fn many_files_are_told_by_folder_and_each_is_covered() {
        let mut many = lines((0..400).map(|n| format!("added dist/{}/{n}.js", n % 5)));
        many.insert("changed README.md".to_owned());
        let told = files(&many);
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(told.contains("added dist/0/**") && told.contains("changed README.md"), "{told:?}");
        assert!(many.iter().all(|line| told.iter().any(|pattern| covers(pattern, line))));
        assert_eq!(files(&told), told);
    }

    #[test]
    fn many_commands_are_told_by_program_and_each_is_covered() {
        let mut many = lines((0..100).map(|n| format!("cc -c {n}.c")));
        many.insert("sh -c make".to_owned());
        let told = commands(&many);
        assert_eq!(told, lines(["cc **".to_owned(), "sh -c make".to_owned()]));
        assert!(many.iter().all(|line| told.iter().any(|pattern| covers(pattern, line))));
    }
}
