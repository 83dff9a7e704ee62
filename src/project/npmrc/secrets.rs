//! Which settings are secrets, and a text of an npmrc without them.

use super::Value;
use super::ini;
use super::variables::Replaced;
use crate::project::places::blot_urls;
use crate::secret::Secret;

/// Whether a key holds a token, a password or a private key.
pub(crate) fn is_secret(key: &str) -> bool {
    // `//host:8080/:_authToken`: what counts stands behind the last colon.
    let base = key.rsplit(':').next().unwrap_or(key);
    // How npm logs in, and when it says who it is: words of its own.
    let is_manner = matches!(base.replace('_', "-").as_str(), "auth-type" | "always-auth");
    !is_manner && (base.starts_with('_') || matches!(base, "key" | "cert" | "otp") || names_a_secret(base))
}

/// Whether a name (of a key or of a variable) speaks of a secret.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts: Vec<&str> = name.split(['_', '-', '.']).collect();
    ["token", "secret", "password", "passwd", "credential", "apikey"].iter().any(|word| name.contains(word))
        || parts.iter().any(|part| matches!(*part, "auth" | "jwt" | "pass" | "pat" | "key" | "pw"))
}

/// Whether a text is a URL that carries credentials.
fn carries_credentials(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.password().is_some() || !url.username().is_empty())
}

/// The value after replacement.
///
/// A registry's URL stays plain, without the credentials it may carry: they
/// are a [`super::Credential`] of their own. In a file of the tested project a
/// variable may name anything of the caller's, so what it gave is kept
/// secret unless the key is one that an install cannot be understood without.
pub(super) fn value(key: &str, replaced: &Replaced, from_project: bool) -> Value {
    let text = &replaced.text;
    let label = label(key, replaced);
    let set = || replaced.variables.iter().filter(|(_, set)| *set).map(|(name, _)| name);
    if is_secret(key) || set().any(|name| names_a_secret(name)) {
        return Value::Secret(Secret::new(label, text.clone()));
    }
    if is_registry(key) {
        return Value::Plain(without_credentials(text));
    }
    let foreign_variable = from_project && set().next().is_some() && !takes_variables(key);
    if carries_credentials(text) || foreign_variable {
        return Value::Secret(Secret::new(label, text.clone()));
    }
    Value::Plain(text.clone())
}

/// The value as written: secret only where a secret is written out in clear.
pub(super) fn raw(key: &str, written: &str, replaced: &Replaced) -> Value {
    if (is_secret(key) && replaced.literal) || carries_credentials(written) {
        return Value::Secret(Secret::new(label(key, replaced), written));
    }
    Value::Plain(written.to_owned())
}

/// The variable, where the whole value is one; else the key.
fn label(key: &str, replaced: &Replaced) -> String {
    match replaced.variables.as_slice() {
        [(name, _)] if !replaced.literal => name.clone(),
        _ => key.to_owned(),
    }
}

pub(super) fn is_registry(key: &str) -> bool {
    key == "registry" || key.ends_with(":registry") || key == "replace-registry-host"
}

/// Keys whose value must be known to tell what npm will do, and that take
/// addresses and paths.
fn takes_variables(key: &str) -> bool {
    const KEYS: [&str; 12] = [
        "proxy",
        "https-proxy",
        "http-proxy",
        "noproxy",
        "cafile",
        "cache",
        "prefix",
        "userconfig",
        "globalconfig",
        "scope",
        "omit",
        "include",
    ];
    KEYS.contains(&key)
}

fn without_credentials(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        Ok(_) | Err(_) => text.to_owned(),
    }
}

/// The text of an npmrc, line for line, with every secret that is written out
/// in clear replaced by its label, also in comments.
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let lines = ini::parse(text);
    let mut next = lines.iter().peekable();
    let mut copied = 0;
    for span in ini::lines(text) {
        out.push_str(&text[copied..span.start]);
        copied = span.end;
        let line = &text[span.clone()];
        let setting = next.next_if(|line| line.line == span);
        match setting {
            Some(setting) if is_secret(&setting.key) && has_literal(&setting.value) => {
                out.push_str(&text[span.start..setting.value_span.start]);
                out.push_str(&format!("[redacted:{}]", setting.key));
            }
            Some(setting) => {
                let value = &text[setting.value_span.clone()];
                let comment = comment_start(value).filter(|at| speaks_of_secret(&value[*at..]));
                let end = comment.map_or(span.end, |at| setting.value_span.start + at + 1);
                out.push_str(&blot_urls(&text[span.start..end]));
                if comment.is_some() {
                    out.push_str("[redacted]");
                }
            }
            None if ini::is_comment(line) && speaks_of_secret(line) => {
                // A token that was commented out is a token still.
                let (before, after) = line.split_once('=').unwrap_or((line, ""));
                out.push_str(before);
                if !after.is_empty() {
                    out.push_str("=[redacted]");
                }
            }
            None => out.push_str(&blot_urls(line)),
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// Where a comment begins in a value that is not quoted.
fn comment_start(value: &str) -> Option<usize> {
    if value.starts_with(['"', '\'']) {
        return None;
    }
    let bytes = value.as_bytes();
    (0..bytes.len()).find(|at| matches!(bytes[*at], b';' | b'#') && (*at == 0 || bytes[*at - 1] != b'\\'))
}

fn speaks_of_secret(comment: &str) -> bool {
    let comment = comment.to_ascii_lowercase();
    ["_auth", "_password", "token", "npm_"].iter().any(|word| comment.contains(word))
}

fn has_literal(value: &str) -> bool {
    !value.is_empty() && super::variables::replace(value, &std::collections::BTreeMap::new(), true).literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_key() {
        for secret in [
            "_authToken",
            "//h:80/p/:_authToken",
            "//h/:_password",
            "_auth",
            "key",
            "//h/:key",
            "cert",
            "otp",
            "my-api-token",
            "_secret",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for open in ["registry", "@acme:registry", "//h/:username", "//h/:keyfile", "cafile", "email", "omit"]
        {
            assert!(!is_secret(open), "{open}");
        }
    }

    #[test]
    fn no_secret_stays_in_the_text_and_no_line_moves() {
        let text = "; c\r\n//h/:_authToken=hunter2\r\n#//h/:_auth=hunter2\nregistry=https://u:hunter2@h/\n\
                    //h/:_password=${PW}\naudit=false\ncache=x # _auth=hunter2\nproxy=https://${HOST?}/\n[x]\n_auth = \"hunter2\"";
        let shown = redact(text);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(shown.lines().count(), text.lines().count());
        assert!(shown.contains("//h/:_password=${PW}\naudit=false\n"), "{shown}");
        assert!(shown.contains("proxy=https://${HOST?}/\n"), "{shown}");
        assert!(shown.starts_with("; c\r\n//h/:_authToken=[redacted:"), "{shown}");
    }
}
