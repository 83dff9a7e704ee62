//! The node and npm that a project's test is to use: what its files ask for, and how what
//! is not here is fetched.

use super::arguments::Surroundings;
use super::folders;
use super::load::machine;
use super::pool::Pool;
use super::reach;
use super::say;
use crate::project::manifest;
use crate::project::named::Trusted;
use crate::project::npmrc::NpmConfig;
use crate::text::Complaint;
use crate::toolchain::fetch::{Cache, Download, Downloading};
use crate::toolchain::{Toolchain, wish::Wish};
use crate::upstream::{Accept, Reach, Request, Store, Upstream};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// The toolchain for a project: what `wish` leaves open is as the project's own files say.
pub(super) async fn toolchain(
    root: &Path,
    wish: Wish,
    surroundings: &Surroundings,
    env: &BTreeMap<String, String>,
    pool: &Pool,
) -> anyhow::Result<Toolchain> {
    let manifest = manifest::Manifest::read(root, root, "package.json")?;
    let file =
        [".nvmrc", ".node-version"].into_iter().find_map(|name| Some((name, small_text(&root.join(name))?)));
    let wish = match &manifest {
        Some(manifest) => wish.of_project(manifest, file.as_ref().map(|(name, text)| (*name, text.as_str()))),
        None => Ok(wish),
    };
    let wish = wish.map_err(|error| {
        Complaint::about(error.to_string()).help("correct the version, or use `--toolchain`")
    })?;
    // Toolchains come from the public registry, whatever the project says.
    let config = reach::config(&NpmConfig::default(), env, Trusted::Machine)?;
    let aside = pool.aside()?;
    let store = Arc::new(Store::passing(&aside.folder("asked")?)?);
    let upstream = pool.ways.upstream(&config, store, surroundings.offline)?;
    let cache = Cache {
        root: folders::toolchains(),
        aside: aside.folder("toolchain")?,
        download: &ByUpstream(upstream),
        offline: surroundings.offline,
    };
    Ok(crate::toolchain::find(&wish, &machine(root), &cache).await?)
}

/// The text of a file that can only be small.
fn small_text(path: &Path) -> Option<String> {
    let size = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    (size <= 4096).then(|| std::fs::read_to_string(path).ok()).flatten()
}

struct ByUpstream(Upstream);

impl Download for ByUpstream {
    fn download<'a>(
        &'a self,
        url: &'a Url,
        accept: &'a str,
        into: &'a mut File,
        limit: u64,
    ) -> Downloading<'a> {
        Box::pin(async move {
            let accept = if accept.contains("install-v1") { Accept::Corgi } else { Accept::Any };
            // Tens of megabytes: whoever waits is told for what. `--quiet` lets only errors through.
            if accept == Accept::Any && tracing::enabled!(tracing::Level::WARN) {
                say(&format!("fetching {url}, once for this machine"));
            }
            let request = Request { url: url.clone(), accept, authorization: None, reach: Reach::Anywhere };
            let mut answer = self.0.get(request).await.map_err(|error| error.to_string())?;
            if answer.head.status != 200 {
                return Err(format!("the registry answered {}", answer.head.status));
            }
            let mut taken = 0;
            while let Some(chunk) = answer.body.next().await {
                let chunk = chunk.map_err(|error| error.to_string())?;
                taken += chunk.len() as u64;
                if taken > limit {
                    return Err(format!("it is larger than {limit} bytes"));
                }
                std::io::Write::write_all(into, &chunk).map_err(|error| error.to_string())?;
            }
            Ok(taken)
        })
    }
}
