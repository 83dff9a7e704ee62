//! The live view on a real terminal (tmux): it is seen while the test runs, and what is left
//! of it are the ends of the runs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use std::path::Path;
use std::process::Command;

/// A terminal of a server of its own; dropping it ends the server.
struct Terminal<'a> {
    socket: &'a Path,
}

impl Terminal<'_> {
    fn tmux(&self, words: &[&str]) -> String {
        let told = Command::new("tmux").arg("-S").arg(self.socket).args(words).output().unwrap();
        assert!(told.status.success(), "{words:?}: {told:?}");
        String::from_utf8(told.stdout).unwrap()
    }

    /// Everything that stands there, with what scrolled away.
    fn contents(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-", "-t", "0"])
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.socket).arg("kill-server").output();
    }
}

/// What is seen while it runs, and what stands there at its end.
fn watched(columns: &str, rows: &str, jobs: &str) -> Option<(Vec<String>, String)> {
    if Command::new("tmux").arg("-V").output().is_err() {
        support::skip("the live view on a terminal", "tmux");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("tmux");
    let terminal = Terminal { socket: &socket };
    let (program, example) = (support::sealcheck(), support::root().join("examples/leaky-shop"));
    let end = folder.path().join("end");
    // The report goes elsewhere: the view is on standard error.
    let command = format!(
        "env HOME='{0}' TERM=screen '{1}' test '{2}' --jobs {jobs} --skip 'tampered*' >'{0}/report'; echo $? >'{3}'; sleep 600",
        folder.path().display(),
        program.display(),
        example.display(),
        end.display()
    );
    terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, &command]);
    let mut seen = Vec::new();
    while !end.exists() {
        seen.push(terminal.contents());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let code = std::fs::read_to_string(&end).unwrap();
    let contents = terminal.contents();
    assert_eq!(code, "1\n", "{contents}\n{}", std::fs::read_to_string(folder.path().join("report")).unwrap());
    Some((seen, contents))
}

fn assert_left(seen: &[String], contents: &str) {
    assert!(seen.iter().any(|it| it.contains("of 10 runs, ")), "it was never seen\n{contents}");
    let lines: Vec<&str> = contents.trim_end().lines().collect();
    assert_eq!(lines.len(), 10, "{contents}");
    for line in lines {
        assert!(line.contains("-1: npm exited with ") && line.ends_with('s'), "`{line}` in\n{contents}");
    }
}

#[test]
fn an_ordinary_terminal_keeps_the_ends_of_the_runs_alone() {
    let Some((seen, contents)) = watched("80", "24", "2") else { return };
    assert_left(&seen, &contents);
    assert!(seen.iter().any(|it| it.contains(" left")), "no estimate was ever shown: {seen:#?}");
}

#[test]
fn many_runs_on_a_low_screen_scroll_nothing_else_away() {
    let Some((seen, contents)) = watched("60", "6", "16") else { return };
    assert_left(&seen, &contents);
    assert!(seen.iter().any(|it| it.contains("more at work")), "{seen:#?}");
}
