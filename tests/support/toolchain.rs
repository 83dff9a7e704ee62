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

/// `XDG_CACHE_HOME` of every run of the program in the tests.
pub fn cache() -> std::path::PathBuf {
    super::target().join("test-cache")
}
