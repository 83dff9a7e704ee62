//! What the projects of one invocation have in common, so that each thing is fetched, found
//! and made once. It knows no project.

use super::containers::{self, Placed};
use super::folders;
use crate::sandbox::namespaces::ScratchFolder;
use crate::upstream::{Store, Ways};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What the projects of one invocation have in common: where things under way lie, each
/// store, each image, and the ways to the registries. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Pool {
    aside: Arc<Mutex<Option<Arc<Aside>>>>,
    /// By folder; that of `None` is gone with the invocation.
    stores: Arc<Mutex<BTreeMap<Option<PathBuf>, Store>>>,
    images: Arc<tokio::sync::Mutex<BTreeMap<String, Placed>>>,
    /// What is known of a dead host is known in every place and project.
    pub(super) ways: Ways,
}

impl Pool {
    pub(super) fn aside(&self) -> anyhow::Result<Arc<Aside>> {
        let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        match &*aside {
            Some(made) => Ok(made.clone()),
            None => {
                let made = Aside::make()?;
                super::lacks::for_folder(&made.path())?;
                Ok(aside.insert(Arc::new(made)).clone())
            }
        }
    }

    /// The store of a folder, or the one that is gone with the invocation.
    pub(super) fn store(&self, folder: Option<&Path>, aside: &Aside) -> anyhow::Result<Store> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        // Two names of one folder are one store.
        let key = folder.map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf()));
        if let Some(open) = stores.get(&key) {
            return Ok(open.beside());
        }
        let open = match folder {
            Some(folder) => Store::open(folder)?.with_apart(Store::passing(&aside.fresh("scripts")?)?),
            None => Store::passing(&aside.folder("store")?)?,
        };
        let key = folder.map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf()));
        let beside = open.beside();
        stores.insert(key, open);
        Ok(beside)
    }

    /// The image, looked at once for all.
    pub(super) async fn image(
        &self,
        name: &str,
        env: &BTreeMap<String, String>,
        offline: bool,
    ) -> anyhow::Result<Placed> {
        let mut images = self.images.lock().await;
        if let Some(placed) = images.get(name) {
            return Ok(placed.clone());
        }
        let placed = containers::place(name, env, offline).await?;
        images.insert(name.to_owned(), placed.clone());
        Ok(placed)
    }

    /// The stores that outlive the invocation, once nothing uses them any more.
    pub(super) fn kept(&self) -> Vec<(PathBuf, Store)> {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = stores.iter().filter_map(|(folder, store)| Some((folder.clone()?, store.beside())));
        kept.collect()
    }
}

/// A folder for what does not outlive the invocation: what is under way, and the
/// store where none was asked for.
pub(super) enum Aside {
    /// Where the next start finds it, however this one ends.
    Scratch(ScratchFolder),
    /// Reading alone must work where the cache cannot be written.
    System(tempfile::TempDir),
}

impl Aside {
    fn make() -> std::io::Result<Self> {
        match ScratchFolder::create(&folders::scratch(), "aside") {
            Ok(folder) => Ok(Self::Scratch(folder)),
            Err(_) => Ok(Self::System(tempfile::Builder::new().prefix("sealcheck-").tempdir()?)),
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Scratch(folder) => folder.inner(),
            Self::System(folder) => folder.path().to_path_buf(),
        }
    }

    pub(super) fn folder(&self, name: &str) -> std::io::Result<PathBuf> {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A folder that nothing else is in.
    pub(super) fn fresh(&self, name: &str) -> std::io::Result<PathBuf> {
        Ok(tempfile::Builder::new().prefix(name).tempdir_in(self.path())?.keep())
    }
}
