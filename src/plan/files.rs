//! The files of a run: the project's own that a scenario changes, and the npmrc
//! files outside of it.

use super::build::{PlanError, Planner};
use super::edit::{self, Unlinked};
use super::npmrc::{self, LineEdit};
use super::{credential, forged, mapping, world};
use crate::project::integrity::Integrity;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::npmrc::Level;
use crate::scenario::{IntegrityForm, MappingForm, NpmrcPlace, ResolvedForm, Scenario};
use std::collections::{BTreeMap, BTreeSet};

impl Planner<'_> {
    /// Changed files of the project, and the npmrc files outside it.
    #[allow(clippy::type_complexity)]
    pub(super) fn files(
        &self,
        scenario: &Scenario,
    ) -> Result<(Vec<(String, Option<Vec<u8>>)>, BTreeMap<Level, Vec<u8>>), PlanError> {
        let mut changes: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
        let mut outside = BTreeMap::new();
        for (level, source) in &self.project.config.files {
            let text = npmrc::rewrite(source.text(), &self.line_edits(*level, scenario));
            if !mapping::found(*level, scenario) {
                if *level == Level::Project {
                    changes.insert(source.name().to_owned(), None);
                    if let (Some(NpmrcPlace::WorkspaceMember), Some(member)) =
                        (scenario.project.npmrc_moved, self.stakes.member())
                    {
                        changes.insert(format!("{member}/.npmrc"), Some(text.into_bytes()));
                    }
                }
                continue;
            }
            match level {
                Level::Project if text == source.text() => {}
                Level::Project => {
                    changes.insert(source.name().to_owned(), Some(text.into_bytes()));
                }
                Level::Builtin | Level::Global | Level::User => {
                    outside.insert(*level, text.into_bytes());
                }
                Level::Default | Level::Env | Level::Cli => {}
            }
        }
        self.lockfile(scenario, &mut changes)?;
        self.manifest(scenario, &mut changes)?;
        Ok((changes.into_iter().collect(), outside))
    }

    /// The project's npmrc where it lies in the folder above.
    pub(super) fn parent_npmrc(&self, scenario: &Scenario) -> Option<Vec<u8>> {
        match scenario.project.npmrc_moved {
            Some(NpmrcPlace::ParentFolder) => {
                let source = self.project.config.files.get(&Level::Project)?;
                let edits = self.line_edits(Level::Project, scenario);
                Some(npmrc::rewrite(source.text(), &edits).into_bytes())
            }
            Some(NpmrcPlace::WorkspaceMember) | None => None,
        }
    }

    fn line_edits(&self, level: Level, scenario: &Scenario) -> BTreeMap<usize, LineEdit> {
        let mut edits = self.planting.lines.get(&level).cloned().unwrap_or_default();
        for setting in &self.project.config.settings {
            if setting.level != level || !self.stakes.is_mapping(&setting.key) {
                continue;
            }
            let Some(line) = credential::line(self.project, setting) else { continue };
            // A password in the URL has a planted one in its place by now.
            let planted = match edits.get(&line) {
                Some(LineEdit::Value(value)) => Some(value.clone()),
                Some(LineEdit::Drop | LineEdit::Key(..)) | None => None,
            };
            let edit = match scenario.project.mapping {
                _ if scenario.project.remove_mapping => LineEdit::Drop,
                Some(MappingForm::OtherCase) => match mapping::other_case(&setting.key) {
                    Some(key) => LineEdit::Key(key, planted),
                    None => continue,
                },
                Some(MappingForm::Empty) => LineEdit::Value(String::new()),
                Some(MappingForm::UnsetVariable) => LineEdit::Value(format!("${{{}}}", mapping::UNSET)),
                Some(MappingForm::UnsetOptionalVariable) => {
                    LineEdit::Value(format!("${{{}?}}", mapping::UNSET))
                }
                None => continue,
            };
            edits.insert(line, edit);
        }
        edits
    }

    fn lockfile(
        &self,
        scenario: &Scenario,
        changes: &mut BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<(), PlanError> {
        let source = &self.project.lockfile.source;
        if scenario.project.remove_lockfile {
            // Both: without the shrinkwrap npm would turn to the other.
            for name in ["npm-shrinkwrap.json", "package-lock.json"] {
                if source.name() == name || self.project.files.iter().any(|file| file == name) {
                    changes.insert(name.to_owned(), None);
                }
            }
            return Ok(());
        }
        let wrong = |source| PlanError::Json { file: self.project.lockfile.source.name().to_owned(), source };
        let fields: Vec<&str> = [
            (scenario.project.remove_resolved, "resolved"),
            (scenario.project.remove_integrity, "integrity"),
        ]
        .into_iter()
        .filter_map(|(remove, field)| remove.then_some(field))
        .collect();
        let paths: BTreeSet<String> = self.stakes.private.iter().map(|entry| entry.path.clone()).collect();
        let kept = edit::replace_userinfo(source.text(), &self.planting.in_lockfile);
        let mut text = edit::remove_fields(&kept, &paths, &fields).map_err(wrong)?;
        if self.takes_workspace_apart(scenario) {
            let (locals, folders) = self.locals();
            text = edit::unlink_lockfile(&text, &locals, &folders).map_err(wrong)?;
        }
        let wanted = &scenario.project.lockfile;
        if let Some(form) = wanted.resolved {
            text = forged::resolve(&text, &self.resolved(form)).map_err(wrong)?;
        }
        if wanted.remove_install_script_flag {
            text = forged::forget_install_scripts(&text).map_err(wrong)?;
        }
        if wanted.version.is_some() {
            text = forged::ancient(&text).map_err(wrong)?;
        }
        if wanted.as_shrinkwrap {
            let beside = match source.name().rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/npm-shrinkwrap.json"),
                None => "npm-shrinkwrap.json".to_owned(),
            };
            changes.insert(beside, Some(text.into_bytes()));
            text = kept;
        }
        if text != source.text() {
            changes.insert(source.name().to_owned(), Some(text.into_bytes()));
        }
        Ok(())
    }

    /// Private entries of which only a sha1 is to be left.
    pub(super) fn sha1_of(&self, scenario: &Scenario) -> BTreeMap<String, Integrity> {
        match scenario.project.lockfile.integrity {
            Some(IntegrityForm::Sha1) => {
                let entries = self.stakes.fetched();
                entries.filter_map(|entry| Some((entry.path.clone(), entry.integrity.clone()?))).collect()
            }
            None => BTreeMap::new(),
        }
    }

    fn manifest(
        &self,
        scenario: &Scenario,
        changes: &mut BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<(), PlanError> {
        let source = &self.project.manifest.source;
        let wrong = |error| PlanError::Json { file: source.name().to_owned(), source: error };
        let mut text = source.text().to_owned();
        if self.takes_workspace_apart(scenario) {
            text = edit::unlink_manifest(&text, &self.locals().0).map_err(wrong)?;
        }
        if scenario.project.raise_private_range {
            let direct = self.stakes.direct_private();
            let ranges = direct.iter().map(|entry| {
                let higher = world::higher(&world::version(self.project, entry));
                let range = match &entry.alias {
                    Some(_) => format!("npm:{}@{higher}", entry.name),
                    None => higher,
                };
                (name_in_tree(entry), range)
            });
            text = forged::ask_for(&text, &ranges.collect()).map_err(wrong)?;
        }
        if let Some(word) = scenario.project.allow_scripts {
            let with_scripts =
                self.project.lockfile.entries.values().filter(|entry| entry.has_install_script);
            let words = with_scripts.map(|entry| (entry.name.to_string(), word)).collect();
            text = forged::allow_scripts(&text, &words).map_err(wrong)?;
        }
        if text != source.text() {
            changes.insert(source.name().to_owned(), Some(text.into_bytes()));
        }
        Ok(())
    }

    /// What `resolved` of each private package is to say.
    fn resolved(&self, form: ResolvedForm) -> BTreeMap<String, String> {
        let public = self.project.public.to_string();
        let stranger = format!("https://{}/", world::STRANGER);
        let tarball = |registry: &str, entry: &LockEntry| {
            let name = entry.name.as_str();
            let bare = name.rsplit('/').next().unwrap_or(name);
            format!("{registry}{name}/-/{bare}-{}.tgz", entry.version)
        };
        let another = self.stakes.public().map(|entry| match &entry.resolved {
            Some(resolved) => resolved.clone(),
            None => tarball(&public, entry),
        });
        let private = self.stakes.fetched();
        let says = |entry: &LockEntry| match form {
            ResolvedForm::PublicRegistry => Some(tarball(&public, entry)),
            ResolvedForm::Stranger => Some(tarball(&stranger, entry)),
            ResolvedForm::AnotherPackage => another.clone(),
            ResolvedForm::Unparsable => Some("https://[damaged".to_owned()),
        };
        private.filter_map(|entry| Some((entry.path.clone(), says(entry)?))).collect()
    }

    /// Local packages by the path at which npm installs them, and the folders of their sources.
    fn locals(&self) -> (BTreeMap<String, Unlinked>, BTreeSet<String>) {
        let mut locals = BTreeMap::new();
        let mut folders = BTreeSet::new();
        for entry in &self.stakes.local {
            match entry.kind {
                EntryKind::Folder => {
                    folders.insert(entry.path.clone());
                }
                EntryKind::Link
                | EntryKind::File
                | EntryKind::Registry
                | EntryKind::Remote
                | EntryKind::Git
                | EntryKind::Bundled => {
                    let (name, version) = (name_in_tree(entry), world::version(self.project, entry));
                    locals.insert(entry.path.clone(), Unlinked { name, version });
                }
            }
        }
        (locals, folders)
    }
}

fn name_in_tree(entry: &LockEntry) -> String {
    entry.alias.as_ref().unwrap_or(&entry.name).to_string()
}
