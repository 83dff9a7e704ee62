//! One file, understood.

use super::command::split_words;
use super::options::{self, stays_inside};
use super::table::{At, Table};
use super::variables::{is_ours, may_be_set};
use super::{Accepted, Install, RegistryEntry, Settings, layer};
use crate::project::class::private_glob;
use crate::project::file::{SMALL_LIMIT, read_inside, read_text};
use crate::project::npmrc::beginning_of;
use crate::project::places::place;
use crate::project::registry::RegistryUrl;
use crate::text::{Complaint, Place, Source};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// The project's own file.
const NAME: &str = "sealcheck.toml";

/// One file's settings, with the places that laying one over another needs.
#[derive(Default)]
pub(super) struct Layer {
    pub(super) settings: Settings,
    pub(super) options: BTreeMap<String, At<toml::Value>>,
    pub(super) hosts: Option<Vec<At<String>>>,
    pub(super) scripts: Option<Vec<At<String>>>,
    pub(super) scenarios: Option<Vec<At<String>>>,
    pub(super) command: Option<At<String>>,
    pub(super) directory: Option<At<String>>,
    pub(super) env: BTreeMap<String, At<String>>,
    pub(super) accepted: Option<Place>,
    pub(super) policy: BTreeMap<String, At<String>>,
}

impl Settings {
    /// `sealcheck.toml` of the project at `top`, the policy laid over it.
    pub(crate) fn read(top: &Path, policy: Option<&Path>) -> Result<Self, Complaint> {
        let project = match read_inside(top, &top.join(NAME), NAME, SMALL_LIMIT)? {
            Some(source) => Some(parse(&source, top, false)?),
            None => None,
        };
        let policy = match policy {
            Some(path) => Some(read_policy(top, path)?),
            None => None,
        };
        layer::lay(project.unwrap_or_default(), policy)
    }
}

fn read_policy(top: &Path, path: &Path) -> Result<Layer, Complaint> {
    let name = path.display().to_string();
    let Some(source) = read_text(path, &name, SMALL_LIMIT)? else {
        return Err(Complaint::about(format!("there is no policy file `{name}`"))
            .help("give the path of the file that `--policy` is to read"));
    };
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    if real.starts_with(top) {
        return Err(Complaint::about(format!("the policy file `{name}` lies inside the project it judges"))
            .help("keep it where a change to the project cannot change it"));
    }
    let folder = real.parent().map(Path::to_path_buf).unwrap_or_default();
    parse(&source, &folder, true)
}

/// Understands a file. `folder` is where its relative paths start.
pub(super) fn parse(source: &Source, folder: &Path, is_policy: bool) -> Result<Layer, Complaint> {
    let document = DeTable::parse(source.text()).map_err(|error| {
        let place = place(source, error.span().unwrap_or(0..0));
        let message = error.message().lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
        Complaint::at(place, format!("this is no TOML: {message}")).help("mend the line")
    })?;
    let span = document.span();
    let root = Table::new(source, "", document.get_ref(), span);
    let mut known = vec!["private", "scenarios", "install", "registry", "trust", "accepted", "policy"];
    known.extend(options::names());
    root.only(&known)?;
    let mut layer = Layer { options: options::read(&root, is_policy)?, ..Layer::default() };
    layer.settings.sources.push(source.clone());
    private(&root, &mut layer)?;
    layer.scenarios = root.strings("scenarios")?;
    for (text, place) in layer.scenarios.iter().flatten() {
        if !stays_inside(text) {
            return Err(Complaint::at(place.clone(), format!("`{text}` leads out of the project"))
                .help("give the name of a suite or scenario, or a glob of files inside the project"));
        }
        glob(text, place)?;
    }
    if let Some(table) = root.table("install", "[install]")? {
        install(&table, folder, is_policy, &mut layer)?;
    }
    if let Some(table) = root.table("trust", "[trust]")? {
        trust(&table, &mut layer)?;
    }
    for table in root.tables("registry", "[[registry]]")?.unwrap_or_default() {
        registry(&table, folder, is_policy, &mut layer)?;
    }
    layer.accepted = root.at("accepted");
    for table in root.tables("accepted", "[[accepted]]")?.unwrap_or_default() {
        let accepted = accepted(&table)?;
        layer.settings.accepted.push(accepted);
    }
    policy(&root, &mut layer)?;
    Ok(layer)
}

fn glob(text: &str, place: &Place) -> Result<(), Complaint> {
    if !text.is_empty() && private_glob(text).is_some() {
        return Ok(());
    }
    Err(Complaint::at(place.clone(), format!("`{text}` is not a glob"))
        .help("write a name, or a pattern with `*`, `?`, `[…]` or `{a,b}`"))
}

fn private(root: &Table<'_>, layer: &mut Layer) -> Result<(), Complaint> {
    let Some(globs) = root.strings("private")? else { return Ok(()) };
    for (text, place) in &globs {
        glob(text, place)?;
        let plain = text.strip_prefix('@').is_some_and(|rest| !rest.contains('/'));
        if plain {
            return Err(Complaint::at(
                place.clone(),
                format!("`{text}` matches no package: it is a scope alone"),
            )
            .help(format!("write `{text}/*` for all packages of the scope")));
        }
    }
    layer.settings.private = Some(globs.into_iter().map(|(text, _)| text).collect());
    layer.settings.private_place = root.at("private");
    Ok(())
}

fn install(table: &Table<'_>, folder: &Path, is_policy: bool, layer: &mut Layer) -> Result<(), Complaint> {
    table.only(&["command", "directory", "env"])?;
    layer.command = table.string("command")?;
    if let Some((text, place)) = &layer.command {
        command(text, place)?;
    }
    layer.directory = table.string("directory")?;
    if let Some((text, place)) = &layer.directory {
        inside(folder, text, place, "directory")?;
    }
    for (name, (value, place)) in table.string_table("env")? {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let shown = name.escape_debug();
            return Err(Complaint::at(place, format!("`{shown}` cannot be a variable of an environment"))
                .help("give it a name without `=`"));
        }
        if is_ours(&name, &value) {
            return Err(Complaint::at(place, format!("`{name}` is not for a file to set"))
                .help("it would have npm itself run or look elsewhere, unseen; leave it out"));
        }
        if !is_policy && !may_be_set(&name, &value) {
            return Err(Complaint::at(place, format!("a project's own file cannot set `{name}`")).help(
                "docs/config.md lists the variables that it can; set others in the policy file (`--policy FILE`)",
            ));
        }
        layer.env.insert(name, (value, place));
    }
    layer.settings.install = Install {
        command: layer.command.as_ref().map(|(text, _)| text.clone()),
        directory: layer.directory.as_ref().map(|(text, _)| text.clone()),
        env: layer.env.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect(),
    };
    Ok(())
}

fn command(text: &str, place: &Place) -> Result<(), Complaint> {
    let words = split_words(text).map_err(|bad| {
        Complaint::at(place.clone(), format!("`command` cannot be run: {bad}"))
            .help("write one npm command, for instance `npm ci --omit=dev`")
    })?;
    if words.first().map(String::as_str) != Some("npm") {
        let first = words.first().map_or("", String::as_str);
        return Err(Complaint::at(place.clone(), format!("`command` starts `{first}`, which is not npm"))
            .help("sealcheck tests installs by npm: `npm ci` or `npm install`"));
    }
    if words.iter().any(|word| moves(word)) {
        return Err(Complaint::at(place.clone(), "`command` moves npm to another folder")
            .help("set `directory` in `[install]` in its place"));
    }
    if let Some((word, whole)) = words.iter().find_map(|word| Some((word, shortened(word)?))) {
        let said =
            format!("`{word}` is a part of `--{whole}`, which some versions of npm take for the whole");
        return Err(Complaint::at(place.clone(), said).help(format!("write `--{whole}`")));
    }
    Ok(())
}

/// The name of an option, which npm takes with one dash as with two.
fn option(word: &str) -> Option<&str> {
    let name = word.strip_prefix('-')?.trim_start_matches('-');
    Some(name.split('=').next().unwrap_or(name))
}

/// Whether a word has npm work in another folder: `--prefix`, or `-C` among whatever letters.
fn moves(word: &str) -> bool {
    let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-') && !rest.contains('='));
    option(word) == Some("prefix") || letters.is_some_and(|letters| letters.contains('C'))
}

/// The option that a word is the beginning of. npm's own short ones are no beginnings.
fn shortened(word: &str) -> Option<&'static str> {
    const OWN: [&str; 4] = ["desc", "local", "no", "ws"];
    let long = option(word)?;
    let name = long.strip_prefix("no-").unwrap_or(long);
    if OWN.contains(&name) { None } else { beginning_of(long).or_else(|| beginning_of(name)) }
}

/// An existing folder below `folder`, links followed.
fn inside(folder: &Path, text: &str, place: &Place, key: &str) -> Result<PathBuf, Complaint> {
    let out = || {
        Complaint::at(place.clone(), format!("`{key}` leads out of the folder of its file: `{text}`"))
            .help("give a path below it")
    };
    if !stays_inside(text) {
        return Err(out());
    }
    let real = folder.join(text).canonicalize().map_err(|error| {
        Complaint::at(place.clone(), format!("the folder `{text}` cannot be opened: {error}"))
            .help(format!("`{key}` is relative to the folder of its file"))
    })?;
    let base = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    if !real.starts_with(&base) {
        return Err(out());
    }
    if !real.is_dir() {
        return Err(Complaint::at(place.clone(), format!("`{text}` is not a folder")).help("give a folder"));
    }
    Ok(real)
}

fn trust(table: &Table<'_>, layer: &mut Layer) -> Result<(), Complaint> {
    table.only(&["hosts", "scripts"])?;
    layer.hosts = table.strings("hosts")?;
    for (host, place) in layer.hosts.iter().flatten() {
        let good = url::Url::parse(&format!("https://{host}/"))
            .is_ok_and(|url| url.path() == "/" && url.username().is_empty() && url.host_str().is_some())
            && !host.contains(['/', '?', '#', '@', '*']);
        if !good {
            return Err(Complaint::at(place.clone(), format!("`{host}` is not the name of a host"))
                .help("write it without scheme and path: `cdn.acme.example`"));
        }
    }
    layer.scripts = table.strings("scripts")?;
    for (text, place) in layer.scripts.iter().flatten() {
        glob(text, place)?;
    }
    let texts = |list: &[At<String>]| list.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
    layer.settings.trusted_hosts = layer.hosts.as_deref().map(texts).unwrap_or_default();
    layer.settings.trusted_scripts = layer.scripts.as_deref().map(texts);
    Ok(())
}

fn url(text: &str, place: &Place, key: &str) -> Result<RegistryUrl, Complaint> {
    let complaint = |message| {
        Complaint::at(place.clone(), message).help("write a whole URL: `https://npm.acme.example/path/`")
    };
    let carries =
        url::Url::parse(text).is_ok_and(|url| url.password().is_some() || !url.username().is_empty());
    if carries {
        return Err(Complaint::at(place.clone(), format!("`{key}` carries credentials"))
            .help("keep them in your npmrc, under the registry's own key"));
    }
    if text == super::PUBLIC {
        return Ok(super::public_stand_in());
    }
    RegistryUrl::parse(text).map_err(|bad| complaint(format!("`{key}`: {bad}")))
}

fn registry(table: &Table<'_>, folder: &Path, is_policy: bool, layer: &mut Layer) -> Result<(), Complaint> {
    table.only(&["url", "also", "behind", "serve", "token"])?;
    let (text, place) = table.needed("url")?;
    let own = url(&text, &place, "url")?;
    if layer.settings.registries.iter().any(|other| other.url == own) {
        return Err(Complaint::at(place, format!("the registry {own} is named twice")).help("join the two"));
    }
    let also = table.strings("also")?.unwrap_or_default();
    let also = also.iter().map(|(text, place)| url(text, place, "also")).collect::<Result<_, _>>()?;
    let (behind, behind_place) = match table.string("behind")? {
        Some((text, place)) => (Some(url(&text, &place, "behind")?), Some(place)),
        None => (None, None),
    };
    let serve = match table.string("serve")? {
        Some((text, place)) => Some(inside(folder, &text, &place, "serve")?),
        None => None,
    };
    if let Some((variable, place)) = table.string("token")? {
        if !is_policy {
            return Err(Complaint::at(
                place,
                "a project's own file can name no variable to send to a registry",
            )
            .help("put it into the policy file, or the token into your own `~/.npmrc`"));
        }
        let good = !variable.is_empty()
            && variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !variable.starts_with(|letter: char| letter.is_ascii_digit());
        if !good {
            return Err(Complaint::at(place, "`token` is not the name of a variable")
                .help("write the variable's name, not the token: `token = \"NPM_TOKEN\"`"));
        }
        layer.settings.tokens.insert(own.clone(), variable);
    }
    layer.settings.registries.push(RegistryEntry { url: own, also, behind, behind_place, serve, place });
    Ok(())
}

fn accepted(table: &Table<'_>) -> Result<Accepted, Complaint> {
    table.only(&["rule", "package", "reason", "by", "expires"])?;
    let (rule, place) = table.needed("rule")?;
    if rule.is_empty() || !rule.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return Err(Complaint::at(place, format!("`{rule}` is not the name of a rule"))
            .help("rules are named like `missing-integrity`; a report names the one of each finding"));
    }
    let (reason, reason_place) = table.needed("reason")?;
    if reason.trim().is_empty() {
        return Err(Complaint::at(reason_place, "`reason` is empty").help("say why this is accepted"));
    }
    let text = |found: Option<At<String>>| found.map(|(text, _)| text);
    Ok(Accepted {
        rule,
        package: text(table.string("package")?),
        reason,
        by: text(table.string("by")?),
        expires: table.date("expires")?,
        place,
    })
}

fn policy(root: &Table<'_>, layer: &mut Layer) -> Result<(), Complaint> {
    if let Some(place) = root.at("policy").filter(|_| !root.is_table("policy")) {
        return Err(Complaint::at(place, "a file cannot choose its policy").help(
            "give it with `--policy FILE` or `SEALCHECK_POLICY`; `[policy]` is a table of severities",
        ));
    }
    let Some(table) = root.table("policy", "[policy]")? else { return Ok(()) };
    table.only(&["audit-disclosure"])?;
    if let Some((text, place)) = table.string("audit-disclosure")? {
        options::check("audit-disclosure", &toml::Value::String(text.clone()), &place, true)?;
        layer.settings.policy.insert("audit-disclosure".to_owned(), text.clone());
        layer.policy.insert("audit-disclosure".to_owned(), (text, place));
    }
    Ok(())
}
