//! Binaries for a platform that packages name among their optional dependencies and that
//! a lockfile, written on another machine, has no entry for.

use super::{LockEntry, Lockfile};

impl Lockfile {
    /// Each entry with the name of a binary for this platform that it wants and that the
    /// lockfile lacks, ordered by path. The platform is given in node's words (`linux`,
    /// `x64`, `glibc`).
    pub fn missing_binaries<'a>(
        &'a self,
        os: &'a str,
        cpu: &'a str,
        libc: &'a str,
    ) -> impl Iterator<Item = (&'a LockEntry, &'a str)> {
        self.entries.values().flat_map(move |entry| {
            let names = entry.optional_dependencies.keys().map(String::as_str);
            names
                .filter(move |name| is_for(name, os, cpu, libc))
                .filter(|name| !self.entries.keys().any(|path| in_tree(path, name)))
                .map(move |name| (entry, name))
        })
    }
}

fn in_tree(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.ends_with("node_modules/"))
}

/// Whether a name is that of a binary for this platform (`@esbuild/linux-x64`,
/// `@rollup/rollup-linux-x64-gnu`): it has the words of the system and the
/// processor, and no word of another C library.
fn is_for(name: &str, os: &str, cpu: &str, libc: &str) -> bool {
    let words: Vec<&str> = name.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let has = |word: &str| words.contains(&word);
    let other_libc = match libc {
        "musl" => ["gnu", "glibc", "gnueabihf"],
        _ => ["musl", "musleabihf", "linuxmusl"],
    };
    let system = has(os) || libc == "musl" && has("linuxmusl");
    system && has(cpu) && !other_libc.iter().any(|word| has(word))
}
