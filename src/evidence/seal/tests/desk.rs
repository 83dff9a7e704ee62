//! A small world in which one run has been recorded.

use crate::evidence::exchange::{AnsweredBy, Credential, ExchangeKind, Role};
use crate::evidence::fact::Package;
use crate::evidence::seal::*;
use crate::project::class::{Class, Classified};
use crate::project::integrity::{Digests, Integrity};
use crate::project::lockfile::{EntryKind, LockEntry, Lockfile};
use crate::project::manifest::Manifest;
use crate::project::name::PackageName;
use crate::project::npmrc::levels::of_run;
use crate::project::npmrc::{Level, NpmConfig};
use crate::project::settings::Settings;
use crate::text::Source;
use crate::wire::{Lifecycle, PackageTree, ProcessId};

const HOME: &str = "https://npm.corp.example/";
const PUBLIC: &str = "https://registry.example/";
pub(super) const INTERNAL: &str = "node_modules/@acme/internal";

/// A world in which `@acme/internal` is private and one run has been recorded.
pub(super) struct Desk {
    pub(super) project: Project,
    pub(super) recording: Recording,
    pub(super) tarballs: BTreeMap<String, TarballIndex>,
    pub(super) known: BTreeMap<String, KnownTarball>,
    pub(super) genuine: BTreeMap<String, String>,
    pub(super) command: Vec<String>,
}

pub(super) fn entry(path: &str, kind: EntryKind) -> LockEntry {
    let name = path.rsplit_once("node_modules/").map_or("member", |(_, name)| name);
    LockEntry {
        path: path.to_owned(),
        name: PackageName::parse(name).unwrap(),
        alias: None,
        version: "1.0.0".to_owned(),
        kind,
        resolved: None,
        integrity_text: None,
        integrity: None,
        optional: false,
        dev: false,
        peer: false,
        extraneous: false,
        dev_optional: false,
        engines: BTreeMap::new(),
        wants: BTreeMap::new(),
        has_install_script: false,
        bins: Default::default(),
        os: Vec::new(),
        cpu: Vec::new(),
        libc: Vec::new(),
        optional_dependencies: BTreeMap::new(),
        place: Source::new("package-lock.json", path).find(path).unwrap(),
        resolved_place: None,
        integrity_place: None,
    }
}

pub(super) fn sri(bytes: &str) -> String {
    Digests::of(bytes.as_bytes()).sri()
}

pub(super) fn tree(path: &str, bytes: &str) -> PackageTree {
    let name = path.rsplit_once("node_modules/").map_or(path, |(_, name)| name);
    PackageTree {
        path: path.to_owned(),
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        tree: format!("tree of {bytes}"),
        manifest: format!("manifest of {bytes}"),
        files: 1,
    }
}

impl Desk {
    pub(super) fn new() -> Self {
        let mut desk = Self {
            project: Project {
                root: "/srv/app".into(),
                inside: String::new(),
                named: crate::project::named::NamedHosts::default(),
                directory: String::new(),
                manifest: Manifest {
                    source: Source::new("package.json", "{}"),
                    name: Some("app".to_owned()),
                    version: None,
                    workspaces: Vec::new(),
                    scripts: BTreeMap::new(),
                    allow_scripts: None,
                    package_manager: None,
                    wanted_node: None,
                    wanted_npm: None,
                    engines: BTreeMap::new(),
                    dependencies: BTreeMap::new(),
                },
                lockfile: Lockfile {
                    source: Source::new("package-lock.json", "{}"),
                    version: 3,
                    root_wants: BTreeMap::new(),
                    forgotten: Vec::new(),
                    entries: BTreeMap::new(),
                },
                config: NpmConfig::default(),
                settings: Settings::default(),
                public: RegistryUrl::parse(PUBLIC).unwrap(),
                files: Vec::new(),
                classes: BTreeMap::new(),
                nested: Default::default(),
                unread: Vec::new(),
                around: Vec::new(),
                sources: Vec::new(),
            },
            recording: Recording::default(),
            tarballs: BTreeMap::new(),
            known: BTreeMap::new(),
            genuine: BTreeMap::new(),
            command: vec!["npm".to_owned(), "ci".to_owned()],
        };
        desk.lock(entry(INTERNAL, EntryKind::Registry), Class::Private);
        desk
    }

    pub(super) fn lock(&mut self, entry: LockEntry, class: Class) {
        let registry = (class == Class::Private).then(|| RegistryUrl::parse(HOME).unwrap());
        let known = Classified { class, registry, because: String::new(), from: String::new() };
        self.project.classes.insert(entry.path.clone(), known);
        self.project.lockfile.entries.insert(entry.path.clone(), entry);
    }

    pub(super) fn integrity(mut self, text: &str) -> Self {
        let entry = self.project.lockfile.entries.get_mut(INTERNAL).unwrap();
        entry.integrity_text = Some(text.to_owned());
        entry.integrity = Integrity::parse(text);
        self
    }

    /// `bytes` were delivered as a tarball of `package`.
    pub(super) fn delivered(mut self, url: &str, package: Option<&str>, role: Role, bytes: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        let digests = Digests::of(bytes.as_bytes());
        self.tarballs.insert(
            digests.sri(),
            TarballIndex {
                name: package.unwrap_or_default().to_owned(),
                version: "1.0.0".to_owned(),
                tree: format!("tree of {bytes}"),
                manifest: format!("manifest of {bytes}"),
                bundled: ["node_modules/inner", "test/fixture/node_modules/inner", "dist/node_modules/tslib"]
                    .map(|path| (path.to_owned(), "tree of inner".to_owned()))
                    .into(),
            },
        );
        self.recording.exchanges.push(Exchange {
            seq: u32::try_from(self.recording.exchanges.len()).unwrap() + 1,
            method: "GET".to_owned(),
            scheme: url.scheme().to_owned(),
            host: url.host_str().unwrap().to_owned(),
            port: url.port_or_known_default().unwrap(),
            path: url.path().to_owned(),
            status: Some(200),
            kind: ExchangeKind::Tarball,
            package: package.map(str::to_owned),
            version: Some("1.0.0".to_owned()),
            role,
            credential: Credential::None,
            credential_label: None,
            used_secret: None,
            unsearched: false,
            unread: None,
            carried_secret: None,
            fault: None,
            decoy: false,
            bytes: 3,
            sha512: Some(digests.sri()),
            sha1: Some(crate::evidence::tree::hex(&digests.sha1)),
            redirected_to: None,
            process: None,
            answered_by: AnsweredBy::Upstream,
            not_asked: None,
            at_ms: None,
            took_ms: None,
        });
        self
    }

    pub(super) fn event(mut self, event: Event) -> Self {
        self.recording.events.push(event);
        self
    }

    pub(super) fn executed(self, process: u32, parent: u32, lifecycle: Option<(&str, &str)>) -> Self {
        self.event(Event::Executed {
            process: ProcessId(process),
            parent: (parent > 0).then_some(ProcessId(parent)),
            argv: vec!["sh".to_owned()],
            exe: "/bin/sh".to_owned(),
            file: "/bin/sh".to_owned(),
            cwd: PROJECT.to_owned(),
            lifecycle: lifecycle.map(|(event, package_json)| Lifecycle {
                event: event.to_owned(),
                package_json: package_json.to_owned(),
            }),
        })
    }

    /// npm exits with a code and these trees are there.
    pub(super) fn ends(self, code: i32, packages: Vec<PackageTree>) -> Self {
        self.event(Event::CommandExited { how: Exit::Code(code), after_ms: 5 })
            .event(Event::Installed { packages, links: Vec::new() })
            .event(Event::Ended { peak_memory: 0, cut_short: None })
    }

    pub(super) fn seal(self) -> Evidence {
        let platform = Platform { os: "linux".into(), cpu: "x64".into(), libc: "glibc".into() };
        let private = BTreeMap::from([("@acme/internal".to_owned(), RegistryUrl::parse(HOME).unwrap())]);
        let context = SealContext {
            then: &[],
            project: &self.project,
            scenario: "baseline",
            repeat: 1,
            command: &self.command,
            platform: &platform,
            node: &Version::parse("20.20.2").unwrap(),
            npm: &Version::parse("11.19.1").unwrap(),
            config: &of_run(&self.project.config, Level::Env, &self.command, &BTreeMap::new()),
            node_env: None,
            tarballs: &self.tarballs,
            known: &self.known,
            genuine: &self.genuine,
            doors_here: &BTreeSet::from([4873]),
            private: &private,
            secrets: &[Secret::new("NPM_TOKEN", "hunter2hunter2")],
        };
        seal(self.recording, &context)
    }

    pub(super) fn internal(self) -> Package {
        let evidence = self.seal();
        evidence.packages.into_iter().find(|package| package.path == INTERNAL).unwrap()
    }
}
