//! Where the program keeps what outlives one invocation.

use std::path::PathBuf;

/// `$XDG_CACHE_HOME/sealcheck`, `~/.cache/sealcheck`, or a folder in the
/// system's temporary one where there is no home.
pub(crate) fn cache() -> PathBuf {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .and_then(absolute)
        .or_else(|| home().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("sealcheck")
}

/// Fetched toolchains.
pub(crate) fn toolchains() -> PathBuf {
    cache().join("toolchains")
}

/// What node and npm answered.
pub(crate) fn answers() -> PathBuf {
    cache().join("answers")
}

/// Scratch of sandboxes that write to disk, and caches that runs hand on.
pub(crate) fn scratch() -> PathBuf {
    cache().join("scratch")
}

/// The user's home.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
}
