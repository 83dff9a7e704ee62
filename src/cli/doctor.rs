//! `sealcheck doctor`.

use super::arguments::{DoctorArguments, Surroundings};
use super::load::{self, Loaded};
use super::reach;
use super::test::with_causes;
use super::{Code, containers, folders, inert, print};
use crate::project::registry::RegistryUrl;
use crate::sandbox::container::Engine;
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
    runtime.block_on(engines(&mut out));
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
                print(&inert(&out))?;
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
    print(&inert(&out))?;
    Ok(if lacking { Code::Unobserved } else { Code::Good })
}

fn line(out: &mut String, good: bool, text: &str) {
    let _ = writeln!(out, "{}  {text}", if good { "ok  " } else { "LACK" });
}

fn hint(out: &mut String, text: &str) {
    let _ = writeln!(out, "      to mend it: {text}");
}

/// Something without which the main job runs all the same.
fn without(out: &mut String, text: &str) {
    let _ = writeln!(out, "none  {text}");
}

async fn engines(out: &mut String) {
    let found = containers::engines(&load::environment()).await;
    let told: Vec<Result<String, String>> = found
        .iter()
        .map(|found| match found {
            Ok(engine) => Ok(describe(engine)),
            Err(error) => Err(with_causes(error)),
        })
        .collect();
    tell_engines(out, &told);
}

/// A line for each engine, and how to get one where none answers.
fn tell_engines(out: &mut String, found: &[Result<String, String>]) {
    for engine in found {
        match engine {
            Ok(engine) => line(out, true, engine),
            Err(why) => without(out, why),
        }
    }
    if found.is_empty() {
        without(out, "no container engine was found; only `--image` needs one");
    }
    if !found.iter().any(Result::is_ok) {
        let how = "start Docker, or Podman's API by `systemctl --user start podman.socket`, or name one by DOCKER_HOST";
        let _ = writeln!(out, "      to test in an image: {how}");
    }
}

/// "Podman 4.3.1 at unix:///…: API 1.41, rootless, cgroup v2".
fn describe(engine: &Engine) -> String {
    let rootless = if engine.rootless { "rootless" } else { "with root" };
    let cgroup = if engine.cgroup.is_empty() { "no cgroups" } else { &engine.cgroup };
    format!("{} at {}: API {}, {rootless}, {cgroup}", engine.name, engine.at, engine.api)
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
        let request = Request {
            url: registry.as_url().clone(),
            accept: Accept::Full,
            authorization: None,
            reach: reach::of(project, registry.as_url()),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_a_line_and_none_is_no_lack() {
        let told = |found: &[Result<String, String>]| {
            let mut out = String::new();
            tell_engines(&mut out, found);
            out
        };
        let good = Ok("Docker 28.2.2 at unix:///a.sock: API 1.50, with root, cgroup v2".to_owned());
        let bad = Err("the container engine at unix:///b.sock does not answer".to_owned());
        let both = told(&[good.clone(), bad.clone()]);
        assert!(both.starts_with("ok    Docker 28.2.2 at"), "{both}");
        assert!(both.contains("\nnone  the container engine at unix:///b.sock"), "{both}");
        assert!(!both.contains("to test in an image"), "{both}");
        for none in [told(&[]), told(&[bad])] {
            assert!(none.starts_with("none  ") && none.contains("DOCKER_HOST"), "{none}");
            assert!(!none.contains("LACK"), "{none}");
        }
    }
}
