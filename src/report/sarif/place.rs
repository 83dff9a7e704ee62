//! Where a finding is: a file of the project's and a region in it.
//!
//! Code scanning shows a result at a file only. What lies in no file of the project's is at
//! its `package.json` as a whole, and says so.

use super::message::{plain, text};
use crate::text::Place;
use serde_json::{Value, json};
use std::path::{Component, Path};

/// The name of the folder that paths are relative to, as code scanning knows it.
const ROOT: &str = "%SRCROOT%";
/// The same of a folder that is nowhere below it.
const ELSEWHERE: &str = "PROJECT";

/// The folder of a project, as seen from where the files are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Base {
    /// What comes before a path in the project: `apps/web/`.
    prefix: String,
    /// The folder, where it is not below that one.
    elsewhere: Option<String>,
}

impl Base {
    /// Of a folder as the user named it.
    pub(super) fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let plain = parts.join("/");
        match relative(&plain) {
            Some(_) if path.starts_with('/') => Self { elsewhere: Some(path.to_owned()), ..Self::default() },
            Some(_) => Self { prefix: format!("{plain}/"), elsewhere: None },
            None if plain.is_empty() && !path.starts_with('/') => Self::default(),
            None => Self { elsewhere: Some(path.to_owned()), ..Self::default() },
        }
    }

    /// The name of the folder that paths are relative to.
    pub(super) fn id(&self) -> &'static str {
        if self.elsewhere.is_some() { ELSEWHERE } else { ROOT }
    }

    /// What that folder is.
    pub(super) fn about(&self) -> String {
        match (&self.elsewhere, self.prefix.as_str()) {
            (Some(folder), _) => format!("The folder of the tested project, {folder}"),
            (None, "") => "The folder of the tested project".to_owned(),
            (None, _) => "The folder in which the test of all projects was started".to_owned(),
        }
    }

    fn file(&self, file: &str) -> Option<String> {
        relative(file)?;
        relative(&format!("{}{file}", self.prefix))
    }
}

pub(super) fn location(place: Option<&Place>, base: &Base) -> Value {
    let Some(place) = place else {
        return whole("the finding is about no line of the project's files", base);
    };
    let Some(uri) = base.file(&place.file) else {
        return whole(&format!("the finding is about {place}, outside of the project"), base);
    };
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri, "uriBaseId": base.id() },
        "region": {
            "startLine": place.line.max(1),
            "startColumn": place.column.max(1),
            "endColumn": place.column.max(1).saturating_add(place.width.max(1)),
        },
    } })
}

fn whole(why: &str, base: &Base) -> Value {
    let uri = base.file("package.json");
    json!({
        "physicalLocation": { "artifactLocation": { "uri": uri, "uriBaseId": base.id() } },
        "message": text(why),
    })
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
        let region = &location(Some(&place), &Base::default())["physicalLocation"]["region"];
        assert_eq!(region, &json!({ "startLine": 1, "startColumn": 1, "endColumn": 2 }));
        let nowhere = location(None, &Base::default());
        assert_eq!(nowhere["physicalLocation"]["artifactLocation"]["uri"], "package.json");
        assert!(nowhere["physicalLocation"].get("region").is_none());
    }

    #[test]
    fn files_of_a_project_below_are_found_from_above() {
        for (folder, uri, id) in [
            ("apps/web", "apps/web/package.json", ROOT),
            ("./apps//web/", "apps/web/package.json", ROOT),
            ("größe 1", "gr%C3%B6%C3%9Fe%201/package.json", ROOT),
            (".", "package.json", ROOT),
            ("", "package.json", ROOT),
            ("../web", "package.json", ELSEWHERE),
            ("/srv/web", "package.json", ELSEWHERE),
            ("/", "package.json", ELSEWHERE),
            ("~web", "package.json", ELSEWHERE),
        ] {
            let file = &location(None, &Base::of(folder))["physicalLocation"]["artifactLocation"];
            assert_eq!(file, &json!({ "uri": uri, "uriBaseId": id }), "{folder}");
        }
        let (file, excerpt) = ("../../x".to_owned(), String::new());
        let place = Place { file, line: 1, column: 1, width: 1, excerpt };
        let whole = location(Some(&place), &Base::of("apps/web"));
        assert_eq!(whole["physicalLocation"]["artifactLocation"]["uri"], "apps/web/package.json");
    }
}
