//! The image: found, pulled where it is missing, and looked at.

use super::engine::{Engine, EngineError};
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;

/// An image that an engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As it was asked for.
    pub name: String,
    /// Its content address, `sha256:…`: what is run, whatever a tag comes to mean.
    pub id: String,
    /// The digest by which a registry knows it, where one does.
    pub digest: Option<String>,
    /// The variables that it sets.
    pub env: Vec<(String, String)>,
}

impl Engine {
    /// Finds an image by name, tag or digest, and, where it may, pulls one that is missing;
    /// `progress` hears what the engine says meanwhile.
    ///
    /// # Errors
    /// It is nowhere, cannot be had, or is of another platform.
    pub async fn image(
        &self,
        name: &str,
        pull: bool,
        mut progress: impl FnMut(&str),
    ) -> Result<Image, EngineError> {
        let refused = |what: String| EngineError::Image { image: name.to_owned(), what };
        let found = match self.docker.inspect_image(name).await {
            Ok(found) => found,
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) if !pull => {
                let what = format!("is not at {}, and offline nothing is pulled", self.name);
                return Err(refused(what));
            }
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
                self.pull(name, &mut progress).await?;
                self.docker
                    .inspect_image(name)
                    .await
                    .map_err(self.failed("does not show an image it pulled"))?
            }
            Err(error) => return Err(self.failed("does not show its images")(error)),
        };
        let platform = (found.os.unwrap_or_default(), found.architecture.unwrap_or_default());
        let wanted = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if platform.0 != "linux" || platform.1 != wanted {
            return Err(refused(format!(
                "is for {}/{}, and this sealcheck runs in linux/{wanted} alone",
                platform.0, platform.1
            )));
        }
        let id = found.id.ok_or_else(|| refused("has no id".to_owned()))?;
        let env = found.config.and_then(|config| config.env).unwrap_or_default();
        Ok(Image {
            name: name.to_owned(),
            id,
            digest: found.repo_digests.and_then(|digests| digests.into_iter().next()),
            env: env
                .iter()
                .filter_map(|pair| pair.split_once('='))
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        })
    }

    async fn pull(&self, name: &str, progress: &mut impl FnMut(&str)) -> Result<(), EngineError> {
        // Without a tag an engine would take every one there is.
        let last = name.rsplit('/').next().unwrap_or(name);
        let whole = if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") };
        let options = CreateImageOptions { from_image: Some(whole), ..Default::default() };
        let mut pulling = self.docker.create_image(Some(options), None, None);
        let missing = |reason: String| EngineError::Image {
            image: name.to_owned(),
            what: format!(
                "is not at {} and could not be pulled ({reason}); load it there, or name one that it has",
                self.name
            ),
        };
        while let Some(said) = pulling.next().await {
            match said {
                Ok(said) => {
                    if let Some(error) = said.error_detail.and_then(|detail| detail.message) {
                        return Err(missing(error));
                    }
                    progress(&said.status.unwrap_or_default());
                }
                Err(error) => return Err(missing(error.to_string())),
            }
        }
        Ok(())
    }
}
