//! `thin-margin`: too few things must go wrong before a stranger's bytes are installed.

use crate::finding::case::{Case, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};
use crate::plan::margin::{Became, Losses, Measured};
use crate::project::class::Class;
use crate::scenario::Loss;

pub(super) static RULE: Rule = Rule {
    name: "thin-margin",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "fewer of the project's defences must fail together than is required before a stranger wins",
    page: include_str!("../../../docs/rules/thin-margin.md"),
    check: Check::Report(check),
};

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let Some(margin) = case.margin.filter(|margin| is_thin(margin, case.required_margin)) else {
        return Vec::new();
    };
    let sets = &margin.installed.smallest;
    let (least, required) = (margin.installed.at_least, case.required_margin);
    let runs = case
        .observed()
        .filter(|run| !run.scenario.control)
        .filter(|run| sets.contains(&run.scenario.losses.iter().copied().collect::<Losses>()))
        .map(|run| run.at)
        .collect();
    let message = if least == 0 {
        "a stranger's bytes are installed with every defence in place".to_owned()
    } else {
        let sets: Vec<String> = sets.iter().map(words).collect();
        format!("a stranger's bytes are installed once {} is lost", sets.join(", or "))
    };
    let message = format!("{message}: the margin is {least}, and {required} is required");
    // One entry stands for all: their defences are taken together.
    let private = case.project.classes.iter().find(|(_, classified)| classified.class == Class::Private);
    let spot = private.map_or(Spot::Nowhere, |(path, _)| Spot::entry(path));
    vec![Sighting::new(message, help(case, margin)).runs(runs).at(spot)]
}

/// It leaks by fewer losses; where nothing was seen to leak, other rules say what is not known.
fn is_thin(margin: &Measured, required: usize) -> bool {
    margin.installed.at_least < required && !margin.installed.smallest.is_empty()
}

fn words(set: &Losses) -> String {
    let words: Vec<&str> = set.iter().map(|loss| loss.word()).collect();
    words.join(" and ")
}

/// What was seen to help, else which defence is not there, in the order of what it takes
/// to add it.
fn help(case: &Case<'_>, margin: &Measured) -> String {
    let raising = margin.changes.iter().find(|change| change.became == Became::Raised);
    if let Some(change) = raising {
        return format!("{}: tried in a copy of the project, it adds one", change.says);
    }
    // A setting that is there and defends nothing is not set once more.
    let config = &case.project.config;
    let set = config.plain("allow-remote") == Some("none");
    let has = |loss: Loss| margin.defences.contains(&loss) || loss == Loss::Controls && set;
    let resolved = match config.plain("omit-lockfile-registry-resolved") {
        Some("true") => "let it have their `resolved` (`omit-lockfile-registry-resolved=false`)",
        Some(_) | None => "let it have their `resolved`",
    };
    let advice: Vec<&str> = [
        (Loss::Integrity, "let the lockfile have the `integrity` of private packages"),
        (Loss::Resolved, resolved),
        (Loss::Mapping, "map their scope to its registry in the project's own `.npmrc`"),
        (Loss::Controls, "set `allow-remote=none` where the npm in use knows it"),
    ]
    .into_iter()
    .filter(|(loss, _)| !has(*loss))
    .map(|(_, advice)| advice)
    .collect();
    match advice.split_first() {
        None => "every defence that this npm knows is there: see how the smallest sets are lost".to_owned(),
        Some((first, [])) => (*first).to_owned(),
        Some((first, rest)) => format!("{first}, or {}", rest.join(", or ")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
