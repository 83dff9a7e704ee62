//! What an error of npm's is about: packages, a URL, a file.

use crate::evidence::fact::NamedPackage;
use std::collections::BTreeSet;
use url::Url;

/// Characters of a name, a path or a URL that is kept.
const CHARS: usize = 500;

/// What npm named.
#[derive(Default)]
pub(super) struct Subject {
    pub(super) packages: Vec<NamedPackage>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) wanted: Option<String>,
}

/// Reads the whole of an error: `lines` are those behind the code, `all` is the output with
/// the warnings before it.
pub(super) fn read<'a>(code: &str, lines: &[&'a str], message: &[String], all: &[&str]) -> Subject {
    let path = lines.iter().find_map(|line| line.strip_prefix("path ")).map(clipped);
    let mut subject = Subject { url: message.iter().find_map(|line| url(line)), path, ..Subject::default() };
    let mut specs = Vec::new();
    match code {
        "EUSAGE" => {
            for line in super::out_of_step(message) {
                let spec = line
                    .strip_prefix("Missing: ")
                    .map(|rest| rest.split(" from lock file").next().unwrap_or(rest))
                    .or_else(|| line.strip_prefix("Invalid: lock file's ")?.split(" does not satisfy").next())
                    .or_else(|| line.strip_prefix("Invalid: patch for ")?.split(' ').next());
                specs.extend(spec);
            }
        }
        "EALLOWREMOTE" | "EALLOWGIT" | "EALLOWFILE" | "EALLOWDIRECTORY" => {
            specs.extend(message.iter().find_map(|line| between(line, "Refusing to fetch \"", '"')));
        }
        "E404" => {
            let told = |line: &'_ String| {
                line.contains("is not in this registry") || line.starts_with("The requested resource")
            };
            specs.extend(message.iter().filter(|line| told(line)).find_map(|line| between(line, "'", '\'')));
        }
        "ETARGET" => {
            let spec = message.iter().find_map(|line| line.strip_prefix("No matching version found for "));
            let spec = spec.map(|rest| rest.split(" with a date before").next().unwrap_or(rest));
            specs.extend(spec.map(|rest| rest.trim_end_matches('.')));
        }
        // The spec is wrong: what stands before its `@` may be a name all the same.
        "EINVALIDTAGNAME" | "EINVALIDPACKAGENAME" => {
            specs.extend(message.iter().find_map(|line| between(line, " of package \"", '"')));
        }
        "EPATCHAMBIGUOUS" => {
            specs.extend(message.iter().find_map(|line| between(line, "patch selectors for ", ':')));
        }
        "EPATCHNONREGISTRY" => {
            specs.extend(message.iter().find_map(|line| between(line, "non-registry dependency ", ' ')));
        }
        "EPATCHUNUSED" => {
            specs.extend(message.iter().filter_map(|line| Some(line.trim().split_once(" -> ")?.0)));
        }
        "EBADENGINE" => {
            let told = "Not compatible with your version of node/npm: ";
            specs.extend(message.iter().find_map(|line| line.strip_prefix(told)));
        }
        "EBADPLATFORM" => {
            specs.extend(message.iter().find_map(|line| between(line, "Unsupported platform for ", ':')))
        }
        "ERESOLVE" => {
            specs.extend(message.iter().find_map(|line| line.strip_prefix("Found: ")));
            specs.extend(message.iter().find_map(|line| line.strip_prefix("While resolving: ")));
        }
        "ESTRICTALLOWSCRIPTS" => {
            let named = message.iter().skip(1).take_while(|line| !line.starts_with("Approve"));
            specs.extend(named.filter_map(|line| line.trim().split(" (").next()));
        }
        "EINTEGRITY" => {
            let line = message.iter().find(|line| line.contains(" wanted ") && line.contains(" but got "));
            let wanted = line.and_then(|line| between(line, " wanted ", ' '));
            subject.wanted = wanted.map(clipped);
            // npm names the package in the warning before its second try alone.
            let warned = all.iter().filter(|line| wanted.is_some_and(|wanted| line.contains(wanted)));
            specs.extend(warned.filter_map(|line| between(line, "tarball data for ", ' ')).next_back());
        }
        // A repository whose own install failed: an npm within npm says whose script it ran.
        _ if message.first().is_some_and(|line| line == super::PREPARATION) => {
            let ran =
                |line: &&'a str| line.strip_prefix("> ").or_else(|| line.strip_prefix("npm notice run "));
            specs.extend(lines.iter().find_map(ran).and_then(|rest| rest.split(' ').next()));
        }
        _ => {}
    }
    // npm names what it could not unpack where it tries a second time.
    if specs.is_empty() && !code.starts_with("E4") {
        specs.extend(
            all.iter()
                .filter(|line| line.contains("seems to be corrupted"))
                .filter_map(|line| between(line, "tarball data for ", ' '))
                .next_back(),
        );
    }
    let mut seen = BTreeSet::new();
    subject.packages = specs.into_iter().filter_map(named).filter(|it| seen.insert(it.clone())).collect();
    if subject.url.is_none() {
        subject.url = lines.iter().find_map(|line| url(line));
    }
    subject
}

/// `@acme/internal@1.0.0`: a name, and behind its `@` a version or what else npm has there.
fn named(spec: &str) -> Option<NamedPackage> {
    let spec = spec.trim();
    let at = spec.char_indices().skip(1).find(|(_, one)| *one == '@').map(|(at, _)| at);
    let (name, rest) = match at {
        Some(at) => (&spec[..at], &spec[at + 1..]),
        None => (spec, ""),
    };
    let name = crate::project::name::PackageName::parse(name).ok()?;
    let version = node_semver::Version::parse(rest).is_ok().then(|| clipped(rest));
    Some(NamedPackage { name: name.to_string(), version })
}

fn clipped(text: &str) -> String {
    text.chars().take(CHARS).collect()
}

/// What stands behind `start`, up to `end`.
fn between<'a>(line: &'a str, start: &str, end: char) -> Option<&'a str> {
    let (_, rest) = line.split_once(start)?;
    Some(rest.split(end).next().unwrap_or(rest))
}

/// The first URL in a line, without credentials and query.
fn url(line: &str) -> Option<String> {
    let at = line.find("http://").into_iter().chain(line.find("https://")).min()?;
    let text = line[at..].split([' ', '"', '\'', ',', '#']).next()?;
    let mut url = Url::parse(text).ok()?;
    url.set_query(None);
    // A URL with a host has both.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    Some(clipped(url.as_str().trim_end_matches(':')))
}
