//! Reads npm's own error out of its output.
//!
//! It reads texts and knows no project: which lockfile entry and which setting an error is
//! about, the rules find out. What npm of each version prints stands, recorded, in
//! `tests/fixtures/npm-errors`.

mod subject;
#[cfg(test)]
mod tests;

use crate::evidence::fact::NpmError;

/// Characters of the one sentence.
const SUMMARY: usize = 400;
/// Characters of the whole message.
const MESSAGE: usize = 4096;
/// What npm says of a repository that it could not make a package of.
const PREPARATION: &str = "git dep preparation failed";
/// What npm 12 prints, without its prefix, of a flag that it does not take.
const BEFORE_CONFIG: &str = "Exit prior to config file resolving";
/// Packages that are kept of those that npm names.
const NAMED: usize = 50;

/// What npm printed as its error. npm 10 and later prefix each line with `npm error`, earlier
/// ones with `npm ERR!`. What lifecycle scripts print is not prefixed, but a script can forge
/// the prefix; npm's own error comes last, so the last `code` line is the one. An error that
/// has no code (a bug of npm's, a text that it threw) begins with the first such line.
pub(super) fn parse(stderr: &str) -> Option<NpmError> {
    // `color=always`, which some set for their CI's log.
    let plain = without_colour(stderr);
    let all: Vec<&str> = plain.lines().collect();
    let mut lines: Vec<&str> = all.iter().copied().filter_map(own).collect();
    if lines.is_empty()
        && let Some(at) = all.iter().position(|line| *line == BEFORE_CONFIG)
    {
        lines = all[at + 1..].iter().copied().filter(|line| *line != "cause").collect();
    }
    let (code, rest) = match lines.iter().rposition(|line| line.starts_with("code ")) {
        Some(at) => (lines[at].trim_start_matches("code ").trim(), &lines[at + 1..]),
        None => ("", lines.as_slice()),
    };
    let message = message(rest);
    if code.is_empty() && message.is_empty() {
        return None;
    }
    let code = clip(code, 60);
    let subject = subject::read(&code, rest, &message, &all);
    Some(NpmError {
        summary: clip(&summary(&code, rest, &message), SUMMARY),
        message: clip(&message.join("\n"), MESSAGE),
        packages: subject.packages.into_iter().take(NAMED).collect(),
        url: subject.url,
        path: subject.path,
        wanted: subject.wanted,
        code,
    })
}

fn clip(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The one sentence that says what was wrong, with whom.
fn summary(code: &str, lines: &[&str], message: &[String]) -> String {
    if let Some(failed) = lines.iter().position(|line| *line == "command failed") {
        return script(lines, failed);
    }
    let first = || message.first().cloned().unwrap_or_default();
    let with = |starts: &[&str]| {
        let more = message.iter().skip(1).filter(|line| starts.iter().any(|start| line.starts_with(start)));
        let all = std::iter::once(first()).chain(more.cloned());
        all.map(|line| line.trim_end_matches(':').to_owned()).collect::<Vec<_>>().join(": ")
    };
    match code {
        "EUSAGE" => {
            let of_step: Vec<&str> = out_of_step(message).collect();
            if of_step.is_empty() { first() } else { of_step.join("; ") }
        }
        "EALLOWREMOTE" | "EALLOWGIT" => with(&["Refusing to fetch"]),
        "EBADENGINE" => {
            let told = message.iter().filter(|line| !line.starts_with("Unsupported engine"));
            told.map(String::as_str).collect::<Vec<_>>().join(", ")
        }
        "ESTRICTALLOWSCRIPTS" => {
            let named = message.iter().skip(1).take_while(|line| !line.starts_with("Approve"));
            let named: Vec<&str> = named.map(|line| line.trim()).collect();
            format!("{} {}", first(), named.join(", "))
        }
        "EBADDEVENGINES" => message.iter().take(3).cloned().collect::<Vec<_>>().join(": "),
        "ERESOLVE" => with(&["While resolving", "Found", "Could not resolve", "peer "]),
        // An npm within npm failed.
        _ if first() == PREPARATION => {
            let within: Vec<&str> = lines.iter().copied().filter_map(own).collect();
            let failed = within.iter().position(|line| *line == "command failed");
            let told = failed.map(|at| script(&within, at)).or_else(|| {
                let said = |line: &&&str| !noise(line) && !line.starts_with("code ") && !line.is_empty();
                within.iter().find(said).map(|line| (*line).to_owned())
            });
            told.map_or_else(first, |told| format!("{PREPARATION}: {told}"))
        }
        _ if first().starts_with("An unknown git error") => with(&["command ", "fatal: ", "error: "]),
        _ => first(),
    }
}

/// The lines of EUSAGE that say what is not in step.
fn out_of_step(message: &[String]) -> impl Iterator<Item = &str> {
    message
        .iter()
        .map(String::as_str)
        .filter(|line| line.starts_with("Missing: ") || line.starts_with("Invalid: "))
}

/// A script that failed: npm gives its folder before and its command after.
fn script(lines: &[&str], failed: usize) -> String {
    let part =
        |key: &str, lines: &[&str]| lines.iter().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
    let command = part("command ", &lines[failed + 1..]).map(|it| format!(": `{it}`")).unwrap_or_default();
    let place = part("path ", lines).map(|it| format!(" in {it}")).unwrap_or_default();
    format!("command failed{place}{command}")
}

/// npm's whole message: without the fields of the error object around it, stack traces, how
/// the command is used, and where the log lies. Sentences that npm broke are whole again.
fn message(lines: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut paragraph_ended = true;
    let mut in_object = false;
    // What follows is what the script printed.
    let of_script = lines.contains(&"command failed");
    for line in lines {
        let told = without_label(line);
        const BEHIND: [&str; 3] =
            ["Clean install a project", "A complete log of this run", "Log files were not written"];
        if BEHIND.iter().any(|start| told.starts_with(start)) {
            break;
        }
        // That of an npm within npm.
        if own(told).is_some_and(|within| BEHIND.iter().any(|start| within.starts_with(start))) {
            continue;
        }
        // The dump of an error object ends in a brace of its own.
        if in_object {
            in_object = !told.starts_with('}');
            continue;
        }
        if told.trim().is_empty() {
            paragraph_ended = true;
            continue;
        }
        if noise(line) {
            in_object = told.trim_end().ends_with('{');
            continue;
        }
        in_object = told.trim_end() == "{";
        if in_object {
            continue;
        }
        match out.last_mut() {
            // npm wraps its own sentences at 80 columns; a line of its own begins in upper case.
            Some(last) if !paragraph_ended && !of_script && continues(last, told) => {
                last.push(' ');
                last.push_str(told);
            }
            Some(last) if *last == told.trim() => {}
            Some(_) | None => out.push(told.trim_end().to_owned()),
        }
        paragraph_ended = false;
    }
    out
}

/// Whether a line goes on with the sentence before it.
fn continues(before: &str, line: &str) -> bool {
    const OWN_LINES: [&str; 6] = ["command ", "fatal: ", "error: ", "peer ", "npm ", "node_modules/"];
    line.starts_with(|first: char| first.is_ascii_lowercase() || first == '\'')
        && !before.ends_with(['.', ':'])
        && !OWN_LINES.iter().any(|start| line.starts_with(start) || before.starts_with(start))
}

/// A line without the word that npm puts before each line of some errors.
fn without_label(line: &str) -> &str {
    const LABELS: [&str; 10] = [
        "notarget ",
        "engine ",
        "notsup ",
        "network ",
        "enoent ",
        "JSON.parse ",
        "EBADDEVENGINES ",
        "ERESOLVE ",
        "404  ",
        "403 403",
    ];
    for label in LABELS {
        if let Some(rest) = line.strip_prefix(label) {
            return if label == "403 403" { &line[4..] } else { rest };
        }
    }
    match line.trim_end() {
        "404" | "403" | "network" | "enoent" | "notarget" => "",
        // The first line has the status in front, and stays as it is.
        _ => ["404 ", "403 "]
            .iter()
            .find_map(|status| line.strip_prefix(status).filter(|rest| !rest.contains(" - ")))
            .unwrap_or(line),
    }
}

/// A text without the sequences by which a terminal is told of colours (ECMA-48: CSI,
/// parameters, `m`).
fn without_colour(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let (before, sequence) = rest.split_at(at);
        out.push_str(before);
        let body = &sequence[2..];
        let end = body.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(body.len());
        rest = match body[end..].strip_prefix('m') {
            Some(after) => after,
            None => {
                out.push_str("\u{1b}[");
                body
            }
        };
    }
    out + rest
}

fn own(line: &str) -> Option<&str> {
    let rest = line.trim_end_matches('\r');
    let rest = rest.strip_prefix("npm error").or_else(|| rest.strip_prefix("npm ERR!"))?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// What surrounds the message: the call that failed and stack traces.
fn noise(line: &str) -> bool {
    const AROUND: [&str; 9] = ["errno ", "syscall ", "path ", "dest ", "file ", "at ", "/", "signal ", "}"];
    AROUND.iter().any(|start| line.trim().starts_with(start))
}
