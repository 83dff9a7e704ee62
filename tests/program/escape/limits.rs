//! A script that wants all there is of something: the run ends, the machine goes on,
//! and the report says that nothing can be said.

use crate::escape::rig::{Attacked, attack, evil};
use std::time::{Duration, Instant};

/// Whatever the limits are: no run may hold a build for longer.
const LONGEST: Duration = Duration::from_secs(150);

fn timed(script: &str, arguments: &[&str]) -> Attacked {
    let began = Instant::now();
    let all: Vec<&str> = ["--scenario", "baseline"].iter().chain(arguments).copied().collect();
    let attacked = attack(&evil(script), &all, |project| project);
    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    attacked
}

fn unobserved(attacked: &Attacked, because: &str) {
    let run = attacked.run("baseline");
    assert_eq!(run["verdict"], "unobserved", "{:#}", run["output"]);
    assert!(run["because"].to_string().contains(because), "{}", run["because"]);
    assert_eq!(attacked.outcome.status, Some(3), "{}", attacked.outcome.stderr);
}

#[test]
fn a_script_without_an_end_is_ended() {
    unobserved(&timed("setInterval(() => {}, 1000);", &["--timeout", "8s"]), "time limit");
}

#[test]
fn a_bomb_of_processes_is_ended() {
    let script = "require('child_process').spawnSync('sh', ['-c', 'f() { f | f & f; }; f'], { stdio: 'ignore' });\n\
        setInterval(() => {}, 1000);";
    let attacked = timed(script, &["--timeout", "15s"]);
    unobserved(&attacked, "time limit");
}

#[test]
fn a_script_that_takes_all_memory_is_ended() {
    let script = "const all = [];\nfor (;;) all.push(Buffer.alloc(64 << 20, 1));";
    unobserved(&timed(script, &["--timeout", "100s"]), "memory limit");
}

#[test]
fn of_a_flood_of_output_the_end_is_kept() {
    let script = "const fs = require('fs');\n\
        const line = Buffer.from('x'.repeat(1 << 20));\n\
        const all = (fd) => { for (let done = 0; done < line.length; ) {\n\
          try { done += fs.writeSync(fd, line, done); } catch (error) { if (error.code !== 'EAGAIN') throw error; } } };\n\
        for (let at = 0; at < 64; at++) { all(1); all(2); }\n\
        fs.writeSync(1, '\\nthe end of it\\n');";
    let attacked = timed(script, &[]);
    let output = &attacked.run("baseline")["output"];
    for stream in ["stdout_tail", "stderr_tail"] {
        assert!(output[stream].as_str().unwrap().len() <= 16 << 10, "{stream}");
    }
    assert!(output["stdout_tail"].as_str().unwrap().contains("the end of it"), "{}", output["stdout_tail"]);
    assert_eq!(attacked.run("baseline")["exit_code"], 0);
}
