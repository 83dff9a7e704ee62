//! Redirects: where a scenario sends npm, and what is served there.
//!
//! Pure. A port or a scheme to which a registry moves its own downloads is the
//! registry still, and serves the genuine bytes; what matters there is what npm
//! takes along.

use super::{is_read, is_tarball};
use crate::gateway::decide::Question;
use crate::gateway::folder::tarball_url;
use crate::gateway::route::Site;
use crate::plan::{STRANGER, World};
use crate::project::registry::RegistryUrl;
use crate::scenario::Answer;
use url::Url;

/// Where a request for a tarball is sent; `None` where this is none of the
/// requests that are.
pub(in crate::gateway) fn target(world: &World, answer: Answer, question: &Question<'_>) -> Option<Url> {
    if !is_read(question) || !is_tarball(question.asked, question.site) {
        return None;
    }
    let stranger = RegistryUrl::parse(&format!("https://{STRANGER}/")).ok()?;
    let mut url = question.url.clone();
    let elsewhere = |registry: &RegistryUrl| match (&question.asked.package, &question.asked.version) {
        (Some(name), Some(version)) => Url::parse(&tarball_url(registry, name, version)).ok(),
        (_, _) => registry.as_url().join(question.url.path().trim_start_matches('/')).ok(),
    };
    if answer == Answer::RedirectPublic {
        return elsewhere(&world.public);
    }
    if answer == Answer::RedirectStranger {
        return elsewhere(&stranger);
    }
    if answer == Answer::RedirectLoop {
        return Some(url);
    }
    // Another host of the registry's has no door of ours at another port.
    if !matches!(question.site, Site::Registry(_) | Site::Also(_)) {
        return None;
    }
    if answer == Answer::RedirectPort {
        url.set_port(Some(world.detour()?)).ok()?;
        return Some(url);
    }
    if answer == Answer::RedirectHttp && url.scheme() == "https" {
        url.set_scheme("http").ok()?;
        url.set_port(None).ok()?;
        return Some(url);
    }
    None
}

/// The URL at the registry itself of one to which it has moved its downloads.
pub(in crate::gateway) fn home(world: &World, url: &Url) -> Option<Url> {
    let port = url.port_or_known_default().filter(|port| world.detour() == Some(*port))?;
    let back = |registry: &RegistryUrl, answer: Answer| {
        let own = registry.as_url();
        let to_port =
            answer == Answer::RedirectPort && url.scheme() == own.scheme() && registry.port() != port;
        let to_http = answer == Answer::RedirectHttp && url.scheme() == "http" && own.scheme() == "https";
        let led = to_port || to_http;
        if !led || Some(registry.host()) != url.host_str() {
            return None;
        }
        let mut home = url.clone();
        home.set_scheme(own.scheme()).ok()?;
        home.set_port(own.port()).ok()?;
        Some(home)
    };
    let homes: Vec<Url> = world
        .registries
        .iter()
        .flat_map(|registry| {
            std::iter::once(&registry.url).chain(&registry.also).map(|one| (one, registry.answer))
        })
        .filter_map(|(one, answer)| back(one, answer))
        .collect();
    let covered = |home: &&Url| world.registries.iter().any(|registry| registry.url.covers(home));
    homes.iter().find(covered).or(homes.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::decide::{Act, Question, decide};
    use crate::gateway::route::{Inside, asked, below, site};
    use crate::gateway::worlds::world;
    use http::Method;

    const TARBALL: &str = "https://npm.corp.example/api/npm-local/@acme/internal/-/internal-1.2.0.tgz";

    fn act(answer: Answer, text: &str) -> Act {
        let mut world = world();
        world.registries[0].answer = answer;
        if answer.leads_to_a_stranger() {
            world.strangers.insert(STRANGER.to_owned());
        }
        let asked_at = Url::parse(text).unwrap();
        let home = home(&world, &asked_at);
        let moved = home.is_some();
        let url = home.unwrap_or(asked_at);
        let site = site(&world, &url, || None);
        let path = below(&world, &site, &url);
        let (asked, inside) = (asked(&path), Inside::new(&world));
        let ownership = asked.package.as_ref().map(|name| inside.at(&world, name, &url, &site));
        let question = Question {
            method: &Method::GET,
            url: &url,
            site: &site,
            asked: &asked,
            ownership: ownership.as_ref(),
            devious: false,
            carries: false,
            moved,
        };
        decide(&world, &question)
    }

    #[test]
    fn tarballs_are_sent_where_the_scenario_says_and_are_had_there() {
        let genuine = Act::Forward { query: true };
        for (answer, to, there) in [
            (
                Answer::RedirectPublic,
                "https://registry.example/@acme/internal/-/internal-1.2.0.tgz",
                Act::Decoy,
            ),
            (
                Answer::RedirectStranger,
                "https://packages.stranger.example/@acme/internal/-/internal-1.2.0.tgz",
                Act::Decoy,
            ),
            (
                Answer::RedirectPort,
                "https://npm.corp.example:8443/api/npm-local/@acme/internal/-/internal-1.2.0.tgz",
                genuine.clone(),
            ),
            (
                Answer::RedirectHttp,
                "http://npm.corp.example/api/npm-local/@acme/internal/-/internal-1.2.0.tgz",
                genuine.clone(),
            ),
            (
                Answer::RedirectLoop,
                TARBALL,
                Act::Redirect(Box::new(Url::parse(TARBALL).unwrap()), "redirect-loop"),
            ),
        ] {
            let sent = Act::Redirect(Box::new(Url::parse(to).unwrap()), answer.name());
            assert_eq!(act(answer, TARBALL), sent);
            assert_eq!(act(answer, to), there, "{to}");
            // A packument is asked of the registry as ever.
            let packument = "https://npm.corp.example/api/npm-local/@acme%2finternal";
            assert_eq!(act(answer, packument), genuine, "{answer:?}");
        }
    }

    #[test]
    fn nobody_is_at_those_places_in_another_world() {
        for to in [
            "https://packages.stranger.example/a",
            "https://npm.corp.example:8443/a",
            "http://npm.corp.example/a",
        ] {
            assert!(matches!(act(Answer::Genuine, to), Act::Refuse(_)), "{to}");
        }
    }
}
