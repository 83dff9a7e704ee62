//! The rules, one a file: its check and its test. Each has a page in
//! `docs/rules` and a fixture in `tests/fixtures/rules` of the same name.

use super::rule::Rule;

pub(super) use tree_mutated_by_script::{is_local, scripted};

macro_rules! rules {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every rule, ordered by name.
        pub static RULES: &[&Rule] = &[$(&$module::RULE),*];
    };
}

rules! {
    acceptance_expired,
    attempted_escape,
    cache_masked_source,
    credential_to_foreign_host,
    drift,
    foreign_code_executed,
    hijacks_package,
    incomplete_install,
    install_failed,
    integrity_only_defence,
    irreproducible_install,
    lockfile_against_config,
    lockfile_follows_config,
    lockfile_not_honoured,
    missing_integrity,
    not_observed,
    plaintext_registry,
    platform_package_missing,
    private_name_in_audit,
    private_name_requested,
    private_set_shrank,
    process_outlived_install,
    registry_merges_public,
    script_egress,
    script_not_approved,
    scripts_ran_while_disabled,
    scripts_required,
    secret_exfiltrated,
    secret_may_have_left,
    secret_read,
    server_resolution_unproven,
    silent_fallback,
    slow_failure,
    stale_baseline,
    tampered_bytes_installed,
    thin_margin,
    tree_mutated_by_script,
    unexpected_source,
    unmapped_private_package,
    write_outside_package,
}
