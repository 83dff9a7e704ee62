//! Many lines of one kind told as few: a reviewer reads a folder or a compiler, and not
//! hundreds of files and calls of it. The same lines are always folded in the same way.
//!
//! What is folded approves more than was seen, so that it must still say what: no folder is
//! told that many packages share, and no program that runs whatever it is given.

use super::deed::{covers, is_pattern};
use crate::evidence::tree::hex;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The most lines of one kind that a package has unfolded.
const MOST: usize = 24;
/// The most commands of one program in an event that has more than that.
const OF_ONE: usize = 3;
/// Programs that run what they are given: `sh **` would be anything.
const INTERPRETERS: [&str; 20] = [
    "sh", "ash", "bash", "dash", "ksh", "zsh", "busybox", "cmd", "env", "xargs", "node", "nodejs", "npm",
    "npx", "yarn", "pnpm", "deno", "bun", "perl", "ruby",
];

/// Files by their folders, `added dist/**`, each kind of change by itself.
pub(super) fn files(lines: &BTreeSet<String>) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    let mut by: BTreeMap<(&str, Vec<&str>), BTreeSet<&str>> = BTreeMap::new();
    for line in lines {
        match line.split_once(' ') {
            Some((change, path)) => {
                by.entry((change, root(path))).or_default().insert(path);
            }
            None => {
                told.insert(line.clone());
            }
        }
    }
    for ((change, _), paths) in by {
        told.extend(folded(&paths).into_iter().map(|path| format!("{change} {path}")));
    }
    told
}

/// Whether a folder may stand for what is in it: it is a package's, the project's own or lies
/// two parts below the home folder, `/tmp` or another root.
pub(super) fn may_stand(folder: &str) -> bool {
    let parts: Vec<&str> = folder.split('/').collect();
    let named = root(folder).iter().all(|part| *part != "*");
    named && parts.len() >= lowest(&parts) && !parts.iter().skip(1).any(|part| part.is_empty())
}

/// How many of a path's first parts are never folded away.
fn lowest(parts: &[&str]) -> usize {
    match parts {
        ["", ..] => 4,
        ["~" | "{npm}", ..] => 3,
        _ => 1,
    }
    .max(parts.iter().rposition(|part| *part == "node_modules").map_or(0, |at| of_package(parts, at)))
}

/// Up to where the package goes that lies in a `node_modules`.
fn of_package(parts: &[&str], at: usize) -> usize {
    at + if parts.get(at + 1).is_some_and(|name| name.starts_with('@')) { 3 } else { 2 }
}

/// What is folded by itself: a package, the home folder, `/tmp`, the project's own files.
fn root(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let length = match parts.iter().rposition(|part| *part == "node_modules") {
        Some(at) => of_package(&parts, at),
        None if parts.first() == Some(&"") => 2,
        None if matches!(parts.first(), Some(&("~" | "{npm}"))) => 1,
        None => 0,
    };
    parts.truncate(length);
    parts
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
    let depth = depth.max(lowest(&parts));
    if parts.len() <= depth || parts.last() == Some(&"**") && parts.len() == depth + 1 {
        return path.to_owned();
    }
    let folder = parts[..depth].join("/");
    if may_stand(&folder) { format!("{folder}/**") } else { path.to_owned() }
}

/// Commands by their program, `cc **`; a script's own command stays. Many of a program that
/// runs what it is given are told by their number and a digest, but for patterns and what
/// `loose` lines, which are there now and then, cover as well.
pub(super) fn commands(lines: &BTreeSet<String>, loose: &BTreeSet<String>) -> BTreeSet<String> {
    if lines.len() <= MOST {
        return lines.clone();
    }
    let patterns: Vec<&String> = lines.iter().filter(|line| is_pattern(line)).chain(loose).collect();
    let is_exact = |line: &str| !patterns.iter().any(|pattern| covers(pattern, line));
    let mut told = BTreeSet::new();
    for (program, lines) in by_program(lines.iter().map(String::as_str)) {
        if is_interpreter(program) {
            let (exact, others): (Vec<&str>, Vec<&str>) =
                lines.into_iter().partition(|line| !is_pattern(line) && is_exact(line));
            told.extend(others.into_iter().map(str::to_owned));
            if exact.len() > MOST {
                told.insert(counted(program, &exact));
            } else {
                told.extend(exact.into_iter().map(str::to_owned));
            }
        } else if lines.len() > OF_ONE && !is_pattern(program) && lines.iter().all(|line| line.contains(' '))
        {
            told.insert(format!("{program} **"));
        } else {
            told.extend(lines.into_iter().map(str::to_owned));
        }
    }
    told
}

/// Commands by their first word, each in order.
pub(super) fn by_program<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in lines {
        by.entry(line.split(' ').next().unwrap_or(line)).or_default().insert(line);
    }
    by.into_iter().map(|(program, lines)| (program, lines.into_iter().collect())).collect()
}

/// Commands of one program, in order, as one line: another command is another line.
pub(super) fn counted(program: &str, lines: &[&str]) -> String {
    let mut digest = Sha256::new();
    for line in lines {
        digest.update(line.as_bytes());
        digest.update([0]);
    }
    format!("{}{} commands, sha256:{}", counted_start(program), lines.len(), hex(&digest.finalize()[..16]))
}

/// How that line begins.
pub(super) fn counted_start(program: &str) -> String {
    format!("{program}: ")
}

/// Whether a program runs what it is given.
pub(super) fn is_interpreter(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    // `python3.11` and `perl5.36` as well.
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    INTERPRETERS.contains(&plain) || name.starts_with("python")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        lines.into_iter().collect()
    }

    fn commands(lines: &BTreeSet<String>) -> BTreeSet<String> {
        super::commands(lines, &BTreeSet::new())
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
    fn no_folder_that_others_share_is_approved() {
        for (path, expected) in [
            ("~/.NN/rc", "~/.NN/rc"),
            ("~/.cache/x/NN", "~/.cache/x/**"),
            ("~/.cache/x/NN/a/b", "~/.cache/x/**"),
            ("~/NN", "~/NN"),
            ("/tmp/NN/a", "/tmp/NN/a"),
            ("/tmp/x/y/NN/a", "/tmp/x/y/**"),
            ("/usr/NN/lib/x", "/usr/NN/lib/**"),
            ("node_modules/NN/x", "node_modules/NN/x"),
            ("node_modules/aNN/x/y", "node_modules/aNN/x/y"),
            ("node_modules/a/NN/y", "node_modules/a/**"),
            ("node_modules/@s/a/NN/y", "node_modules/@s/a/**"),
            ("node_modules/@s/NN/a", "node_modules/@s/NN/a"),
            ("node_modules/a/node_modules/b/NN", "node_modules/a/node_modules/b/**"),
            ("dist/NN", "dist/**"),
            ("NN/a", "NN/**"),
        ] {
            let path = |n: usize| format!("added {}", path.replace("NN", &format!("n{n}")));
            let many = lines((0..25).map(path));
            let told = files(&many);
            let wanted: BTreeSet<String> =
                (0..25).map(|n| format!("added {}", expected.replace("NN", &format!("n{n}")))).collect();
            assert_eq!(told, wanted, "{expected}");
            assert!(many.iter().all(|line| told.iter().any(|pattern| covers(pattern, line))));
            assert_eq!(files(&told), told);
        }
        assert_eq!(files(&lines(["**".to_owned()])), lines(["**".to_owned()]));
    }

    #[test]
    fn many_commands_are_told_by_program_and_each_is_covered() {
        let mut many = lines((0..100).map(|n| format!("cc -c {n}.c")));
        many.insert("sh -c make".to_owned());
        let told = commands(&many);
        assert_eq!(told, lines(["cc **".to_owned(), "sh -c make".to_owned()]));
        assert!(many.iter().all(|line| told.iter().any(|pattern| covers(pattern, line))));
    }

    #[test]
    fn what_runs_what_it_is_given_is_told_by_number_and_digest() {
        for program in
            ["sh", "/bin/bash", "node", "python3", "/usr/bin/python3.11", "perl5", "env", "npx", "cmd.exe"]
        {
            let many = lines((0..30).map(|n| format!("{program} x{n}")));
            let told = commands(&many);
            assert_eq!(told.len(), 1, "{told:?}");
            let line = told.first().unwrap();
            assert!(line.starts_with(&format!("{program}: 30 commands, sha256:")), "{line}");
            assert!(!many.iter().any(|seen| covers(line, seen)));
            let mut other = many.clone();
            other.remove(&format!("{program} x7"));
            other.insert(format!("{program} evil"));
            assert_ne!(commands(&other), told);
            // What is a pattern, or there now and then, is in no number.
            other.insert(format!("{program} *"));
            assert_eq!(commands(&other), other);
            let few =
                lines((0..20).map(|n| format!("{program} x{n}")).chain((0..9).map(|n| format!("cc {n}"))));
            assert_eq!(commands(&few).len(), 21);
        }
        assert!(!is_interpreter("cc") && !is_interpreter("make"));
    }
}
