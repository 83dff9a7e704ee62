//! What node and npm answered when they were asked, kept on disk for as long as the files that
//! decide the answer are the same: to ask each costs more than a tenth of a second.
//!
//! It knows questions as texts. It must not know what an answer means.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest answer that is kept.
const MOST: u64 = 1 << 20;

/// A folder with one file for each answer.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Where they are; made when needed. `None` keeps nothing.
    pub folder: Option<PathBuf>,
}

impl Answers {
    /// The kept answer to `question`, given while each of `files` was what it is now; else what
    /// `ask` says, which is kept if it is no error and `lasts`. A file that is not there counts too.
    ///
    /// # Errors
    /// Those of `ask`. That nothing can be kept is no error.
    pub fn to<E>(
        &self,
        question: &str,
        files: &[PathBuf],
        ask: impl FnOnce() -> Result<String, E>,
        lasts: impl FnOnce(&str) -> bool,
    ) -> Result<String, E> {
        let Some(folder) = &self.folder else { return ask() };
        let before = key(question, files);
        let path = folder.join(&before);
        if let Some(kept) = kept(&path) {
            return Ok(kept);
        }
        let answer = ask()?;
        // What was replaced while it was asked may have answered as either.
        if lasts(&answer) && answer.len() as u64 <= MOST && key(question, files) == before {
            let _ = keep(folder, &path, &answer);
        }
        Ok(answer)
    }
}

/// The question with the state of the files: change, too, of what keeps its size and its time.
fn key(question: &str, files: &[PathBuf]) -> String {
    let mut text = format!("{}\0{question}", env!("CARGO_PKG_VERSION"));
    for file in files {
        let _ = write!(text, "\0{}\0", file.display());
        if let Ok(of) = file.metadata() {
            let _ = write!(
                text,
                "{} {} {} {} {} {} {}",
                of.dev(),
                of.ino(),
                of.size(),
                of.mtime(),
                of.mtime_nsec(),
                of.ctime(),
                of.ctime_nsec()
            );
        }
    }
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// An answer that we ourselves have written: the folder may be one that others can write to.
fn kept(path: &Path) -> Option<String> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path).ok()?;
    let status = file.metadata().ok()?;
    let ours = status.uid() == nix::unistd::geteuid().as_raw() && status.mode() & 0o022 == 0;
    if !status.is_file() || !ours || status.len() > MOST {
        return None;
    }
    let mut text = String::new();
    File::take(file, MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn keep(folder: &Path, path: &Path, answer: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // Readable by its owner alone, and there as a whole or not at all.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(answer.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Asked {
        answers: Answers,
        files: Vec<PathBuf>,
        _folder: tempfile::TempDir,
    }

    fn prepared() -> Asked {
        let folder = tempfile::tempdir().unwrap();
        let files = ["node", "npmrc"].map(|name| folder.path().join(name)).to_vec();
        std::fs::write(&files[0], "one").unwrap();
        Asked { answers: Answers { folder: Some(folder.path().join("kept")) }, files, _folder: folder }
    }

    impl Asked {
        /// What it says where `answer` would be said now.
        fn says(&self, question: &str, answer: &str) -> String {
            let ask = || Ok::<_, ()>(answer.to_owned());
            self.answers.to(question, &self.files, ask, |_| true).unwrap()
        }
    }

    #[test]
    fn an_answer_lasts_as_long_as_its_files() {
        let asked = prepared();
        assert_eq!(asked.says("version", "20"), "20");
        assert_eq!(asked.says("version", "22"), "20");
        assert_eq!(asked.says("registry", "a"), "a");
        // The same bytes in another file; then a file that was not there.
        std::fs::remove_file(&asked.files[0]).unwrap();
        std::fs::write(&asked.files[0], "one").unwrap();
        assert_eq!(asked.says("version", "22"), "22");
        std::fs::write(&asked.files[1], "registry=x").unwrap();
        assert_eq!(asked.says("version", "24"), "24");
        std::fs::remove_file(&asked.files[1]).unwrap();
        assert_eq!(asked.says("version", "26"), "22");
    }

    #[test]
    fn what_does_not_last_and_what_failed_is_asked_again() {
        let asked = prepared();
        let ask = |answer: Result<&str, ()>, lasts| {
            asked.answers.to("q", &asked.files, || answer.map(str::to_owned), |_| lasts)
        };
        assert_eq!(ask(Err(()), true), Err(()));
        assert_eq!(ask(Ok("a shim's"), false).as_deref(), Ok("a shim's"));
        assert_eq!(ask(Ok("node's"), true).as_deref(), Ok("node's"));
        assert_eq!(ask(Err(()), true).as_deref(), Ok("node's"));
        let replaced = asked.answers.to(
            "r",
            &asked.files,
            || std::fs::write(&asked.files[1], "").map(|()| "either".to_owned()),
            |_| true,
        );
        assert_eq!(replaced.unwrap(), "either");
        assert_eq!(asked.says("r", "the new one's"), "the new one's");
    }

    #[test]
    fn what_another_could_have_written_is_no_answer() {
        let asked = prepared();
        let folder = asked.answers.folder.clone().unwrap();
        assert_eq!(asked.says("q", "true"), "true");
        let path = folder.join(key("q", &asked.files));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(asked.says("q", "true now"), "true now");
        std::fs::remove_file(&path).unwrap();
        let planted = folder.join("planted");
        std::fs::write(&planted, "false").unwrap();
        std::fs::set_permissions(&planted, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&planted, &path).unwrap();
        assert_eq!(asked.says("q", "true again"), "true again");
    }

    #[test]
    fn nothing_is_kept_where_there_is_no_folder() {
        let none = Answers::default();
        let ask = |answer: &str| none.to("q", &[], || Ok::<_, ()>(answer.to_owned()), |_| true).unwrap();
        assert_eq!((ask("1"), ask("2")), ("1".to_owned(), "2".to_owned()));
    }
}
