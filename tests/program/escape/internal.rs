//! What a file of the tested project names on this machine: the gateway stands in the caller's
//! network, and must not ask there for a script or for whoever wrote the file.

use crate::escape::rig::{answer, evil};
use crate::support::package::{Package, integrity};
use crate::support::project::{Builder, Outcome, Project};
use crate::support::verdaccio::Published;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const OWN: &str = "https://npm.shop.example/";

/// A service of this machine; gives its port and the paths it was asked for.
fn service(package: &Package) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, tarball) = (Arc::new(Mutex::new(Vec::new())), package.tarball());
    let record = seen.clone();
    answer(listener, move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = if path.ends_with(".tgz") { tarball.clone() } else { b"SECRET OF THE HOST".to_vec() };
        record.lock().unwrap().push(path);
        (200, body)
    });
    (port, seen)
}

/// Asks the service for its secret in every way that the files could have opened.
fn script(port: u16) -> String {
    format!(
        r#"
        const http = require('http');
        const ask = (host) => new Promise((done) => {{
          const request = http.get({{ host, port: {port}, path: '/secret?q=1' }}, (answer) => {{
            let text = '';
            answer.on('data', (part) => (text += part)).on('end', () => done(`${{host}}: ${{text}}`));
          }});
          request.on('error', (error) => done(`${{host}}: ${{error.code}}`));
        }});
        (async () => {{
          for (const host of ['127.0.0.1', 'localhost', 'internal.example']) console.log(await ask(host));
        }})();
        "#
    )
}

fn run(port: u16, named: &str, tell: impl FnOnce(Builder) -> Builder) -> Outcome {
    let mut project = tell(Project::new())
        .dependency("@acme/evil", "1.0.0")
        .served_registry(OWN, "registry", |served| served.package(evil(&script(port))))
        .build();
    project.set("SEALCHECK_INTERNAL_HOSTS", named);
    project.test_once(&["--scenario", "baseline"])
}

fn npmrc(more: &str) -> String {
    format!("@acme:registry={OWN}\nforeground-scripts=true\naudit=false\n{more}")
}

/// `@away/thing`, pinned at the service.
fn away(port: u16) -> (Package, Published) {
    let package = Package::new("@away/thing", "1.0.0");
    let resolved = format!("http://127.0.0.1:{port}/@away/thing/-/thing-1.0.0.tgz");
    let at = Published { integrity: integrity(&package.tarball()), resolved };
    (package, at)
}

#[test]
fn no_file_of_the_project_leads_to_this_machine() {
    let thing = Package::new("@away/thing", "1.0.0");
    type Opened = (&'static str, fn(Builder, u16) -> Builder);
    let ways: [Opened; 6] = [
        ("resolved", |project, port| {
            let (package, at) = away(port);
            project.npmrc(&npmrc("")).optional_dependency("@away/thing", "1.0.0").published(&package, &at)
        }),
        ("resolved by name", |project, port| {
            let (package, mut at) = away(port);
            at.resolved = at.resolved.replace("127.0.0.1", "localhost");
            project.npmrc(&npmrc("")).optional_dependency("@away/thing", "1.0.0").published(&package, &at)
        }),
        ("mapped", |project, port| {
            let (package, at) = away(port);
            let mapping = format!("@away:registry=http://127.0.0.1:{port}/");
            let project = project.npmrc(&npmrc(&mapping));
            project.optional_dependency("@away/thing", "1.0.0").published(&package, &at)
        }),
        ("trusted", |project, _| {
            project.npmrc(&npmrc("")).settings("[trust]\nhosts = ['127.0.0.1', 'localhost']")
        }),
        ("a registry", |project, port| {
            let entry = format!("[[registry]]\nurl = 'http://127.0.0.1:{port}/'");
            project.npmrc(&npmrc("")).settings(&entry)
        }),
        ("downloads of a registry", |project, port| {
            let entry =
                format!("[[registry]]\nurl = 'https://other.example/'\nalso = ['http://localhost:{port}/']");
            project.npmrc(&npmrc("")).settings(&entry)
        }),
    ];
    for (way, tell) in ways {
        let (port, seen) = service(&thing);
        let outcome = run(port, "", |project| tell(project, port));
        assert_eq!(*seen.lock().unwrap(), Vec::<String>::new(), "{way}: {}", outcome.stdout);
        assert!(!outcome.report.to_string().contains("SECRET OF THE HOST"), "{way}");
        // What npm was to fetch there was not seen, and nothing is called sealed for that.
        let needs = matches!(way, "resolved" | "resolved by name" | "mapped");
        let run = &outcome.report["runs"][0];
        assert_eq!(run["verdict"] == "unobserved", needs, "{way}: {run:#}");
        assert_eq!(
            outcome.stdout.contains("SEALCHECK_INTERNAL_HOSTS=127.0.0.1"),
            way == "resolved" || way == "mapped",
            "{way}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn where_the_caller_names_the_registry_npm_alone_is_led_there() {
    let thing = Package::new("@away/thing", "1.0.0");
    let (port, seen) = service(&thing);
    let (package, at) = away(port);
    let mapping = npmrc(&format!("@away:registry=http://127.0.0.1:{port}/"));
    let outcome = run(port, &format!("127.0.0.1:{port}"), |project| {
        project.npmrc(&mapping).dependency("@away/thing", "1.0.0").published(&package, &at)
    });
    assert_eq!(*seen.lock().unwrap(), ["/@away/thing/-/thing-1.0.0.tgz"], "{}", outcome.stdout);
    assert_eq!(outcome.report["runs"][0]["verdict"], "sealed", "{}", outcome.stdout);
}
