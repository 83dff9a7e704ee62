//! Toolchains that end-to-end tests ask the program for by `--toolchain`. It fetches
//! each once into the cache that all tests share.

/// The npm that node 20 came with.
pub const NODE_20_NPM_10: &str = "node@20,npm@10";
/// The last npm that runs scripts nobody approved.
pub const NODE_20_NPM_11: &str = "node@20,npm@11";
/// The npm that runs only approved scripts and refuses remote packages.
pub const NODE_22_NPM_12: &str = "node@22,npm@12";

/// All of them, oldest npm first.
pub const ALL: [&str; 3] = [NODE_20_NPM_10, NODE_20_NPM_11, NODE_22_NPM_12];

/// Those that one case of a table is tried with, with their columns: all of them in a whole
/// run. Where npm 10 and 11 are known to agree, a usual run takes one of them for each case in turn.
pub fn tried(case: usize) -> impl Iterator<Item = (usize, &'static str)> {
    let left_out = if super::everything() { ALL.len() } else { case % 2 };
    ALL.into_iter().enumerate().filter(move |(column, _)| *column != left_out)
}

/// As [`tried`] where each try is a whole suite of runs: a usual run takes one of the three for
/// each case in turn.
pub fn in_turn(case: usize) -> impl Iterator<Item = (usize, &'static str)> {
    let wanted = case % ALL.len();
    ALL.into_iter().enumerate().filter(move |(column, _)| super::everything() || *column == wanted)
}

/// `XDG_CACHE_HOME` of every run of the program in the tests.
pub fn cache() -> std::path::PathBuf {
    super::target().join("test-cache")
}
