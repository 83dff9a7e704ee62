//! A last look at every text that goes out: values that are known to be secret, and what
//! has the form of a token.
//!
//! The first line of defence is to take no secret in; this is the second.

use crate::project::places::blot_urls;
use crate::secret::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};

/// How tokens of known services begin, and how many characters follow at least.
const TOKENS: [(&str, usize); 24] = [
    ("npm_", 30),
    ("NpmToken.", 20),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 18),
    ("glcbt-", 18),
    ("gldt-", 18),
    ("AKIA", 16),
    ("ASIA", 16),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("sk-", 32),
    ("sk_live_", 16),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("AIza", 35),
    ("eyJ", 40),
    ("AKCp", 50),
    ("dckr_pat_", 20),
    ("hf_", 30),
];

/// What ends a private key's block.
const BLOCK: (&str, &str) = ("-----BEGIN ", "-----END ");

/// Secrets that are known, to be looked for in other texts.
#[derive(Debug, Clone, Default)]
pub struct Known(Vec<Secret>);

impl Known {
    /// Short ones would be found everywhere.
    const SHORTEST: usize = 6;

    /// Of these values, each also in base64, as npm wants passwords.
    pub fn of(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut all: Vec<Secret> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.expose().len() >= Self::SHORTEST) {
            let inner =
                STANDARD.decode(secret.expose().trim()).ok().and_then(|it| String::from_utf8(it).ok());
            // `user:password`: the password alone is one as well.
            let password =
                inner.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, it)| it.to_owned());
            let forms = [Some(STANDARD.encode(secret.expose())), inner, password];
            let forms = forms.into_iter().flatten().filter(|form| form.len() >= Self::SHORTEST);
            all.extend(forms.map(|form| Secret::new(secret.label(), form)));
            all.push(secret);
        }
        // The longer one first: it may hold the shorter.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(all)
    }

    /// `text` without any of them, without credentials in URLs, and without what looks
    /// like a token.
    pub fn conceal(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.expose()) {
                text = secret.redact(&text);
            }
        }
        tokens(&blocks(&blot_urls(&text)))
    }

    /// The same for every text in a JSON value, keys of objects included.
    pub fn conceal_json(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.conceal(&text)),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.conceal_json(item)).collect())
            }
            Value::Object(map) => Value::Object(
                map.into_iter().map(|(key, item)| (self.conceal(&key), self.conceal_json(item))).collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

/// Private keys, whole.
fn blocks(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(BLOCK.0) {
        let (before, after) = rest.split_at(at);
        let end = after.find(BLOCK.1).map(|end| end + BLOCK.1.len());
        let end = end.and_then(|end| Some(end + after[end..].find("-----")? + 5)).unwrap_or(after.len());
        let (block, next) = after.split_at(end);
        out.push_str(before);
        out.push_str(if block.contains("PRIVATE") { "[redacted:private key]" } else { block });
        rest = next;
    }
    out + rest
}

/// Tokens of known services.
fn tokens(text: &str) -> String {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        if at > 0 && is_inside(bytes[at - 1]) || !bytes[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| is_inside(**byte)).count();
        let word = &text[at..at + length];
        let token = TOKENS.iter().find(|(start, least)| {
            word.strip_prefix(start)
                .is_some_and(|rest| rest.len() >= *least && rest.bytes().any(|it| it.is_ascii_digit()))
        });
        if let Some((start, _)) = token {
            out.push_str(&text[copied..at]);
            out.push_str(&format!("[redacted:{start}…]"));
            copied = at + length;
        }
        at += length.max(1);
    }
    out.push_str(&text[copied..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_go_in_every_form() {
        let known = Known::of([
            Secret::new("_authToken", "hunter2hunter2"),
            Secret::new("_auth", STANDARD.encode("me:open sesame")),
            Secret::new("short", "abc"),
        ]);
        for text in [
            "x hunter2hunter2 y",
            &STANDARD.encode("hunter2hunter2"),
            "pw=open sesame",
            &STANDARD.encode("me:open sesame"),
        ] {
            let shown = known.conceal(text);
            assert!(shown.contains("[redacted:_auth"), "{text}: {shown}");
            assert!(!shown.contains("hunter2") && !shown.contains("sesame"), "{shown}");
        }
        assert_eq!(known.conceal("abc"), "abc");
    }

    #[test]
    fn what_looks_like_a_token_goes() {
        let body = "0123456789abcdefghijABCDEFGHIJ012345";
        for start in ["npm_", "ghp_", "glpat-", "AKIA", "sk-ant-", "eyJhbGciOiJIUzI1NiJ9.", "xoxb-"] {
            let text = format!("a '{start}{body}{body}' b");
            let shown = Known::default().conceal(&text);
            assert!(!shown.contains(body) && shown.starts_with("a '[redacted:"), "{shown}");
        }
        for kept in ["npm_config_registry", "npm_lifecycle_event", "skunk", "sha512-AKIA", "ghp_short1"] {
            assert_eq!(Known::default().conceal(kept), kept);
        }
        let key = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----";
        assert_eq!(Known::default().conceal(&format!("<{key}>")), "<[redacted:private key]>");
        assert_eq!(Known::default().conceal("https://u:p@h/x?sig=1"), "https://[redacted]@h/x?[redacted]");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_twice_is_once(text in "\\PC{0,80}") {
            let once = Known::default().conceal(&text);
            proptest::prop_assert_eq!(Known::default().conceal(&once), once);
        }
    }
}
