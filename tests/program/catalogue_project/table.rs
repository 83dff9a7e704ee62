//! What comes of each scenario on the two examples, with npm 11.

use crate::catalogue_project::proofs::{self, Proof};

/// A scenario's outcome on both.
pub struct Row {
    pub scenario: &'static str,
    pub leaky: (&'static str, Proof),
    pub sealed: (&'static str, Proof),
}

const fn row(scenario: &'static str, leaky: (&'static str, Proof), sealed: (&'static str, Proof)) -> Row {
    Row { scenario, leaky, sealed }
}

const NO_USER: (&str, Proof) =
    ("not-applicable: the user's npmrc maps no private package to a registry", proofs::none);
const NO_RESOLVED: (&str, Proof) =
    ("not-applicable: no lockfile entry of a private package has `resolved`", proofs::none);
const NO_MIRROR: (&str, Proof) = (
    "not-applicable: no package is pinned to the public registry while another one is the default",
    proofs::none,
);
const NO_TOKEN: (&str, Proof) = (
    "not-applicable: no npmrc file writes the credential of a private package's registry by a variable",
    proofs::none,
);
const LEAKS: (&str, Proof) = ("leaked, npm 0", proofs::asks_a_stranger);
const HOLDS: (&str, Proof) = ("sealed, npm 0", proofs::follows_resolved);

/// In the order of the catalogue.
pub const BOTH: &[Row] = &[
    row("home-changed", NO_USER, NO_USER),
    row("userconfig-elsewhere", NO_USER, NO_USER),
    row(
        "prefix-elsewhere",
        ("not-applicable: the global npmrc maps no private package to a registry", proofs::none),
        ("not-applicable: the global npmrc maps no private package to a registry", proofs::none),
    ),
    row("npmrc-in-parent-folder", LEAKS, HOLDS),
    row(
        "npmrc-in-workspace-member",
        ("not-applicable: the project is no workspace with members", proofs::none),
        ("not-applicable: the project is no workspace with members", proofs::none),
    ),
    row("scope-in-other-case", LEAKS, HOLDS),
    row("mapping-empty", LEAKS, HOLDS),
    row(
        "mapping-variable-unset",
        ("sealed, npm ERR_INVALID_URL", proofs::no_url),
        ("sealed, npm ERR_INVALID_URL", proofs::no_url),
    ),
    row("mapping-variable-optional", LEAKS, HOLDS),
    row(
        "registry-option",
        ("sealed, npm 0", proofs::with_registry_option),
        ("sealed, npm 0", proofs::with_registry_option),
    ),
    row(
        "scope-setting",
        ("sealed, npm E404", proofs::unscoped_asked_of_the_private_registry),
        ("sealed, npm E404", proofs::unscoped_asked_of_the_private_registry),
    ),
    row(
        "replace-registry-host-always",
        NO_RESOLVED,
        ("exposed, npm EINTEGRITY", proofs::resolved_leads_to_a_decoy),
    ),
    row(
        "replace-registry-host-named",
        NO_RESOLVED,
        ("exposed, npm EINTEGRITY", proofs::resolved_leads_to_a_decoy),
    ),
    row(
        "replace-registry-host-url",
        NO_RESOLVED,
        ("exposed, npm EINTEGRITY", proofs::resolved_leads_to_a_decoy),
    ),
    row("replace-registry-host-never", NO_MIRROR, NO_MIRROR),
    row("replace-registry-host-npmjs", NO_MIRROR, NO_MIRROR),
    row(
        "resolved-omitted-on-write",
        ("sealed, npm 0", proofs::own_registry_only),
        ("sealed, npm 0", proofs::own_registry_only),
    ),
    row(
        "prefer-offline",
        ("sealed, npm 0", proofs::from_the_cache_unasked),
        ("sealed, npm 0", proofs::from_the_cache_unasked),
    ),
    row(
        "prefer-offline-private-down",
        ("sealed, npm 0", proofs::from_the_cache_unasked),
        ("sealed, npm 0", proofs::from_the_cache_unasked),
    ),
    row(
        "poisoned-cache",
        ("sealed, npm 0", proofs::own_registry_only),
        ("sealed, npm 0", proofs::own_registry_only),
    ),
    row(
        "poisoned-cache-private-down",
        ("leaked, npm 0", proofs::the_strangers_from_the_cache),
        ("sealed, npm ECONNREFUSED", proofs::nothing_installed),
    ),
    row(
        "poisoned-cache-immutable",
        ("leaked, npm 0", proofs::the_strangers_from_the_cache),
        ("sealed, npm 0", proofs::own_registry_only),
    ),
    row(
        "must-revalidate-cache-private-down",
        ("sealed, npm ECONNREFUSED", proofs::nothing_installed),
        ("sealed, npm 0", proofs::from_the_cache_unasked),
    ),
    row(
        "offline-cold",
        ("sealed, npm ENOTCACHED", proofs::asks_nobody),
        ("sealed, npm ENOTCACHED", proofs::asks_nobody),
    ),
    row(
        "offline-warm",
        ("sealed, npm 0", proofs::from_the_cache_offline),
        ("sealed, npm 0", proofs::from_the_cache_offline),
    ),
    row(
        "omit-dev",
        ("not-applicable: no package is for development only", proofs::none),
        ("not-applicable: no package is for development only", proofs::none),
    ),
    row(
        "omit-optional",
        ("not-applicable: no package is optional", proofs::none),
        ("not-applicable: no package is optional", proofs::none),
    ),
    row(
        "released-before",
        ("sealed, npm ETARGET", proofs::nothing_old_enough),
        ("sealed, npm ETARGET", proofs::nothing_old_enough),
    ),
    row(
        "min-release-age",
        ("sealed, npm ETARGET", proofs::nothing_old_enough),
        ("sealed, npm ETARGET", proofs::nothing_old_enough),
    ),
    row(
        "allow-remote-none",
        ("sealed, npm 0", proofs::own_registry_only),
        ("sealed, npm 0", proofs::own_registry_only),
    ),
    row(
        "allow-git-none",
        ("not-applicable: no package comes from git", proofs::none),
        ("not-applicable: no package comes from git", proofs::none),
    ),
    row("install-scripts-denied", ("sealed, npm 0", proofs::no_script), ("sealed, npm 0", proofs::no_script)),
    row(
        "install-scripts-unreviewed",
        ("sealed, npm ESTRICTALLOWSCRIPTS", proofs::asks_nobody),
        ("sealed, npm ESTRICTALLOWSCRIPTS", proofs::asks_nobody),
    ),
    row(
        "install-controls-open",
        ("sealed, npm 0", proofs::with_script),
        ("sealed, npm 0", proofs::with_script),
    ),
    row(
        "lockfile-version-1",
        ("sealed, npm 0", proofs::asks_by_name_first),
        ("sealed, npm 0", proofs::asks_by_name_first),
    ),
    row(
        "shrinkwrap-beside",
        ("sealed, npm 0", proofs::asks_by_name_first),
        ("sealed, npm 0", proofs::asks_by_name_first),
    ),
    row(
        "lockfile-out-of-step",
        ("sealed, npm ETARGET", proofs::asks_by_name_first),
        ("sealed, npm ETARGET", proofs::asks_by_name_first),
    ),
    row(
        "lockfile-at-stranger",
        ("leaked, npm 0", proofs::stranger_asked),
        ("exposed, npm EINTEGRITY", proofs::stranger_asked),
    ),
    row(
        "lockfile-at-public",
        ("leaked, npm 0", proofs::resolved_leads_to_a_decoy),
        ("exposed, npm EINTEGRITY", proofs::resolved_leads_to_a_decoy),
    ),
    row(
        "lockfile-other-tarball",
        ("leaked, npm 0", proofs::another_tarball),
        ("sealed, npm EINTEGRITY", proofs::another_tarball),
    ),
    row(
        "lockfile-resolved-unparsable",
        ("broken, npm 0", proofs::left_out),
        ("broken, npm 0", proofs::left_out),
    ),
    row(
        "lockfile-sha1-only",
        (
            "not-applicable: no lockfile entry of a private package has an integrity that can verify",
            proofs::none,
        ),
        ("sealed, npm EINTEGRITY", proofs::refused_by_a_sha1),
    ),
    row(
        "install-script-flag-missing",
        ("sealed, npm 0", proofs::no_script),
        ("sealed, npm 0", proofs::no_script),
    ),
    row(
        "warm-cache",
        ("sealed, npm 0", proofs::own_registry_only),
        ("sealed, npm 0", proofs::from_the_cache),
    ),
    row(
        "virtual-merges-lockfile-removed",
        ("not-applicable: no registry of a private package is known to serve public ones too", proofs::none),
        ("not-applicable: no registry of a private package is known to serve public ones too", proofs::none),
    ),
    row("npm-install", ("sealed, npm 0", proofs::with_install), ("sealed, npm 0", proofs::with_install)),
    row(
        "foreground-scripts",
        ("sealed, npm 0", proofs::scripts_in_sight),
        ("sealed, npm 0", proofs::scripts_in_sight),
    ),
    row("npm-rebuild", ("sealed, npm 0", proofs::rebuilt), ("sealed, npm 0", proofs::rebuilt)),
    row(
        "npm-update-dry-run",
        ("sealed, npm 0", proofs::asks_for_names_only),
        ("sealed, npm 0", proofs::asks_for_names_only),
    ),
    row("private-token-unset", NO_TOKEN, NO_TOKEN),
];

/// Scenario, and what comes of it on the leaky and on the sealed shop.
type Other = (&'static str, &'static str, &'static str);

/// Where npm 10 differs from npm 11.
pub const NPM_10: &[Other] = &[
    ("mapping-variable-optional", "sealed, npm ERR_INVALID_URL", "sealed, npm ERR_INVALID_URL"),
    (
        "allow-remote-none",
        "not-applicable: npm 10 does not know `allow-remote`",
        "not-applicable: npm 10 does not know `allow-remote`",
    ),
    (
        "replace-registry-host-url",
        "not-applicable: no lockfile entry of a private package has `resolved`",
        "not-applicable: npm 10 takes no URL for `replace-registry-host`",
    ),
];

/// Where npm 12 differs from npm 11.
pub const NPM_12: &[Other] = &[
    ("npmrc-in-parent-folder", "leaked, npm 0", "sealed, npm EALLOWREMOTE"),
    ("lockfile-at-stranger", "sealed, npm EALLOWREMOTE", "sealed, npm EALLOWREMOTE"),
    ("lockfile-at-public", "sealed, npm EALLOWREMOTE", "sealed, npm EALLOWREMOTE"),
];
