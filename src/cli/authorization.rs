//! What npm would show a registry of the user's credentials.
//!
//! It asks nobody. A variable that a file of the tested project names is never read for it.

use crate::project::npmrc::{Level, NpmConfig};
use crate::project::registry::RegistryUrl;
use crate::secret::Secret;
use base64::Engine;
use url::Url;

/// The credential that the user's own config ties to a URL, as npm would send it.
pub(super) fn authorization(url: &Url, config: &NpmConfig) -> Option<Secret> {
    let all = config.credentials();
    let here = |nerf_dart: &str| RegistryUrl::parse(&format!("{}:{nerf_dart}", url.scheme())).ok();
    let best = all
        .iter()
        .filter(|one| one.level != Level::Project || one.variable.is_none())
        .filter(|one| here(&one.nerf_dart).is_some_and(|registry| registry.covers(url)))
        .max_by_key(|one| one.nerf_dart.len())?;
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
