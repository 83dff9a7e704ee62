//! Text in the log of a CI system, whose runner reads it as well.
//!
//! GitHub's runner takes `::name …::` at the beginning of a line and `##[name …]` anywhere
//! for a command, as Azure's does `##vso[name …]` and TeamCity `##teamcity[…]`: a package
//! of that name could set an output of the step, or hide what follows. Whatever is printed
//! for people goes through here; nothing here knows what the text is about.

/// `text` of any number of lines with its first character escaped of what a runner could
/// take for a command. Colours of our own may stand before it.
pub fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let begin = line.len() - begin(line).len();
        let (mut done, mut rest) = (&line[..begin], &line[begin..]);
        out.push_str(done);
        if let Some(after) = rest.strip_prefix("::") {
            out.push_str("\\x3a:");
            rest = after;
        }
        while let Some(at) = rest.find("##") {
            (done, rest) = rest.split_at(at + 1);
            out.push_str(done);
            // The second `#` is the one that is escaped: the rest of a run of them follows.
            let after = &rest[1..];
            let name = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
            if after[name..].starts_with('[') {
                out.push_str("\\x23");
                rest = after;
            }
        }
        out.push_str(rest);
    }
    out
}

/// A line behind its blanks and colours.
fn begin(line: &str) -> &str {
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start();
        let colour = trimmed.strip_prefix("\u{1b}[").and_then(|it| it.split_once('m'));
        match colour.filter(|(code, _)| code.bytes().all(|it| it.is_ascii_digit() || it == b';')) {
            Some((_, behind)) => rest = behind,
            None => return trimmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_runner_could_obey_is_escaped_and_nothing_else() {
        for (text, shown) in [
            ("::set-output name=a::b", "\\x3a:set-output name=a::b"),
            ("a\n \t::stop-commands::t\n", "a\n \t\\x3a:stop-commands::t\n"),
            ("\u{1b}[1;31m ::error::x\u{1b}[0m", "\u{1b}[1;31m \\x3a:error::x\u{1b}[0m"),
            ("\u{2003}::error::x", "\u{2003}\\x3a:error::x"),
            ("a ##[set-output name=a]b", "a #\\x23[set-output name=a]b"),
            ("####[add-mask]b ##[c]", "###\\x23[add-mask]b #\\x23[c]"),
            ("##vso[task.setvariable]x", "#\\x23vso[task.setvariable]x"),
            ("##teamcity[buildStatus]", "#\\x23teamcity[buildStatus]"),
            ("fe80::1 is at a::b", "fe80::1 is at a::b"),
            ("## What it means\n### [x]", "## What it means\n### [x]"),
            ("", ""),
        ] {
            assert_eq!(inert(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_line_is_a_command(text in "[ \n:#a\\[\\]\u{1b}m0]{0,40}") {
            let inert = inert(&text);
            prop_assert!(!inert.contains("##["), "{inert:?}");
            prop_assert!(inert.lines().all(|line| !line.trim_start().starts_with("::")), "{inert:?}");
            prop_assert_eq!(super::inert(&inert), inert);
        }
    }
}
