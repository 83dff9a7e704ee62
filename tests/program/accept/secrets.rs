//! No secret of the user's, and none of the project's own, comes into the file or is shown
//! while it is written.

use crate::accept::{FILE, lacks};
use crate::support::package::Package;
use crate::support::project::Project;
use std::fs;

/// A secret by its number, in a form that nothing else has.
fn secret(number: usize) -> String {
    format!("s3cr3t{number:02}Kx9Q2vLw7Zp4Rt8Y")
}

#[test]
fn fifteen_kinds_of_secrets_are_nowhere() {
    if lacks("secrets") {
        return;
    }
    let s = secret;
    // Shows what it finds in its environment and files, as arguments, names and requests.
    let show = "const fs = require('fs'), child = require('child_process'), os = require('os');\n\
        const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch { return ''; } };\n\
        const home = os.homedir();\n\
        const all = [...Object.values(process.env), read(home + '/.npmrc'), read('/project/.npmrc'),\n\
            read(home + '/.aws/credentials'), read(home + '/.netrc')];\n\
        const words = all.join('\\n').split(/[\\s='\"]+/).filter((word) => word.length > 12);\n\
        for (const word of new Set(words)) {\n\
            try { child.execFileSync('/bin/true', [word]); } catch {}\n\
            if (/^[A-Za-z0-9_-]{13,200}$/.test(word)) fs.writeFileSync(os.tmpdir() + '/' + word, '');\n\
        }\n";
    let thief = Package::new("thief", "1.0.0").file("show.js", show).script("postinstall", "node show.js");
    let mut project = Project::new()
        .dependency("thief", "1.0.0")
        .dependency("@acme/internal", "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .npmrc(&format!("//npm.acme.example/:_authToken={}", s(1)))
        .npmrc(&format!("//other.acme.example/:_password={}\n//other.acme.example/:username=me", s(2)))
        .npmrc(&format!("//third.acme.example/:_auth={}", s(3)))
        .npmrc(&format!("@more:registry=https://user:{}@more.example/", s(4)))
        .npmrc("//fourth.acme.example/:_authToken=${OWN_TOKEN}")
        // A project's own scripts are its own files' text, and yet no reason to repeat it.
        .script(
            "prepare",
            &format!(
                "true curl https://user:{}@host.example/x?sig={} --token=npm_{}{}",
                s(5),
                s(6),
                s(7),
                s(7)
            ),
        )
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| {
            registry.package(Package::new("@acme/internal", "1.0.0"))
        })
        .served_registry("{public}", "registry/public", |registry| registry.package(thief))
        .build();
    fs::write(
        project.home().join(".npmrc"),
        format!(
            "//npm.acme.example/:_authToken={}\n//user.example/:_password={}\n//u2.example/:_auth={}\n\
             @mine:registry=https://me:{}@mine.example/\n",
            s(8),
            s(9),
            s(10),
            s(11)
        ),
    )
    .unwrap();
    for (name, value) in [
        ("OWN_TOKEN", s(12)),
        ("NPM_TOKEN", s(13)),
        ("AWS_SECRET_ACCESS_KEY", s(14)),
        ("npm_config_//env.example/:_authToken", s(15)),
        ("GITHUB_TOKEN", s(16)),
    ] {
        project.set(name, &value);
    }
    let outcome = project.run(&["accept", "--scenario", "baseline", "-v"]);
    let written = fs::read_to_string(project.path().join(FILE))
        .unwrap_or_else(|error| panic!("{error}\n{}{}", outcome.stdout, outcome.stderr));
    for number in 1..=16 {
        let secret = secret(number);
        assert!(!written.contains(&secret), "{number}: {written}");
        // What a shell was given by the project's own package.json is in its process's words.
        if !(5..=7).contains(&number) {
            let shown = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!shown.contains(&secret), "{number}: {shown}");
        }
    }
    assert!(written.contains("[redacted:"), "{written}");
    assert!(written.contains("~/.aws/credentials"), "{written}");
    for prefix in ["ghs_", "npm_", "sk-ant-", "sk-proj-", "glcbt-", "AKIA"] {
        let token = written.match_indices(prefix).find(|(at, _)| {
            let rest = &written[at + prefix.len()..];
            rest.chars().take(14).filter(char::is_ascii_alphanumeric).count() == 14
        });
        assert!(token.is_none(), "{prefix}: {written}");
    }
}
