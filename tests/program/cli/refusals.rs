//! What is refused: exit code 2, a message that helps, and nothing changed or run.

use super::{assert_refused, shop, snapshot};

#[test]
fn what_cannot_be_meant_is_refused_with_what_could_be() {
    let shop = shop();
    let before = snapshot(shop.path());
    let cases: &[(&[&str], &[&str])] = &[
        (&["tets"], &["unrecognized subcommand", "test"]),
        (&["test", "--frob"], &["--frob"]),
        (&["test", "--backend", "chroot"], &["namespaces"]),
        (&["test", "--fail-on", "always"], &["warning"]),
        (&["test", "--jobs", "0"], &["0 is not in 1..=256"]),
        (&["test", "--repeat", "0"], &["0 is not in 1..=1000"]),
        (&["test", "--timeout", "soon"], &["`soon`", "90s"]),
        (&["test", "--suite", "margins"], &["`margins`", "core"]),
        (&["test", "--toolchain", "banana"], &["banana", "node@20,npm@10"]),
        (&["test", "--scenario", "basline"], &["`basline`", "did you mean `baseline`"]),
        (&["test", "--report", "json"], &["FORMAT=PATH"]),
        (&["test", "--report", "xml=a"], &["`xml`", "json"]),
        (&["test", "--report", "json=."], &["it is a folder"]),
        (&["test", "--report", "json=package.json/x"], &["package.json/x"]),
        (&["test", "--offline"], &["--offline", "--store"]),
        (&["test", "nowhere"], &["nowhere", "package.json"]),
        (&["test", "registry/*"], &["`registry/*`", "a package.json and a lockfile"]),
        (&["test", "--projects", "nowhere"], &["nowhere", "a folder or a glob"]),
        (&["test", "--carry-over", "r.json"], &["--carry-over-age"]),
        (&["test", "--policy", "nowhere.toml"], &["nowhere.toml"]),
        (&["test", "--scenarios-dir", "nowhere"], &["nowhere"]),
        (&["plan", "--scenario", "basline"], &["did you mean `baseline`"]),
        (&["explain", "silent-falback"], &["did you mean `silent-fallback`"]),
        (&["scenarios", "show", "public-decoi"], &["did you mean `public-decoy`"]),
        (&["scenarios", "show", "zzzzzzzz"], &["scenarios list"]),
        (&["clean", "--store", "."], &["no store"]),
        (&["completions", "cmd"], &["bash"]),
        (&["man", "inspec"], &["did you mean `inspect`"]),
        (&["man", "scenarios", "zzzzzzzz"], &["sealcheck help"]),
        (&["man", "test", "-o", "pages"], &["--output"]),
        (&["inspect", "nowhere"], &["nowhere"]),
        (&["doctor", "nowhere"], &["nowhere"]),
    ];
    for (arguments, parts) in cases {
        let told = shop.run(arguments);
        assert_eq!(told.status, Some(2), "{arguments:?}: {told:?}");
        for part in *parts {
            assert!(told.stderr.contains(part), "{arguments:?}: `{part}` is not in\n{}", told.stderr);
        }
    }
    assert_eq!(snapshot(shop.path()), before, "a refused command changed the project");
}

#[test]
fn a_broken_file_is_shown_with_its_line_and_left_as_it_is() {
    for (file, text, parts) in [
        ("package.json", "{\n  \"name\": \"x\",\n}", ["package.json:3:1", "^"]),
        ("package-lock.json", "{ \"lockfileVersion\": 99 }", ["package-lock.json:1:", "99"]),
        ("sealcheck.toml", "privat = []\n", ["sealcheck.toml:1:1", "`private`"]),
        ("sealcheck.toml", "jobs = \"two\"\n", ["sealcheck.toml:1:", "whole number"]),
        ("sealcheck.toml", "report = \"json=../x\"\n", ["sealcheck.toml:1:", "about this machine"]),
    ] {
        let shop = shop();
        std::fs::write(shop.path().join(file), text).unwrap();
        let before = snapshot(shop.path());
        for command in ["test", "plan", "inspect"] {
            assert_refused(&shop.run(&[command]), &parts);
        }
        assert_eq!(snapshot(shop.path()), before);
    }
}

#[test]
fn a_folder_that_cannot_be_served_runs_nothing() {
    let shop = shop();
    std::fs::write(shop.path().join("registry/shop/prices/package.json"), "{ no").unwrap();
    for command in ["test", "inspect"] {
        assert_refused(&shop.run(&[command]), &["prices/package.json", "it is no JSON"]);
    }
}

#[test]
fn a_wrong_project_among_several_runs_none() {
    let (good, bad) = (shop(), shop());
    std::fs::write(bad.path().join("package.json"), "{").unwrap();
    let paths = [good.path().to_str().unwrap(), bad.path().to_str().unwrap()];
    assert_refused(&good.run(&["test", paths[0], paths[1]]), &["package.json"]);
}

#[test]
fn a_scenario_file_that_cannot_be_meant_is_shown_with_its_line_and_what_mends_it() {
    const OWN: &str = "name = \"mine\"\ntitle = \"Mine\"\nabout = \"It is mine.\"\nsuites = [\"full\"]\n[world]\n\
                       decoys = true\n[demand]\ninstall = \"anyhow\"\n";
    let down = OWN.replace("[world]", "[world]\npublic = \"refused\"");
    let cases: &[(&str, String, &[&str])] = &[
        ("mine", OWN.replace("decoys", "decoy"), &["mine.toml:6:1", "did you mean `decoys`?"]),
        ("mine", OWN.replace("true", "\"yes\""), &["mine.toml:6:10", "without quotes"]),
        ("mine", down, &["mine.toml:7:1", "cannot offer decoys", "leave out"]),
        ("mine", OWN.replace("\"mine\"", "\"other\""), &["mine.toml:1:1", "name the file `other.toml`"]),
        ("control", OWN.replace("\"mine\"", "\"control\""), &["control.toml:1:1", "name of its own"]),
    ];
    for (name, text, parts) in cases {
        let shop = shop();
        std::fs::create_dir(shop.path().join("own")).unwrap();
        std::fs::write(shop.path().join(format!("own/{name}.toml")), text).unwrap();
        let before = snapshot(shop.path());
        for command in ["test", "plan"] {
            assert_refused(&shop.run(&[command, "--scenarios-dir", "own"]), parts);
        }
        assert_eq!(snapshot(shop.path()), before);
    }
    // One name in two folders, of which one is the settings' choice.
    let shop = shop();
    for folder in ["own", "theirs"] {
        std::fs::create_dir(shop.path().join(folder)).unwrap();
        std::fs::write(shop.path().join(folder).join("mine.toml"), OWN).unwrap();
    }
    let settings = std::fs::read_to_string(shop.path().join("sealcheck.toml")).unwrap();
    let settings = format!("scenarios = [\"theirs/*.toml\"]\n{settings}");
    std::fs::write(shop.path().join("sealcheck.toml"), settings).unwrap();
    let told = shop.run(&["plan", "--scenarios-dir", "own"]);
    assert_refused(&told, &["theirs/mine.toml:1:1", "own/mine.toml:1:1", "name of its own"]);
    assert_eq!(shop.run(&["plan", "--scenarios-dir", "theirs"]).status, Some(0));
}
