//! Which node and npm are wanted, and who says so.
//!
//! The order is fixed: the option, `sealcheck.toml`, then what the project says
//! to other tools. The first source that names node decides node, the first
//! that names npm decides npm.

use super::ToolchainError;
use crate::project::manifest::Manifest;
use node_semver::{Range, Version};
use std::collections::BTreeMap;

/// Pairs that one option may stand for.
const MOST: usize = 64;

/// What is wanted. `None` takes whatever is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// node's range.
    pub node: Option<Range>,
    /// npm's range.
    pub npm: Option<Range>,
    /// Who decided, in order.
    pub origins: Vec<String>,
    /// Who decided node.
    pub node_by: Option<String>,
    /// Who decided npm.
    pub npm_by: Option<String>,
    /// `engines` of package.json, which decides nothing: npm warns of it, or refuses.
    pub engines: BTreeMap<String, String>,
}

impl Wish {
    /// A sentence for the report on the pair that was found.
    pub fn because(&self, from: &str, node: &Version, npm: &Version) -> String {
        let excluded = excluded(&self.engines, node, npm);
        let asked = match (self.origins.is_empty(), excluded.is_empty()) {
            (true, true) => "nothing asks for another".to_owned(),
            (true, false) => "nothing but `engines` asks for another".to_owned(),
            (false, _) => format!("asked for by {}", self.origins.join(" and ")),
        };
        let beside = match excluded.is_empty() {
            true => String::new(),
            false => format!("; `engines` in package.json wants {}", excluded.join(" and ")),
        };
        format!("{asked}{beside}; found on {from}")
    }

    /// Reads the form of `--toolchain`: `node@20,npm@10`, where a list of lines may stand
    /// for one, as in `npm@8,10,11,12`. One wish for each pair of a node with an npm.
    pub fn parse(text: &str, origin: &str) -> Result<Vec<Self>, ToolchainError> {
        let (mut nodes, mut npms): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        let mut last = None;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (tool, version) = match part.split_once('@') {
                Some((tool @ ("node" | "npm"), version)) => (tool, version),
                Some(_) => return Err(bad(part, origin)),
                None => (last.ok_or_else(|| bad(part, origin))?, part),
            };
            let list = if tool == "node" { &mut nodes } else { &mut npms };
            if !list.contains(&version) {
                list.push(version);
            }
            last = Some(tool);
        }
        let some = |list: Vec<&str>| -> Vec<Option<String>> {
            if list.is_empty() {
                vec![None]
            } else {
                list.iter().map(|one| Some((*one).to_owned())).collect()
            }
        };
        let mut wishes = Vec::new();
        for (node, npm) in
            some(nodes).iter().flat_map(|node| some(npms.clone()).into_iter().map(move |npm| (node, npm)))
        {
            let mut wish = Self::default();
            if let Some(version) = node {
                wish.add_node(version, origin)?;
            }
            if let Some(version) = &npm {
                wish.add_npm(version, origin)?;
            }
            if wishes.len() >= MOST {
                return Err(ToolchainError::TooMany { most: MOST, origin: origin.to_owned() });
            }
            wishes.push(wish);
        }
        Ok(wishes)
    }

    /// Adds what the project's own files say where nothing said it before.
    /// `file` is `.nvmrc` or `.node-version`, its name and its text.
    pub fn of_project(
        mut self,
        manifest: &Manifest,
        file: Option<(&str, &str)>,
    ) -> Result<Self, ToolchainError> {
        self.engines = manifest.engines.clone();
        if let Some(manager) = &manifest.package_manager
            && let Some(version) = manager.strip_prefix("npm@")
        {
            self.add_npm(version.split('+').next().unwrap_or(version), "`packageManager` in package.json")?;
        }
        if let Some(wanted) = &manifest.wanted_npm {
            self.add_npm(&wanted.version, &format!("`{}` in package.json", wanted.by))?;
        }
        if let Some(wanted) = &manifest.wanted_node {
            self.add_node(&wanted.version, &format!("`{}` in package.json", wanted.by))?;
        }
        if let Some((file, text)) = file {
            let line = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
            if let Some(version) = line.into_iter().find(|line| !line.is_empty()) {
                self.add_node(version, &format!("`{file}`"))?;
            }
        }
        Ok(self)
    }

    fn add_node(&mut self, version: &str, origin: &str) -> Result<(), ToolchainError> {
        if self.node.is_none() {
            self.node = node_range(version, origin)?;
            self.node_by = Some(origin.to_owned());
            self.note(origin);
        }
        Ok(())
    }

    fn add_npm(&mut self, version: &str, origin: &str) -> Result<(), ToolchainError> {
        if self.npm.is_none() {
            self.npm = (version != "latest").then(|| range(version, origin)).transpose()?;
            self.npm_by = Some(origin.to_owned());
            self.note(origin);
        }
        Ok(())
    }

    fn note(&mut self, origin: &str) {
        if !self.origins.iter().any(|known| known == origin) {
            self.origins.push(origin.to_owned());
        }
    }
}

/// What `engines` says that this pair is not: "node >=24".
pub fn excluded(engines: &BTreeMap<String, String>, node: &Version, npm: &Version) -> Vec<String> {
    [("node", node), ("npm", npm)]
        .into_iter()
        .filter_map(|(tool, version)| {
            let wanted = engines.get(tool)?;
            let range = Range::parse(wanted.trim()).ok()?;
            let shown: String = wanted.trim().chars().filter(|one| !one.is_control()).take(60).collect();
            (!range.satisfies(version)).then(|| format!("{tool} {shown}"))
        })
        .collect()
}

/// The line of npm that the last of a line of node came with; nothing of lines that are not
/// known here.
pub(super) fn comes_with(node: &Version) -> Option<u64> {
    match node.major {
        10..=14 => Some(6),
        15 => Some(7),
        16 | 17 => Some(8),
        18..=23 => Some(10),
        24..=26 => Some(11),
        _ => None,
    }
}

fn bad(text: &str, origin: &str) -> ToolchainError {
    ToolchainError::BadWish { text: text.chars().take(60).collect(), origin: origin.to_owned() }
}

fn range(text: &str, origin: &str) -> Result<Range, ToolchainError> {
    let text = text.trim();
    Range::parse(text.strip_prefix('v').unwrap_or(text)).ok().ok_or_else(|| bad(text, origin))
}

/// nvm's words beside versions: the code names of the long-term lines.
const LINES: [(&str, u64); 11] = [
    ("argon", 4),
    ("boron", 6),
    ("carbon", 8),
    ("dubnium", 10),
    ("erbium", 12),
    ("fermium", 14),
    ("gallium", 16),
    ("hydrogen", 18),
    ("iron", 20),
    ("jod", 22),
    ("krypton", 24),
];

fn node_range(text: &str, origin: &str) -> Result<Option<Range>, ToolchainError> {
    let word = text.trim().to_ascii_lowercase();
    if matches!(word.as_str(), "node" | "latest" | "stable" | "current" | "system") {
        return Ok(None);
    }
    if let Some(line) = word.strip_prefix("lts/") {
        if line == "*" {
            return range("20 || 22 || 24", origin).map(Some);
        }
        let (_, major) = LINES.iter().find(|(name, _)| *name == line).ok_or_else(|| bad(text, origin))?;
        return range(&major.to_string(), origin).map(Some);
    }
    range(text, origin).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(range: Option<Range>, version: &str) -> bool {
        range.unwrap().satisfies(&Version::parse(version).unwrap())
    }

    #[test]
    fn the_option_is_read_by_parts() {
        let [wish] = Wish::parse("node@20,npm@10", "`--toolchain`").unwrap().try_into().unwrap();
        assert!(takes(wish.node, "20.20.2") && takes(wish.npm, "10.9.9"));
    }

    #[test]
    fn engines_that_exclude_the_pair_are_told_and_decide_nothing() {
        let [node, npm] = ["20.20.2", "11.4.0"].map(|text| Version::parse(text).unwrap());
        for (engines, nvmrc, says) in [
            ("{}", None, "nothing asks for another; found on the PATH"),
            (r#"{"node": ">=18", "npm": "*"}"#, None, "nothing asks for another; found on the PATH"),
            (
                r#"{"node": ">=24.15.0", "npm": ">=11.16.0"}"#,
                None,
                "nothing but `engines` asks for another; `engines` in package.json wants node >=24.15.0 and npm >=11.16.0; found on the PATH",
            ),
            (
                r#"{"node": "^16 || ^18"}"#,
                Some("20"),
                "asked for by `.nvmrc`; `engines` in package.json wants node ^16 || ^18; found on the PATH",
            ),
            // What npm cannot read it overlooks; old ones are lists.
            (r#"{"node": "banana", "vscode": "1"}"#, None, "nothing asks for another; found on the PATH"),
            (r#"["node >= 99"]"#, None, "nothing asks for another; found on the PATH"),
        ] {
            let text = format!(r#"{{"engines": {engines}}}"#);
            let manifest = Manifest::parse(crate::text::Source::new("package.json", text)).unwrap();
            let wish = Wish::default().of_project(&manifest, nvmrc.map(|text| (".nvmrc", text))).unwrap();
            assert_eq!(wish.because("the PATH", &node, &npm), says, "{engines}");
        }
    }

    #[test]
    fn who_asks_is_named_by_its_own_key_or_file() {
        let [node, npm] = ["24.1.0", "11.4.0"].map(|text| Version::parse(text).unwrap());
        let dev = |kind: &str, name: &str| {
            format!(r#"{{"devEngines": {{"{kind}": {{"name": "{name}", "version": ">=1"}}}}}}"#)
        };
        for (manifest, file, says) in [
            (dev("runtime", "node"), None, "`devEngines` in package.json"),
            (dev("packageManager", "npm"), None, "`devEngines` in package.json"),
            (r#"{"volta": {"node": "24.1.0"}}"#.to_owned(), None, "`volta` in package.json"),
            (
                r#"{"packageManager": "npm@11.4.0", "volta": {"node": "24.1.0", "npm": "11.4.0"}}"#
                    .to_owned(),
                None,
                "`packageManager` in package.json and `volta` in package.json",
            ),
            ("{}".to_owned(), Some((".node-version", "24")), "`.node-version`"),
            ("{}".to_owned(), Some((".nvmrc", "24")), "`.nvmrc`"),
        ] {
            let parsed = Manifest::parse(crate::text::Source::new("package.json", manifest.clone())).unwrap();
            let wish = Wish::default().of_project(&parsed, file).unwrap();
            let told = format!("asked for by {says}; found on the PATH");
            assert_eq!(wish.because("the PATH", &node, &npm), told, "{manifest} {file:?}");
        }
    }

    #[test]
    fn lists_make_every_pair_once() {
        let wishes = Wish::parse("node@20,22,npm@10,11.19.1,10", "x").unwrap();
        let shown: Vec<String> = wishes
            .iter()
            .map(|wish| format!("{} {}", wish.node.as_ref().unwrap(), wish.npm.as_ref().unwrap()))
            .collect();
        assert_eq!(shown.len(), 4, "{shown:?}");
        assert!(takes(wishes[3].node.clone(), "22.1.0") && takes(wishes[3].npm.clone(), "11.19.1"));
        assert_eq!(Wish::parse("npm@8,10,11,12", "x").unwrap().len(), 4);
        let many: Vec<String> = (1..100).map(|n| n.to_string()).collect();
        assert!(Wish::parse(&format!("npm@{}", many.join(",")), "x").is_err());
    }

    #[test]
    fn what_is_no_version_is_named_with_its_origin() {
        for text in ["node@banana", "yarn@4", "20", "npm@@", "npm@10,banana"] {
            let error = Wish::parse(text, "`--toolchain`").unwrap_err().to_string();
            assert!(error.contains("`--toolchain`"), "{error}");
        }
    }

    #[test]
    fn nvm_words_are_understood() {
        assert!(takes(node_range("lts/iron", "x").unwrap(), "20.1.0"));
        assert!(takes(node_range("v22.3", "x").unwrap(), "22.3.9"));
        assert_eq!(node_range("node", "x").unwrap(), None);
        assert!(node_range("lts/nobody", "x").is_err());
    }
}
