//! A comparison of two environments in words: what differs, and what made it.

use super::environments::Comparison;
use crate::compare::behaviour::{Aspect, Difference};
use crate::compare::cause::{Cause, Without};
use crate::compare::noise::Kind;
use crate::environment::Deviation;
use crate::report::terminal::safe::Charset;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Names that a line shows before it counts the rest.
const SHOWN: usize = 3;

/// What was found, for people.
pub(super) fn text(found: &Comparison) -> String {
    let mut out = String::new();
    headline(&mut out, found);
    for (side, package, name) in &found.missing {
        let _ = writeln!(
            out,
            "\nplatform-package-missing in {side}: {} needs {} on its platform, and its lockfile has no entry for it\n  \
             (known without a run; remove node_modules and the lockfile, run `npm install`, commit the new lockfile)",
            safe(package),
            safe(name)
        );
    }
    for line in stale(found) {
        let _ = writeln!(out, "\n{line}");
    }
    for (side, reason) in &found.unseen {
        let _ = writeln!(out, "\n{side} could not be observed: {}", safe(reason));
    }
    for (cause, differences) in by_cause(found) {
        let _ = writeln!(out, "\n{}", sentence(found, cause.as_ref(), &differences));
        for line in grouped(&differences) {
            let _ = writeln!(out, "  {line}");
        }
    }
    for (side, said) in &found.said {
        let _ = writeln!(out, "\nnpm in {side}: {}", safe(said));
    }
    for text in &found.texts {
        let _ = writeln!(out, "\n{}, - in A, + in B", safe(&text.what));
        for line in &text.lines {
            let _ = writeln!(out, "  {}", Charset { unicode: true }.clipped(line, 160));
        }
        if text.more > 0 {
            let _ = writeln!(out, "  … and {} lines more", text.more);
        }
    }
    deviating(&mut out, found);
    out
}

/// What lay in `node_modules` and is not the lockfile's: a line a side.
fn stale(found: &Comparison) -> Vec<String> {
    let of = |side: char| {
        let named = found.stale.iter().filter(|(known, _)| *known == side).map(|(_, stale)| {
            let name = stale.path.rsplit_once("node_modules/").map_or(stale.path.as_str(), |(_, name)| name);
            let locked = match &stale.locked {
                Some(locked) => format!("the lockfile has {locked}"),
                None => "not in the lockfile".to_owned(),
            };
            format!("{name} {} ({locked})", stale.installed)
        });
        let named: Vec<String> = named.collect();
        (!named.is_empty()).then(|| {
            format!(
                "{side} did not run what its lockfile says: in its node_modules lay {}\n  \
                 (known without a run; `npm ci` there installs what the lockfile has)",
                few(&named, 4)
            )
        })
    };
    ['A', 'B'].into_iter().filter_map(of).collect()
}

fn headline(out: &mut String, found: &Comparison) {
    let installs = format!("{} installs", found.runs);
    let _ = match (found.unseen.is_empty(), found.differences.len()) {
        (false, _) => {
            writeln!(out, "unobserved: the environments could not both be installed in ({installs})")
        }
        (true, 0) if found.fail_alike() => {
            let end = found.ends.first().map_or("", String::as_str);
            writeln!(out, "no difference: both installs fail alike, npm {} ({installs})", safe(end))
        }
        (true, 0) if found.hides_a_difference() => {
            writeln!(out, "no difference in what could be tried, and not all could be ({installs})")
        }
        (true, 0) => writeln!(out, "no difference: both environments install the same ({installs})"),
        (true, 1) => writeln!(out, "1 difference between the installs ({installs})"),
        (true, count) => writeln!(out, "{count} differences between the installs ({installs})"),
    };
}

/// Differences with one cause, in the order in which they were found.
fn by_cause(found: &Comparison) -> Vec<(Option<Cause>, Vec<&Difference>)> {
    let mut groups: Vec<(Option<Cause>, Vec<&Difference>)> = Vec::new();
    for (at, difference) in found.differences.iter().enumerate() {
        let cause = found.causes.get(at).cloned();
        match groups.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, differences)) => differences.push(difference),
            None => groups.push((cause, vec![difference])),
        }
    }
    groups
}

/// "`npm_config_registry` is set in B only: 14 packages …".
fn sentence(found: &Comparison, cause: Option<&Cause>, differences: &[&Difference]) -> String {
    let what = match differences {
        [one] => short(one),
        many => format!("{} differences", many.len()),
    };
    match cause {
        None => {
            let unplayed: Vec<String> =
                unplayed(found).map(|(deviation, _)| deviation.part.named()).collect();
            match unplayed.is_empty() {
                true => format!("no cause was looked for: {what}"),
                false => {
                    format!("the cause is none that can be tried here ({}): {what}", few(&unplayed, SHOWN))
                }
            }
        }
        Some(Cause::Found { parts, also, without }) => {
            let names = deviated(found, parts).join(" and ");
            let without = match without {
                Without::AsLeft => ", and B without it as A".to_owned(),
                Without::Otherwise => "; B without it does neither as A nor as B".to_owned(),
                Without::Unseen => "; B without it could not be tried".to_owned(),
                Without::AsRight if also.is_empty() => "; B without it does so as well".to_owned(),
                Without::AsRight => format!("; so it does by {} alone", deviated(found, also).join(" and ")),
            };
            let proof = format!("with it A does as B{without}");
            format!("cause: {names}\n  {what} ({proof})")
        }
        Some(Cause::Narrowed { among }) => format!(
            "no cause was found within the runs that were allowed; it is among {}: {what}",
            few(&deviated(found, among), 8)
        ),
    }
}

fn deviated(found: &Comparison, parts: &[usize]) -> Vec<String> {
    parts.iter().filter_map(|at| found.deviations.get(*at)).map(difference_of).collect()
}

/// "`omit` in the user's npmrc is set in B only (dev)".
fn difference_of(deviation: &Deviation) -> String {
    let name = safe(&deviation.part.named());
    let clip = |text: &str| {
        let clipped: String = text.chars().take(60).collect();
        safe(&if clipped.len() < text.len() { format!("{clipped}…") } else { clipped })
    };
    match (&deviation.left, &deviation.right) {
        (None, Some(right)) => format!("{name} is in B only ({})", clip(right)),
        (Some(left), None) => format!("{name} is in A only ({})", clip(left)),
        (left, right) => {
            let side = |text: &Option<String>| clip(text.as_deref().unwrap_or_default());
            format!("{name} is {} in A and {} in B", side(left), side(right))
        }
    }
}

fn unplayed(found: &Comparison) -> impl Iterator<Item = (&Deviation, &String)> {
    found.unplayed.iter().filter_map(|(at, why)| Some((found.deviations.get(*at)?, why)))
}

/// One difference in few words.
fn short(difference: &Difference) -> String {
    let side = |text: &Option<String>| safe(text.as_deref().unwrap_or("nothing"));
    let (left, right) = (side(&difference.left), side(&difference.right));
    match &difference.aspect {
        Aspect::End => format!("npm {left} in A and {right} in B"),
        Aspect::Version { path } | Aspect::Source { path } | Aspect::Digest { path } => {
            format!("{} is {left} in A and {right} in B", safe(path))
        }
        Aspect::Asked { host } => format!("{} is asked for packages in {}", safe(host), only(difference)),
        Aspect::Through { host } => format!("requests go by way of {} in {}", safe(host), only(difference)),
        Aspect::Read { package, secret } => {
            format!(
                "{}the planted secret {} is read, in {}",
                owner(package.as_deref()),
                safe(secret),
                only(difference)
            )
        }
        Aspect::LookedUp { package, name } => {
            format!(
                "{}the name {} is looked up, in {}",
                owner(package.as_deref()),
                safe(name),
                only(difference)
            )
        }
        Aspect::Deed { kind, package, what } => {
            let package = owner(package.as_deref());
            format!("{package}{} {}, in {}", deed(*kind), safe(what), only(difference))
        }
    }
}

/// "the project: ", "node_modules/a: ".
fn owner(package: Option<&str>) -> String {
    match package {
        None => String::new(),
        Some("") => "the project: ".to_owned(),
        Some(path) => format!("{}: ", safe(path)),
    }
}

fn only(difference: &Difference) -> &'static str {
    if difference.left.is_some() { "A only" } else { "B only" }
}

fn deed(kind: Kind) -> &'static str {
    match kind {
        Kind::Script => "the script",
        Kind::Process => "the process",
        Kind::Connection => "a connection to",
        Kind::File => "the file",
    }
}

/// Equal changes of several packages in one line, so that 2,000 packages fit a screen.
fn grouped(differences: &[&Difference]) -> Vec<String> {
    if differences.len() < 2 {
        return Vec::new();
    }
    let mut groups: BTreeMap<(u8, String), Vec<&Difference>> = BTreeMap::new();
    for difference in differences {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        let change = format!("{} in A, {} in B", side(&difference.left), side(&difference.right));
        let key = match &difference.aspect {
            Aspect::End => (0, change),
            Aspect::Version { .. } if difference.left.is_none() => (1, "installed in B only".to_owned()),
            Aspect::Version { .. } if difference.right.is_none() => (1, "installed in A only".to_owned()),
            Aspect::Version { .. } => (1, format!("version {change}")),
            Aspect::Source { .. } => (2, format!("bytes from {change}")),
            Aspect::Digest { .. } => (3, "other bytes".to_owned()),
            Aspect::Asked { .. } => (4, format!("asked for packages in {}", only(difference))),
            Aspect::Through { .. } => (4, format!("requests go by way of it in {}", only(difference))),
            Aspect::Read { .. } => (5, format!("planted secrets read by scripts in {}", only(difference))),
            Aspect::LookedUp { .. } => (5, format!("names looked up by scripts in {}", only(difference))),
            Aspect::Deed { kind, .. } => (6, format!("{} in {}", deeds(*kind), only(difference))),
        };
        groups.entry(key).or_default().push(difference);
    }
    let mut lines = Vec::new();
    for ((_, change), group) in groups {
        let names: Vec<String> = group.iter().map(|difference| subject(difference)).collect();
        lines.push(match group.as_slice() {
            [one] if matches!(one.aspect, Aspect::End) => short(one),
            _ => format!("{}: {}", safe(&change), few(&names, SHOWN)),
        });
    }
    lines
}

fn deeds(kind: Kind) -> &'static str {
    match kind {
        Kind::Script => "scripts",
        Kind::Process => "processes of scripts",
        Kind::Connection => "connections of scripts",
        Kind::File => "files of scripts",
    }
}

fn subject(difference: &Difference) -> String {
    match &difference.aspect {
        Aspect::End => "npm".to_owned(),
        Aspect::Version { path } | Aspect::Source { path } | Aspect::Digest { path } => {
            path.rsplit_once("node_modules/").map_or(path.as_str(), |(_, name)| name).to_owned()
        }
        Aspect::Asked { host } | Aspect::Through { host } => host.clone(),
        Aspect::Deed { package, what, .. }
        | Aspect::Read { package, secret: what }
        | Aspect::LookedUp { package, name: what } => {
            let package = package.as_deref().unwrap_or_default();
            let name = package.rsplit_once("node_modules/").map_or(package, |(_, name)| name);
            let what: String = what.chars().take(80).collect();
            if name.is_empty() { what } else { format!("{name} ({what})") }
        }
    }
}

/// A stranger's text, in one line.
fn safe(text: &str) -> String {
    Charset { unicode: true }.safe(text)
}

/// "a, b and 4 more".
pub(super) fn few(names: &[String], most: usize) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| safe(name)).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// In what the environments differ, as far as it made nothing.
fn deviating(out: &mut String, found: &Comparison) {
    let mut behind: Vec<usize> = Vec::new();
    for cause in &found.causes {
        if let Cause::Found { parts, also, .. } = cause {
            behind.extend(parts.iter().chain(also));
        }
    }
    let other: Vec<String> = (0..found.deviations.len())
        .filter(|at| !behind.contains(at) && !found.unplayed.contains_key(at))
        .map(|at| found.deviations[at].part.named())
        .collect();
    if !other.is_empty() {
        let _ = writeln!(
            out,
            "\nthe environments differ in {} more without an effect: {}",
            other.len(),
            few(&other, 8)
        );
    }
    for (deviation, why) in unplayed(found) {
        let _ = writeln!(out, "\nnot tried: {} ({why})", difference_of(deviation));
    }
    for what in found.left_out.iter().filter(|(_, differs)| **differs).map(|(what, _)| what) {
        let _ = writeln!(
            out,
            "\nnot tried: {} differs, and only in what was left out of the captures as secret",
            safe(what)
        );
    }
    let unknown: Vec<String> =
        found.left_out.iter().filter(|(_, differs)| !**differs).map(|(what, _)| what.clone()).collect();
    if !unknown.is_empty() {
        let _ =
            writeln!(out, "\nnot compared, since their values were left out as secret: {}", few(&unknown, 8));
    }
    let varying = found.noise.len();
    if varying > 0 {
        let _ = writeln!(out, "\nleft out: {varying} that vary between equal installs");
    }
}
