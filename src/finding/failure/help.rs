//! What to do about a failed install, by its code and by what of the project led there.

use super::{Subject, by_date, is_own, setting, status, table, tls, unpacked};
use crate::evidence::exchange::{Credential, Exchange, Role};
use crate::finding::around;
use crate::finding::asked::{self, written};
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::name::PackageName;
use url::Url;

/// What is to be done about a request that we answered ourselves.
const KEPT_BACK: &str = "map the package to its own registry in the project's `.npmrc`; if it is public, say so: take it out of `private` in sealcheck.toml, or pin it at the public registry in the lockfile";

/// The same, where a mapping is there already.
fn kept_back(subject: &Subject<'_>, name: &str) -> String {
    let scope = PackageName::parse(name).ok().and_then(|name| name.scope().map(str::to_owned));
    let key = scope.map(|scope| format!("{scope}:registry"));
    match key.and_then(|key| subject.case.project.config.get(&key)) {
        Some(setting) => format!(
            "{} maps its scope: let the lockfile entry's `resolved` lie below it; if the package is public, say so: take it out of `private` in sealcheck.toml, or pin it at the public registry in the lockfile",
            written(setting)
        ),
        None => KEPT_BACK.to_owned(),
    }
}

pub(super) fn help(subject: &Subject<'_>) -> String {
    let error = subject.error;
    let name = subject.named.as_ref().map_or("the package", |(name, _)| name.as_str());
    if super::kept_back(subject)
        && subject.answers.first().is_none_or(|(exchange, _)| exchange.role != Role::Foreign)
    {
        return kept_back(subject, name);
    }
    if let (Some((exchange, entry)), Some(status)) = (subject.answers.first(), status(&error.code)) {
        match status {
            401 | 403 => return credential(subject, exchange),
            404 => return not_there(subject, exchange, *entry),
            _ => {}
        }
    }
    if let Some(found) = table::hidden(subject) {
        return found.help;
    }
    let unless = |open: &str| match setting(subject) {
        Some(setting) => format!("change {}", written(setting)),
        None => open.to_owned(),
    };
    match error.code.as_str() {
        "E401" | "E403" | "EAUTHIP" | "EOTP" => "give the registry's token the right to read it, or set the variable that holds the token".to_owned(),
        "E404" => format!("publish the locked version of {name} to the registry that it is asked of, or correct the mapping"),
        "ETARGET" if by_date(error) => format!(
            "lock a version of {name} that is old enough, or {}; an entry with `resolved` is not asked for its date",
            unless("lower the age that the command asks for")
        ),
        "ETARGET" => format!("lock a version of {name} that its registry has, or publish the locked one there"),
        "EINTEGRITY" => "find out why the registry serves other bytes than the lockfile pins before you change the lockfile".to_owned(),
        "EUSAGE" if error.packages.is_empty() => "write and commit a lockfile that this npm reads: `npm install --package-lock-only`".to_owned(),
        "EUSAGE" => "bring package.json and the lockfile into step with `npm install --package-lock-only`, and commit the lockfile".to_owned(),
        "EALLOWREMOTE" => remote(subject),
        "EALLOWGIT" => format!("take {name} from a registry, or {} (`root` allows what package.json names itself)", unless("set `allow-git` in the project's `.npmrc`, which npm 12 has at `none`")),
        "EALLOWFILE" | "EALLOWDIRECTORY" => unless("see which `allow-…` setting the command has"),
        "ESTRICTALLOWSCRIPTS" => format!(
            "look at what the scripts of {name} do, and approve or deny them under `allowScripts` in package.json; else {}",
            unless("run the command without `--strict-allow-scripts`")
        ),
        "EALLOWSCRIPTS" => "name the packages under `allowScripts` in package.json".to_owned(),
        "EBADENGINE" => format!("test with a node and npm that {name} names in `engines`, or {}", unless("run the command without `--engine-strict`")),
        "EBADPLATFORM" => format!("make {name} an optional dependency, which npm leaves out on other platforms, or test on its own"),
        "EBADDEVENGINES" => "test with the node and npm that `devEngines` in package.json names".to_owned(),
        "ENOTCACHED" => format!("fill the cache before, or {}", unless("run the command without `--offline`")),
        "ERESOLVE" => "bring the peer dependencies into step, and write the lockfile anew with `npm install --package-lock-only`".to_owned(),
        "ERR_INVALID_URL" => match setting(subject) {
            Some(setting) => format!("let `{}` be a URL that begins with `https://`, and set the variables that it names", setting.key),
            None => "look for a `registry=` that is no URL, or names a variable that is not set".to_owned(),
        },
        "ERR_INVALID_AUTH" => table::unscoped(subject),
        "EJSONPARSE" => "mend the file that npm names; a merge conflict may be left in it".to_owned(),
        "ENOENT" if error.message.contains("git") => "put `git` where the command finds it: the dependency is a repository".to_owned(),
        "ENOENT" => "let the lockfile entry name a file that is there and that git tracks".to_owned(),
        "ENOTFOUND" | "EAI_AGAIN" | "ECONNREFUSED" | "ECONNRESET" | "ETIMEDOUT" | "ERR_SOCKET_TIMEOUT" | "FETCH_ERROR"
        | "ECONNECTIONTIMEOUT" | "EIDLETIMEOUT" | "ERESPONSETIMEOUT" | "ETRANSFERTIMEOUT" => {
            "make the registry reachable, `sealcheck doctor` shows what stands in the way".to_owned()
        }
        _ if error.message.starts_with("An unknown git error") => {
            "see that the commit exists and that this machine may read the repository: `git ls-remote URL`".to_owned()
        }
        _ if error.message.starts_with("git dep preparation failed") => format!(
            "see why the repository of {name} cannot be made a package: clone it and run `npm install` there; or take {name} from a registry"
        ),
        code if code.parse::<u32>().is_ok() => {
            let see = match subject.entry {
                Some(entry) if !entry.path.is_empty() => format!("see what its script printed (`-v` shows npm's output), and run it alone: `npm rebuild {}`", entry.name),
                Some(_) | None => "see what the project's own script printed (`-v` shows npm's output), and run it alone".to_owned(),
            };
            match around::scripts_lack(subject.case.project) {
                Some(lack) => format!("{see}; {lack}"),
                None => see,
            }
        }
        code if tls::is_one(code) => tls::help(subject),
        code if unpacked::is_one(code) => unpacked::help(subject),
        code => table::help(subject, code).unwrap_or_else(|| {
            "run the same command outside the sandbox to see whether it fails there too".to_owned()
        }),
    }
}

/// No right to read: what was sent, and what was meant to be.
pub(super) fn credential(subject: &Subject<'_>, exchange: &Exchange) -> String {
    let config = &subject.case.project.config;
    let host = &exchange.host;
    if exchange.credential != Credential::None {
        let label = exchange.credential_label.as_deref().unwrap_or("the credential");
        return format!("give {label} the right to read it from {host}, or renew it");
    }
    let url = Url::parse(&format!("{}://{host}:{}{}", exchange.scheme, exchange.port, exchange.path)).ok();
    match url.as_ref().and_then(|url| config.unsent(url)) {
        Some((setting, why)) => {
            let place = setting
                .place
                .as_ref()
                .map(|place| format!(" ({}:{})", place.file, place.line))
                .unwrap_or_default();
            format!("correct `{}`{place}: {why}", setting.key)
        }
        None => {
            let unnamed = around::unnamed_token(subject.case.project);
            let unnamed = unnamed.map(|token| format!("; {token}")).unwrap_or_default();
            format!(
                "no key of npm's config is for {host}: put `//{host}/:_authToken=${{NPM_TOKEN}}` into your own `~/.npmrc`{unnamed}"
            )
        }
    }
}

/// A registry that says that it has it not.
fn not_there(subject: &Subject<'_>, exchange: &Exchange, entry: Option<&LockEntry>) -> String {
    let (name, version) = match &subject.named {
        Some((name, version)) => (name.as_str(), version.as_deref()),
        None => ("the package", None),
    };
    let what = crate::finding::case::spec(name, version);
    if exchange.role == Role::Foreign {
        return asked::of_foreign(subject.case, subject.run, exchange).help;
    }
    if let Some(unread) =
        super::scope(subject).and_then(|scope| asked::unread_mapping(subject.case.project, &scope))
    {
        return format!("put the mapping into the project's own `.npmrc` or your `~/.npmrc`: {unread}");
    }
    if !is_own(subject, entry) {
        return format!(
            "{} has no {what}: lock a version that it has; where the name is your own, map its scope to its registry and list it under `private` in sealcheck.toml",
            exchange.host
        );
    }
    let publish = format!("publish {what} to {}, or lock a version that it has", exchange.host);
    match exchange.credential {
        Credential::None => format!(
            "{publish}; many registries answer 404 to who may not read, and {}",
            credential(subject, exchange)
        ),
        Credential::Own | Credential::Foreign => publish,
    }
}

/// npm 12 fetches no URL that does not lie under the registry that the name belongs to.
fn remote(subject: &Subject<'_>) -> String {
    let project = subject.case.project;
    let open = match setting(subject) {
        Some(setting) => {
            format!("change {} (`root` allows what package.json names itself)", written(setting))
        }
        None => "set `allow-remote` in the project's `.npmrc`, which npm 12 has at `none`".to_owned(),
    };
    let Some(entry) = subject.entry else { return open };
    if entry.kind == EntryKind::Remote {
        return format!("{} is a tarball by its URL: take it from a registry, or {open}", entry.name);
    }
    let registry = project.config.registry_for(entry.alias.as_ref().unwrap_or(&entry.name), &project.public);
    let key =
        entry.name.scope().map(|scope| format!("{scope}:registry")).and_then(|key| project.config.get(&key));
    let says =
        key.or_else(|| project.config.get("registry")).map(|setting| format!(" ({})", written(setting)));
    format!(
        "let `resolved` lie below {registry}{}: map the scope to the registry that the lockfile names, or write the entry anew through that one; else {open}",
        says.unwrap_or_default()
    )
}
