//! However the program ends, nothing of it stays: no container, no process of one,
//! no folder.

use crate::rig::{Started, at_each_engine, names};
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt;

const QUICK: &str = "setTimeout(() => {}, 1000);";
const SLOW: &str = "setTimeout(() => {}, 600000);";

#[test]
fn after_a_normal_end() {
    at_each_engine("after_a_normal_end", |engine| {
        let mut started = Started::new(engine, &engine.socket, QUICK, &[]);
        assert_eq!(started.ended().code(), Some(0), "{}", started.said());
        started.assert_nothing_alive();
        started.assert_no_files();
    });
}

fn asked(signal: Signal) {
    at_each_engine(signal.as_str(), |engine| {
        let mut started = Started::new(engine, &engine.socket, SLOW, &[]);
        started.at_its_script();
        started.signal(signal);
        assert_eq!(started.ended().code(), Some(130), "{}", started.said());
        assert_eq!(started.report()["interrupted"], true);
        started.assert_nothing_alive();
        started.assert_no_files();
    });
}

#[test]
fn after_sigint() {
    asked(Signal::SIGINT);
}

#[test]
fn after_sigterm() {
    asked(Signal::SIGTERM);
}

/// The container sees the end of its input and ends with it; what lies on this
/// machine goes with the next start.
#[test]
fn after_sigkill() {
    at_each_engine("after_sigkill", |engine| {
        let mut started = Started::new(engine, &engine.socket, SLOW, &[]);
        started.at_its_script();
        started.signal(Signal::SIGKILL);
        assert_eq!(started.ended().signal(), Some(9));
        started.assert_nothing_alive();
        assert!(!names(&started.scratch()).is_empty(), "nothing was there to clean up");
        assert!(started.next(&["clean"]).success(), "{}", started.said());
        started.assert_no_files();
    });
}

/// The same while a container is still being made, where nobody reads its input yet.
#[test]
fn after_sigkill_at_any_moment() {
    at_each_engine("after_sigkill_at_any_moment", |engine| {
        for ms in [300, 700, 1100, 1500] {
            let mut started = Started::new(engine, &engine.socket, SLOW, &[]);
            std::thread::sleep(std::time::Duration::from_millis(ms));
            started.signal(Signal::SIGKILL);
            started.ended();
            // One that was made and not started has no input that could end.
            assert!(started.next(&["clean"]).success(), "{}", started.said());
            started.assert_nothing_alive();
            started.assert_no_files();
        }
    });
}
