//! What kept a drill from running, as far as the configuration and npm's own words say.

use crate::plan::command::{self, ScriptsOff};
use crate::project::Project;
use crate::project::npmrc::{Feature, Level, NpmVersion, Setting};
use crate::report::model::Run;

/// npm's codes by which a control of its own ends an install.
const REFUSALS: [&str; 9] = [
    "EALLOWDIRECTORY",
    "EALLOWFILE",
    "EALLOWGIT",
    "EALLOWREMOTE",
    "EALLOWSCRIPTS",
    "EBADENGINE",
    "EBADPLATFORM",
    "ESTRICTALLOWSCRIPTS",
    "ETARGET",
];

/// The control that stopped it, a fragment; `None` where none is known. Only where nothing
/// of it ran.
pub(super) fn by(project: &Project, run: &Run, npm: NpmVersion) -> Option<String> {
    if run.exit_code != Some(0) {
        let code = run.npm_error.as_ref().map(|error| error.code.as_str());
        return code.filter(|code| REFUSALS.contains(code)).map(|code| format!("npm's refusal, {code}"));
    }
    if let Some(control) = scripts_off(project, run) {
        return Some(control);
    }
    let allowed = project.manifest.allow_scripts.as_ref();
    let major = npm.0;
    Some(match (allowed, npm.does(Feature::UnreviewedScriptsWait)) {
        (Some(_), true) => format!("npm {major}, not named by `allowScripts`"),
        (None, true) => format!("npm {major}, approved by nobody"),
        (Some(allowed), false) if npm.does(Feature::AllowScripts) && allowed.values().any(|word| !word) => {
            "`allowScripts`, which denies it".to_owned()
        }
        (Some(_) | None, false) => return None,
    })
}

/// What switches scripts off, a fragment.
pub(super) fn scripts_off(project: &Project, run: &Run) -> Option<String> {
    Some(match command::scripts_off(&project.config, &run.command)? {
        ScriptsOff::Word(word) => format!("`{word}` on the command line"),
        ScriptsOff::Setting(setting) => format!("`ignore-scripts` in {}", place(setting)),
    })
}

fn place(setting: &Setting) -> String {
    match setting.level {
        Level::Project => "the project's `.npmrc`".to_owned(),
        Level::User => "the user's `.npmrc`".to_owned(),
        Level::Global => "the global npmrc".to_owned(),
        Level::Builtin => "npm's own npmrc".to_owned(),
        Level::Env => "a variable".to_owned(),
        Level::Cli => "the command".to_owned(),
        Level::Default => "npm's defaults".to_owned(),
    }
}
