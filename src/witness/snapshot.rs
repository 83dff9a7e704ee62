//! The trees and the grounds around them, before the scripts and after.
//!
//! "Before" is when the first script is about to run and everything is
//! unpacked. npm 12 runs the root's `preinstall` before it unpacks, and a git
//! dependency's `prepare` runs while it does (in a clone elsewhere), so not
//! every script's start is such a moment.

use super::channel::Channel;
use super::files::Files;
use super::outside::{self, Grounds, Listing};
use super::tree::{Place, Survey};
use crate::wire::{Event, FileChange, GapKind, Lifecycle, Order};

/// Changed files that are told one by one.
const CHANGES: usize = 20_000;

/// Whose script it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// A package's below a `node_modules` of the project.
    Dependency,
    /// The root's or a member's.
    Local,
    /// Of a clone somewhere else.
    Elsewhere,
}

/// What was taken so far.
pub(super) struct Snapshots {
    place: Place,
    grounds: Grounds,
    survey: Option<Survey>,
    listing: Option<Listing>,
    /// The survey may have been taken before npm unpacked.
    provisional: bool,
    dependency_ran: bool,
}

impl Snapshots {
    /// For the project of an order.
    pub(super) fn new(order: &Order, shared: &[&str]) -> Self {
        let mut members = order.members.clone();
        if members.is_empty() {
            members.push(String::new());
        }
        let place = Place { project: order.project.trim_end_matches('/').to_owned(), members };
        let grounds = Grounds::new(&place, &order.env, shared);
        Self { place, grounds, survey: None, listing: None, provisional: false, dependency_ran: false }
    }

    fn whose(&self, lifecycle: &Lifecycle) -> Whose {
        match lifecycle.package_json.strip_prefix(&self.place.project) {
            Some(path) if path.contains("/node_modules/") => Whose::Dependency,
            Some(path) if path.starts_with('/') => Whose::Local,
            _ => Whose::Elsewhere,
        }
    }

    /// A script is held at its start.
    pub(super) fn before_script(&mut self, lifecycle: &Lifecycle, files: &Files, channel: &mut Channel) {
        if self.listing.is_none() {
            self.listing = Some(self.grounds.list(false));
        }
        let whose = self.whose(lifecycle);
        let due = match whose {
            Whose::Elsewhere => false,
            Whose::Local => self.survey.is_none(),
            Whose::Dependency => self.survey.is_none() || self.provisional && !self.dependency_ran,
        };
        self.dependency_ran |= whose == Whose::Dependency;
        if !due {
            return;
        }
        let mut survey = Survey::take(&self.place, self.survey.as_ref(), false);
        if survey.is_empty() && whose == Whose::Local {
            return;
        }
        survey.forget(&self.place.project, files.of_scripts());
        self.provisional = whose == Whose::Local && lifecycle.event == "preinstall";
        tell_gaps(channel, &survey.gaps);
        channel.tell(Event::Unpacked { packages: survey.packages() });
        self.survey = Some(survey);
    }

    /// Nothing is alive any more.
    pub(super) fn finish(self, channel: &mut Channel, files: &Files) {
        let after = Survey::take(&self.place, self.survey.as_ref(), true);
        tell_gaps(channel, &after.gaps);
        channel.tell(Event::Installed { packages: after.packages(), links: after.links() });
        let mut changes: Vec<FileChange> = Vec::new();
        if let Some(before) = &self.survey {
            changes.extend(before.changes(&after, &self.place.project));
        }
        if let Some(before) = &self.listing {
            let listing = self.grounds.list(true);
            tell_gaps(channel, before.gaps.union(&listing.gaps));
            changes.extend(before.changes(&listing));
            changes.extend(self.grounds.beyond(files.names()));
        }
        for change in &mut changes {
            files.attribute(change);
        }
        // npm writes into its cache all the time; of what scripts do there it is known who did it.
        changes.retain(|change| change.process.is_some() || !self.grounds.is_npms(&change.path));
        if files.forgot {
            channel.gap(GapKind::Overflow, "scripts wrote more files than are remembered with who did");
        }
        let more = changes.len().saturating_sub(CHANGES);
        for mut change in changes.into_iter().take(CHANGES) {
            change.answers = outside::answers(&change.path);
            channel.tell(Event::Changed(change));
        }
        if more > 0 {
            channel.gap(GapKind::Overflow, &format!("{more} more files changed"));
        }
    }
}

fn tell_gaps<'a>(channel: &mut Channel, gaps: impl IntoIterator<Item = &'a String>) {
    for gap in gaps {
        channel.gap(GapKind::Tree, gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Timed, receive};
    use std::os::unix::net::UnixStream;

    fn lifecycle(event: &str, package_json: String) -> Lifecycle {
        Lifecycle { event: event.into(), package_json }
    }

    /// Plays scripts on a project and tells how many packages each `Unpacked` had.
    fn play(scripts: &[(&str, &str, &[&str])]) -> Vec<usize> {
        let room = tempfile::tempdir().unwrap();
        let project = room.path().to_str().unwrap().to_owned();
        let order = Order {
            argv: vec![],
            then: vec![],
            env: vec![],
            cwd: project.clone(),
            project: project.clone(),
            members: vec![],
            trace: true,
            watch: true,
            secrets: vec![],
            hash: true,
            time_limit_ms: 0,
            grace_ms: 0,
            memory_limit: 0,
            disk_limit: 0,
            umask: 0o022,
        };
        let (mut host, inside) = UnixStream::pair().unwrap();
        let mut channel = Channel::new(inside.into()).unwrap();
        let mut snapshots = Snapshots::new(&order, &[]);
        for (event, package_json, unpacked) in scripts {
            for name in *unpacked {
                std::fs::create_dir_all(room.path().join("node_modules").join(name)).unwrap();
            }
            let package_json = package_json.replace("PROJECT", &project);
            snapshots.before_script(&lifecycle(event, package_json), &Files::new(&[]), &mut channel);
        }
        channel.flush();
        drop(channel);
        let mut counts = Vec::new();
        while let Some(timed) = receive::<Timed>(&mut host).unwrap() {
            if let Event::Unpacked { packages } = timed.event {
                counts.push(packages.len());
            }
        }
        counts
    }

    #[test]
    fn the_first_script_of_a_dependency_is_the_moment() {
        let scripts: [(&str, &str, &[&str]); 2] = [
            ("postinstall", "PROJECT/node_modules/a/package.json", &["a", "b"]),
            ("postinstall", "PROJECT/node_modules/b/package.json", &["c"]),
        ];
        assert_eq!(play(&scripts), [2]);
    }

    #[test]
    fn a_root_script_before_anything_is_unpacked_does_not_count() {
        let root = "PROJECT/package.json";
        let dependency = "PROJECT/node_modules/a/package.json";
        assert_eq!(play(&[("preinstall", root, &[]), ("install", dependency, &["a"])]), [1]);
        assert_eq!(play(&[("preinstall", root, &[]), ("postinstall", root, &["a"])]), [1]);
    }

    #[test]
    fn a_root_preinstall_over_an_old_tree_is_superseded() {
        let scripts: [(&str, &str, &[&str]); 2] = [
            ("preinstall", "PROJECT/package.json", &["old"]),
            ("install", "PROJECT/node_modules/a/package.json", &["a"]),
        ];
        assert_eq!(play(&scripts), [1, 2]);
    }

    #[test]
    fn a_script_in_a_clone_elsewhere_says_nothing_of_the_tree() {
        let scripts: [(&str, &str, &[&str]); 2] =
            [("prepare", "/elsewhere/package.json", &["half"]), ("prepare", "PROJECT/package.json", &["a"])];
        assert_eq!(play(&scripts), [2]);
    }
}
