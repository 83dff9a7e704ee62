//! Each drill: what the rules must say of it, and a proof that it did what its prose says.

use super::{Lacks, texts};
use serde_json::Value;

pub(crate) struct Row {
    pub(crate) drill: &'static str,
    pub(crate) kind: &'static str,
    /// Rules that attacks are known by, with their severities, the worst first.
    pub(crate) reported: &'static str,
    /// What a run lacks of what the drill does.
    pub(crate) did: fn(&Value) -> Vec<String>,
}

const fn row(
    drill: &'static str,
    kind: &'static str,
    reported: &'static str,
    did: fn(&Value) -> Vec<String>,
) -> Row {
    Row { drill, kind, reported, did }
}

const BEACON: &str = "script-egress warning, script-not-approved warning";
const LEAVES: &str = "script-not-approved warning, write-outside-package warning";
const REACHES: &str = "script-egress warning, script-not-approved warning, write-outside-package warning";

pub(crate) const ROWS: [Row; 26] = [
    row("confusion-dns-beacon", "attack", BEACON, |run| {
        let names = texts(&run["lookups"], "name");
        let hex = |name: &str| name.starts_with("0.7b22") && name.ends_with(".beacon.drill.example");
        Lacks::default()
            .unless(names.into_iter().any(hex), "a name that begins with the hexadecimal `{\"`")
            .unless(run["exchanges"].to_string().contains("drill-dns-beacon"), "its own download")
            .unless(!run["exchanges"].to_string().contains("beacon.drill.example"), "no request to that name")
            .0
    }),
    row("confusion-http-beacon", "attack", BEACON, |run| {
        let tries = run["connections"].as_array().unwrap().iter();
        let tries = tries.filter(|it| it["address"] == "192.0.2.77" && it["port"] == 8787);
        Lacks::default()
            .unless(
                tries.filter(|it| it["outcome"] == "unreachable").count() == 2,
                "two tries that reach nothing",
            )
            .unless(events(run) == ["postinstall", "preinstall"], "both hooks")
            .0
    }),
    row(
        "remote-eval",
        "attack",
        "secret-exfiltrated error, script-egress warning, script-not-approved warning, secret-read warning",
        |run| {
            Lacks::default()
                .unless(asked(run, "GET", "paste.drill.example", 200), "the text that it evaluates")
                .unless(carried(run, "collect.drill.example").is_some(), "the token in what it sends")
                .unless(reads(run).contains(&"~/.npmrc"), "the token's file")
                .0
        },
    ),
    row("download-exec", "attack", REACHES, |run| {
        Lacks::default()
            .unless(ran(run, "/tmp/drill-payload.sh"), "the downloaded file among the processes")
            .unless(file(run, "/tmp/drill-payload.ran", "added"), "the marker of the downloaded file")
            .0
    }),
    row(
        "ai-cli-inventory",
        "attack",
        "script-not-approved warning, secret-read warning, write-outside-package warning",
        |run| {
            Lacks::default()
                .unless(["claude", "gemini", "q"].iter().all(|name| ran(run, name)), "the command lines")
                .unless(file(run, "/tmp/inventory.txt", "added"), "the inventory")
                .unless(file(run, "/.bashrc", "added"), "the start file of a shell")
                .unless(reads(run).contains(&"~/.aws/credentials"), "a secret that is read")
                .0
        },
    ),
    row(
        "worm-v1",
        "attack",
        "secret-exfiltrated error, script-egress warning, script-not-approved warning, write-outside-package warning",
        |run| {
            let metadata = texts(&run["connections"], "address").contains(&"169.254.169.254");
            Lacks::default()
                .unless(metadata, "the try at the metadata address")
                .unless(asked(run, "PUT", "registry.drill.example", 200), "the package that is put")
                .unless(carried(run, "registry.drill.example").is_some(), "the token in it")
                .unless(file(run, "/project/.github/workflows/drill.yml", "added"), "the workflow")
                .0
        },
    ),
    row("worm-v2", "attack", REACHES, runtime_and_removal),
    row(
        "phantom-dependency",
        "attack",
        "script-egress warning, script-not-approved warning, tree-mutated-by-script warning",
        |run| {
            let package = "/project/node_modules/drill-phantom-crypto";
            Lacks::default()
                .unless(file(run, &format!("{package}/setup.js"), "removed"), "its script is gone")
                .unless(
                    file(run, &format!("{package}/package.json"), "changed"),
                    "its package.json is another",
                )
                .0
        },
    ),
    row("phantom-gyp", "attack", "script-not-approved warning, tree-mutated-by-script note", |run| {
        Lacks::default()
            .unless(
                file(run, "/drill-phantom-gyp/gyp-ran", "added"),
                "the marker of the command in binding.gyp",
            )
            .unless(events(run) == ["install"], "npm's implied script")
            .0
    }),
    row(
        "git-dependency-npmrc",
        "attack",
        "scripts-ran-while-disabled error, script-not-approved warning, secret-read warning",
        |run| {
            let off = run["command"].as_array().unwrap().contains(&"--ignore-scripts".into());
            Lacks::default()
                .unless(off, "scripts that are off")
                .unless(run["processes"].to_string().contains("/tool.sh"), "the program of the clone")
                .unless(run["exit_code"] == 0, "an install that works")
                .0
        },
    ),
    row("agent-config", "attack", LEAVES, |run| {
        Lacks::default().unless(file(run, "/.claude/settings.json", "added"), "the agent's settings").0
    }),
    row(
        "detached-child",
        "attack",
        "process-outlived-install warning, script-egress warning, script-not-approved warning",
        |run| {
            let late = run["processes"].as_array().unwrap().iter().find(|it| it["outlived"] == true);
            Lacks::default()
                .unless(
                    late.is_some_and(|it| it["argv"].to_string().contains("late.js")),
                    "the child that stays",
                )
                // It is ended half a second after npm, in which a busy machine may not get to an answer.
                .unless(called(run, "late.drill.example"), "its call when npm has exited")
                .0
        },
    ),
    row(
        "env-harvest",
        "attack",
        "secret-exfiltrated error, script-egress warning, script-not-approved warning",
        |run| {
            Lacks::default()
                .unless(carried(run, "collect.drill.example").is_some(), "a secret in what it sends")
                .0
        },
    ),
    row("signed-but-bad", "attack", REACHES, runtime_and_removal),
    row("never-ends", "attack", "script-not-approved warning", |run| {
        Lacks::default()
            .unless(run["cut_short"] == "time", "the end at the run's limit")
            .unless(run["verdict"] == "unobserved", "a verdict that says so")
            .unless(run["duration_ms"].as_u64().unwrap() >= 9_000, "ten seconds")
            .0
    }),
    row("event-stream", "negative", "", nothing),
    row("node-ipc", "negative", "", nothing),
    row("colors", "negative", "", nothing),
    row("chalk-and-debug", "negative", "", nothing),
    row("prebuilt-binary", "control", "script-egress note, tree-mutated-by-script note", |run| {
        Lacks::default()
            .unless(works(run, "install"), "its script")
            .unless(asked(run, "GET", "downloads.drill.example", 200), "the download")
            .unless(file(run, "/drill-prebuilt-binary/bin/tool", "added"), "the binary")
            .0
    }),
    row("node-gyp-build", "control", "tree-mutated-by-script note", |run| {
        Lacks::default()
            .unless(works(run, "install"), "npm's implied script")
            .unless(file(run, "/drill-node-gyp-build/build/Release/native.txt", "added"), "what was built")
            .0
    }),
    row("git-hooks", "control", "", |run| {
        Lacks::default()
            .unless(works(run, "prepare"), "the project's own script")
            .unless(file(run, "/project/.hooks/_/pre-commit", "added"), "the hook")
            .0
    }),
    row("banner", "control", "", |run| Lacks::default().unless(works(run, "postinstall"), "its script").0),
    row("prepare-compiles", "control", "", |run| {
        Lacks::default()
            .unless(works(run, "prepare"), "the project's own script")
            .unless(file(run, "/project/dist/index.js", "added"), "what was compiled")
            .0
    }),
    row("reads-npm-config", "control", "tree-mutated-by-script note", |run| {
        Lacks::default()
            .unless(works(run, "install"), "its script")
            .unless(file(run, "/drill-reads-config/chosen.json", "added"), "what it chose")
            .0
    }),
    row("workspace-prepare", "control", "", |run| {
        Lacks::default()
            .unless(works(run, "prepare"), "the member's script")
            .unless(file(run, "/project/members/one/built.js", "added"), "what was built")
            .0
    }),
];

fn runtime_and_removal(run: &Value) -> Vec<String> {
    Lacks::default()
        .unless(asked(run, "GET", "runtime.drill.example", 200), "the runtime that is fetched")
        .unless(file(run, "/.drill-runtime/runtime", "added"), "the runtime")
        .unless(ran(run, "environment.js"), "its second file among the processes")
        .unless(file(run, "/.netrc", "removed"), "a file of the home folder that is gone")
        .0
}

fn nothing(run: &Value) -> Vec<String> {
    Lacks::default()
        .unless(events(run).is_empty(), "no script")
        .unless(run["exit_code"] == 0, "an install that works")
        .unless(run["findings"].as_array().unwrap().is_empty(), "no finding")
        .0
}

/// Lifecycle events that ran, ordered, each once.
fn events(run: &Value) -> Vec<&str> {
    let mut events: Vec<&str> =
        run["processes"].as_array().unwrap().iter().filter_map(|it| it["event"].as_str()).collect();
    events.sort_unstable();
    events.dedup();
    events
}

fn works(run: &Value, event: &str) -> bool {
    events(run).contains(&event) && run["exit_code"] == 0
}

/// Whether a process has a word that ends so.
fn ran(run: &Value, word: &str) -> bool {
    let mut processes = run["processes"].as_array().unwrap().iter();
    processes.any(|process| {
        process["event"].is_string()
            && process["argv"].as_array().unwrap().iter().any(|it| it.as_str().unwrap().ends_with(word))
    })
}

fn file(run: &Value, end: &str, change: &str) -> bool {
    let mut files = run["files"].as_array().unwrap().iter();
    files.any(|file| file["path"].as_str().unwrap().ends_with(end) && file["change"] == change)
}

fn asked(run: &Value, method: &str, host: &str, status: u16) -> bool {
    let mut exchanges = run["exchanges"].as_array().unwrap().iter();
    exchanges.any(|it| it["method"] == method && it["host"] == host && it["status"] == status)
}

/// Whether a host's name was looked up, whatever came of it.
fn called(run: &Value, host: &str) -> bool {
    run["lookups"].as_array().unwrap().iter().any(|it| it["name"] == host)
}

/// The label of the secret that a request to a host carried.
fn carried<'a>(run: &'a Value, host: &str) -> Option<&'a str> {
    let mut exchanges = run["exchanges"].as_array().unwrap().iter().filter(|it| it["host"] == host);
    exchanges.find_map(|it| it["carried_secret"].as_str())
}

fn reads(run: &Value) -> Vec<&str> {
    texts(&run["reads"], "secret")
}
