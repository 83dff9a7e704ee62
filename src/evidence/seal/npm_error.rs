//! Reads npm's own error out of its output.

use crate::evidence::fact::NpmError;

/// Lines of the explanation that are kept.
const LINES: usize = 6;
/// Characters of the explanation that are kept.
const CHARS: usize = 600;

/// The first `code` line and the lines after it. npm 10 and later write
/// `npm error code X`, earlier ones `npm ERR! code X`. What lifecycle scripts
/// print is not prefixed, but a script can forge the prefix; npm's own error
/// comes last, so the last `code` line is the one.
pub(super) fn parse(stderr: &str) -> Option<NpmError> {
    let lines: Vec<&str> = stderr.lines().filter_map(own).collect();
    let at = lines.iter().rposition(|line| line.starts_with("code "))?;
    let code: String = lines[at].trim_start_matches("code ").trim().chars().take(60).collect();
    let summary: Vec<&str> = lines[at + 1..]
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && !noise(line))
        .take(LINES)
        .collect();
    Some(NpmError { code, summary: summary.join(" ").chars().take(CHARS).collect() })
}

fn own(line: &str) -> Option<&str> {
    let rest = line.trim_end_matches('\r');
    let rest = rest.strip_prefix("npm error").or_else(|| rest.strip_prefix("npm ERR!"))?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

fn noise(line: &str) -> bool {
    ["errno ", "syscall ", "A complete log of this run", "/"].iter().any(|start| line.starts_with(start))
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
                "npm error code 3\nnpm error path /project/node_modules/a\nnpm error command failed\n",
                "3",
                "path /project/node_modules/a command failed",
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
