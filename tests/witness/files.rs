//! What scripts do to files: which must be seen, and must cost them nothing but time.

use crate::cases::{fine, gaps, programs};
use crate::room::{Project, observe};
use sealcheck::wire::{Event, GapKind};

/// Processes that opened a secret, with the path at which it was planted.
fn reads(events: &[Event]) -> Vec<(u32, &str)> {
    let told = events.iter().filter_map(|event| match event {
        Event::Read { process, path, .. } => Some((process.0, path.as_str())),
        _ => None,
    });
    told.collect()
}

pub(crate) fn a_secret_that_a_script_opens_is_told_whatever_it_is_called() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    project.write("../home/.netrc", "a secret");
    let run = |script: &str| {
        let events = observe(&project.act(&["npm", &format!("node_modules/a={script}")]));
        fine(&events);
        assert_eq!(gaps(&events), []);
        reads(&events).into_iter().map(|(process, path)| (process, path.ends_with("/home/.netrc"))).collect()
    };
    let none: Vec<(u32, bool)> = Vec::new();
    // Not the script itself (2) but what it starts (3), and each once.
    for script in [
        "/bin/cat $HOME/.netrc; :",
        "/bin/sh -c 'read x <$HOME/.netrc; read x <$HOME/.netrc; :'; :",
        "ln -s $HOME/.netrc link && cd / && /bin/cat $OLDPWD/link; rm $OLDPWD/link",
        "mv $HOME/.netrc x && (exec /bin/cat x; :) && mv x $HOME/.netrc",
        "cd $HOME && /bin/cp .netrc copy && rm copy",
        "(read x <$HOME/.netrc; :); :",
    ] {
        let told: Vec<(u32, bool)> = run(script);
        assert_eq!(told.len(), 1, "{script}");
        assert!(told[0].0 > 2 && told[0].1, "{script}: {told:?}");
    }
    for script in ["test -f $HOME/.netrc", "ls -l $HOME/.netrc", "cat node_modules/x 2>/dev/null; echo x >y"]
    {
        let told: Vec<(u32, bool)> = run(script);
        assert_eq!(told, none, "{script}");
    }
    // The command itself is not watched.
    let events = observe(&project.order(&["/bin/sh", "-c", "read x <$HOME/.netrc; :"]));
    assert_eq!(reads(&events), []);
    let mut order = project.act(&["npm", "node_modules/a=cat $HOME/.netrc"]);
    order.watch = false;
    assert_eq!(reads(&observe(&order)), []);
    // One that is not where it must be cannot be watched, and that is said.
    let mut order = project.order(&["/bin/true"]);
    order.secrets.push("/nowhere/secret".to_owned());
    assert_eq!(gaps(&observe(&order)), [GapKind::Files]);
}

pub(crate) fn who_wrote_a_file_is_told() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    project.write("node_modules/b/package.json", "{}");
    for name in ["changed", "gone", "old", "folder/inner"] {
        project.write(name, "1");
    }
    let first =
        "cd ../..; echo 2 >>changed; rm gone; mv old new; mv folder moved; /bin/sh -c 'echo 1 >made; :'; :";
    let second = "ln -s /nowhere ../../link; echo 3 >../../made";
    let mut order =
        project.act(&["npm", &format!("node_modules/a={first}"), &format!("node_modules/b={second}")]);
    order.hash = true;
    let events = observe(&order);
    fine(&events);
    let scripts: Vec<u32> = programs(&events)
        .into_iter()
        .filter(|(_, parent, _)| *parent == Some(1))
        .map(|(process, _, _)| process)
        .collect();
    let owner = |mut process: u32| {
        while !scripts.contains(&process) {
            let made = events.iter().find_map(|event| match event {
                Event::Forked { process: made, parent } if made.0 == process => parent.map(|parent| parent.0),
                _ => None,
            });
            process = made.unwrap();
        }
        scripts.iter().position(|script| *script == process).unwrap()
    };
    let told: Vec<(String, Option<usize>)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Changed(change) => {
                let name = change.path.strip_prefix(&project.text("")).unwrap_or(&change.path);
                Some((name.to_owned(), change.process.map(|process| owner(process.0))))
            }
            _ => None,
        })
        .collect();
    let wanted = [
        ("changed", 0),
        ("folder/inner", 0),
        ("gone", 0),
        ("link", 1),
        ("made", 1),
        ("moved/inner", 0),
        ("new", 0),
        ("old", 0),
    ];
    assert_eq!(told, wanted.map(|(name, script)| (name.to_owned(), Some(script))));
}

pub(crate) fn a_script_is_none_the_worse_for_being_watched() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    // Threads, many processes at once, a program that is not there, signals and a file that is not.
    let script = "for i in 1 2 3 4 5 6 7 8; do (cat /etc/passwd >/dev/null; kill -TERM $$ 2>/dev/null) & done; \
        trap : TERM; wait; wait; /nowhere/x 2>/dev/null; cat /nowhere 2>/dev/null; $ACT act own-limits";
    let events = observe(&project.act(&["npm", &format!("node_modules/a=trap : TERM; {script}")]));
    fine(&events);
    assert_eq!(gaps(&events), []);
}

pub(crate) fn what_is_opened_in_a_call_whose_end_is_not_seen_is_told() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    project.write("../home/.netrc", "a secret");
    let mut stolen = 0;
    for after_us in (0..3000).step_by(150) {
        let script = format!("node_modules/a=cd ../..; exec \"$ACT\" act open-and-exec {after_us}");
        let events = observe(&project.act(&["npm", &script]));
        fine(&events);
        if std::fs::remove_file(project.path().join("stolen")).is_ok() {
            stolen += 1;
            assert_eq!(reads(&events).len(), 1, "stolen after {after_us} us and not told");
        }
    }
    assert!(stolen > 0, "the attack never worked, so that nothing was tested");
    let events = observe(&project.act(&["npm", "node_modules/a=\"$ACT\" act share-descriptors"]));
    fine(&events);
    assert_eq!(gaps(&events), [GapKind::RefusedCall]);
}

pub(crate) fn no_script_outruns_its_watch_by_signals() {
    let project = Project::new();
    project.write("../home/.netrc", "a secret");
    let mut words = vec!["npm".to_owned(), "node_modules/a=\"$ACT\" act flood".to_owned()];
    for package in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        project.write(&format!("node_modules/{package}/package.json"), "{}");
        words.push(format!("node_modules/{package}=/bin/cat $HOME/.netrc; :"));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for _ in 0..4 {
        let events = observe(&project.act(&words));
        fine(&events);
        assert_eq!(gaps(&events), []);
        assert_eq!(reads(&events).len(), 8);
    }
}

pub(crate) fn the_memory_of_npm_is_closed_to_scripts() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    for file in ["/proc/$PPID/mem", "/proc/$PPID/task/$PPID/mem"] {
        let script = format!(
            "node_modules/a=(exec dd if={file} of=stolen bs=1 count=1 skip=65536 2>errors); echo $? >end"
        );
        let events = observe(&project.act(&["npm", &script]));
        fine(&events);
        let read = |name: &str| {
            std::fs::read_to_string(project.path().join("node_modules/a").join(name)).unwrap_or_default()
        };
        // 128 and SIGKILL.
        assert_eq!((read("end").trim(), read("stolen").as_str()), ("137", ""), "{file}");
        assert_eq!(gaps(&events), [GapKind::RefusedCall], "{file}");
    }
    // One's own is one's own, and so is what one starts.
    let script = "node_modules/a=exec 3</proc/self/mem; exec 3<&-; sleep 5 & exec 3</proc/$!/mem; kill $!";
    let events = observe(&project.act(&["npm", script]));
    fine(&events);
    assert_eq!(gaps(&events), []);
}

pub(crate) fn what_no_install_needs_is_refused_and_told_of_scripts_alone() {
    let project = Project::new();
    project.write("node_modules/a/package.json", "{}");
    let events = observe(&project.act(&["npm", "node_modules/a=\"$ACT\" act escapes"]));
    fine(&events);
    let told: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::Gap { kind: GapKind::RefusedCall, detail } => Some(detail.as_str()),
            _ => None,
        })
        .collect();
    // The act is the command's own executable, as node is, and of such io_uring is not told.
    for call in ["setns", "mount", "bpf", "keyctl", "userfaultfd", "socket: of family 40"] {
        assert_eq!(told.iter().filter(|it| **it == call).count(), 1, "{call}: {told:?}");
    }
    // The command's own are no script's.
    let events = observe(&project.act(&["escapes"]));
    fine(&events);
    assert_eq!(gaps(&events), []);
}
