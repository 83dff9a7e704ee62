//! The host's side of a container: made, spoken to, and gone.

use super::Containers;
use super::create;
use super::engine::EngineError;
use super::link::{self, Line, Opening, Reply, Setup, hear, say};
use super::unpack;
use crate::door::{Datagram, Doors, MAX_DATAGRAM, Reset, Threshold, Visit};
use crate::sandbox::copy::{Copier, open_folder};
use crate::sandbox::failure::{During, Failure};
use crate::sandbox::namespaces::ScratchFolder;
use crate::sandbox::running::{self, Joints, Prepared};
use crate::sandbox::{CacheSpec, ProjectCopy, SandboxError, SandboxSpec};
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::{
    AttachContainerOptions, RemoveContainerOptions, UploadToContainerOptions, WaitContainerOptions,
};
use bollard::{Docker, body_full};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::compat::TokioAsyncReadCompatExt;

/// How long a container may take to say its first word.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a container's own complaints that are kept.
const COMPLAINTS: usize = 16 << 10;

/// A container, started and connected to.
struct Started {
    container: Container,
    line: Connected,
}

type Connected =
    tokio::io::Join<Box<dyn AsyncRead + Send + Unpin>, Pin<Box<dyn tokio::io::AsyncWrite + Send>>>;

/// A container that exists. Its end is the end of its line; the engine then
/// removes it by itself.
pub(super) struct Container {
    docker: Docker,
    id: String,
    complaints: Arc<Mutex<Vec<u8>>>,
    exited: JoinHandle<String>,
}

impl std::fmt::Debug for Container {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Container({})", self.id)
    }
}

impl Container {
    /// Removes it, waits until it is gone, and says how it ended.
    async fn remove(self) -> io::Result<String> {
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        // One that ended by itself is removed, or about to be.
        let removed = self.docker.remove_container(&self.id, Some(options));
        let gone = async {
            let _ = removed.await;
            loop {
                match self.docker.inspect_container(&self.id, None).await {
                    // It is there, also in a state of Podman's that Docker's API does not know.
                    Ok(_) | Err(Error::JsonDataError { .. }) => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Err(Error::DockerResponseServerError { status_code: 404, .. }) => return None,
                    Err(error) => return Some(error),
                }
            }
        };
        let Ok(silent) = tokio::time::timeout(PATIENCE, gone).await else {
            return Err(io::Error::other(format!("the engine does not remove the container {}", self.id)));
        };
        let mut exited = self.exited;
        if let Some(error) = silent {
            // The container's line is cut, so that it ends by itself, and is removed
            // by an engine that comes back.
            exited.abort();
            return Ok(format!("the container engine does not answer any more: {error}"));
        }
        let ended = tokio::time::timeout(Duration::from_secs(2), &mut exited).await;
        exited.abort();
        let mut said = ended.ok().and_then(Result::ok).unwrap_or_else(|| "the container is gone".to_owned());
        let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let complaints = String::from_utf8_lossy(&complaints);
        if !complaints.trim().is_empty() {
            said = format!("{said}: {}", complaints.trim());
        }
        Ok(said)
    }
}

/// A container with what serves it.
#[derive(Debug)]
struct Place {
    container: Container,
    driver: JoinHandle<Option<String>>,
    porter: JoinHandle<io::Result<()>>,
    keeps: bool,
}

impl running::Place for Place {
    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = io::Result<String>> + Send>> {
        Box::pin(async move {
            let Self { container, driver, mut porter, keeps } = *self;
            let mut kept = Ok(());
            if keeps {
                // What follows the witness's last word is the cache.
                kept = match tokio::time::timeout(PATIENCE, &mut porter).await {
                    Ok(Ok(kept)) => kept,
                    Ok(Err(error)) => Err(io::Error::other(error)),
                    Err(_) => Err(io::ErrorKind::TimedOut.into()),
                };
            }
            porter.abort();
            driver.abort();
            let said = container.remove().await?;
            kept?;
            Ok(said)
        })
    }
}

impl Containers {
    /// Makes the place: everything up to the witness waiting for its order.
    ///
    /// # Errors
    /// The step that failed and the answer to it. Nothing is left behind.
    pub async fn prepare(&self, spec: SandboxSpec) -> Result<(Doors, Prepared), SandboxError> {
        let mut body = create::body(&self.image, &self.volume, &["__inmate"], self.engine.cores);
        create::limit(&mut body, &spec);
        let archive = create::archive(&spec).during("pack what the container is given")?;
        let archive = Some(("/", archive));
        let (staged, skipped) =
            stage(&self.scratch_root, &spec.label, spec.project.clone(), spec.limits.disk).await?;
        let Started { container, line } =
            self.start(body, archive).await.map_err(|error| setup("start the container", error))?;
        let (mut lines, driver) = link::host(line.compat());
        let (threshold, doors) = Doors::new();
        let met = tokio::time::timeout(PATIENCE, meet(&mut lines, &spec, staged.inner())).await;
        drop(staged);
        let joints = match met {
            Ok(Ok(joints)) => joints,
            Ok(Err(failure)) => {
                driver.abort();
                let said = container.remove().await.unwrap_or_default();
                tracing::debug!(said, "a container that could not be made a place");
                return Err(failure.into());
            }
            Err(_late) => {
                driver.abort();
                let said = container.remove().await.unwrap_or_default();
                return Err(SandboxError::Lost(format!(
                    "the container did not answer within a minute; {said}"
                )));
            }
        };
        let keep = match &spec.cache {
            CacheSpec::Keep(folder) => Some(folder.clone()),
            CacheSpec::Empty | CacheSpec::CopyOf(_) => None,
        };
        let keeps = keep.is_some();
        let porter = tokio::spawn(welcome(lines, threshold, keep, spec.limits.disk));
        let place = Place { container, driver, porter, keeps };
        Ok((doors, Prepared::new(Box::new(place), joints, spec.order, skipped)))
    }

    /// Creates, fills and starts a container.
    async fn start(
        &self,
        body: bollard::models::ContainerCreateBody,
        archive: Option<(&str, Vec<u8>)>,
    ) -> Result<Started, EngineError> {
        let docker = self.engine.docker.clone();
        let created = docker.create_container(None, body).await;
        let id = created.map_err(self.engine.failed("makes no container"))?.id;
        match self.connect(&docker, &id, archive).await {
            Ok(started) => Ok(started),
            Err(error) => {
                let options = RemoveContainerOptions { v: true, force: true, link: false };
                let _ = docker.remove_container(&id, Some(options)).await;
                Err(error)
            }
        }
    }

    async fn connect(
        &self,
        docker: &Docker,
        id: &str,
        archive: Option<(&str, Vec<u8>)>,
    ) -> Result<Started, EngineError> {
        if let Some((at, archive)) = archive {
            let options = UploadToContainerOptions { path: at.to_owned(), ..Default::default() };
            let uploaded =
                docker.upload_to_container(id, Some(options), body_full(Bytes::from(archive))).await;
            uploaded.map_err(self.engine.failed("does not take the files of a container"))?;
        }
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..Default::default()
        };
        let attached = docker.attach_container(id, Some(options)).await;
        let attached = attached.map_err(self.engine.failed("does not connect to a container"))?;
        let mut waiting =
            docker.wait_container(id, Some(WaitContainerOptions { condition: "next-exit".to_owned() }));
        let exited = tokio::spawn(async move {
            match waiting.next().await {
                Some(Ok(ended)) => format!("the container exited {}", ended.status_code),
                Some(Err(Error::DockerContainerWaitError { code, error })) => {
                    format!("the container exited {code} {error}").trim_end().to_owned()
                }
                Some(Err(error)) => format!("the container engine lost the container: {error}"),
                None => "the engine does not say how the container ended".to_owned(),
            }
        });
        docker.start_container(id, None).await.map_err(self.engine.failed("does not start a container"))?;
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let heard = complaints.clone();
        let output = attached.output.map_err(io::Error::other).try_filter_map(move |said| {
            let bytes = match said {
                LogOutput::StdErr { message } => {
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = COMPLAINTS.saturating_sub(heard.len()).min(message.len());
                    heard.extend_from_slice(&message[..room]);
                    None
                }
                LogOutput::StdOut { message } | LogOutput::Console { message } => Some(message),
                LogOutput::StdIn { .. } => None,
            };
            std::future::ready(Ok(bytes))
        });
        let output: Box<dyn AsyncRead + Send + Unpin> =
            Box::new(tokio_util::io::StreamReader::new(Box::pin(output)));
        let container = Container { docker: docker.clone(), id: id.to_owned(), complaints, exited };
        Ok(Started { container, line: tokio::io::join(output, attached.input) })
    }

    /// Runs a container of ours and gives the one line that it says.
    ///
    /// # Errors
    /// The engine's, or that it ended without a word.
    pub(super) async fn ask(
        &self,
        body: bollard::models::ContainerCreateBody,
        archive: Option<(&str, Vec<u8>)>,
    ) -> Result<String, EngineError> {
        let Started { container, line } = self.start(body, archive).await?;
        let mut said = String::new();
        let mut line = tokio::io::BufReader::new(line.take(4 << 20));
        let heard = tokio::time::timeout(PATIENCE, line.read_line(&mut said)).await;
        let ended = container.remove().await.unwrap_or_default();
        match heard {
            Ok(Ok(_)) if said.ends_with('\n') => Ok(said),
            _ => Err(EngineError::Image {
                image: self.image.name.clone(),
                what: format!("does not run our executable: {ended}"),
            }),
        }
    }
}

fn setup(step: &str, error: EngineError) -> SandboxError {
    SandboxError::Setup { step: step.to_owned(), source: io::Error::other(error) }
}

/// Copies the project to where nothing but it is, with its changes, as the
/// other backend does.
async fn stage(
    scratch_root: &Path,
    label: &str,
    project: ProjectCopy,
    limit: u64,
) -> Result<(ScratchFolder, Vec<String>), SandboxError> {
    let (scratch_root, label) = (scratch_root.to_path_buf(), format!("stage-{label}"));
    let staged = tokio::task::spawn_blocking(move || {
        // Where the next start finds it, however this one ends.
        let folder = ScratchFolder::create(&scratch_root, &label).during("make a folder to stage in")?;
        let from = open_folder(&project.root).during(format!("open {}", project.root.display()))?;
        let to = open_folder(&folder.inner()).during("open the folder to stage in")?;
        let mut copier = Copier::new(None, limit);
        let skipped = copier.listed(&from, &to, &project.files)?;
        for (path, bytes) in &project.changes {
            let step = || format!("change {path}");
            match bytes {
                Some(bytes) => copier.write(&to, path, bytes).during(step())?,
                None => copier.remove(&to, path).during(step())?,
            }
        }
        Ok::<_, Failure>((folder, skipped))
    });
    Ok(staged.await.map_err(|error| SandboxError::Lost(error.to_string()))??)
}

/// Tells the container what to be, and takes what joins it to us.
async fn meet(
    lines: &mut mpsc::Receiver<Line>,
    spec: &SandboxSpec,
    project: PathBuf,
) -> Result<Joints, Failure> {
    const STEP: &str = "speak with the container";
    let mut control = expect(lines, &Opening::Control).await.during(STEP)?;
    let told = Setup {
        ports: spec.ports.clone(),
        ports_here: spec.ports_here.clone(),
        keep_cache: matches!(spec.cache, CacheSpec::Keep(_)),
    };
    say(&mut control, &told).await.during(STEP)?;
    let home = spec.files.iter().filter(|(path, _)| unpack::is_home(path)).cloned().collect();
    let cache = match &spec.cache {
        CacheSpec::CopyOf(folder) => Some(folder.clone()),
        CacheSpec::Empty | CacheSpec::Keep(_) => None,
    };
    let mut control = unpack::send(control, project, home, cache).await.during("fill the container")?;
    match hear::<Reply>(&mut control).await.during(STEP)? {
        Reply::Ready => {}
        Reply::Failed(failure) => return Err(failure),
    }
    Ok(Joints {
        channel: Box::new(expect(lines, &Opening::Channel).await.during(STEP)?),
        stdout: Box::new(expect(lines, &Opening::Stdout).await.during(STEP)?),
        stderr: Box::new(expect(lines, &Opening::Stderr).await.during(STEP)?),
    })
}

/// The next stream, which must be this one.
async fn expect(lines: &mut mpsc::Receiver<Line>, wanted: &Opening) -> io::Result<Line> {
    let mut line = lines.recv().await.ok_or(io::ErrorKind::UnexpectedEof)?;
    let opening: Opening = hear(&mut line).await?;
    if opening == *wanted {
        Ok(line)
    } else {
        Err(io::Error::other(format!("{opening:?} instead of {wanted:?}")))
    }
}

/// Leads everything that comes out of the container to where it belongs, until
/// the line ends. Its answer is what became of the cache.
async fn welcome(
    mut lines: mpsc::Receiver<Line>,
    threshold: Threshold,
    keep: Option<PathBuf>,
    limit: u64,
) -> io::Result<()> {
    let (kept, mut outcome) = mpsc::channel(1);
    let (done, mut over) = mpsc::channel(1);
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = over.recv() => break,
        };
        let Some(mut line) = line else { break };
        let (threshold, keep, kept) = (threshold.clone(), keep.clone(), kept.clone());
        let done = done.clone();
        tokio::spawn(async move {
            match hear::<Opening>(&mut line).await {
                Ok(Opening::Visit { peer, door }) => {
                    let visit = Visit { peer, door, stream: Box::new(line), reset: Reset::default() };
                    let _ = threshold.visits.send(visit).await;
                }
                Ok(Opening::Datagram { peer }) => {
                    let _ = question(line, peer, &threshold).await;
                }
                Ok(Opening::Cache) => {
                    if let Some(folder) = keep {
                        let _ = kept.send(unpack::keep_cache(line, folder, limit).await).await;
                    }
                }
                Ok(Opening::Done) => {
                    let _ = done.send(()).await;
                }
                Ok(Opening::Control | Opening::Channel | Opening::Stdout | Opening::Stderr) | Err(_) => {}
            }
        });
    }
    drop(kept);
    outcome.recv().await.unwrap_or_else(|| {
        if keep.is_some() {
            Err(io::Error::other("the container ended before it gave its cache"))
        } else {
            Ok(())
        }
    })
}

async fn question(mut line: Line, peer: std::net::SocketAddr, threshold: &Threshold) -> io::Result<()> {
    let mut bytes = Vec::new();
    (&mut line).take(MAX_DATAGRAM as u64).read_to_end(&mut bytes).await?;
    let (answer, answered) = oneshot::channel();
    if threshold.datagrams.send(Datagram { peer, bytes, answer }).await.is_ok()
        && let Ok(answer) = answered.await
    {
        line.write_all(&answer).await?;
    }
    line.shutdown().await
}
