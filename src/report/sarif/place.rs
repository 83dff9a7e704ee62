//! Where a finding is: a file of the project's and a region in it.
//!
//! Code scanning shows a result at a file only. What lies in no file of the project's is at
//! its `package.json` as a whole, and says so.

use super::message::{plain, text};
use crate::text::Place;
use serde_json::{Value, json};
use std::path::{Component, Path};

/// The name of the folder that paths are relative to, as code scanning knows it.
pub(super) const BASE: &str = "%SRCROOT%";

/// A place in a project that lies in the folder `below` of its repository.
pub(super) fn location(place: Option<&Place>, below: &str) -> Value {
    let Some(place) = place else {
        return whole("the finding is about no line of the project's files", below);
    };
    let Some(uri) = relative(&place.file) else {
        return whole(&format!("the finding is about {place}, outside of the project"), below);
    };
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": from_root(&uri, below), "uriBaseId": BASE },
        "region": {
            "startLine": place.line.max(1),
            "startColumn": place.column.max(1),
            "endColumn": place.column.max(1).saturating_add(place.width.max(1)),
        },
    } })
}

fn whole(why: &str, below: &str) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": from_root("package.json", below), "uriBaseId": BASE },
        },
        "message": text(why),
    })
}

/// A folder that is none below the root is the root.
fn from_root(uri: &str, below: &str) -> String {
    match relative(below) {
        Some(folder) => format!("{}/{uri}", folder.trim_end_matches('/')),
        None => uri.to_owned(),
    }
}

/// A path below the project as a URI reference (RFC 3986), if it is one.
fn relative(file: &str) -> Option<String> {
    let below = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
    if file.is_empty() || file.starts_with('~') || !below {
        return None;
    }
    let mut uri = String::new();
    for byte in plain(file).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    Some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_the_project_is_a_file_of_it() {
        for (file, uri) in [
            ("package-lock.json", Some("package-lock.json")),
            ("apps/web/.npmrc", Some("apps/web/.npmrc")),
            ("a b#?:ö", Some("a%20b%23%3F%3A%C3%B6")),
            ("javascript:alert(1)", Some("javascript%3Aalert%281%29")),
            ("~/.npmrc", None),
            ("/etc/npmrc", None),
            ("../.npmrc", None),
            ("", None),
        ] {
            assert_eq!(relative(file).as_deref(), uri, "{file}");
        }
    }

    #[test]
    fn a_region_begins_at_one_and_its_end_is_behind_it() {
        let (file, excerpt) = ("package.json".to_owned(), String::new());
        let place = Place { file, line: 0, column: 0, width: 0, excerpt };
        let region = &location(Some(&place), "")["physicalLocation"]["region"];
        assert_eq!(region, &json!({ "startLine": 1, "startColumn": 1, "endColumn": 2 }));
        let nowhere = location(None, "");
        assert_eq!(nowhere["physicalLocation"]["artifactLocation"]["uri"], "package.json");
        assert!(nowhere["physicalLocation"].get("region").is_none());
    }

    #[test]
    fn paths_are_from_the_root_of_the_repository() {
        let (file, excerpt) = (".npmrc".to_owned(), String::new());
        let place = Place { file, line: 1, column: 1, width: 1, excerpt };
        for (below, uri) in [("apps/a b/", "apps/a%20b/.npmrc"), ("", ".npmrc"), ("../x", ".npmrc")] {
            let at = location(Some(&place), below);
            assert_eq!(at["physicalLocation"]["artifactLocation"]["uri"], uri, "{below}");
        }
        let nowhere = location(None, "apps");
        assert_eq!(nowhere["physicalLocation"]["artifactLocation"]["uri"], "apps/package.json");
    }
}
