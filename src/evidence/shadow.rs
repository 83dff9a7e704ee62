//! What a file that comes to a package takes the place of, by the order in which node looks for
//! what is required: the name itself, with `.js`, `.json`, `.node` behind it, then a folder's
//! `main` and its `index` (node's `Module._findPath`).
//!
//! Pure, of names alone. It must not know who put a file there, or whether that is bad.

use std::collections::BTreeMap;

/// What node puts behind a name, in its order.
const EXTENSIONS: [&str; 3] = [".js", ".json", ".node"];

/// What was found until now where `added` is found from now on; `before` has the names that lay
/// in the package, `main` is what its package.json says. `None` where nothing is looked for there.
pub fn in_package<T>(before: &BTreeMap<String, T>, main: &str, added: &str) -> Option<String> {
    if before.contains_key(added) {
        return None;
    }
    by_main(before, main, added).or_else(|| by_name(before, added))
}

/// The `main`, or what stands in for it where it leads to nothing.
fn by_main<T>(before: &BTreeMap<String, T>, main: &str, added: &str) -> Option<String> {
    let main = plain(main);
    let mut looked: Vec<String> = Vec::new();
    if !main.is_empty() {
        looked.push(main.clone());
        looked.extend(EXTENSIONS.map(|extension| format!("{main}{extension}")));
        looked.extend(EXTENSIONS.map(|extension| format!("{main}/index{extension}")));
    }
    looked.extend(EXTENSIONS.map(|extension| format!("index{extension}")));
    let at = looked.iter().position(|name| name == added)?;
    match looked.iter().position(|name| before.contains_key(name)) {
        Some(found) if found < at => None,
        Some(found) => looked.get(found).cloned(),
        None => Some("nothing".to_owned()),
    }
}

/// A path that some file of the package may ask for.
fn by_name<T>(before: &BTreeMap<String, T>, added: &str) -> Option<String> {
    let known = |name: String| before.contains_key(&name).then_some(name);
    let below = |folder: &str| {
        let folder = format!("{folder}/");
        let first = before.range(folder.clone()..).next().map(|(name, _)| name);
        first.filter(|name| name.starts_with(&folder)).map(|_| folder)
    };
    if let Some(folder) = added.strip_suffix("/package.json") {
        return below(folder);
    }
    let ending = EXTENSIONS.iter().position(|extension| added.ends_with(extension));
    let (stem, later) = match ending {
        Some(at) => (added.strip_suffix(EXTENSIONS[at]).unwrap_or(added), &EXTENSIONS[at + 1..]),
        None => (added, &EXTENSIONS[..]),
    };
    let named = later.iter().find_map(|extension| known(format!("{stem}{extension}")));
    named.or_else(|| ending.and_then(|_| below(stem)))
}

/// A path as npm would write it: without `./` and a `/` at its end.
fn plain(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_node_finds_first_takes_the_place_of_what_it_found() {
        let files = ["index.js", "lib/util.js", "lib/data.json", "deep/er/x.js", "both.json"];
        let before: BTreeMap<String, ()> = files.iter().map(|name| ((*name).to_owned(), ())).collect();
        for (main, added, wanted) in [
            ("", "README", None),
            ("", "index.js", None),
            ("", "index.json", None),
            ("./dist/main", "dist/main.js", Some("index.js")),
            ("dist", "dist/index.js", Some("index.js")),
            ("index.js", "dist/index.js", None),
            ("lib/util", "lib/util", Some("lib/util.js")),
            ("lib/util", "index.json", None),
            ("", "lib/util", Some("lib/util.js")),
            ("", "lib/util.node", None),
            ("", "lib/data.js", Some("lib/data.json")),
            ("", "deep.js", Some("deep/")),
            ("", "deep/package.json", Some("deep/")),
            ("", "new/package.json", None),
            ("", "both", Some("both.json")),
        ] {
            assert_eq!(in_package(&before, main, added).as_deref(), wanted, "{main} {added}");
        }
        let empty: BTreeMap<String, ()> = BTreeMap::new();
        assert_eq!(in_package(&empty, "x.js", "x.js").as_deref(), Some("nothing"));
        assert_eq!(in_package(&empty, "", "index.js").as_deref(), Some("nothing"));
    }
}
