//! Whether a single change to the project would add a defence: each is made in a copy of
//! the project, and the margin of the copy is looked for.

use super::load::{self, Loaded};
use super::margin::{Ended, Trials, try_sets};
use super::say;
use crate::finding::{Ground, Verdict};
use crate::plan::margin::{Became, Changed, Goal, Measured, Search};
use crate::plan::mend::{Edit, Mend, mends};
use crate::project::Project;
use crate::project::npmrc::NpmVersion;
use crate::runner::Outcome;
use crate::sandbox::twin::{Change, twin};
use std::path::{Path, PathBuf};

/// Tries one change after another until one raises the margin; what each came to.
pub(super) async fn changes(
    trials: &Trials<'_>,
    loaded: &Loaded,
    first: &[Outcome],
    measured: &Measured,
) -> anyhow::Result<Vec<Changed>> {
    let mut changes = Vec::new();
    // Where nothing leaked there is no set to hold a change against.
    if measured.installed.smallest.is_empty() {
        return Ok(changes);
    }
    let baseline = first.iter().find(|outcome| outcome.run.scenario.name == "baseline");
    let Some((baseline, evidence)) = baseline.and_then(|of| Some((of, of.evidence.as_ref().ok()?))) else {
        return Ok(changes);
    };
    for mend in mends(&loaded.project, evidence, Some(NpmVersion::from(&loaded.toolchain.npm)))? {
        say(&format!("margin: trying what becomes of it once you {}", mend.says));
        let became = match copy(loaded, &mend).await {
            Ok(changed) => became(trials, &changed, baseline, measured.installed.at_least).await?,
            Err(error) => {
                say(&format!("margin: this could not be tried: {error:#}"));
                Became::Unobserved
            }
        };
        let done = became == Became::Raised || trials.is_stopped();
        changes.push(Changed { says: mend.says, adds: mend.adds, became });
        if done {
            break;
        }
    }
    Ok(changes)
}

/// The project with the change made, read anew from a folder of ours.
async fn copy(loaded: &Loaded, mend: &Mend) -> anyhow::Result<Loaded> {
    let folder = loaded.fresh_folder("mend-")?;
    let change = match &mend.edit {
        Edit::Whole(text) => Change::Whole(text.as_bytes()),
        Edit::Before(lines) => Change::Before(lines),
    };
    let project = &loaded.project;
    let given = laid_out(project, loaded.given(), &folder, &project.files, &[(&mend.file, change)])?;
    loaded.at(given).await
}

/// Copies `files` of a project, paths from npm's root, to a folder, with changes; which folder
/// there stands for the one that the user named.
pub(super) fn laid_out(
    project: &Project,
    named: &Path,
    to: &Path,
    files: &[String],
    changes: &[(&str, Change<'_>)],
) -> anyhow::Result<PathBuf> {
    let (inside, given) = layout(project.base(), named);
    let files: Vec<String> = files.iter().filter_map(|file| project.from_base(file)).collect();
    let changed: Vec<String> = changes.iter().filter_map(|(path, _)| project.from_base(path)).collect();
    anyhow::ensure!(changed.len() == changes.len(), "a file to be changed lies outside of the project");
    let changes: Vec<(&str, Change<'_>)> =
        changed.iter().map(String::as_str).zip(changes.iter().map(|(_, change)| *change)).collect();
    twin(project.base(), &to.join(&inside), &files, &changes)?;
    if !inside.as_os_str().is_empty() {
        std::fs::copy(named.join("sealcheck.toml"), to.join("sealcheck.toml"))?;
    }
    Ok(to.join(given))
}

/// Where in the copy the copied folder goes, and which of its folders stands for the one that
/// the user named: `[install] directory` can put the first below the second, and a member of
/// a workspace is named below its root.
fn layout(base: &Path, given: &Path) -> (PathBuf, PathBuf) {
    match (base.strip_prefix(given), given.strip_prefix(base)) {
        (Ok(below), _) => (below.to_path_buf(), PathBuf::new()),
        (Err(_), Ok(below)) => (PathBuf::new(), below.to_path_buf()),
        (Err(_), Err(_)) => (PathBuf::new(), PathBuf::new()),
    }
}

/// What the margin of the changed project is, next to `before`.
async fn became(
    trials: &Trials<'_>,
    changed: &Loaded,
    baseline: &Outcome,
    before: usize,
) -> anyhow::Result<Became> {
    let opened = trials.open(changed)?;
    let plan = load::plan_of(changed, vec![baseline.run.scenario.clone()], 1)?;
    let first = opened.invocation.clone().run(plan, trials.listener.clone()).await;
    let known: Vec<&Outcome> = first.iter().collect();
    let ground =
        Ground { project: &changed.project, margin: None, resolutions: &[], approved: None, elsewhere: &[] };
    match (trials.judge)(&known, ground).runs.first().map(|of| of.verdict) {
        Some(Verdict::Sealed | Verdict::Exposed | Verdict::Leaked) => {}
        Some(Verdict::Broken) => return Ok(Became::Broken),
        Some(Verdict::Unobserved | Verdict::NotApplicable) | None => return Ok(Became::Unobserved),
    }
    let mut search = Search::new(load::defences(changed)?).up_to(before);
    let (_, ended) = try_sets(trials, changed, &opened, &mut search, Goal::Installed, &first).await?;
    if ended == Ended::Early {
        return Ok(Became::Unobserved);
    }
    let answer = search.answer(Goal::Installed);
    Ok(match (answer.at_least > before, answer.unobserved) {
        (true, _) => Became::Raised,
        (false, true) => Became::Unobserved,
        (false, false) => Became::Same,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_npms_root_and_the_named_folder_as_the_original_has_them() {
        for (root, given, inside, named) in [
            ("/p", "/p", "", ""),
            ("/p/web", "/p", "web", ""),
            ("/p", "/p/packages/a", "", "packages/a"),
            ("/p", "/q", "", ""),
        ] {
            let expected = (PathBuf::from(inside), PathBuf::from(named));
            assert_eq!(layout(Path::new(root), Path::new(given)), expected, "{root} {given}");
        }
    }
}
