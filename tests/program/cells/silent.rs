//! The twenty silent failures of npm, S1 to S20, each as one cell or several, with the
//! verdict that is known of each npm: beside what the observer saw, the third word.

use crate::cells::subject::{Config, Lock};

/// Of npm 6, 7, 8, 10, 11 and 12; empty where nothing is known.
pub type Known = [&'static str; 6];

pub const MAJORS: [&str; 6] = ["6", "7", "8", "10", "11", "12"];

pub struct Silent {
    pub numbers: &'static str,
    pub config: Config,
    pub lock: Lock,
    pub conditions: &'static [(&'static str, Known)],
}

const LEAKED: Known = ["leaked"; 6];
/// From npm 8 on.
const LEAKED_8: Known = ["", "", "leaked", "leaked", "leaked", "leaked"];
/// npm 8 to 11; npm 12 refuses, and nobody was asked.
const BUT_TWELVE: Known = ["", "", "leaked", "leaked", "leaked", "sealed"];
const BROKEN_7: Known = ["", "broken", "broken", "broken", "broken", "broken"];

const fn silent(
    numbers: &'static str,
    config: Config,
    lock: Lock,
    conditions: &'static [(&'static str, Known)],
) -> Silent {
    Silent { numbers, config, lock, conditions }
}

/// What shares a project shares its baseline. Lockfiles of version 2 where npm 6 is to
/// read them as well. S13 to S15 and half of S20 are projects of their own, in `peculiar`.
pub const SILENT: &[Silent] = &[
    silent(
        "S1 and S9",
        Config::SCOPED,
        Lock::BARE_2,
        &[("private-mapping-removed", LEAKED), ("private-tarball-elsewhere", LEAKED)],
    ),
    silent(
        "S2",
        Config::SCOPED,
        Lock::AT_PUBLIC_UNHASHED_2,
        &[("public-decoy", ["sealed", "leaked", "leaked", "leaked", "leaked", "broken"])],
    ),
    silent("S3", Config::UNMAPPED, Lock::AT_PUBLIC_UNHASHED_2, &[("public-decoy", LEAKED)]),
    silent(
        "S4",
        Config::SCOPED,
        Lock::SHA1_UNRESOLVED_2,
        &[("private-mapping-removed", ["exposed", "leaked", "leaked", "leaked", "leaked", "leaked"])],
    ),
    silent(
        "S5, S9, S12 and S17",
        Config::SCOPED,
        Lock::UNHASHED_2,
        &[
            ("replace-registry-host-always", BUT_TWELVE),
            ("replace-registry-host-named", BUT_TWELVE),
            ("replaced-always-and-lost", LEAKED_8),
            ("tampered-tarball", LEAKED),
            ("private-redirected-public", LEAKED),
            ("warm-cache-private-down", ["", "", "sealed", "sealed", "sealed", "sealed"]),
            ("poisoned-cache-private-down", LEAKED_8),
            ("poisoned-cache-immutable", LEAKED_8),
            ("must-revalidate-cache-private-down", ["", "", "sealed", "sealed", "sealed", "sealed"]),
            ("private-mapping-removed", ["leaked", "sealed", "sealed", "sealed", "sealed", "sealed"]),
        ],
    ),
    silent("S6", Config::DEFAULT, Lock::AT_PUBLIC_UNHASHED_2, &[("replace-registry-host-never", BUT_TWELVE)]),
    silent(
        "S7 and S8",
        Config::DEFAULT,
        Lock::BARE_2,
        &[
            ("registry-overridden", LEAKED_8),
            ("registry-option", LEAKED_8),
            ("mapping-empty", ["", "", "leaked", "sealed", "sealed", "sealed"]),
            ("mapping-variable-unset", ["", "", "leaked", "sealed", "sealed", "sealed"]),
        ],
    ),
    // Not by EINTEGRITY: whether npm has cleared away what it refused before it exits is
    // chance, and traced it is slower. Reports tell of either; plain npm was never seen late.
    silent(
        "S10",
        Config::OPTIONAL,
        Lock::SOUND_2,
        &[
            ("private-refused", BROKEN_7),
            ("private-not-found", BROKEN_7),
            ("private-truncated", ["", "", "sealed", "broken", "broken", "broken"]),
        ],
    ),
    silent("S11", Config::OPTIONAL, Lock::BARE_2, &[("private-mapping-removed", LEAKED)]),
    silent(
        "S12 and S18",
        Config::SCOPED,
        Lock::SOUND_2,
        &[
            ("warm-cache-private-down", ["sealed"; 6]),
            ("poisoned-cache-private-down", ["", "", "sealed", "sealed", "sealed", "sealed"]),
            ("poisoned-cache", ["", "", "sealed", "sealed", "sealed", "sealed"]),
            ("poisoned-cache-immutable", ["", "", "sealed", "sealed", "sealed", "sealed"]),
            ("must-revalidate-cache-private-down", ["", "", "sealed", "sealed", "sealed", "sealed"]),
            ("out-of-step-and-lost", ["", "leaked", "exposed", "exposed", "exposed", "exposed"]),
        ],
    ),
    silent(
        "S16",
        Config::SCOPED,
        Lock::NOT_A_URL_2,
        &[("baseline", ["sealed", "broken", "broken", "broken", "broken", "broken"])],
    ),
    silent(
        "S19",
        Config::SCOPED,
        Lock::SOUND_1,
        &[("private-mapping-removed", ["", "exposed", "exposed", "exposed", "exposed", ""])],
    ),
    silent(
        "S20",
        Config::SCOPED,
        Lock::UNFLAGGED_2,
        &[("baseline", ["", "sealed", "sealed", "sealed", "sealed", "sealed"])],
    ),
];
