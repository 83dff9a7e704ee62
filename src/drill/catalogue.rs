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
    "confusion-http-beacon": [
        "packages/drill-http-beacon/beacon.js",
        "packages/drill-http-beacon/package.json",
    ],
    "remote-eval": [
        "packages/drill-remote-eval/package.json",
        "packages/drill-remote-eval/postinstall.js",
        "sink/stage.txt",
    ],
    "download-exec": [
        "packages/drill-download-exec/package.json",
        "packages/drill-download-exec/preinstall.js",
        "sink/payload.sh",
    ],
    "ai-cli-inventory": [
        "packages/drill-ai-clis/package.json",
        "packages/drill-ai-clis/stub.js",
        "packages/drill-ai-inventory/package.json",
        "packages/drill-ai-inventory/postinstall.js",
    ],
    "worm-v1": [
        "packages/drill-worm-v1/bundle.js",
        "packages/drill-worm-v1/package.json",
    ],
    "worm-v2": [
        "packages/drill-worm-v2/environment.js",
        "packages/drill-worm-v2/package.json",
        "packages/drill-worm-v2/setup.js",
        "sink/runtime.sh",
    ],
    "phantom-dependency": [
        "packages/drill-phantom-client/index.js",
        "packages/drill-phantom-client/package.json",
        "packages/drill-phantom-crypto/package.json",
        "packages/drill-phantom-crypto/setup.js",
    ],
    "phantom-gyp": [
        "packages/drill-phantom-gyp/binding.gyp",
        "packages/drill-phantom-gyp/package.json",
        "project/headers/include/node/common.gypi",
    ],
    "git-dependency-npmrc": [
        "git/drill-git-dependency/.npmrc",
        "git/drill-git-dependency/package.json",
        "git/drill-git-dependency/tool.sh",
        "git/drill-git-inner/package.json",
    ],
    "agent-config": [
        "packages/drill-agent-config/package.json",
        "packages/drill-agent-config/postinstall.js",
    ],
    "detached-child": [
        "packages/drill-detached-child/late.js",
        "packages/drill-detached-child/package.json",
        "packages/drill-detached-child/postinstall.js",
    ],
    "env-harvest": [
        "packages/drill-env-harvest/package.json",
        "packages/drill-env-harvest/postinstall.js",
    ],
    "signed-but-bad": [
        "packages/drill-signed-but-bad/environment.js",
        "packages/drill-signed-but-bad/package.json",
        "packages/drill-signed-but-bad/setup.js",
        "sink/runtime.sh",
    ],
    "never-ends": [
        "packages/drill-never-ends/package.json",
        "packages/drill-never-ends/postinstall.js",
    ],
    "event-stream": [
        "packages/drill-event-stream/index.js",
        "packages/drill-event-stream/package.json",
    ],
    "node-ipc": [
        "packages/drill-node-ipc/index.js",
        "packages/drill-node-ipc/package.json",
    ],
    "colors": [
        "packages/drill-colors/index.js",
        "packages/drill-colors/package.json",
    ],
    "chalk-and-debug": [
        "packages/drill-chalk/index.js",
        "packages/drill-chalk/package.json",
    ],
    "prebuilt-binary": [
        "packages/drill-prebuilt-binary/install.js",
        "packages/drill-prebuilt-binary/package.json",
        "sink/prebuilt/linux.bin",
    ],
    "node-gyp-build": [
        "packages/drill-node-gyp-build/binding.gyp",
        "packages/drill-node-gyp-build/native.txt",
        "packages/drill-node-gyp-build/package.json",
        "project/headers/include/node/common.gypi",
    ],
    "git-hooks": [
        "packages/drill-git-hooks/bin.js",
        "packages/drill-git-hooks/package.json",
        "project/package.json",
    ],
    "banner": [
        "packages/drill-banner/package.json",
        "packages/drill-banner/postinstall.js",
    ],
    "prepare-compiles": [
        "packages/drill-compiler/bin.js",
        "packages/drill-compiler/package.json",
        "project/package.json",
        "project/src/index.ts",
    ],
    "reads-npm-config": [
        "packages/drill-reads-config/install.js",
        "packages/drill-reads-config/package.json",
    ],
    "workspace-prepare": [
        "project/members/one/build.js",
        "project/members/one/package.json",
        "project/package.json",
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
                for (at, _) in text.match_indices("://").filter(|(at, _)| !text[..*at].ends_with("file")) {
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
