//! Asks virtual registries, and those behind them, for the versions of private names.
//!
//! Where `[[registry]] behind` says what lies behind a registry, both are asked for the
//! packument of each private package that comes through the virtual one. The public
//! registry is never asked. A file of the tested project names only where to ask: what
//! is sent there beside the name is what the user's own npm configuration ties to it.

use super::load::Loaded;
use super::reach;
use crate::evidence::resolution::{Listing, Resolution};
use crate::project::Project;
use crate::project::class::Class;
use crate::project::name::PackageName;
use crate::project::npmrc::{Level, NpmConfig, Value};
use crate::project::registry::RegistryUrl;
use crate::secret::Secret;
use crate::upstream::{Accept, MAX_PACKUMENT, Request, Upstream, UpstreamError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

/// Names that are asked for at once.
const AT_ONCE: usize = 6;
/// How long two registries may take to answer for one name: one that drips would otherwise
/// hold up the report for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// A private name, the virtual registry that it comes through, and what is behind that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    registry: RegistryUrl,
    behind: RegistryUrl,
    package: PackageName,
}

/// Compares every pair, in the order of registries and names. Nothing where no `behind` is
/// set; where the user wants an end, what is left over is said to be unread.
pub(super) async fn compare(loaded: &Loaded, mut stop: watch::Receiver<bool>) -> Vec<Resolution> {
    let reader = Arc::new(Reader {
        project: loaded.project.clone(),
        upstream: loaded.upstream.clone(),
        out_of_reach: Mutex::default(),
    });
    let mut open = pairs(&loaded.project);
    let mut waiting: Vec<Pair> = open.iter().rev().cloned().collect();
    let mut tasks = JoinSet::new();
    let mut out = Vec::new();
    loop {
        while tasks.len() < AT_ONCE
            && let Some(pair) = waiting.pop()
        {
            let reader = reader.clone();
            tasks.spawn(async move {
                let resolution = match tokio::time::timeout(PATIENCE, reader.compare(&pair)).await {
                    Ok(resolution) => resolution,
                    Err(_) => {
                        let why = format!("the two did not answer within {} s", PATIENCE.as_secs());
                        Resolution::unread(&pair.registry, &pair.behind, &pair.package, why)
                    }
                };
                (pair, resolution)
            });
        }
        let done = tokio::select! {
            done = tasks.join_next() => done,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        match done {
            Some(Ok((pair, resolution))) => {
                open.remove(&pair);
                out.push(resolution);
            }
            Some(Err(error)) => tracing::error!(%error, "a comparison of two registries was lost"),
            None => break,
        }
    }
    // What nobody answered for is never taken for equal.
    out.extend(open.iter().map(|Pair { registry, behind, package }| {
        Resolution::unread(registry, behind, package, "the comparison was not finished".to_owned())
    }));
    out.sort();
    out
}

fn pairs(project: &Project) -> BTreeSet<Pair> {
    let behind: BTreeMap<&RegistryUrl, &RegistryUrl> = project
        .settings
        .registries
        .iter()
        .filter_map(|entry| Some((&entry.url, entry.behind.as_ref()?)))
        .collect();
    let private = project.classes.iter().filter(|(_, classified)| classified.class == Class::Private);
    private
        .filter_map(|(path, classified)| {
            let registry = classified.registry.as_ref()?;
            Some(Pair {
                registry: registry.clone(),
                behind: (*behind.get(registry)?).clone(),
                package: project.lockfile.entries.get(path)?.name.clone(),
            })
        })
        .collect()
}

struct Reader {
    project: Arc<Project>,
    upstream: Arc<Upstream>,
    /// Why hosts could not be reached: they are not asked again for each name.
    out_of_reach: Mutex<BTreeMap<String, String>>,
}

impl Reader {
    async fn compare(&self, pair: &Pair) -> Resolution {
        let Pair { registry, behind, package } = pair;
        let (given, had) = tokio::join!(self.listing(registry, package), self.listing(behind, package));
        match (given, had) {
            (Ok(given), Ok(had)) => match self.unlisted(package, &given) {
                // What it gives to npm it must list: else this was another answer than npm's.
                Some(version) => {
                    let why = format!("{} lists no {version}, which the lockfile has", registry.host());
                    Resolution::unread(registry, behind, package, why)
                }
                None => Resolution::of(registry, behind, package, &given, &had),
            },
            (Err(why), _) | (Ok(_), Err(why)) => Resolution::unread(registry, behind, package, why),
        }
    }

    /// A locked version of a private name that a listing lacks.
    fn unlisted(&self, package: &PackageName, given: &Listing) -> Option<&str> {
        let private = self.project.of_class(Class::Private).map(|(entry, _)| entry);
        let mut locked = private.filter(|entry| entry.name == *package && !entry.version.is_empty());
        locked.find(|entry| !given.has(&entry.version)).map(|entry| entry.version.as_str())
    }

    /// What a registry lists of a name, or why that could not be read.
    async fn listing(&self, registry: &RegistryUrl, package: &PackageName) -> Result<Listing, String> {
        let served = self.project.settings.registries.iter().find(|entry| entry.url == *registry);
        if let Some(folder) = served.and_then(|entry| entry.serve.clone()) {
            return self.of_folder(folder, package).await;
        }
        let url = registry.as_url().join(&package.in_url()).map_err(|error| error.to_string())?;
        let host = registry.host().to_owned();
        if let Some(why) = self.out_of_reach.lock().unwrap_or_else(PoisonError::into_inner).get(&host) {
            return Err(why.clone());
        }
        let (authorization, withheld) = authorization(&url, &self.project.config);
        let reach = reach::of(&self.project, &url);
        // npm asks so in an install: what is kept of it serves the runs as well.
        let request = Request { url, accept: Accept::Corgi, authorization, reach };
        let anonymous = request.authorization.is_none();
        let answer = match self.upstream.get(request).await {
            Ok(answer) => answer,
            Err(error) => {
                let why = error.to_string();
                if matches!(error, UpstreamError::Network { .. }) {
                    let mut gone = self.out_of_reach.lock().unwrap_or_else(PoisonError::into_inner);
                    gone.insert(host, why.clone());
                }
                return Err(why);
            }
        };
        match answer.head.status {
            200 => {
                let body = answer.body.collect(MAX_PACKUMENT).await;
                let body =
                    body.map_err(|error| format!("the answer of {host} could not be read: {error}"))?;
                Listing::parse(&body).ok_or_else(|| format!("what {host} answered is no packument"))
            }
            // Some registries hide what is private from who shows no credential.
            404 | 410 if !anonymous || self.open_to_all(registry) => Ok(Listing::default()),
            status => Err(match (anonymous, withheld) {
                (true, Some(label)) => {
                    format!("{host} answered {status}, and {label} is not sent over plain http")
                }
                (true, None) => {
                    let why = without_value(registry, &self.project.config);
                    format!("{host} answered {status} without a credential: {why}")
                }
                (false, _) => format!("{host} answered {status}"),
            }),
        }
    }

    /// Whether npm's configuration has no credential for the host at all, so that none is
    /// expected there.
    fn open_to_all(&self, registry: &RegistryUrl) -> bool {
        let host = format!(
            "//{}",
            registry.nerf_dart().trim_start_matches('/').split('/').next().unwrap_or_default()
        );
        !self.project.config.credentials().iter().any(|one| one.nerf_dart.starts_with(&host))
    }

    async fn of_folder(&self, folder: std::path::PathBuf, package: &PackageName) -> Result<Listing, String> {
        let upstream = self.upstream.clone();
        let served = tokio::task::spawn_blocking(move || upstream.folder(&folder)).await;
        let served = served.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let mut listing = Listing::default();
        for version in served.packages.get(package).into_iter().flatten() {
            listing.add(&version.version, Some(&version.sha512), Some(&version.shasum));
        }
        Ok(listing)
    }
}

/// Why no credential was there to be sent.
fn without_value(registry: &RegistryUrl, config: &NpmConfig) -> String {
    let tied = config.credentials().into_iter().find(|one| registry.nerf_dart().starts_with(&one.nerf_dart));
    match tied.and_then(|one| one.variable) {
        Some(variable) => {
            format!("{variable} is not set, or nothing but the project's own `.npmrc` names it")
        }
        None => format!("npm's configuration ties none to {registry}"),
    }
}

/// The credential that npm's configuration ties to a URL; else the label of one that is not
/// sent because only we were told to go there by plain http.
fn authorization(url: &Url, config: &NpmConfig) -> (Option<Secret>, Option<String>) {
    let found = super::authorization::authorization(url, config);
    let same_place = |text: &str| {
        RegistryUrl::parse(text).is_ok_and(|own| own.as_url().scheme() == "http" && own.same_host(url))
    };
    // A file of the tested project that names it by http is not the user's word for it.
    let mut by_user = config.settings.iter().filter(|setting| setting.level != Level::Project);
    let by_http = by_user.any(|setting| match &setting.value {
        Value::Plain(text) => {
            (setting.key == "registry" || setting.key.ends_with(":registry")) && same_place(text)
        }
        Value::Secret(_) => false,
    });
    match found {
        Some(secret) if url.scheme() != "https" && !by_http => (None, Some(secret.label().to_owned())),
        found => (found, None),
    }
}
