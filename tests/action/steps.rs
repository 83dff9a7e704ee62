//! What single steps do in circumstances that a whole job does not show: other events,
//! what inputs may be, each exit code, a build, a job that is cancelled. A program of a few
//! lines stands in for sealcheck.

use super::github::AUTHOR;
use super::job::{Job, Ran, action};
use super::{MARKER, assert_commands, support};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Says what it was given; ends with the code in CODE, and writes a report where that is one
/// of a test that was made.
const STAND_IN: &str = r#"#!/usr/bin/env bash
case "$1" in
    --version) echo "sealcheck 0.0.0"; exit 0 ;;
    report) case "$2" in --help) echo markdown, html; exit 0 ;; esac; cp "$2" "$6"; exit 0 ;;
esac
printf '<%s>\n' "$@"
for word in "$@"; do
    case "$word" in json=*) if [ "$CODE" != 2 ]; then echo '{"verdict": "VERDICT"}' >"${word#json=}"; fi ;; esac
done
exit "$CODE"
"#;

/// A job in which the test ends so.
fn ending(code: i32, verdict: &str) -> Option<Job> {
    let job = Job::new("leaky-shop")?;
    let script = STAND_IN.replace("$CODE", &code.to_string()).replace("VERDICT", verdict);
    job.program("stand-in", &script);
    Some(job.with("binary", "/home/runner/bin/stand-in"))
}

#[test]
fn every_exit_code_is_the_jobs_unless_it_is_allowed() {
    for (code, verdict, allowed, failed, says) in [
        (0, "sealed", "", false, ""),
        (1, "leaked", "", true, "exit 1: the install is leaked"),
        (1, "sealed", "", true, "exit 1: findings at or above the threshold"),
        (1, "leaked", "3", true, "exit 1"),
        (1, "leaked", "1, 3", false, "exit 1, which is allowed"),
        (3, "unobserved", "", true, "exit 3: something could not be observed"),
        (3, "unobserved", "3", false, "exit 3, which is allowed"),
        (2, "none", "1,3", true, "exit 2: an input or a file"),
        (70, "leaked", "1,3", true, "exit 70: a fault"),
        (130, "sealed", "1,3", true, "exit 130: it was interrupted"),
    ] {
        let Some(job) = ending(code, verdict) else { return };
        let ran = job.with("allow-exit-codes", allowed).run();
        assert_eq!(ran.outputs["exit-code"], code.to_string(), "{ran:#?}");
        assert_eq!(ran.failed, failed, "{code} {allowed}: {ran:#?}");
        assert!(ran.logs["Say how it ended"].contains(says), "{code}: {ran:#?}");
        let wanted = if code == 2 { "" } else { verdict };
        assert_eq!(ran.outputs["verdict"], wanted);
        assert_eq!(ran.used.contains_key("Upload the findings"), code != 2, "{code}");
        if code == 2 {
            assert!(ran.summary.contains("Nothing is known about this install"), "{}", ran.summary);
        }
    }
}

#[test]
fn inputs_become_arguments_as_they_are() {
    let Some(job) = ending(0, "sealed") else { return };
    fs::create_dir(job.file("-a b")).unwrap();
    fs::copy(job.file("package.json"), job.file("-a b/package.json")).unwrap();
    let hostile = "$(touch /home/runner/pwned) `touch /home/runner/pwned`; touch /home/runner/pwned";
    let ran = job
        .with("project", "-a b")
        .with("suite", "full")
        .with("scenario", hostile)
        .with("toolchain", "node@20,npm@10\nnode@22,npm@11\n")
        .with("image", "node:22\r\nnode:24\r\n")
        .with("require-margin", "1")
        .with("fail-on", "warning")
        .with("arguments", "--jobs=2\n\n--timeout\n10 m\n");
    let job = ran;
    let ran = job.run();
    let log = &ran.logs["Test the install"];
    let given: Vec<&str> = log.lines().collect();
    let report = format!("<json={}/report.json>", ran.outputs["reports"]);
    let scenario = format!("<--scenario={hostile}>");
    assert_eq!(
        given,
        [
            "<test>",
            "<--progress>",
            "<plain>",
            "<--store>",
            "</home/runner/work/_temp/sealcheck/store>",
            "<--report>",
            report.as_str(),
            "<--suite=full>",
            scenario.as_str(),
            "<--require-margin=1>",
            "<--fail-on=warning>",
            "<--toolchain=node@20,npm@10>",
            "<--toolchain=node@22,npm@11>",
            "<--image=node:22>",
            "<--image=node:24>",
            "<--jobs=2>",
            "<--timeout>",
            "<10 m>",
            "<-->",
            "<-a b>",
        ]
    );
    assert!(!job.outside("/home/runner/pwned").exists());
    assert!(!ran.failed, "{ran:#?}");
    // A stand-in knows it, so it is written.
    assert!(ran.outputs["html"].ends_with("/report.html"), "{ran:#?}");
}

#[test]
fn an_input_that_is_wrong_is_refused_before_anything_is_built() {
    for (input, value, says) in [
        ("project", "elsewhere", "no folder of the repository: elsewhere"),
        ("project", "../..", "there is no package.json"),
        ("project", "../other", "leads out of the repository"),
        ("project", "x%0A::set-output name=a::b", "no folder of the repository: x%250A::set-output"),
        ("project", "$(touch /home/runner/pwned)", "no folder of the repository"),
        ("project", "a\n::warning::b", "no folder of the repository: a%0A::warning::b"),
        ("category", "a --> b", "letters, digits"),
        ("category", "$(touch /home/runner/pwned)", "letters, digits"),
        ("allow-exit-codes", "2", "may name 1 and 3 only"),
        ("binary", "none", "`binary` is no file"),
    ] {
        let Some(job) = ending(0, "sealed") else { return };
        fs::create_dir(job.file("../other")).unwrap();
        fs::write(job.file("../other/package.json"), "{}").unwrap();
        let job = job.with(input, value);
        let ran = job.run();
        assert!(ran.logs["Check the inputs"].contains(says), "{value}: {ran:#?}");
        assert!(ran.failed);
        assert_eq!(ran.codes.keys().collect::<Vec<_>>(), ["Check the inputs", "Say how it ended"], "{value}");
        assert!(ran.used.is_empty(), "{ran:#?}");
        assert!(!job.outside("/home/runner/pwned").exists());
        assert_commands(&ran);
    }
}

#[test]
fn where_no_comment_may_be_made_the_summary_has_the_verdict() {
    let silent = |job: &Job, ran: &Ran| {
        assert!(!ran.failed, "{ran:#?}");
        assert!(ran.summary.contains("sealed"), "{ran:#?}");
        assert_eq!(job.api.comments(), []);
    };
    let Some(mut job) = ending(0, "sealed") else { return };
    job.event()["pull_request"]["head"]["repo"] = json!({ "full_name": "mallory/shop" });
    let ran = job.run();
    silent(&job, &ran);
    assert_eq!(job.api.heard(), [""; 0], "a fork's pull request");
    // The fork was removed.
    job.event()["pull_request"]["head"]["repo"] = json!(null);
    let ran = job.run();
    silent(&job, &ran);
    assert!(ran.logs["Comment on the pull request"].starts_with("::notice "), "{ran:#?}");
    assert_eq!(job.api.heard(), [""; 0]);

    let job = ending(0, "sealed").unwrap();
    job.api.only_lets_read();
    let ran = job.run();
    silent(&job, &ran);
    assert_eq!(job.api.heard().len(), 2, "{:?}", job.api.heard());
    assert!(ran.logs["Comment on the pull request"].contains("status 403"), "{ran:#?}");

    for (event, name) in
        [(json!({ "schedule": "17 3 * * *" }), "schedule"), (json!({ "ref": "main" }), "push")]
    {
        let job = ending(0, "sealed").unwrap().on(name, event);
        let ran = job.run();
        silent(&job, &ran);
        assert!(!ran.codes.contains_key("Comment on the pull request"), "{ran:#?}");
    }
    let job = ending(0, "sealed").unwrap().with("comment", "false");
    let ran = job.run();
    silent(&job, &ran);
}

#[test]
fn a_comment_is_whole_lines_within_what_one_may_have() {
    let Some(job) = ending(0, "sealed") else { return };
    let long = "x".repeat(99);
    let script = STAND_IN
        .replace("$CODE", "0")
        .replace(r#"cp "$2" "$6""#, &format!("for at in {{1..900}}; do echo '{long}'; done >\"$6\""));
    job.program("stand-in", &script);
    let ran = job.run();
    assert!(!ran.failed, "{ran:#?}");
    let comments = job.api.comments();
    assert_eq!(comments[0].0, AUTHOR);
    let text = comments[0].1.strip_prefix(MARKER).unwrap();
    assert!(text.len() < 65_000, "{}", text.len());
    let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert!(lines.len() > 500 && lines.iter().all(|line| *line == long), "{text}");
}

#[test]
fn a_build_is_made_once_and_kept() {
    let Some(job) = ending(0, "sealed") else { return };
    let script = format!(
        "#!/usr/bin/env bash\necho \"cargo $*\"\nmkdir -p \"$CARGO_TARGET_DIR/any/release\"\ncat >\"$CARGO_TARGET_DIR/any/release/sealcheck\" <<'END'\n{}\nEND\nchmod +x \"$CARGO_TARGET_DIR/any/release/sealcheck\"\n",
        STAND_IN.replace("$CODE", "0").replace("VERDICT", "sealed")
    );
    job.program("cargo", &script);
    let job = job.with("binary", "");
    let ran = job.run();
    assert!(!ran.failed, "{ran:#?}");
    assert!(ran.logs["Build sealcheck"].starts_with("cargo build --release --locked\n"), "{ran:#?}");
    let (kept, restored) = (&ran.used["Keep the executable"].1, &ran.used["Restore the executable"].1);
    assert_eq!(kept, restored);
    assert!(kept["key"].starts_with("sealcheck-tool-Linux-X64-"), "{kept:?}");
    assert!(job.outside(&kept["path"]).join("sealcheck").is_file());

    // The next job finds it there.
    let job = job.restored();
    let ran = job.run();
    assert!(!ran.failed && !ran.logs["Build sealcheck"].contains("cargo"), "{ran:#?}");
    assert!(!ran.used.contains_key("Keep the executable"), "{ran:#?}");
    assert_eq!(&ran.used["Restore the executable"].1, restored);
    assert!(!ran.used.contains_key("Keep what registries answered"), "it is kept already: {ran:#?}");

    // Other sources are another executable.
    fs::write(job.outside("/home/runner/work/_actions/sealcheck/Cargo.lock"), "other").unwrap();
    assert_ne!(job.run().used["Restore the executable"].1["key"], restored["key"]);
}

#[test]
fn answers_are_kept_for_a_day_and_a_lockfile_also_of_a_test_that_failed() {
    let Some(job) = ending(1, "leaked") else { return };
    let ran = job.run();
    let (action, kept) = &ran.used["Keep what registries answered"];
    assert!(action.starts_with("actions/cache/save@"), "{action}");
    let day = |key: &str| key.rsplit_once('-').is_some_and(|(_, day)| day.len() == 2) && key.len() > 50;
    assert!(kept["key"].starts_with("sealcheck-store-") && day(&kept["key"]), "{kept:?}");
    fs::write(job.file("package-lock.json"), "{}").unwrap();
    assert_ne!(job.run().used["Keep what registries answered"].1["key"], kept["key"]);
    let ran = job.with("cache", "false").run();
    assert!(ran.used.keys().all(|step| !step.contains("registries answered")), "{ran:#?}");
}

#[test]
fn a_cancelled_job_lets_the_test_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("sealcheck"), "#!/usr/bin/env bash\ntrap 'sleep 0.3; exit 130' TERM\ntouch \"$0-began\"\nwhile :; do sleep 0.05; done\n")
        .unwrap();
    fs::write(path("output"), "").unwrap();
    Command::new("chmod").arg("+x").arg(path("sealcheck")).status().unwrap();
    // A shell cannot trap what was ignored when it began, as SIGINT is in whatever a shell
    // without job control has put into the background.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(support::root().join("action/run"));
    for name in [
        "PROJECT",
        "SUITE",
        "SCENARIO",
        "SKIP",
        "TOOLCHAIN",
        "IMAGE",
        "POLICY",
        "REQUIRE_MARGIN",
        "FAIL_ON",
        "ARGUMENTS",
    ] {
        command.env(format!("INPUT_{name}"), "");
    }
    command.env("GITHUB_WORKSPACE", folder.path()).env("GITHUB_OUTPUT", path("output"));
    command.env("REPORTS", folder.path()).env("STORE", folder.path()).env("SEALCHECK", path("sealcheck"));
    let mut step = command.spawn().unwrap();
    until("the test began", || path("sealcheck-began").exists());
    let pid = nix::unistd::Pid::from_raw(i32::try_from(step.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    until("the step ended", || step.try_wait().unwrap().is_some());
    assert!(step.wait().unwrap().success());
    assert_eq!(fs::read_to_string(path("output")).unwrap(), "exit-code=130\n");
}

/// Waits for what must come, and not for ever where it does not.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < std::time::Duration::from_secs(120), "not {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn other_actions_are_pinned_and_every_input_is_used() {
    let text = fs::read_to_string(support::root().join("action.yml")).unwrap();
    let uses: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("uses: ")).collect();
    assert!(uses.len() >= 5, "{uses:?}");
    for line in uses {
        let (_, pin) = line.split_once('@').unwrap();
        let (commit, version) = pin.split_once(" # v").unwrap_or_default();
        assert!(commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit()), "{line}");
        assert!(version.split('.').count() == 3, "{line}");
    }
    for name in action()["inputs"].as_hash().unwrap().keys() {
        let name = name.as_str().unwrap();
        assert!(text.contains(&format!("inputs.{name} ")), "{name} is asked for and not used");
    }
}

#[test]
fn every_script_is_sound_shell() {
    let folder = support::root().join("action");
    let examples = support::root().join("examples/ci");
    let files = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    };
    let mut scripts = files(&folder);
    scripts.extend(files(&examples).into_iter().filter(|path| path.extension().is_some_and(|it| it == "sh")));
    scripts.push(support::root().join("tests/action/room"));
    assert!(scripts.len() >= 8, "{scripts:?}");
    for script in &scripts {
        let told = Command::new("bash").arg("-n").arg(script).output().unwrap();
        assert!(told.status.success(), "{script:?}: {told:?}");
    }
    match Command::new("shellcheck").arg("-x").args(&scripts).current_dir(support::root()).output() {
        Ok(told) => assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout)),
        Err(_) => support::skip("the action's scripts", "shellcheck"),
    }
}
