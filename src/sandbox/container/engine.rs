//! The engine: where it is, what it is, and what of ours it holds.

use bollard::query_parameters::{
    ListContainersOptions, ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks everything that is ours at an engine.
pub(super) const LABEL: &str = "dev.sealcheck";
/// Seconds that an ordinary request may take.
const PATIENCE: u64 = 120;
/// How long an engine is waited for where it is only looked for.
const PROMPT: Duration = Duration::from_secs(10);

/// Why an engine is of no use.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is none where one would be.
    #[error("no container engine was found: {0}")]
    None(String),
    /// It does not answer, or refuses.
    #[error("the container engine at {at} {what}")]
    Engine {
        /// Its address.
        at: String,
        /// A fragment: "does not answer".
        what: String,
        /// Its answer.
        #[source]
        source: bollard::errors::Error,
    },
    /// The image is not what a test needs.
    #[error("the image `{image}` {what}")]
    Image {
        /// As it was named.
        image: String,
        /// A fragment: "has no node".
        what: String,
    },
}

/// What became of that which earlier runs left at an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Fragments: "the container quick_hopper".
    pub removed: Vec<String>,
    /// The same of what is still in use.
    pub kept: Vec<String>,
}

/// A reachable engine.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) docker: Docker,
    /// Its address, as it was found.
    pub at: String,
    /// "Docker 20.10.24", "Podman 4.3.1".
    pub name: String,
    /// Which API both sides speak: "1.41".
    pub api: String,
    /// Cores that it has; 0 where it does not say.
    pub cores: u32,
    /// "cgroup v1", "cgroup v2"; empty where it does not say.
    pub cgroup: String,
    /// Whether it runs without root.
    pub rootless: bool,
}

/// Addresses at which an engine may be, in the order of the engines' own
/// clients: `DOCKER_HOST`, Docker's context, `CONTAINER_HOST`, the usual sockets.
pub fn addresses(env: &BTreeMap<String, String>, home: Option<&Path>) -> Vec<String> {
    if let Some(host) = named(env, home) {
        return vec![host];
    }
    let runtime = variable(env, "XDG_RUNTIME_DIR").map(PathBuf::from);
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    sockets.extend(runtime.iter().map(|folder| folder.join("docker.sock")));
    sockets.push(PathBuf::from("/run/podman/podman.sock"));
    sockets.extend(runtime.iter().map(|folder| folder.join("podman/podman.sock")));
    sockets
        .into_iter()
        .filter(|socket| socket.exists())
        .map(|socket| format!("unix://{}", socket.display()))
        .collect()
}

/// The address that the user chose, by variable or by context.
pub fn named(env: &BTreeMap<String, String>, home: Option<&Path>) -> Option<String> {
    variable(env, "DOCKER_HOST").or_else(|| context(env, home)).or_else(|| variable(env, "CONTAINER_HOST"))
}

fn variable(env: &BTreeMap<String, String>, key: &str) -> Option<String> {
    env.get(key).filter(|value| !value.is_empty()).cloned()
}

/// The host of Docker's current context, where one is chosen.
fn context(env: &BTreeMap<String, String>, home: Option<&Path>) -> Option<String> {
    let folder = match env.get("DOCKER_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => home?.join(".docker"),
    };
    let name = env.get("DOCKER_CONTEXT").filter(|name| !name.is_empty()).cloned().or_else(|| {
        let config: serde_json::Value = read_json(&folder.join("config.json"))?;
        Some(config.get("currentContext")?.as_str()?.to_owned())
    })?;
    if name == "default" {
        return None;
    }
    let meta = folder
        .join("contexts/meta")
        .join(crate::evidence::tree::hex(&Sha256::digest(&name)))
        .join("meta.json");
    let meta = read_json(&meta)?;
    Some(meta.pointer("/Endpoints/docker/Host")?.as_str()?.to_owned())
}

fn read_json(path: &Path) -> Option<serde_json::Value> {
    let size = std::fs::metadata(path).ok()?.len();
    (size < 1 << 20).then(|| serde_json::from_slice(&std::fs::read(path).ok()?).ok()).flatten()
}

impl Engine {
    /// The first engine that answers.
    ///
    /// # Errors
    /// What the last one said, or that there is none.
    pub async fn find(addresses: &[String]) -> Result<Self, EngineError> {
        let mut last =
            EngineError::None("neither DOCKER_HOST nor any of the usual sockets leads to one".to_owned());
        for at in addresses {
            match Self::connect(at).await {
                Ok(engine) => return Ok(engine),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// What answers at each address; one that says nothing is not waited for long.
    pub async fn all(addresses: &[String]) -> Vec<Result<Self, EngineError>> {
        let asked = addresses.iter().map(|at| async move {
            let late = |_elapsed| EngineError::Engine {
                at: at.clone(),
                what: "does not answer".to_owned(),
                source: bollard::errors::Error::RequestTimeoutError,
            };
            tokio::time::timeout(PROMPT, Self::connect(at)).await.map_err(late).flatten()
        });
        futures_util::future::join_all(asked).await
    }

    /// Connects to one address and agrees on a version.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn connect(at: &str) -> Result<Self, EngineError> {
        let failed =
            |source| EngineError::Engine { at: at.to_owned(), what: "does not answer".to_owned(), source };
        let docker = match at.strip_prefix("unix://") {
            Some(_) => Docker::connect_with_unix(at, PATIENCE, API_DEFAULT_VERSION),
            None => Docker::connect_with_host(at),
        };
        let docker = docker.map_err(failed)?.negotiate_version().await.map_err(failed)?;
        let version = docker.version().await.map_err(failed)?;
        let info = docker.info().await.map_err(failed)?;
        let parts = version.components.unwrap_or_default();
        let podman = parts.iter().any(|part| part.name.to_lowercase().contains("podman"));
        let options = info.security_options.unwrap_or_default();
        Ok(Self {
            api: docker.client_version().to_string(),
            docker,
            at: at.to_owned(),
            name: format!(
                "{} {}",
                if podman { "Podman" } else { "Docker" },
                version.version.unwrap_or_else(|| "of unknown version".to_owned())
            ),
            cores: info.ncpu.and_then(|cores| u32::try_from(cores).ok()).unwrap_or(0),
            cgroup: info.cgroup_version.map(|version| format!("cgroup v{version}")).unwrap_or_default(),
            rootless: options.iter().any(|option| option.contains("rootless")),
        })
    }

    pub(super) fn failed(&self, what: &str) -> impl FnOnce(bollard::errors::Error) -> EngineError + use<> {
        let (at, what) = (self.at.clone(), what.to_owned());
        move |source| EngineError::Engine { at, what, source }
    }

    /// Removes what earlier runs left: containers of ours whose program is gone
    /// and, where everything is to go, the volumes that nobody uses.
    ///
    /// # Errors
    /// The engine's refusal.
    pub async fn sweep(&self, everything: bool, alive: impl Fn(&str) -> bool) -> Result<Swept, EngineError> {
        let ours = || Some(HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]));
        let options = ListContainersOptions { all: true, filters: ours(), ..Default::default() };
        let mut swept = Swept::default();
        let mut listed = self.docker.list_containers(Some(options.clone())).await;
        // Podman has a state for a moment, `stopped`, that Docker's API does not know.
        for _ in 0..20 {
            if !matches!(listed, Err(bollard::errors::Error::JsonDataError { .. })) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            listed = self.docker.list_containers(Some(options.clone())).await;
        }
        for container in listed.map_err(self.failed("does not list its containers"))? {
            let owner =
                container.labels.as_ref().and_then(|labels| labels.get(LABEL)).cloned().unwrap_or_default();
            let Some(id) = container.id.filter(|_| !alive(&owner)) else { continue };
            let options = RemoveContainerOptions { v: true, force: true, link: false };
            // One that is on its way out is gone without us.
            if self.docker.remove_container(&id, Some(options)).await.is_ok() {
                let names = container.names.unwrap_or_default();
                let name = names.into_iter().next().unwrap_or(id);
                swept.removed.push(format!("the container {}", name.trim_start_matches('/')));
            }
        }
        if everything {
            let options = ListVolumesOptions { filters: ours() };
            let volumes = self
                .docker
                .list_volumes(Some(options))
                .await
                .map_err(self.failed("does not list its volumes"))?;
            for volume in volumes.volumes.unwrap_or_default() {
                // Whatever an engine takes the filter for: only ours may go.
                if !volume.labels.contains_key(LABEL) {
                    continue;
                }
                // By force Podman would remove the containers that use it as well.
                let options = RemoveVolumeOptions { force: false };
                let name = format!("the volume {}", volume.name);
                match self.docker.remove_volume(&volume.name, Some(options)).await {
                    Ok(()) => swept.removed.push(name),
                    Err(_in_use) => swept.kept.push(name),
                }
            }
        }
        Ok(swept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_engine_is_the_only_one_and_a_context_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let env = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
        };
        let named = env(&[("DOCKER_HOST", "tcp://ci.example:2376"), ("CONTAINER_HOST", "unix:///x")]);
        assert_eq!(addresses(&named, Some(home.path())), ["tcp://ci.example:2376"]);
        assert_eq!(addresses(&env(&[("CONTAINER_HOST", "unix:///x")]), Some(home.path())), ["unix:///x"]);

        let name = crate::evidence::tree::hex(&Sha256::digest("far"));
        let meta = home.path().join(".docker/contexts/meta").join(name);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(home.path().join(".docker/config.json"), r#"{"currentContext":"far"}"#).unwrap();
        let text = r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far.example:2375"}}}"#;
        std::fs::write(meta.join("meta.json"), text).unwrap();
        assert_eq!(addresses(&env(&[]), Some(home.path())), ["tcp://far.example:2375"]);
        // The variable goes before the file.
        let usual = addresses(&env(&[("DOCKER_CONTEXT", "default")]), Some(home.path()));
        assert!(usual.iter().all(|address| address.starts_with("unix://")), "{usual:?}");
    }
}
