//! What kept a drill from running, as far as the configuration and npm's own words say.

use crate::project::Project;
use crate::project::npmrc::{Level, Setting};
use crate::report::model::Run;

/// The control that stopped it, a fragment. Only where nothing of it ran.
pub(super) fn by(project: &Project, run: &Run, npm: u64) -> String {
    if let Some(error) = run.npm_error.as_ref().filter(|error| error.code.starts_with('E')) {
        return format!("npm's refusal, {}", error.code);
    }
    let said = run.command.iter().rev().find(|word| word.starts_with("--ignore-scripts"));
    if let Some(word) = said {
        return format!("`{word}` on the command line");
    }
    let off = project.config.get("ignore-scripts");
    if let Some(setting) =
        off.filter(|_| matches!(project.config.plain("ignore-scripts"), Some("true" | "1")))
    {
        return format!("`ignore-scripts` in {}", place(setting));
    }
    let allowed = project.manifest.allow_scripts.as_ref();
    match (allowed, npm >= 12) {
        (Some(_), true) => "npm 12, since `allowScripts` in package.json does not name it".to_owned(),
        (None, true) => "npm 12, which runs no script that nobody approved".to_owned(),
        (Some(allowed), false) if allowed.values().any(|word| !word) => {
            "`allowScripts` in package.json, which denies it".to_owned()
        }
        (Some(_) | None, false) => "nothing that is known here: it did not run".to_owned(),
    }
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
