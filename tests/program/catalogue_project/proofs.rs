//! What shows in a run that the circumstance was there which its scenario tells of.

use serde_json::Value;

/// Looks at a run of the report; the error is what it lacks.
pub type Proof = fn(&Value) -> Result<(), String>;

const PRIVATE: &str = "@shop/prices";
const PRIVATE_HOST: &str = "npm.shop.example";

fn list<'a>(run: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    run[key].as_array().into_iter().flatten()
}

fn must(held: bool, lack: &str, seen: &Value) -> Result<(), String> {
    if held { Ok(()) } else { Err(format!("{lack}\n{seen:#}")) }
}

/// What was asked for a package: kind and host, in order.
fn asked<'a>(run: &'a Value, package: &str) -> Vec<(&'a str, &'a str)> {
    list(run, "exchanges")
        .filter(|exchange| exchange["package"] == package)
        .map(|exchange| (exchange["kind"].as_str().unwrap(), exchange["host"].as_str().unwrap()))
        .collect()
}

fn source<'a>(run: &'a Value, package: &str) -> &'a Value {
    list(run, "packages").find(|one| one["name"] == package).map_or(&Value::Null, |one| &one["source"])
}

fn ran_script(run: &Value) -> bool {
    list(run, "processes").any(|process| process["package_name"] == PRIVATE && process["event"].is_string())
}

/// The row is for a project that the scenario means nothing for.
pub fn none(_: &Value) -> Result<(), String> {
    Err("it ran".to_owned())
}

/// The private name was asked of a stranger, by the document of the name.
pub fn asks_a_stranger(run: &Value) -> Result<(), String> {
    let foreign = list(run, "exchanges").any(|exchange| {
        exchange["role"] == "foreign" && exchange["package"] == PRIVATE && exchange["kind"] == "packument"
    });
    must(foreign, "nobody else was asked for the private package", &run["exchanges"])
}

/// `resolved` led to the private registry, whatever became of the mapping.
pub fn follows_resolved(run: &Value) -> Result<(), String> {
    must(
        asked(run, PRIVATE) == [("tarball", PRIVATE_HOST)],
        "the private package was not fetched by `resolved` alone",
        &run["exchanges"],
    )
}

/// npm could not read the mapping as a URL, and nobody was asked for the private package.
pub fn no_url(run: &Value) -> Result<(), String> {
    let stderr = run["output"]["stderr_tail"].as_str().unwrap_or_default();
    must(
        stderr.contains("Invalid URL") && asked(run, PRIVATE).is_empty(),
        "npm found a URL in the mapping",
        &run["output"],
    )
}

/// Whatever was asked of the private registry was asked of it alone.
pub fn own_registry_only(run: &Value) -> Result<(), String> {
    let asked = asked(run, PRIVATE);
    must(
        !asked.is_empty() && asked.iter().all(|(_, host)| *host == PRIVATE_HOST),
        "the private package was not asked of its own registry alone",
        &run["exchanges"],
    )
}

/// The private registry was asked, was shown none of the tokens there are, and refused.
pub fn refused_without_a_credential(run: &Value) -> Result<(), String> {
    let to_private: Vec<&Value> =
        list(run, "exchanges").filter(|exchange| exchange["host"] == "npm.acme.example").collect();
    let refused = |exchange: &&&Value| exchange["status"] == 401 && exchange["credential"] == "none";
    must(
        !to_private.is_empty() && to_private.iter().all(|exchange| refused(&exchange)),
        "the private registry was not asked without a token",
        &run["exchanges"],
    )
}

/// The command has the word.
macro_rules! commanded {
    ($name:ident, $words:expr) => {
        /// The command is what the scenario says, and the private package came from its registry.
        pub fn $name(run: &Value) -> Result<(), String> {
            let command: Vec<&str> = list(run, "command").filter_map(Value::as_str).collect();
            let words: &[&str] = &$words;
            must(
                words.iter().all(|word| command.iter().any(|have| have.starts_with(word))),
                "another command",
                &run["command"],
            )?;
            own_registry_only(run)
        }
    };
}
commanded!(with_registry_option, ["ci", "--registry=https://"]);
commanded!(with_install, ["install"]);
commanded!(with_foreground, ["--foreground-scripts"]);

/// Scripts ran, and what they print is in npm's own output.
pub fn scripts_in_sight(run: &Value) -> Result<(), String> {
    with_foreground(run)?;
    let stdout = run["output"]["stdout_tail"].as_str().unwrap_or_default();
    must(ran_script(run) && stdout.contains("> node build.js"), "no script in sight", &run["output"])
}

/// What `npm rebuild` did of the private package's: the scripts that ran in it, and the
/// requests that it made.
fn second(run: &Value) -> (Vec<&Value>, usize) {
    let command = list(run, "processes").filter(|process| process["parent"].is_null()).nth(1);
    let id = command.map_or(&Value::Null, |command| &command["id"]);
    let scripts = list(run, "processes")
        .filter(|process| process["package_name"] == PRIVATE && process["parent"] == *id)
        .map(|process| &process["event"]);
    (scripts.collect(), list(run, "exchanges").filter(|exchange| exchange["process"] == *id).count())
}

/// Two npms ran, the second one `npm rebuild`, which ran the private package's script again
/// and asked nobody.
pub fn rebuilt(run: &Value) -> Result<(), String> {
    must(run["then"] == serde_json::json!(["npm", "rebuild"]), "another command behind it", &run["then"])?;
    let (scripts, requests) = second(run);
    must(scripts == ["postinstall"] && requests == 0, "the script did not run again", &run["processes"])?;
    let package = list(run, "packages").find(|one| one["name"] == PRIVATE).unwrap_or(&Value::Null);
    must(package["scripts"] == serde_json::json!(["postinstall", "postinstall"]), "told once", package)
}

/// Nothing ran in the install, and `npm rebuild` ran the private package's script.
pub fn built_behind(run: &Value) -> Result<(), String> {
    let (scripts, _) = second(run);
    let package = list(run, "packages").find(|one| one["name"] == PRIVATE).unwrap_or(&Value::Null);
    must(
        scripts == ["postinstall"] && package["scripts"] == serde_json::json!(["postinstall"]),
        "no script ran behind the install alone",
        &run["processes"],
    )
}

/// The unscoped package was asked of the private registry.
pub fn unscoped_asked_of_the_private_registry(run: &Value) -> Result<(), String> {
    must(
        asked(run, "shop-slug").contains(&("packument", PRIVATE_HOST)),
        "shop-slug was not asked of the private registry",
        &run["exchanges"],
    )
}

/// The tarball of `resolved` was asked of another host, and what came was a decoy.
pub fn resolved_leads_to_a_decoy(run: &Value) -> Result<(), String> {
    let decoy = list(run, "exchanges").any(|exchange| {
        exchange["package"] == PRIVATE && exchange["kind"] == "tarball" && exchange["decoy"] == true
    });
    must(decoy && !asked(run, PRIVATE).contains(&("tarball", PRIVATE_HOST)), "no decoy", &run["exchanges"])
}

/// The same, at the host of the scenario.
pub fn stranger_asked(run: &Value) -> Result<(), String> {
    resolved_leads_to_a_decoy(run)?;
    let hosts: Vec<&str> = asked(run, PRIVATE).into_iter().map(|(_, host)| host).collect();
    must(hosts.iter().all(|host| *host == "packages.stranger.example"), "another host", &run["exchanges"])
}

/// Nothing was asked for the private package, and its path was given other bytes.
pub fn another_tarball(run: &Value) -> Result<(), String> {
    let slug = asked(run, "shop-slug").iter().filter(|(kind, _)| *kind == "tarball").count();
    must(asked(run, PRIVATE).is_empty() && slug >= 1, "the private package was asked for", &run["exchanges"])
}

/// npm left the package out and said so in a warning alone.
pub fn left_out(run: &Value) -> Result<(), String> {
    let stderr = run["output"]["stderr_tail"].as_str().unwrap_or_default();
    must(
        stderr.contains("damaged lockfile") && asked(run, PRIVATE).is_empty(),
        "npm did not find the lockfile damaged",
        &run["output"],
    )
}

/// What npm wanted was a sha1, and the bytes came from the right host.
pub fn refused_by_a_sha1(run: &Value) -> Result<(), String> {
    let stderr = run["output"]["stderr_tail"].as_str().unwrap_or_default();
    must(stderr.contains("sha1-") && !stderr.contains("wanted sha512"), "another hash", &run["output"])?;
    follows_resolved_again(run)
}

/// `resolved` led to the private registry, once more after the first bytes were refused.
fn follows_resolved_again(run: &Value) -> Result<(), String> {
    let asked = asked(run, PRIVATE);
    let own = asked.iter().all(|one| *one == ("tarball", PRIVATE_HOST));
    must(own && !asked.is_empty(), "the private package was asked of somebody else", &run["exchanges"])
}

/// Nothing left the sandbox.
pub fn asks_nobody(run: &Value) -> Result<(), String> {
    must(list(run, "exchanges").next().is_none(), "somebody was asked", &run["exchanges"])
}

/// The private package came from the cache, and its registry was not asked for it.
pub fn from_the_cache(run: &Value) -> Result<(), String> {
    must(source(run, PRIVATE)["kind"] == "cache", "not from the cache", &run["packages"])
}

/// The same, and nothing was asked for it.
pub fn from_the_cache_unasked(run: &Value) -> Result<(), String> {
    from_the_cache(run)?;
    must(asked(run, PRIVATE).is_empty(), "it was asked for", &run["exchanges"])
}

/// The same, and nobody was asked for anything.
pub fn from_the_cache_offline(run: &Value) -> Result<(), String> {
    from_the_cache(run)?;
    asks_nobody(run)
}

/// npm read the document that has the times, and found nothing old enough.
pub fn nothing_old_enough(run: &Value) -> Result<(), String> {
    let stderr = run["output"]["stderr_tail"].as_str().unwrap_or_default();
    must(stderr.contains("with a date before"), "npm speaks of no date", &run["output"])
}

/// No install script of the private package ran.
pub fn no_script(run: &Value) -> Result<(), String> {
    must(!ran_script(run), "a script ran", &run["processes"])?;
    own_registry_only(run)
}

/// An install script of the private package ran.
pub fn with_script(run: &Value) -> Result<(), String> {
    must(ran_script(run), "no script ran", &run["processes"])
}

/// The document of the name was asked of its registry before the tarball.
pub fn asks_by_name_first(run: &Value) -> Result<(), String> {
    let asked = asked(run, PRIVATE);
    must(asked.first() == Some(&("packument", PRIVATE_HOST)), "not by name", &run["exchanges"])?;
    own_registry_only(run)
}

/// Every name was asked for, each of its own registry, and no tarball.
pub fn asks_for_names_only(run: &Value) -> Result<(), String> {
    let tarballs = list(run, "exchanges").any(|exchange| exchange["kind"] == "tarball");
    must(!tarballs && !asked(run, "shop-slug").is_empty(), "not the names alone", &run["exchanges"])?;
    own_registry_only(run)
}

/// These packages and no others came from a stranger.
pub fn changed_hands(run: &Value, names: &[&str]) -> Result<(), String> {
    let mut foreign: Vec<&str> = list(run, "packages")
        .filter(|package| package["source"]["role"] == "foreign")
        .filter_map(|package| package["name"].as_str())
        .filter(|name| *name != "@acme/testing")
        .collect();
    foreign.sort_unstable();
    must(foreign == names, "other packages changed hands", &run["packages"])
}

/// The package is not in the tree, and nobody was asked for it.
pub fn leaves_out(run: &Value, name: &str) -> Result<(), String> {
    let installed =
        list(run, "packages").any(|package| package["name"] == name && package["version"].is_string());
    must(!installed && asked(run, name).is_empty(), "it was not left out", &run["packages"])
}

/// The package's bytes came from a host of this role.
pub fn comes_from(run: &Value, name: &str, role: &str) -> Result<(), String> {
    must(source(run, name)["role"] == role, "it came from elsewhere", &run["packages"])
}

/// A version of the stranger's was installed, which the package's own registry gave.
pub fn is_the_strangers(run: &Value, package: &str, version: &str) -> Result<(), String> {
    let is = |one: &Value| {
        one["name"] == package
            && one["version"] == version
            && one["decoy"] == true
            && one["source"]["role"] == "own"
    };
    must(list(run, "packages").any(is), "no stranger's version from the right host", &run["packages"])
}

/// The private package is a stranger's, out of npm's cache, and nobody was asked for it.
pub fn the_strangers_from_the_cache(run: &Value) -> Result<(), String> {
    let package = list(run, "packages").find(|one| one["name"] == PRIVATE).unwrap_or(&Value::Null);
    must(
        package["genuine"] == false && package["source"]["kind"] == "cache" && asked(run, PRIVATE).is_empty(),
        "the private package is not a stranger's out of the cache",
        package,
    )
}

/// Nothing was installed, from the cache or from elsewhere.
pub fn nothing_installed(run: &Value) -> Result<(), String> {
    must(
        list(run, "packages").all(|package| package["version"].is_null()),
        "something was installed",
        &run["packages"],
    )
}
