//! The stores of an invocation, brought down to their size once everything has run.

use super::arguments::Talk;
use super::pool::Pool;
use super::say;
use super::test::Prepared;
use crate::report::terminal::bytes;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How large each store may be, by its folder.
pub(super) struct Limits(BTreeMap<PathBuf, u64>);

impl Limits {
    /// As the projects want it; where they share a store the largest counts. What was to be
    /// used offline stays: it could not be fetched again.
    pub(super) fn of(projects: &[Prepared]) -> Self {
        let mut limits = BTreeMap::new();
        for prepared in projects {
            let loaded = prepared.places.first().map(|place| &place.loaded);
            let Some(loaded) = loaded.filter(|loaded| !loaded.offline) else { continue };
            let Some(Ok(folder)) = loaded.store_path.as_ref().map(|path| path.canonicalize()) else {
                continue;
            };
            let limit = limits.entry(folder).or_insert(0);
            *limit = prepared.options.store_limit.max(*limit);
        }
        Self(limits)
    }

    /// Trims each. What cannot be removed is said and fails nothing: the test is over.
    pub(super) fn hold(&self, pool: &Pool, talk: &Talk) {
        for (folder, store) in pool.kept() {
            let Some(limit) = self.0.get(&folder) else { continue };
            let at = folder.display();
            match store.trim(*limit) {
                Err(error) => say(&format!("the store {at} was not made smaller: {error}")),
                Ok(_) if talk.verbose == 0 || talk.quiet => {}
                Ok(trimmed) if trimmed.busy => {
                    say(&format!(
                        "the store {at} has {}; another sealcheck uses it and trims it",
                        bytes(trimmed.left)
                    ));
                }
                Ok(trimmed) => say(&format!(
                    "the store {at} has {} of at most {}; {} answers of {} were removed",
                    bytes(trimmed.left),
                    bytes(*limit),
                    trimmed.removed,
                    bytes(trimmed.freed)
                )),
            }
        }
    }
}
