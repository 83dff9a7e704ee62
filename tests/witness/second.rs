//! A second command behind the first.

use crate::cases::{exit_of, fine, programs};
use crate::room::{Project, observe};
use sealcheck::wire::{Event, Exit, ProcessId};

/// A process that nobody made, whose direct children are scripts like those of the first.
pub(crate) fn a_second_command_is_followed_like_the_first() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    let npm = |script: &str| project.act(&["npm", &format!("node_modules/a={script}")]).argv;
    let mut order = project.act(&["npm", "node_modules/a=sleep 100 & :"]);
    order.then = npm("/bin/sh -c ':'; exit 0");
    let events = observe(&order);
    fine(&events);
    let first = npm("sleep 100 & :");
    let told = programs(&events);
    let commands: Vec<_> = told.iter().filter(|(_, parent, _)| parent.is_none()).collect();
    assert_eq!((commands[0].0, &commands[0].2), (1, &first), "{told:?}");
    let second = commands[1].0;
    assert_eq!((&commands[1].2, commands.len()), (&order.then, 2));
    let of_second: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Executed { process, parent: Some(parent), lifecycle, .. } if parent.0 == second => {
                Some((process.0, lifecycle.is_some()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(of_second, [(second + 1, true)], "{told:?}");
    assert!(told.iter().any(|(_, parent, _)| *parent == Some(second + 1)));
    assert!(events.contains(&Event::Forked { process: ProcessId(second), parent: None }));
    // What the first left behind outlived it, whatever came after.
    let left: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Exited { process, outlived: true, .. } => Some(process.0),
            _ => None,
        })
        .collect();
    assert!(!left.is_empty() && left.iter().all(|process| *process < second), "{left:?}");
    let ends = events.iter().filter(|event| matches!(event, Event::CommandExited { .. })).count();
    assert_eq!(ends, 1, "{events:#?}");
}

pub(crate) fn behind_a_command_that_fails_nothing_is_started() {
    let project = Project::new();
    let mut order = project.order(&["sh", "-c", "exit 3"]);
    order.then = vec!["sh".into(), "-c".into(), "exit 0".into()];
    let events = observe(&order);
    assert_eq!((exit_of(&events), programs(&events).len()), (Exit::Code(3), 1));
    order.argv = vec!["true".into()];
    order.then = vec!["sh".into(), "-c".into(), "exit 4".into()];
    assert_eq!(exit_of(&observe(&order)), Exit::Code(4));
    order.trace = false;
    order.watch = false;
    assert_eq!(exit_of(&observe(&order)), Exit::Code(4));
}
