//! A script passes for npm, which reads the user's `.npmrc` whoever starts it, or looks into an
//! npm that it started: each in one run.

use super::tree::{install, told};
use serde_json::Value;

/// Starts `npm run WORD` in ways that are not the tested npm, once as it is, and looks into one
/// that stays.
const ATTACK: &str = r#"
const { spawnSync, spawn } = require('child_process');
const npm = process.env.npm_execpath;
const again = (folder, scripts) => {
  fs.mkdirSync(folder);
  fs.writeFileSync(`${folder}/package.json`, JSON.stringify({ name: 'x', version: '1.0.0', scripts }));
  process.chdir(folder);
};
const run = (command, args, env = {}) =>
  spawnSync(command, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
again('/tmp/w', { wait: 'echo >up; for i in 1 2 3 4 5 6 7 8 9; do test -f done || sleep 1; done' });
run('npm', ['run', 'honest', '--if-present']);
run('sh', ['-c', 'exec 3<$HOME/.npmrc; exec npm run behind --if-present']);
fs.writeFileSync('evil.js', '');
run('npm', ['run', 'required', '--if-present'], { NODE_OPTIONS: '--require=/tmp/w/evil.js' });
fs.symlinkSync(npm, 'link');
run(process.execPath, ['/tmp/w/link', 'run', 'linked', '--if-present']);
run(process.execPath, [npm.replace('/bin/', '/bin/../bin/'), 'run', 'climbing', '--if-present']);
run('npm', ['init', '-y'], { npm_config_init_module: '/tmp/w/evil.js' });
const waiting = spawn(process.execPath, [npm, 'run', 'wait'], { stdio: 'ignore' });
const look = setInterval(() => {
  if (!fs.existsSync('up')) return;
  clearInterval(look);
  run(process.execPath, ['-e', `require('fs').openSync('/proc/${waiting.pid}/mem', 'r')`]);
  process.kill(waiting.pid, 'SIGUSR1');
  setTimeout(() => {
    const debug = require('net').connect(9229, '127.0.0.1');
    const end = () => (debug.destroy(), fs.writeFileSync('done', ''));
    debug.on('error', end).on('connect', () => (fs.writeFileSync('opened', ''), end()));
  }, 500);
}, 20);
"#;

#[test]
fn what_passes_for_npm_is_told_from_npm() {
    let Some(outcome) = install("escape::again::passes", ATTACK, &[], &[]) else { return };
    let run = &outcome.report["runs"].as_array().unwrap()[0];
    assert_eq!(run["scenario"], "baseline");
    let with = |key: &str| run[key].as_array().unwrap().clone();
    // By whom `.npmrc` was read, and whether as npm.
    let read = |word: &str| -> Vec<bool> {
        let has = |process: &&Value| process["argv"].as_array().unwrap().iter().any(|it| it == word);
        let processes = with("processes");
        let ids: Vec<&Value> = processes.iter().filter(has).map(|process| &process["id"]).collect();
        let reads = with("reads");
        let of = reads.iter().filter(|read| read["secret"] == "~/.npmrc" && ids.contains(&&read["process"]));
        of.map(|read| read["npm"] == true).collect()
    };
    assert_eq!(read("honest"), [true], "{:#?}", run["reads"]);
    assert_eq!(read("behind"), [false, true], "{:#?}", run["reads"]);
    for word in ["required", "linked", "climbing", "init"] {
        let npm = run["processes"].as_array().unwrap();
        assert_eq!(read(word), [false], "{word}: {:#?} {npm:#?}", run["reads"]);
    }
    assert_eq!(read("wait"), [true], "{:#?}", run["reads"]);
    told(&outcome, "secret-read", "warning", &["~/.npmrc"]);
    told(&outcome, "attempted-escape", "warning", &["the memory of npm"]);
    let files = with("files");
    let left = |name: &str| files.iter().any(|file| file["path"] == format!("/tmp/w/{name}"));
    assert!(left("done") && !left("opened"), "{files:#?}");
}
