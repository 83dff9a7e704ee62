//! Whose a credential is, and when the real one may take its place.
//!
//! The sandbox holds planted values only. One that arrives where the user's own
//! config would not send it is proof of a leak and costs nothing.

use crate::evidence::exchange::Credential;
use crate::plan::{Planted, World};
use crate::secret::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use url::Url;

/// The credential of a request.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// None, own, foreign.
    pub(super) credential: Credential,
    /// The planted value it is.
    pub(super) planted: Option<&'a Planted>,
    /// The user part of a basic credential.
    user: Option<String>,
    bearer: bool,
}

/// Reads an Authorization header.
pub(super) fn find<'a>(world: &'a World, url: &Url, header: Option<&str>) -> Found<'a> {
    let nothing = Found { credential: Credential::None, planted: None, user: None, bearer: true };
    let Some((scheme, value)) = header.and_then(|text| text.trim().split_once(' ')) else { return nothing };
    let value = value.trim();
    let bearer = !scheme.eq_ignore_ascii_case("basic");
    let decoded = STANDARD.decode(value).ok().and_then(|raw| String::from_utf8(raw).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let is = |planted: &&Planted| {
        planted.value == value
            || !bearer
                && pair.is_some_and(|(_, password)| {
                    password == planted.value
                        || planted.key == "_password" && STANDARD.encode(password) == planted.value
                })
    };
    let mut known = world.planted.iter().filter(is).collect::<Vec<_>>();
    // One value can be for several registries (one variable in two lines).
    known.sort_by_key(|planted| !belongs(world, planted, url));
    let Some(planted) = known.first().copied() else { return nothing };
    let credential = if belongs(world, planted, url) { Credential::Own } else { Credential::Foreign };
    Found { credential, planted: Some(planted), user: pair.map(|(user, _)| user.to_owned()), bearer }
}

impl Found<'_> {
    /// The real header value to send instead. Only for npm's own requests, and
    /// only to where the user's config ties it.
    pub(super) fn real(&self, npm: bool) -> Option<Secret> {
        let planted = self.planted.filter(|_| npm && self.credential == Credential::Own)?;
        let real = planted.real.as_ref()?;
        let text = if self.bearer {
            format!("Bearer {}", real.expose())
        } else if planted.key == "_password" {
            // npm decodes `_password` and joins it with `username`.
            let password = String::from_utf8(STANDARD.decode(real.expose()).ok()?).ok()?;
            let user = self.user.as_deref().unwrap_or_default();
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        } else {
            format!("Basic {}", real.expose())
        };
        Some(Secret::new(real.label(), text))
    }
}

/// Whether a header is npm's naming of a tarball's URL, with the credential that is written in
/// it, to the very registry that the credential is for: it has not left then.
pub(super) fn is_named(world: &World, label: &str, url: &Url, header: &str) -> bool {
    header == "pacote-pkg-id" && is_for(world, label, url)
}

fn is_for(world: &World, label: &str, url: &Url) -> bool {
    world.planted.iter().any(|planted| planted.label == label && belongs(world, planted, url))
}

/// Whether the user's config would send it there: below its `//host/path/`, or
/// elsewhere on the very same origin if no other credential is for that (npm
/// does the same, `npm-registry-fetch/lib/auth.js`), and never in clear unless
/// its registry itself is http.
fn belongs(world: &World, planted: &Planted, url: &Url) -> bool {
    let Some(dart) = planted.nerf_dart.as_deref() else { return false };
    let clear = std::iter::once(&world.public)
        .chain(world.registries.iter().map(|registry| &registry.url))
        .any(|registry| registry.as_url().scheme() == "http" && registry.nerf_dart().starts_with(dart));
    // What is for http is kept no worse by https on the same host.
    let at_home = |scheme: &str| home(scheme, dart).is_some_and(|home| home.origin() == url.origin());
    if !(at_home("https") || clear && at_home("http")) {
        return false;
    }
    let under = |dart: &str| {
        home(url.scheme(), dart)
            .is_some_and(|home| home.origin() == url.origin() && url.path().starts_with(home.path()))
    };
    under(dart) || !world.planted.iter().filter_map(|other| other.nerf_dart.as_deref()).any(under)
}

/// What a key of an npmrc stands for, without the dot that ends an absolute name.
fn home(scheme: &str, dart: &str) -> Option<Url> {
    let mut home = Url::parse(&format!("{scheme}:{dart}")).ok()?;
    if let Some(relative) = home.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_owned) {
        home.set_host(Some(&relative)).ok()?;
    }
    Some(home)
}

#[cfg(test)]
mod tests {
    use super::super::worlds::{registry, world};
    use super::*;

    const OWN: &str = "https://npm.corp.example/api/npm-local/@acme%2finternal";

    fn at(world: &World, url: &str, header: &str) -> (Credential, Option<String>) {
        let url = Url::parse(url).unwrap();
        let found = find(world, &url, Some(header));
        (found.credential, found.real(true).map(|real| real.expose().to_owned()))
    }

    #[test]
    fn a_token_is_own_only_where_the_config_ties_it() {
        let world = world();
        let bearer = format!("Bearer {}", world.planted[0].value);
        let real = Some("Bearer the-real-one".to_owned());
        assert_eq!(at(&world, OWN, &bearer), (Credential::Own, real.clone()));
        assert_eq!(at(&world, "https://npm.corp.example/blob/x.tgz", &bearer), (Credential::Own, real));
        for foreign in [
            "http://npm.corp.example/api/npm-local/x",
            "https://npm.corp.example:8443/api/npm-local/x",
            "https://registry.example/left-pad",
            "https://npm.corp.example.evil.example/api/npm-local/x",
            "http://npm.corp.example:443/api/npm-local/x",
        ] {
            assert_eq!(at(&world, foreign, &bearer), (Credential::Foreign, None), "{foreign}");
        }
        assert_eq!(at(&world, OWN, "Bearer something-else"), (Credential::None, None));
        assert_eq!(at(&world, OWN, "nonsense"), (Credential::None, None));
    }

    #[test]
    fn a_registry_by_http_is_the_same_by_https_and_with_a_dot_at_its_end() {
        let mut world = world();
        world.registries[0].url = registry("http://npm.corp.example/api/npm-local/");
        let header = format!("Bearer {}", world.planted[0].value);
        for own in ["http://npm.corp.example/api/npm-local/x", OWN] {
            assert_eq!(at(&world, own, &header).0, Credential::Own, "{own}");
        }
        world.registries[0].url = registry("https://npm.corp.example/api/npm-local/");
        world.planted[0].nerf_dart = Some("//npm.corp.example./api/npm-local/".into());
        assert_eq!(at(&world, OWN, &header).0, Credential::Own);
        let clear = "http://npm.corp.example/api/npm-local/x";
        assert_eq!(at(&world, clear, &header).0, Credential::Foreign);
    }

    #[test]
    fn a_credential_is_for_its_own_registry_and_for_no_other_origin() {
        let world = world();
        let label = world.planted[0].label.clone();
        for (url, own) in [
            (OWN, true),
            ("https://npm.corp.example/blob/x.tgz", true),
            ("https://npm.corp.example:8443/api/npm-local/x", false),
            ("http://npm.corp.example/api/npm-local/x", false),
            ("https://evil.example/api/npm-local/x", false),
        ] {
            assert_eq!(is_for(&world, &label, &Url::parse(url).unwrap()), own, "{url}");
        }
        let own = Url::parse(OWN).unwrap();
        assert!(!is_for(&world, "another", &own));
        assert!(is_named(&world, &label, &own, "pacote-pkg-id"));
        assert!(!is_named(&world, &label, &own, "x-smuggled"));
    }

    #[test]
    fn only_npm_gets_the_real_one() {
        let world = world();
        let header = format!("Bearer {}", world.planted[0].value);
        let found = find(&world, &Url::parse(OWN).unwrap(), Some(&header));
        assert!(found.real(true).is_some());
        assert!(found.real(false).is_none());
    }

    #[test]
    fn a_longer_path_with_its_own_credential_is_not_this_ones() {
        let mut world = world();
        let mut other = world.planted[0].clone();
        other.nerf_dart = Some("//npm.corp.example/other/".into());
        other.value = "npm_other_0123456789".into();
        world.planted.push(other);
        let header = format!("Bearer {}", world.planted[0].value);
        assert_eq!(at(&world, "https://npm.corp.example/other/x", &header).0, Credential::Foreign);
    }

    #[test]
    fn a_password_is_recognised_inside_basic() {
        let mut world = world();
        world.planted[0].key = "_password".into();
        world.planted[0].value = STANDARD.encode("planted-password");
        world.planted[0].real = Some(Secret::new("PW", STANDARD.encode("real")));
        let header = format!("Basic {}", STANDARD.encode("ann:planted-password"));
        let expected = format!("Basic {}", STANDARD.encode("ann:real"));
        assert_eq!(at(&world, OWN, &header), (Credential::Own, Some(expected)));
    }
}
