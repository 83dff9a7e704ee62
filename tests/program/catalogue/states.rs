//! The ways in which a registry can fail.
//!
//! `leaky-shop` has a private package with neither `resolved` nor `integrity`, so that its
//! packument is asked for; `sealed-shop` has both, and only the tarball is asked for.

use super::{came_to, copy_of, run, test};
use crate::support;
use Proof::{Exchange, Lookup, Nothing, Redirect, Unanswered, Words};
use serde_json::Value;

/// That a run did what its prose says.
#[derive(Clone, Copy)]
enum Proof {
    /// An exchange names this fault and has this status (0: none).
    Exchange(&'static str, u64),
    /// A look-up of the private registry's name was answered so.
    Lookup(&'static str),
    /// npm tried to connect to the private registry, and nobody answered.
    Unanswered,
    /// A request was redirected by this fault to this host and port.
    Redirect(&'static str, &'static str),
    /// npm says these words.
    Words(&'static str),
    /// Nothing was played: what it is played to was not asked for.
    Nothing,
}

/// A scenario; verdict and npm's code, and the proof, on `leaky-shop` and on `sealed-shop`.
type Row = (&'static str, (&'static str, Proof), (&'static str, Proof));

const fn same(name: &'static str, came_to: &'static str, proof: Proof) -> Row {
    (name, (came_to, proof), (came_to, proof))
}

const TABLE: &[Row] = &[
    same("private-black-hole", "sealed ETIMEDOUT", Unanswered),
    same("private-name-unknown", "sealed ENOTFOUND", Lookup("NXDOMAIN")),
    same("private-name-servfail", "sealed EAI_AGAIN", Lookup("SERVFAIL")),
    same("private-name-unanswered", "sealed EAI_AGAIN", Lookup("unanswered")),
    same("private-reset", "sealed ECONNRESET", Exchange("connection-reset", 0)),
    same("private-unanswered", "sealed FETCH_ERROR", Exchange("unanswered", 0)),
    same(
        "private-certificate-untrusted",
        "sealed UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        Exchange("certificate-untrusted", 0),
    ),
    same("private-certificate-expired", "sealed CERT_HAS_EXPIRED", Exchange("certificate-expired", 0)),
    same(
        "private-certificate-wrong-name",
        "sealed ERR_TLS_CERT_ALTNAME_INVALID",
        Exchange("certificate-wrong-name", 0),
    ),
    same("private-unauthorized", "sealed E401", Exchange("unauthorized", 401)),
    same("private-forbidden", "sealed E403", Exchange("forbidden", 403)),
    same("private-gone", "sealed E410", Exchange("gone", 410)),
    same("private-rate-limited", "sealed E429", Exchange("rate-limited", 429)),
    same("private-server-error", "sealed E500", Exchange("server-error", 500)),
    same("private-unavailable", "sealed E503", Exchange("unavailable", 503)),
    (
        "private-login-page",
        ("sealed FETCH_ERROR", Exchange("login-page", 200)),
        ("sealed EINTEGRITY", Exchange("login-page", 200)),
    ),
    same("private-truncated", "sealed ECONNRESET", Exchange("truncated", 200)),
    same("private-truncated-chunked", "sealed ECONNRESET", Exchange("truncated-chunked", 200)),
    same("private-truncated-unframed", "sealed EINTEGRITY", Exchange("truncated-unframed", 200)),
    same("private-reset-in-body", "sealed ECONNRESET", Exchange("reset-in-body", 200)),
    same("private-slow", "sealed", Exchange("slow-drip", 200)),
    ("private-packument-empty", ("sealed ETARGET", Exchange("empty-packument", 200)), ("sealed", Nothing)),
    ("private-version-missing", ("sealed ETARGET", Exchange("version-missing", 200)), ("sealed", Nothing)),
    ("private-tarball-elsewhere", ("leaked", Exchange("tarball-elsewhere", 200)), ("sealed", Nothing)),
    same("private-redirected-public", "exposed EINTEGRITY", Redirect("redirect-public", "PUBLIC:443")),
    same(
        "private-redirected-stranger",
        "exposed EINTEGRITY",
        Redirect("redirect-stranger", "packages.stranger.example:443"),
    ),
    (
        // Bytes that were redirected are the registry's own only where an integrity says so.
        "private-redirected-port",
        ("leaked", Redirect("redirect-port", "npm.shop.example:8443")),
        ("sealed", Redirect("redirect-port", "npm.shop.example:8443")),
    ),
    (
        "private-redirected-http",
        ("leaked", Redirect("redirect-http", "npm.shop.example:80")),
        ("sealed", Redirect("redirect-http", "npm.shop.example:80")),
    ),
    same("private-redirect-loop", "sealed EMAXREDIRECT", Redirect("redirect-loop", "npm.shop.example:443")),
    ("virtual-merges", ("sealed", Exchange("merges-public", 200)), ("sealed", Nothing)),
    (
        "virtual-falls-through",
        ("leaked", Exchange("falls-through", 200)),
        ("exposed EINTEGRITY", Exchange("falls-through", 200)),
    ),
    same("public-refused", "sealed ECONNREFUSED", Words("PUBLIC")),
];

/// Runs only by name, and takes as long as npm's own patience: what it does is told by
/// `private-refused`, and that it keeps the user's times by the test of the plan below.
const BY_NAME: &str = "private-refused-patiently";

fn public_host() -> String {
    let url = url::Url::parse(support::npm::public_registry()).unwrap();
    url.host_str().unwrap().to_owned()
}

fn list<'a>(run: &'a Value, what: &str) -> impl Iterator<Item = &'a Value> {
    run[what].as_array().unwrap().iter()
}

fn prove(run: &Value, proof: Proof) -> Result<(), String> {
    let fault = |name: &'static str| list(run, "exchanges").filter(move |one| one["fault"] == name);
    let shown = match proof {
        Exchange(name, status) => fault(name)
            .any(|one| one["status"].as_u64().unwrap_or(0) == status && one["host"] == "npm.shop.example"),
        Lookup(answer) => {
            list(run, "lookups").any(|one| one["name"] == "npm.shop.example" && one["answer"] == answer)
        }
        Unanswered => list(run, "connections")
            .any(|one| one["name"] == "npm.shop.example" && one["outcome"] == "pending"),
        Redirect(name, to) => {
            let to = to.replace("PUBLIC", &public_host());
            fault(name).any(|one| one["status"] == 302 && one["redirected_to"] == to.as_str())
        }
        Words(words) => {
            let words = words.replace("PUBLIC", &public_host());
            run["npm_error"]["summary"].as_str().unwrap_or_default().contains(&words)
        }
        Nothing => {
            list(run, "exchanges").any(|one| one["host"] == "npm.shop.example" && one["kind"] == "tarball")
                && list(run, "exchanges").all(|one| one["fault"].is_null())
        }
    };
    if shown {
        Ok(())
    } else {
        Err(format!("{:#}\n{:#}\n{:#}", run["exchanges"], run["lookups"], run["npm_error"]))
    }
}

#[test]
fn each_state_on_both_examples() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("each_state_on_both_examples", &lacks);
    }
    let names: Vec<&str> = TABLE.iter().map(|(name, ..)| *name).collect();
    let mut wrong = Vec::new();
    for example in ["leaky-shop", "sealed-shop"] {
        let report = test(&support::root().join("examples").join(example), &names, &[]);
        for (name, leaky, sealed) in TABLE {
            let (wanted, proof) = if example == "leaky-shop" { leaky } else { sealed };
            let run = run(&report, name);
            if came_to(run) != *wanted {
                wrong.push(format!("{example} {name}: {} ({})", came_to(run), run["because"]));
            }
            if let Err(seen) = prove(run, *proof) {
                wrong.push(format!("{example} {name}: not proved by\n{seen}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `sealed-shop` without the integrity of its private package and with a token: what npm
/// takes where only the form of the bytes could tell, and to whom it brings the token.
#[test]
fn without_an_integrity_and_with_a_token() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("without_an_integrity_and_with_a_token", &lacks);
    }
    let rows = [
        ("private-login-page", "sealed TAR_BAD_ARCHIVE", None),
        ("private-truncated-unframed", "sealed Z_BUF_ERROR", None),
        ("private-redirected-public", "leaked", None),
        ("private-redirected-stranger", "leaked", None),
        ("private-redirected-port", "leaked", Some("https npm.shop.example:8443")),
        ("private-redirected-http", "leaked", Some("http npm.shop.example:80")),
    ];
    let project = copy_of("sealed-shop");
    let lockfile = project.path().join("package-lock.json");
    let mut lock: Value = serde_json::from_slice(&std::fs::read(&lockfile).unwrap()).unwrap();
    lock["packages"]["node_modules/@shop/prices"].as_object_mut().unwrap().remove("integrity");
    std::fs::write(&lockfile, lock.to_string()).unwrap();
    with_npmrc(project.path(), "//npm.shop.example/:_authToken=${NPM_TOKEN}\n");
    let names = rows.map(|(name, ..)| name);
    let report = test(project.path(), &names, &[("NPM_TOKEN", "no-token-at-all")]);
    for (name, wanted, token) in rows {
        let run = run(&report, name);
        assert_eq!(came_to(run), wanted, "{name}: {}", run["because"]);
        assert_eq!(foreign(run), token.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{name}");
    }
    let told = report["findings"].as_array().unwrap().iter();
    let told = told.filter(|finding| finding["rule"] == "credential-to-foreign-host");
    // That npm takes it along there is npm's doing; what leaked above is bytes without integrity.
    let told: Vec<&str> = told.map(|finding| finding["severity"].as_str().unwrap()).collect();
    assert_eq!(told, ["note", "note"], "{:#}", report["findings"]);
}

/// With `strict-ssl=false` npm goes on, whoever is there: the token is theirs, and only the
/// integrity refuses the bytes. A certificate that is merely old hides nobody.
#[test]
fn where_npm_takes_any_certificate() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("where_npm_takes_any_certificate", &lacks);
    }
    let project = copy_of("sealed-shop");
    with_npmrc(project.path(), "strict-ssl=false\n//npm.shop.example/:_authToken=${NPM_TOKEN}\n");
    let names =
        ["private-certificate-untrusted", "private-certificate-wrong-name", "private-certificate-expired"];
    let report = test(project.path(), &names, &[("NPM_TOKEN", "no-token-at-all")]);
    for name in &names[..2] {
        let run = run(&report, name);
        assert_eq!(came_to(run), "leaked EINTEGRITY", "{name}: {}", run["because"]);
        assert!(foreign(run).contains(&"https npm.shop.example:443".to_owned()), "{name}");
    }
    let old = run(&report, names[2]);
    assert_eq!(came_to(old), "unobserved", "{}", old["because"]);
    assert!(old["because"].as_str().unwrap().contains("the fault was not felt"), "{}", old["because"]);
}

/// Where credentials went that are not for there: `http HOST:PORT`.
fn foreign(run: &Value) -> Vec<String> {
    let mut went: Vec<String> = list(run, "exchanges")
        .filter(|one| one["credential"] == "foreign")
        .map(|one| {
            format!("{} {}:{}", one["scheme"].as_str().unwrap(), one["host"].as_str().unwrap(), one["port"])
        })
        .collect();
    went.sort();
    went.dedup();
    went
}

fn with_npmrc(project: &std::path::Path, lines: &str) {
    let path = project.join(".npmrc");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, before + lines).unwrap();
}

/// It is in no suite, it changes none of npm's times, and it differs from `private-refused`
/// in nothing else.
#[test]
fn the_patient_one_runs_by_name_only() {
    use sealcheck::scenario::{Suite, catalogue};
    let all = catalogue::builtin();
    let of = |name: &str| all.iter().find(|scenario| scenario.name == name).unwrap();
    let (patient, short) = (of(BY_NAME), of("private-refused"));
    assert_eq!(patient.suites, [Suite::ByName]);
    assert!(!patient.install.shorten_retries && patient.project.npm_config.is_empty());
    assert_eq!((&patient.world, &patient.demand), (&short.world, &short.demand));
    for suite in [Suite::Core, Suite::Full] {
        let chosen = catalogue::select(all, &[], &[], suite).unwrap();
        assert!(chosen.iter().all(|scenario| scenario.name != BY_NAME));
    }
    assert_eq!(catalogue::select(all, &[BY_NAME.to_owned()], &[], Suite::Core).unwrap().len(), 1);
}
