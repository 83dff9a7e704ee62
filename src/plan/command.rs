//! The install command: split as a shell would, run without one.

use crate::project::Project;
use crate::project::npmrc::{Level, NpmConfig, Setting, Value};
use crate::text::{Complaint, Source};

/// What npm calls `ci`, and its aliases.
const CI: [&str; 5] = ["ci", "clean-install", "ic", "install-clean", "isntall-clean"];
/// What npm calls `install`, and its aliases.
const INSTALL: [&str; 11] =
    ["install", "i", "in", "ins", "inst", "insta", "instal", "isnt", "isnta", "isntal", "isntall"];

/// The words of the project's install command, `npm` first; `npm ci` where
/// nothing is said. The complaint points into `sealcheck.toml` where the
/// command stands there.
pub fn words(project: &Project) -> Result<Vec<String>, Complaint> {
    let text = project.settings.install.command.as_deref().unwrap_or("npm ci");
    read(text).map_err(|(message, help)| {
        let place = project.settings.sources.iter().find_map(|source: &Source| source.find(text));
        match place {
            Some(place) => Complaint::at(place, message).help(help),
            None => Complaint::about(format!("{message} (in `{text}`)")).help(help),
        }
    })
}

fn read(text: &str) -> Result<Vec<String>, (String, String)> {
    let one_command = "give one npm command; `[install] directory` and `env` say where and with what";
    let words = split(text).map_err(|message| (message, one_command.to_owned()))?;
    let Some(first) = words.first() else {
        return Err(("the install command is empty".to_owned(), "`npm ci` is the usual".to_owned()));
    };
    if first.split_once('=').is_some_and(|(name, _)| !name.contains('/')) {
        return Err((
            format!("`{first}` sets a variable, which needs a shell"),
            "put it into `[install] env`".to_owned(),
        ));
    }
    if first != "npm" {
        return Err((
            format!("the install command runs `{first}`, not npm"),
            "only installs by npm are tested, `npm ci` or `npm install`".to_owned(),
        ));
    }
    if verb(&words).is_none() {
        return Err((
            "the command is no install of npm's".to_owned(),
            "use `npm ci` or `npm install`, with whatever options CI gives it".to_owned(),
        ));
    }
    Ok(words)
}

/// Splits into words by the rules of a POSIX shell for quotes and backslashes.
/// What only a shell can do is an error.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"'), '$' | '`') | (None, '$' | '`' | '&' | '|' | ';' | '<' | '>' | '(' | ')' | '\n') => {
                return Err(format!("`{char}` in the install command needs a shell"));
            }
            (Some('"'), '\\') => match chars.next() {
                Some(next @ ('"' | '\\' | '$' | '`')) => word.get_or_insert_default().push(next),
                Some(next) => word.get_or_insert_default().extend(['\\', next]),
                None => return Err("the install command ends in a backslash".to_owned()),
            },
            (Some(_), _) => word.get_or_insert_default().push(char),
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, '\\') => match chars.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("the install command ends in a backslash".to_owned()),
            },
            (None, _) if char.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(char),
        }
    }
    if quote.is_some() {
        return Err("a quote in the install command is never closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// Where the word stands that says what npm is to do.
fn verb(words: &[String]) -> Option<usize> {
    (1..words.len())
        .take_while(|at| words[*at] != "--")
        .find(|at| CI.contains(&words[*at].as_str()) || INSTALL.contains(&words[*at].as_str()))
}

/// Whether the command is `npm ci` by one of its names.
pub(super) fn is_ci(words: &[String]) -> bool {
    verb(words).is_some_and(|at| CI.contains(&words[at].as_str()))
}

/// `npm update --dry-run` in the place of an install; all other words stay.
pub(super) fn as_update(mut words: Vec<String>) -> Vec<String> {
    if let Some(at) = verb(&words) {
        words[at] = "update".to_owned();
    }
    with_option(words, "--dry-run")
}

/// `npm install` in the place of `npm ci`; all other words stay.
pub(super) fn as_install(mut words: Vec<String>) -> Vec<String> {
    if let Some(at) = verb(&words) {
        words[at] = "install".to_owned();
    }
    words
}

/// `npm rebuild` behind an install: all other words stay, but for those that keep scripts
/// from running, since nothing would be built.
pub(super) fn as_rebuild(words: Vec<String>) -> Vec<String> {
    let mut words = without_controls(words, &["ignore-scripts"]);
    if let Some(at) = verb(&words) {
        words[at] = "rebuild".to_owned();
    }
    words
}

/// What switches scripts off.
#[derive(Debug, Clone, Copy)]
pub enum ScriptsOff<'a> {
    /// A word of the command.
    Word(&'a str),
    /// A setting of the configuration.
    Setting(&'a Setting),
}

/// What switches scripts off for a command: its last word on it, as in npm, or else the
/// configuration, in which what another command said counts for nothing.
pub fn scripts_off<'a>(config: &'a NpmConfig, words: &'a [String]) -> Option<ScriptsOff<'a>> {
    if let Some((word, off)) = scripts_switch(words) {
        return off.then_some(ScriptsOff::Word(word));
    }
    let settings = config.settings.iter().filter(|setting| setting.key == "ignore-scripts");
    let setting = settings.filter(|setting| setting.level != Level::Cli).max_by_key(|it| it.level)?;
    match &setting.value {
        Value::Plain(value) if is_on(value) => Some(ScriptsOff::Setting(setting)),
        Value::Plain(_) | Value::Secret(_) => None,
    }
}

/// The last word of a command that switches scripts off (`true`) or on.
pub fn scripts_switch(words: &[String]) -> Option<(&str, bool)> {
    words.iter().enumerate().rev().find_map(|(at, word)| match word.as_str() {
        // npm takes a word behind a switch for its value.
        "--ignore-scripts" => Some((word.as_str(), words.get(at + 1).is_none_or(|value| value != "false"))),
        "--ignore-scripts=true" => Some((word.as_str(), true)),
        "--ignore-scripts=false" | "--no-ignore-scripts" => Some((word.as_str(), false)),
        _ => None,
    })
}

/// Whether the value of a switch means yes.
pub fn is_on(value: &str) -> bool {
    value == "true" || value == "1"
}

/// Adds an option, before a `--` if there is one.
pub fn with_option(mut words: Vec<String>, option: &str) -> Vec<String> {
    if !words.iter().any(|word| word == option) {
        let at = words.iter().position(|word| word == "--").unwrap_or(words.len());
        words.insert(at, option.to_owned());
    }
    words
}

/// An option of the command's with its value, `--key=value` or `--key value`.
pub(super) fn option_values<'a>(words: &'a [String], key: &str) -> Vec<&'a str> {
    let flag = format!("--{key}");
    words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| {
            let rest = word.strip_prefix(&flag)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None if rest.is_empty() => words.get(at + 1).map(String::as_str),
                None => None,
            }
        })
        .collect()
}

/// The registry mappings that the command itself gives: key and URL.
pub(super) fn mappings(words: &[String]) -> Vec<(&str, &str)> {
    words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| {
            let (key, value) = match word.split_once('=') {
                Some((key, value)) => (key, value),
                None => (word.as_str(), words.get(at + 1)?.as_str()),
            };
            let key = key.strip_prefix("--")?;
            (key == "registry" || key.ends_with(":registry")).then_some((key, value))
        })
        .collect()
}

/// The command without the options that set one of `keys`.
pub(super) fn without(words: Vec<String>, keys: impl Fn(&str) -> bool) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word
            .strip_prefix("--")
            .map(|rest| rest.split_once('=').map_or((rest, false), |(k, _)| (k, true)))
        {
            Some((key, has_value)) if !key.is_empty() && keys(key) => {
                if !has_value {
                    words.next();
                }
            }
            Some(_) | None => kept.push(word),
        }
    }
    kept
}

/// The command without npm's install controls: switches, or options with a word after them.
pub(super) fn without_controls(words: Vec<String>, keys: &[&str]) -> Vec<String> {
    const VALUES: [&str; 5] = ["true", "false", "all", "none", "root"];
    let mut kept = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let bare = word.strip_prefix("--").map(|rest| rest.strip_prefix("no-").unwrap_or(rest));
        let key = bare.map(|rest| rest.split('=').next().unwrap_or(rest));
        if key.is_some_and(|key| keys.contains(&key)) {
            let _ = words.next_if(|next| VALUES.contains(&next.as_str()));
        } else {
            kept.push(word);
        }
    }
    kept
}

/// The command without the options that choose workspaces.
pub fn without_workspaces(words: Vec<String>) -> Vec<String> {
    let switches = ["--workspaces", "-ws", "--include-workspace-root", "-iwr"];
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--workspace" || word == "-w" {
            words.next();
        } else if !word.starts_with("--workspace=")
            && !word.starts_with("-w=")
            && !switches.contains(&word.as_str())
        {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> Vec<String> {
        read(text).unwrap()
    }

    #[test]
    fn the_last_word_on_scripts_counts() {
        let switched = |text: &str| scripts_switch(&good(text)).map(|(_, off)| off);
        assert_eq!(switched("npm ci"), None);
        assert_eq!(switched("npm ci --ignore-scripts"), Some(true));
        assert_eq!(switched("npm ci --ignore-scripts --omit=dev"), Some(true));
        assert_eq!(switched("npm ci --ignore-scripts false"), Some(false));
        assert_eq!(switched("npm ci --no-ignore-scripts --ignore-scripts=true"), Some(true));
        assert_eq!(switched("npm ci --ignore-scripts --ignore-scripts=false"), Some(false));
    }

    #[test]
    fn a_rebuild_has_the_other_words_of_the_install_and_scripts() {
        let behind = |text: &str| as_rebuild(good(text)).join(" ");
        assert_eq!(behind("npm ci"), "npm rebuild");
        assert_eq!(behind("npm --prefix web i --ignore-scripts a"), "npm --prefix web rebuild a");
        assert_eq!(behind("npm ci --ignore-scripts=true -w b"), "npm rebuild -w b");
    }

    #[test]
    fn controls_go_with_their_values_and_nothing_else() {
        let keys = ["ignore-scripts", "allow-remote"];
        let opened = |text: &str| without_controls(good(text), &keys).join(" ");
        assert_eq!(opened("npm ci --ignore-scripts --omit=dev"), "npm ci --omit=dev");
        assert_eq!(opened("npm ci --allow-remote none --no-ignore-scripts"), "npm ci");
        assert_eq!(opened("npm ci --ignore-scripts=true --allow-remote=none a"), "npm ci a");
        assert_eq!(opened("npm install --ignore-scripts left-pad"), "npm install left-pad");
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        assert_eq!(good("npm ci"), ["npm", "ci"]);
        assert_eq!(good("  npm   ci --omit=dev "), ["npm", "ci", "--omit=dev"]);
        assert_eq!(
            good(r#"npm ci --a='x y' "b c" d\ e "\"" ''"#),
            ["npm", "ci", "--a=x y", "b c", "d e", "\"", ""]
        );
    }

    #[test]
    fn what_needs_a_shell_or_is_no_install_is_refused_with_advice() {
        for (text, part) in [
            ("cd web && npm ci", "`&`"),
            ("npm ci --x=$HOME", "`$`"),
            ("npm ci \"`id`\"", "shell"),
            ("NODE_ENV=production npm ci", "variable"),
            ("yarn install", "`yarn`"),
            ("npm run build", "no install"),
            ("npm", "no install"),
            ("npm -- ci", "no install"),
            ("", "empty"),
            ("npm ci 'x", "never closed"),
            ("npm ci \\", "backslash"),
        ] {
            let (message, help) = read(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
            assert!(!help.is_empty());
        }
    }

    #[test]
    fn ci_becomes_install_and_nothing_else_changes() {
        assert_eq!(
            as_install(good("npm --silent ci --omit=dev")),
            ["npm", "--silent", "install", "--omit=dev"]
        );
        assert_eq!(as_install(good("npm clean-install")), ["npm", "install"]);
        assert_eq!(as_install(good("npm i x")), ["npm", "install", "x"]);
    }

    #[test]
    fn an_install_becomes_an_update_that_changes_nothing() {
        assert_eq!(as_update(good("npm ci --omit=dev")), ["npm", "update", "--omit=dev", "--dry-run"]);
        assert!(is_ci(&good("npm --silent clean-install")) && !is_ci(&good("npm i")));
    }

    #[test]
    fn an_option_is_added_once_and_before_the_double_dash() {
        assert_eq!(with_option(good("npm ci -- x"), "--y"), ["npm", "ci", "--y", "--", "x"]);
        assert_eq!(with_option(good("npm ci --y"), "--y"), ["npm", "ci", "--y"]);
    }

    #[test]
    fn mappings_on_the_command_line_are_seen_and_taken_away() {
        let words = good("npm ci --registry https://a.example --@acme:registry=https://b.example --omit dev");
        assert_eq!(
            mappings(&words),
            [("registry", "https://a.example"), ("@acme:registry", "https://b.example")]
        );
        assert_eq!(option_values(&words, "omit"), ["dev"]);
        let bare = without(words, |key| key.ends_with("registry"));
        assert_eq!(bare, ["npm", "ci", "--omit", "dev"]);
    }

    #[test]
    fn options_that_choose_workspaces_go_with_their_values() {
        let words = good("npm ci -w packages/ui --workspace=a --workspace b --workspaces --silent");
        assert_eq!(without_workspaces(words), ["npm", "ci", "--silent"]);
    }
}
