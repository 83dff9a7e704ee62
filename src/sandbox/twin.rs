//! A copy of a project with some files changed, to be tested in its place. The project
//! itself is never written to.

use super::SandboxError;
use super::copy::{Copier, open_folder};
use super::failure::{During, Failure};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a project that are copied.
const MAX_BYTES: u64 = 8 << 30;
/// The largest file to which lines are added, in bytes; larger ones are not read elsewhere either.
const MAX_FILE: u64 = 8 << 20;

/// What becomes of the file.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// It says this and nothing else.
    Whole(&'a [u8]),
    /// This comes before all that it says.
    Before(&'a str),
}

/// Copies `files`, paths below `from`, to the empty folder `to`, and changes those of
/// `changes`, which need not be among them.
///
/// # Errors
/// The file system's, and where a path leads out of the folder.
pub fn twin(
    from: &Path,
    to: &Path,
    files: &[String],
    changes: &[(&str, Change<'_>)],
) -> Result<(), SandboxError> {
    Ok(made(from, to, files, changes)?)
}

fn made(from: &Path, to: &Path, files: &[String], changes: &[(&str, Change<'_>)]) -> Result<(), Failure> {
    let step = || "copy the project".to_owned();
    std::fs::create_dir_all(to).during(step())?;
    let (source, target) = (open_folder(from).during(step())?, open_folder(to).during(step())?);
    let mut copier = Copier::new(None, MAX_BYTES);
    copier.listed(&source, &target, files)?;
    for (changed, change) in changes {
        let step = || format!("copy the project with another {changed}");
        let bytes = match change {
            Change::Whole(bytes) => bytes.to_vec(),
            Change::Before(lines) => {
                let mut bytes = lines.as_bytes().to_vec();
                match File::open(from.join(changed)) {
                    Ok(file) => file.take(MAX_FILE).read_to_end(&mut bytes).map(|_| ()).during(step())?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error).during(step()),
                }
                bytes
            }
        };
        copier.write(&target, changed, &bytes).during(step())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

    use super::*;
    use std::fs;

    #[test]
    fn one_file_is_another_and_the_project_stays() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(from.path().join(".npmrc"), "a=1\n").unwrap();
        fs::create_dir(from.path().join("lib")).unwrap();
        fs::write(from.path().join("lib/x.js"), "x").unwrap();
        let files = [".npmrc".to_owned(), "lib/x.js".to_owned()];
        let target = to.path().join("twin");
        twin(from.path(), &target, &files, &[(".npmrc", Change::Before("b=2\n"))]).unwrap();
        assert_eq!(fs::read_to_string(target.join(".npmrc")).unwrap(), "b=2\na=1\n");
        assert_eq!(fs::read_to_string(target.join("lib/x.js")).unwrap(), "x");
        assert_eq!(fs::read_to_string(from.path().join(".npmrc")).unwrap(), "a=1\n");
        let other = to.path().join("other");
        twin(from.path(), &other, &files[1..], &[(".npmrc", Change::Whole(b"c=3\n"))]).unwrap();
        assert_eq!(fs::read_to_string(other.join(".npmrc")).unwrap(), "c=3\n");
        assert!(twin(from.path(), &other, &files, &[("../out", Change::Whole(b""))]).is_err());
    }
}
