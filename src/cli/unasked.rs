//! A project that is read without the npm that it wants, since that is not on this machine
//! and reading fetches nothing: what is taken in its place, and what is then not known.

use super::load::machine;
use super::pool::Aside;
use crate::project::registry::RegistryUrl;
use crate::toolchain::{Toolchain, ToolchainError, asked, local};
use node_semver::Version;
use std::path::{Path, PathBuf};

/// Stands for npm's public registry where no npm is there to ask. Nothing lies under it.
const NOBODY: &str = "https://public-registry-not-known.invalid/";

/// What could not be asked of npm.
#[derive(Debug, Clone)]
pub(crate) struct Unasked {
    /// Why the npm that is wanted is not there.
    why: String,
    /// The public registry, and which npm said so.
    public: Option<(RegistryUrl, String)>,
}

impl Unasked {
    /// What is taken where the wanted toolchain failed by `error`; that error, where it is a
    /// fault of the user's files.
    pub(super) fn of(
        error: anyhow::Error,
        project: &Path,
        aside: &Aside,
    ) -> anyhow::Result<(Toolchain, Self)> {
        let is_missing = match error.downcast_ref::<ToolchainError>() {
            Some(
                ToolchainError::NoPublicRegistry
                | ToolchainError::Broken { .. }
                | ToolchainError::NoVersion { .. }
                | ToolchainError::Platform(_)
                | ToolchainError::Fetch { .. }
                | ToolchainError::NotKept { .. }
                | ToolchainError::Integrity { .. }
                | ToolchainError::Cache { .. },
            ) => true,
            Some(
                ToolchainError::BadWish { .. } | ToolchainError::Pair { .. } | ToolchainError::TooMany { .. },
            )
            | None => false,
        };
        if !is_missing {
            return Err(error);
        }
        let why = match error.downcast_ref::<ToolchainError>() {
            // `inspect` was not told to be offline; it always is.
            Some(ToolchainError::NotKept { tool, range, by }) => {
                format!(
                    "{tool} {range}{} is not on this machine, and reading fetches nothing",
                    asked(by.as_deref())
                )
            }
            Some(_) | None => error.to_string(),
        };
        let machine = machine(project);
        let folder = aside.folder("toolchain")?;
        let here = local::candidates(&machine).into_iter().find_map(|found| {
            let npm = found.npm?;
            let public = local::public_registry(&machine.answers, &found.node_exe, &npm.dir, &folder).ok()?;
            Some((found.node, found.node_exe, npm, public))
        });
        let zero = || Version::from((0, 0, 0));
        let (toolchain, public) = match here {
            Some((node, node_exe, npm, public)) => {
                let said = format!("npm {}", npm.version);
                let toolchain = Toolchain {
                    node,
                    npm: npm.version,
                    node_exe,
                    npm_dir: npm.dir,
                    because: why.clone(),
                    public: public.clone(),
                    libraries: Vec::new(),
                };
                (toolchain, Some((public, said)))
            }
            None => {
                let variable = machine.registry_variable();
                let public = match &variable {
                    Some(known) => known.clone(),
                    None => RegistryUrl::parse(NOBODY)?,
                };
                let toolchain = Toolchain {
                    node: zero(),
                    npm: zero(),
                    node_exe: PathBuf::new(),
                    npm_dir: PathBuf::new(),
                    because: why.clone(),
                    public,
                    libraries: Vec::new(),
                };
                (toolchain, variable.map(|public| (public, "`npm_config_registry`".to_owned())))
            }
        };
        Ok((toolchain, Self { why, public }))
    }

    /// What was not asked, a line each.
    pub(super) fn lines(&self) -> String {
        let public = match &self.public {
            Some((public, who)) => format!("public registry {public}, as {who} says"),
            None => {
                "public registry not known: there is no npm here to ask, so that which packages are public \
                     was not told"
                    .to_owned()
            }
        };
        format!(
            "{public}\nnot asked of the npm that is wanted: its version, its own npmrc and the global one ({}); \
             `sealcheck test` fetches it\n",
            self.why
        )
    }
}
