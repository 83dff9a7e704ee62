//! An environment of which some parts are another's.

use super::deviation::{Deviation, Part};
use super::{Environment, Npmrc};
use std::collections::BTreeMap;

/// `left`, with each of these parts as it is in `right`.
pub fn mix<'a>(
    left: &Environment,
    right: &Environment,
    of_right: impl IntoIterator<Item = &'a Deviation>,
) -> Environment {
    let mut mixed = left.clone();
    let mut keys = Vec::new();
    for deviation in of_right {
        match &deviation.part {
            Part::Npm => mixed.toolchain.npm.clone_from(&right.toolchain.npm),
            Part::Node => mixed.toolchain.node.clone_from(&right.toolchain.node),
            Part::Npmrc { level, key } => {
                let other = right.npmrc.get(level);
                let npmrc = mixed.npmrc.entry(*level).or_insert_with(|| Npmrc {
                    file: other.map(|npmrc| npmrc.file.clone()).unwrap_or_default(),
                    settings: BTreeMap::new(),
                });
                put(&mut npmrc.settings, key, other.and_then(|npmrc| npmrc.settings.get(key)));
            }
            Part::Variable { name } => put(&mut mixed.variables, name, right.variables.get(name)),
            Part::Lockfile => {
                mixed.project.lockfile_name.clone_from(&right.project.lockfile_name);
                mixed.project.lockfile_sha512.clone_from(&right.project.lockfile_sha512);
                mixed.project.lockfile.clone_from(&right.project.lockfile);
            }
            Part::Manifest { key } => keys.push(key.as_str()),
            Part::File { path } => put(&mut mixed.project.files, path, right.project.files.get(path)),
            Part::Cache => mixed.cache.clone_from(&right.cache),
            Part::Umask => mixed.machine.umask.clone_from(&right.machine.umask),
            Part::Platform { what } => match what.as_str() {
                "os" => mixed.machine.os.clone_from(&right.machine.os),
                "cpu" => mixed.machine.cpu.clone_from(&right.machine.cpu),
                _ => mixed.machine.libc.clone_from(&right.machine.libc),
            },
        }
    }
    if !keys.is_empty() {
        mixed.project.manifest = manifest(&left.project.manifest, &right.project.manifest, &keys);
        let same = mixed.project.manifest == right.project.manifest;
        mixed.project.manifest_sha512 =
            if same { right.project.manifest_sha512.clone() } else { String::new() };
    }
    mixed
}

fn put<T: Clone>(map: &mut BTreeMap<String, T>, key: &str, value: Option<&T>) {
    match value {
        Some(value) => {
            map.insert(key.to_owned(), value.clone());
        }
        None => {
            map.remove(key);
        }
    }
}

/// A package.json with some of its keys as in another.
fn manifest(left: &str, right: &str, keys: &[&str]) -> String {
    type Map = serde_json::Map<String, serde_json::Value>;
    let read = |text: &str| serde_json::from_str::<Map>(text).unwrap_or_default();
    let (mut mixed, other) = (read(left), read(right));
    for key in keys {
        match other.get(*key) {
            Some(value) => {
                mixed.insert((*key).to_owned(), value.clone());
            }
            None => {
                mixed.shift_remove(*key);
            }
        }
    }
    if mixed == other {
        return right.to_owned();
    }
    serde_json::to_string_pretty(&mixed).unwrap_or_default() + "\n"
}
