//! `sealcheck doctor`.

use super::arguments::{DoctorArguments, Surroundings};
use super::load::{self, Loaded};
use super::{Code, folders, print};
use crate::project::registry::RegistryUrl;
use crate::sandbox::namespaces::Namespaces;
use crate::upstream::{Accept, Request};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Says what this machine can do; exit code 3 where the main job cannot run.
pub(crate) fn run(arguments: DoctorArguments) -> anyhow::Result<Code> {
    let mut out = String::new();
    let mut lacking = sandbox(&mut out);
    memory(&mut out);
    let runtime = load::runtime()?;
    match arguments.project {
        None => {
            let machine = load::machine(&std::env::current_dir()?);
            let found = crate::toolchain::local::candidates(&machine);
            for node in &found {
                let npm = node.npm.as_ref().map_or("no npm".to_owned(), |npm| format!("npm {}", npm.version));
                line(&mut out, true, &format!("node {} with {npm}, from {}", node.node, node.from));
            }
            if found.is_empty() {
                lacking = true;
                line(&mut out, false, "no node was found");
                hint(&mut out, "install node, or set npm_config_registry so that it can be fetched");
            }
        }
        Some(project) => match runtime.block_on(load::load(&project, Surroundings::default())) {
            // What is wrong with the project is told as every command tells it.
            Err(error) => {
                print(&out)?;
                return Err(error);
            }
            Ok(loaded) => {
                let tools = &loaded.toolchain;
                let text = format!("node {} and npm {}: {}", tools.node, tools.npm, tools.because);
                line(&mut out, true, &text);
                lacking |= runtime.block_on(registries(&mut out, &loaded));
            }
        },
    }
    print(&out)?;
    Ok(if lacking { Code::Unobserved } else { Code::Good })
}

fn line(out: &mut String, good: bool, text: &str) {
    let _ = writeln!(out, "{}  {text}", if good { "ok  " } else { "LACK" });
}

fn hint(out: &mut String, text: &str) {
    let _ = writeln!(out, "      to mend it: {text}");
}

fn sandbox(out: &mut String) -> bool {
    let backend = Namespaces::new("/proc/self/exe".into(), folders::scratch());
    let mut lacking = false;
    for trial in backend.probe() {
        match &trial.outcome {
            Ok(()) => line(out, true, trial.capability.name()),
            Err(why) => {
                lacking = true;
                line(out, false, &format!("{}: {why}", trial.capability.name()));
                let unknown = "a container or a security module most likely forbids it: run outside of it";
                hint(out, trial.hint.as_deref().unwrap_or(unknown));
            }
        }
    }
    lacking
}

fn memory(out: &mut String) {
    let available = load::available_memory();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = format!("{} MiB of memory available, {cores} cores", available >> 20);
    line(out, available > 2 << 30, &text);
    if available <= 2 << 30 {
        hint(out, "end other programs, or use `--jobs 1 --scratch disk`");
    }
}

/// Whether each registry answers, and what stands in the way.
async fn registries(out: &mut String, loaded: &Loaded) -> bool {
    let project = &loaded.project;
    let served: BTreeSet<&RegistryUrl> = project
        .settings
        .registries
        .iter()
        .filter(|entry| entry.serve.is_some())
        .map(|entry| &entry.url)
        .collect();
    let mut all: BTreeSet<RegistryUrl> = crate::evidence::seal::configured_registries(project);
    all.insert(project.public.clone());
    let mut lacking = false;
    for registry in all {
        if served.contains(&registry) {
            line(out, true, &format!("{registry} is served from a folder"));
            continue;
        }
        let request = Request { url: registry.as_url().clone(), accept: Accept::Full, authorization: None };
        match loaded.upstream.get(request).await {
            Ok(answer) => line(out, true, &format!("{registry} answers with {}", answer.head.status)),
            Err(error) => {
                lacking = true;
                line(out, false, &error.to_string());
                hint(out, "check the network, `https-proxy`, and `cafile` or NODE_EXTRA_CA_CERTS");
            }
        }
    }
    for credential in project.config.credentials() {
        let known = credential.value.is_some();
        let name = credential.variable.clone().unwrap_or_else(|| credential.key.clone());
        line(out, known, &format!("credential for {} from {name}", credential.nerf_dart));
        if !known {
            lacking = true;
            hint(out, &format!("set the variable {name}"));
        }
    }
    lacking
}
