//! Bytes from the gateway's side to processes in a container, through the whole
//! line: yamux, the attached stream, the engine, the carrier, a socket inside.

use sealcheck::sandbox::container::{Containers, Engine, addresses};
use sealcheck::sandbox::{CacheSpec, Limits, ProjectCopy, SandboxSpec, Scratch, Signal};
use sealcheck::wire::Order;
use std::path::Path;
use std::time::Instant;
use tokio::io::AsyncWriteExt;

/// Bytes of one measurement.
const BYTES: usize = 1 << 30;

/// Reads from so many connections and throws it away.
const READER: &str = "let open = +process.argv[1];\
    for (let at = open; at > 0; at--) require('net').connect(80, '127.0.0.2')\
    .on('data', () => {}).on('end', () => { if (--open === 0) process.exit(0); });";

/// Megabytes a second.
pub(crate) fn rate(image: &str, streams: usize) -> f64 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { tokio::time::timeout(crate::LIMIT, measure(image, streams)).await.unwrap() })
}

async fn measure(image: &str, streams: usize) -> f64 {
    let engine = Engine::find(&addresses(&std::env::vars().collect(), None)).await.unwrap();
    let image = engine.image(image, false, |_| {}).await.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let (containers, _) = Containers::open(
        engine,
        image,
        Path::new(crate::EXECUTABLE),
        scratch.path().to_path_buf(),
        &["__look"],
    )
    .await
    .unwrap();
    let (mut doors, prepared) = containers.prepare(spec(scratch.path(), streams)).await.unwrap();
    let mut running = prepared.start().await.unwrap();
    let mut open = Vec::new();
    for _ in 0..streams {
        open.push(doors.visits.recv().await.unwrap().stream);
    }
    let began = Instant::now();
    let writing: Vec<_> = open
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let chunk = vec![7; 64 << 10];
                for _ in 0..BYTES / streams / chunk.len() {
                    stream.write_all(&chunk).await.unwrap();
                }
                stream.shutdown().await.unwrap();
                stream
            })
        })
        .collect();
    // The reader has all of it when it leaves.
    while let Some(signal) = running.signals.recv().await {
        let Signal::Event(timed) = signal else { continue };
        if matches!(timed.event, sealcheck::wire::Event::CommandExited { .. }) {
            break;
        }
    }
    let took = began.elapsed();
    drop(writing);
    running.kill().await.unwrap();
    BYTES as f64 / 1e6 / took.as_secs_f64()
}

fn spec(project: &Path, streams: usize) -> SandboxSpec {
    let words = ["node", "-e", READER, &streams.to_string()].map(String::from);
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    SandboxSpec {
        label: "line".to_owned(),
        project: ProjectCopy { root: project.to_path_buf(), files: Vec::new(), changes: Vec::new() },
        show: Vec::new(),
        files: Vec::new(),
        cache: CacheSpec::Empty,
        order: Order {
            argv: words.into(),
            then: vec![],
            env: vec![("PATH".to_owned(), path.to_owned()), ("HOME".to_owned(), "/tmp".to_owned())],
            cwd: "/project".to_owned(),
            project: "/project".to_owned(),
            members: vec![String::new()],
            trace: false,
            watch: false,
            secrets: Vec::new(),
            hash: false,
            time_limit_ms: 120_000,
            grace_ms: 100,
            memory_limit: 0,
            disk_limit: 0,
            umask: 0o022,
        },
        ports: vec![80],
        ports_here: Vec::new(),
        limits: Limits { memory: 4 << 30, processes: 4096, open_files: 16_384, disk: 1 << 30 },
        scratch: Scratch::Memory,
    }
}
