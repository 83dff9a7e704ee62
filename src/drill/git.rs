//! A bare git repository with one commit, made of files: for drills that are dependencies
//! from git. The same files give the same commit; no git is needed to make it.

use crate::evidence::tree::hex;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::io::Write;

/// A repository as files, and its commit.
#[derive(Debug, Clone)]
pub struct Repository {
    /// By path below its folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The commit, hexadecimal.
    pub commit: String,
}

/// An object's name.
type Id = [u8; 20];

/// A repository whose one commit holds `files` (by path; those that end in `.sh` can be run).
///
/// # Errors
/// Those of the compressor, which writes into memory.
pub fn bare(files: &[(&str, &str)]) -> std::io::Result<Repository> {
    let mut objects = BTreeMap::new();
    let tree = tree(files, &mut objects)?;
    // As old as what is served from folders, so that nothing depends on today.
    let who = "sealcheck <drills@drill.example> 499161600 +0000";
    let text = format!("tree {}\nauthor {who}\ncommitter {who}\n\nA drill\n", hex(&tree));
    let commit = hex(&object("commit", text.as_bytes(), &mut objects)?);
    let mut all = objects;
    all.insert("HEAD".to_owned(), b"ref: refs/heads/main\n".to_vec());
    all.insert("config".to_owned(), b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n".to_vec());
    all.insert("refs/heads/main".to_owned(), format!("{commit}\n").into_bytes());
    Ok(Repository { files: all, commit })
}

/// Folders are written before what holds them (git-hash-object(1), "tree").
fn tree(files: &[(&str, &str)], objects: &mut BTreeMap<String, Vec<u8>>) -> std::io::Result<Id> {
    let mut folders: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    let mut entries: BTreeMap<String, (&str, &str, Id)> = BTreeMap::new();
    for (path, text) in files {
        match path.split_once('/') {
            Some((folder, rest)) => folders.entry(folder).or_default().push((rest, text)),
            None => {
                let mode = if path.ends_with(".sh") { "100755" } else { "100644" };
                entries.insert((*path).to_owned(), (mode, path, object("blob", text.as_bytes(), objects)?));
            }
        }
    }
    for (folder, inner) in folders {
        // git orders folders as if their names ended in a slash.
        entries.insert(format!("{folder}/"), ("40000", folder, tree(&inner, objects)?));
    }
    let mut bytes = Vec::new();
    for (mode, name, id) in entries.into_values() {
        bytes.extend(format!("{mode} {name}\0").bytes());
        bytes.extend(id);
    }
    object("tree", &bytes, objects)
}

fn object(kind: &str, bytes: &[u8], objects: &mut BTreeMap<String, Vec<u8>>) -> std::io::Result<Id> {
    let whole = [format!("{kind} {}\0", bytes.len()).as_bytes(), bytes].concat();
    let id: Id = Sha1::digest(&whole).into();
    let name = hex(&id);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&whole)?;
    objects.insert(format!("objects/{}/{}", &name[..2], &name[2..]), packed.finish()?);
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_the_names_that_git_gives_them() {
        let made = bare(&[("hello", "hello\n")]).unwrap();
        // What `git hash-object` says of this text.
        assert!(made.files.contains_key("objects/ce/013625030ba8dba906f756967f9e9ca394464a"));
        // And `git mktree` of a tree that holds it.
        assert!(made.files.contains_key("objects/b4/d01e9b0c4a9356736dfddf8830ba9a54f5271c"));
        assert_eq!(made.commit, bare(&[("hello", "hello\n")]).unwrap().commit);
    }
}
