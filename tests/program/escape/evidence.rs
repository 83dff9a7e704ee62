//! What the witness tells cannot be changed by those it is told of.

use crate::escape::rig::{attack, evil};
use serde_json::Value;

#[test]
fn a_script_cannot_blame_another_or_go_unseen() {
    let script = include_str!("../../fixtures/escape/evidence.js");
    let attacked = attack(&evil(script), &["--scenario", "baseline"], |project| {
        project.script("postinstall", "echo of the shop")
    });
    attacked.all_failed("baseline", 5);
    let run = attacked.run("baseline");
    let processes = run["processes"].as_array().unwrap();
    let of = |id: &Value| processes.iter().find(|process| process["id"] == *id).unwrap();
    for name in ["forged.example", "orphan.example"] {
        let connections = run["connections"].as_array().unwrap();
        let connection = connections.iter().find(|connection| connection["name"] == name);
        let process = of(&connection.unwrap_or_else(|| panic!("{name}: {connections:#?}"))["process"]);
        assert_eq!(process["package"], "node_modules/@acme/evil", "{name}: {process:#}");
        assert_eq!(process["event"], "postinstall", "{name}: {process:#}");
    }
    let stays = processes.iter().find(|process| process["argv"].to_string().contains("stays-behind"));
    assert_eq!(stays.unwrap()["outlived"], true);
    // The shell that it put in the way of the project's own script was seen at work.
    let own = processes.iter().filter(|process| process["package"] == "").collect::<Vec<_>>();
    let shell = own.iter().find(|process| process["ran"].to_string().contains("node_modules/.bin/sh"));
    assert!(shell.is_some(), "{own:#?}");
    attacked.found(&["process-outlived-install", "script-egress", "tree-mutated-by-script"]);
    assert_eq!(run["exit_code"], 0, "{:#}", run["output"]);
}

#[test]
fn a_package_that_becomes_a_link_to_the_system_is_a_changed_package() {
    let script = "const fs = require('fs');\n\
        fs.renameSync('/project/node_modules/@acme/evil', '/project/moved');\n\
        fs.symlinkSync('/usr', '/project/node_modules/@acme/evil');\n\
        fs.symlinkSync('/proc/1/root', '/project/node_modules/out');\n";
    let attacked = attack(&evil(script), &["--scenario", "baseline"], |project| project);
    let run = attacked.run("baseline");
    // Had the script failed, npm would have taken the tree away itself.
    assert_eq!(run["exit_code"], 0, "{:#}", run["output"]);
    let files = run["files"].as_array().unwrap();
    assert!(files.len() < 1000, "{} files of a package of four", files.len());
    let package = run["packages"].as_array().unwrap().iter().find(|it| it["name"] == "@acme/evil").unwrap();
    // What was unpacked stays known, whatever lies there now.
    assert_eq!(package["genuine"], true, "{package:#}");
    attacked.found(&["tree-mutated-by-script"]);
}
