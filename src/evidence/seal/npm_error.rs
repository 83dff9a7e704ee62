//! Reads npm's own error out of its output.

use crate::evidence::fact::NpmError;

/// Characters of the explanation that are kept.
const CHARS: usize = 300;

/// The last `code` line and the one sentence after it that says what was wrong. npm 10
/// and later write `npm error code X`, earlier ones `npm ERR! code X`. What lifecycle
/// scripts print is not prefixed, but a script can forge the prefix; npm's own error
/// comes last, so the last `code` line is the one.
pub(super) fn parse(stderr: &str) -> Option<NpmError> {
    // `color=always`, which some set for their CI's log.
    let plain = without_colour(stderr);
    let lines: Vec<&str> = plain.lines().filter_map(own).collect();
    let at = lines.iter().rposition(|line| line.starts_with("code "))?;
    let code: String = lines[at].trim_start_matches("code ").trim().chars().take(60).collect();
    let rest = &lines[at + 1..];
    let summary = match rest.iter().position(|line| *line == "command failed") {
        Some(failed) => script(rest, failed),
        None => rest.iter().copied().find(|line| !noise(line)).unwrap_or_default().trim().to_owned(),
    };
    Some(NpmError { code, summary: summary.chars().take(CHARS).collect() })
}

/// A script that failed: npm gives its folder before and its command after.
fn script(lines: &[&str], failed: usize) -> String {
    let part =
        |key: &str, lines: &[&str]| lines.iter().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
    let command = part("command ", &lines[failed + 1..]).map(|it| format!(": `{it}`")).unwrap_or_default();
    let place = part("path ", lines).map(|it| format!(" in {it}")).unwrap_or_default();
    format!("command failed{place}{command}")
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

/// What surrounds the sentence: the call that failed, stack traces (which npm indents)
/// and dumps of the error object.
fn noise(line: &str) -> bool {
    let around = ["errno ", "syscall ", "path ", "dest ", "A complete log of this run", "/", "{", "}", "at "];
    line.trim().is_empty()
        || line.starts_with("  ")
        || around.iter().any(|start| line.trim().starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_of_npm_are_read() {
        let cases = [
            (
                "npm error code E404\nnpm error 404 Not Found - GET https://npm.corp.example/@acme%2finternal\nnpm error A complete log of this run can be found in: /home/npm/x.log\n",
                "E404",
                "404 Not Found - GET https://npm.corp.example/@acme%2finternal",
            ),
            (
                "npm WARN x\nnpm ERR! code EINTEGRITY\nnpm ERR! sha512-A integrity checksum failed\n",
                "EINTEGRITY",
                "sha512-A integrity checksum failed",
            ),
            (
                "npm error code 3\nnpm error path /project/node_modules/a\nnpm error command failed\nnpm error command sh -c node build.js\nnpm error what the script printed\n",
                "3",
                "command failed in /project/node_modules/a: `sh -c node build.js`",
            ),
            (
                "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno -111\nnpm error FetchError: request to https://npm.corp.example/a failed, reason: connect ECONNREFUSED 127.0.0.9:443\nnpm error     at ClientRequest.<anonymous> (/usr/lib/node_modules/npm/x.js:130:14)\nnpm error     at ClientRequest.emit (node:events:524:28) {\nnpm error   code: 'ECONNREFUSED',\nnpm error   errno: 'ECONNREFUSED'\nnpm error }\nnpm error\nnpm error If you are behind a proxy, please make sure that the\n",
                "ECONNREFUSED",
                "FetchError: request to https://npm.corp.example/a failed, reason: connect ECONNREFUSED 127.0.0.9:443",
            ),
            ("npm error code EMPTY\n", "EMPTY", ""),
            (
                "\u{1b}[1mnpm\u{1b}[22m \u{1b}[31merror\u{1b}[39m \u{1b}[94mcode\u{1b}[39m E404\n\u{1b}[1mnpm\u{1b}[22m \u{1b}[31merror\u{1b}[39m 404 Not Found \u{1b}[2K\n",
                "E404",
                "404 Not Found \u{1b}[2K",
            ),
        ];
        for (stderr, code, summary) in cases {
            let error = parse(stderr).unwrap();
            assert_eq!((error.code.as_str(), error.summary.as_str()), (code, summary));
        }
    }

    #[test]
    fn output_without_a_code_has_no_error() {
        assert_eq!(parse("npm warn deprecated x\nadded 3 packages\n"), None);
    }
}
