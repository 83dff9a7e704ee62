//! The drills embedded in the executable.

use super::Drill;
use std::sync::LazyLock;

/// A file of a drill: its path in the drill's folder, and its text.
pub type File = (&'static str, &'static str);

macro_rules! drills {
    ($($name:literal: [$($file:literal),* $(,)?]),* $(,)?) => {
        &[$((
            $name,
            include_str!(concat!("../../drills/", $name, "/drill.toml")),
            &[$(($file, include_str!(concat!("../../drills/", $name, "/", $file)))),*],
        )),*]
    };
}

/// Name, `drill.toml` and files of each, in the order in which lists show them.
static FILES: &[(&str, &str, &[File])] = drills! {
    "confusion-dns-beacon": [
        "packages/drill-dns-beacon/package.json",
        "packages/drill-dns-beacon/preinstall.js",
    ],
    "remote-eval": [
        "packages/drill-remote-eval/package.json",
        "packages/drill-remote-eval/postinstall.js",
        "sink/stage.txt",
    ],
    "event-stream": [
        "packages/drill-event-stream/index.js",
        "packages/drill-event-stream/package.json",
    ],
    "prebuilt-binary": [
        "packages/drill-prebuilt-binary/install.js",
        "packages/drill-prebuilt-binary/package.json",
        "sink/prebuilt/linux.bin",
    ],
};

/// A drill with its files.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// What `drill.toml` says.
    pub drill: Drill,
    /// All other files of its folder.
    pub files: &'static [File],
}

/// Files that do not parse cannot be embedded: a test parses each.
static BUILTIN: LazyLock<Vec<Embedded>> = LazyLock::new(|| {
    FILES
        .iter()
        .filter_map(|(_, text, files)| Some(Embedded { drill: toml::from_str(text).ok()?, files }))
        .collect()
});

/// Every drill.
pub fn builtin() -> &'static [Embedded] {
    &BUILTIN
}

/// The `drill.toml` of a drill and its other files, comments and all.
pub fn sources(name: &str) -> Option<(&'static str, &'static [File])> {
    FILES.iter().find(|(known, ..)| *known == name).map(|(_, text, files)| (*text, *files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::Kind;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_drill_parses_and_is_named_as_its_folder() {
        for (name, text, _) in FILES {
            let drill: Drill = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(drill.name, *name);
            assert!(
                drill.reports.is_empty() == (drill.kind != Kind::Attack),
                "{name}: an attack, and nothing else, names the rules that must report it"
            );
            for pad in &drill.pad {
                let known = FILES.iter().find(|(known, ..)| known == name).unwrap().2;
                assert!(known.iter().any(|(path, _)| *path == pad.file), "{name}: {}", pad.file);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("drills");
        let mut found = BTreeSet::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        let embedded = FILES.iter().flat_map(|(name, _, files)| {
            let all = std::iter::once("drill.toml").chain(files.iter().map(|(path, _)| *path));
            all.map(move |path| format!("{name}/{path}"))
        });
        assert_eq!(found, embedded.collect::<BTreeSet<_>>());
    }

    /// Drills turn to nobody's hosts: names under `example`, addresses of documentation.
    #[test]
    fn no_drill_names_a_host_of_anybody() {
        for (name, _, files) in FILES {
            for (path, text) in *files {
                for (at, _) in text.match_indices("://") {
                    let rest = &text[at + 3..];
                    let end =
                        rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-.$".contains(letter)));
                    let host = &rest[..end.unwrap_or(rest.len())];
                    let ours =
                        host.ends_with(".example") || host.starts_with('$') || host.starts_with("192.0.2.");
                    assert!(ours || host == "169.254.169.254", "{name}/{path}: {host}");
                }
            }
        }
    }
}
