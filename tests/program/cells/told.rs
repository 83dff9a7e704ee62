//! What an install did, as a report of the program tells it. It must not know what the
//! observer saw.

use crate::cells::account::{Account, EVENTS, ended, role};
use crate::cells::observer::asked;
use serde_json::Value;

/// An account by a run of a report.
pub fn reported(run: &Value) -> Account {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| run[key].as_array().cloned().unwrap_or_default();
    let mut account = Account {
        // An error that npm gave no code has an empty one in the report.
        ended: ended(
            run["exit_code"].as_i64(),
            run["npm_error"]["code"].as_str().filter(|code| !code.is_empty()),
        ),
        ..Account::default()
    };
    for exchange in list("exchanges") {
        let kind = text(&exchange["kind"]);
        if kind != "packument" && kind != "tarball" {
            continue;
        }
        let host = role(&text(&exchange["host"]));
        let name = asked(&text(&exchange["path"]));
        account.asked.insert(format!("{host} {kind} {name} {}", exchange["status"]));
        if exchange["credential"] != "none" {
            account.trusted.insert(host);
        }
    }
    let packages = list("packages");
    let at = |path: &str| packages.iter().find(|package| package["path"] == path);
    for process in list("processes") {
        let (Some(event), Some(path)) = (process["event"].as_str(), process["package"].as_str()) else {
            continue;
        };
        // A script's own children carry its event as well.
        let shell = process["argv"][1] == "-c";
        if shell && process["parent"] == 1 && EVENTS.contains(&event) {
            // npm prepares a git dependency in a clone in its cache.
            if path.starts_with('/') {
                account.scripts.insert(format!("clone {event}"));
                continue;
            }
            let whose = at(path).map_or("unknown", |package| whose(package));
            let whose = whose.trim_end_matches("'s");
            account.scripts.insert(format!("{whose} {} {event}", text(&process["package_name"])));
        }
    }
    if run["exit_code"] == 0 {
        for package in &packages {
            let Some(path) = text(&package["path"]).strip_prefix("node_modules/").map(str::to_owned) else {
                continue;
            };
            let whose = whose(package);
            let source = &package["source"];
            let from = match source["kind"].as_str() {
                _ if whose == "absent" => "nobody".to_owned(),
                Some("registry") => role(&text(&source["host"])),
                _ => "nobody".to_owned(),
            };
            account.tree.insert(path, format!("{whose} from {from}"));
        }
    }
    account
}

fn whose(package: &Value) -> &'static str {
    if package["version"].is_null() {
        return "absent";
    }
    match (package["genuine"].as_bool(), package["decoy"].as_bool()) {
        (_, Some(true)) => "stranger's",
        (Some(true), _) => "genuine",
        (Some(false), _) => "tampered",
        // Nothing pins it, and nothing is said against it: should the observer have seen
        // other bytes, that is a difference.
        (None, _) => "genuine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::judge::{Demand, verdict};
    use crate::cells::observer::{PRIVATE, public_host};
    use serde_json::json;
    use std::collections::{BTreeMap, BTreeSet};

    const NAME: &str = "@acme/internal";

    /// A run as reports tell it: the genuine package, its script, one download.
    fn told() -> Value {
        json!({
            "exit_code": 0, "npm_error": null,
            "packages": [{
                "path": format!("node_modules/{NAME}"), "version": "1.0.0", "genuine": true, "decoy": false,
                "source": { "kind": "registry", "host": PRIVATE },
            }],
            "exchanges": [{
                "kind": "tarball", "host": PRIVATE, "status": 200, "credential": "own",
                "path": format!("/{NAME}/-/internal-1.0.0.tgz"),
            }],
            "processes": [{
                "parent": 1, "argv": ["sh", "-c", "true"], "event": "postinstall",
                "package": format!("node_modules/{NAME}"), "package_name": NAME,
            }],
        })
    }

    fn seen() -> Account {
        let set = |line: &str| BTreeSet::from([line.to_owned()]);
        Account {
            ended: "exit 0, no code".to_owned(),
            tree: BTreeMap::from([(NAME.to_owned(), "genuine from private".to_owned())]),
            asked: set("private tarball @acme/internal 200"),
            scripts: set("genuine @acme/internal postinstall"),
            trusted: set("private"),
        }
    }

    #[test]
    fn a_report_of_what_was_seen_differs_in_nothing_and_any_lie_is_a_difference() {
        assert_eq!(seen().differences(&reported(&told())), Vec::<String>::new());
        for (at, lie) in [
            ("/exit_code", json!(1)),
            ("/npm_error", json!({ "code": "E404" })),
            ("/packages/0/version", json!(null)),
            ("/packages/0/genuine", json!(false)),
            ("/packages/0/decoy", json!(true)),
            ("/packages/0/source/host", json!(public_host())),
            ("/packages/0/source/kind", json!("cache")),
            ("/packages", json!([])),
            ("/exchanges", json!([])),
            ("/exchanges/0/host", json!(public_host())),
            ("/exchanges/0/status", json!(404)),
            ("/exchanges/0/kind", json!("packument")),
            ("/exchanges/0/credential", json!("none")),
            ("/processes", json!([])),
            ("/processes/0/event", json!("install")),
        ] {
            let mut run = told();
            *run.pointer_mut(at).unwrap() = lie;
            assert!(!seen().differences(&reported(&run)).is_empty(), "{at}");
        }
    }

    fn tree(account: &mut Account, state: &str) {
        account.tree.insert(NAME.to_owned(), state.to_owned());
    }

    #[test]
    fn a_verdict_follows_from_what_was_seen() {
        let owned = [NAME.to_owned()];
        let demand = |install: &str, baseline_fails| Demand {
            install: install.to_owned(),
            codes: vec!["E404".to_owned()],
            lockfile_lost: false,
            baseline_fails,
        };
        let of = |change: fn(&mut Account), install: &str, baseline_fails| {
            let mut account = seen();
            change(&mut account);
            verdict(&account, &owned, &[], &demand(install, baseline_fails))
        };
        let failed: fn(&mut Account) = |account| {
            account.ended = "exit 1, E404".to_owned();
            account.tree.clear();
        };
        assert_eq!(of(|_| {}, "must-work", false), "sealed");
        assert_eq!(of(|_| {}, "must-fail", false), "unobserved");
        assert_eq!(of(|it| tree(it, "stranger's from public"), "anyhow", false), "leaked");
        assert_eq!(of(|it| tree(it, "tampered from private"), "anyhow", false), "leaked");
        assert_eq!(of(|it| tree(it, "genuine from public"), "anyhow", false), "leaked");
        assert_eq!(of(|it| tree(it, "absent from nobody"), "may-fail", false), "broken");
        assert_eq!(of(|it| it.trusted.extend(["public".to_owned()]), "anyhow", false), "leaked");
        assert_eq!(of(|it| it.scripts.extend(["stranger x install".to_owned()]), "anyhow", false), "leaked");
        let asked: fn(&mut Account) =
            |it| it.asked.extend(["public packument @acme/internal 404".to_owned()]);
        assert_eq!(of(asked, "anyhow", false), "exposed");
        assert_eq!(of(failed, "must-work", false), "broken");
        assert_eq!(of(failed, "must-fail", false), "sealed");
        assert_eq!(of(failed, "must-fail", true), "unobserved");
        assert_eq!(of(|it| it.ended = "exit 1, EWHAT".to_owned(), "may-fail", false), "unobserved");
    }
}
