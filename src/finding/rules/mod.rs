//! The rules, one a file: its check and its test. Each has a page in
//! `docs/rules` and a fixture in `tests/fixtures/rules` of the same name.

use super::rule::Rule;

macro_rules! rules {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every rule, ordered by name.
        pub static RULES: &[&Rule] = &[$(&$module::RULE),*];
    };
}

rules! {
    credential_to_foreign_host,
    foreign_code_executed,
    incomplete_install,
    install_failed,
    not_observed,
    private_name_requested,
    silent_fallback,
    tampered_bytes_installed,
}
