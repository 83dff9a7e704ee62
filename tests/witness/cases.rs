//! What must be seen, and what must not be possible.

use crate::files::{
    a_script_is_none_the_worse_for_being_watched, a_secret_that_a_script_opens_is_told_whatever_it_is_called,
    no_script_outruns_its_watch_by_signals, the_memory_of_npm_is_closed_to_scripts,
    what_is_opened_in_a_call_whose_end_is_not_seen_is_told,
    what_no_install_needs_is_refused_and_told_of_scripts_alone, who_wrote_a_file_is_told,
};
use crate::hoards::{memory_that_no_process_has_is_counted, memory_that_nobody_could_count_is_refused};
use crate::room::{Project, Room, observe, own_path};
use crate::second::{
    a_second_command_is_followed_like_the_first, behind_a_command_that_fails_nothing_is_started,
};
use sealcheck::wire::{
    Change, CutShort, Dial, Event, Exit, GapKind, Lifecycle, PackageTree, Peer, ProcessId,
};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;

/// A test and its name.
type Case = (&'static str, fn());

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All tests.
        pub(crate) const ALL: &[Case] = &[$((stringify!($name), $name)),*];
    };
}

cases![
    a_tree_of_processes_is_told_with_arguments_and_folders,
    a_spawned_process_is_told,
    a_thread_that_executes_becomes_its_process,
    an_orphan_belongs_to_who_made_it_and_is_killed_at_the_end,
    a_program_that_is_not_there_is_one_failed_attempt,
    a_command_that_is_not_there_is_said,
    connections_of_every_family_are_told,
    datagrams_with_an_address_are_told,
    an_address_that_changes_under_way_is_told_as_it_was,
    what_would_hide_is_refused,
    the_witness_cannot_be_touched,
    ones_own_limits_are_ones_own,
    a_foreign_dialect_is_killed,
    a_program_that_cannot_be_read_is_killed,
    makers_that_are_killed_while_they_make_lose_nobody,
    nothing_is_left_open_for_the_command,
    every_signal_is_told,
    a_stopped_process_is_woken_and_goes_on,
    the_time_limit_ends_everything,
    the_memory_limit_ends_everything,
    memory_that_no_process_has_is_counted,
    memory_that_nobody_could_count_is_refused,
    the_host_can_end_everything,
    everything_ends_with_the_host,
    a_script_is_known_by_its_first_program,
    a_second_command_is_followed_like_the_first,
    behind_a_command_that_fails_nothing_is_started,
    a_secret_that_a_script_opens_is_told_whatever_it_is_called,
    what_is_opened_in_a_call_whose_end_is_not_seen_is_told,
    no_script_outruns_its_watch_by_signals,
    the_memory_of_npm_is_closed_to_scripts,
    what_no_install_needs_is_refused_and_told_of_scripts_alone,
    who_wrote_a_file_is_told,
    a_script_is_none_the_worse_for_being_watched,
    a_script_that_erases_itself_is_seen,
    without_scripts_the_tree_is_hashed_once,
    without_a_trace_only_the_end_and_the_tree_are_told,
];

pub(crate) fn exit_of(events: &[Event]) -> Exit {
    let found = events.iter().find_map(|event| match event {
        Event::CommandExited { how, .. } => Some(*how),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("the command never exited: {events:#?}"))
}

pub(crate) fn fine(events: &[Event]) {
    assert_eq!(exit_of(events), Exit::Code(0), "{events:#?}");
}

/// Process, parent and arguments of everything that was run.
pub(crate) fn programs(events: &[Event]) -> Vec<(u32, Option<u32>, Vec<String>)> {
    let told = events.iter().filter_map(|event| match event {
        Event::Executed { process, parent, argv, .. } => {
            Some((process.0, parent.map(|parent| parent.0), argv.clone()))
        }
        _ => None,
    });
    told.collect()
}

fn denied(events: &[Event]) -> Vec<&str> {
    let told = events.iter().filter_map(|event| match event {
        Event::Denied { call, .. } => Some(call.as_str()),
        _ => None,
    });
    told.collect()
}

fn connections(events: &[Event]) -> Vec<(&Peer, Option<u16>, &Dial)> {
    let told = events.iter().filter_map(|event| match event {
        Event::Connected { to, local, outcome, .. } => Some((to, local.map(|local| local.port()), outcome)),
        _ => None,
    });
    told.collect()
}

pub(crate) fn gaps(events: &[Event]) -> Vec<GapKind> {
    let told = events.iter().filter_map(|event| match event {
        Event::Gap { kind, .. } => Some(*kind),
        _ => None,
    });
    told.collect()
}

fn ip(address: &str, port: u16) -> Peer {
    Peer::Ip { address: address.into(), port }
}

fn a_tree_of_processes_is_told_with_arguments_and_folders() {
    let project = Project::new();
    let script = "cd /usr; /bin/sh -c '/bin/echo one two; :'; exit 3";
    let events = observe(&project.order(&["sh", "-c", script]));
    assert_eq!(events[0], Event::Ready);
    assert_eq!(events[1], Event::Forked { process: ProcessId(1), parent: None });
    assert_eq!(exit_of(&events), Exit::Code(3));
    let told = programs(&events);
    assert_eq!(told[0].2, ["sh", "-c", script]);
    assert_eq!((told[1].0, told[1].1), (2, Some(1)));
    assert_eq!((told[2].0, told[2].1), (3, Some(2)));
    assert_eq!(told[2].2, ["/bin/echo", "one", "two"]);
    let places: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Executed { cwd, exe, .. } => Some((cwd.as_str(), exe.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(places[0].0, project.text("").trim_end_matches('/'));
    assert_eq!(places[2].0, "/usr");
    assert!(places[2].1.ends_with("/echo"));
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Exited { process, how, outlived } => Some((process.0, *how, *outlived)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(3, Exit::Code(0), false), (2, Exit::Code(0), false), (1, Exit::Code(3), false)]);
    assert!(gaps(&events).is_empty());
}

fn a_spawned_process_is_told() {
    let project = Project::new();
    let events = observe(&project.act(&["posix-spawn"]));
    fine(&events);
    assert_eq!(programs(&events)[1], (2, Some(1), vec!["/bin/true".to_owned()]));
}

fn a_thread_that_executes_becomes_its_process() {
    let project = Project::new();
    let events = observe(&project.act(&["thread-exec"]));
    fine(&events);
    let told = programs(&events);
    assert_eq!(told[1], (1, None, vec!["/bin/true".to_owned(), "from-a-thread".to_owned()]));
    let forks = events.iter().filter(|event| matches!(event, Event::Forked { .. })).count();
    assert_eq!(forks, 1, "threads are no processes");
}

fn an_orphan_belongs_to_who_made_it_and_is_killed_at_the_end() {
    let project = Project::new();
    let events = observe(&project.act(&["orphan"]));
    fine(&events);
    let orphan = Event::Forked { process: ProcessId(3), parent: Some(ProcessId(2)) };
    assert!(events.contains(&orphan));
    let middle = Event::Exited { process: ProcessId(2), how: Exit::Code(7), outlived: false };
    assert!(events.contains(&middle));
    let end = Event::Exited { process: ProcessId(3), how: Exit::Signal(9), outlived: true };
    assert!(events.contains(&end), "{events:#?}");
}

fn a_program_that_is_not_there_is_one_failed_attempt() {
    let project = Project::new();
    let events = observe(&project.order(&["/bin/sh", "-c", "env no-such-program; /bin/true"]));
    let failed: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ExecFailed { process, path, errno } => Some((process.0, path.as_str(), errno.as_str())),
            _ => None,
        })
        .collect();
    assert!(failed.contains(&(2, "/bin/no-such-program", "ENOENT")), "{failed:?}");
    assert_eq!(failed.iter().filter(|(_, path, _)| path.ends_with("/no-such-program")).count(), 1);
}

fn a_command_that_is_not_there_is_said() {
    let project = Project::new();
    let events = observe(&project.order(&["no-such-program"]));
    assert_eq!(exit_of(&events), Exit::Code(127));
    let said = events.iter().any(
        |event| matches!(event, Event::Gap { kind: GapKind::Witness, detail } if detail.contains("ENOENT")),
    );
    assert!(said, "{events:#?}");
}

fn connections_of_every_family_are_told() {
    let project = Project::new();
    let events = observe(&project.act(&["connect"]));
    fine(&events);
    let ports = std::fs::read_to_string(project.path().join("ports")).unwrap();
    let (from, to) = ports.split_once(' ').unwrap();
    let told = connections(&events);
    assert_eq!(told[0], (&ip("127.0.0.1", to.parse().unwrap()), from.parse().ok(), &Dial::Done));
    assert_eq!(told[1], (&ip("127.0.0.1", 9), None, &Dial::Failed("ECONNREFUSED".into())));
    assert_eq!(told[2], (&ip("203.0.113.1", 443), None, &Dial::Failed("ENETUNREACH".into())));
    assert_eq!(told[3].0, &ip("2001:db8::1", 443));
    assert_eq!(told[4].0, &Peer::Unix { path: "@nobody".into() });
    assert_eq!(told[5].0, &Peer::Unix { path: "/nowhere/socket".into() });
    assert_eq!(told.len(), 6);
}

fn datagrams_with_an_address_are_told() {
    let project = Project::new();
    let events = observe(&project.act(&["datagrams"]));
    fine(&events);
    let port = std::fs::read_to_string(project.path().join("ports")).unwrap().parse().ok();
    let told = connections(&events);
    assert_eq!(told[0], (&ip("127.0.0.1", 5353), port, &Dial::Done));
    let peers: Vec<_> = told.iter().map(|(peer, _, _)| (*peer).clone()).collect();
    assert_eq!(peers[1], ip("127.0.0.1", 5354));
    assert_eq!(peers[2..4], [ip("127.0.0.1", 5354), ip("127.0.0.1", 5355)]);
}

fn an_address_that_changes_under_way_is_told_as_it_was() {
    let project = Project::new();
    let events = observe(&project.act(&["race"]));
    fine(&events);
    let told = connections(&events);
    assert!(told.iter().any(|(_, _, outcome)| matches!(outcome, Dial::Done)));
    // What listens is 127.0.0.1: that is where every connection that the kernel lists led.
    let wrong = told.iter().filter(|(to, port, _)| {
        port.is_some() && !matches!(to, Peer::Ip { address, .. } if address == "127.0.0.1")
    });
    assert_eq!(wrong.count(), 0);
}

fn what_would_hide_is_refused() {
    let project = Project::new();
    let events = observe(&project.act(&["refusals"]));
    fine(&events);
    let hides = ["unshare", "clone", "prctl", "seccomp", "pidfd_getfd"];
    let (hidden, other): (Vec<&str>, Vec<&str>) =
        denied(&events).into_iter().partition(|call| hides.contains(call));
    assert_eq!(hidden, hides);
    assert_eq!(other, ["io_uring_setup", "bpf", "mount", "keyctl", "perf_event_open", "userfaultfd"]);
    let told = gaps(&events);
    assert_eq!(told, [GapKind::RefusedCall, GapKind::RefusedCall, GapKind::UnreadableArguments]);
    let events = observe(&project.act(&["untraced"]));
    fine(&events);
    assert_eq!(denied(&events), ["clone"]);
}

fn the_witness_cannot_be_touched() {
    let project = Project::new();
    let events = observe(&project.act(&["at-the-witness"]));
    fine(&events);
    let calls = [
        "prlimit64",
        "ptrace",
        "process_vm_readv",
        "sched_setaffinity",
        "setpriority",
        "setpriority",
        "ioprio_set",
    ];
    assert_eq!(denied(&events), calls);
    fine(&observe(&project.act(&["kill-the-witness"])));
}

fn ones_own_limits_are_ones_own() {
    let project = Project::new();
    let events = observe(&project.act(&["own-limits"]));
    fine(&events);
    assert!(denied(&events).is_empty());
}

fn a_foreign_dialect_is_killed() {
    let project = Project::new();
    let events = observe(&project.act(&["foreign"]));
    if cfg!(target_arch = "x86_64") {
        assert_eq!(exit_of(&events), Exit::Signal(9), "{events:#?}");
        assert_eq!(denied(&events), ["a call of another architecture"]);
    }
}

fn a_program_that_cannot_be_read_is_killed() {
    let project = Project::new();
    let program = project.text("hidden");
    std::fs::copy(own_path(), &program).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o111)).unwrap();
    let events = observe(&project.act(&["unreadable", &program]));
    fine(&events);
    assert_eq!(denied(&events), ["execve"]);
    assert_eq!(gaps(&events), [GapKind::UnreadableArguments]);
    assert!(programs(&events).iter().any(|(process, _, argv)| *process == 2 && argv[0] == program));
}

fn makers_that_are_killed_while_they_make_lose_nobody() {
    let project = Project::new();
    // That every process is told, with a maker and one end, is asked of every run.
    let events = observe(&project.act(&["storm"]));
    fine(&events);
    assert!(programs(&events).len() > 30);
}

fn nothing_is_left_open_for_the_command() {
    let project = Project::new();
    fine(&observe(&project.act(&["descriptors"])));
}

fn every_signal_is_told() {
    let project = Project::new();
    assert_eq!(exit_of(&observe(&project.act(&["realtime"]))), Exit::Signal(35));
    let events = observe(&project.order(&["/bin/sh", "-c", "kill -TERM $$"]));
    assert_eq!(exit_of(&events), Exit::Signal(15));
}

fn a_stopped_process_is_woken_and_goes_on() {
    let project = Project::new();
    let script = "(kill -STOP $$; kill -CONT $$) & wait; exit 5";
    assert_eq!(exit_of(&observe(&project.order(&["/bin/sh", "-c", script]))), Exit::Code(5));
}

pub(crate) fn ended(events: &[Event]) -> (u64, Option<CutShort>) {
    match events.last() {
        Some(Event::Ended { peak_memory, cut_short }) => (*peak_memory, *cut_short),
        other => panic!("no end: {other:?}"),
    }
}

fn the_time_limit_ends_everything() {
    let project = Project::new();
    let mut order = project.order(&["/bin/sh", "-c", "sleep 600 & sleep 600"]);
    order.time_limit_ms = 300;
    let events = observe(&order);
    assert_eq!(exit_of(&events), Exit::Signal(9));
    assert_eq!(ended(&events).1, Some(CutShort::Time));
}

fn the_memory_limit_ends_everything() {
    let project = Project::new();
    let mut order = project.act(&["eat"]);
    order.memory_limit = 100 << 20;
    let events = observe(&order);
    assert_eq!(exit_of(&events), Exit::Signal(9));
    let (peak, cut_short) = ended(&events);
    assert_eq!(cut_short, Some(CutShort::Memory));
    assert!(peak > 100 << 20);
}

fn the_host_can_end_everything() {
    let project = Project::new();
    let room = Room::open(&project.order(&["sleep", "600"]));
    room.channel.shutdown(Shutdown::Write).unwrap();
    let events = room.events();
    assert_eq!(ended(&events).1, Some(CutShort::Host));
}

fn everything_ends_with_the_host() {
    let project = Project::new();
    assert!(Room::open(&project.order(&["sleep", "600"])).vanish());
}

fn a_script_is_known_by_its_first_program() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    let script = "npm_package_json=/forged /bin/sh -c ':'; npm_package_json=/forged exec /bin/sh -c ':'";
    let events = observe(&project.act(&["npm", &format!("node_modules/a={script}")]));
    fine(&events);
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Executed { process, lifecycle, .. } => Some((process.0, lifecycle.clone())),
            _ => None,
        })
        .collect();
    let genuine = Some(Lifecycle {
        event: "postinstall".into(),
        package_json: project.text("node_modules/a/package.json"),
    });
    assert_eq!(told, [(1, None), (2, genuine.clone()), (3, None), (2, genuine)]);
}

fn trees(events: &[Event]) -> (Option<&Vec<PackageTree>>, &Vec<PackageTree>) {
    let unpacked = events.iter().find_map(|event| match event {
        Event::Unpacked { packages } => Some(packages),
        _ => None,
    });
    let installed = events.iter().find_map(|event| match event {
        Event::Installed { packages, .. } => Some(packages),
        _ => None,
    });
    (unpacked, installed.unwrap_or_else(|| panic!("no tree: {events:#?}")))
}

fn a_script_that_erases_itself_is_seen() {
    let project = Project::new();
    project.write("node_modules/a/package.json", r#"{"name":"a","version":"1.0.0"}"#);
    project.write(
        "node_modules/a/install.sh",
        "rm install.sh; echo 1 > left; echo 1 > ../../dropped; echo 1 > $HOME/.profile",
    );
    project.write("node_modules/b/index.js", "b");
    let mut order = project.act(&["npm", "node_modules/a=. ./install.sh"]);
    order.hash = true;
    let events = observe(&order);
    fine(&events);
    let (unpacked, installed) = trees(&events);
    let unpacked = unpacked.unwrap();
    assert_eq!((unpacked[0].path.as_str(), unpacked[0].name.as_str()), ("node_modules/a", "a"));
    assert_eq!((unpacked[0].files, installed[0].files), (2, 2));
    assert_ne!(unpacked[0].tree, installed[0].tree);
    assert_eq!(unpacked[1], installed[1]);
    let changed: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Changed(change) => Some((change.path.clone(), change.change)),
            _ => None,
        })
        .collect();
    let home = order.env.iter().find(|(name, _)| name == "HOME").unwrap().1.clone();
    let wanted = [
        (project.text("node_modules/a/install.sh"), Change::Removed),
        (project.text("node_modules/a/left"), Change::Added),
        (format!("{home}/.profile"), Change::Added),
        (project.text("dropped"), Change::Added),
    ];
    assert_eq!(changed, wanted);
}

fn without_scripts_the_tree_is_hashed_once() {
    let project = Project::new();
    project.write("node_modules/a/package.json", r#"{"name":"a","version":"1.0.0"}"#);
    let mut order = project.order(&["/bin/sh", "-c", "echo 1 > node_modules/a/x"]);
    order.hash = true;
    let events = observe(&order);
    let (unpacked, installed) = trees(&events);
    assert!(unpacked.is_none());
    assert_eq!(installed[0].files, 2);
    assert!(!events.iter().any(|event| matches!(event, Event::Changed(_))));
}

fn without_a_trace_only_the_end_and_the_tree_are_told() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    let mut order = project.order(&["/bin/sh", "-c", "/bin/true; sleep 600 & exit 4"]);
    (order.trace, order.hash) = (false, true);
    let events = observe(&order);
    assert_eq!(exit_of(&events), Exit::Code(4));
    assert_eq!(trees(&events).1.len(), 1);
    assert_eq!(events.len(), 4, "{events:#?}");
}
