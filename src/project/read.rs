//! Reading a project: which folder, which files, in which order.

use super::class::{Facts, classify};
use super::lockfile::Lockfile;
use super::manifest::Manifest;
use super::named::{NamedHosts, Trusted};
use super::npmrc::levels::Levels;
use super::npmrc::{Credential, Level, NpmVersion};
use super::registry::RegistryUrl;
use super::settings::Settings;
use super::settings::command::split_words;
use super::signature::RegistrySignatures;
use super::{Project, base, files, nested, surroundings, workspace};
use crate::secret::Secret;
use crate::text::Complaint;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is read, and whose machine it is.
#[derive(Clone)]
pub struct ReadOptions<'a> {
    /// The project's folder, as the user gave it.
    pub root: PathBuf,
    /// The user's home, for `~/.npmrc`.
    pub home: Option<PathBuf>,
    /// The global npmrc of the toolchain (`{prefix}/etc/npmrc`).
    pub global_npmrc: Option<PathBuf>,
    /// `npmrc` in the toolchain's npm.
    pub builtin_npmrc: Option<PathBuf>,
    /// The caller's environment: `npm_config_*`, and what `${VAR}` names.
    pub env: BTreeMap<String, String>,
    /// npm's built-in default registry.
    pub public: RegistryUrl,
    /// The toolchain's npm, by which its files are read; the newest where it is not known.
    pub npm: Option<NpmVersion>,
    /// The policy file.
    pub policy: Option<PathBuf>,
    /// Whose word counts about the way to the registries.
    pub trusted: Trusted,
    /// The value of [`VARIABLE`](super::named::VARIABLE) in the caller's own environment.
    pub internal_hosts: Option<String>,
    /// Who knows what registries signed; without it what depends on it is undecided.
    pub signatures: Option<&'a dyn RegistrySignatures>,
}

/// Why a project could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// A file or folder of the user's is not as it must be.
    #[error(transparent)]
    Complaint(#[from] Complaint),
}

impl ProjectError {
    /// What is wrong, where, and what to do.
    pub fn complaint(&self) -> &Complaint {
        match self {
            Self::Complaint(complaint) => complaint,
        }
    }
}

impl Project {
    /// Reads a project with all that an install of it depends on.
    ///
    /// # Errors
    /// The first file that is broken, with the place and what to do about it.
    pub fn read(options: &ReadOptions<'_>) -> Result<Self, ProjectError> {
        let given = folder(&options.root)?;
        let top = workspace::root_of(&given).unwrap_or_else(|| given.clone());
        let mut settings = Settings::read(&top, options.policy.as_deref())?;
        // `[install] directory` says where npm's root is, as in a folder of several projects.
        if settings.install.directory.is_none() && !given.join("package.json").exists() {
            return Err(no_manifest(&given, &options.root).into());
        }
        settings.name_public(&options.public)?;
        let cwd = match &settings.install.directory {
            Some(directory) => top.join(directory),
            None => given,
        };
        let cwd = cwd.canonicalize().unwrap_or(cwd);
        // npm's root is where the command runs, or the workspace that folder is in.
        let root = workspace::root_of(&cwd).unwrap_or_else(|| cwd.clone());
        let Some(manifest) = Manifest::read(&root, &root, "package.json")? else {
            return Err(no_manifest(&root, &root).into());
        };
        let lockfile = Lockfile::read(&root, &manifest)?;
        let words = settings.install.command.as_deref().map(split_words).transpose();
        // The settings' reader has split it before, and complained where it cannot be.
        let words = words.ok().flatten().unwrap_or_default();
        let mut config = Levels {
            root: &root,
            cwd: &cwd,
            home: options.home.as_deref(),
            global: options.global_npmrc.as_deref(),
            builtin: options.builtin_npmrc.as_deref(),
            env: &options.env,
            words: words.get(1..).unwrap_or_default(),
            npm: options.npm,
        }
        .read()?;
        config.tied = tied(&settings, &options.env);
        let facts = Facts {
            lockfile: &lockfile,
            config: &config,
            settings: &settings,
            public: &options.public,
            signatures: options.signatures,
        };
        let classes = classify(&facts);
        let named = NamedHosts::of(
            &config,
            &settings,
            (options.trusted, options.internal_hosts.as_deref()),
            &options.public,
        );
        let inside = base::inside(&root, &lockfile, options.home.as_deref())?;
        let files = files::list(&root, &inside, &lockfile)?;
        let nested = nested::pinned_at_public(&root, &files, &options.public);
        let sources = [manifest.source.clone(), lockfile.source.clone()]
            .into_iter()
            .chain(config.files.values().cloned())
            .chain(settings.sources.iter().cloned())
            .collect();
        let directory = cwd.strip_prefix(&root).unwrap_or(Path::new("")).to_string_lossy().into_owned();
        let public = options.public.clone();
        let home = options.home.as_deref().and_then(|home| home.canonicalize().ok());
        let unread = surroundings::unread(&root, home.as_deref(), &lockfile);
        let around = surroundings::around(&options.env, &config, &settings);
        Ok(Self {
            root,
            inside,
            directory,
            manifest,
            lockfile,
            config,
            settings,
            public,
            files,
            classes,
            nested,
            named,
            unread,
            around,
            sources,
        })
    }
}

fn folder(given: &Path) -> Result<PathBuf, Complaint> {
    let shown = given.display();
    let real = given.canonicalize().map_err(|error| {
        Complaint::about(format!("the project folder `{shown}` cannot be opened: {error}"))
            .help("give the folder that holds the project's package.json")
    })?;
    if real.is_dir() {
        return Ok(real);
    }
    Err(Complaint::about(format!("`{shown}` is not a folder"))
        .help("give the folder that holds the project's package.json"))
}

fn no_manifest(folder: &Path, shown: &Path) -> Complaint {
    let complaint = Complaint::about(format!("there is no package.json in `{}`", shown.display()));
    match workspace::nearest_manifest(folder) {
        Some(above) => complaint.help(format!("the nearest is in `{}`; give that folder", above.display())),
        None => complaint.help("give the folder that holds the project's package.json"),
    }
}

/// The credentials that the policy file ties to registries by a variable's name.
fn tied(settings: &Settings, env: &BTreeMap<String, String>) -> Vec<Credential> {
    settings
        .tokens
        .iter()
        .map(|(registry, variable)| Credential {
            nerf_dart: registry.nerf_dart(),
            key: "_authToken".to_owned(),
            value: env
                .get(variable)
                .filter(|value| !value.is_empty())
                .map(|value| Secret::new(variable, value)),
            level: Level::Env,
            variable: Some(variable.clone()),
            place: None,
        })
        .collect()
}
