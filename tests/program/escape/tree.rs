//! What a script does to trees that are not its own, to npm's cache and to folders that all
//! share: it is seen, whoever did it is named, and nobody else is.

use crate::support::npm::lacks_npm;
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use crate::support::skip;
use serde_json::Value;

/// What another package of the project is, and has.
fn victim() -> Package {
    Package::new("@acme/victim", "1.0.0")
        .file("index.js", "module.exports = 'genuine';\n")
        .file("lib/util.js", "module.exports = 1;\n")
        .file("tool.js", "#!/usr/bin/env node\n")
        .file("install.js", "// of the victim's own\n")
        .bin("tool", "tool.js")
        .field("main", Value::from("dist/main"))
        .script("postinstall", "node install.js")
}

/// Installs `@acme/evil`, which npm runs before its victim, with the whole program around it.
pub(super) fn install(
    name: &str,
    script: &str,
    root: &[(&str, &str)],
    arguments: &[&str],
) -> Option<Outcome> {
    if let Some(lack) = lacks_npm() {
        skip(name, &lack);
        return None;
    }
    let registry = OwnRegistry::start(Manner::default());
    let evil = Package::new("@acme/evil", "1.0.0")
        .file("attack.js", &format!("const fs = require('fs');\nprocess.chdir('/project');\n{script}"))
        .script("preinstall", "node attack.js");
    let mut project = Project::new()
        .npmrc(&format!("@acme:registry={}\nforeground-scripts=true\naudit=false", registry.url));
    for package in [evil, victim()] {
        let published = registry.publish(&package);
        project = project.dependency(package.name(), "1.0.0").published(&package, &published);
    }
    for (event, command) in root {
        project = project.script(event, command);
    }
    let mut project = project.file("tools/index.js", "").build();
    project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
    let outcome = project.test_once(&[&["--scenario", "baseline", "--skip", "control"], arguments].concat());
    let run = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    let run = run.iter().find(|run| run["scenario"] == "baseline").unwrap();
    assert_eq!(run["exit_code"], 0, "{:#}", run["output"]);
    Some(outcome)
}

/// The one finding of a rule whose message has all of these words; of this severity, and about
/// this package.
#[track_caller]
pub(super) fn told(outcome: &Outcome, rule: &str, severity: &str, words: &[&str]) {
    let findings = outcome.report["findings"].as_array().unwrap();
    let told = findings.iter().any(|finding| {
        let message = finding["message"].as_str().unwrap_or_default();
        finding["rule"] == rule
            && finding["severity"] == severity
            && finding["package"] == "@acme/evil"
            && message.contains("@acme/evil")
            && words.iter().all(|word| message.contains(word))
    });
    assert!(told, "no {severity} of {rule} with {words:?}: {findings:#?}");
}

/// Nothing at all is said of the victim but that its script is on no list.
#[track_caller]
pub(super) fn nothing_blames_the_victim(outcome: &Outcome) {
    let findings = outcome.report["findings"].as_array().unwrap();
    let blamed: Vec<_> = findings
        .iter()
        .filter(|finding| finding["package"] == "@acme/victim" && finding["severity"] != "note")
        .filter(|finding| finding["rule"] != "script-not-approved")
        .collect();
    assert!(blamed.is_empty(), "{blamed:#?}");
}

/// What takes over a package or a program makes a run that cannot be called sealed.
#[track_caller]
fn broken(outcome: &Outcome) {
    assert_eq!(outcome.report["verdict"], "broken", "{}", outcome.stdout);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stdout);
    nothing_blames_the_victim(outcome);
}

#[test]
fn a_file_beside_the_packages_takes_one_over() {
    let script = "fs.writeFileSync('node_modules/@acme/victim.js', 'evil');\n";
    let Some(outcome) = install("escape::tree::file", script, &[], &[]) else { return };
    told(&outcome, "hijacks-package", "error", &["node_modules/@acme/victim.js", "@acme/victim"]);
    broken(&outcome);
}

#[test]
fn a_link_takes_a_package_over() {
    let script = "fs.mkdirSync('/var/tmp/e');\nfs.writeFileSync('/var/tmp/e/index.js', 'evil');\n\
        fs.renameSync('node_modules/@acme/victim', 'tools/aside');\n\
        fs.cpSync('tools/aside', '/var/tmp/e', { recursive: true });\n\
        fs.symlinkSync('/var/tmp/e', 'node_modules/@acme/victim');\n\
        fs.symlinkSync('/var/tmp/e', 'node_modules/newcomer');\n";
    let Some(outcome) = install("escape::tree::link", script, &[], &[]) else { return };
    told(&outcome, "hijacks-package", "error", &["node_modules/@acme/victim", "/var/tmp/e"]);
    told(&outcome, "write-outside-package", "warning", &["node_modules/newcomer"]);
    told(&outcome, "write-outside-package", "warning", &["/var/tmp/e/index.js"]);
    broken(&outcome);
}

#[test]
fn a_folder_for_one_package_alone_takes_another_over() {
    let script = "fs.mkdirSync('node_modules/@acme/victim/node_modules/@acme/evil', { recursive: true });\n\
        fs.mkdirSync('tools/node_modules/left', { recursive: true });\n\
        fs.writeFileSync('node_modules/@acme/victim/node_modules/@acme/evil/index.js', 'evil');\n\
        fs.writeFileSync('tools/node_modules/left/index.js', 'evil');\n";
    let Some(outcome) = install("escape::tree::folder", script, &[], &[]) else { return };
    told(&outcome, "hijacks-package", "error", &["node_modules/@acme/victim/node_modules/@acme/evil"]);
    told(&outcome, "write-outside-package", "warning", &["tools/node_modules/left/index.js"]);
    broken(&outcome);
}

#[test]
fn a_program_on_the_path_is_taken_over() {
    let script = "process.on('exit', () => {});\n\
        require('child_process').spawn(process.execPath, ['-e', `\n\
          const fs = require('fs');\n\
          const wait = setInterval(() => {\n\
            if (!fs.existsSync('/project/node_modules/.bin/tool')) return;\n\
            clearInterval(wait);\n\
            fs.unlinkSync('/project/node_modules/.bin/tool');\n\
            fs.writeFileSync('/project/node_modules/.bin/tool', 'evil', { mode: 0o755 });\n\
          }, 5);\n\
        `], { detached: true, stdio: 'ignore' }).unref();\n\
        fs.mkdirSync('node_modules/.evil');\n\
        fs.writeFileSync('node_modules/.evil/x.js', 'evil');\n\
        fs.mkdirSync('node_modules/.cache');\n\
        fs.writeFileSync('node_modules/.cache/x.js', 'evil');\n\
        fs.mkdirSync('node_modules/.bin', { recursive: true });\n\
        fs.writeFileSync('node_modules/.bin/gi', 'evil', { mode: 0o755 });\n";
    let root = [("postinstall", "node -e 'setTimeout(() => {}, 500)'")];
    let Some(outcome) = install("escape::tree::bin", script, &root, &[]) else { return };
    told(&outcome, "hijacks-package", "error", &["node_modules/.bin/gi"]);
    told(&outcome, "hijacks-package", "error", &["node_modules/.bin/tool"]);
    told(&outcome, "write-outside-package", "warning", &["node_modules/.cache/x.js"]);
    broken(&outcome);
}

#[test]
fn what_npm_keeps_of_the_tree_is_watched() {
    let script = "require('child_process').spawn(process.execPath, ['-e', `\n\
          const fs = require('fs');\n\
          const file = '/project/node_modules/.package-lock.json';\n\
          const wait = setInterval(() => {\n\
            if (!fs.existsSync(file)) return;\n\
            clearInterval(wait);\n\
            fs.appendFileSync(file, ' ');\n\
          }, 5);\n\
        `], { detached: true, stdio: 'ignore' }).unref();\n";
    let root = [("postinstall", "node -e 'setTimeout(() => {}, 500)'")];
    let Some(outcome) = install("escape::tree::hidden", script, &root, &[]) else { return };
    told(&outcome, "write-outside-package", "warning", &["node_modules/.package-lock.json"]);
    nothing_blames_the_victim(&outcome);
}

#[test]
fn whoever_changes_another_package_is_named() {
    let script = "fs.appendFileSync('node_modules/@acme/victim/index.js', '// evil');\n";
    for root in [&[][..], &[("prepare", "node -e 0")]] {
        let Some(outcome) = install("escape::tree::changed", script, root, &[]) else { return };
        let words = ["preinstall script", "changed node_modules/@acme/victim/index.js"];
        told(&outcome, "tree-mutated-by-script", "warning", &words);
        nothing_blames_the_victim(&outcome);
    }
}

#[test]
fn a_main_that_did_not_exist_takes_a_package_over() {
    let script = "fs.mkdirSync('node_modules/@acme/victim/dist');\n\
        fs.writeFileSync('node_modules/@acme/victim/dist/main.js', 'evil');\n\
        fs.writeFileSync('node_modules/@acme/victim/lib/util', 'evil');\n\
        fs.writeFileSync('node_modules/@acme/victim/NOTES', 'harmless');\n";
    let Some(outcome) = install("escape::tree::main", script, &[], &[]) else { return };
    told(&outcome, "hijacks-package", "error", &["dist/main.js", "index.js"]);
    told(&outcome, "hijacks-package", "error", &["lib/util", "lib/util.js"]);
    told(&outcome, "tree-mutated-by-script", "note", &["NOTES"]);
    broken(&outcome);
}

#[test]
fn a_program_in_the_place_of_node_is_told_with_who_put_it_there() {
    let script = "const home = process.env.HOME;\nfs.mkdirSync(`${home}/.npm/x`, { recursive: true });\n\
        fs.copyFileSync('/bin/sh', `${home}/.npm/x/node`);\n\
        fs.writeFileSync('node_modules/@acme/victim/install.js', 'exec cat \"$HOME/.ssh/id_ed25519\" >/dev/null');\n\
        fs.chmodSync(`${home}/.npm/x/node`, 0o755);\n\
        fs.mkdirSync('node_modules/.bin', { recursive: true });\n\
        fs.symlinkSync(`${home}/.npm/x/node`, 'node_modules/.bin/node');\n";
    let Some(outcome) = install("escape::tree::node", script, &[], &[]) else { return };
    told(&outcome, "hijacks-package", "error", &["node_modules/.bin/node", "/home/npm/.npm/x/node"]);
    told(&outcome, "write-outside-package", "warning", &["/home/npm/.npm/x/node"]);
    told(&outcome, "secret-read", "warning", &["~/.ssh/id_ed25519"]);
    broken(&outcome);
}

#[test]
fn what_is_put_into_npms_cache_is_told_with_what_it_stands_for() {
    let script = "const cache = `${process.env.HOME}/.npm/_cacache`;\n\
        fs.mkdirSync(`${cache}/index-v5/00/11`, { recursive: true });\n\
        const entry = { key: 'make-fetch-happen:request-cache:https://npm.acme.example/@acme%2fvictim', integrity: null };\n\
        fs.writeFileSync(`${cache}/index-v5/00/11/2233`, `\\nabc\\t${JSON.stringify(entry)}`);\n\
        fs.mkdirSync(`${process.env.HOME}/.npm/_npx/1`, { recursive: true });\n\
        fs.writeFileSync(`${process.env.HOME}/.npm/_npx/1/tool`, 'evil', { mode: 0o755 });\n";
    let Some(outcome) = install("escape::tree::cache", script, &[], &[]) else { return };
    let words = ["npm's cache", "https://npm.acme.example/@acme%2fvictim"];
    told(&outcome, "write-outside-package", "warning", &words);
    told(&outcome, "write-outside-package", "warning", &["/home/npm/.npm/_npx/1/tool"]);
    nothing_blames_the_victim(&outcome);
}

#[test]
fn what_is_left_in_folders_that_all_share_is_told() {
    let script = "fs.writeFileSync('/var/tmp/left', 'x');\nfs.writeFileSync('/dev/shm/left', 'x');\n";
    let Some(outcome) = install("escape::tree::shared", script, &[], &[]) else { return };
    told(&outcome, "write-outside-package", "warning", &["/var/tmp/left", "/dev/shm/left"]);
    nothing_blames_the_victim(&outcome);
}

#[test]
fn what_honest_scripts_and_npm_itself_do_is_no_fault() {
    // As esbuild does with its own program, as prebuilt binaries are kept, as a root's script
    // patches a dependency and runs npm once more.
    let script = "const own = 'node_modules/@acme/evil';\nfs.writeFileSync(`${own}/new`, 'x');\n\
        fs.mkdirSync(`${own}/node_modules/dep`, { recursive: true });\n\
        fs.writeFileSync(`${own}/node_modules/dep/index.js`, 'x');\n\
        fs.mkdirSync(`${process.env.HOME}/.npm/_prebuilds`, { recursive: true });\n\
        fs.writeFileSync(`${process.env.HOME}/.npm/_prebuilds/1-x.tar.gz`, 'x');\n";
    let root = [
        ("postinstall", "npm --version && npm run again"),
        ("again", "echo patched >>node_modules/@acme/victim/index.js && echo 1 >node_modules/.patched"),
    ];
    let Some(outcome) = install("escape::tree::honest", script, &root, &[]) else { return };
    let findings = outcome.report["findings"].as_array().unwrap();
    let loud: Vec<_> = findings
        .iter()
        .filter(|finding| finding["severity"] != "note" && finding["rule"] != "script-not-approved")
        .collect();
    assert!(loud.is_empty(), "{loud:#?}");
    assert_eq!(outcome.report["verdict"], "sealed", "{}", outcome.stdout);
}
