//! A last look at every text that goes out: values that are known to be secret, and what
//! has the form of a token.
//!
//! The first line of defence is to take no secret in; this is the second.

use crate::project::npmrc::names_a_secret;
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

/// Characters of a sha512 in base64.
const LONGEST_DIGEST: usize = 88;

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
            let encoded: String = url::form_urlencoded::byte_serialize(secret.expose().as_bytes()).collect();
            let encoded = Some(encoded).filter(|encoded| encoded != secret.expose());
            let forms = [Some(STANDARD.encode(secret.expose())), inner, password, encoded];
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
        tokens(&blocks(&phrases(&blot_urls(&text))))
    }

    /// The same for a text that is JSON: what is written in it with escapes is found too.
    /// Below `config` of a package.json what is named like a secret is one.
    pub fn conceal_json_text(&self, text: &str) -> String {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return self.conceal(text) };
        let mut concealed = self.conceal_json(value.clone());
        if let Some(config) = concealed.get_mut("config").and_then(serde_json::Value::as_object_mut) {
            for (key, value) in
                config.iter_mut().filter(|(key, value)| names_a_secret(key) && value.is_string())
            {
                *value = serde_json::Value::String(format!("[redacted:{key}]"));
            }
        }
        match concealed == value {
            true => text.to_owned(),
            false => serde_json::to_string_pretty(&concealed)
                .map_or_else(|_| self.conceal(text), |text| text + "\n"),
        }
    }

    /// The same for every text in a JSON value, keys of objects included.
    pub fn conceal_json(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            // Digests are random by nature: what looks like a token in one is none.
            Value::String(text) if is_integrity(&text) => Value::String(text),
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

/// Whether a text is a lockfile's `integrity` and nothing else: `sha512-…`, several with a
/// space between them.
fn is_integrity(text: &str) -> bool {
    let is_digest = |word: &str| {
        let Some((algorithm, digest)) = word.split_once('-') else { return false };
        let bytes = match algorithm {
            "sha1" => 20,
            "sha256" => 32,
            "sha384" => 48,
            "sha512" => 64,
            _ => return false,
        };
        STANDARD.decode(digest).is_ok_and(|decoded| decoded.len() == bytes)
    };
    !text.is_empty() && text.split(' ').all(is_digest)
}

/// What stands before a colon and is no user: `npm:left-pad@1.3.0`.
const PROTOCOLS: [&str; 13] = [
    "npm",
    "file",
    "link",
    "workspace",
    "portal",
    "patch",
    "git",
    "github",
    "gitlab",
    "bitbucket",
    "gist",
    "http",
    "https",
];

/// Secrets by the words around them: `TOKEN=…`, `--_authToken=…`, `Bearer …`, `-u me:…`,
/// and `me:…@host` where no scheme makes it a URL.
fn phrases(text: &str) -> String {
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '&' | '|' | '<' | '>');
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, String::new());
    while !rest.is_empty() {
        let gap = rest.find(|c| !ends(c)).unwrap_or(rest.len());
        out.push_str(&rest[..gap]);
        rest = &rest[gap..];
        let end = rest.find(ends).unwrap_or(rest.len());
        let (word, next) = rest.split_at(end);
        out.push_str(&phrase(&before, word));
        before = word.to_owned();
        rest = next;
    }
    out
}

/// A word with what of it is secret behind the word before it.
fn phrase(before: &str, word: &str) -> String {
    let is_hidden = word.starts_with("[redacted") || word.starts_with('$') || word.is_empty();
    if is_hidden {
        return word.to_owned();
    }
    let announced = ["bearer", "basic"].iter().any(|it| before.eq_ignore_ascii_case(it)) && word.len() >= 6;
    let user = matches!(before, "-u" | "--user") && word.contains(':');
    if announced || user {
        return format!("[redacted:{before}]");
    }
    if let Some((name, value)) = word.split_once('=') {
        let bare = name.rsplit(['-', ':', '/', '?']).next().unwrap_or(name).trim_start_matches('D');
        let hidden = value.is_empty() || value.starts_with("[redacted") || value.starts_with('$');
        if !hidden
            && !bare.is_empty()
            && (names_a_secret(bare) || names_a_secret(name) || bare.starts_with("_auth"))
        {
            return format!("{name}=[redacted:{bare}]");
        }
    }
    if let Some(at) = word.find("%3A%2F%2F").or_else(|| word.find("%3a%2f%2f"))
        && let Some(end) = word.rfind("%40").filter(|end| *end > at)
    {
        return format!("{}[redacted]{}", &word[..at + 9], &word[end..]);
    }
    userinfo(word).unwrap_or_else(|| word.to_owned())
}

/// `me:secret@host` anywhere in a word that is no URL.
fn userinfo(word: &str) -> Option<String> {
    let at = word.rfind('@')?;
    let (front, host) = word.split_at(at);
    let start = front.rfind(['/', '=', '(']).map_or(0, |start| start + 1);
    let (user, password) = front[start..].split_once(':')?;
    let is_host = host[1..].chars().next().is_some_and(char::is_alphanumeric)
        && host[1..].chars().any(|c| c.is_ascii_alphabetic());
    let is_user = !user.is_empty() && !password.is_empty() && !PROTOCOLS.contains(&user);
    (is_host && is_user).then(|| format!("{}[redacted]{host}", &word[..start]))
}

/// Whether a text holds a word that nobody would make up but by chance: of at least twenty
/// characters with capitals, small letters and digits in it, or with letters and digits
/// and no meaning as a hash.
pub fn looks_random(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().any(|word| {
        let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
        let is_hash = matches!(word.len(), 40 | 64) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        let long = word.len() >= 24 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
        !is_hash && word.len() >= 20 && (mixed || long)
    })
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
        if at > 0 && bytes[at - 1].is_ascii_alphabetic() || !bytes[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| is_inside(**byte)).count();
        let word = &text[at..at + length];
        let token = TOKENS.iter().find(|(start, least)| {
            word.strip_prefix(start).is_some_and(|rest| {
                rest.len() >= *least
                    && rest.bytes().any(|it| it.is_ascii_digit())
                    // A JWT has points; without any it may be the middle of a digest.
                    && (*start != "eyJ" || rest.contains('.') || rest.len() > LONGEST_DIGEST)
            })
        });
        if let Some((start, _)) = token {
            out.push_str(&text[copied..at]);
            out.push_str(&format!("[redacted:{start}…]"));
            copied = at + length;
        }
        at += if token.is_some() { length } else { 1 };
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

    #[test]
    fn secrets_are_known_by_the_words_around_them() {
        for (text, shown) in [
            ("curl -u me:hunter2 x", "curl -u [redacted:-u] x"),
            ("TOKEN=hunter2 node x.js", "TOKEN=[redacted:TOKEN] node x.js"),
            ("npm ci --_authToken=hunter2", "npm ci --_authToken=[redacted:_authToken]"),
            ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer [redacted:Bearer]"),
            ("-DKEY=hunter2", "-DKEY=[redacted:KEY]"),
            ("//h/:_authToken=hunter2", "//h/:_authToken=[redacted:_authToken]"),
            ("deploy:hunter2@h.example:x/y.git", "[redacted]@h.example:x/y.git"),
            ("//u:hunter2@h.example", "//[redacted]@h.example"),
            ("u:hunter2@proxy.example:8080", "[redacted]@proxy.example:8080"),
            ("https%3A%2F%2Fu%3Ahunter2%40h", "https%3A%2F%2F[redacted]%40h"),
            // What is no secret stays.
            ("npm:left-pad@1.3.0", "npm:left-pad@1.3.0"),
            ("npm:@acme/a@^1.0.0", "npm:@acme/a@^1.0.0"),
            ("git@github.com:acme/x.git", "git@github.com:acme/x.git"),
            (
                "https://npm.acme.example:8443/@acme/a/-/a-1.0.0.tgz",
                "https://npm.acme.example:8443/@acme/a/-/a-1.0.0.tgz",
            ),
            ("TOKEN=$NPM_TOKEN node x", "TOKEN=$NPM_TOKEN node x"),
            ("NODE_ENV=production", "NODE_ENV=production"),
        ] {
            assert_eq!(Known::default().conceal(text), shown, "{text}");
        }
    }

    #[test]
    fn json_is_looked_at_behind_its_escapes() {
        let known = Known::of([Secret::new("x", "hunter2,hunter2")]);
        let text = r#"{"a": "https:\/\/u:hunter2@h\/x", "config": {"password": "open", "port": "80"}, "b": "hunter2%2Chunter2"}"#;
        let shown = known.conceal_json_text(text);
        assert!(!shown.contains("hunter2") && !shown.contains("open") && shown.contains("\"80\""), "{shown}");
        assert_eq!(known.conceal_json_text("{\"a\" : 1}"), "{\"a\" : 1}");
    }

    #[test]
    fn what_looks_random_is_told_from_names_and_hashes() {
        for (text, random) in [
            ("refs/heads/feature/long-name-of-a-branch", false),
            ("0123456789abcdef0123456789abcdef01234567", false),
            ("Aa1Bb2Cc3Dd4Ee5Ff6Gg7", true),
            ("x=abcdefghijklmnopqrstuvwx1", true),
            ("https://ci.example/job/4711", false),
        ] {
            assert_eq!(looks_random(text), random, "{text}");
        }
    }

    #[test]
    fn an_integrity_with_the_look_of_a_token_stays() {
        let digest =
            "eyJ0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCg==";
        let integrity = serde_json::json!({ "integrity": format!("sha512-{digest}") });
        assert_eq!(Known::default().conceal_json(integrity.clone()), integrity);
        let said = format!("npm error wanted sha512-/{} but got", &digest[..80]);
        assert_eq!(Known::default().conceal(&said), said);
        for text in ["sha512-AKIA0123456789ABCDEF", "sha999-eyJhbGciOiJIUzI1NiJ9.e30"] {
            assert!(!is_integrity(text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_integrity_changes(digest in proptest::collection::vec(proptest::num::u8::ANY, 64)) {
            let integrity = serde_json::Value::String(format!("sha512-{}", STANDARD.encode(digest)));
            let known = Known::of([Secret::new("x", "hunter2")]);
            proptest::prop_assert_eq!(known.conceal_json(integrity.clone()), integrity);
        }

        #[test]
        fn no_text_panics_and_twice_is_once(text in "\\PC{0,80}") {
            let once = Known::default().conceal(&text);
            proptest::prop_assert_eq!(Known::default().conceal(&once), once);
        }
    }
}
