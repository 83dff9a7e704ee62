//! How npm would reach a registry from this machine: its configuration and the
//! caller's environment as plain values for the gateway's upstream side.

use crate::project::Project;
use crate::project::named::Trusted;
use crate::project::npmrc::{NpmConfig, Value};
use crate::secret::Secret;
use crate::text::Complaint;
use crate::upstream::{Reach, UpstreamConfig};
use std::collections::BTreeMap;
use std::path::Path;
use url::Url;

/// Largest certificate bundle that is read.
const MAX_PEM: u64 = 16 << 20;

/// From npm's configuration, then the environment. The tested project may add
/// authorities, as npm has it, but no proxy and no client certificate: through
/// its proxy, with its authority, the real credential would pass.
pub(crate) fn config(
    npm: &NpmConfig,
    env: &BTreeMap<String, String>,
    trusted: Trusted,
) -> Result<UpstreamConfig, Complaint> {
    let whole = npm;
    let mut own = npm.clone();
    own.settings.retain(|setting| trusted.counts(setting.level));
    let npm = &own;
    let authorities = if trusted == Trusted::Machine { whole } else { npm };
    let setting = |key: &str| npm.plain(key).filter(|text| !text.is_empty() && *text != "null");
    let variable = |name: &str| {
        [name.to_owned(), name.to_ascii_lowercase()]
            .iter()
            .find_map(|name| env.get(name))
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let https = setting("https-proxy").map(str::to_owned).or_else(|| variable("HTTPS_PROXY"));
    let proxy = setting("proxy").map(str::to_owned);
    let https = https.or_else(|| proxy.clone());
    // Of the variables npm takes that for https first, for a registry by plain http too.
    let http = proxy.or_else(|| ["HTTPS_PROXY", "HTTP_PROXY", "PROXY"].into_iter().find_map(variable));
    let no_proxy = setting("noproxy").map(str::to_owned).or_else(|| variable("NO_PROXY"));
    let cafile = authorities.plain("cafile").filter(|text| !text.is_empty() && *text != "null");
    let roots = match (cafile, authorities.list("ca")) {
        (Some(path), _) => Some(pem("cafile", Path::new(path))?),
        (None, list) if list.is_empty() => None,
        (None, list) => Some(list.join("\n").replace("\\n", "\n").into_bytes()),
    };
    let extra_roots = match env.get("NODE_EXTRA_CA_CERTS").filter(|path| !path.is_empty()) {
        // node warns about an unreadable file and goes on, and so do we.
        Some(path) => pem("NODE_EXTRA_CA_CERTS", Path::new(path))
            .inspect_err(|error| tracing::warn!(%error, "NODE_EXTRA_CA_CERTS is ignored, as node would"))
            .ok(),
        None => None,
    };
    Ok(UpstreamConfig {
        https_proxy: https.map(|url| Secret::new("https-proxy", url)),
        http_proxy: http.map(|url| Secret::new("proxy", url)),
        no_proxy,
        roots,
        extra_roots,
        identity: identity(npm),
        ..UpstreamConfig::default()
    })
}

/// How far a request of ours to a registry of the project may go: to this machine's own network
/// only where somebody other than the project names the registry.
pub(crate) fn of(project: &Project, url: &Url) -> Reach {
    if project.named.has(url) { Reach::Anywhere } else { Reach::Outside }
}

fn pem(what: &str, path: &Path) -> Result<Vec<u8>, Complaint> {
    let complain = |why: String| {
        Complaint::about(format!("`{what}` names `{}`, which cannot be read: {why}", path.display()))
            .help("npm could not use it either: correct the path, or remove the setting")
    };
    let size = std::fs::metadata(path).map_err(|error| complain(error.to_string()))?.len();
    if size > MAX_PEM {
        return Err(complain(format!("it has {size} bytes")));
    }
    std::fs::read(path).map_err(|error| complain(error.to_string()))
}

fn identity(npm: &NpmConfig) -> Option<(Vec<u8>, Secret)> {
    let text = |key: &str| {
        npm.get(key).map(|setting| match &setting.value {
            Value::Plain(text) => text.replace("\\n", "\n"),
            Value::Secret(secret) => secret.expose().replace("\\n", "\n"),
        })
    };
    Some((text("cert")?.into_bytes(), Secret::new("key", text("key")?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::npmrc::{Level, Setting};

    fn said(level: Level, key: &str, value: &str) -> Setting {
        let value = Value::Plain(value.to_owned());
        Setting { level, key: key.to_owned(), raw: value.clone(), value, variables: Vec::new(), place: None }
    }

    /// The proxy that is used where these levels name one.
    fn proxy(levels: &[Level], trusted: Trusted) -> Option<String> {
        let mut npm = NpmConfig::default();
        let name = |level: &Level| format!("http://{level:?}.example:8080/");
        npm.settings = levels.iter().map(|level| said(*level, "https-proxy", &name(level))).collect();
        let config = config(&npm, &BTreeMap::new(), trusted).unwrap();
        config.https_proxy.map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn no_project_and_no_image_names_a_proxy() {
        assert_eq!(proxy(&[Level::Project], Trusted::Machine), None);
        // The project's own file says what the command is.
        assert_eq!(proxy(&[Level::Cli], Trusted::Machine), None);
        assert!(proxy(&[Level::User], Trusted::Machine).is_some());
        assert!(proxy(&[Level::Env], Trusted::Machine).is_some());
        for level in [Level::Env, Level::Global, Level::Builtin, Level::Project] {
            assert_eq!(proxy(&[level], Trusted::UserFile), None, "{level:?}");
        }
        assert!(proxy(&[Level::Env, Level::User], Trusted::UserFile).unwrap().contains("User"));
    }
}
