//! `sealcheck scenarios`.

use super::arguments::ScenariosCommand;
use super::{Code, print};
use crate::project::Project;
use crate::scenario::file::Own;
use crate::scenario::{Scenario, Suite, catalogue};
use crate::text::{Complaint, nearest};
use globset::{Glob, GlobMatcher};
use std::path::Path;

/// Prints the catalogue, one scenario, or the schema.
pub(crate) fn run(command: ScenariosCommand) -> anyhow::Result<Code> {
    let text = match command {
        ScenariosCommand::List { scenarios_dir } => list(&all(scenarios_dir.as_deref())?),
        ScenariosCommand::Show { name } => show(&name)?,
        ScenariosCommand::Schema => format!("{:#}\n", catalogue::schema()),
    };
    print(&text)?;
    Ok(Code::Good)
}

/// The catalogue and the user's own scenarios after it.
pub(crate) fn all(own: Option<&Path>) -> Result<Vec<Scenario>, Complaint> {
    Ok(with(of_folder(own)?))
}

/// The catalogue, the user's own scenarios and those that the project's settings name by
/// file, each once.
pub(crate) fn available(own: Option<&Path>, project: &Project) -> Result<Vec<Scenario>, Complaint> {
    let mut all = of_folder(own)?;
    for pattern in project.settings.scenarios.iter().filter(|entry| is_files(entry)) {
        let path = Path::new(pattern);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = super::options::inside(&project.root, "scenarios", folder)?;
        let fits = file_pattern(pattern)?;
        let mut found = catalogue::load_dir(&folder).map_err(|error| error.complaint())?;
        found.retain(|own| fits.is_match(&own.scenario.name));
        catalogue::add(&mut all, found)?;
    }
    Ok(with(all))
}

fn of_folder(folder: Option<&Path>) -> Result<Vec<Own>, Complaint> {
    let found = folder.map(catalogue::load_dir).transpose();
    Ok(found.map_err(|error| error.complaint())?.unwrap_or_default())
}

fn with(own: Vec<Own>) -> Vec<Scenario> {
    let own = own.into_iter().map(|own| own.scenario);
    catalogue::builtin().iter().cloned().chain(own).collect()
}

/// `my-scenarios/*.toml` is a pattern of files; `core` and `private-*` are none.
fn is_files(entry: &str) -> bool {
    entry.ends_with(".toml")
}

/// What fits the names of the scenarios that such a pattern means: a scenario's file is
/// named for it.
fn file_pattern(entry: &str) -> Result<GlobMatcher, Complaint> {
    let name = entry.rsplit('/').next().unwrap_or(entry).trim_end_matches(".toml");
    let glob = Glob::new(name)
        .map_err(|error| Complaint::about(format!("`{entry}` is not a glob: {}", error.kind())))?;
    Ok(glob.compile_matcher())
}

/// The names and globs that `scenarios` in the settings comes to.
pub(crate) fn named(all: &[Scenario], entries: &[String]) -> Result<Vec<String>, Complaint> {
    let mut names = Vec::new();
    for entry in entries {
        if let Some(suite) = suite(entry) {
            let members = all.iter().filter(|scenario| scenario.suites.contains(&suite));
            names.extend(members.map(|scenario| scenario.name.clone()));
        } else if is_files(entry) {
            let fits = file_pattern(entry)?;
            let before = names.len();
            let own = all.iter().filter(|scenario| catalogue::text(&scenario.name).is_none());
            names.extend(own.filter(|it| fits.is_match(&it.name)).map(|it| it.name.clone()));
            if names.len() == before {
                return Err(Complaint::about(format!(
                    "`scenarios` in sealcheck.toml: no file fits `{entry}`"
                ))
                .help("paths are below the project's folder"));
            }
        } else {
            names.push(entry.clone());
        }
    }
    Ok(names)
}

/// The suite of a name.
pub(crate) fn suite(name: &str) -> Option<Suite> {
    match name {
        "core" => Some(Suite::Core),
        "full" => Some(Suite::Full),
        "margin" => Some(Suite::Margin),
        _ => None,
    }
}

fn list(all: &[Scenario]) -> String {
    let width = all.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    all.iter().map(|scenario| format!("{:width$}  {}\n", scenario.name, scenario.title)).collect()
}

fn show(name: &str) -> Result<String, Complaint> {
    catalogue::text(name).map(str::to_owned).ok_or_else(|| {
        let complaint = Complaint::about(format!("no scenario is named `{name}`"));
        match nearest(name, catalogue::builtin().iter().map(|scenario| scenario.name.as_str())) {
            Some(near) => complaint.help(format!("did you mean `{near}`?")),
            None => complaint.help("`sealcheck scenarios list` shows them all"),
        }
    })
}
