//! What of the folder that node is installed in a script sees. With `~/bin/node` that folder is
//! the home folder, with `/opt/bin/node` all of `/opt`.

use crate::escape::rig::evil;
use crate::support::package::integrity;
use crate::support::place;
use crate::support::project::Project;
use crate::support::verdaccio::Published;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lists all that lies below the folder that node was shown in.
const LOOK: &str = r#"
    const fs = require('fs');
    const seen = [];
    const walk = (folder) => {
      for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const path = `${folder}/${entry.name}`;
        seen.push(path);
        if (entry.isDirectory()) walk(path);
      }
    };
    if (fs.existsSync('/toolchain/node')) walk('/toolchain/node');
    console.log('SEEN ' + JSON.stringify(seen));
"#;

/// The `node` and `npm` of this machine's PATH, as npm itself names them.
fn of_this_machine() -> (PathBuf, PathBuf) {
    let ask = |script: &str| {
        let output = Command::new("node").args(["-p", script]).output().unwrap();
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    let npm = "require('path').dirname(require('path').dirname(require('fs').realpathSync(\
               require('child_process').execSync('command -v npm', { encoding: 'utf8' }).trim())))";
    (ask("process.execPath"), ask(npm))
}

/// Puts node and npm below a prefix in the ways of version managers and of hands.
fn install(prefix: &Path) {
    let (node, npm) = of_this_machine();
    let modules = prefix.join("lib/node_modules");
    for folder in [&prefix.join("bin"), &modules, &prefix.join("include/node"), &prefix.join(".ssh")] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::copy(node, prefix.join("bin/node")).unwrap();
    assert!(Command::new("cp").arg("-a").arg(npm).arg(&modules).status().unwrap().success());
    std::os::unix::fs::symlink("../lib/node_modules/npm/bin/npm-cli.js", prefix.join("bin/npm")).unwrap();
    std::fs::write(prefix.join("include/node/node_version.h"), "").unwrap();
    for private in [".ssh/real_key", "bin/other", "lib/node_modules/mine.js"] {
        std::fs::write(prefix.join(private), "of the host").unwrap();
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(prefix.join(private), mode).unwrap();
    }
}

#[test]
fn of_the_folder_that_node_lies_in_a_script_sees_node_alone() {
    let package = evil(LOOK);
    for below in [".", ".local", "opt"] {
        let mut project = Project::new()
            .dependency("@acme/evil", "1.0.0")
            .npmrc("@acme:registry=https://npm.shop.example/\nforeground-scripts=true\naudit=false")
            .served_registry("https://npm.shop.example/", "registry", |served| served.package(evil(LOOK)))
            .published(
                &package,
                &Published {
                    integrity: integrity(&package.tarball()),
                    resolved: "https://npm.shop.example/@acme/evil/-/evil-1.0.0.tgz".to_owned(),
                },
            )
            .build();
        let prefix = project.home().join(below);
        install(&prefix);
        let path = format!("{}:/usr/bin:/bin", prefix.join("bin").display());
        project.set("PATH", &path);
        let outcome = project.test_once(&["--scenario", "baseline"]);
        let stdout = &outcome.report["runs"][0]["output"]["stdout_tail"];
        let line = stdout.as_str().unwrap_or_else(|| panic!("{}", outcome.stderr)).lines();
        let line = line.filter_map(|line| line.strip_prefix("SEEN ")).next_back();
        let seen: Vec<&str> = serde_json::from_str(line.unwrap_or_else(|| panic!("{stdout}"))).unwrap();
        let shown: &[&str] = match place::chosen() {
            None => &["bin", "bin/node", "include", "include/node", "include/node/node_version.h"],
            // They lie in the image.
            Some(_) => &[],
        };
        let shown: Vec<String> = shown.iter().map(|path| format!("/toolchain/node/{path}")).collect();
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, shown, "{below}");
        assert_eq!(outcome.report["runs"][0]["verdict"], "sealed", "{below}: {}", outcome.stdout);
    }
}
