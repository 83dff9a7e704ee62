//! Places in the user's files, named by what they are and made concrete once.

use crate::project::Project;
use crate::project::name::PackageName;
use crate::text::Place;

/// Where a rule points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// At nothing.
    Nowhere,
    /// At a lockfile entry, by its path, at a field of it where it has that.
    Lock {
        /// The entry's path.
        path: String,
        /// The field.
        field: Field,
    },
    /// At the npmrc line that decides where a name comes from; else at its
    /// lockfile entry.
    Mapping {
        /// The package's name.
        name: String,
        /// Its entry's path.
        path: String,
    },
    /// At the effective npmrc line of a key, or the first that mentions a variable.
    Npmrc(String),
    /// At a place that is known already.
    At(Place),
}

/// A field of a lockfile entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The entry itself.
    Entry,
    /// `resolved`.
    Resolved,
    /// `integrity`.
    Integrity,
}

impl Spot {
    pub(super) fn entry(path: &str) -> Self {
        Self::Lock { path: path.to_owned(), field: Field::Entry }
    }

    pub(super) fn resolved(path: &str) -> Self {
        Self::Lock { path: path.to_owned(), field: Field::Resolved }
    }

    pub(super) fn integrity(path: &str) -> Self {
        Self::Lock { path: path.to_owned(), field: Field::Integrity }
    }
}

/// The place of a spot, if the project has it.
pub(super) fn locate(spot: &Spot, project: &Project) -> Option<Place> {
    match spot {
        Spot::Nowhere => None,
        Spot::At(place) => Some(place.clone()),
        Spot::Npmrc(key) => {
            let written = |name: &String| name == key;
            let setting = project.config.get(key).or_else(|| {
                let mut settings = project.config.settings.iter();
                settings.find(|setting| setting.variables.iter().any(|(name, _)| written(name)))
            });
            setting?.place.clone()
        }
        Spot::Lock { path, field } => {
            let entry = project.lockfile.entries.get(path)?;
            let place = match field {
                Field::Entry => None,
                Field::Resolved => entry.resolved_place.clone(),
                Field::Integrity => entry.integrity_place.clone(),
            };
            Some(place.unwrap_or_else(|| entry.place.clone()))
        }
        Spot::Mapping { name, path } => PackageName::parse(name)
            .ok()
            .and_then(|name| name.scope().map(|scope| format!("{scope}:registry")))
            .and_then(|key| locate(&Spot::Npmrc(key), project))
            .or_else(|| locate(&Spot::resolved(path), project)),
    }
}
