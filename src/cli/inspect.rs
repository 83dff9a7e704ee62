//! `sealcheck inspect`: reads, and runs nothing of the project's.

use super::arguments::InspectArguments;
mod counts;
mod risks;

use super::{Code, inert, load, print, undecided};
use crate::project::Project;
use crate::project::npmrc::{Setting, Value};
use crate::text::Complaint;
use crate::upstream::folder;
use node_semver::Version;
use std::collections::BTreeSet;
use std::fmt::Write;
use url::Url;

/// What a list shows before it counts the rest.
const SHOWN: usize = 5;

/// Prints what was read; with `--write` adds what would settle undecided packages.
pub(crate) fn run(mut arguments: InspectArguments) -> anyhow::Result<Code> {
    let runtime = load::runtime()?;
    // Reading needs no network: what signatures would settle stays undecided.
    arguments.surroundings.offline = true;
    let loaded = runtime.block_on(load::load_to_read(&arguments.project, arguments.surroundings))?;
    let project = &loaded.project;
    let mut out = String::new();
    let name = project.manifest.name.as_deref().unwrap_or("(no name)");
    let _ = writeln!(
        out,
        "{} in {}\nlockfile {} version {}, {} entries{}",
        plain(name),
        project.root.display(),
        project.lockfile.source.name(),
        project.lockfile.version,
        project.lockfile.entries.len(),
        forgotten(&project.lockfile.forgotten),
    );
    match &loaded.unasked {
        None => {
            let tools = &loaded.toolchain;
            let _ = writeln!(out, "node {}, npm {} ({})", tools.node, tools.npm, loaded.because());
            let _ = writeln!(out, "public registry {}", project.public);
        }
        Some(unasked) => out.push_str(&unasked.lines()),
    }
    config(&mut out, project);
    // Where the npm that is wanted was not asked, nothing is said of what it knows.
    unused(&mut out, project, loaded.unasked.is_none().then_some(&loaded.toolchain.npm));
    packages(&mut out, project);
    served(&mut out, project)?;
    out.push_str(&risks::risks(project));
    print(&inert(&out))?;
    if arguments.write { write(project) } else { Ok(Code::Good) }
}

/// What stands in the lockfile and npm installs no more.
fn forgotten(paths: &[String]) -> String {
    let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| plain(path)).collect();
    let more = match paths.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match paths.len() {
        0 => String::new(),
        count => format!(", and {count} that npm installs no more (extraneous: {}{more})", shown.join(", ")),
    }
}

/// Text of a stranger's, made harmless for a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect()
}

fn config(out: &mut String, project: &Project) {
    out.push_str("\nnpm config, the effective value of each key and where it comes from\n");
    let keys: BTreeSet<&str> = project.config.settings.iter().map(|setting| setting.key.as_str()).collect();
    if keys.is_empty() {
        out.push_str("  nothing is set\n");
    }
    for key in keys {
        let Some(setting) = project.config.get(key) else { continue };
        let value = match &setting.value {
            Value::Plain(text) if text.is_empty() => "\"\"".to_owned(),
            Value::Plain(text) => plain(text),
            Value::Secret(secret) => secret.to_string(),
        };
        let _ = writeln!(out, "  {} = {value}  ({})", plain(key), origin(setting));
    }
}

/// What lies around the project and does nothing for this npm, or something else for a run.
fn unused(out: &mut String, project: &Project, npm: Option<&Version>) {
    let mut lines = Vec::new();
    for file in &project.unread {
        let keys: Vec<String> = file.keys.iter().take(8).map(|key| plain(key)).collect();
        let more = match file.keys.len().saturating_sub(keys.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(format!("{} sets {}{more}: {}", plain(&file.file), keys.join(", "), file.why));
    }
    for (setting, why) in project.config.useless_credentials(&asked_urls(project)) {
        lines.push(format!(
            "{} is a credential that npm sends with no request: {why}  ({})",
            plain(&setting.key),
            origin(setting)
        ));
    }
    let scopes: BTreeSet<&str> =
        project.lockfile.entries.values().filter_map(|entry| entry.name.scope()).collect();
    for scope in scopes {
        if project.config.scope_registry(scope).is_none()
            && let Some(setting) = project.misspelt(scope)
        {
            lines.push(format!(
                "{} maps no package: npm looks for `{scope}:registry`  ({})",
                plain(&setting.key),
                origin(setting)
            ));
        }
    }
    let told: BTreeSet<String> =
        lines.iter().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect();
    for (setting, why) in npm.map(|npm| project.config.unknown_to(npm.into())).unwrap_or_default() {
        if !told.contains(&plain(&setting.key)) {
            lines.push(format!("{why}: it is given to scripts and does nothing else  ({})", origin(setting)));
        }
    }
    lines.extend(project.around.iter().map(|one| format!("{} {}", plain(&one.shown), one.what)));
    if lines.is_empty() {
        return;
    }
    out.push_str("\nnot used by npm here, or otherwise than in a run\n");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

/// Every URL that npm may ask: registries and what `resolved` names.
fn asked_urls(project: &Project) -> Vec<Url> {
    let mut urls = BTreeSet::from([project.config.default_registry(&project.public).as_url().clone()]);
    urls.extend(project.settings.registries.iter().map(|entry| entry.url.as_url().clone()));
    for entry in project.lockfile.entries.values() {
        urls.insert(project.config.registry_for(&entry.name, &project.public).as_url().clone());
        urls.extend(entry.resolved.as_deref().and_then(|resolved| Url::parse(resolved).ok()));
    }
    for setting in &project.config.settings {
        let text = setting.key.ends_with(":registry").then(|| project.config.plain(&setting.key)).flatten();
        urls.extend(text.and_then(|text| Url::parse(text).ok()));
    }
    urls.into_iter().collect()
}

fn origin(setting: &Setting) -> String {
    let level = format!("{:?}", setting.level).to_ascii_lowercase();
    match &setting.place {
        Some(place) => format!("{}:{}, {level}", place.file, place.line),
        None => level,
    }
}

fn packages(out: &mut String, project: &Project) {
    out.push_str("\npackages\n");
    out.push_str(&counts::lines(project));
    for (name, classified) in project.private() {
        let registry = classified.registry.as_ref().map(ToString::to_string).unwrap_or_default();
        let _ =
            writeln!(out, "  {name} is private to {registry}: {} ({})", classified.because, classified.from);
    }
    for name in project.locals() {
        let _ = writeln!(out, "  {name} is local");
    }
    out.push_str(&undecided::lines(project));
}

/// The packages of served folders with their integrity, as a lockfile wants it.
fn served(out: &mut String, project: &Project) -> anyhow::Result<()> {
    for entry in &project.settings.registries {
        let Some(serve) = &entry.serve else { continue };
        let _ = writeln!(out, "\n{} is served from {}", entry.url, serve.display());
        for path in folder::published(serve)? {
            let packed = folder::packed_from(&path)?;
            let _ = writeln!(out, "  {}@{} {}", packed.name, packed.version, packed.digests.sri());
        }
    }
    Ok(())
}

/// Proposes every undecided package as private, for the owner to thin out.
fn write(project: &Project) -> anyhow::Result<Code> {
    let undecided: Vec<String> = project.undecided().keys().map(|name| name.to_string()).collect();
    if undecided.is_empty() {
        print("\nnothing is undecided; nothing was written\n")?;
        return Ok(Code::Good);
    }
    if project.settings.private.is_some() {
        return Err(Complaint::about("`private` is set already, so it is not written again")
            .help("add the undecided names to it, or leave them out for good")
            .into());
    }
    let names: Vec<String> = undecided.iter().map(|name| format!("  \"{name}\",\n")).collect();
    let path = project.root.join("sealcheck.toml");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let proposal = format!(
        "# Proposed by `sealcheck inspect --write`: keep the names that are private.\nprivate = [\n{}]\n",
        names.concat()
    );
    // Keys before the first table belong to the file itself.
    let text = if before.is_empty() { proposal } else { format!("{proposal}\n{before}") };
    let mut file = tempfile::NamedTempFile::new_in(&project.root)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(&path).map_err(|error| error.error)?;
    print(&format!("\nwrote {} names to {}\n", undecided.len(), path.display()))?;
    Ok(Code::Good)
}
