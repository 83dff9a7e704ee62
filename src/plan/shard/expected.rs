//! How long a run is expected to take, by what its scenario does.
//!
//! The numbers were taken from the runs of the suite `full` on `examples/leaky-shop` with npm
//! 11, and what a package takes from installs of some hundred packages. Only how they stand to
//! each other matters: that of all shards one is not much longer than the rest.

use crate::scenario::{Answer, Install, Scenario};

/// Making a place, starting npm, and reading what is on the disk afterwards.
const PLACE_MS: u64 = 600;
/// An install with what the gateway has to hand out for it, for each package.
const PACKAGE_MS: u64 = 12;
/// How long npm waits for a host that says nothing, with the retry times that scenarios
/// shorten, and with its own.
const SHORT_WAIT_MS: u64 = 2_500;
const OWN_WAIT_MS: u64 = 180_000;
/// Bytes that arrive slowly.
const SLOW_MS: u64 = 2_000;

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
    match answer {
        Answer::BlackHole | Answer::LookupUnanswered | Answer::Unanswered => {
            if scenario.install.shorten_retries { SHORT_WAIT_MS } else { OWN_WAIT_MS }
        }
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
