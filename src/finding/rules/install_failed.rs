//! `install-failed`: what must work did not.

use crate::evidence::Exchange;
use crate::finding::case::{Case, Run, Sighting, answered, failed_answer, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::refusal::refusal;
use crate::finding::run_verdict::upstream_out_of_reach;
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "install-failed",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "an install that must work failed",
    page: include_str!("../../../docs/rules/install-failed.md"),
    check: Check::Run(check),
};

/// Characters of npm's explanation in the message.
const EXPLANATION: usize = 160;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !run.must_work() || !run.failed() || upstream_out_of_reach(run).is_some() || refusal(case, run).is_some() {
        return Vec::new();
    }
    let error = run.evidence.npm_error.as_ref();
    let code = error.map_or("no code of npm's", |error| error.code.as_str());
    let culprit = culprit(run);
    let mut message = format!("`{}` {} with {code}", run.command(), run.ending());
    match culprit {
        Some(exchange) => {
            if let Some(package) = &exchange.package {
                message.push_str(&format!(" for {}", spec(package, exchange.version.as_deref())));
            }
            message.push_str(&format!(": {} {}", exchange.host, answered(exchange)));
        }
        None => {
            let summary: String =
                error.map(|error| error.summary.chars().take(EXPLANATION).collect()).unwrap_or_default();
            if !summary.is_empty() {
                message.push_str(&format!(": {summary}"));
            }
        }
    }
    let package = culprit.and_then(|exchange| exchange.package.clone());
    let entry = package.as_ref().and_then(|package| {
        case.project.lockfile.entries.values().find(|entry| entry.name.as_str() == package)
    });
    let kept_back = culprit.is_some_and(|exchange| exchange.not_asked.is_some());
    let help = if kept_back { KEPT_BACK } else { help(code) };
    let mut sighting = Sighting::new(message, help).key(code);
    if kept_back {
        // No registry was asked, so that none has failed the install.
        sighting = sighting.forces(Verdict::Unobserved);
    }
    if let Some(entry) = entry {
        sighting = sighting.at(Spot::resolved(&entry.path));
    }
    if let Some(exchange) = culprit {
        sighting = sighting.seen(EvidenceKind::Exchange, exchange.seq);
    }
    if let Some(package) = package {
        sighting = sighting.package(package);
    }
    vec![sighting]
}

/// What is to be done about a request that we answered ourselves.
const KEPT_BACK: &str = "map the package to its own registry in the project's `.npmrc`; if it is public, say so: take it out of `private` in sealcheck.toml, or pin it at the public registry in the lockfile";

/// The first answer that failed a package that npm may not leave out.
fn culprit<'a>(run: &Run<'a>) -> Option<&'a Exchange> {
    let code = run.evidence.npm_error.as_ref().map(|error| error.code.as_str())?;
    // npm's codes for answers; a script's own exit code is nobody's answer.
    if code.parse::<i32>().is_ok() || code == "EUSAGE" {
        return None;
    }
    let optional = |name: &str| {
        run.evidence.packages.iter().any(|package| package.name == name && package.optional)
    };
    run.evidence.exchanges.iter().filter(|exchange| failed_answer(exchange)).find(|exchange| {
        exchange.package.as_ref().is_some_and(|package| !optional(package))
    })
}

fn help(code: &str) -> &'static str {
    match code {
        "E401" | "E403" => "give the registry's token the right to read it, or set the variable that holds the token",
        "E404" | "ETARGET" => "publish the locked version to the registry that `.npmrc` maps the package to, or correct the mapping",
        "EINTEGRITY" => "find out why the registry serves other bytes than the lockfile pins before you change the lockfile",
        "EUSAGE" => "bring package.json and the lockfile into step with `npm install`",
        "ENOTFOUND" | "EAI_AGAIN" | "ECONNREFUSED" | "ETIMEDOUT" | "FETCH_ERROR" => {
            "make the registry reachable, `sealcheck doctor` shows what stands in the way"
        }
        _ => "run the same command outside the sandbox to see whether it fails there too",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
