//! What neither npm's configuration nor the owner's list decides.

use super::tests::{LOCAL, PUBLIC, VIRTUAL, config, settings};
use super::{Class, Facts, classify, proposal};
use crate::project::integrity::Digests;
use crate::project::lockfile::Lockfile;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::project::settings::Settings;
use crate::project::signature::tests::Signer;
use crate::project::signature::{RegistryKey, RegistrySignatures, SignedVersion};
use crate::text::Source;
use serde_json::json;
use std::collections::BTreeMap;

struct Known {
    key: RegistryKey,
    versions: BTreeMap<String, SignedVersion>,
}

impl RegistrySignatures for Known {
    fn keys(&self) -> Vec<RegistryKey> {
        vec![self.key.clone()]
    }
    fn version(&self, name: &PackageName, version: &str) -> Option<SignedVersion> {
        self.versions.get(&format!("{name}@{version}")).cloned()
    }
}

#[test]
fn a_signature_of_the_pinned_bytes_makes_a_package_public() {
    let signer = Signer::new();
    let (good, other) = (Digests::of(b"good").sri(), Digests::of(b"other").sri());
    let versions = BTreeMap::from([
        ("signed@1.0.0".to_owned(), signer.sign(&format!("signed@1.0.0:{good}"))),
        ("squatted@1.0.0".to_owned(), signer.sign(&format!("squatted@1.0.0:{other}"))),
        ("loose@1.0.0".to_owned(), signer.sign(&format!("loose@1.0.0:{good}"))),
        ("unsigned@1.0.0".to_owned(), SignedVersion::default()),
    ]);
    let known = Known { key: signer.key(), versions };
    let entry = json!({"version": "1.0.0", "integrity": good});
    let text = json!({"lockfileVersion": 3, "packages": {
        "node_modules/signed": entry, "node_modules/squatted": entry, "node_modules/unsigned": entry,
        "node_modules/unknown": entry, "node_modules/loose": {"version": "1.0.0"},
        "node_modules/signed/node_modules/inner": {"version": "1.0.0", "inBundle": true}}});
    let lockfile = Lockfile::parse(Source::new("package-lock.json", text.to_string())).unwrap();
    let facts = Facts {
        lockfile: &lockfile,
        config: &config(&[("registry", VIRTUAL)]),
        settings: &Settings::default(),
        public: &RegistryUrl::parse(PUBLIC).unwrap(),
        signatures: Some(&known),
    };
    let found = classify(&facts);
    for (name, class, because) in [
        ("signed", Class::Public, "signature of it verifies"),
        // Its name is on the public registry too, but with other bytes.
        ("squatted", Class::Undecided, "no signature"),
        ("unsigned", Class::Undecided, "no signature"),
        ("unknown", Class::Undecided, "could not be had"),
        ("loose", Class::Undecided, "pins no sha512"),
        ("signed/node_modules/inner", Class::Public, "comes inside the tarball of `node_modules/signed`"),
    ] {
        let one = &found[&format!("node_modules/{name}")];
        assert_eq!(one.class, class, "{name}: {one:?}");
        assert!(one.because.contains(because), "{name}: {one:?}");
    }
}

#[test]
fn what_comes_from_no_registry_is_local_or_other() {
    let text = json!({"lockfileVersion": 3, "packages": {
        "": {"dependencies": {"remote": "https://cdn.example/r.tgz"}},
        "node_modules/@acme/lib": {"resolved": "lib", "link": true}, "lib": {},
        "node_modules/tar": {"version": "1.0.0", "resolved": "file:tar.tgz"},
        "node_modules/git": {"version": "1.0.0", "resolved": "git+https://h.example/a.git#1"},
        "node_modules/remote": {"version": "1.0.0", "resolved": "https://cdn.example/r.tgz"}}});
    let lockfile = Lockfile::parse(Source::new("package-lock.json", text.to_string())).unwrap();
    let config = config(&[("@acme:registry", LOCAL)]);
    let settings = settings("private = ['remote', 'git']");
    let public = RegistryUrl::parse(PUBLIC).unwrap();
    let facts = Facts {
        lockfile: &lockfile,
        config: &config,
        settings: &settings,
        public: &public,
        signatures: None,
    };
    let classes: Vec<Class> = classify(&facts).into_values().map(|one| one.class).collect();
    // In the order of paths: lib, @acme/lib, git, remote, tar.
    assert_eq!(classes, [Class::Local, Class::Local, Class::Other, Class::Other, Class::Local]);
}

#[test]
fn what_is_proposed_settles_what_is_undecided() {
    let text = json!({"lockfileVersion": 3, "packages": {
        "node_modules/@acme/a": {"version": "1.0.0"}, "node_modules/@acme/b": {"version": "1.0.0"},
        "node_modules/left-pad": {"version": "1.0.0"}}});
    let lockfile = Lockfile::parse(Source::new("package-lock.json", text.to_string())).unwrap();
    let config = config(&[("registry", VIRTUAL)]);
    let public = RegistryUrl::parse(PUBLIC).unwrap();
    let decide = |settings: &Settings| {
        let facts =
            Facts { lockfile: &lockfile, config: &config, settings, public: &public, signatures: None };
        classify(&facts)
    };
    let before = decide(&Settings::default());
    let proposed = proposal(&lockfile, &before).unwrap();
    assert!(proposed.contains("private = [\n    \"@acme/*\",\n    \"left-pad\",\n]"), "{proposed}");
    let after = decide(&settings(&proposed));
    assert!(after.values().all(|one| one.class == Class::Private), "{after:?}");
    assert_eq!(proposal(&lockfile, &after), None);
}

/// Whoever takes the name at the public registry decides about bytes that nothing pins.
#[test]
fn what_is_at_the_public_registry_without_an_integrity_is_whose_the_mapping_says() {
    let entry = json!({"version": "1.0.0", "resolved": "https://registry.example/@acme/x/-/x-1.0.0.tgz"});
    let text = json!({"lockfileVersion": 3, "packages": {"node_modules/@acme/x": entry}}).to_string();
    let lockfile = Lockfile::parse(Source::new("package-lock.json", text)).unwrap();
    let facts = Facts {
        lockfile: &lockfile,
        config: &config(&[("@acme:registry", LOCAL)]),
        settings: &Settings::default(),
        public: &RegistryUrl::parse(PUBLIC).unwrap(),
        signatures: None,
    };
    assert_eq!(classify(&facts)["node_modules/@acme/x"].class, Class::Private);
}
