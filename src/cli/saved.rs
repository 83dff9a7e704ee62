//! Files that sealcheck wrote, read back. They are the user's like any other: what is wrong
//! with one is said, and none is read without bounds.

use crate::text::{Complaint, Source};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest file that is read, in bytes; a report of 1,000 packages in 13 scenarios
/// has some tens of MB.
const LIMIT: u64 = 512 << 20;

/// A file as text, within bounds.
pub(super) fn read(path: &Path, name: &str) -> Result<Source, Complaint> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Complaint::about(format!("`{name}` cannot be read: {error}"))
            .help("name a file that `sealcheck` wrote")
    };
    let found = path.metadata().map_err(|error| unreadable(&error))?;
    // A pipe would never end and a device never stop.
    if !found.is_file() {
        return Err(unreadable(&"it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(unreadable(&format!("it is larger than {} MiB", LIMIT >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| unreadable(&error.utf8_error()))?;
    Ok(Source::new(name, text))
}
