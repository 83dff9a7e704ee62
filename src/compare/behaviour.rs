//! What an install does, aspect by aspect, in a form in which two can be held side by
//! side: how it ends, what it installs and from where, what its scripts do.
//!
//! Pure. It must not know why two installs differ.

use super::noise::{Fact, Kind, Varying, facts};
use super::side::Install;
use crate::evidence::fact::{Evidence, SourceKind};
use crate::wire::{CutShort, Exit};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "aspect", rename_all = "kebab-case")]
pub enum Aspect {
    /// How npm ended: "exited 0", "exited 1, E404".
    End,
    /// Which version is installed at a path.
    Version {
        /// Below the project.
        path: String,
    },
    /// Where the bytes at a path came from.
    Source {
        /// Below the project.
        path: String,
    },
    /// Which bytes they are.
    Digest {
        /// Below the project.
        path: String,
    },
    /// A host that npm asked for packages.
    Asked {
        /// The host.
        host: String,
    },
    /// A host that npm turned to and that is none of those: a proxy.
    Through {
        /// The host.
        host: String,
    },
    /// A planted secret that a script read.
    Read {
        /// The path of the package whose script it was.
        package: Option<String>,
        /// The secret's label.
        secret: String,
    },
    /// A name that a script looked up.
    LookedUp {
        /// The path of the package whose script it was.
        package: Option<String>,
        /// The name.
        name: String,
    },
    /// Something that a script did.
    Deed {
        /// What kind.
        kind: Kind,
        /// The path of the package whose script it was.
        package: Option<String>,
        /// Its text; `*` stands for what is another each time.
        what: String,
    },
}

/// How [`Aspect::End`] is where npm ended well.
pub const WELL: &str = "exited 0";

/// Every aspect with how it was.
pub type Behaviour = BTreeMap<Aspect, String>;

/// One aspect that two installs do not share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Which.
    #[serde(flatten)]
    pub aspect: Aspect,
    /// How it was in the first; `None` where there was nothing of it.
    pub left: Option<String>,
    /// How it was in the second.
    pub right: Option<String>,
}

/// Whether npm ended well.
pub fn worked(run: &Evidence) -> bool {
    run.exit == Some(Exit::Code(0)) && run.cut_short.is_none()
}

/// What a run did. Of what `noise` says that it varies, what is there now and then is
/// left out, and what is there under other names has one name.
pub fn behaviour(run: &Evidence, noise: &[Varying]) -> Behaviour {
    let mut found = Behaviour::from([(Aspect::End, ending(run))]);
    // How far an install came that failed is chance.
    if !worked(run) {
        return found;
    }
    for package in &run.packages {
        let Some(version) = &package.version else { continue };
        let path = package.path.clone();
        found.insert(Aspect::Version { path: path.clone() }, version.clone());
        if let Some(source) = &package.source {
            let host = source.host.as_deref().unwrap_or_default();
            found.insert(
                Aspect::Source { path: path.clone() },
                format!("{}{}{host}", kind(source.kind), if host.is_empty() { "" } else { " " }),
            );
            if let Some(sha512) = &source.sha512 {
                found.insert(Aspect::Digest { path }, sha512.clone());
            }
        }
    }
    for exchange in run.exchanges.iter().filter(|it| it.package.is_some()) {
        found.insert(Aspect::Asked { host: exchange.host.clone() }, "for packages".to_owned());
    }
    for host in intermediaries(run) {
        found.insert(Aspect::Through { host }, "for requests".to_owned());
    }
    let package_of: BTreeMap<_, _> = run
        .processes
        .iter()
        .filter(|process| process.event.is_some())
        .map(|process| (process.id, process.package.clone()))
        .collect();
    for read in &run.reads {
        let package = package_of.get(&read.process).cloned().flatten();
        found.insert(Aspect::Read { package, secret: read.secret.clone() }, "read".to_owned());
    }
    for lookup in &run.lookups {
        if let Some(package) = lookup.process.and_then(|process| package_of.get(&process)) {
            let (package, name) = (package.clone(), lookup.name.clone());
            found.insert(Aspect::LookedUp { package, name }, "looked up".to_owned());
        }
    }
    for (kind, package, what) in settled(facts(&Install::from(run)), noise) {
        found.insert(Aspect::Deed { kind, package, what }, String::new());
    }
    found
}

/// Names that npm itself looked up and that answered none of its requests.
fn intermediaries(run: &Evidence) -> BTreeSet<String> {
    let scripts: BTreeSet<_> =
        run.processes.iter().filter(|process| process.event.is_some()).map(|process| process.id).collect();
    let asked: BTreeSet<&str> = run.exchanges.iter().map(|exchange| exchange.host.as_str()).collect();
    let of_npm = run.lookups.iter().filter(|lookup| !lookup.process.is_some_and(|id| scripts.contains(&id)));
    of_npm.map(|lookup| lookup.name.clone()).filter(|name| !asked.contains(name.as_str())).collect()
}

fn settled(facts: BTreeSet<Fact>, noise: &[Varying]) -> BTreeSet<Fact> {
    let named = |fact: Fact| match noise.iter().find(|varying| varying.covers(&fact)) {
        None => Some(fact),
        Some(varying) if varying.in_name_only() => Some((fact.0, fact.1, varying.what.clone())),
        Some(_) => None,
    };
    facts.into_iter().filter_map(named).collect()
}

fn ending(run: &Evidence) -> String {
    let code = run.npm_error.as_ref().map(|error| format!(", {}", error.name())).unwrap_or_default();
    match (run.cut_short, run.exit) {
        (Some(CutShort::Time), _) => "was ended at the time limit".to_owned(),
        (Some(_), _) => "was ended before its time".to_owned(),
        (None, Some(Exit::Code(0))) => WELL.to_owned(),
        (None, Some(Exit::Code(exit))) => format!("exited {exit}{code}"),
        (None, Some(Exit::Signal(signal))) => format!("was ended by signal {signal}"),
        (None, None) => "did not end".to_owned(),
    }
}

fn kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Registry => "registry",
        SourceKind::Cache => "npm's cache",
        SourceKind::Git => "git",
        SourceKind::File => "a file",
        SourceKind::Link => "a link",
        SourceKind::Bundled => "bundled",
        SourceKind::Unknown => "unknown",
    }
}

/// In what two behaviours differ, ordered. Where the end differs nothing else is
/// compared: the rest follows from it.
pub fn differences(left: &Behaviour, right: &Behaviour) -> Vec<Difference> {
    let difference = |aspect: &Aspect| {
        let (left, right) = (left.get(aspect).cloned(), right.get(aspect).cloned());
        (left != right).then(|| Difference { aspect: aspect.clone(), left, right })
    };
    if let Some(end) = difference(&Aspect::End) {
        return vec![end];
    }
    let aspects: BTreeSet<&Aspect> = left.keys().chain(right.keys()).collect();
    aspects.into_iter().filter_map(difference).collect()
}

/// Whether a third behaviour is as the right one in what a difference speaks of.
pub fn is_as_right(difference: &Difference, behaviour: &Behaviour) -> bool {
    is_as(difference, difference.right.as_ref(), behaviour)
}

/// Whether it is as the left one.
pub fn is_as_left(difference: &Difference, behaviour: &Behaviour) -> bool {
    is_as(difference, difference.left.as_ref(), behaviour)
}

fn is_as(difference: &Difference, side: Option<&String>, behaviour: &Behaviour) -> bool {
    let failed = behaviour.get(&Aspect::End).is_some_and(|end| end != WELL);
    // An install that failed shows nothing but that.
    let speaks = difference.aspect == Aspect::End || !failed;
    speaks && behaviour.get(&difference.aspect) == side
}
