//! Which packages of both lockfiles npm would install here from one of them alone, told from
//! the entries without an install.
//!
//! What npm leaves out is decided by `project::lockfile::left_out`; here are the words for it.
//! It knows nothing of what a command omits: that is the same on both sides.

use super::{Kind, LockChange};
use crate::project::lockfile::left_out::{LeftOut, Machine};
use crate::project::lockfile::{LockEntry, Lockfile};

pub(super) fn changes(left: &Lockfile, right: &Lockfile, here: &Machine) -> Vec<LockChange> {
    let (old, new) = (left.left_out(here), right.left_out(here));
    let mut all = Vec::new();
    for (path, after) in &right.entries {
        let Some(before) = left.entries.get(path).filter(|before| before.name == after.name) else {
            continue;
        };
        let (was, is) = (obstacle(left, &old, before, here), obstacle(right, &new, after, here));
        let kind = match (&was, &is) {
            (None, Some(_)) => Kind::NoLongerInstalled,
            (Some(_), None) => Kind::InstalledNow,
            (None, None) | (Some(_), Some(_)) => continue,
        };
        all.push(LockChange {
            kind,
            path: path.clone(),
            name: after.name.to_string(),
            version: (!after.version.is_empty()).then(|| after.version.clone()),
            left: was,
            right: is,
            place: Some(after.place.clone()),
        });
    }
    all
}

/// What keeps npm from installing an entry here: a field of its own or of a package that it
/// lies in, or that it falls with another. `None` where nothing does.
fn obstacle(lockfile: &Lockfile, left: &LeftOut, entry: &LockEntry, here: &Machine) -> Option<String> {
    let is_out = left.has(&entry.path);
    let mut path = entry.path.as_str();
    loop {
        let misfit = lockfile.entries.get(path).and_then(|around| {
            // npm refuses a platform that does not fit, and warns of an engine, where it may not
            // leave the package out.
            around.misfit(here).filter(|misfit| is_out || !around.optional && misfit.field != "engines")
        });
        if let Some(misfit) = misfit {
            return Some(format!("{}: {}, and here is {}", misfit.field, misfit.wanted, misfit.here));
        }
        let Some((parent, _)) = path.rsplit_once("/node_modules/") else { break };
        path = parent;
    }
    let reason =
        if entry.extraneous { "nothing needs it" } else { "it falls with a package that is left out" };
    is_out.then(|| reason.to_owned())
}
