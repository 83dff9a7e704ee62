//! What is done with a request. Pure: the table that keeps private names and
//! writes from ever leaving.

use super::fault::{self, redirect, virtuals};
use super::route::{Asked, Ownership, Shape, Site};
use crate::plan::World;
use crate::scenario::Answer;
use http::Method;
use url::Url;

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// The connection ends without an answer: the named fault.
    Hang(&'static str),
    /// The request is never answered: the named fault.
    Silence(&'static str),
    /// A status that the scenario plays.
    Fault(u16, &'static str),
    /// A page for people, with status 200.
    LoginPage(&'static str),
    /// `{}` in the place of a packument.
    EmptyPackument(&'static str),
    /// Elsewhere, as the scenario plays it.
    Redirect(Box<Url>, &'static str),
    /// `{}`: npm's audit and ping are content with it.
    Nothing,
    /// 404: nobody has it.
    Absent,
    /// 403, for the reason.
    Refuse(&'static str),
    /// A decoy, if there is one of this name; else 404.
    Decoy,
    /// What the public registry has of one of the project's own names, and beside it a decoy,
    /// if there is one.
    Beside,
    /// A decoy as this registry's own: the named fault.
    DecoyAsOwn(&'static str),
    /// From the folder of the registry of this index.
    Folder(usize),
    /// Served from the folder that stands for the public registry.
    PublicFolder,
    /// What a drill's own host answers.
    Sink,
    /// From upstream; the query goes along if `query`.
    Forward {
        /// Only where the query cannot tell a stranger anything.
        query: bool,
    },
}

/// A request, as far as it decides.
pub(super) struct Question<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    pub(super) site: &'a Site,
    pub(super) asked: &'a Asked,
    pub(super) ownership: Option<&'a Ownership>,
    /// The path could mean two things.
    pub(super) devious: bool,
    /// It carries a planted secret where none belongs.
    pub(super) carries: bool,
    /// A redirect of this scenario's own led here.
    pub(super) moved: bool,
}

/// Decides.
pub(super) fn decide(world: &World, question: &Question<'_>) -> Act {
    if let Some(fault) = played(world, question) {
        return fault;
    }
    let Question { method, url: _, site, asked, ownership, devious, carries, moved: _ } = *question;
    if question.url.host_str().is_some_and(|host| world.is_sink(host)) {
        let reads = *method == Method::GET || *method == Method::HEAD;
        return if reads { Act::Sink } else { Act::Nothing };
    }
    if *site == Site::Unknown {
        return Act::Refuse("this host is not known to the project");
    }
    let registry = matches!(site, Site::Public | Site::Registry(_));
    if *method == Method::POST && asked.shape == Shape::Audit && registry {
        return Act::Nothing;
    }
    if *method != Method::GET && *method != Method::HEAD {
        return Act::Refuse("nothing is published or changed through here");
    }
    match asked.shape {
        Shape::Ping if registry => return Act::Nothing,
        Shape::Keys if *site == Site::Public && !carries && world.public_serve.is_none() => {
            return Act::Forward { query: false };
        }
        Shape::Keys | Shape::Attestations | Shape::Audit if registry => return Act::Absent,
        Shape::Api if registry => return Act::Refuse("only packages are fetched through here"),
        Shape::Packument | Shape::Tarball | Shape::Other => {}
        // On a host of downloads such a path is a path like any other.
        Shape::Ping | Shape::Keys | Shape::Attestations | Shape::Audit | Shape::Api => {}
    }
    let folder = match site {
        // Where a registry is a folder, so is the host to which it hands downloads.
        Site::Registry(at) | Site::Also(at) => {
            world.registries.get(*at).and_then(|registry| registry.serve.as_ref()).map(|_| *at)
        }
        Site::Public | Site::HandedOut(_) | Site::Trusted | Site::Unknown => None,
    };
    if let Some(at) = folder {
        return Act::Folder(at);
    }
    // A blob's path is its host's affair; a registry's may not mean two things.
    if carries || devious && (registry || matches!(site, Site::Also(_))) {
        return Act::Refuse("this request is not one of npm's");
    }
    match (ownership, site) {
        // Names of the project's own never leave, wherever the mistake leads.
        (Some(Ownership::Local | Ownership::Private(_)), Site::Public) => Act::Decoy,
        (Some(Ownership::Shared), Site::Public) if asked.exact || world.public_serve.is_some() => Act::Beside,
        (Some(Ownership::Shared), Site::Public) => Act::Absent,
        (Some(Ownership::Local), _) => Act::Absent,
        (Some(Ownership::Private(Some(own))), Site::Registry(at) | Site::Also(at)) => {
            let host = |at: &usize| world.registries.get(*at).map(|registry| registry.url.host().to_owned());
            if host(own) == host(at) { Act::Forward { query: true } } else { Act::Absent }
        }
        (Some(Ownership::Public) | None, Site::Public) if world.public_serve.is_some() => Act::PublicFolder,
        (Some(Ownership::Public) | None, Site::Public) if asked.exact => Act::Forward { query: false },
        (Some(Ownership::Public) | None, Site::Public) => Act::Absent,
        (_, Site::Registry(_) | Site::Also(_) | Site::HandedOut(_) | Site::Trusted) => {
            Act::Forward { query: true }
        }
        (_, Site::Unknown) => Act::Refuse("this host is not known to the project"),
    }
}

/// Why a name is asked of nobody there, a fragment.
pub(super) fn untold(ownership: Option<&Ownership>) -> &'static str {
    match ownership {
        Some(Ownership::Private(_)) => "the name is private, and no registry but its owner's is told of it",
        Some(Ownership::Local) => "the name is a local package's, and no registry is told of it",
        Some(Ownership::Shared | Ownership::Public) | None => "only packages are fetched through here",
    }
}

/// What the scenario plays in the place of an answer. What it does to a genuine
/// one is done when there is one.
fn played(world: &World, question: &Question<'_>) -> Option<Act> {
    let answer = fault::answer(world, question.site);
    let name = answer.name();
    match answer {
        Answer::Genuine
        | Answer::CertificateUntrusted
        | Answer::CertificateExpired
        | Answer::CertificateWrongName
        | Answer::Tampered
        | Answer::Truncated
        | Answer::TruncatedChunked
        | Answer::TruncatedUnframed
        | Answer::ResetInBody
        | Answer::SlowDrip
        | Answer::VersionMissing
        | Answer::TarballElsewhere => None,
        Answer::Refused
        | Answer::BlackHole
        | Answer::NxDomain
        | Answer::ServFail
        | Answer::LookupUnanswered
        | Answer::ConnectionReset => Some(Act::Hang(name)),
        Answer::Unanswered => Some(Act::Silence(name)),
        Answer::Unauthorized => Some(Act::Fault(401, name)),
        Answer::Forbidden => Some(Act::Fault(403, name)),
        Answer::NotFound => Some(Act::Fault(404, name)),
        Answer::Gone => Some(Act::Fault(410, name)),
        Answer::RateLimited => Some(Act::Fault(429, name)),
        Answer::ServerError => Some(Act::Fault(500, name)),
        Answer::Unavailable => Some(Act::Fault(503, name)),
        Answer::LoginPage => Some(Act::LoginPage(name)),
        Answer::EmptyPackument => {
            let packument = question.asked.shape == Shape::Packument && fault::is_read(question);
            packument.then_some(Act::EmptyPackument(name))
        }
        Answer::MergesPublic => virtuals::is_strangers(world, question).then_some(Act::DecoyAsOwn(name)),
        Answer::FallsThrough => virtuals::falls_through(question).then_some(Act::DecoyAsOwn(name)),
        Answer::RedirectPublic
        | Answer::RedirectStranger
        | Answer::RedirectPort
        | Answer::RedirectHttp
        | Answer::RedirectLoop => {
            let to = redirect::target(world, answer, question)?;
            Some(Act::Redirect(Box::new(to), name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::{Inside, asked, below, is_devious, site};
    use super::super::worlds::{name, registry as registry_of, world};
    use super::*;
    use url::Url;

    fn act(world: &World, method: &Method, url: &str) -> Act {
        let url = Url::parse(url).unwrap();
        let site = site(world, &url, || None);
        let path = below(world, &site, &url);
        let asked = asked(&path);
        let inside = Inside::new(world);
        let ownership = asked.package.as_ref().map(|name| inside.at(world, name, &url, &site));
        let (devious, ownership) = (is_devious(&path), ownership.as_ref());
        let (url, site, asked) = (&url, &site, &asked);
        let (carries, moved) = (false, false);
        decide(world, &Question { method, url, site, asked, ownership, devious, carries, moved })
    }

    #[test]
    fn the_table_of_reads() {
        let world = world();
        let cases = [
            ("https://registry.example/left-pad", Act::Forward { query: false }),
            ("https://registry.example/left-pad/-/left-pad-1.3.0.tgz?x=1", Act::Forward { query: false }),
            ("https://registry.example/@acme%2finternal", Act::Decoy),
            ("https://registry.example/@ACME%2Finternal", Act::Decoy),
            ("https://registry.example/@acme/internal/-/internal-1.2.0.tgz", Act::Decoy),
            ("https://registry.example/acme-web", Act::Decoy),
            ("https://registry.example/a/b/c/d", Act::Absent),
            ("https://registry.example/-/npm/v1/keys", Act::Forward { query: false }),
            ("https://registry.example/-/ping", Act::Nothing),
            ("https://npm.corp.example/api/npm-local/@acme%2finternal", Act::Forward { query: true }),
            ("https://npm.corp.example/api/npm-local/acme-web", Act::Absent),
            ("https://mirror.example/npm/left-pad", Act::Forward { query: true }),
            ("https://mirror.example/npm/@acme%2finternal", Act::Absent),
            ("https://blobs.corp.example/blob/123", Act::Forward { query: true }),
            ("https://cdn.example/x.tgz", Act::Forward { query: true }),
        ];
        for (url, expected) in cases {
            assert_eq!(act(&world, &Method::GET, url), expected, "{url}");
        }
        for refused in [
            "https://evil.example/left-pad",
            "https://registry.example/-/whoami",
            "https://npm.corp.example/api/npm-local/-/npm/v1/tokens",
            "https://npm.corp.example/api/npm-local/x%2f..%2f..%2fadmin",
            "https://registry.example/left-pad%2f..%2f@acme%2finternal",
        ] {
            assert!(matches!(act(&world, &Method::GET, refused), Act::Refuse(_)), "{refused}");
        }
    }

    /// The lockfile has public packages of these names as well.
    #[test]
    fn a_name_that_a_registry_knows_is_no_secret_there() {
        let mut world = world();
        let public = world.public.clone();
        let mut known = |text: &str, registry: &str| {
            world.known.entry(name(text)).or_default().insert(registry_of(registry));
        };
        known("@acme/lint", &public.to_string());
        known("acme-web", &public.to_string());
        known("acme-web", "https://npm.corp.example/api/npm-local/");
        world.local.insert(name("acme-cli"));
        world.private.insert(name("@acme/two"), world.registries[0].url.clone());
        world.known.entry(name("@acme/two")).or_default().insert(public);
        let (forward, own) = (Act::Forward { query: false }, Act::Forward { query: true });
        for (url, expected) in [
            ("https://registry.example/@acme/lint/-/lint-1.2.0.tgz", forward.clone()),
            ("https://registry.example/@acme%2flint", forward.clone()),
            ("https://registry.example/@Acme%2FLint", forward),
            ("https://registry.example/@acme%2fother", Act::Decoy),
            ("https://registry.example/@acme%2finternal", Act::Decoy),
            // One of the project's own is there as well: a stranger's comes beside it.
            ("https://registry.example/acme-web/-/acme-web-0.9.0.tgz", Act::Beside),
            ("https://registry.example/@acme%2ftwo", Act::Beside),
            ("https://registry.example/acme-cli", Act::Decoy),
            // A stranger knows nothing.
            ("https://stranger.example/acme-web", Act::Decoy),
            ("https://stranger.example/@acme%2flint", Act::Decoy),
            ("https://npm.corp.example/api/npm-local/acme-web", own.clone()),
            ("https://npm.corp.example/api/npm-local/acme-cli", Act::Absent),
            ("https://npm.corp.example/api/npm-local/@acme%2flint", own),
            ("https://mirror.example/npm/acme-web", Act::Absent),
        ] {
            assert_eq!(act(&world, &Method::GET, url), expected, "{url}");
        }
    }

    #[test]
    fn a_served_registry_serves_what_it_hands_to_another_host_too() {
        let mut world = world();
        world.registries[0].serve = Some("served".into());
        for url in [
            "https://npm.corp.example/api/npm-local/@acme%2finternal",
            "https://npm.corp.example/elsewhere/@acme/internal/-/@acme/internal-1.2.0.tgz",
            "https://blobs.corp.example/@acme/internal/-/internal-1.2.0.tgz",
        ] {
            assert_eq!(act(&world, &Method::GET, url), Act::Folder(0), "{url}");
        }
    }

    #[test]
    fn a_second_registry_of_the_owners_is_asked_like_the_first() {
        let mut world = world();
        let mirror = world.registries[1].url.clone();
        for path in ["@acme%2finternal", "@acme/internal/-/internal-1.2.0.tgz", "@acme%2fnever-seen"] {
            let url = format!("{mirror}{path}");
            world.own.clear();
            assert_eq!(act(&world, &Method::GET, &url), Act::Absent, "{url}");
            world.own.entry(name("@acme/internal")).or_default().insert(mirror.clone());
            assert_eq!(act(&world, &Method::GET, &url), Act::Forward { query: true }, "{url}");
            // Never the public one, whatever is said of it.
            let public = world.public.clone();
            world.own.entry(name("@acme/internal")).or_default().insert(public.clone());
            assert_eq!(act(&world, &Method::GET, &format!("{public}{path}")), Act::Decoy, "{path}");
        }
    }

    #[test]
    fn the_public_host_learns_no_name_by_another_scheme_either() {
        let mut world = world();
        world.hosts.insert("registry.example".into());
        for url in ["http://registry.example/@acme%2finternal", "https://registry.example:8443/acme-web"] {
            assert_eq!(act(&world, &Method::GET, url), Act::Decoy, "{url}");
        }
        let public = act(&world, &Method::GET, "http://registry.example/left-pad");
        assert_eq!(public, Act::Forward { query: false });
    }

    #[test]
    fn nothing_can_be_written_anywhere() {
        let world = world();
        for method in [Method::PUT, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            for url in [
                "https://registry.example/left-pad",
                "https://npm.corp.example/api/npm-local/@acme%2finternal",
                "https://npm.corp.example/api/npm-local/-/user/org.couchdb.user:me",
                "https://cdn.example/upload",
                "https://evil.example/",
            ] {
                assert!(matches!(act(&world, &method, url), Act::Refuse(_)), "{method} {url}");
            }
        }
        let audit = "https://registry.example/-/npm/v1/security/advisories/bulk";
        assert_eq!(act(&world, &Method::POST, audit), Act::Nothing);
    }

    #[test]
    fn the_hosts_of_a_drill_take_what_they_are_given_and_nothing_goes_on() {
        let mut world = world();
        let url = "https://collect.drill.example/stage.sh";
        assert!(matches!(act(&world, &Method::GET, url), Act::Refuse(_)));
        world.sink = Some(Default::default());
        // Trusted as a host of downloads is: it is the drill's all the same.
        world.hosts.insert("collect.drill.example".into());
        assert_eq!(act(&world, &Method::GET, url), Act::Sink);
        assert_eq!(act(&world, &Method::PUT, url), Act::Nothing);
        let other = act(&world, &Method::GET, "https://notdrill.example/stage.sh");
        assert!(matches!(other, Act::Refuse(_)));
    }

    #[test]
    fn a_fault_is_played_to_everything_of_its_registry() {
        let mut world = world();
        world.registries[0].answer = Answer::Unavailable;
        for url in [
            "https://npm.corp.example/api/npm-local/@acme%2finternal",
            "https://npm.corp.example/api/npm-local/-/npm/v1/security/advisories/bulk",
            "https://blobs.corp.example/blob/123",
        ] {
            assert_eq!(act(&world, &Method::GET, url), Act::Fault(503, "unavailable"), "{url}");
        }
        assert_eq!(act(&world, &Method::GET, "https://registry.example/x"), Act::Forward { query: false });
    }
}
