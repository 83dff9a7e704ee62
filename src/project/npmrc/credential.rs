//! Credentials that the user's own configuration ties to a registry.

use super::{Level, NpmConfig, Setting, Value, secrets};
use crate::project::registry::RegistryUrl;
use crate::secret::Secret;
use crate::text::Place;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

/// A credential that the user's own config ties to a registry.
#[derive(Debug, Clone)]
pub struct Credential {
    /// `//host[:port]/path/` it is for.
    pub nerf_dart: String,
    /// `_authToken`, `_auth`, `_password` (with `username`).
    pub key: String,
    /// The real value; `None` where the variable it names is not set, or where
    /// only a file of the tested project names the variable (such a file can
    /// name none of the caller's to send anywhere).
    pub value: Option<Secret>,
    /// The level it comes from.
    pub level: Level,
    /// The variable it is written by, if it is.
    pub variable: Option<String>,
    /// Where.
    pub place: Option<Place>,
}

impl NpmConfig {
    /// Every credential that npm would use, one for each registry and key, ordered by them.
    pub fn credentials(&self) -> Vec<Credential> {
        let mut found: BTreeMap<(String, String), Vec<&Setting>> = BTreeMap::new();
        for setting in &self.settings {
            if let Some((nerf_dart, key)) = self.is_for(&setting.key) {
                found.entry((nerf_dart, key)).or_default().push(setting);
            }
        }
        let mut out: Vec<Credential> = found
            .into_iter()
            .filter_map(|((nerf_dart, key), mut settings)| {
                settings.sort_by_key(|setting| setting.level);
                // An empty one is none, and hides those of the levels below it.
                let winner = settings.last().filter(|winner| !winner.exposed().is_empty())?;
                Some(Credential {
                    nerf_dart,
                    key,
                    value: self.sendable(winner).map(|text| Secret::new(winner.label(), text)),
                    level: winner.level,
                    variable: variable(winner),
                    place: winner.place.clone(),
                })
            })
            .collect();
        out.extend(self.in_urls(&out));
        for tied in &self.tied {
            match out.iter_mut().find(|known| known.nerf_dart == tied.nerf_dart) {
                Some(known) if known.value.is_some() => {}
                Some(known) if known.key == tied.key => known.value.clone_from(&tied.value),
                Some(_) | None => out.push(tied.clone()),
            }
        }
        out.sort_by(|left, right| (&left.nerf_dart, &left.key).cmp(&(&right.nerf_dart, &right.key)));
        out
    }

    /// The text of a setting that may be sent to whom npm would send it: the setting's own, and
    /// no other level's. `None` where npm would send nothing (it is empty) or the mere name of a
    /// variable (it is not set).
    ///
    /// A file of the tested project can name no variable of the caller's to send anywhere. What
    /// it names so is sent only where something of the user's own ties the very same text to
    /// the same key.
    pub(crate) fn sendable<'a>(&'a self, setting: &'a Setting) -> Option<&'a str> {
        let set = |one: &Setting| one.variables.iter().all(|(_, set)| *set);
        let text = setting.exposed();
        if text.is_empty() || !set(setting) {
            return None;
        }
        let own = |one: &Setting| one.level != Level::Project || one.variables.is_empty();
        let mut same = self.settings.iter().filter(|one| one.key == setting.key && own(one) && set(one));
        (own(setting) || same.any(|one| one.exposed() == text)).then_some(text)
    }

    /// Which registry and kind a key is a credential for.
    fn is_for(&self, key: &str) -> Option<(String, String)> {
        const KEYS: [&str; 3] = ["_authToken", "_auth", "_password"];
        if KEYS.contains(&key) {
            // Old npm takes a bare one for the default registry.
            let registry = RegistryUrl::parse(self.plain("registry")?).ok()?;
            return Some((registry.nerf_dart(), key.to_owned()));
        }
        let (nerf_dart, base) = key.rsplit_once(':')?;
        if !nerf_dart.starts_with("//") || !KEYS.contains(&base) {
            return None;
        }
        let slash = if nerf_dart.ends_with('/') { "" } else { "/" };
        Some((format!("{nerf_dart}{slash}"), base.to_owned()))
    }

    /// `registry=https://user:password@host/`: basic authentication.
    fn in_urls(&self, known: &[Credential]) -> Vec<Credential> {
        let mut out: Vec<Credential> = Vec::new();
        for setting in self.settings.iter().filter(|setting| secrets::is_registry(&setting.key)) {
            let Value::Secret(raw) = &setting.raw else { continue };
            let Ok(url) = url::Url::parse(raw.expose()) else { continue };
            let Ok(registry) = RegistryUrl::parse(raw.expose()) else { continue };
            let nerf_dart = registry.nerf_dart();
            if known.iter().chain(&out).any(|other| other.nerf_dart == nerf_dart) {
                continue;
            }
            let pair = STANDARD.encode(format!("{}:{}", url.username(), url.password().unwrap_or_default()));
            out.push(Credential {
                nerf_dart,
                key: "_auth".to_owned(),
                value: setting.variables.is_empty().then(|| Secret::new(setting.key.clone(), pair)),
                level: setting.level,
                variable: variable(setting),
                place: setting.place.clone(),
            });
        }
        out
    }
}

fn variable(setting: &Setting) -> Option<String> {
    setting.variables.first().map(|(name, _)| name.clone())
}
