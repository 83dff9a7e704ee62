//! Whose a process is, and who outlived the command.

use super::desk::Desk;
use crate::wire::{Event, Exit, ProcessId};

const SCRIPT: (&str, &str) = ("postinstall", "/project/node_modules/@acme/internal/package.json");

fn forked(process: u32, parent: u32) -> Event {
    Event::Forked { process: ProcessId(process), parent: Some(ProcessId(parent)) }
}

fn ended(process: u32, outlived: bool) -> Event {
    Event::Exited { process: ProcessId(process), how: Exit::Signal(9), outlived }
}

#[test]
fn no_number_of_forks_leads_away_from_a_script() {
    let last = 20_000;
    let mut desk = Desk::new().executed(1, 0, None).event(forked(2, 1)).executed(2, 1, Some(SCRIPT));
    for process in 3..=last {
        desk = desk.event(forked(process, process - 1));
    }
    let evidence = desk.executed(last, last - 1, None).ends(0, Vec::new()).seal();
    let deep = evidence.processes.iter().find(|process| process.id.0 == last).unwrap();
    assert_eq!(deep.package.as_deref(), Some("node_modules/@acme/internal"));
    assert_eq!(deep.event.as_deref(), Some("postinstall"));
}

#[test]
fn a_loop_of_a_forged_recording_belongs_to_nobody() {
    let evidence = Desk::new()
        .executed(1, 0, None)
        .event(forked(5, 6))
        .event(forked(6, 5))
        .executed(5, 6, None)
        .event(ended(7, true))
        .event(ended(6, true))
        .ends(0, Vec::new())
        .seal();
    assert!(evidence.processes.iter().all(|process| process.package.is_none()));
}

#[test]
fn who_executes_nothing_outlives_like_others() {
    let evidence = Desk::new()
        .executed(1, 0, None)
        .event(forked(2, 1))
        .executed(2, 1, Some(SCRIPT))
        .event(forked(3, 2))
        .event(forked(4, 3))
        .event(forked(5, 3))
        .event(ended(3, false))
        .event(ended(2, false))
        .event(ended(4, true))
        .event(ended(5, true))
        .ends(0, Vec::new())
        .seal();
    let outlived: Vec<_> = evidence.processes.iter().filter(|process| process.outlived).collect();
    let [fork] = outlived.as_slice() else { panic!("{outlived:#?}") };
    assert_eq!((fork.id.0, fork.parent), (4, Some(ProcessId(2))));
    assert_eq!(fork.package.as_deref(), Some("node_modules/@acme/internal"));
    assert_eq!((fork.argv.join(" ").as_str(), fork.exit.as_deref()), ("sh", Some("signal 9")));
}
