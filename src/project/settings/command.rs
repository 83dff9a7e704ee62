//! Words of a command, split as a shell would split them; no shell runs them.

/// Why a command is none that can be run without a shell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// A quote is never closed.
    #[error("a quote is never closed")]
    Quote,
    /// Something only a shell understands.
    #[error("`{0}` needs a shell, and the command is run without one")]
    Shell(char),
    /// No words.
    #[error("the command is empty")]
    Empty,
}

/// Splits at white space; quotes and backslashes keep it.
pub fn split_words(text: &str) -> Result<Vec<String>, BadCommand> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or(BadCommand::Quote)? {
                        end if end == letter => break,
                        '\\' if letter == '"' => word.push(letters.next().ok_or(BadCommand::Quote)?),
                        shell @ ('$' | '`') if letter == '"' => return Err(BadCommand::Shell(shell)),
                        inner => word.push(inner),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next().ok_or(BadCommand::Quote)?),
            '&' | '|' | ';' | '<' | '>' | '$' | '`' | '(' | ')' | '\n' => {
                return Err(BadCommand::Shell(letter));
            }
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    if words.is_empty() { Err(BadCommand::Empty) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        for (text, words) in [
            ("npm ci", &["npm", "ci"][..]),
            ("  npm   ci --omit=dev ", &["npm", "ci", "--omit=dev"]),
            ("npm ci '--a b' \"c \\\" d\" e\\ f", &["npm", "ci", "--a b", "c \" d", "e f"]),
            ("npm ci ''", &["npm", "ci", ""]),
            ("npm ci --a='x;y'", &["npm", "ci", "--a=x;y"]),
        ] {
            assert_eq!(split_words(text).unwrap(), words, "{text}");
        }
        for (text, bad) in [
            ("", BadCommand::Empty),
            ("npm 'ci", BadCommand::Quote),
            ("npm ci && npm test", BadCommand::Shell('&')),
            ("npm ci --x=$HOME", BadCommand::Shell('$')),
            ("npm ci \"$HOME\"", BadCommand::Shell('$')),
            ("npm ci \\", BadCommand::Quote),
        ] {
            assert_eq!(split_words(text), Err(bad), "{text}");
        }
    }
}
