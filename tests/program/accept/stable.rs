//! The file is the same as long as the behaviour is.

use crate::accept::{FILE, accept, file, lacks};
use crate::support::package::Package;
use crate::support::project::Project;

/// Prints times and numbers of processes, and makes up names.
const BUSY: &str = "const fs = require('fs'), os = require('os'), path = require('path');\n\
    const child = require('child_process');\n\
    const name = 'n' + Math.floor(Math.random() * 1e12);\n\
    const folder = path.join(os.tmpdir(), 'build-' + name);\n\
    fs.mkdirSync(folder);\n\
    fs.writeFileSync(path.join(folder, 'out.o'), '');\n\
    fs.writeFileSync('host.json', JSON.stringify([os.hostname(), os.userInfo().username, Date.now()]));\n\
    child.execFileSync('/bin/echo', [String(process.pid), String(Date.now())]);\n\
    child.execFileSync(process.execPath, ['-e', '0']);\n\
    for (let n = 0; n < 40; n++) fs.writeFileSync(`part-${n}.js`, '');\n";

fn project() -> Project {
    let busy =
        Package::new("@acme/busy", "1.0.0").file("busy.js", BUSY).script("postinstall", "node busy.js");
    Project::new()
        .dependency("@acme/busy", "1.0.0")
        .dependency("plain", "2.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .script("prepare", "node -e \"require('fs').writeFileSync('built.js', '')\"")
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| registry.package(busy))
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("plain", "2.0.0"))
        })
        .build()
}

#[test]
fn accepting_twice_gives_the_same_bytes_also_elsewhere_and_as_somebody_else() {
    if lacks("stable") {
        return;
    }
    let one = project();
    let outcome = accept(&one, &["--jobs", "3"]);
    assert_eq!(outcome.status, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("wrote sealcheck.lock.json"), "{}", outcome.stderr);
    let first = one.read(FILE);
    let again = accept(&one, &["--jobs", "1"]);
    assert_eq!((again.status, one.read(FILE)), (Some(0), first.clone()), "{}", again.stderr);
    assert!(again.stderr.contains("sealcheck.lock.json is as it was"), "{}", again.stderr);

    let mut other = project();
    for (name, value) in [
        ("USER", "somebody"),
        ("LOGNAME", "somebody"),
        ("HOSTNAME", "build-7.internal"),
        ("TZ", "Asia/Tokyo"),
    ] {
        other.set(name, value);
    }
    let elsewhere = accept(&other, &["--jobs", "2"]);
    assert_eq!(elsewhere.status, Some(0), "{}", elsewhere.stderr);
    similar_asserted(&other.read(FILE), &first);
    for text in [one.path(), one.home(), other.path(), other.home()] {
        assert!(!first.contains(text.to_str().unwrap()), "{first}");
    }
    let of = &file(&one)["everywhere"];
    let deeds = &of["scripts"]["@acme/busy"];
    let commands = &deeds["processes"]["postinstall"];
    assert_eq!(
        *commands,
        serde_json::json!(["/bin/echo * *", "node -e 0", "node busy.js", "sh -c node busy.js"]),
        "{first}"
    );
    let writes = deeds["writes"].to_string();
    assert!(writes.contains("added /tmp/build-*/"), "{writes}");
    assert!(writes.contains("added node_modules/@acme/busy/**"), "{writes}");
    assert_eq!(of["scripts"]["."]["writes"], serde_json::json!(["added built.js"]), "{first}");
    assert_eq!(of["sometimes"], serde_json::Value::Null, "{first}");
}

fn similar_asserted(left: &str, right: &str) {
    assert!(left == right, "{left}\n---\n{right}");
}
