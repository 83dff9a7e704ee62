//! Planted secrets: what a thief looks for in a home folder and in variables,
//! in its place and form, and nobody's. They open nothing.
//!
//! Each is made of the invocation's seed and the run's id, never of anything
//! that is the user's. One is planted only where the run has nothing of that
//! name, and none in the project's own folder: a program may read what lies
//! there, and would do something else with it than without.

use super::credential::{Planting, has_secret};
use crate::project::Project;
use crate::project::npmrc::Level;
use crate::secret::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A secret that is for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlantedSecret {
    /// Its label in reports: the variable's name, or the file's below the home folder.
    pub label: String,
    /// The text that is looked for.
    pub value: String,
    /// Services that it would be for: asked there, it is used and has not left.
    pub homes: &'static [&'static str],
}

/// The planted secrets of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlantedSecrets {
    /// What is looked for.
    pub secrets: Vec<PlantedSecret>,
    /// Variables that hold them, for where none of that name is set.
    pub variables: BTreeMap<String, String>,
    /// Files that hold them: path below the home folder, and text.
    pub files: Vec<(String, String)>,
    /// Paths below the home folder that hold a planted value of any kind.
    pub watched: BTreeSet<String>,
}

/// Makes a text of a label, a beginning, a length and an alphabet.
type Text<'a> = dyn Fn(&str, &str, usize, &[u8]) -> String + 'a;

const GITHUB: &[&str] = &["api.github.com", "codeload.github.com", "github.com", "raw.githubusercontent.com"];
const ANTHROPIC: &[&str] = &["api.anthropic.com"];
const OPENAI: &[&str] = &["api.openai.com"];
const NOBODY: &[&str] = &[];

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8; 16] = b"0123456789abcdef";

impl PlantedSecrets {
    /// For the run of this id.
    pub(super) fn of(project: &Project, planting: &Planting, seed: &Secret, run: &str) -> Self {
        let mut all = Self::default();
        let taken = taken(project, planting);
        let text = |label: &str, prefix: &str, length: usize, alphabet: &[u8]| {
            format!("{prefix}{}", Stream::new(seed, run, label).text(length, alphabet))
        };
        let variables: [(&str, String, &'static [&'static str]); 6] = [
            ("ANTHROPIC_API_KEY", text("ANTHROPIC_API_KEY", "sk-ant-api03-", 93, LETTERS) + "AA", ANTHROPIC),
            ("AWS_SECRET_ACCESS_KEY", text("AWS_SECRET_ACCESS_KEY", "", 40, BASE64), NOBODY),
            ("CI_JOB_TOKEN", text("CI_JOB_TOKEN", "glcbt-64_", 20, LETTERS), NOBODY),
            ("GITHUB_TOKEN", text("GITHUB_TOKEN", "ghs_", 36, LETTERS), GITHUB),
            ("NPM_TOKEN", text("NPM_TOKEN", "npm_", 36, LETTERS), NOBODY),
            ("OPENAI_API_KEY", text("OPENAI_API_KEY", "sk-proj-", 48, LETTERS), OPENAI),
        ];
        for (name, value, homes) in variables {
            if !taken.contains(name) {
                all.variables.insert(name.to_owned(), value.clone());
                all.secrets.push(PlantedSecret { label: name.to_owned(), value, homes });
            }
        }
        // An identifier and no secret, but nobody has one without the other.
        if all.variables.contains_key("AWS_SECRET_ACCESS_KEY") && !taken.contains("AWS_ACCESS_KEY_ID") {
            let id = text("AWS_ACCESS_KEY_ID", "AKIA", 16, CAPITALS);
            all.variables.insert("AWS_ACCESS_KEY_ID".to_owned(), id);
        }
        all.plant_files(&text, seed, run);
        if !project.config.files.contains_key(&Level::User) {
            // For a registry that nobody asks: npm would send one of its own registry's with each request.
            let token = text("~/.npmrc", "npm_", 36, LETTERS);
            all.file(".npmrc", format!("//npm.registry.internal/:_authToken={token}\n"), token, NOBODY);
        } else if has_secret(project, Level::User) {
            all.watched.insert(".npmrc".to_owned());
        }
        all
    }

    fn plant_files(&mut self, text: &Text<'_>, seed: &Secret, run: &str) {
        let key = text("~/.aws/credentials", "", 40, BASE64);
        let id = text("~/.aws/credentials id", "AKIA", 16, CAPITALS);
        let aws = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {key}\n");
        self.file(".aws/credentials", aws, key, NOBODY);
        let token = text("~/.claude/.credentials.json", "sk-ant-oat01-", 93, LETTERS) + "AA";
        let claude = format!(
            "{{\"claudeAiOauth\":{{\"accessToken\":\"{token}\",\"expiresAt\":4102444800000,\"scopes\":[\"user:inference\",\"user:profile\"]}}}}\n"
        );
        self.file(".claude/.credentials.json", claude, token, ANTHROPIC);
        let token = text("~/.codex/auth.json", "sk-proj-", 48, LETTERS);
        let codex = format!("{{\n  \"OPENAI_API_KEY\": \"{token}\"\n}}\n");
        self.file(".codex/auth.json", codex, token, OPENAI);
        let token = text("~/.config/gh/hosts.yml", "gho_", 36, LETTERS);
        let gh = format!("github.com:\n    user: ci\n    oauth_token: {token}\n    git_protocol: https\n");
        self.file(".config/gh/hosts.yml", gh, token, GITHUB);
        let password = text("~/.env", "", 32, LETTERS);
        let env = format!("DATABASE_URL=postgres://app:{password}@db.internal:5432/app\n");
        self.file(".env", env, password, NOBODY);
        let token = text("~/.git-credentials", "ghp_", 36, LETTERS);
        self.file(".git-credentials", format!("https://ci:{token}@github.com\n"), token, GITHUB);
        let password = text("~/.netrc", "", 40, HEX);
        let netrc = format!("machine git.internal\n  login ci\n  password {password}\n");
        self.file(".netrc", netrc, password, NOBODY);
        let (ssh, line) = ssh_key(&mut Stream::new(seed, run, "~/.ssh/id_ed25519"));
        self.file(".ssh/id_ed25519", ssh, line, NOBODY);
    }

    fn file(&mut self, path: &str, text: String, value: String, homes: &'static [&'static str]) {
        self.secrets.push(PlantedSecret { label: format!("~/{path}"), value, homes });
        self.files.push((path.to_owned(), text));
        self.watched.insert(path.to_owned());
    }

    /// Whether a secret is used and has not left, where a service is asked with it.
    pub fn is_home(&self, label: &str, host: &str) -> bool {
        self.secrets.iter().any(|secret| secret.label == label && secret.homes.contains(&host))
    }
}

/// Variables that are set already, or that an npmrc mentions: npm leaves one that
/// is not set as it is written.
fn taken(project: &Project, planting: &Planting) -> BTreeSet<String> {
    let mentioned = project.config.settings.iter().flat_map(|setting| &setting.variables);
    let mut taken: BTreeSet<String> = mentioned.map(|(name, _)| name.clone()).collect();
    taken.extend(planting.variables.keys().cloned());
    taken.extend(project.settings.install.env.keys().cloned());
    taken
}

/// A private key as OpenSSH writes it, and the line of it that nobody else has:
/// the one with the whole of the key's seed.
fn ssh_key(stream: &mut Stream) -> (String, String) {
    let public = stream.bytes(32);
    let mut blob = b"openssh-key-v1\0".to_vec();
    let string = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend(u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
        out.extend(bytes);
    };
    for word in ["none", "none", ""] {
        string(&mut blob, word.as_bytes());
    }
    blob.extend(1_u32.to_be_bytes());
    let mut known = Vec::new();
    string(&mut known, b"ssh-ed25519");
    string(&mut known, &public);
    string(&mut blob, &known);
    let check = stream.bytes(4);
    let mut private = [check.clone(), check, known].concat();
    string(&mut private, &[stream.bytes(32), public].concat());
    string(&mut private, b"ci@build");
    for pad in 1.. {
        if private.len() % 8 == 0 {
            break;
        }
        private.push(pad);
    }
    string(&mut blob, &private);
    let encoded = STANDARD.encode(blob);
    let lines: Vec<&str> =
        (0..encoded.len()).step_by(70).map(|at| &encoded[at..encoded.len().min(at + 70)]).collect();
    let text = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        lines.join("\n")
    );
    (text, lines.get(3).copied().unwrap_or_default().to_owned())
}

/// Bytes that are the same for the same seed, run and label.
struct Stream {
    start: Sha256,
    count: u64,
    left: Vec<u8>,
}

impl Stream {
    fn new(seed: &Secret, run: &str, label: &str) -> Self {
        let mut start = Sha256::new();
        for part in ["planted secret", seed.expose(), run, label] {
            start.update((part.len() as u64).to_le_bytes());
            start.update(part);
        }
        Self { start, count: 0, left: Vec::new() }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        while self.left.len() < length {
            let mut next = self.start.clone();
            next.update(self.count.to_le_bytes());
            self.count += 1;
            self.left.extend(next.finalize());
        }
        self.left.drain(..length).collect()
    }

    fn text(&mut self, length: usize, alphabet: &[u8]) -> String {
        let bytes = self.bytes(length);
        bytes.into_iter().map(|byte| char::from(alphabet[usize::from(byte) % alphabet.len()])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{project, seed, sound, sound_lock};
    use super::*;

    fn of(project: &Project, run: &str) -> PlantedSecrets {
        PlantedSecrets::of(project, &Planting::of(project, &seed()), &seed(), run)
    }

    #[test]
    fn they_are_other_ones_in_each_run_and_the_same_in_the_same() {
        let (one, two) = (of(&sound(), "baseline-1"), of(&sound(), "baseline-2"));
        assert_eq!(one, of(&sound(), "baseline-1"));
        for (one, two) in one.secrets.iter().zip(&two.secrets) {
            assert_eq!(one.label, two.label);
            assert_ne!(one.value, two.value, "{}", one.label);
        }
    }

    #[test]
    fn each_lies_where_its_label_says() {
        let all = of(&sound(), "baseline-1");
        for secret in &all.secrets {
            let held = match secret.label.strip_prefix("~/") {
                Some(path) => &all.files.iter().find(|(known, _)| known == path).unwrap().1,
                None => &all.variables[&secret.label],
            };
            assert!(held.contains(&secret.value) && secret.value.len() >= 20, "{}", secret.label);
        }
        let values: BTreeSet<&str> = all.secrets.iter().map(|secret| secret.value.as_str()).collect();
        assert_eq!(values.len(), all.secrets.len());
        assert!(all.variables["AWS_ACCESS_KEY_ID"].starts_with("AKIA"));
        let key = &all.files.iter().find(|(path, _)| path == ".ssh/id_ed25519").unwrap().1;
        let inner: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
        let blob = STANDARD.decode(inner).unwrap();
        // Its length is said before it, and it fills its blocks.
        assert_eq!(u32::from_be_bytes(blob[94..98].try_into().unwrap()) as usize, blob.len() - 98);
        assert_eq!((blob.len() - 98) % 8, 0);
    }

    #[test]
    fn what_the_run_has_already_is_left_alone() {
        // The sample's npmrc is written by it.
        assert!(!of(&sound(), "baseline-1").variables.contains_key("NPM_TOKEN"));
        let user = [(Level::User, "//npm.acme.example/npm/:_authToken=npm_hunter2hunter2\n")];
        let mut project = project(&user, &sound_lock());
        project.settings.install.env.insert("GITHUB_TOKEN".into(), "given".into());
        let all = of(&project, "baseline-1");
        assert!(!all.variables.contains_key("GITHUB_TOKEN") && all.variables.contains_key("NPM_TOKEN"));
        assert!(!all.files.iter().any(|(path, _)| path == ".npmrc"));
        // A planted token is in it all the same.
        assert!(all.watched.contains(".npmrc"));
    }
}
