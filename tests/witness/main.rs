//! Hostile processes under the witness, in namespaces of their own.
//!
//! This executable is everything at once: the test run, the room in which a
//! witness is PID 1 with no privileges, and the programs that misbehave there.
//! It therefore has its own `main`; arguments are substrings of test names.
//! Where the machine allows no user namespaces every test fails and says so.

// Namespaces, raw system calls and forks are what is tested.
#![allow(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test asks for one kind of event")]

mod acts;
mod cases;
mod files;
mod hoards;
mod room;
mod second;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("room") => room::enter(std::path::Path::new(&arguments[2])),
        Some("witness") => room::witness(),
        Some("act") => std::process::exit(acts::act(&arguments[2], &arguments[3..])),
        _ => run(&arguments[1..]),
    }
}

fn run(arguments: &[String]) {
    let listing = arguments.iter().any(|argument| argument == "--list");
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut failed = Vec::new();
    for (name, case) in cases::ALL {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        if listing {
            println!("{name}: test");
        } else if std::panic::catch_unwind(case).is_err() {
            println!("test {name} ... FAILED");
            failed.push(name);
        } else {
            println!("test {name} ... ok");
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}
