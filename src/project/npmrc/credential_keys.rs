//! Keys that were meant to be credentials and send nothing, and why npm overlooks them.
//!
//! npm takes `//host[:port]/path/:_authToken` for requests below that host and path, and
//! that spelling alone. Whoever has another one is told nothing by npm, or something of an
//! unknown setting, and the registry's 401 or 404 is all that is seen.

use super::{NpmConfig, Setting};
use url::Url;

/// Names of credentials as npm spells them.
const NAMES: [&str; 5] = ["_authToken", "_auth", "_password", "certfile", "keyfile"];

/// What a key is for, as it is written.
struct Shape<'a> {
    /// npm's spelling of the name, and whether it is written so.
    name: &'static str,
    spelt: bool,
    /// What stands before the name: `//host/path/`.
    place: Option<&'a str>,
}

/// The shape of a key that was meant for a credential.
fn shape(key: &str) -> Option<Shape<'_>> {
    let (place, word) = match key.rsplit_once(':') {
        Some((place, word)) => (Some(place), word),
        None => (None, key),
    };
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    // A bare `cafile`-like word is a setting of npm's own.
    let meant = |name: &&&str| plain(name) == plain(word) && (place.is_some() || name.starts_with('_'));
    let name = NAMES.iter().find(meant)?;
    if place.is_none() && !word.starts_with('_') {
        return None;
    }
    Some(Shape { name, spelt: *name == word, place })
}

impl Shape<'_> {
    /// The host, with its port, and the path that it is for.
    fn target(&self) -> Option<(&str, String)> {
        let place = self.place?;
        let bare = place.trim_start_matches("https:").trim_start_matches("http:").trim_start_matches('/');
        let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
        let slash = if path.is_empty() || path.ends_with('/') { "" } else { "/" };
        Some((host, format!("/{path}{slash}")))
    }

    /// Why npm sends it to nobody at all.
    fn unread(&self) -> Option<String> {
        let name = self.name;
        let Some(place) = self.place else {
            return Some(format!(
                "npm 9 and later refuse a `{name}` that is tied to no registry, and npm 8 sends it to the default one"
            ));
        };
        if place.starts_with("http:") || place.starts_with("https:") {
            return Some("a key for a registry begins with `//` and has no scheme".to_owned());
        }
        if !place.starts_with("//") {
            return Some("a key for a registry begins with `//`".to_owned());
        }
        (!self.spelt).then(|| format!("npm spells it `{name}`"))
    }

    fn covers(&self, url: &Url) -> bool {
        self.target().is_some_and(|(host, path)| {
            host_of(url).eq_ignore_ascii_case(host) && format!("{}/", url.path()).starts_with(&path)
        })
    }
}

/// `host:port`, the port where the URL names one.
fn host_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

impl NpmConfig {
    /// The key that was most likely meant to send a credential with a request to this URL,
    /// and why it does not, a fragment.
    pub fn unsent(&self, url: &Url) -> Option<(&Setting, String)> {
        let keys: Vec<(&Setting, Shape<'_>)> =
            self.settings.iter().rev().filter_map(|setting| Some((setting, shape(&setting.key)?))).collect();
        let host = url.host_str().unwrap_or_default();
        let near = keys.iter().filter(|(_, shape)| {
            shape.target().is_none_or(|(meant, _)| {
                meant.split(':').next().is_some_and(|meant| meant.eq_ignore_ascii_case(host))
            })
        });
        let why = |shape: &Shape<'_>| {
            let (meant, path) = shape.target()?;
            Some(if host_of(url).eq_ignore_ascii_case(meant) {
                format!("it is for the path `{path}`, and `{}` was asked for", url.path())
            } else {
                format!("it is for `{meant}`, and `{}` was asked", host_of(url))
            })
        };
        near.filter(|(_, shape)| shape.unread().is_some() || !shape.covers(url))
            .find_map(|(setting, shape)| Some((*setting, shape.unread().or_else(|| why(shape))?)))
    }

    /// Keys of credentials that npm sends with none of the requests to these URLs, each with
    /// why, in the order of the settings.
    pub fn useless_credentials(&self, urls: &[Url]) -> Vec<(&Setting, String)> {
        let told = self.settings.iter().filter_map(|setting| {
            let shape = shape(&setting.key)?;
            let host = || {
                let (host, path) = shape.target()?;
                let same = urls.iter().find(|url| host_of(url).eq_ignore_ascii_case(host));
                Some(match same {
                    Some(url) => format!(
                        "it is for the path `{path}`, and npm asks that host for `{}` and nothing below `{path}`",
                        url.path()
                    ),
                    None => format!("npm asks nothing of `{host}` here"),
                })
            };
            let why = shape.unread().or_else(|| {
                let used = urls.iter().any(|url| shape.covers(url));
                if used { None } else { host() }
            })?;
            Some((setting, why))
        });
        told.collect()
    }

    /// A key that differs from the mapping of a scope in its spelling alone, which is another
    /// key to npm.
    pub fn misspelt_mapping(&self, scope: &str) -> Option<&Setting> {
        let plain = |text: &str| text.replace(['@', '/', '-', '_', ' '], "").to_ascii_lowercase();
        let wanted = format!("{scope}:registry");
        self.settings.iter().find(|setting| setting.key != wanted && plain(&setting.key) == plain(&wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::npmrc::{Level, Value};
    use crate::secret::Secret;

    fn config(keys: &[&str]) -> NpmConfig {
        let setting = |key: &&str| Setting {
            level: Level::Project,
            key: (*key).to_owned(),
            value: Value::Secret(Secret::new("x", "x")),
            raw: Value::Secret(Secret::new("x", "x")),
            variables: Vec::new(),
            place: None,
        };
        NpmConfig { settings: keys.iter().map(setting).collect(), ..NpmConfig::default() }
    }

    #[test]
    fn each_way_to_miss_a_registry_is_told() {
        let url = Url::parse("https://npm.acme.example/api/npm/@acme%2fui").unwrap();
        for (key, why) in [
            ("//npm.acme.example/:_authToken", None),
            ("//npm.acme.example/api/npm:_authToken", None),
            ("//NPM.acme.example/api/npm/:_auth", None),
            ("//npm.acme.example/api/other/:_authToken", Some("it is for the path `/api/other/`")),
            ("//npm.acme.example:8443/:_authToken", Some("it is for `npm.acme.example:8443`")),
            ("//npm.acme.example/:_authtoken", Some("npm spells it `_authToken`")),
            ("//npm.acme.example/:authToken", Some("npm spells it `_authToken`")),
            ("//npm.acme.example/:_AUTH_TOKEN", Some("npm spells it `_authToken`")),
            ("npm.acme.example/:_authToken", Some("begins with `//`")),
            ("https://npm.acme.example/:_authToken", Some("has no scheme")),
            ("_authToken", Some("tied to no registry")),
            ("_auth", Some("tied to no registry")),
            ("//other.example/:_authToken", None),
            ("@acme:registry", None),
            ("auth-type", None),
        ] {
            let config = config(&[key]);
            let told = config.unsent(&url).map(|(_, told)| told);
            match why {
                Some(why) => {
                    assert!(told.as_deref().is_some_and(|told| told.contains(why)), "{key}: {told:?}")
                }
                None => assert_eq!(told, None, "{key}"),
            }
        }
    }

    #[test]
    fn a_key_for_a_host_that_nobody_asks_is_useless() {
        let urls = [Url::parse("https://npm.acme.example/npm/").unwrap()];
        let keys = [
            "//npm.acme.example/npm/:_authToken",
            "//other.example/:_authToken",
            "//npm.acme.example/x/:_auth",
        ];
        let config = config(&keys);
        let told: Vec<(&str, String)> =
            config.useless_credentials(&urls).into_iter().map(|(it, why)| (it.key.as_str(), why)).collect();
        assert_eq!(told[0], (keys[1], "npm asks nothing of `other.example` here".to_owned()));
        assert!(told[1].0 == keys[2] && told[1].1.contains("the path `/x/`"), "{told:?}");
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn a_mapping_in_other_letters_is_another_key() {
        for key in ["@Acme:registry", "acme:registry", "@acme/:registry", "@ACME:REGISTRY"] {
            assert_eq!(config(&[key]).misspelt_mapping("@acme").map(|it| it.key.as_str()), Some(key));
        }
        for key in ["@acme:registry", "@acmes:registry", "registry"] {
            assert!(config(&[key]).misspelt_mapping("@acme").is_none(), "{key}");
        }
    }
}
