//! The log of a step as a runner reads it: which of its lines are commands to the runner.
//!
//! After `ActionCommand` and `ActionCommandManager` of the runner's own source: `::name …::`
//! at the beginning of a line, blanks aside, and `##[name …]` anywhere in it.

/// Names of commands and their data, in order. Of those between `stop-commands` and its
/// token there is none.
pub(crate) fn commands(log: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    for line in log.lines() {
        let Some((name, data)) = command(line) else { continue };
        match &token {
            Some(until) if *until == name => token = None,
            Some(_) => continue,
            None if name == "stop-commands" => token = Some(data.clone()),
            None => {}
        }
        found.push((name, data));
    }
    assert_eq!(token, None, "the log ends while commands are stopped:\n{log}");
    found
}

fn command(line: &str) -> Option<(String, String)> {
    let name = |head: &str| head.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    let second = line.trim_start().strip_prefix("::").and_then(|rest| rest.split_once("::"));
    if let Some((head, data)) = second.filter(|(head, _)| is_name(&name(head))) {
        return Some((name(head), data.to_owned()));
    }
    let (head, data) = line.split_once("##[")?.1.split_once(']')?;
    is_name(&name(head)).then(|| (name(head), data.to_owned()))
}

/// A runner knows a dozen; whatever could be one counts here.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[test]
fn commands_are_found_where_a_runner_finds_them() {
    let log = "a ::error::no\n  ::set-output name=a::b\nc ##[add-mask]d\n::stop-commands::t1\n::error::no\n::t1::\n::e e::f";
    let names: Vec<String> = commands(log).into_iter().map(|(name, data)| format!("{name}={data}")).collect();
    assert_eq!(names, ["set-output=b", "add-mask=d", "stop-commands=t1", "t1=", "e=f"]);
}
