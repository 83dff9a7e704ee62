//! Why npm asked a host for a package, and what would change it.
//!
//! npm decides by its lockfile entry, the mapping, the settings and what was answered
//! before; a help that looks at less names a measure that is in place already.

use super::case::{Case, Run};
use super::location::Spot;
use crate::evidence::exchange::{Exchange, ExchangeKind, Role};
use crate::evidence::fact::{Package, SourceKind};
use crate::project::Project;
use crate::project::class::Class;
use crate::project::lockfile::LockEntry;
use crate::project::name::PackageName;
use crate::project::npmrc::{Level, REPLACE_REGISTRY_HOST, Setting};
use crate::project::registry::RegistryUrl;
use crate::scenario::Loss;
use url::Url;

/// What led npm to a host.
pub(super) struct Asked {
    /// Why, a fragment that goes behind a colon.
    pub(super) why: String,
    /// What to do.
    pub(super) help: String,
    /// The line that decided.
    pub(super) spot: Spot,
}

/// What led to an exchange about a package that does not belong to the host.
pub(super) fn of_foreign(case: &Case<'_>, run: &Run<'_>, exchange: &Exchange) -> Asked {
    let name = exchange.package.as_deref().unwrap_or_default();
    let entry = entry(case, exchange);
    let local = case.class_of(name) == Some(Class::Local);
    if local {
        return Asked {
            why: "it is local, and npm asked for it by name".to_owned(),
            help: "let the lockfile link it as a workspace member or folder (`npm install --package-lock-only`), and register the name on the public registry if it is free".to_owned(),
            spot: entry.map_or(Spot::Nowhere, |entry| Spot::entry(&entry.path)),
        };
    }
    entry
        .and_then(|entry| by_resolved(case, run, entry, exchange))
        .or_else(|| by_redirect(run, exchange))
        .or_else(|| by_packument(run, exchange))
        .unwrap_or_else(|| by_config(case, run, entry, exchange))
}

/// The lockfile entry that an exchange is about: that of the version, else of the name.
pub(super) fn entry<'a>(case: &Case<'a>, exchange: &Exchange) -> Option<&'a LockEntry> {
    let project = case.project;
    let path = |entry: &LockEntry| {
        let resolved = entry.resolved.as_deref().and_then(|resolved| Url::parse(resolved).ok());
        resolved.is_some_and(|url| url.path() == exchange.path)
    };
    let of_name = |entry: &&LockEntry| exchange.package.as_deref() == Some(entry.name.as_str());
    let of_version =
        |entry: &&LockEntry| exchange.version.as_deref().is_none_or(|version| version == entry.version);
    let mut named: Vec<&LockEntry> = project.lockfile.entries.values().filter(of_name).collect();
    named.sort_by_key(|entry| (entry.place.line, entry.place.column));
    let by_path = || project.lockfile.entries.values().find(|entry| path(entry));
    named
        .iter()
        .find(|entry| path(entry))
        .or_else(|| named.iter().find(|entry| of_version(entry)))
        .or(named.first())
        .copied()
        .or_else(|| by_path().filter(|_| exchange.package.is_none()))
}

fn by_resolved(case: &Case<'_>, run: &Run<'_>, entry: &LockEntry, exchange: &Exchange) -> Option<Asked> {
    let changed = &run.scenario.project;
    if exchange.kind != ExchangeKind::Tarball || changed.remove_resolved || changed.remove_lockfile {
        return None;
    }
    let resolved = Url::parse(entry.resolved.as_deref()?).ok()?;
    let spot = Spot::resolved(&entry.path);
    if resolved.host_str() == Some(&exchange.host) {
        let own = case.project.classes.get(&entry.path).and_then(|known| known.registry.as_ref());
        let own = own.map_or("its own registry".to_owned(), ToString::to_string);
        return Some(Asked {
            why: "its lockfile entry's `resolved` names that host, and npm looks at no mapping then"
                .to_owned(),
            help: format!(
                "let `resolved` name {own}: take the entry out and write it anew with `npm install --package-lock-only`"
            ),
            spot,
        });
    }
    let of_run = run.scenario.project.npm_config.get(REPLACE_REGISTRY_HOST).map(String::as_str);
    let project = case.project;
    let led = replaced(project, &resolved, of_run)
        && default_registry(case, run).is_none_or(|registry| registry.host() == exchange.host);
    if !led {
        return None;
    }
    if let Some(value) = of_run {
        return Some(Asked {
            why: format!(
                "this run sets `{REPLACE_REGISTRY_HOST}={value}`, which sends its `resolved` to the default registry whatever the mapping says"
            ),
            help: format!(
                "never set `{REPLACE_REGISTRY_HOST}` so that it takes in the package's own registry; its integrity in the lockfile is what is left then"
            ),
            spot,
        });
    }
    let setting = project.config.get(REPLACE_REGISTRY_HOST)?;
    Some(Asked {
        why: format!(
            "{} sends its `resolved` to the default registry, and the mapping of its scope has no say in that",
            written(setting)
        ),
        help: format!(
            "remove `{REPLACE_REGISTRY_HOST}={}`, or name by it the one host that is to be replaced; what it was for, name otherwise (`allow-remote`, or a `registry=` that `resolved` lies under)",
            setting.shown()
        ),
        spot: setting.place.clone().map_or(spot, Spot::At),
    })
}

/// Whether npm sends a `resolved` to the default registry, by the run's setting or the project's.
fn replaced(project: &Project, resolved: &Url, of_run: Option<&str>) -> bool {
    let host = resolved.host_str().unwrap_or_default();
    match of_run {
        Some("always") => true,
        Some("never") => false,
        Some("npmjs") => host == project.public.host(),
        // `{private-host}`, which the plan fills in.
        Some(_) => host != project.public.host(),
        None => project.config.replaces_host(resolved, &project.public),
    }
}

fn by_redirect(run: &Run<'_>, exchange: &Exchange) -> Option<Asked> {
    let led = run.evidence.exchanges.iter().find(|before| {
        before.seq < exchange.seq
            && before.host != exchange.host
            && before.package == exchange.package
            && before.redirected_to.as_deref().is_some_and(|to| to.split(':').next() == Some(&exchange.host))
    })?;
    Some(Asked {
        why: format!("{} redirected npm there", led.host),
        help: format!(
            "find out why {} redirects; where the host is yours, name it in `[[registry]] also`",
            led.host
        ),
        spot: Spot::Nowhere,
    })
}

/// A packument names the place of its tarball, and npm goes there whatever the mapping says.
fn by_packument(run: &Run<'_>, exchange: &Exchange) -> Option<Asked> {
    if exchange.kind != ExchangeKind::Tarball {
        return None;
    }
    let told = run.evidence.exchanges.iter().find(|before| {
        before.seq < exchange.seq
            && before.kind == ExchangeKind::Packument
            && before.package == exchange.package
            && before.status == Some(200)
            && before.host != exchange.host
    })?;
    Some(Asked {
        why: format!("the packument of {} names that host for its tarball", told.host),
        help: format!(
            "find out why {} names {} as `dist.tarball`; where the host is yours, name it in `[[registry]] also`",
            told.host, exchange.host
        ),
        spot: Spot::Nowhere,
    })
}

/// Why bytes of a stranger's could be installed, and what keeps them out: what led npm to
/// them, and what the lockfile does not pin.
pub(super) fn of_installed(case: &Case<'_>, run: &Run<'_>, package: &Package) -> (Option<String>, String) {
    let source = package.source.as_ref();
    let seq = source.and_then(|source| source.exchange);
    let exchange = seq.and_then(|seq| run.evidence.exchanges.iter().find(|it| it.seq == seq));
    let cached = source.is_some_and(|source| source.kind == SourceKind::Cache);
    let (why, measure) = match exchange {
        Some(exchange) if exchange.role == Role::Foreign => {
            let led = of_foreign(case, run, exchange);
            (Some(led.why), led.help)
        }
        Some(exchange) => {
            (None, format!("exclude your private names from what {} takes from its upstreams", exchange.host))
        }
        None if source.is_some_and(|source| source.role != Role::Foreign) && !cached => {
            (None, "exclude your private names from what their registry takes from its upstreams".to_owned())
        }
        None if cached => {
            (None, "empty npm's cache: it gave these bytes, and nobody was asked for them".to_owned())
        }
        None => (None, map(case.project, &package.name)),
    };
    let lacks = case.project.lockfile.entries.get(&package.path).and_then(unpinned);
    let lost = [Loss::Lockfile, Loss::Resolved, Loss::Integrity].iter().any(|loss| run.lost(*loss));
    let help = match lacks {
        _ if measure.contains("lockfile entry") => measure,
        Some(lacks) => format!("{measure}, and record {lacks} in the lockfile"),
        None if lost => {
            format!(
                "{measure}, and keep `resolved` and `integrity` in its lockfile entry, which this run takes away"
            )
        }
        None => {
            format!("{measure}, and find out how bytes that the lockfile does not vouch for were accepted")
        }
    };
    (why, help)
}

/// The mapping that a name lacks.
fn map(project: &Project, name: &str) -> String {
    let scope = PackageName::parse(name).ok().and_then(|name| name.scope().map(str::to_owned));
    let Some(scope) = scope else { return "give it a scope that `.npmrc` maps to its registry".to_owned() };
    match project.config.get(&format!("{scope}:registry")) {
        Some(setting) => format!("see what led npm past {}", written(setting)),
        None => "map its scope to its registry in the project's `.npmrc`".to_owned(),
    }
}

/// What the project's own lockfile does not say of a package's bytes.
fn unpinned(entry: &LockEntry) -> Option<&'static str> {
    let strong = entry.integrity_text.as_deref().is_some_and(strong);
    match (entry.resolved.is_some(), entry.integrity_text.is_some(), strong) {
        (true, true, true) => None,
        (false, true, true) => Some("its `resolved`"),
        (true, true, false) => Some("a sha512 `integrity` in place of the weaker one"),
        (true, false, _) => Some("a sha512 `integrity`"),
        (false, _, _) => Some("`resolved` and a sha512 `integrity`"),
    }
}

/// Whether an `integrity` has a hash that nobody finds other bytes for.
pub(super) fn strong(integrity: &str) -> bool {
    integrity
        .split_whitespace()
        .any(|one| ["sha512-", "sha384-", "sha256-"].iter().any(|algorithm| one.starts_with(algorithm)))
}

/// By its name: npm's `pickRegistry`.
fn by_config(case: &Case<'_>, run: &Run<'_>, entry: Option<&LockEntry>, exchange: &Exchange) -> Asked {
    let name = exchange.package.as_deref().unwrap_or_default();
    let config = &case.project.config;
    let register = "and register the name on the public registry if it is free";
    let spot = entry
        .map_or(Spot::Nowhere, |entry| Spot::Mapping { name: name.to_owned(), path: entry.path.clone() });
    let scope = PackageName::parse(name).ok().and_then(|name| name.scope().map(str::to_owned));
    let own = entry.and_then(|entry| case.project.classes.get(&entry.path)?.registry.clone());
    let key = scope.as_ref().map(|scope| format!("{scope}:registry"));
    let mapping = key.as_ref().and_then(|key| config.get(key));
    let changed = &run.scenario.project;
    let pins = match entry.and_then(unpinned) {
        Some(lacks) => format!("let its lockfile entry have {lacks}, so that no mapping decides alone"),
        None => {
            "keep `resolved` and a sha512 `integrity` in its lockfile entry, so that no mapping decides alone"
                .to_owned()
        }
    };
    let of_run = changed.remove_mapping
        || changed.mapping.is_some()
        || !changed.npmrc_absent.is_empty()
        || changed.npmrc_moved.is_some()
        || changed.npm_config.contains_key("registry")
        || key.as_ref().is_some_and(|key| changed.npm_config.contains_key(key));
    match (mapping, scope) {
        // The mapping is there; the run takes it away.
        (Some(setting), _) if of_run => Asked {
            why: format!("this run takes {} away", written(setting)),
            help: format!("{pins}, {register}"),
            spot,
        },
        (Some(setting), _) => Asked {
            why: format!("{} maps its scope there", written(setting)),
            help: format!(
                "let `{}` name {}, {register}",
                setting.key,
                own.as_ref().map_or("the package's own registry".to_owned(), ToString::to_string)
            ),
            spot: setting.place.clone().map_or(spot, Spot::At),
        },
        (None, _) if of_run => Asked {
            why: "this run takes the registry of private names away".to_owned(),
            help: format!("{pins}, {register}"),
            spot,
        },
        (None, Some(scope)) => {
            let url = own.as_ref().map_or("URL".to_owned(), ToString::to_string);
            let why = match unread_mapping(case.project, &scope) {
                Some(unread) => unread,
                None => match case.project.misspelt(&scope) {
                    Some(setting) => {
                        format!("nothing maps {scope}: {} is another key to npm", written(setting))
                    }
                    None => {
                        format!("nothing that npm reads maps {scope}, so that the default registry is asked")
                    }
                },
            };
            Asked {
                why,
                help: format!("add `{scope}:registry={url}` to the project's `.npmrc`, {register}"),
                spot,
            }
        }
        (None, None) => {
            let registry = config.get("registry");
            let why = match registry {
                Some(setting) => format!("it has no scope, and {} is the default registry", written(setting)),
                None => "it has no scope, and no `registry=` is set, so that npm's built-in one is asked"
                    .to_owned(),
            };
            Asked {
                why,
                help: format!("give it a scope that `.npmrc` maps to its registry, {register}"),
                spot: registry.and_then(|setting| setting.place.clone()).map_or(spot, Spot::At),
            }
        }
    }
}

/// The default registry of a run, where it is known.
fn default_registry(case: &Case<'_>, run: &Run<'_>) -> Option<RegistryUrl> {
    match run.scenario.project.npm_config.get("registry") {
        Some(_) => None,
        None => Some(case.project.config.default_registry(&case.project.public)),
    }
}

/// "npm does not read ../.npmrc here, which maps @acme", where there is such a file.
pub(super) fn unread_mapping(project: &Project, scope: &str) -> Option<String> {
    let key = format!("{scope}:registry");
    let file = project.unread.iter().find(|it| it.keys.contains(&key))?;
    Some(format!("npm does not read {} here, which maps {scope}", file.file))
}

/// "`@acme:registry=https://…` (.npmrc:1)".
pub(super) fn written(setting: &Setting) -> String {
    let from = match &setting.place {
        Some(place) => format!("{}:{}", place.file, place.line),
        None => match setting.level {
            Level::Env => "a variable".to_owned(),
            Level::Cli => "the command".to_owned(),
            Level::Default | Level::Builtin | Level::Global | Level::User | Level::Project => {
                "npm".to_owned()
            }
        },
    };
    format!("`{}={}` ({from})", setting.key, setting.shown())
}
