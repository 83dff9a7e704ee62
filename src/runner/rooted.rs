//! What the witness tells, with paths as they are from npm's root.
//!
//! Where packages lie beside the project, the folder of both is what is copied, and npm's
//! root is a folder below it. All else knows paths as lockfiles have them, from npm's root
//! on, so that `/project/shared/email` becomes `/project/../shared/email`. What a program
//! was called with, and what npm says, stays as it was.

use crate::project::base::up;
use crate::sandbox::PROJECT;
use crate::wire::{Event, FileChange, Link, PackageTree};

/// The events of a project whose npm's root is `inside` below what was copied.
pub(super) fn rooted(events: &mut [Event], inside: &str) {
    if inside.is_empty() {
        return;
    }
    let absolute = |path: &mut String| {
        let below = path.strip_prefix(PROJECT).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = below.map(|below| up(inside, below));
        if let Some(found) = found {
            *path = if found.is_empty() { PROJECT.to_owned() } else { format!("{PROJECT}/{found}") };
        }
    };
    let relative = |path: &mut String| *path = up(inside, path);
    for event in events {
        match event {
            Event::Executed { exe, file, cwd, lifecycle, .. } => {
                [exe, file, cwd].into_iter().for_each(absolute);
                if let Some(lifecycle) = lifecycle {
                    absolute(&mut lifecycle.package_json);
                }
            }
            Event::ExecFailed { path, .. } => absolute(path),
            Event::Unpacked { packages } => packages.iter_mut().for_each(|it| tree(it, relative)),
            Event::Installed { packages, links } => {
                packages.iter_mut().for_each(|it| tree(it, relative));
                links.iter_mut().for_each(|it| link(it, relative));
            }
            Event::Fed { path, .. } => absolute(path),
            Event::Changed(FileChange { path, leads, .. }) => {
                absolute(path);
                if let Some(leads) = leads.as_mut().filter(|leads| !leads.starts_with(['/', '.'])) {
                    relative(leads);
                }
            }
            Event::Ready
            | Event::Forked { .. }
            | Event::Exited { .. }
            | Event::Connected { .. }
            | Event::Read { .. }
            | Event::Denied { .. }
            | Event::CommandExited { .. }
            | Event::Gap { .. }
            | Event::Ended { .. } => {}
        }
    }
}

fn tree(of: &mut PackageTree, relative: impl Fn(&mut String)) {
    relative(&mut of.path);
}

fn link(of: &mut Link, relative: impl Fn(&mut String)) {
    relative(&mut of.path);
    // One that leaves what was copied is told as it is.
    if !of.target.starts_with('/') && !of.target.starts_with("..") {
        relative(&mut of.target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Lifecycle, ProcessId};

    #[test]
    fn paths_are_those_of_the_lockfile() {
        let executed = |exe: &str, cwd: &str, json: &str| Event::Executed {
            process: ProcessId(2),
            parent: None,
            argv: vec!["/project/cms/x".to_owned()],
            exe: exe.to_owned(),
            file: exe.to_owned(),
            cwd: cwd.to_owned(),
            lifecycle: Some(Lifecycle { event: "prepare".into(), package_json: json.to_owned() }),
        };
        let link = |path: &str, target: &str| Link { path: path.into(), target: target.into() };
        let mut events = [
            executed("/usr/bin/node", "/project/shared/email", "/project/shared/email/package.json"),
            executed("/project/cms/node_modules/a/x", "/project/cms", "/project/cms/package.json"),
            Event::Installed {
                packages: vec![],
                links: vec![
                    link("cms/node_modules/email", "shared/email"),
                    link("shared/email/node_modules/model", "shared/model"),
                ],
            },
        ];
        let before = events.clone();
        rooted(&mut events, "");
        assert_eq!(events, before);
        rooted(&mut events, "cms");
        let beside = "/project/../shared/email";
        assert_eq!(
            events,
            [
                executed("/usr/bin/node", beside, &format!("{beside}/package.json")),
                executed("/project/node_modules/a/x", "/project", "/project/package.json"),
                Event::Installed {
                    packages: vec![],
                    links: vec![
                        link("node_modules/email", "../shared/email"),
                        link("../shared/email/node_modules/model", "../shared/model"),
                    ],
                },
            ]
        );
    }
}
