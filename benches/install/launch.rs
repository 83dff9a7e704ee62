//! From the wish for a sandbox to npm's first instruction.

use crate::{Bench, median};
use sealcheck::plan::RunSpec;
use sealcheck::runner::place::{self, Common};
use sealcheck::sandbox::namespaces::Namespaces;
use sealcheck::sandbox::{CacheSpec, Limits, Scratch, Signal};
use sealcheck::wire::{Event, Timed};
use std::time::{Duration, Instant};

pub(crate) fn measure(bench: &Bench) {
    let run = &bench.plan("baseline")[0];
    let shims = tempfile::tempdir_in(&bench.folder).unwrap();
    place::write_shims(shims.path(), &bench.toolchain).unwrap();
    let common = Common {
        toolchain: bench.toolchain.clone(),
        image: None,
        shims: shims.path().to_path_buf(),
        ca_pem: String::new(),
        limits: Limits { memory: 4 << 30, processes: 4096, open_files: 65_536, disk: 8 << 30 },
        time_limit: Duration::from_secs(60),
        trace: true,
        watch: true,
        scratch: Scratch::Memory,
        umask: 0o022,
        proxies: Vec::new(),
    };
    let backend = Namespaces::new(crate::EXECUTABLE.into(), bench.folder.join("scratch"));
    let all = (0..bench.pairs.max(15)).map(|_| once(bench, run, &common, &backend)).collect();
    let median = median(all);
    println!("{:<46} {:>6.1} ms", "launch to npm's first instruction", median.as_secs_f64() * 1000.0);
}

fn once(bench: &Bench, run: &RunSpec, common: &Common, backend: &Namespaces) -> Duration {
    nix::unistd::sync();
    tokio::runtime::Handle::current().block_on(async {
        let began = Instant::now();
        let spec = place::place(run, &bench.project, common, CacheSpec::Empty);
        let (_doors, prepared) = backend.prepare(spec).await.unwrap();
        let mut running = prepared.start().await.unwrap();
        while let Some(signal) = running.signals.recv().await {
            if matches!(signal, Signal::Event(Timed { event: Event::Executed { .. }, .. })) {
                break;
            }
        }
        let took = began.elapsed();
        running.kill().await.unwrap();
        took
    })
}
