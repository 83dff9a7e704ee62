//! Strangers' packages: inert, but shaped as an attacker would shape them.
//!
//! Each has every lifecycle script of an install and executables that npm would
//! put in the way of other packages' scripts; all they do is say that they ran,
//! and hand over. The higher version also has a `binding.gyp`, for which npm
//! starts `node-gyp` where no install script is known of. Not so the locked
//! version: a lockfile without `hasInstallScript` denies its scripts and its
//! executables, but not `node-gyp`, whose headers no sandbox can fetch; the
//! build would end the install and hide that the bytes got in.

use super::GatewayError;
use crate::evidence::fact::Decoy;
use crate::plan::DecoySpec;
use crate::project::integrity::Digests;
use crate::project::name::PackageName;
use crate::upstream::{ServedVersion, Store, archive};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// What a decoy's scripts and executables print.
pub const MARK: &str = "sealcheck-decoy-ran";

/// `prepack` and the like do not run at install; an attacker would not know.
const EVENTS: [&str; 6] = ["preinstall", "install", "postinstall", "prepublish", "prepare", "prepack"];

/// npm looks `sh` up through `node_modules/.bin` first (promise-spawn), so this
/// one must behave as the shell it stands before.
const SH: &str = "#!/bin/sh\necho 'sealcheck-decoy-ran sh' >&2\nexec /bin/sh \"$@\"\n";
const NODE: &str = "#!/bin/sh\necho 'sealcheck-decoy-ran node' >&2\nexec \"${npm_node_execpath:-${NODE:-/usr/bin/node}}\" \"$@\"\n";
/// Builds the decoy without a compiler; everybody else's build goes to the real one.
const NODE_GYP: &str = "\
#!/bin/sh
echo 'sealcheck-decoy-ran node-gyp' >&2
while read -r line; do
  case $line in *sealcheck-decoy*) exit 0 ;; esac
done <binding.gyp
exec \"${npm_node_execpath:-${NODE:-/usr/bin/node}}\" \"$npm_config_node_gyp\" \"$@\"
";
/// gyp runs what stands in `<!(…)` while it reads the file.
const BINDING: &str = "\
{
  'targets': [{
    'target_name': 'decoy',
    'type': 'none',
    'variables': { 'ran': '<!(echo sealcheck-decoy-ran binding.gyp)' }
  }]
}
";
const INDEX: &str = "'use strict';\n\nmodule.exports = 'sealcheck-decoy';\n";

/// All decoys of a world.
#[derive(Debug, Default)]
pub(super) struct Decoys {
    packages: BTreeMap<PackageName, Vec<ServedVersion>>,
    asked: Mutex<BTreeSet<PackageName>>,
}

impl Decoys {
    /// Builds them, the same bytes each time, into the store.
    pub(super) fn build(specs: &[DecoySpec], store: &Store) -> Result<Self, GatewayError> {
        let mut decoys = Self::default();
        for spec in specs {
            let versions = decoys.packages.entry(spec.name.clone()).or_default();
            for version in [&spec.version, &spec.higher].into_iter().chain(&spec.between) {
                if versions.iter().any(|known| known.version == *version) {
                    continue;
                }
                let gyp = *version == spec.higher;
                let (manifest, tarball) = build(&spec.name, version, gyp).map_err(GatewayError::Decoy)?;
                let digests: Digests = store.insert(&tarball)?;
                versions.push(ServedVersion {
                    version: version.clone(),
                    manifest,
                    sha512: digests.sri(),
                    shasum: crate::evidence::tree::hex(&digests.sha1),
                    has_install_script: true,
                });
            }
        }
        Ok(decoys)
    }

    /// The versions of a name, in any case.
    pub(super) fn find(&self, name: &PackageName) -> Option<(&PackageName, &[ServedVersion])> {
        let (name, versions) = self.packages.get_key_value(name).or_else(|| {
            self.packages.iter().find(|(known, _)| known.as_str().eq_ignore_ascii_case(name.as_str()))
        })?;
        Some((name, versions))
    }

    /// The same, as asked for by somebody.
    pub(super) fn ask(&self, name: &PackageName) -> Option<(&PackageName, &[ServedVersion])> {
        let found = self.find(name)?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(found.0.clone());
        Some(found)
    }

    /// As they stand in the record, ordered by name and version.
    pub(super) fn offered(&self) -> Vec<Decoy> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut offered: Vec<Decoy> = self
            .packages
            .iter()
            .flat_map(|(name, versions)| {
                let asked = asked.contains(name);
                versions.iter().map(move |version| Decoy {
                    name: name.to_string(),
                    version: version.version.clone(),
                    asked,
                    sha512: version.sha512.clone(),
                })
            })
            .collect();
        offered.sort();
        offered
    }
}

fn build(name: &PackageName, version: &str, gyp: bool) -> std::io::Result<(Value, Vec<u8>)> {
    let scripts: BTreeMap<&str, String> =
        EVENTS.into_iter().map(|event| (event, format!("echo {MARK} {event}"))).collect();
    let manifest = json!({
        "name": name,
        "version": version,
        "description": "An inert decoy of sealcheck; it exists in no registry",
        "main": "index.js",
        "bin": { "node": "bin/node", "node-gyp": "bin/node-gyp", "sh": "bin/sh" },
        "scripts": scripts,
        "license": "MIT",
    });
    let text = format!("{manifest:#}\n");
    let mut files: Vec<(&str, &[u8])> = vec![
        ("bin/node", NODE.as_bytes()),
        ("bin/node-gyp", NODE_GYP.as_bytes()),
        ("bin/sh", SH.as_bytes()),
        ("index.js", INDEX.as_bytes()),
        ("package.json", text.as_bytes()),
    ];
    if gyp {
        files.push(("binding.gyp", BINDING.as_bytes()));
    }
    Ok((manifest, archive::pack(files)?))
}

#[cfg(test)]
mod tests {
    use super::super::worlds::{name, world};
    use super::*;

    #[test]
    fn the_same_decoy_is_the_same_bytes() {
        let store = Store::temporary().unwrap();
        let decoys = Decoys::build(&world().decoys, &store).unwrap();
        let again = Decoys::build(&world().decoys, &Store::temporary().unwrap()).unwrap();
        assert_eq!(decoys.offered(), again.offered());
        let offered = decoys.offered();
        assert_eq!(
            offered.iter().map(|decoy| decoy.version.as_str()).collect::<Vec<_>>(),
            ["1.2.0", "99.0.0"]
        );
        let index = store.index(&offered[0].sha512).unwrap();
        assert_eq!((index.name.as_str(), index.version.as_str()), ("@acme/internal", "1.2.0"));
    }

    #[test]
    fn who_was_asked_for_is_known() {
        let decoys = Decoys::build(&world().decoys, &Store::temporary().unwrap()).unwrap();
        assert!(decoys.offered().iter().all(|decoy| !decoy.asked));
        assert!(decoys.ask(&name("@ACME/internal")).is_some());
        assert!(decoys.ask(&name("@acme/other")).is_none());
        assert!(decoys.offered().iter().all(|decoy| decoy.asked));
    }

    #[test]
    fn the_executables_hand_over_to_the_real_ones() {
        let folder = tempfile::tempdir().unwrap();
        let run = |text: &str, arguments: &[&str]| {
            let path = folder.path().join("decoy");
            std::fs::write(&path, text).unwrap();
            let mut command = std::process::Command::new("/bin/sh");
            command.arg(&path).args(arguments).env("npm_node_execpath", "/bin/echo");
            let output = command.output().unwrap();
            assert!(String::from_utf8_lossy(&output.stderr).contains(MARK));
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(run(SH, &["-c", "echo shell \"$0\"", "x"]), "shell x\n");
        assert_eq!(run(NODE, &["one two", "three"]), "one two three\n");
    }

    #[test]
    fn only_the_decoys_own_build_ends_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let build = |binding: &str| {
            std::fs::write(folder.path().join("binding.gyp"), binding).unwrap();
            let mut command = std::process::Command::new("/bin/sh");
            command.args(["-c", NODE_GYP, "node-gyp", "rebuild"]).current_dir(&folder);
            command.env("npm_node_execpath", "/bin/echo").env("npm_config_node_gyp", "real");
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        assert_eq!(build(BINDING), "");
        assert_eq!(build("{ 'targets': [{ 'target_name': 'addon' }] }\n"), "real rebuild\n");
    }
}
