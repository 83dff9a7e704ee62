//! A plan as plain text, for `sealcheck plan`. The same plan prints the same,
//! and no planted value is shown.

use super::{Plan, RunSpec};
use crate::scenario::{
    Cache, Changes, Install, IntegrityForm, LockfileChange, MappingForm, NpmrcLevel, NpmrcPlace, ResolvedForm,
};
use std::fmt::Write;

/// The text, ending in a line break.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let runs = plan.runs.len();
    let skipped = plan.not_applicable.len();
    let _ = writeln!(out, "{runs} {}, {skipped} not applicable", if runs == 1 { "run" } else { "runs" });
    for run in &plan.runs {
        out.push('\n');
        print_run(&mut out, run);
    }
    if !plan.not_applicable.is_empty() {
        out.push_str("\nnot applicable\n");
        for (name, reason) in &plan.not_applicable {
            let _ = writeln!(out, "  {name}: {reason}");
        }
    }
    out
}

fn print_run(out: &mut String, run: &RunSpec) {
    let scenario = &run.scenario;
    let title = &scenario.title;
    let losses: Vec<&str> = scenario.losses.iter().map(|loss| loss.word()).collect();
    let head = format!("{}\n  {title}", run.id);
    let mut command = run.command.join(" ");
    if !run.then.is_empty() {
        command = format!("{command} && {}", run.then.join(" "));
    }
    let rows = [
        (
            "takes",
            if losses.is_empty() { "none of the project's defences".to_owned() } else { losses.join(", ") },
        ),
        ("world", world(run)),
        ("project", project(run)),
        ("command", command),
        ("env", run.env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")),
        ("holds", demand(run)),
        ("notes", run.notes.join("; ")),
    ];
    let _ = writeln!(out, "{head}");
    for (label, value) in rows {
        if !value.is_empty() {
            let _ = writeln!(out, "  {label:<9}{}", redact(run, &value));
        }
    }
}

fn redact(run: &RunSpec, text: &str) -> String {
    run.world.hidden().iter().fold(text.to_owned(), |text, planted| {
        text.replace(planted.expose(), &format!("[planted:{}]", planted.label()))
    })
}

fn world(run: &RunSpec) -> String {
    let world = &run.world;
    let mut parts: Vec<String> = world
        .registries
        .iter()
        .map(|registry| format!("{} {}", registry.url, registry.answer.says()))
        .collect();
    parts.push(format!("{} {}", world.public, world.public_answer.says()));
    if !world.decoys.is_empty() {
        let names: Vec<String> =
            world.decoys.iter().map(|one| format!("{}@{},{}", one.name, one.version, one.higher)).collect();
        parts.push(format!("decoys {}", names.join(" ")));
    }
    if let Some((name, version)) = &world.tamper {
        parts.push(format!("the tampered one is {name}@{version}"));
    }
    match run.cache {
        Cache::Clean => {}
        Cache::Warm => parts.push("npm's cache as the baseline left it".to_owned()),
        Cache::Poisoned => parts.push("npm's cache with strangers' packages in it".to_owned()),
        Cache::PoisonedImmutable => {
            parts.push("npm's cache with strangers' packages in it, marked as immutable".to_owned());
        }
        Cache::MustRevalidate => {
            parts.push("npm's cache with answers marked as `must-revalidate`".to_owned());
        }
    }
    parts.join("; ")
}

fn project(run: &RunSpec) -> String {
    let Changes {
        remove_mapping,
        remove_lockfile,
        remove_resolved,
        remove_integrity,
        remove_controls,
        token_unset,
        unlink_local,
        npm_config: _,
        npmrc_absent,
        npmrc_moved,
        mapping,
        lockfile,
        raise_private_range,
        allow_scripts,
    } = &run.scenario.project;
    let LockfileChange { version, resolved, integrity, remove_install_script_flag, as_shrinkwrap } = lockfile;
    let mut parts: Vec<String> = [
        (*remove_mapping, "registry mappings removed"),
        (*remove_lockfile, "lockfile removed"),
        (*remove_resolved, "`resolved` of private entries removed"),
        (*remove_integrity, "`integrity` of private entries removed"),
        (*remove_controls, "npm's install controls opened"),
        (*token_unset, "variables with credentials not set"),
        (*unlink_local && changes(run, "package.json"), "local packages asked of a registry"),
        (
            integrity.is_some_and(|IntegrityForm::Sha1| true),
            "`integrity` of private entries a sha1, of the bytes that the baseline is given",
        ),
        (version.is_some(), "the lockfile in version 1"),
        (*remove_install_script_flag, "`hasInstallScript` removed"),
        (*as_shrinkwrap, "the changed lockfile beside the project's as a shrinkwrap"),
        (*raise_private_range, "private packages asked for by a version that the lockfile lacks"),
        (*allow_scripts == Some(true), "every install script allowed"),
        (*allow_scripts == Some(false), "every install script denied"),
    ]
    .into_iter()
    .filter(|(done, _)| *done)
    .map(|(_, words)| words.to_owned())
    .collect();
    parts.extend(npmrc_absent.iter().map(|level| {
        let file = match level {
            NpmrcLevel::Global => "global",
            NpmrcLevel::User => "user's",
            NpmrcLevel::Project => "project's",
        };
        format!("without the {file} npmrc")
    }));
    parts.extend(npmrc_moved.map(|place| {
        let place = match place {
            NpmrcPlace::ParentFolder => "the folder above",
            NpmrcPlace::WorkspaceMember => "a workspace member",
        };
        format!("the project's npmrc in {place}")
    }));
    parts.extend(mapping.map(|form| {
        let form = match form {
            MappingForm::OtherCase => "of scopes in another case",
            MappingForm::Empty => "without a value",
            MappingForm::UnsetVariable => "by a variable that is not set",
            MappingForm::UnsetOptionalVariable => "by an optional variable that is not set",
        };
        format!("registry mappings {form}")
    }));
    parts.extend(resolved.map(|form| {
        let form = match form {
            ResolvedForm::PublicRegistry => "at the public registry",
            ResolvedForm::Stranger => "at a stranger's host",
            ResolvedForm::AnotherPackage => "that of another package",
            ResolvedForm::Unparsable => "no URL",
        };
        format!("`resolved` of private entries {form}")
    }));
    let files: Vec<String> = run
        .changes
        .iter()
        .map(|(path, bytes)| format!("{} {path}", if bytes.is_some() { "rewrites" } else { "removes" }))
        .collect();
    if parts.is_empty() && files.is_empty() {
        return "as it is".to_owned();
    }
    parts.extend(files);
    parts.join("; ")
}

fn changes(run: &RunSpec, path: &str) -> bool {
    run.changes.iter().any(|(changed, _)| changed == path)
}

fn demand(run: &RunSpec) -> String {
    let codes = run.scenario.demand.codes.join(", ");
    if run.scenario.control {
        return "a decoy is installed; if not, the trap was not live".to_owned();
    }
    match run.scenario.demand.install {
        Install::MustWork => "the install works and gives the lockfile's tree".to_owned(),
        Install::MayFail => format!("nothing foreign comes in; the install works or fails by {codes}"),
        Install::MustFail => format!("the install fails by {codes}"),
        Install::Anyhow => "nothing foreign comes in, however the install ends".to_owned(),
    }
}
