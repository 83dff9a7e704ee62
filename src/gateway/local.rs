//! Answers that are made here: decoys, and folders served as registries.

use super::answer::{Delivered, error, json, tarball};
use super::fault::document;
use super::folder::{manifest, packument};
use super::layout::Layout;
use super::route::{Asked, Shape};
use super::serve::{Shared, Understood};
use crate::evidence::exchange::AnsweredBy;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use crate::upstream::{Accept, ServedVersion, Store};
use http::{Response, StatusCode};
use std::path::PathBuf;

impl Shared {
    pub(super) fn decoy(&self, understood: &Understood, accept: Accept) -> Response<Delivered> {
        self.decoy_at(&self.world.public, understood, accept)
    }

    /// A genuine answer of the public registry about one of the project's own names, with what
    /// a stranger offers beside it: versions that are published stay as they are.
    pub(super) async fn beside(
        &self,
        understood: &Understood,
        genuine: Response<Delivered>,
        accept: Accept,
    ) -> Response<Delivered> {
        let offered = understood.asked.package.as_ref().and_then(|name| self.decoys.find(name));
        let Some((name, versions)) = offered else { return genuine };
        let whole = understood.asked.shape == Shape::Packument && understood.asked.version.is_none();
        match genuine.status() {
            StatusCode::NOT_FOUND => self.decoy(understood, accept),
            StatusCode::OK if whole => {
                self.decoys.ask(name);
                document::beside(&self.world.public, name, versions, genuine).await
            }
            _ => genuine,
        }
    }

    /// A decoy as a registry serves what is its own.
    pub(super) fn decoy_at(
        &self,
        registry: &RegistryUrl,
        understood: &Understood,
        accept: Accept,
    ) -> Response<Delivered> {
        let known = understood.asked.package.as_ref().and_then(|name| self.decoys.ask(name));
        let Some((name, versions)) = known else { return error(404, "Not found") };
        let store = self.upstream.store();
        let served = serve_version(store, &Layout::npm(registry), name, versions, &understood.asked, accept);
        if served.status() == StatusCode::OK {
            self.recorder.note(understood.slot, |exchange| {
                exchange.decoy = true;
                exchange.answered_by = AnsweredBy::Decoy;
            });
        }
        served
    }

    /// The folder that stands for the public registry.
    pub(super) async fn public_folder(
        &self,
        path: PathBuf,
        understood: &Understood,
        accept: Accept,
    ) -> Response<Delivered> {
        self.folder(path, &Layout::npm(&self.world.public), understood, accept).await
    }

    /// The folder that stands for the registry of this index.
    pub(super) async fn own_folder(
        &self,
        at: usize,
        understood: &Understood,
        accept: Accept,
    ) -> Response<Delivered> {
        let registry = self.world.registries.get(at).and_then(|registry| registry.serve.clone());
        match registry.zip(self.layouts.get(at)) {
            Some((path, layout)) => self.folder(path, layout, understood, accept).await,
            None => error(404, "Not found"),
        }
    }

    async fn folder(
        &self,
        path: PathBuf,
        layout: &Layout,
        understood: &Understood,
        accept: Accept,
    ) -> Response<Delivered> {
        let upstream = self.upstream.clone();
        let folder = match tokio::task::spawn_blocking(move || upstream.folder(&path)).await {
            Ok(Ok(folder)) => folder,
            Ok(Err(_)) | Err(_) => return self.unreachable(understood, "folder-unreadable"),
        };
        self.recorder.note(understood.slot, |exchange| exchange.answered_by = AnsweredBy::Folder);
        let known = understood.asked.package.as_ref().and_then(|name| folder.packages.get_key_value(name));
        let Some((name, versions)) = known else { return error(404, "Not found") };
        let version = versions.iter().find(|known| Some(&known.version) == understood.asked.version.as_ref());
        // The registry that the folder stands for has it elsewhere.
        let lies_here = match (understood.asked.shape, version) {
            (Shape::Tarball, Some(version)) => layout.has(&understood.url, name, version),
            (Shape::Packument, Some(_)) => layout.has_manifests(),
            (_, _) => true,
        };
        if !lies_here {
            return error(404, "Not found");
        }
        if let Some(version) = version.filter(|_| self.is_tampered(understood)) {
            return self.tampered(understood, version.sha512.clone()).await;
        }
        serve_version(self.upstream.store(), layout, name, versions, &understood.asked, accept)
    }
}

/// A packument, a manifest or a tarball of packages that are served from here.
fn serve_version(
    store: &Store,
    layout: &Layout,
    name: &PackageName,
    versions: &[ServedVersion],
    asked: &Asked,
    accept: Accept,
) -> Response<Delivered> {
    let full = accept != Accept::Corgi;
    let version =
        asked.version.as_ref().and_then(|wanted| versions.iter().find(|known| known.version == *wanted));
    match (asked.shape, version) {
        (Shape::Packument, None) if asked.version.is_none() => {
            json(200, &packument(layout, name, versions, full))
        }
        (Shape::Packument, Some(version)) => json(200, &manifest(layout, name, version, full)),
        (Shape::Tarball, Some(version)) => match store.content(&version.sha512) {
            Ok(file) => tarball(file),
            Err(_) => error(502, "the store cannot be read"),
        },
        (
            Shape::Packument
            | Shape::Tarball
            | Shape::Audit
            | Shape::Keys
            | Shape::Attestations
            | Shape::Ping
            | Shape::Api
            | Shape::Other,
            _,
        ) => error(404, "Not found"),
    }
}
