//! What differs in installs, a line each: who, and what it does now that it did not.

use super::page::Page;
use crate::compare::grouped::{Change, Changed};
use crate::compare::install::Aspect;
use owo_colors::Style;

/// Names on one line before the rest is counted.
const NAMES: usize = 3;
/// Lines about one package and one aspect before the rest is counted.
const LINES: usize = 5;

/// Puts each change on a line of its own, and what one package does many times on a few.
pub(super) fn render(page: &mut Page, changes: &[Change], indent: usize) {
    let mut rest = changes;
    while let Some(first) = rest.first() {
        let alike = 1 + rest.iter().skip(1).take_while(|change| same(first, change)).count();
        let (group, after) = rest.split_at(alike);
        rest = after;
        let shown = if alike > LINES + 1 && !page.look.verbose { LINES } else { alike };
        for change in group.iter().take(shown) {
            let text = line(page, change);
            page.paragraph("", indent, Style::new(), &text);
        }
        if shown < alike {
            let more = format!("{}: {} more of this kind", who(first), alike - shown);
            page.paragraph("", indent, Style::new().dimmed(), &more);
        }
    }
}

/// Whether two changes are one package's, of one kind and in one direction.
fn same(one: &Change, other: &Change) -> bool {
    let single = |change: &Change| match change.packages.as_slice() {
        [only] => Some(only.path.clone()),
        [] | [_, ..] => None,
    };
    one.aspect == other.aspect
        && one.left.is_some() == other.left.is_some()
        && single(one).is_some()
        && single(one) == single(other)
}

fn line(page: &Page, change: &Change) -> String {
    let (arrow, verbose) = (page.arrow(), page.look.verbose);
    let what = what(change, arrow);
    match (change.packages.as_slice(), change.aspect) {
        ([], _) => what,
        (packages, Aspect::Presence) => format!("{what}: {}", names(packages, true, verbose)),
        ([only], _) => format!("{}: {what}", name(only)),
        (packages, _) => {
            format!("{} packages: {what} ({})", packages.len(), names(packages, false, verbose))
        }
    }
}

fn who(change: &Change) -> String {
    match change.packages.as_slice() {
        [] => "npm".to_owned(),
        [only] => name(only),
        packages => format!("{} packages", packages.len()),
    }
}

/// Its name, and its path where that is not where everybody would look.
fn name(changed: &Changed) -> String {
    match (&changed.name, changed.path.as_str()) {
        (None, "") => "the project".to_owned(),
        (Some(name), "") => format!("{name}, the project itself"),
        (None, path) => path.to_owned(),
        (Some(name), path) if path == format!("node_modules/{name}") => name.clone(),
        (Some(name), path) => format!("{name} at {path}"),
    }
}

fn names(packages: &[Changed], with_version: bool, verbose: bool) -> String {
    let shown = |of: &Changed| {
        let version = of.right.as_ref().or(of.left.as_ref()).filter(|_| with_version);
        format!("{}{}", name(of), version.map(|version| format!("@{version}")).unwrap_or_default())
    };
    let most = if verbose { usize::MAX } else { NAMES };
    let mut words: Vec<String> = packages.iter().take(most).map(shown).collect();
    match packages.len().saturating_sub(most) {
        0 => words.join(", "),
        1 if most < usize::MAX => {
            words.extend(packages.get(most).map(shown));
            words.join(", ")
        }
        more => format!("{} and {more} more", words.join(", ")),
    }
}

/// What changed, without whose it is.
fn what(change: &Change, arrow: &str) -> String {
    let (left, right) = (change.left.as_deref(), change.right.as_deref());
    let text = right.or(left).unwrap_or_default();
    let became = || format!("{} {arrow} {}", left.unwrap_or("nothing"), right.unwrap_or("nothing"));
    let does = |now: &str, no_longer: &str| match right {
        Some(text) => format!("{now} {text}"),
        None => format!("{no_longer} {text}"),
    };
    match change.aspect {
        Aspect::Command => format!("the command: {}", became()),
        Aspect::Exit => format!("npm: {}", became()),
        Aspect::Message => format!("npm says: {}", became()),
        Aspect::Presence => if right.is_some() { "installed now" } else { "no longer installed" }.to_owned(),
        Aspect::Version => became(),
        Aspect::Source => format!("from {}", became()),
        Aspect::Digest => "the same version, other bytes".to_owned(),
        Aspect::Script => does("runs its", "no longer runs its"),
        Aspect::ScriptEnd => match right {
            Some(_) => format!("its {text}"),
            None => format!("no longer: its {text}"),
        },
        Aspect::Process => {
            let (event, command) = text.split_once(": ").unwrap_or(("script", text));
            match right {
                Some(_) => format!("its {event} starts `{command}`"),
                None => format!("its {event} no longer starts `{command}`"),
            }
        }
        Aspect::Connection => does("connects to", "no longer connects to"),
        Aspect::Lookup => does("looks up", "no longer looks up"),
        Aspect::File => {
            let (verb, path) = text.split_once(' ').unwrap_or(("touched", text));
            let path = match (path.strip_prefix("/project/"), path.strip_prefix("/home/npm/")) {
                (Some(inside), _) => inside.to_owned(),
                (None, Some(below)) => format!("~/{below}"),
                (None, None) => path.to_owned(),
            };
            match right {
                Some(_) => format!("{path} is {verb}"),
                None => format!("{path} is no longer {verb}"),
            }
        }
        Aspect::SecretRead => does("reads the planted secret", "no longer reads the planted secret"),
    }
}
