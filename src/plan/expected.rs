//! How long a run is expected to take, by what its scenario does, and so which begins first.
//! It must not know how long anything took.
//!
//! The numbers were taken from the runs of the suite `full` on `examples/leaky-shop` with npm
//! 11, and what a package takes from installs of some hundred packages. Only how they stand to
//! each other matters: that of all shards one is not much longer than the rest, and that no
//! long run is left for the end, when there is nothing beside it.

use super::RunSpec;
use crate::scenario::{Answer, Install, Scenario};

/// Making a place, starting npm, and reading what is on the disk afterwards.
const PLACE_MS: u64 = 600;
/// An install with what the gateway has to hand out for it, for each package.
const PACKAGE_MS: u64 = 12;
/// How long npm waits for a name, an address and an answer that never come, with the retry
/// times that scenarios shorten.
const NO_NAME_MS: u64 = 3_800;
const NO_ADDRESS_MS: u64 = 2_900;
const NO_ANSWER_MS: u64 = 1_900;
/// The same with npm's own times.
const OWN_WAIT_MS: u64 = 180_000;
/// Bytes that arrive slowly.
const SLOW_MS: u64 = 2_000;

/// In which order runs of a project of so many packages begin, as indices: the first that
/// others are known to wait for (`awaited`), then the longest; of equals the first.
pub fn start_order(runs: &[RunSpec], awaited: Option<usize>, packages: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by_cached_key(|at| {
        let expected = runs.get(*at).map_or(0, |run| of(&run.scenario, packages));
        (awaited != Some(*at), std::cmp::Reverse(expected))
    });
    order
}

/// In milliseconds, in a project of so many packages.
pub(super) fn of(scenario: &Scenario, packages: usize) -> u64 {
    let whole = PACKAGE_MS * u64::try_from(packages).unwrap_or(u64::MAX / PACKAGE_MS);
    // What fails, fails before the most is done; in tenths of the whole.
    let tenths = match scenario.demand.install {
        Install::MustWork | Install::Anyhow => 10,
        Install::MayFail => 8,
        Install::MustFail => 4,
    };
    let install = if scenario.install.npm_update_dry_run { whole / 10 } else { whole / 10 * tenths };
    // The second command finds everything there.
    let then = if scenario.install.then_npm_rebuild { (PLACE_MS + whole) / 3 } else { 0 };
    let waits = [scenario.world.private, scenario.world.public].map(|answer| wait(answer, scenario));
    PLACE_MS + install + then + waits.iter().sum::<u64>()
}

fn wait(answer: Answer, scenario: &Scenario) -> u64 {
    let short = |ms: u64| if scenario.install.shorten_retries { ms } else { OWN_WAIT_MS };
    match answer {
        Answer::LookupUnanswered => short(NO_NAME_MS),
        Answer::BlackHole => short(NO_ADDRESS_MS),
        Answer::Unanswered => short(NO_ANSWER_MS),
        Answer::SlowDrip => SLOW_MS,
        // npm tries these again and again, after times of its own.
        Answer::Refused
        | Answer::NxDomain
        | Answer::ServFail
        | Answer::ConnectionReset
        | Answer::RateLimited
        | Answer::ServerError
        | Answer::Unavailable
        | Answer::ResetInBody => {
            if scenario.install.shorten_retries {
                0
            } else {
                OWN_WAIT_MS / 2
            }
        }
        Answer::Genuine
        | Answer::CertificateUntrusted
        | Answer::CertificateExpired
        | Answer::CertificateWrongName
        | Answer::Unauthorized
        | Answer::Forbidden
        | Answer::NotFound
        | Answer::Gone
        | Answer::LoginPage
        | Answer::Tampered
        | Answer::Truncated
        | Answer::TruncatedChunked
        | Answer::TruncatedUnframed
        | Answer::EmptyPackument
        | Answer::VersionMissing
        | Answer::TarballElsewhere
        | Answer::MergesPublic
        | Answer::FallsThrough
        | Answer::RedirectPublic
        | Answer::RedirectStranger
        | Answer::RedirectPort
        | Answer::RedirectHttp
        | Answer::RedirectLoop => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::sound;
    use super::super::tests::run;
    use super::*;

    #[test]
    fn who_is_awaited_begins_and_then_the_longest_and_equals_as_planned() {
        let project = sound();
        let names = ["control", "private-name-unanswered", "baseline", "public-decoy", "private-slow"];
        let runs = names.map(|name| run(&project, name));
        let begins =
            |awaited| start_order(&runs, awaited, 2).into_iter().map(|at| names[at]).collect::<Vec<_>>();
        assert_eq!(
            begins(Some(2)),
            ["baseline", "private-name-unanswered", "private-slow", "control", "public-decoy"]
        );
        assert_eq!(
            begins(None),
            ["private-name-unanswered", "private-slow", "control", "baseline", "public-decoy"]
        );
    }
}
