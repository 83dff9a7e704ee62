//! The commands that look at whatever engines there are: `clean` and `doctor`.

use crate::rig::{Engine, alone_at_each_engine, at_each_engine};
use crate::support;
use crate::support::project::{Outcome, Project, outcome};
use sealcheck::sandbox::container::owner;
use serde_json::{Value, json};

/// Runs a command with an address for the engine, in folders of its own.
fn run(at: Option<&str>, arguments: &[&str]) -> Outcome {
    let project = Project::new().build();
    let cache = tempfile::tempdir().unwrap();
    let mut command = project.command();
    command.env_remove("DOCKER_HOST").env_remove("SEALCHECK_IMAGE");
    if let Some(at) = at {
        command.env("DOCKER_HOST", at);
    }
    outcome(command.env("XDG_CACHE_HOME", cache.path()).args(arguments), None)
}

/// Things at an engine that are removed with this value, by the path of each.
struct Made<'a> {
    engine: &'a Engine,
    all: Vec<String>,
}

impl<'a> Made<'a> {
    /// With an image for containers that are never started.
    fn new(engine: &'a Engine) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        tar.append_data(&mut header, "nothing", std::io::empty()).unwrap();
        let path = format!("/images/create?fromSrc=-&repo={}&tag=latest", Self::image());
        let (status, answer) = engine.ask("POST", &path, &tar.into_inner().unwrap(), "application/x-tar");
        assert_eq!(status, 200, "{answer}");
        Self { engine, all: vec![format!("/images/{}", Self::image())] }
    }

    fn image() -> String {
        format!("sealcheck-test/empty-{}", std::process::id())
    }

    fn post(&mut self, path: &str, body: &Value, kind: &str, id: &str) -> String {
        let (status, answer) = self.engine.ask("POST", path, body.to_string().as_bytes(), "application/json");
        assert_eq!(status, 201, "{answer}");
        let id = answer[id].as_str().unwrap().to_owned();
        self.all.push(format!("/{kind}/{id}"));
        id
    }

    fn container(&mut self, labels: Value, volume: Option<&str>) -> String {
        let binds: Vec<String> = volume.map(|volume| format!("{volume}:/kept")).into_iter().collect();
        let body = json!({
            "Image": Self::image(), "Cmd": ["/nothing"], "Labels": labels,
            "HostConfig": { "NetworkMode": "none", "Binds": binds },
        });
        self.post("/containers/create", &body, "containers", "Id")
    }

    fn volume(&mut self, name: &str, labels: Value) -> String {
        let name = format!("{name}-{}", std::process::id());
        self.post("/volumes/create", &json!({ "Name": name, "Labels": labels }), "volumes", "Name")
    }

    /// Those that are still there, as they were made.
    fn there(&self, names: &[&str]) -> Vec<bool> {
        let path = |name: &&str| self.all.iter().find(|path| path.ends_with(name)).unwrap().clone();
        let is = |path: String| {
            let path = if path.starts_with("/containers") { format!("{path}/json") } else { path };
            self.engine.ask("GET", &path, b"", "application/json").0 == 200
        };
        names.iter().map(path).map(is).collect()
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        for path in self.all.iter().rev() {
            let path = format!("{path}?force=true");
            let (status, _) = self.engine.ask("DELETE", &path, b"", "application/json");
            assert!(status < 300 || status == 404 || std::thread::panicking(), "{path}: {status}");
        }
    }
}

#[test]
fn cleaning_takes_what_is_ours_and_dead_and_nothing_else() {
    // Volumes of other tests would go as well.
    alone_at_each_engine("cleaning", |engine| {
        // A pid beyond the most that Linux gives.
        let living = owner::present();
        // The same place, and a pid that no process has.
        let (place, _) = living.split_once('.').unwrap();
        let dead = json!({ "dev.sealcheck": format!("{place}.4194305.1") });
        let living = json!({ "dev.sealcheck": living });
        let mut made = Made::new(engine);
        let volumes = [
            made.volume("ours", dead.clone()),
            made.volume("ours-in-use", dead.clone()),
            made.volume("foreign", json!({ "of": "another" })),
        ];
        let containers = [
            made.container(dead, None),
            made.container(living, None),
            made.container(json!({ "of": "another" }), Some(&volumes[1])),
        ];
        let volumes = volumes.each_ref().map(String::as_str);
        let containers = containers.each_ref().map(String::as_str);

        let told = run(Some(&engine.at()), &["clean"]);
        assert_eq!(told.status, Some(0), "{told:?}");
        assert!(told.stdout.contains("removed the container "), "{told:?}");
        assert_eq!(made.there(&containers), [false, true, true], "{told:?}");
        assert_eq!(made.there(&volumes), [true, true, true], "volumes go only on request: {told:?}");

        let told = run(Some(&engine.at()), &["clean", "--volumes"]);
        assert_eq!(told.status, Some(0), "{told:?}");
        assert!(told.stdout.contains(&format!("removed the volume {}", volumes[0])), "{told:?}");
        assert!(told.stderr.contains(&format!("{} at", volumes[1])), "{told:?}");
        assert_eq!(made.there(&containers), [false, true, true], "{told:?}");
        assert_eq!(made.there(&volumes), [false, true, true], "{told:?}");
    });
}

#[test]
fn of_an_engine_that_does_not_answer_only_one_that_was_named_is_spoken_of() {
    let told = run(Some("unix:///nowhere/engine.sock"), &["clean"]);
    assert_eq!((told.status, told.stdout.as_str()), (Some(0), "nothing was left behind\n"), "{told:?}");
    assert!(told.stderr.contains("unix:///nowhere/engine.sock does not answer"), "{told:?}");
    let told = run(None, &["clean"]);
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "{told:?}");
}

#[test]
fn the_doctor_knows_each_engine() {
    at_each_engine("the_doctor", |engine| {
        let told = run(Some(&engine.at()), &["doctor"]);
        let line = told.stdout.lines().find(|line| line.contains(&engine.at())).unwrap_or_default();
        assert!(line.starts_with("ok    Docker ") || line.starts_with("ok    Podman "), "{told:?}");
        for part in [": API 1.", "root", "cgroup v"] {
            assert!(line.contains(part), "{part}: {line}");
        }
    });
}

#[test]
fn no_engine_is_no_lack() {
    let without = run(Some("unix:///nowhere/engine.sock"), &["doctor"]);
    assert!(
        without
            .stdout
            .contains("\nnone  the container engine at unix:///nowhere/engine.sock does not answer"),
        "{without:?}"
    );
    assert!(without.stdout.contains("      to test in an image: "), "{without:?}");
    let lacks = without.stdout.lines().any(|line| line.starts_with("LACK"));
    assert_eq!(without.status, Some(if lacks { 3 } else { 0 }), "{without:?}");
}

/// Where namespaces are forbidden and no image is named nothing begins.
#[test]
fn without_namespaces_an_image_is_asked_for() {
    // A user namespace in which no further one can be made.
    let forbid = |rest: &str| format!("echo 0 > /proc/sys/user/max_user_namespaces && {rest}");
    let unshare = |script: &str| {
        let mut command = std::process::Command::new("unshare");
        command.args(["-Ur", "sh", "-c", script, "sh"]);
        command
    };
    let tried = unshare(&forbid("true")).output();
    if !tried.as_ref().is_ok_and(|tried| tried.status.success()) {
        return support::skip(
            "containers::without_namespaces",
            &format!("no user namespace to forbid them in: {tried:?}"),
        );
    }
    let shop = Project::copied(&support::root().join("examples/sealed-shop"), &[]);
    let cache = tempfile::tempdir().unwrap();
    let mut command = unshare(&forbid("exec \"$@\""));
    support::npm::in_empty_home(&mut command, shop.home());
    command.arg(support::sealcheck()).arg("test").arg(shop.path()).env("XDG_CACHE_HOME", cache.path());
    let told = outcome(&mut command, None);
    assert_eq!((told.status, told.stdout.as_str()), (Some(2), ""), "{told:?}");
    for part in ["no sandbox can be made here: ", "to mend it: ", "`--image node:22`", "sealcheck doctor"] {
        assert!(told.stderr.contains(part), "{part}: {told:?}");
    }
    command.args(["--backend", "namespaces", "--scenario", "baseline"]);
    // Whoever insists gets runs, and for each the reason why it is none.
    let told = outcome(&mut command, None);
    assert_eq!(told.status, Some(3), "{told:?}");
}
