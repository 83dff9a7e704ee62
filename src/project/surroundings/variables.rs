//! Variables and settings of this machine that npm would use and a run does not, or the
//! reverse, each with what follows from it.
//!
//! A run is given nothing of the machine but npm's own configuration, and that without what
//! names files, folders and the way out: the gateway takes that way, as npm would. Values are
//! never kept, save that of NODE_ENV: a proxy's holds a password, and a token is one.

use crate::project::npmrc::{Level, NpmConfig, Setting};
use crate::project::omit::Omit;
use crate::project::settings::{Settings, is_ours, may_be_set};
use std::collections::BTreeMap;
use std::path::Path;

/// What of an install something around it touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touches {
    /// Which packages npm leaves out.
    Omits,
    /// Node's own process, and what scripts do.
    Scripts,
    /// How registries are reached.
    Way,
    /// With which credential.
    Credential,
    /// Something that no finding speaks of.
    Nothing,
}

/// Something around a project that does not do in a run what it does to npm here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// The variable, or the key of npm's configuration.
    pub name: String,
    /// As it is told: `NODE_ENV=production`, "`cafile` (~/.npmrc:3)".
    pub shown: String,
    /// What becomes of it, a fragment behind `shown`.
    pub what: String,
    /// What it touches.
    pub touches: Touches,
    /// Why a host may be out of reach by it.
    hinders: Option<Hindrance>,
}

/// Why a host may be out of reach.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hindrance {
    /// A fragment.
    why: String,
    /// It is for plain http alone.
    http_alone: bool,
    /// Ends of names that it is not for, as `noproxy` has them.
    except: Vec<String>,
}

/// Variables that node or scripts heed, and that no run is given by itself.
const OF_NODE: [&str; 6] = [
    "NODE_ENV",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "NODE_USE_ENV_PROXY",
    "NODE_USE_SYSTEM_CA",
];
/// Variables for the proxy of https, and those that npm heeds for http alone.
const PROXIES: [(&str, bool); 3] = [("HTTPS_PROXY", true), ("HTTP_PROXY", false), ("PROXY", false)];
/// Names under which CI systems hold a registry's token.
const TOKENS: [&str; 3] = ["NPM_TOKEN", "NODE_AUTH_TOKEN", "NPM_AUTH_TOKEN"];
/// npm's settings for the way out: the gateway uses them and no run has them. Inside they would
/// name files that are not there, hold keys, or shut our own authority out (`cafile` replaces
/// npm's roots).
pub(crate) const OUTSIDE: [&str; 6] = ["ca", "cafile", "cert", "key", "certfile", "keyfile"];

/// All of it, variables first.
pub(crate) fn around(env: &BTreeMap<String, String>, config: &NpmConfig, settings: &Settings) -> Vec<Around> {
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
    let mut found = Vec::new();
    for name in OF_NODE {
        if let Some(value) = set(name).filter(|_| !settings.install.env.contains_key(name)) {
            found.push(of_node(name, value, config));
        }
    }
    let except = without_proxy(env, config);
    for (name, secure) in PROXIES {
        let lower = name.to_lowercase();
        let Some(name) = [name, lower.as_str()].into_iter().find(|name| set(name).is_some()) else {
            continue;
        };
        found.push(proxy(name, secure, config).of_proxy(!secure, &except));
    }
    if let Some(path) = set("NODE_EXTRA_CA_CERTS") {
        found.push(extra_authorities(Path::new(path), config));
    }
    for name in ["ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if set(name).is_some() {
            found.push(otherwise(name));
        }
    }
    let named = |name: &str| {
        let by_npmrc = |setting: &Setting| setting.variables.iter().any(|(other, _)| other == name);
        config.settings.iter().any(by_npmrc) || settings.tokens.iter().any(|(_, variable)| variable == name)
    };
    for name in TOKENS.into_iter().filter(|name| set(name).is_some() && !named(name)) {
        let what = "is set here, and no npmrc names it: npm sends it to nobody";
        found.push(Around::of(name, name.to_owned(), what, Touches::Credential));
    }
    let empty = |(name, value): &(&String, &String)| {
        value.is_empty() && name.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("npm_config_"))
    };
    for (name, _) in env.iter().filter(empty) {
        let what = "is empty, which npm takes for not set";
        found.push(Around::of(name, name.clone(), what, Touches::Nothing));
    }
    found.extend(config.settings.iter().filter_map(|setting| of_config(setting, config, &except)));
    found
}

impl Around {
    fn of(name: &str, shown: String, what: &str, touches: Touches) -> Self {
        Self { name: name.to_owned(), shown, what: what.to_owned(), touches, hinders: None }
    }

    fn hindering(self, why: String) -> Self {
        Self { hinders: Some(Hindrance { why, http_alone: false, except: Vec::new() }), ..self }
    }

    /// A proxy's, for the hosts that it is for.
    fn of_proxy(mut self, http_alone: bool, except: &[String]) -> Self {
        if let Some(hindrance) = &mut self.hinders {
            (hindrance.http_alone, hindrance.except) = (http_alone, except.to_vec());
        }
        self
    }

    /// Why a host may be out of reach by it, a fragment.
    pub fn hinders(&self, scheme: &str, host: &str) -> Option<&str> {
        let hindrance = self.hinders.as_ref()?;
        // As npm's agent has it: the last parts of the host's name are all of one of these.
        let is_below = |end: &String| {
            let end = end.trim_start_matches('.');
            host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let other = hindrance.http_alone && scheme != "http" || hindrance.except.iter().any(is_below);
        (!other).then_some(hindrance.why.as_str())
    }
}

/// Ends of names that no proxy is for, by npm's setting, else by the variable.
fn without_proxy(env: &BTreeMap<String, String>, config: &NpmConfig) -> Vec<String> {
    let variable = ["NO_PROXY", "no_proxy"].iter().find_map(|name| env.get(*name).map(String::as_str));
    let list = config.plain("noproxy").filter(|text| !text.is_empty()).or(variable).unwrap_or_default();
    list.split(',')
        .map(str::trim)
        .filter(|end| !end.trim_matches('.').is_empty())
        .map(str::to_owned)
        .collect()
}

fn of_node(name: &str, value: &str, config: &NpmConfig) -> Around {
    let would = if may_be_set(name, value) {
        "`[install] env` in sealcheck.toml would set it"
    } else if is_ours(name, value) {
        "no file can set it, since it could hide npm from sealcheck"
    } else {
        "`[install] env` in the policy file would set it"
    };
    let mut what = format!("is set here, and a run is not given it: {would}");
    let omits = name == "NODE_ENV" && Omit::of(config, Some(value)) != Omit::of(config, None);
    if omits {
        what.push_str("; npm here leaves out the dev packages, and a run installs them");
    }
    let shown = if name == "NODE_ENV" { format!("{name}={value}") } else { name.to_owned() };
    Around::of(name, shown, &what, if omits { Touches::Omits } else { Touches::Scripts })
}

fn proxy(name: &str, secure: bool, config: &NpmConfig) -> Around {
    let keys: &[&str] = if secure { &["https-proxy", "proxy"] } else { &["proxy"] };
    if let Some(setting) = keys.iter().find_map(|key| effective(config, key)) {
        let what = format!("is not used, since {} is set", written(setting));
        return Around::of(name, name.to_owned(), &what, Touches::Way);
    }
    let what = "is the way of sealcheck's own requests to registries, as of npm's; a run is not given it";
    let why = format!("{name} of this machine leads there through a proxy");
    Around::of(name, name.to_owned(), what, Touches::Way).hindering(why)
}

fn extra_authorities(path: &Path, config: &NpmConfig) -> Around {
    let name = "NODE_EXTRA_CA_CERTS";
    let of = |what: &str| Around::of(name, name.to_owned(), what, Touches::Way);
    if let Some(setting) = ["cafile", "ca"].iter().find_map(|key| effective(config, key)) {
        let why = format!("since {} replaces all authorities", written(setting));
        return of(&format!("is used for no registry, {why}"))
            .hindering(format!("{name} is not used, {why}"));
    }
    if !std::fs::metadata(path).is_ok_and(|it| it.is_file()) {
        let why = format!("{name} names a file that cannot be read, which node ignores");
        return of("names a file that cannot be read: node ignores it, and so does sealcheck").hindering(why);
    }
    of(
        "is for sealcheck's own requests to registries, as for npm's; inside a run there is one authority, the gateway's",
    )
}

/// What npm and sealcheck's own requests take each in its own way.
fn otherwise(name: &str) -> Around {
    if name == "ALL_PROXY" {
        let why = "ALL_PROXY is a proxy that neither npm nor sealcheck uses".to_owned();
        return Around::of(name, name.to_owned(), "is used neither by npm nor by sealcheck", Touches::Way)
            .hindering(why);
    }
    let what = "says for sealcheck's own requests which authorities this machine trusts; npm heeds it only with node's `--use-openssl-ca`";
    Around::of(name, name.to_owned(), what, Touches::Way)
}

/// A setting that a run does not have, or that sealcheck's own requests do not heed.
fn of_config(setting: &Setting, config: &NpmConfig, except: &[String]) -> Option<Around> {
    let key = setting.key.as_str();
    let own = match setting.level {
        Level::Env | Level::User | Level::Project => {
            config.get(key).is_some_and(|it| std::ptr::eq(it, setting))
        }
        Level::Default | Level::Builtin | Level::Global | Level::Cli => false,
    };
    if !own || config.plain(key) == Some("") {
        return None;
    }
    let last = if key.starts_with("//") { key.rsplit(':').next().unwrap_or(key) } else { key };
    let of = |what: &str, touches| Some(Around::of(key, written(setting), what, touches));
    match last {
        "proxy" | "https-proxy" if setting.level == Level::Project => {
            let what = "is not the way of sealcheck's own requests, as it is of npm's: no file of the project sends your credentials through a proxy";
            let why = format!(
                "{} names a proxy, which sealcheck takes from no file of the project",
                written(setting)
            );
            of(what, Touches::Way).map(|around| around.hindering(why).of_proxy(false, except))
        }
        last if OUTSIDE.contains(&last) => {
            of("is for sealcheck's own requests to registries, and no run has it", Touches::Nothing)
        }
        "cache" => of("is not used: each run has a cache of its own", Touches::Nothing),
        _ => None,
    }
}

/// The effective setting of a key, where it names something, from a level that counts outside.
fn effective<'a>(config: &'a NpmConfig, key: &str) -> Option<&'a Setting> {
    let counts = |setting: &&Setting| setting.level != Level::Project || key.starts_with("ca");
    let text = config.plain(key)?;
    config.get(key).filter(counts).filter(|_| !text.is_empty() && !matches!(text, "null" | "false"))
}

/// "`cafile` (~/.npmrc:3)".
fn written(setting: &Setting) -> String {
    let level = match setting.level {
        Level::Env => "a variable",
        Level::Cli => "the command",
        Level::Default | Level::Builtin | Level::Global | Level::User | Level::Project => "npm",
    };
    let key = &setting.key;
    match &setting.place {
        Some(place) => format!("`{key}` ({}:{})", place.file, place.line),
        None => format!("`{key}` ({level})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::npmrc::Value;

    fn said(env: &[(&str, &str)], npmrc: &[(Level, &str, &str)]) -> Vec<Around> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = npmrc
            .iter()
            .map(|(level, key, value)| Setting {
                level: *level,
                key: (*key).to_owned(),
                value: Value::Plain((*value).to_owned()),
                raw: Value::Plain((*value).to_owned()),
                variables: Vec::new(),
                place: None,
            })
            .collect();
        let config = NpmConfig { settings, ..NpmConfig::default() };
        around(&env, &config, &Settings::default())
    }

    #[test]
    fn each_variable_is_told_with_what_follows() {
        let omit = (Level::User, "omit", "optional");
        for (env, npmrc, what, touches) in [
            ("NODE_ENV=production", None, "npm here leaves out the dev packages", Touches::Omits),
            ("NODE_ENV=production", Some(omit), "`[install] env` in sealcheck.toml", Touches::Scripts),
            ("NODE_ENV=test", None, "`[install] env` in sealcheck.toml", Touches::Scripts),
            ("NODE_OPTIONS=--max-old-space-size=1", None, "in sealcheck.toml would set it", Touches::Scripts),
            ("NODE_OPTIONS=--require ./x.js", None, "no file can set it", Touches::Scripts),
            ("NODE_PATH=/srv", None, "no file can set it", Touches::Scripts),
            ("NODE_TLS_REJECT_UNAUTHORIZED=0", None, "in the policy file would set it", Touches::Scripts),
            (
                "HTTPS_PROXY=http://u:hunter2@p:1",
                None,
                "is the way of sealcheck's own requests",
                Touches::Way,
            ),
            ("https_proxy=http://p:1", None, "is the way of sealcheck's own requests", Touches::Way),
            (
                "HTTP_PROXY=http://p:1",
                Some((Level::User, "proxy", "http://q:1")),
                "is not used, since `proxy` (npm)",
                Touches::Way,
            ),
            ("ALL_PROXY=http://p:1", None, "neither by npm nor by sealcheck", Touches::Way),
            ("NODE_EXTRA_CA_CERTS=/no/such/file", None, "cannot be read", Touches::Way),
            (
                "NODE_EXTRA_CA_CERTS=/dev/null",
                Some((Level::User, "cafile", "/x.pem")),
                "is used for no registry, since `cafile` (npm)",
                Touches::Way,
            ),
            ("SSL_CERT_FILE=/x.pem", None, "npm heeds it only with", Touches::Way),
            ("NPM_TOKEN=hunter2", None, "npm sends it to nobody", Touches::Credential),
            ("NPM_CONFIG_REGISTRY=", None, "npm takes for not set", Touches::Nothing),
        ] {
            let (name, value) = env.split_once('=').unwrap();
            let found = said(&[(name, value)], &npmrc.into_iter().collect::<Vec<_>>());
            let found = found.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("{env}: {found:?}"));
            assert!(found.what.contains(what), "{env}: {found:?}");
            assert_eq!(found.touches, touches, "{env}");
            assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
        }
    }

    #[test]
    fn a_setting_that_no_run_has_is_told_where_it_counts() {
        let proxy = said(&[], &[(Level::Project, "https-proxy", "http://p:1")]);
        let why = proxy[0].hinders("https", "a.example").unwrap();
        assert!(why.contains("takes from no file of the project"), "{why}");
        assert!(said(&[], &[(Level::User, "https-proxy", "http://p:1")]).is_empty());
        assert!(said(&[], &[(Level::User, "cafile", "/x.pem")])[0].what.contains("no run has it"));
        assert!(said(&[], &[(Level::Builtin, "cache", "/x")]).is_empty());
        let hidden = [(Level::Project, "cache", "/x"), (Level::User, "cache", "/y")];
        assert_eq!(said(&[], &hidden).len(), 1, "the effective one alone");
    }

    #[test]
    fn a_proxy_is_named_for_the_hosts_that_it_is_for() {
        let env = [("HTTP_PROXY", "http://p:1"), ("NO_PROXY", "localhost, .corp.example,127.0.0.1")];
        let around = said(&env, &[]);
        for (scheme, host, named) in [
            ("http", "registry.example", true),
            ("https", "registry.example", false),
            ("http", "npm.corp.example", false),
            ("http", "corp.example", false),
            ("http", "notcorp.example", true),
            ("http", "127.0.0.1", false),
        ] {
            assert_eq!(around[0].hinders(scheme, host).is_some(), named, "{scheme} {host}");
        }
    }
}
