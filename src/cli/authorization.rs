//! What npm would show a registry of the user's credentials.
//!
//! It asks nobody. A variable that a file of the tested project names is never read for it.

use crate::project::npmrc::NpmConfig;
use crate::project::registry::RegistryUrl;
use crate::secret::Secret;
use base64::Engine;
use url::Url;

/// The credential that the user's own config ties to a URL, as npm would send it.
pub(super) fn authorization(url: &Url, config: &NpmConfig) -> Option<Secret> {
    let all = config.credentials();
    let here = |nerf_dart: &str| RegistryUrl::parse(&format!("{}:{nerf_dart}", url.scheme())).ok();
    // npm's order (`npm-registry-fetch/lib/auth.js`): the longest path, and there a token first.
    let rank = |key: &str| match key {
        "_authToken" => 2,
        "_auth" => 1,
        _ => 0,
    };
    let best = all
        .iter()
        .filter(|one| here(&one.nerf_dart).is_some_and(|registry| registry.covers(url)))
        .max_by_key(|one| (one.nerf_dart.len(), rank(&one.key)))?;
    let value = best.value.as_ref()?;
    let header = match best.key.as_str() {
        "_authToken" => format!("Bearer {}", value.expose()),
        "_auth" => format!("Basic {}", value.expose()),
        _ => {
            let user = config.plain(&format!("{}:username", best.nerf_dart))?;
            let password = base64::engine::general_purpose::STANDARD.decode(value.expose()).ok()?;
            let pair = format!("{user}:{}", String::from_utf8_lossy(&password));
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
    };
    Some(Secret::new(value.label(), header))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::npmrc::{Level, Setting, Value};

    /// npm's `auth.js` gave these answers, in 8.19, 10.9, 11.19 and 12.2 alike.
    #[test]
    fn the_longest_path_wins_and_there_a_token_before_basic_before_a_password() {
        let of = |lines: &[(&str, &str)], url: &str| {
            let mut config = NpmConfig::default();
            for (key, text) in lines {
                let value = if key.ends_with("username") {
                    Value::Plain((*text).to_owned())
                } else {
                    Value::Secret(Secret::new(*key, *text))
                };
                let raw = value.clone();
                let (level, key) = (Level::User, (*key).to_owned());
                config.settings.push(Setting { level, key, value, raw, variables: Vec::new(), place: None });
            }
            let found = authorization(&Url::parse(url).unwrap(), &config);
            found.map(|header| header.expose().to_owned())
        };
        let all = [
            ("//h.example/:username", "ann"),
            ("//h.example/:_password", "cHc="),
            ("//h.example/:_auth", "YTpi"),
            ("//h.example/:_authToken", "token"),
            ("//h.example/p/:_auth", "Yzpk"),
        ];
        let root = "https://h.example/x";
        for (lines, url, wanted) in [
            (&all[..], root, Some("Bearer token")),
            (&all[..3], root, Some("Basic YTpi")),
            (&all[..2], root, Some("Basic YW5uOnB3")),
            (&all[1..2], root, None),
            (&all[..], "https://h.example/p/x", Some("Basic Yzpk")),
            (&all[..], "https://h.example/px", Some("Bearer token")),
            (&all[..], "https://h.example:8443/x", None),
            (&[("//h.example/p/:_auth", ""), all[3]], "https://h.example/p/x", Some("Bearer token")),
        ] {
            assert_eq!(of(lines, url).as_deref(), wanted, "{lines:?} {url}");
        }
    }
}
