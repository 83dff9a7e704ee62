//! What of the machine explains a finding: variables and settings that npm heeds here and a run
//! does not, or the reverse. What they are is read with the project; here is said where it matters.

use crate::project::Project;
use crate::project::omit::Omit;
use crate::project::surroundings::{Around, Touches};

/// "npm here leaves out a, since NODE_ENV=production is set, which a run is not given", of a
/// package that a run installs and npm here does not.
pub(super) fn omitted(project: &Project, package: &str) -> Option<String> {
    let by = of(project, Touches::Omits).next()?;
    let (here, inside) = (Omit::of(&project.config, Some("production")), Omit::of(&project.config, None));
    let named = |name: &crate::project::name::PackageName| name.as_str() == package;
    let mut entries = project
        .lockfile
        .entries
        .values()
        .filter(|entry| named(&entry.name) || entry.alias.as_ref().is_some_and(named))
        .peekable();
    entries.peek()?;
    let only_inside = entries
        .all(|entry| here.leaves_out(entry, project, None) && !inside.leaves_out(entry, project, None));
    only_inside.then(|| {
        format!("npm here leaves {package} out, since {} is set, which a run is not given", by.shown)
    })
}

/// Why a host may be out of reach from here: "; HTTPS_PROXY of this machine leads there through
/// a proxy", or nothing.
pub(super) fn hindered(project: &Project, scheme: &str, host: &str) -> String {
    let why = of(project, Touches::Way).filter_map(|one| one.hinders(scheme, host));
    why.map(|why| format!("; {why}")).collect()
}

/// Variables that a script may need and is not given: "NODE_OPTIONS and NODE_PATH are set here,
/// and a run is not given them".
pub(super) fn scripts_lack(project: &Project) -> Option<String> {
    let all = of(project, Touches::Scripts).chain(of(project, Touches::Omits));
    let names: Vec<&str> = all.map(|one| one.shown.as_str()).collect();
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("{only} is set here, and a run is not given it")),
        [many @ .., last] => {
            Some(format!("{} and {last} are set here, and a run is not given them", many.join(", ")))
        }
    }
}

/// A token that is there and that npm does not know of: "NPM_TOKEN is set here, and no npmrc
/// names it".
pub(super) fn unnamed_token(project: &Project) -> Option<String> {
    of(project, Touches::Credential).next().map(|one| format!("{} {}", one.shown, one.what))
}

fn of(project: &Project, touches: Touches) -> impl Iterator<Item = &Around> {
    project.around.iter().filter(move |one| one.touches == touches)
}
