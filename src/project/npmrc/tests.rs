//! npmrc files of several levels, read from a folder.

use super::levels::Levels;
use super::render::Edit;
use super::{Level, NpmConfig, NpmVersion, Value};
use crate::text::Complaint;
use std::collections::BTreeMap;
use std::path::Path;

struct World {
    dir: tempfile::TempDir,
    env: BTreeMap<String, String>,
    words: Vec<String>,
    npm: Option<NpmVersion>,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "project", "npm", "prefix/etc"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self { dir, env: BTreeMap::new(), words: Vec::new(), npm: None }
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn words(mut self, words: &[&str]) -> Self {
        self.words = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    fn npm(mut self, major: u64, minor: u64, patch: u64) -> Self {
        self.npm = Some(NpmVersion(major, minor, patch));
        self
    }

    fn root(&self) -> std::path::PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn try_read(&self) -> Result<NpmConfig, Complaint> {
        let root = self.root();
        Levels {
            root: &root.join("project"),
            cwd: &root.join("project"),
            home: Some(&root.join("home")),
            global: Some(&root.join("prefix/etc/npmrc")),
            builtin: Some(&root.join("npm/npmrc")),
            env: &self.env,
            words: &self.words,
            npm: self.npm,
        }
        .read()
    }

    fn read(&self) -> NpmConfig {
        self.try_read().unwrap()
    }
}

const EVERY: [(&str, &str); 4] = [
    ("npm/npmrc", "a=builtin\nb=builtin\nc=builtin\nd=builtin\ne=builtin\nf=builtin"),
    ("prefix/etc/npmrc", "b=global\nc=global\nd=global\ne=global\nf=global"),
    ("home/.npmrc", "c=user\nd=user\ne=user\nf=user"),
    ("project/.npmrc", "d=project\ne=project\nf=project"),
];

#[test]
fn each_level_beats_the_one_below() {
    let config = World::new(&EVERY)
        .env("NPM_CONFIG_E", "env")
        .env("npm_config_f", "env")
        .words(&["ci", "--f=cli"])
        .read();
    for (key, level) in [
        ("a", Level::Builtin),
        ("b", Level::Global),
        ("c", Level::User),
        ("d", Level::Project),
        ("e", Level::Env),
        ("f", Level::Cli),
    ] {
        assert_eq!(config.get(key).unwrap().level, level, "{key}");
    }
    assert!(config.settings.is_sorted_by_key(|setting| setting.level));
    let place = config.get("d").unwrap().place.clone().unwrap();
    assert_eq!((place.file.as_str(), place.line, place.column), (".npmrc", 1, 1));
    assert_eq!(config.get("c").unwrap().place.clone().unwrap().file, "~/.npmrc");
}

#[test]
fn other_files_take_the_place_of_the_usual_ones() {
    let files = [("home/other", "c=other"), ("home/.npmrc", "c=user"), ("prefix/etc/npmrc", "b=global")];
    let world = World::new(&files).env("npm_config_userconfig", "~/other");
    assert_eq!(world.read().plain("c"), Some("other"));

    let world = World::new(&[("home/.npmrc", "prefix=~/p"), ("prefix/etc/npmrc", "b=global")]);
    std::fs::create_dir_all(world.root().join("home/p/etc")).unwrap();
    std::fs::write(world.root().join("home/p/etc/npmrc"), "b=prefix").unwrap();
    assert_eq!(world.read().plain("b"), Some("prefix"));

    let world = World::new(&[("project/.npmrc", "userconfig=./ci.npmrc"), ("project/ci.npmrc", "c=inside")]);
    assert_eq!(world.read().plain("c"), Some("inside"));
}

#[test]
fn a_project_cannot_have_a_file_of_the_callers_read() {
    let world = World::new(&[
        ("home/credentials", "aws_secret=hunter2"),
        ("project/.npmrc", "x=1\nuserconfig=~/credentials"),
    ]);
    let complaint = world.try_read().unwrap_err();
    let place = complaint.place.clone().unwrap();
    assert_eq!((place.file.as_str(), place.line), (".npmrc", 2));
    assert!(complaint.message.contains("outside the project"), "{complaint}");
}

#[test]
fn variables_are_recorded_and_secrets_never_print() {
    let world = World::new(&[(
        "project/.npmrc",
        "registry=https://npm.corp.example/${TEAM}/\n//npm.corp.example/:_authToken=${NPM_TOKEN}\n\
         //other.example/:_authToken=hunter2-clear\nemail=${AWS_THING}\nuser-agent=${DB_PASSWORD}\n\
         @acme:registry=https://ann:hunter2-url@npm.acme.example/\nproxy=http://ann:hunter2-proxy@proxy.example/\n\
         //key-${NPM_TOKEN}.example/:username=x\n",
    )])
    .env("TEAM", "blue")
    .env("NPM_TOKEN", "hunter2-token")
    .env("AWS_THING", "hunter2-aws")
    .env("DB_PASSWORD", "hunter2-db");
    let config = world.read();
    assert_eq!(config.plain("registry"), Some("https://npm.corp.example/blue/"));
    assert_eq!(config.plain("@acme:registry"), Some("https://npm.acme.example/"));
    assert!(matches!(config.get("email").unwrap().value, Value::Secret(_)));
    let token = config.get("//npm.corp.example/:_authToken").unwrap();
    assert_eq!(token.variables, [("NPM_TOKEN".to_owned(), true)]);
    assert_eq!(token.raw, Value::Plain("${NPM_TOKEN}".to_owned()));
    let shown = format!("{config:?} {:?}", config.credentials());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn credentials_are_those_of_the_user_and_not_of_a_strangers_file() {
    let project =
        "//a.example/:_authToken=${A}\n//b.example/p/:_authToken=${A}\n//c.example/:_authToken=own\n";
    let user = "//a.example/:_authToken=users\n//d.example/:_password=cHc=\n//d.example/:username=ann\n\
                //e.example/:_authToken=${UNSET}\n//f.example:8080/:_auth=${A}\n";
    let world = World::new(&[("project/.npmrc", project), ("home/.npmrc", user)])
        .env("A", "secret-a")
        .env("npm_config_//g.example/:_authToken", "from-env");
    let found: Vec<_> = world
        .read()
        .credentials()
        .into_iter()
        .map(|one| {
            (
                one.nerf_dart,
                one.key,
                one.value.map(|value| value.expose().to_owned()),
                one.level,
                one.variable,
            )
        })
        .collect();
    let row = |dart: &str, key: &str, value: Option<&str>, level, variable: Option<&str>| {
        (dart.to_owned(), key.to_owned(), value.map(str::to_owned), level, variable.map(str::to_owned))
    };
    assert_eq!(
        found,
        [
            // npm would send what A says, and the user's own line is not that.
            row("//a.example/", "_authToken", None, Level::Project, Some("A")),
            row("//b.example/p/", "_authToken", None, Level::Project, Some("A")),
            row("//c.example/", "_authToken", Some("own"), Level::Project, None),
            row("//d.example/", "_password", Some("cHc="), Level::User, None),
            row("//e.example/", "_authToken", None, Level::User, Some("UNSET")),
            row("//f.example:8080/", "_auth", Some("secret-a"), Level::User, Some("A")),
            row("//g.example/", "_authToken", Some("from-env"), Level::Env, None),
        ]
    );
}

/// What npm 8, 10, 11 and 12 send where the project's key hides the user's: the project's own
/// text, nothing where that is empty, and never what the level below says.
#[test]
fn a_key_that_is_hidden_is_not_used() {
    let of = |project: &str, npm: (u64, u64, u64)| {
        let project = format!("//a.example/:_authToken={project}\n");
        let files = [("project/.npmrc", project.as_str()), ("home/.npmrc", "//a.example/:_authToken=users")];
        let world = World::new(&files).env("SAME", "users").env("OTHER", "others").env("EMPTY", "");
        let found = world.npm(npm.0, npm.1, npm.2).read().credentials();
        found.first().map(|one| one.value.as_ref().map(|value| value.expose().to_owned()))
    };
    let (old, new) = ((10, 9, 9), (11, 19, 1));
    let sent = |text: &str| Some(Some(text.to_owned()));
    for (project, npm, wanted) in [
        // Its name is sent, which is no credential of anybody's.
        ("${UNSET}", new, Some(None)),
        ("x-${UNSET}", new, Some(None)),
        ("${UNSET}", old, Some(None)),
        // None at all: whatever else npm finds for the registry counts.
        ("", new, None),
        ("${EMPTY}", new, None),
        ("${UNSET?}", new, None),
        ("${UNSET?}", (11, 6, 0), None),
        // Not known yet: the text is sent as it is, set or not.
        ("${UNSET?}", (11, 5, 2), Some(None)),
        ("${SAME?}", old, Some(None)),
        ("${SAME?}", new, sent("users")),
        // What the user's own file ties to the same key.
        ("${SAME}", new, sent("users")),
        ("${OTHER}", new, Some(None)),
        ("literal", new, sent("literal")),
    ] {
        assert_eq!(of(project, npm), wanted, "{project} with {npm:?}");
    }
}

#[test]
fn a_registry_url_may_carry_a_credential() {
    let config = World::new(&[("home/.npmrc", "@acme:registry=https://ann:pw@npm.acme.example/x/")]).read();
    let found = config.credentials();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].nerf_dart, "//npm.acme.example/x/");
    assert_eq!(found[0].value.as_ref().map(crate::secret::Secret::expose), Some("YW5uOnB3"));
}

#[test]
fn lists_add_up_and_a_bare_key_is_true() {
    let config =
        World::new(&[("project/.npmrc", "omit[]=dev\nomit[]=optional\naudit\n[s]\nregistry=x\n")]).read();
    assert_eq!(config.list("omit"), ["dev", "optional"]);
    assert_eq!(config.plain("audit"), Some("true"));
    assert_eq!(config.plain("registry"), None, "npm does not look below a section");
}

#[test]
fn words_of_the_command_are_a_level() {
    let words = [
        "ci",
        "--omit=dev",
        "--registry",
        "https://r.example/",
        "--no-audit",
        "--ignore-scripts",
        "--",
        "--x",
    ];
    let config = World::new(&[]).words(&words).read();
    assert_eq!(config.plain("registry"), Some("https://r.example/"));
    assert_eq!(config.plain("audit"), Some("false"));
    assert_eq!(config.plain("ignore-scripts"), Some("true"));
    assert!(config.get("x").is_none());
}

#[test]
fn rendering_changes_only_what_is_asked() {
    let text = "\u{feff}; c\r\n@acme:registry = https://a.example/\r\n//a.example/:_authToken=hunter2\n# _auth=hunter2\naudit=false";
    let world = World::new(&[("project/.npmrc", text)]);
    let config = world.read();
    let keep = config.render(Level::Project, |_| Edit::Keep).unwrap();
    assert_eq!(String::from_utf8(keep).unwrap(), text.replace("# _auth=hunter2", "# _auth=[redacted]"));
    let changed = config
        .render(Level::Project, |setting| match &setting.value {
            Value::Secret(_) => Edit::Replace("plan;ted".to_owned()),
            Value::Plain(_) if setting.key.starts_with('@') => Edit::Remove,
            Value::Plain(_) => Edit::Keep,
        })
        .unwrap();
    let changed = String::from_utf8(changed).unwrap();
    assert!(changed.contains("//a.example/:_authToken=\"plan;ted\"\n"), "{changed}");
    assert!(!changed.contains("@acme") && !changed.contains("hunter2"), "{changed}");
    assert!(changed.ends_with("\naudit=false"), "{changed}");
    assert_eq!(config.render(Level::User, |_| Edit::Keep), None);
    assert_eq!(config.file_text(Level::Project), Some(text));
    assert!(!Path::new(config.files[&Level::Project].name()).is_absolute());
}

/// The answers are those that `npm config get` of npm 11.19 gave for these files.
#[test]
fn effective_values_are_those_of_npm() {
    let project = r#"; comment
@acme:registry = https://a.example/${TEAM}/ ; trailing
@b:registry="https://b.example/x;y"
@c:registry='https://c.example/'
@d:registry=https://d.example/\;z
cafile=~/ca.pem
cache=./rel/../cache
audit
tag=${UNSET}-x
scope=${UNSET?}
node-options=\${TEAM}
proxy=http://proxy.example:3128/
[sect]
@e:registry=https://e.example/
"#;
    let user = "@b:registry=https://user.example/\nuser-agent=u\nprefix=~/g2\n";
    let world = World::new(&[
        ("project/.npmrc", project),
        ("home/.npmrc", user),
        ("prefix/etc/npmrc", "message=usual"),
    ])
    .env("TEAM", "blue")
    .env("npm_config_fetch_retries", "7")
    .env("npm_config_@zed:registry", "https://z.example/");
    std::fs::create_dir_all(world.root().join("home/g2/etc")).unwrap();
    std::fs::write(world.root().join("home/g2/etc/npmrc"), "message=hello").unwrap();
    let config = world.read();
    let under = |path: &str| world.root().join(path).to_str().unwrap().to_owned();
    for (key, value) in [
        ("@acme:registry", Some("https://a.example/blue/")),
        ("@b:registry", Some("https://b.example/x;y")),
        ("@c:registry", Some("https://c.example/")),
        ("@d:registry", Some("https://d.example/;z")),
        ("@e:registry", None),
        ("cafile", Some(under("home/ca.pem").as_str())),
        ("cache", Some(under("project/cache").as_str())),
        ("audit", Some("true")),
        ("tag", Some("${UNSET}-x")),
        ("scope", Some("")),
        ("node-options", Some("${TEAM}")),
        ("user-agent", Some("u")),
        ("message", Some("hello")),
        ("fetch-retries", Some("7")),
        ("proxy", Some("http://proxy.example:3128/")),
        ("@zed:registry", Some("https://z.example/")),
    ] {
        assert_eq!(config.plain(key), value, "{key}");
    }
}

#[test]
fn what_the_policy_ties_fills_what_the_project_withholds() {
    let world = World::new(&[("project/.npmrc", "//a.example/:_authToken=${T}")]).env("T", "real");
    let mut config = world.read();
    assert!(config.credentials()[0].value.is_none());
    let mut tied = config.credentials()[0].clone();
    tied.value = Some(crate::secret::Secret::new("T", "real"));
    config.tied = vec![tied.clone(), super::Credential { nerf_dart: "//b.example/".to_owned(), ..tied }];
    let found = config.credentials();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|one| one.value.as_ref().is_some_and(|value| value.expose() == "real")));
}
