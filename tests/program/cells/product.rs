//! The product of conditions, lockfiles and configurations that is tried. A condition is
//! the name of a scenario, of the catalogue or of `scenarios/` beside this file.

use crate::cells::subject::{Config, Lock};

type Part = (Config, Lock, &'static [&'static [&'static str]]);

/// Where a private package may be lost to a stranger.
const SOURCES: &[&str] = &[
    "public-decoy",
    "private-mapping-removed",
    "registry-overridden",
    "replace-registry-host-always",
    "private-not-found",
    "tampered-tarball",
    "private-redirected-public",
    "private-tarball-elsewhere",
];

/// How the mapping may be lost.
const MAPPINGS: &[&str] = &[
    "private-mapping-removed",
    "registry-overridden",
    "registry-option",
    "scope-in-other-case",
    "mapping-empty",
    "mapping-variable-unset",
    "mapping-variable-optional",
    "npmrc-in-parent-folder",
    "lost-and-unclaimed",
    "lost-and-public-refused",
    "lost-and-installed",
];

/// How a registry may fail.
const STATES: &[&str] = &[
    "private-refused",
    "private-reset",
    "private-unauthorized",
    "private-forbidden",
    "private-gone",
    "private-rate-limited",
    "private-server-error",
    "private-unavailable",
    "private-login-page",
    "private-packument-empty",
    "private-version-missing",
    "private-truncated",
    "private-truncated-chunked",
    "private-truncated-unframed",
    "private-reset-in-body",
    "private-redirected-stranger",
    "private-redirect-loop",
    "public-refused",
];

/// What else may be said to npm.
const MANNERS: &[&str] = &[
    "replace-registry-host-named",
    "replaced-always-and-lost",
    "scripts-disabled",
    "foreground-scripts",
    "offline-cold",
    "offline-warm",
    "prefer-offline",
    "prefer-offline-private-down",
    "warm-cache",
    "warm-cache-private-down",
    "lockfile-removed",
    "lockfile-out-of-step",
    "npm-install",
    "allow-remote-none",
    "lockfile-at-public",
    "lockfile-resolved-unparsable",
];

/// A few of each, for configurations that differ little.
const SOME: &[&str] = &["public-decoy", "private-mapping-removed", "private-not-found"];

pub const PRODUCT: &[Part] = &[
    (Config::SCOPED, Lock::SOUND, &[STATES, MANNERS, SOURCES]),
    (Config::SCOPED, Lock::BARE, &[MAPPINGS, SOURCES]),
    (Config::SCOPED, Lock::SOUND_1, &[SOURCES]),
    (Config::SCOPED, Lock::BARE_1, &[SOURCES]),
    (Config::SCOPED, Lock::UNRESOLVED, &[SOURCES]),
    (Config::SCOPED, Lock::UNHASHED, &[SOURCES]),
    (Config::SCOPED, Lock::SHA1_UNRESOLVED, &[SOME]),
    (Config::LISTED, Lock::AT_PUBLIC, &[SOME]),
    (Config::SCOPED, Lock::AT_PUBLIC_UNHASHED, &[SOME]),
    (Config::SCOPED, Lock::SHRINKWRAP_BARE, &[SOME]),
    (Config::OPTIONAL, Lock::SOUND, &[SOME]),
    (Config::DEFAULT, Lock::BARE, &[SOME]),
    (Config::UNMAPPED, Lock::AT_PUBLIC, &[SOME]),
    (Config::ANYWHERE, Lock::SOUND, &[SOME]),
    (Config::SCRIPTLESS, Lock::BARE, &[SOME]),
    (Config::CACHED, Lock::BARE_2, &[SOME]),
];
