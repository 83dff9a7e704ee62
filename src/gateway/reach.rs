//! How far a request is forwarded: to whom, for whom. The gateway stands in the caller's own
//! network, and what is asked through it must not be what a file of the tested project wishes.

use super::callers::Caller;
use super::route::Site;
use crate::plan::World;
use crate::upstream::Reach;
use url::Url;

/// Why a script's request is not forwarded, a fragment.
pub(super) const ONLY_NPM: &str =
    "only the project's own files name this host, so that npm alone is led there";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// npm itself.
    Npm,
    /// A script, or somebody who could not be named.
    Script,
    /// Nobody is followed in this run.
    Unseen,
}

impl Asker {
    /// By the witness's answer; `follows` says whether there is one to come at all.
    pub(super) fn of(caller: Option<Caller>, follows: bool) -> Self {
        match caller {
            Some(Caller { npm: true, .. }) => Self::Npm,
            Some(Caller { npm: false, .. }) => Self::Script,
            None if follows => Self::Script,
            None => Self::Unseen,
        }
    }
}

/// How far a request may go; `None` where it is not forwarded at all.
pub(super) fn reach(world: &World, site: &Site, url: &Url, asker: Asker) -> Option<Reach> {
    // npm itself names the public registry, and only names of packages are asked of it.
    if *site == Site::Public {
        let known = world.named.has(url);
        return Some(if known { Reach::Anywhere } else { Reach::Outside });
    }
    // The owner's registry hands its downloads to hosts that nobody else names.
    let handed_by_named = match site {
        Site::HandedOut(handed) => handed.registry.and_then(|at| world.registries.get(at)),
        Site::Public | Site::Registry(_) | Site::Also(_) | Site::Trusted | Site::Unknown => None,
    }
    .is_some_and(|registry| world.named.has(registry.url.as_url()));
    match (world.named.has(url), handed_by_named, asker) {
        (true, _, Asker::Npm) | (false, true, Asker::Npm) => Some(Reach::Anywhere),
        (true, _, Asker::Script | Asker::Unseen) | (false, false, Asker::Npm | Asker::Unseen) => {
            Some(Reach::Outside)
        }
        (false, true, Asker::Unseen) => Some(Reach::Outside),
        (false, _, Asker::Script) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::{Handed, site};
    use super::super::worlds::world;
    use super::*;
    use crate::evidence::exchange::Role;
    use crate::project::named::NamedHosts;
    use crate::wire::ProcessId;

    #[test]
    fn who_is_npm_is_the_witnesss_to_say() {
        let caller = |npm| Some(Caller { process: ProcessId(7), npm });
        assert_eq!(Asker::of(caller(true), true), Asker::Npm);
        assert_eq!(Asker::of(caller(false), true), Asker::Script);
        assert_eq!(Asker::of(None, true), Asker::Script);
        assert_eq!(Asker::of(None, false), Asker::Unseen);
    }

    #[test]
    fn a_script_goes_where_the_caller_allows_and_to_no_internal_address() {
        let mut world = world();
        world.named = NamedHosts::listed(&["registry.example:443", "npm.corp.example:443"]);
        let at = |url: &str, asker| {
            let url = Url::parse(url).unwrap();
            reach(&world, &site(&world, &url, || None), &url, asker)
        };
        let public = "https://registry.example/left-pad";
        let own = "https://npm.corp.example/api/npm-local/@acme%2finternal";
        for (url, npm, script) in [
            (public, Some(Reach::Anywhere), Some(Reach::Anywhere)),
            (own, Some(Reach::Anywhere), Some(Reach::Outside)),
            // Another port of a named host is another service.
            ("https://npm.corp.example:8443/x", Some(Reach::Outside), None),
            ("https://mirror.example/npm/left-pad", Some(Reach::Outside), None),
            ("https://cdn.example/x.tgz", Some(Reach::Outside), None),
            ("https://blobs.corp.example/x", Some(Reach::Outside), None),
        ] {
            assert_eq!(at(url, Asker::Npm), npm, "npm {url}");
            assert_eq!(at(url, Asker::Script), script, "a script {url}");
            let unseen = if url == public { Reach::Anywhere } else { Reach::Outside };
            assert_eq!(at(url, Asker::Unseen), Some(unseen), "unseen {url}");
        }
    }

    #[test]
    fn what_the_owners_registry_hands_out_is_npms_alone() {
        let mut world = world();
        let handed =
            |registry| Site::HandedOut(Handed { package: None, version: None, role: Role::Own, registry });
        let url = Url::parse("http://10.0.0.9:9000/bucket/x.tgz").unwrap();
        assert_eq!(reach(&world, &handed(Some(0)), &url, Asker::Npm), Some(Reach::Outside));
        world.named = NamedHosts::listed(&["npm.corp.example:443"]);
        assert_eq!(reach(&world, &handed(Some(0)), &url, Asker::Npm), Some(Reach::Anywhere));
        assert_eq!(reach(&world, &handed(Some(0)), &url, Asker::Script), None);
        // The public registry's word is a stranger's.
        assert_eq!(reach(&world, &handed(None), &url, Asker::Npm), Some(Reach::Outside));
    }
}
