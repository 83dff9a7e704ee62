//! Where npm keeps its cache and its logs, as a run's configuration has it.
//!
//! It must not know who wrote there.

use super::{HOME, PROJECT, SealContext};

/// Files beside the cache that npm writes whatever it does.
const LOGS: &str = "_logs/";
const CHECKED: &str = "_update-notifier-last-checked";

/// npm's own folders.
pub(super) struct Folders {
    /// Of the cache, each with a `/` behind it.
    caches: Vec<String>,
    logs: Vec<String>,
}

impl Folders {
    pub(super) fn of(context: &SealContext<'_>) -> Self {
        let folder = |key: &str| context.config.plain(key).and_then(placed);
        let caches: Vec<String> =
            [Some(format!("{HOME}.npm/")), folder("cache")].into_iter().flatten().collect();
        let logs = caches.iter().map(|cache| format!("{cache}{LOGS}")).chain(folder("logs-dir")).collect();
        Self { caches, logs }
    }

    /// Whether a path lies in one of them.
    pub(super) fn have(&self, path: &str) -> bool {
        self.caches.iter().chain(&self.logs).any(|folder| path.starts_with(folder.as_str()))
    }

    /// Whether it is what npm notes whatever it is asked to do.
    pub(super) fn notes(&self, path: &str) -> bool {
        self.logs.iter().any(|folder| path.starts_with(folder.as_str()))
            || self.caches.iter().any(|folder| path.strip_prefix(folder.as_str()) == Some(CHECKED))
    }
}

/// A folder as npm takes a setting that is a path: from the home folder, or from npm's root. The
/// whole project, or the whole machine, is no cache.
fn placed(value: &str) -> Option<String> {
    let whole = match value.strip_prefix("~/") {
        Some(rest) => format!("{HOME}{rest}"),
        None if value.starts_with('/') => value.to_owned(),
        None => format!("{PROJECT}/{}", value.trim_start_matches("./")),
    };
    let whole = whole.trim_end_matches('/');
    let climbs = whole.split('/').any(|part| matches!(part, ".." | "."));
    let above = [PROJECT, HOME.trim_end_matches('/')]
        .iter()
        .any(|place| place.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    (!climbs && !above && !value.is_empty()).then(|| format!("{whole}/"))
}

#[cfg(test)]
mod tests {
    use super::placed;

    #[test]
    fn a_setting_is_a_folder_from_the_home_folder_or_from_npms_root() {
        for (value, wanted) in [
            (".npm", Some("/project/.npm/")),
            ("./.npm/", Some("/project/.npm/")),
            ("~/.cache/npm", Some("/home/npm/.cache/npm/")),
            ("/var/cache/npm", Some("/var/cache/npm/")),
            ("../x", None),
            ("", None),
            (".", None),
            ("/", None),
            ("/home", None),
            ("/project", None),
        ] {
            assert_eq!(placed(value).as_deref(), wanted, "{value}");
        }
    }
}
