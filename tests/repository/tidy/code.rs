//! Just enough of Rust's grammar to see which names a file uses.

/// The code with comments, strings and characters blanked; lines stay where they are.
pub(crate) fn strip(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |out: &mut String, range: &[char]| {
        out.extend(range.iter().map(|character| if *character == '\n' { '\n' } else { ' ' }));
    };
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n),
            ('/', Some('*')) => block_comment(&chars, at),
            ('"', _) => string(&chars, at),
            ('r', Some('"' | '#')) if !word_before(&chars, at) => raw_string(&chars, at),
            ('\'', _) => character(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            blank(&mut out, &chars[at..end]);
            at = end;
        }
    }
    out
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn word_before(chars: &[char], at: usize) -> bool {
    // `br"…"` is a raw string too; any other word before `r` makes it a part of that word.
    at > 0 && is_word(chars[at - 1]) && !(chars[at - 1] == 'b' && (at < 2 || !is_word(chars[at - 2])))
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start + 2, 1);
    while at < chars.len() && depth > 0 {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at.min(chars.len())
}

fn string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn raw_string(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let mut at = start + 1 + hashes;
    if chars.get(at) != Some(&'"') {
        return start;
    }
    at += 1;
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

/// A character's end; a lifetime is no character and ends where it starts.
fn character(chars: &[char], start: usize) -> usize {
    match (chars.get(start + 1), chars.get(start + 2)) {
        (Some('\\'), _) => {
            chars.iter().skip(start + 3).position(|c| *c == '\'').map_or(start, |n| start + n + 4)
        }
        (Some(_), Some('\'')) => start + 3,
        _ => start,
    }
}

/// Lines, from 1, on which `word` stands as a whole word.
pub(crate) fn words(code: &str, word: &str) -> Vec<usize> {
    code.lines()
        .enumerate()
        .filter(|(_, line)| line.split(|c| !is_word(c)).any(|part| part == word))
        .map(|(at, _)| at + 1)
        .collect()
}

/// The names that stand right after `ROOT::`, with their lines; of a group
/// (`ROOT::{a::b, c}`) the first name of each member.
pub(crate) fn heads(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let path = format!("{root}::");
    for (at, _) in code.match_indices(&path) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| is_word(c) || c == ':') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        members(&code[at + path.len()..], line, &mut found);
    }
    found
}

fn members(rest: &str, line: usize, found: &mut Vec<(usize, String)>) {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        found.push((line, rest.chars().take_while(|c| is_word(*c)).collect()));
        return;
    };
    let (mut depth, mut line, mut name, mut taken) = (0, line, String::new(), false);
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push((line, std::mem::take(&mut name)));
                taken = false;
            }
            '\n' => line += 1,
            c if depth == 0 && !taken && is_word(c) => name.push(c),
            _ if depth == 0 && !name.is_empty() => taken = true,
            _ => {}
        }
    }
    if !name.is_empty() {
        found.push((line, name));
    }
}

/// The names reached by climbing with `super::` to the root of the crate.
pub(crate) fn supers(path: &str, code: &str) -> Vec<(usize, String)> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs").trim_end_matches("/mod");
    let climb = "super::".repeat(inside.split('/').count());
    heads(code, climb.trim_end_matches("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let code =
            strip("a // unsafe\n/* b /* c */ \n d */ e \"f\\\"g\" r#\"h\"i\"# 'j' '\\'' &'static k r#type");
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "e", "&'static", "k", "r#type"]);
        assert_eq!(code.matches('\n').count(), 2);
    }

    #[test]
    fn heads_of_groups_are_found() {
        let code = "use crate::{\n    a::{b, c},\n    d,\n};\nx(crate::e::f); mycrate::g; use ::crate::h;";
        let names: Vec<String> = heads(code, "crate").into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["a", "d", "e"]);
        assert_eq!(heads(code, "crate")[1].0, 3);
    }

    #[test]
    fn climbing_to_the_root_is_seen() {
        assert_eq!(supers("src/a.rs", "use super::b;")[0].1, "b");
        assert_eq!(supers("src/a/b.rs", "use super::super::c::D;")[0].1, "c");
        assert!(supers("src/a/b.rs", "use super::c;").is_empty());
        assert_eq!(supers("src/a/mod.rs", "super::x::y")[0].1, "x");
    }
}
