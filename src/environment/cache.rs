//! How much npm's cache holds (`cacache`: an index and content by digest).

use super::Cache;
use std::path::Path;

/// Files that are looked at, at most: a cache of years has hundreds of thousands.
const MOST: u64 = 500_000;

/// What is in the cache below npm's `cache` folder; all zero where there is none.
pub(super) fn state(folder: &Path) -> Cache {
    let cacache = folder.join("_cacache");
    let (mut found, mut seen) = (Cache::default(), 0);
    for (part, is_index) in [("index-v5", true), ("content-v2", false)] {
        let walk = walkdir::WalkDir::new(cacache.join(part)).follow_links(false);
        for entry in walk.into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
            seen += 1;
            if seen > MOST {
                found.more = true;
                return found;
            }
            match is_index {
                true => found.keys += 1,
                false => found.bytes += entry.metadata().map_or(0, |meta| meta.len()),
            }
        }
    }
    found
}
