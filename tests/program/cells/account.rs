//! What an install did, in the words that both sides use, as the observer and the disk tell
//! it; and where two accounts differ. It must not know the program's report.

use crate::cells::observer::{FOREIGN, Heard, PRIVATE, asked, public_host};
use std::collections::{BTreeMap, BTreeSet};

/// The lifecycle events of an install.
pub const EVENTS: [&str; 6] = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare"];

/// What an install did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    /// The exit code, and npm's own code where it printed one.
    pub ended: String,
    /// Of each locked package: whose bytes lie on the disk, and who served them. Only
    /// where npm exited 0: what it leaves behind otherwise is chance.
    pub tree: BTreeMap<String, String>,
    /// Who was asked for what, and what was answered: `public packument left-over 200`.
    pub asked: BTreeSet<String>,
    /// Which scripts ran, and whose: `stranger @acme/internal postinstall`.
    pub scripts: BTreeSet<String>,
    /// Who was shown a credential.
    pub trusted: BTreeSet<String>,
}

/// How an account speaks of a host.
pub fn role(host: &str) -> String {
    match host {
        host if host == PRIVATE => "private".to_owned(),
        host if host == public_host() => "public".to_owned(),
        host if host.contains("stranger") => "stranger".to_owned(),
        host => host.to_owned(),
    }
}

pub fn ended(exit: Option<i64>, code: Option<&str>) -> String {
    // Whether a reset finds npm before or after the head of the answer is chance: it exits
    // with the error's number, or with 1.
    let exit = if code == Some("ECONNRESET") { Some(1) } else { exit };
    let exit = exit.map_or("a signal".to_owned(), |exit| exit.to_string());
    format!("exit {exit}, {}", code.unwrap_or("no code"))
}

/// `npm error code E404`, or `npm ERR! code E404`.
fn code(stderr: &str) -> Option<&str> {
    let of = |line: &'static str| stderr.lines().find_map(move |text| text.strip_prefix(line));
    of("npm error code ").or_else(|| of("npm ERR! code ")).map(str::trim)
}

impl Account {
    /// By the observer's log, the lines that scripts wrote, and the disk.
    pub fn observed(
        exit: Option<i32>,
        stderr: &str,
        heard: &[Heard],
        lines: &str,
        modules: &std::path::Path,
        locked: &BTreeMap<String, String>,
    ) -> Self {
        let mut account = Self { ended: ended(exit.map(Into::into), code(stderr)), ..Self::default() };
        for one in heard {
            let kind = match one.path.as_str() {
                path if path.ends_with(".tgz") => "tarball",
                path if path.starts_with("/-/") => continue,
                _ => "packument",
            };
            let host = role(&one.host);
            account.asked.insert(format!("{host} {kind} {} {}", asked(&one.path), one.status));
            if one.authorized {
                account.trusted.insert(host);
            }
        }
        account.scripts =
            lines.lines().filter(|line| !line.starts_with("lost ")).map(str::to_owned).collect();
        if exit == Some(0) {
            for (path, genuine) in locked {
                let folder = modules.join(path);
                let whose = match std::fs::read_to_string(folder.join("index.js")) {
                    Ok(text) if text == *genuine => "genuine",
                    Ok(text) if text == FOREIGN => "stranger's",
                    Ok(_) => "tampered",
                    Err(_) => "absent",
                };
                let name = path.rsplit("node_modules/").next().unwrap_or(path);
                let served = heard.iter().rfind(|one| one.path.ends_with(".tgz") && asked(&one.path) == name);
                let from = match served {
                    _ if whose == "absent" => "nobody".to_owned(),
                    Some(one) if one.status == 200 => role(&one.host),
                    Some(_) | None => "nobody".to_owned(),
                };
                account.tree.insert(path.clone(), format!("{whose} from {from}"));
            }
        }
        account
    }

    /// What somebody saw and the other did not, each a line.
    pub fn differences(&self, told: &Self) -> Vec<String> {
        let mut out = Vec::new();
        if self.ended != told.ended {
            out.push(format!("npm ended with {}, and is reported with {}", self.ended, told.ended));
        }
        let paths: BTreeSet<&String> = self.tree.keys().chain(told.tree.keys()).collect();
        for path in paths {
            let (seen, said) = (self.tree.get(path), told.tree.get(path));
            if seen != said {
                out.push(format!("{path} is {seen:?}, and is reported {said:?}"));
            }
        }
        for (what, seen, said) in [
            ("asked", &self.asked, &told.asked),
            ("ran", &self.scripts, &told.scripts),
            ("was shown a credential", &self.trusted, &told.trusted),
        ] {
            let bins = |line: &&String| what != "ran" || EVENTS.iter().any(|event| line.ends_with(event));
            out.extend(seen.difference(said).filter(bins).map(|line| format!("{what}, unreported: {line}")));
            out.extend(said.difference(seen).map(|line| format!("{what}, as reported only: {line}")));
        }
        out
    }
}
