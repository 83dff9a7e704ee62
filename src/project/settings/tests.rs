//! The owner's files, read and laid over one another.

use super::Settings;
use crate::project::registry::RegistryUrl;
use crate::text::Complaint;
use std::path::Path;

struct World(tempfile::TempDir);

impl World {
    fn new(project: &str, policy: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("project/served")).unwrap();
        std::fs::create_dir_all(dir.path().join("project/packages/web")).unwrap();
        std::fs::write(dir.path().join("project/sealcheck.toml"), project).unwrap();
        if let Some(policy) = policy {
            std::fs::write(dir.path().join("policy.toml"), policy).unwrap();
        }
        Self(dir)
    }

    fn read(&self) -> Result<Settings, Complaint> {
        let top = self.0.path().canonicalize().unwrap().join("project");
        let policy = self.0.path().join("policy.toml");
        Settings::read(&top, Some(policy.as_path()).filter(|path| path.exists()))
    }
}

fn lay(project: &str, policy: &str) -> Result<Settings, Complaint> {
    World::new(project, Some(policy)).read()
}

#[test]
fn a_whole_file_is_read() {
    let world = World::new(
        r#"
private = ["@acme/*", "acme-logger"]
scenarios = ["core", "my-scenarios/*.toml"]
jobs = 2
fail-on = "warning"
timeout = "10m"
offline = true

[install]
command = "npm ci --omit=dev"
directory = "packages/web"
env = { NODE_ENV = "production" }

[[registry]]
url = "https://npm.acme.example/api/npm/npm-virtual"
also = ["https://blobs.acme.example/"]
behind = "https://npm.acme.example/api/npm/npm-local/"
serve = "served"

[trust]
hosts = ["cdn.acme.example"]
scripts = ["esbuild", "@acme/*"]

[[accepted]]
rule = "missing-integrity"
package = "old-fork"
reason = "vendored until the fork is retired"
by = "platform"
expires = 2027-03-01

[policy]
audit-disclosure = "warning"
"#,
        None,
    );
    let settings = world.read().unwrap();
    assert_eq!(settings.private.as_deref().unwrap().len(), 2);
    assert_eq!(settings.private_place.as_ref().unwrap().line, 2);
    assert_eq!(settings.scenarios, ["core", "my-scenarios/*.toml"]);
    assert_eq!(settings.install.directory.as_deref(), Some("packages/web"));
    assert_eq!(settings.install.env["NODE_ENV"], "production");
    let registry = &settings.registries[0];
    assert_eq!(registry.url.to_string(), "https://npm.acme.example/api/npm/npm-virtual/");
    assert!(registry.serve.as_deref().is_some_and(|path| path.is_absolute() && path.ends_with("served")));
    assert_eq!(registry.place.line, 15);
    assert_eq!(settings.trusted_scripts.as_deref().unwrap(), ["esbuild", "@acme/*"]);
    assert_eq!(settings.accepted[0].expires, Some(jiff::civil::date(2027, 3, 1)));
    assert_eq!(settings.options.keys().collect::<Vec<_>>(), ["fail-on", "jobs", "offline", "timeout"]);
    assert_eq!(settings.policy["audit-disclosure"], "warning");
    assert_eq!(settings.sources.len(), 1);
}

#[test]
fn what_is_behind_a_registry_is_another_one_of_the_owners() {
    let public = RegistryUrl::parse("https://registry.example/").unwrap();
    let named = |url: &str, behind: &str| {
        let text = format!("[[registry]]\nurl = '{url}'\nbehind = '{behind}'\n");
        World::new(&text, None).read().unwrap().name_public(&public)
    };
    assert_eq!(named("https://npm.example/all/", "https://npm.example/own/"), Ok(()));
    for (url, behind, message) in [
        ("https://npm.example/all/", "{public}", "`behind` is npm's public registry"),
        ("https://npm.example/all/", "https://registry.example/own/", "`behind` is npm's public registry"),
        ("https://npm.example/all/", "http://registry.example/", "`behind` is npm's public registry"),
        ("https://npm.example/all/", "https://registry.example:8443/", "`behind` is npm's public registry"),
        ("https://npm.example/all/", "https://registry.example./", "`behind` is npm's public registry"),
        ("http://registry.example./", "https://npm.example/own/", "npm's public registry has no registry"),
        ("{public}", "https://npm.example/own/", "npm's public registry has no registry"),
        ("https://npm.example/all/", "https://npm.example/all", "`behind` is the registry itself"),
    ] {
        let complaint = named(url, behind).unwrap_err();
        assert!(complaint.message.contains(message), "{complaint}");
        let place = complaint.place.unwrap();
        assert_eq!((place.file.as_str(), place.line, place.column), ("sealcheck.toml", 3, 10));
        assert!(complaint.help.is_some());
    }
    for (behind, message) in [
        ("https://user:pw@npm.example/", "`behind` carries credentials"),
        ("npm.example/own", "`behind`"),
        ("file:///srv/npm", "`behind`"),
    ] {
        let text = format!("[[registry]]\nurl = 'https://npm.example/'\nbehind = '{behind}'\n");
        let complaint = World::new(&text, None).read().unwrap_err();
        assert!(complaint.message.contains(message), "{complaint}");
        assert_eq!(complaint.place.unwrap().line, 3);
    }
}

#[test]
fn nothing_is_a_file_too() {
    let settings = World::new("", None).read().unwrap();
    assert!(settings.private.is_none() && settings.registries.is_empty());
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::read(&dir.path().canonicalize().unwrap(), None).unwrap();
    assert!(settings.sources.is_empty());
}

#[test]
fn a_project_may_tighten_the_policy() {
    let settings = lay(
        "private = ['b']\nfail-on = 'note'\nrequire-margin = 3\nscenarios = ['x.toml']\n\
         [trust]\nscripts = ['a']\n[policy]\naudit-disclosure = 'error'\n[[registry]]\nurl = 'https://p.example/'",
        "private = ['a']\nfail-on = 'warning'\nrequire-margin = 2\nscenarios = ['core']\n\
         [trust]\nscripts = ['a', 'b']\n[policy]\naudit-disclosure = 'warning'\n\
         [[registry]]\nurl = 'https://q.example/'\ntoken = 'NPM_TOKEN'",
    )
    .unwrap();
    assert_eq!(settings.private.as_deref().unwrap(), ["a", "b"]);
    assert_eq!(settings.options["fail-on"].as_str(), Some("note"));
    assert_eq!(settings.options["require-margin"].as_integer(), Some(3));
    assert_eq!(settings.scenarios, ["core", "x.toml"]);
    assert_eq!(settings.trusted_scripts.as_deref().unwrap(), ["a"]);
    assert_eq!(settings.policy["audit-disclosure"], "error");
    assert_eq!(settings.registries.len(), 2);
    assert_eq!(settings.tokens.values().collect::<Vec<_>>(), ["NPM_TOKEN"]);
    assert_eq!(settings.sources[0].name(), "sealcheck.toml");
}

/// Whoever can change the project could bring forged answers of registries along, have its
/// user's files overwritten, or use up the machine.
#[test]
fn what_is_about_the_machine_is_not_the_projects_to_set() {
    for (text, fragment) in [
        ("store = 'kept'", "cannot set `store`"),
        ("store-limit = '1GB'", "cannot set `store-limit`"),
        ("scratch = 'disk'", "cannot set `scratch`"),
        ("report = 'json=package.json'", "cannot set `report`"),
        ("report = ['json=.git/hooks/post-checkout']", "cannot set `report`"),
        ("jobs = 17", "`jobs` cannot be `17`"),
        ("jobs = 9223372036854775807", "`jobs` cannot be"),
        ("repeat = 11", "`repeat` cannot be `11`"),
        ("repeat = 4000000000", "`repeat` cannot be"),
        ("repeat = -1", "`repeat` cannot be"),
        ("timeout = '3h'", "`timeout` cannot be"),
        ("timeout = 9000", "`timeout` cannot be"),
        ("[install]\nenv = { OPENSSL_CONF = 'evil.cnf' }", "`OPENSSL_CONF` is not for a file to set"),
        ("[install]\nenv = { LETS_SEE = '1' }", "cannot set `LETS_SEE`"),
        ("[install]\nenv = { npm_config_script_shell = './x' }", "cannot set `npm_config_script_shell`"),
    ] {
        let complaint = World::new(text, None).read().unwrap_err();
        assert!(complaint.message.contains(fragment), "{text}: {complaint}");
        assert!(complaint.place.is_some() && complaint.help.is_some(), "{text}");
    }
    let policy = "store = '/var/kept'\nreport = 'json=/var/all.json'\njobs = 100\nrepeat = 20\n\
                  [install]\nenv = { LETS_SEE = '1' }";
    let settings = lay("jobs = 100", policy);
    assert!(settings.is_err(), "the project's own bound holds beside a policy");
    let settings = lay("", policy).unwrap();
    assert_eq!(settings.options.len(), 4);
    assert_eq!(settings.install.env["LETS_SEE"], "1");
    let no_one = lay("", "[install]\nenv = { OPENSSL_CONF = 'evil.cnf' }").unwrap_err();
    assert!(no_one.message.contains("not for a file to set"), "{no_one}");
    assert!(lay("", "repeat = 4000000000").unwrap_err().message.contains("`repeat` cannot be"));
}

#[test]
fn what_the_policy_leaves_open_is_the_projects() {
    let settings = lay(
        "jobs = 3\nskip = 'x'\n[trust]\nscripts = ['a']\n[[accepted]]\nrule = 'x'\nreason = 'y'\n[install]\ncommand = 'npm ci'",
        "private = []",
    )
    .unwrap();
    assert_eq!(settings.private.as_deref(), Some(&[][..]));
    assert_eq!(settings.options.len(), 2);
    assert_eq!(settings.accepted.len(), 1);
    assert_eq!(settings.install.command.as_deref(), Some("npm ci"));
    // `private = []` of a project takes nothing out of the policy's list.
    assert_eq!(lay("private = []", "private = ['a']").unwrap().private.unwrap(), ["a"]);
    assert_eq!(lay("private = ['b']", "private = []").unwrap().private.unwrap(), ["b"]);
}

#[test]
fn a_project_may_not_loosen_the_policy() {
    for (project, policy, line, fragment) in [
        ("fail-on = 'error'", "fail-on = 'warning'", 1, "`fail-on` is"),
        ("jobs = 1\nrequire-margin = 1", "require-margin = 2", 2, "`require-margin` is"),
        ("skip = 'x'", "suite = 'full'", 1, "`skip` is chosen"),
        ("suite = 'core'", "suite = 'full'", 1, "`suite` is"),
        ("[trust]\nscripts = ['a', 'c']", "[trust]\nscripts = ['a']", 2, "`c` is not in `trust.scripts`"),
        ("[trust]\nhosts = ['h.example']", "[trust]\nhosts = []", 2, "`h.example` is not in `trust.hosts`"),
        ("[[accepted]]\nrule = 'x'\nreason = 'y'", "accepted = []", 2, "decides what is accepted"),
        (
            "[policy]\naudit-disclosure = 'note'",
            "[policy]\naudit-disclosure = 'error'",
            2,
            "`audit-disclosure` is",
        ),
        ("[install]\ncommand = 'npm install'", "[install]\ncommand = 'npm ci'", 2, "`command` is `npm ci`"),
        (
            "[[registry]]\nurl = 'https://q.example'\nserve = 'served'",
            "[[registry]]\nurl = 'https://q.example/'",
            2,
            "says already what",
        ),
    ] {
        let complaint = lay(project, policy).unwrap_err();
        assert!(complaint.message.contains(fragment), "{complaint}");
        let place = complaint.place.unwrap();
        assert_eq!((place.file.as_str(), place.line), ("sealcheck.toml", line), "{project}");
        assert!(complaint.help.unwrap().contains("never loosen"));
    }
}

#[test]
fn a_policy_lies_outside_the_project() {
    let world = World::new("", None);
    let top = world.0.path().canonicalize().unwrap().join("project");
    let inside = top.join("sealcheck.toml");
    assert!(Settings::read(&top, Some(&inside)).unwrap_err().message.contains("inside the project"));
    assert!(
        Settings::read(&top, Some(Path::new("/none.toml"))).unwrap_err().message.contains("no policy file")
    );
}

#[test]
fn no_word_of_the_command_moves_npm_or_is_half_an_option() {
    let command = |words: &str| lay(&format!("[install]\ncommand = '{words}'"), "");
    for (words, fragment) in [
        ("npm ci --prefix /tmp", "moves npm"),
        ("npm ci -prefix=/tmp", "moves npm"),
        ("npm ci -fC /tmp", "moves npm"),
        ("npm ci --prefi /tmp", "`--prefi` is a part of `--prefix`"),
        ("npm ci --pref=/tmp", "a part of `--prefix`"),
        ("npm ci --ignore-script", "a part of `--ignore-scripts`"),
        ("npm ci --no-aud", "a part of `--audit`"),
        ("npm ci --reg http://x/", "a part of `--registry`"),
    ] {
        let complaint = command(words).unwrap_err();
        assert!(complaint.message.contains(fragment), "{words}: {complaint}");
        assert_eq!(complaint.place.unwrap().line, 2, "{words}");
    }
    for words in ["npm ci --no-audit -ws --omit=dev --silent", "npm install -g", "npm ci --unknown -w a -- x"]
    {
        assert!(command(words).is_ok(), "{words}");
    }
}
