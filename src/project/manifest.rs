//! package.json.
//!
//! Only what an install depends on is read; what npm itself would refuse is
//! complained about, what npm overlooks is overlooked.

use super::file::{SMALL_LIMIT, read_inside};
use super::json::{self, Json, Kind};
use super::places::place;
use crate::text::{Complaint, Source};
use std::collections::BTreeMap;
use std::path::Path;

/// A version that package.json asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The version or range, as written.
    pub version: String,
    /// The key that says so: `devEngines` or `volta`.
    pub by: &'static str,
}

/// The root's package.json, as far as an install depends on it.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file.
    pub source: Source,
    /// `name`, if it has one.
    pub name: Option<String>,
    /// `version`, if it has one.
    pub version: Option<String>,
    /// `workspaces` globs, in order.
    pub workspaces: Vec<String>,
    /// `scripts`.
    pub scripts: BTreeMap<String, String>,
    /// `allowScripts`: `name[@version]` to allowed or denied.
    pub allow_scripts: Option<BTreeMap<String, bool>>,
    /// `packageManager` (`npm@11.2.0`).
    pub package_manager: Option<String>,
    /// The node that decides a toolchain.
    pub wanted_node: Option<Wanted>,
    /// See `wanted_node`.
    pub wanted_npm: Option<Wanted>,
    /// `engines`: what to version range.
    pub engines: BTreeMap<String, String>,
    /// `dependencies`, `devDependencies`, `optionalDependencies`, `peerDependencies` flattened: name to range.
    pub dependencies: BTreeMap<String, String>,
}

impl Manifest {
    /// The package.json of a folder, `None` where there is none. `top` is the
    /// folder that it must not lead out of, `name` what it is shown as.
    pub(crate) fn read(top: &Path, folder: &Path, name: &str) -> Result<Option<Self>, Complaint> {
        match read_inside(top, &folder.join("package.json"), name, SMALL_LIMIT)? {
            Some(source) => Self::parse(source).map(Some),
            None => Ok(None),
        }
    }

    /// Understands the text.
    pub(crate) fn parse(source: Source) -> Result<Self, Complaint> {
        let json = json::parse(&source)?;
        let reader = Reader { source: &source };
        if !json.is_object() {
            return Err(reader.wrong(&json, "package.json", "an object"));
        }
        let mut dependencies = BTreeMap::new();
        // Later ones win, as in npm: an optional dependency is not a plain one.
        for key in ["peerDependencies", "devDependencies", "dependencies", "optionalDependencies"] {
            dependencies.extend(reader.strings(&json, key, true)?);
        }
        let volta = json.get("volta");
        let wish = |tool: &str| {
            let version = volta.and_then(|volta| volta.get(tool)).and_then(Json::text)?.to_owned();
            Some(Wanted { version, by: "volta" })
        };
        Ok(Self {
            name: reader.string(&json, "name")?,
            version: reader.string(&json, "version")?,
            workspaces: reader.workspaces(&json)?,
            scripts: reader.strings(&json, "scripts", false)?,
            allow_scripts: reader.allow_scripts(&json)?,
            package_manager: reader.string(&json, "packageManager")?,
            wanted_node: dev_engine(&json, "runtime", "node").or_else(|| wish("node")),
            wanted_npm: dev_engine(&json, "packageManager", "npm").or_else(|| wish("npm")),
            engines: engines(&json),
            dependencies,
            source,
        })
    }
}

struct Reader<'a> {
    source: &'a Source,
}

impl Reader<'_> {
    fn wrong(&self, found: &Json, what: &str, wanted: &str) -> Complaint {
        Complaint::at(
            place(self.source, found.span.clone()),
            format!("`{what}` is {}, where {wanted} belongs", found.noun()),
        )
        .help(format!("make it {wanted}"))
    }

    fn string(&self, json: &Json, key: &str) -> Result<Option<String>, Complaint> {
        match json.get(key) {
            None => Ok(None),
            Some(value) => match value.text() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong(value, key, "a string")),
            },
        }
    }

    /// An object of strings. npm drops scripts that are no strings, and fails
    /// at dependencies that are none (`strict`).
    fn strings(&self, json: &Json, key: &str, strict: bool) -> Result<BTreeMap<String, String>, Complaint> {
        let Some(value) = json.get(key) else { return Ok(BTreeMap::new()) };
        if !value.is_object() {
            return Err(self.wrong(value, key, "an object"));
        }
        let mut out = BTreeMap::new();
        for member in value.members() {
            match member.value.text() {
                Some(text) => {
                    out.insert(member.key.clone(), text.to_owned());
                }
                None if strict => {
                    return Err(self.wrong(&member.value, &format!("{key}.{}", member.key), "a string"));
                }
                None => {}
            }
        }
        Ok(out)
    }

    fn workspaces(&self, json: &Json) -> Result<Vec<String>, Complaint> {
        let wanted = "an array of strings";
        let Some(value) = json.get("workspaces") else { return Ok(Vec::new()) };
        let list = match &value.kind {
            Kind::Object(_) => match value.get("packages") {
                None => return Ok(Vec::new()),
                Some(packages) => packages,
            },
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => value,
        };
        let Kind::List(items) = &list.kind else { return Err(self.wrong(list, "workspaces", wanted)) };
        items
            .iter()
            .map(|item| {
                item.text().map(str::to_owned).ok_or_else(|| self.wrong(item, "workspaces[]", "a string"))
            })
            .collect()
    }

    fn allow_scripts(&self, json: &Json) -> Result<Option<BTreeMap<String, bool>>, Complaint> {
        let Some(value) = json.get("allowScripts") else { return Ok(None) };
        if !value.is_object() {
            return Err(self.wrong(value, "allowScripts", "an object"));
        }
        let mut out = BTreeMap::new();
        for member in value.members() {
            let Kind::Bool(allowed) = member.value.kind else {
                let what = format!("allowScripts.{}", member.key);
                return Err(self.wrong(&member.value, &what, "`true` or `false`"));
            };
            out.insert(member.key.clone(), allowed);
        }
        Ok(Some(out))
    }
}

/// `engines`, of which npm overlooks what is no string.
fn engines(json: &Json) -> BTreeMap<String, String> {
    let members = json.get("engines").map(Json::members).unwrap_or_default().iter();
    members.filter_map(|it| Some((it.key.clone(), it.value.text()?.to_owned()))).collect()
}

/// `devEngines.KIND` is one wish or a list of them; the one for `tool` counts.
fn dev_engine(json: &Json, kind: &str, tool: &str) -> Option<Wanted> {
    let wish = json.get("devEngines")?.get(kind)?;
    let items =
        if let Kind::List(items) = &wish.kind { items.as_slice() } else { std::slice::from_ref(wish) };
    let one = items.iter().find(|item| item.get("name").and_then(Json::text) == Some(tool))?;
    let version = one.get("version").and_then(Json::text)?.to_owned();
    Some(Wanted { version, by: "devEngines" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Manifest {
        Manifest::parse(Source::new("package.json", text)).unwrap()
    }

    #[test]
    fn what_an_install_depends_on_is_read() {
        let manifest = read(
            r#"{"name": "web", "version": "1.0.0", "workspaces": {"packages": ["packages/*"]},
                "scripts": {"postinstall": "x", "odd": 1}, "packageManager": "npm@11.2.0",
                "dependencies": {"a": "^1", "b": "1"}, "optionalDependencies": {"a": "^2"},
                "devEngines": {"runtime": [{"name": "bun"}, {"name": "node", "version": "^22"}]},
                "volta": {"node": "20.1.0", "npm": "10.9.0"}, "allowScripts": {"esbuild": true, "x@1": false}}"#,
        );
        assert_eq!(manifest.workspaces, ["packages/*"]);
        assert_eq!(manifest.scripts.keys().collect::<Vec<_>>(), ["postinstall"]);
        assert_eq!(manifest.dependencies["a"], "^2");
        assert_eq!(manifest.wanted_node.unwrap(), Wanted { version: "^22".into(), by: "devEngines" });
        assert_eq!(manifest.wanted_npm.unwrap(), Wanted { version: "10.9.0".into(), by: "volta" });
        assert_eq!(manifest.allow_scripts.unwrap().get("x@1"), Some(&false));
        assert_eq!(read("{}").name, None);
        assert_eq!(read(r#"{"workspaces": ["a", "b"]}"#).workspaces, ["a", "b"]);
    }
}
