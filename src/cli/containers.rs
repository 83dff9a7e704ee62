//! The engine and the image that a test is to run in, and the node and npm there.

use super::arguments::{Backend, Surroundings};
use super::look::{Looked, Tools};
use super::test::with_causes;
use super::{folders, load, say};
use crate::project::registry::RegistryUrl;
use crate::runner::place::Image;
use crate::sandbox::container::{Containers, Engine, EngineError, addresses, owner};
use crate::sandbox::namespaces::{Namespaces, Trial};
use crate::text::Complaint;
use crate::toolchain::Toolchain;
use node_semver::Version;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// An image, looked at.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) containers: Arc<Containers>,
    pub(crate) tools: Tools,
}

/// The images that were asked for.
pub(crate) fn wanted(surroundings: &Surroundings) -> Result<&[String], Complaint> {
    match (surroundings.backend.unwrap_or(Backend::Auto), surroundings.image.as_slice()) {
        (Backend::Auto | Backend::Namespaces, []) => Ok(&[]),
        (Backend::Container, []) => Err(Complaint::about("the backend `container` has no image to run in")
            .help("name the image that CI uses, as `--image node:22`")),
        (Backend::Namespaces, [image, ..]) => Err(Complaint::about(format!(
            "the image `{image}` and the backend `namespaces` exclude each other"
        ))
        .help("leave one of them out: namespaces show this machine's own system")),
        (Backend::Auto | Backend::Container, images) => {
            if surroundings.toolchain.is_empty() {
                Ok(images)
            } else {
                Err(Complaint::about("`toolchain` and `image` exclude each other")
                    .help("an image is tested with the node and npm that are in it"))
            }
        }
    }
}

/// Connects to the engine, gets the image and looks at it.
pub(crate) async fn place(
    image: &str,
    env: &BTreeMap<String, String>,
    offline: bool,
) -> anyhow::Result<Placed> {
    let engine = Engine::find(&addresses(env, folders::home().as_deref())).await.map_err(complain)?;
    // What others left is no reason not to begin.
    let swept = engine.sweep(false, owner::is_alive).await;
    let swept = swept.inspect_err(|error| tracing::warn!(%error, "what is left there was not looked for"));
    for removed in swept.map(|swept| swept.removed).unwrap_or_default() {
        say(&format!("removed what an interrupted run had left: {removed}"));
    }
    let mut last = String::new();
    let progress = |status: &str| {
        // The engine says the same of every layer, many times a second.
        if !status.is_empty() && status != last {
            say(&format!("{image}: {status}"));
            status.clone_into(&mut last);
        }
    };
    let image = engine.image(image, !offline, progress).await.map_err(complain)?;
    let executable = Path::new("/proc/self/exe");
    let (containers, said) = Containers::open(engine, image, executable, folders::scratch(), &["__look"])
        .await
        .map_err(complain)?;
    let looked = serde_json::from_str(&said).map_err(|error| {
        anyhow::anyhow!("the image `{}` answers strangely: {error}", containers.image().name)
    })?;
    match looked {
        Looked::Found(tools) => Ok(Placed { containers: Arc::new(containers), tools: *tools }),
        Looked::Lacks(what) => {
            let name = &containers.image().name;
            Err(Complaint::about(format!("the image `{name}` {what}"))
                .help("name the image that the install runs in; it needs node and npm")
                .into())
        }
    }
}

/// What answers at each address at which an engine may be.
pub(crate) async fn engines(env: &BTreeMap<String, String>) -> Vec<Result<Engine, EngineError>> {
    Engine::all(&addresses(env, folders::home().as_deref())).await
}

/// Refuses a test that would have nowhere to run: no image was named, and this
/// machine makes no sandboxes out of namespaces.
pub(crate) async fn need_namespaces() -> anyhow::Result<()> {
    let backend = Namespaces::new("/proc/self/exe".into(), folders::scratch());
    let lacking = tokio::task::spawn_blocking(move || backend.lacks()).await?;
    let Some(first) = lacking.first() else { return Ok(()) };
    let found = engines(&load::environment()).await.into_iter().find_map(Result::ok);
    Err(nowhere(first, found.map(|engine| format!("{} at {}", engine.name, engine.at)).as_deref()).into())
}

/// What is lacking, as `doctor` says it, and the two ways out.
fn nowhere(lacking: &Trial, engine: Option<&str>) -> Complaint {
    let why = lacking.outcome.as_ref().err().map(|why| format!(": {why}")).unwrap_or_default();
    let mend = lacking.hint.as_ref().map(|hint| format!("to mend it: {hint}; or ")).unwrap_or_default();
    let engine = match engine {
        Some(engine) => format!("it runs at the engine found here, {engine}"),
        None => "it needs Docker or Podman, of which none was found".to_owned(),
    };
    Complaint::about(format!("no sandbox can be made here: {} do not work{why}", lacking.capability.name()))
        .help(format!(
            "{mend}name the image that CI uses, as `--image node:22`: {engine}; `sealcheck doctor` says more"
        ))
}

fn complain(error: EngineError) -> Complaint {
    Complaint::about(with_causes(&error))
        .help("`sealcheck doctor` says which engines answer; DOCKER_HOST names another")
}

impl Placed {
    /// The toolchain, by paths inside.
    pub(crate) fn toolchain(&self) -> anyhow::Result<Toolchain> {
        Ok(Toolchain {
            node: Version::parse(&self.tools.node)?,
            npm: Version::parse(&self.tools.npm)?,
            node_exe: self.tools.node_exe.clone(),
            npm_dir: self.tools.npm_dir.clone(),
            because: format!("in the image {}", self.containers.image().name),
            public: RegistryUrl::parse(&self.tools.public)?,
            // They lie in the image.
            libraries: Vec::new(),
        })
    }

    /// The image by name and digest, for the report.
    pub(crate) fn named(&self) -> String {
        format!("{}@{}", self.containers.image().name, self.containers.digest())
    }

    /// The npm configuration among the variables that the image sets.
    pub(crate) fn npm_variables(&self) -> impl Iterator<Item = (String, String)> {
        let all = self.containers.image().env.iter().filter(|(key, _)| is_npms(key));
        all.map(|(key, value)| (key.clone(), self.of_image(value)))
    }

    /// A text of the image with its `${VAR}` filled from the image's own variables.
    /// Those of this machine are nothing to it: an image could have them sent anywhere.
    pub(crate) fn of_image(&self, text: &str) -> String {
        filled(text, &self.containers.image().env)
    }

    /// What a run's place has to know of the image.
    pub(crate) fn image(&self) -> Image {
        let image = self.containers.image();
        Image {
            path: self.tools.path.clone(),
            passwd: self.tools.passwd.clone(),
            env: image.env.iter().filter(|(key, _)| key != "PATH" && !is_npms(key)).cloned().collect(),
        }
    }
}

/// Fills what is known. What is not is broken up, so that nobody fills it later.
fn filled(text: &str, env: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let name = after.get(2..).and_then(|inner| inner.split_once('}')).map(|(name, _)| name);
        let value = name.and_then(|name| {
            let plain = name.strip_suffix('?').unwrap_or(name);
            env.iter().find(|(key, _)| key == plain).map(|(_, value)| value)
        });
        match (name, value) {
            // A value with a `${` of its own is not filled again, and means nothing either.
            (Some(name), Some(value)) => {
                out.push_str(&value.replace("${", "$ {"));
                rest = &after[name.len() + 3..];
            }
            (_, _) => {
                out.push_str("$ {");
                rest = &after[2..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Read with npm's other configuration, whose plan says what a run gets of it.
fn is_npms(key: &str) -> bool {
    key.to_ascii_lowercase().starts_with("npm_config_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::namespaces::Capability;

    #[test]
    fn where_nothing_can_run_both_ways_out_are_named() {
        let trial = |hint: Option<&str>| Trial {
            capability: Capability::UserNamespace,
            outcome: Err("unshare the user namespace: not permitted".to_owned()),
            hint: hint.map(str::to_owned),
        };
        let said = nowhere(&trial(Some("sudo sysctl a=1")), Some("Podman 4.3.1 at unix:///p.sock"));
        assert_eq!(
            said.message,
            "no sandbox can be made here: user namespaces do not work: unshare the user namespace: not permitted"
        );
        let help = said.help.unwrap();
        for part in ["to mend it: sudo sysctl a=1", "`--image node:22`", "Podman 4.3.1 at unix:///p.sock"] {
            assert!(help.contains(part), "{part}: {help}");
        }
        let help = nowhere(&trial(None), None).help.unwrap();
        assert!(help.starts_with("name the image"), "{help}");
        assert!(help.contains("none was found"), "{help}");
    }

    #[test]
    fn an_image_is_filled_from_its_own_variables_and_no_others() {
        let env = [("TOKEN", "of the image"), ("SLY", "${GITHUB_TOKEN}")];
        let env: Vec<_> = env.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let told = "//npm.example/:_authToken=${TOKEN}\n";
        assert_eq!(filled(told, &env), "//npm.example/:_authToken=of the image\n");
        assert_eq!(filled("a=${TOKEN?} b=${", &env), "a=of the image b=$ {");
        for text in ["${GITHUB_TOKEN}", "${SLY}", "${${TOKEN}}", "$${GITHUB_TOKEN}", "\\${GITHUB_TOKEN}"] {
            assert!(!filled(text, &env).contains("${"), "{text}");
        }
    }
}
