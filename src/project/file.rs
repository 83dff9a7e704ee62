//! Reading one text file of the user's, bounded.

use crate::text::{Complaint, Source};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest lockfile that is read, in bytes; real ones stay below 20 MiB.
pub(crate) const LOCKFILE_LIMIT: u64 = 128 << 20;

/// The largest of all other files that is read, in bytes.
pub(crate) const SMALL_LIMIT: u64 = 8 << 20;

/// The file as a source of that display name; `None` where there is none.
pub(crate) fn read_text(path: &Path, name: &str, limit: u64) -> Result<Option<Source>, Complaint> {
    let found = match path.metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(unreadable(name, &error)),
    };
    // A pipe would never end and a device never stop.
    if !found.is_file() {
        return Err(Complaint::about(format!("`{name}` is not a file")).help("put a file in its place"));
    }
    let too_large = || {
        Complaint::about(format!("`{name}` is larger than {} MiB", limit >> 20))
            .help("no file of its kind grows that large; look at what wrote it")
    };
    if found.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Source::new(name, text))),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let source = Source::new(name, String::from_utf8_lossy(error.as_bytes()).into_owned());
            let mut place = source.place(at..at + 1);
            // It may be a line of an npmrc: the text of a line that is not understood is not shown.
            place.excerpt = String::new();
            Err(Complaint::at(place, format!("`{name}` is not UTF-8"))
                .help("save it as UTF-8 without a byte order mark"))
        }
    }
}

/// The same for a file of the tested project, which must not be a link that
/// leads out of it: an excerpt of it would show a stranger's file.
pub(crate) fn read_inside(
    top: &Path,
    path: &Path,
    name: &str,
    limit: u64,
) -> Result<Option<Source>, Complaint> {
    match path.canonicalize() {
        Ok(real) if !real.starts_with(top) => {
            Err(Complaint::about(format!("`{name}` is a link that leads out of the project"))
                .help("put the file itself in its place; a sandbox holds only the project's own files"))
        }
        Ok(_) => read_text(path, name, limit),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if path.symlink_metadata().is_ok() {
                return Err(Complaint::about(format!("`{name}` is a link to nothing")).help("remove it"));
            }
            Ok(None)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(unreadable(name, &error)),
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Complaint {
    Complaint::about(format!("`{name}` cannot be read: {error}")).help("make it readable for this user")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_complained_about() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        assert_eq!(read_text(&top.join("none"), "none", 9).unwrap(), None);
        std::fs::write(top.join("long"), "0123456789").unwrap();
        assert!(read_text(&top.join("long"), "long", 9).unwrap_err().message.contains("larger"));
        std::fs::write(top.join("latin"), b"a\nb\xff").unwrap();
        let complaint = read_text(&top.join("latin"), "latin", 9).unwrap_err();
        assert_eq!(complaint.place.map(|place| (place.line, place.column)), Some((2, 2)));
        assert!(read_text(&top, "folder", 9).unwrap_err().message.contains("not a file"));
    }

    #[test]
    fn a_link_out_of_the_project_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("project");
        std::fs::create_dir(&top).unwrap();
        std::fs::write(dir.path().join("secret"), "token").unwrap();
        std::os::unix::fs::symlink("../secret", top.join(".npmrc")).unwrap();
        let top = top.canonicalize().unwrap();
        let complaint = read_inside(&top, &top.join(".npmrc"), ".npmrc", 99).unwrap_err();
        assert!(complaint.message.contains("leads out"), "{complaint}");
    }
}
