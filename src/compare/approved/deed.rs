//! The words of what scripts do, and when one line of a baseline covers another.
//!
//! What a machine, a toolchain's version or chance puts into a text is taken out of it.

use super::super::noise::settled;
use super::super::side::Install;
use crate::evidence::fact::Process;
use crate::evidence::seal::PROJECT;
use crate::evidence::tree::hex;
use sha2::{Digest, Sha256};

/// The home folder inside a sandbox.
const HOME: &str = "/home/npm";
/// The most characters of a command that are kept.
const LONGEST: usize = 200;

/// Where node and npm lie in a run's sandbox; both are the run's own first words.
pub(super) struct Terms {
    node: Option<String>,
    npm: Option<String>,
}

impl Terms {
    pub(super) fn of(run: &Install<'_>) -> Self {
        let command = run.processes.iter().find(|process| process.parent.is_none());
        let word = |at: usize| command.and_then(|command| command.argv.get(at)).cloned();
        let npm = word(1).and_then(|cli| cli.strip_suffix("/bin/npm-cli.js").map(str::to_owned));
        Self { node: word(0).filter(|node| node.starts_with('/')), npm }
    }

    /// The command of a process.
    pub(super) fn command(&self, process: &Process) -> String {
        let words: Vec<String> = process.argv.iter().map(|word| self.text(word)).collect();
        clipped(&words.join(" "))
    }

    /// A path inside a sandbox, as the project's owner would write it.
    pub(super) fn path(&self, path: &str) -> String {
        clipped(&self.text(path))
    }

    fn text(&self, text: &str) -> String {
        let mut text = masked(text).replace('*', "\\*");
        if self.node.as_deref() == Some(&text) || text == "/toolchain/bin/node" {
            return "node".to_owned();
        }
        if let Some(npm) = &self.npm {
            text = text.replace(npm.as_str(), "{npm}");
        }
        text = text.replace(&format!("{PROJECT}/"), "");
        if text == PROJECT {
            ".".clone_into(&mut text);
        }
        without_clone(&text).replace(&format!("{HOME}/"), "~/")
    }
}

/// A text without the name that npm makes up for the clone of a repository.
fn without_clone(text: &str) -> String {
    const CLONE: &str = "/_cacache/tmp/git-clone";
    match text.split_once(CLONE) {
        Some((before, _)) => {
            let start = before.rfind([' ', '=', '\'', '"']).map_or(0, |at| at + 1);
            format!("{}{}", &text[..start], settled(&text[start..]))
        }
        None => text.to_owned(),
    }
}

/// A long text by its beginning and a digest of the whole.
fn clipped(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head}… sha256:{}", hex(&Sha256::digest(text.as_bytes())[..8]))
}

/// A text without credentials and queries of URLs, and without what looks like a token. Real
/// ones never come into a sandbox; what a project's own files hold may.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "'\"`<>|;)".contains(c)).unwrap_or(after.len());
        let (url, beyond) = after.split_at(end);
        let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
        let url = match url[..authority].rfind('@') {
            Some(at) => {
                out.push_str("[redacted:url]");
                &url[at..]
            }
            None => url,
        };
        match url.find('?') {
            Some(at) => {
                out.push_str(&url[..at]);
                out.push_str("?[redacted:query]");
            }
            None => out.push_str(url),
        }
        rest = beyond;
    }
    out.push_str(rest);
    without_tokens(&out)
}

/// How tokens of services begin that everybody knows.
const TOKENS: [&str; 14] = [
    "npm_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "glcbt-",
    "sk-ant-",
    "sk-proj-",
    "xoxb-",
    "AKIA",
    "eyJ",
    "bnBtX",
];

fn without_tokens(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_token) {
        out.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|c: char| !is_token(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        // What begins so and goes on in words is a name: `npm_config_user_agent`.
        let token = TOKENS.iter().find(|prefix| {
            let rest = word.strip_prefix(**prefix).unwrap_or_default();
            let parts = rest.split(|c: char| !c.is_ascii_alphanumeric());
            parts.map(str::len).max().unwrap_or_default() >= 16
        });
        match token {
            Some(prefix) => {
                out.push_str(&format!("[redacted:{}]", prefix.trim_end_matches(['_', '-'])));
            }
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a line of a baseline covers what was seen: the same but for `*` (letters and
/// digits, at least one) and `**` (anything). A star of the text's own stands as `\*`.
pub(super) fn covers(line: &str, seen: &str) -> bool {
    let (mut line, mut seen) = (line, seen);
    loop {
        if let Some(rest) = line.strip_prefix("\\*") {
            let Some(after) = seen.strip_prefix("\\*") else { return false };
            (line, seen) = (rest, after);
        } else if line == "**" {
            return true;
        } else if let Some(rest) = line.strip_prefix('*') {
            let end = seen.find(|c: char| !c.is_alphanumeric()).unwrap_or(seen.len());
            if end == 0 && !seen.starts_with('*') {
                return false;
            }
            (line, seen) = (rest, seen.get(end.max(1)..).unwrap_or_default());
        } else {
            match (line.chars().next(), seen.chars().next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if one == other => {
                    (line, seen) = (&line[one.len_utf8()..], &seen[other.len_utf8()..]);
                }
                (None | Some(_), None | Some(_)) => return false,
            }
        }
    }
}

/// Whether a line stands for more than itself.
pub(super) fn is_pattern(line: &str) -> bool {
    line.replace("\\*", "").contains('*')
}

/// Whether a connection's pattern names whose host it is: the last two parts of the name
/// are no stars.
pub(super) fn names_a_host(target: &str) -> bool {
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
    let address = host.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ':' | '*'));
    !address && host.rsplit('.').take(2).all(|part| !part.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_covers_what_it_says_and_nothing_else() {
        for (line, seen, expected) in [
            ("sh -c node x.js", "sh -c node x.js", true),
            ("sh -c node x.js", "sh -c node x.js y", false),
            ("/bin/echo *", "/bin/echo n12", true),
            ("/bin/echo *", "/bin/echo", false),
            ("/bin/echo *", "/bin/echo a b", false),
            ("/bin/echo *", "/bin/echo \\*", false),
            ("rm \\*.o", "rm \\*.o", true),
            ("rm \\*.o", "rm a.o", false),
            ("added /tmp/build-*/out.o", "added /tmp/build-x1/out.o", true),
            ("added /tmp/build-*/out.o", "added /tmp/build-x1/in.o", false),
            ("added dist/**", "added dist/a/b.js", true),
            ("added dist/**", "added dist2/a", false),
            ("added /tmp/build-*/**", "added /tmp/build-z/a", true),
            ("cc **", "cc -o a", true),
            ("cc **", "ccache", false),
            ("ö*", "öx", true),
            ("*", "*", true),
        ] {
            assert_eq!(covers(line, seen), expected, "{line} {seen}");
        }
        assert!(is_pattern("a *") && !is_pattern("a \\*"));
    }

    #[test]
    fn a_host_is_named_by_its_end() {
        for (target, expected) in [
            ("a.cdn.example:443", true),
            ("*.cdn.example:443", true),
            ("cdn.*:443", false),
            ("*:443", false),
            ("198.51.100.*:443", false),
            ("cdn-*.example", false),
        ] {
            assert_eq!(names_a_host(target), expected, "{target}");
        }
    }

    #[test]
    fn credentials_and_what_looks_like_one_are_masked() {
        for (text, expected) in [
            ("curl https://u:p@h.example/x", "curl https://[redacted:url]@h.example/x"),
            ("curl 'https://h.example/x?sig=1' -o a", "curl 'https://h.example/x?[redacted:query]' -o a"),
            ("x npm_abcdefghijklmnopqrstuvwxyz0123456789 y", "x [redacted:npm] y"),
            ("T=ghp_abcdefghijklmnopqrstuvwxyz0123456789", "T=[redacted:ghp]"),
            ("npm_config_user_agent", "npm_config_user_agent"),
            ("AKIAYDEIOHKYPGFDDGUJ", "[redacted:AKIA]"),
            ("node install.js", "node install.js"),
            ("https://", "https://"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_command_is_told_by_its_beginning_and_a_digest() {
        let (one, two) = (clipped(&"x".repeat(300)), clipped(&format!("{}y", "x".repeat(299))));
        assert!(one.chars().count() < 230 && one != two, "{one} {two}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(line in "\\PC{0,20}", seen in "\\PC{0,20}") {
            let _ = (covers(&line, &seen), masked(&line), is_pattern(&line), names_a_host(&seen));
            let stars = line.replace(|c: char| !c.is_alphanumeric(), "*");
            let _ = covers(&stars, &seen);
        }
        #[test]
        fn a_line_covers_itself(line in "[a-z /*\\\\]{0,20}") {
            let line = line.replace('*', "\\*");
            proptest::prop_assert!(covers(&line, &line));
        }
    }
}
