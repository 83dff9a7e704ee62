//! A small world for the tests of this module.

use crate::plan::{DecoySpec, Planted, PlantedSecret, PlantedSecrets, RegistryWorld, World};
use crate::project::name::PackageName;
use crate::project::named::NamedHosts;
use crate::project::registry::RegistryUrl;
use crate::scenario::Answer;
use crate::secret::Secret;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

pub(super) fn registry(text: &str) -> RegistryUrl {
    RegistryUrl::parse(text).unwrap()
}

/// Private: `@acme/*` from npm.corp.example; local: `acme-web`; a mirror that is nobody's.
pub(super) fn world() -> World {
    let own = registry("https://npm.corp.example/api/npm-local/");
    World {
        public: registry("https://registry.example/"),
        public_answer: Answer::Genuine,
        named: NamedHosts::default(),
        public_serve: None,
        registries: vec![
            RegistryWorld {
                url: own.clone(),
                answer: Answer::Genuine,
                serve: None,
                also: vec![registry("https://blobs.corp.example/")],
            },
            RegistryWorld {
                url: registry("https://mirror.example/npm/"),
                answer: Answer::Genuine,
                serve: None,
                also: Vec::new(),
            },
        ],
        own: BTreeMap::new(),
        pinned: BTreeMap::new(),
        known: BTreeMap::new(),
        private: BTreeMap::from([(name("@acme/internal"), own)]),
        local: BTreeSet::from([name("acme-web")]),
        private_globs: vec!["@acme/*".into()],
        decoys: vec![DecoySpec {
            name: name("@acme/internal"),
            version: "1.2.0".into(),
            higher: "99.0.0".into(),
            between: None,
        }],
        tamper: None,
        strangers: BTreeSet::from(["stranger.example".to_owned()]),
        hosts: BTreeSet::from(["cdn.example".to_owned()]),
        secrets: PlantedSecrets {
            secrets: vec![PlantedSecret {
                label: "GITHUB_TOKEN".into(),
                value: "ghs_planted0123456789abcdefghij".into(),
                homes: &["api.github.com"],
            }],
            ..PlantedSecrets::default()
        },
        planted: vec![Planted {
            value: "npm_planted0123456789abcdefXYZ".into(),
            label: "NPM_TOKEN".into(),
            nerf_dart: Some("//npm.corp.example/api/npm-local/".into()),
            key: "_authToken".into(),
            real: Some(Secret::new("NPM_TOKEN", "the-real-one")),
        }],
        ports: BTreeSet::from([443, 80]),
        keeping: None,
        sink: None,
    }
}
