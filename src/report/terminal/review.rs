//! A review of a lockfile's update for a person: what to look at twice, what comes and
//! goes, and what the new tree does that the old one did not.

use super::changes;
use super::page::Page;
use crate::compare::install::Which;
use crate::compare::lockfile::{Kind, LockChange};
use crate::report::comparison::Agreement;
use crate::report::review::{Installs, Review};
use owo_colors::Style;
use std::collections::BTreeMap;

/// Packages that are named before the rest is counted.
const NAMES: usize = 8;

pub(super) fn render(page: &mut Page, review: &Review) {
    headline(page, review);
    let (alarming, plain): (Vec<&LockChange>, Vec<&LockChange>) =
        review.changes.iter().partition(|change| change.kind.is_alarming());
    lines(page, "look twice", &alarming, Style::new().bold().yellow());
    lines(page, "packages", &plain, Style::new());
    if let Some(installs) = &review.installs {
        of_installs(page, review, installs);
    }
    let mut silences = review.silences.clone();
    if review.installs.is_none() && !review.changes.is_empty() {
        silences.push(
            "neither tree was installed, so what their scripts do is not known, nor which packages \
             have a binding.gyp, which npm builds without being asked"
                .to_owned(),
        );
    }
    if !silences.is_empty() {
        heading(page, "not told by the lockfiles");
        silences.iter().for_each(|text| page.paragraph("", 4, Style::new(), text));
    }
}

fn headline(page: &mut Page, review: &Review) {
    let count = |kind: Kind| review.changes.iter().filter(|change| change.kind == kind).count();
    let parts: Vec<String> = [
        (Kind::Added, "added"),
        (Kind::Version, "changed"),
        (Kind::Removed, "removed"),
        (Kind::Moved, "moved"),
        (Kind::InstalledNow, "installed here now"),
        (Kind::NoLongerInstalled, "not installed here any more"),
    ]
    .into_iter()
    .filter_map(|(kind, word)| match count(kind) {
        0 => None,
        number => Some(format!("{number} {word}")),
    })
    .collect();
    let (word, style) = match review.agreement {
        Agreement::Equal => ("equal", Style::new().bold().green()),
        Agreement::Differs => ("differs", Style::new().bold().red()),
        Agreement::Unobserved => ("unobserved", Style::new().bold().yellow()),
    };
    page.put(style, word);
    let (old, new) = review.packages;
    let total = match old == new {
        true => super::amount::count(new, "package"),
        false => format!("{} before and {new} after", super::amount::count(old, "package")),
    };
    let told = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    page.put(Style::new(), &format!(": {} to {}, {total}{told}", review.left, review.right));
    page.end();
}

fn heading(page: &mut Page, text: &str) {
    page.gap();
    page.put(Style::new().bold(), text);
    page.end();
}

/// What happened, and how it was and is where that is the same for many.
type Alike<'a> = (Kind, Option<&'a str>, Option<&'a str>);

/// Changes of one kind that are the same for many packages are one line.
fn lines(page: &mut Page, title: &str, changes: &[&LockChange], style: Style) {
    if changes.is_empty() {
        return;
    }
    heading(page, title);
    let mut groups: BTreeMap<Alike<'_>, Vec<&LockChange>> = BTreeMap::new();
    for change in changes {
        let (left, right) = match is_each_ones_own(change.kind) {
            true => (None, None),
            false => (change.left.as_deref(), change.right.as_deref()),
        };
        groups.entry((change.kind, left, right)).or_default().push(change);
    }
    for ((kind, _, _), of) in groups {
        let Some(first) = of.first() else { continue };
        let (label, what) = words(page, kind, first);
        let what = if what.is_empty() { what } else { format!(", {what}") };
        let what = if of.len() > 1 && is_each_ones_own(kind) { String::new() } else { what };
        let most = if page.look.verbose { usize::MAX } else { NAMES };
        let mut names: Vec<String> = of.iter().take(most).map(|change| named(page, change)).collect();
        if of.len() > most {
            names.push(format!("and {} more", of.len() - most));
        }
        let place = match (of.as_slice(), &first.place) {
            ([_], Some(place)) if kind.is_alarming() => format!(" ({}:{})", place.file, place.line),
            (_, _) => String::new(),
        };
        let number = if of.len() > 1 { format!("{} ", of.len()) } else { String::new() };
        let named = kind != Kind::Form && !names.iter().all(String::is_empty);
        let names = if named { names.join(", ") } else { String::new() };
        let text = format!("{number}{label}: {names}{what}{place}").replace(": , ", ": ");
        page.paragraph("", 4, style, &text);
    }
}

/// Whether a change is another one for each package.
fn is_each_ones_own(kind: Kind) -> bool {
    match kind {
        Kind::Version | Kind::OtherTarball | Kind::OtherBytes | Kind::OutOfRange | Kind::Moved => true,
        Kind::PrivateFromElsewhere
        | Kind::IntegrityLost
        | Kind::IntegrityWeakened
        | Kind::IntegrityMissing
        | Kind::OwnScript
        | Kind::ScriptAllowed
        | Kind::InstallScript
        | Kind::Source
        | Kind::NoLongerInstalled
        | Kind::InstalledNow
        | Kind::Terms
        | Kind::Added
        | Kind::Removed
        | Kind::IntegrityStrengthened
        | Kind::Flags
        | Kind::Metadata
        | Kind::Form => false,
    }
}

/// `left-pad@1.3.0`; of a new version both.
fn named(page: &Page, change: &LockChange) -> String {
    let version = match (change.kind, &change.left, &change.version) {
        (Kind::Version, Some(old), Some(new)) => format!(" {old} {} {new}", page.arrow()),
        (_, _, Some(version)) => format!("@{version}"),
        (_, _, None) => String::new(),
    };
    let usual = format!("node_modules/{}", change.name);
    let at = match change.path.as_str() {
        "" => String::new(),
        path if path == usual => String::new(),
        path => format!(" at {path}"),
    };
    format!("{}{version}{at}", change.name)
}

/// What happened, and how it was and is.
fn words(page: &Page, kind: Kind, change: &LockChange) -> (&'static str, String) {
    let (left, right) = (change.left.as_deref(), change.right.as_deref());
    let became = format!("{} {} {}", left.unwrap_or("nothing"), page.arrow(), right.unwrap_or("nothing"));
    match kind {
        Kind::PrivateFromElsewhere => ("private, and no longer from its registry", became),
        Kind::OtherTarball => {
            ("`resolved` is the tarball of another package", right.unwrap_or_default().to_owned())
        }
        Kind::OtherBytes => ("the same version, other bytes", String::new()),
        Kind::IntegrityLost => ("integrity lost", became),
        Kind::IntegrityWeakened => ("integrity weakened", became),
        Kind::IntegrityMissing => match right {
            Some(weak) => ("new with a weak integrity", weak.to_owned()),
            None => ("new without an integrity", String::new()),
        },
        Kind::OwnScript => ("package.json", became),
        Kind::ScriptAllowed => ("`allowScripts` lets it run scripts now", String::new()),
        Kind::InstallScript => ("new install script", String::new()),
        Kind::Source => ("from another place", became),
        Kind::OutOfRange => {
            ("outside of the range in package.json", format!("{} is asked for", left.unwrap_or_default()))
        }
        Kind::NoLongerInstalled => ("not installed here any more", right.unwrap_or_default().to_owned()),
        Kind::InstalledNow => ("installed here now", format!("before {}", left.unwrap_or_default())),
        Kind::Terms => ("the same version, other terms", became),
        Kind::Metadata => ("says otherwise of itself", became),
        Kind::Added => ("added", format!("from {}", right.unwrap_or_default())),
        Kind::Version => ("changed", String::new()),
        Kind::Removed => ("removed", String::new()),
        Kind::Moved => ("moved in the tree", String::new()),
        Kind::IntegrityStrengthened => ("integrity strengthened", became),
        Kind::Flags => ("installed on other terms", became),
        Kind::Form => ("lockfile", became),
    }
}

fn of_installs(page: &mut Page, review: &Review, installs: &Installs) {
    let tools = format!("node {}, npm {}", installs.toolchain.node, installs.toolchain.npm);
    if !installs.unseen.is_empty() {
        heading(page, &format!("not seen, when both were installed with {tools}"));
        for unseen in &installs.unseen {
            let whose = match unseen.on {
                Which::Left => review.left.as_str(),
                Which::Right => review.right.as_str(),
                Which::Both => "both",
            };
            let packages = match unseen.packages.len() {
                0 => String::new(),
                1 => format!(" ({})", unseen.packages[0]),
                more => format!(" ({} packages)", more),
            };
            page.paragraph("", 4, Style::new(), &format!("{whose}: {}{packages}", unseen.why));
        }
    }
    if !installs.new.is_empty() {
        heading(page, &format!("new when it is installed, with {tools}"));
        changes::render(page, &installs.new, 4);
    } else if installs.unseen.is_empty() {
        heading(page, &format!("nothing new when it is installed, with {tools}"));
    }
    if !installs.gone.is_empty() {
        heading(page, "no longer done");
        changes::render(page, &installs.gone, 4);
    }
}
