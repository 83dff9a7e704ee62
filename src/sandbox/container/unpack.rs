//! Files on their way over the line, as a tar: the project and the home folder
//! in, npm's cache out.

use super::link::Line;
use crate::sandbox::copy::{Copier, components, open_folder};
use crate::sandbox::failure::{During, Failure};
use crate::sandbox::{CACHE, HOME, PROJECT};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio_util::io::SyncIoBridge;

/// Inside: takes what the host sends and puts it where it belongs.
pub(super) async fn fill(line: Line) -> io::Result<(Line, Result<(), Failure>)> {
    blocking(line, |bridge| {
        let empty = empty();
        let mut archive = tar::Archive::new(&mut *bridge);
        archive.set_preserve_mtime(false);
        let filled = archive.entries().and_then(|entries| {
            for entry in entries {
                entry?.unpack_in("/")?;
            }
            Ok(())
        });
        // The host hears of a failure only once it has said everything.
        io::copy(bridge, &mut io::sink())?;
        Ok(empty.and(filled.during("fill the project and the home folder")))
    })
    .await
}

/// What an image has where the project and the home folder go would decide the run
/// and be seen by nobody.
fn empty() -> Result<(), Failure> {
    for (folder, ours) in [(PROJECT, None), (HOME, Path::new(CACHE).file_name()), (CACHE, None)] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        if let Some(entry) = entries.flatten().find(|entry| Some(entry.file_name().as_os_str()) != ours) {
            let text = format!("the image has {} there already", entry.path().display());
            return Err(Failure::refused("fill the project and the home folder", text));
        }
    }
    Ok(())
}

/// Inside: sends npm's cache, files and folders alone.
pub(super) async fn send_cache(line: Line) -> io::Result<()> {
    let (mut line, ()) = blocking(line, |bridge| {
        let mut tar = tar::Builder::new(&mut *bridge);
        append(&mut tar, Path::new(CACHE), "")?;
        tar.finish()?;
        drop(tar);
        bridge.flush()
    })
    .await?;
    line.shutdown().await
}

/// Host: sends a staged project, files of the home folder and a cache.
pub(super) async fn send(
    line: Line,
    project: std::path::PathBuf,
    home: Vec<(String, Vec<u8>)>,
    cache: Option<std::path::PathBuf>,
) -> io::Result<Line> {
    let (mut line, ()) = blocking(line, move |bridge| {
        let mut tar = tar::Builder::new(io::BufWriter::with_capacity(256 << 10, &mut *bridge));
        append(&mut tar, &project, PROJECT.trim_start_matches('/'))?;
        for (path, bytes) in &home {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path.trim_start_matches('/'), bytes.as_slice())?;
        }
        if let Some(cache) = &cache {
            append(&mut tar, cache, CACHE.trim_start_matches('/'))?;
        }
        tar.finish()?;
        tar.into_inner()?.flush()
    })
    .await?;
    line.shutdown().await?;
    Ok(line)
}

/// Host: takes npm's cache. Scripts could write to it, so that nothing in it is
/// believed: not its paths, not its kinds, not its sizes.
pub(super) async fn keep_cache(line: Line, into: std::path::PathBuf, limit: u64) -> io::Result<()> {
    blocking(line, move |bridge| {
        std::fs::create_dir_all(&into)?;
        let to = open_folder(&into)?;
        let mut copier = Copier::new(None, limit);
        let mut archive = tar::Archive::new(&mut *bridge);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(io::Error::other)?;
            if entry.header().entry_type().is_file() {
                components(&path)?;
                copier.pour(&to, &path, &mut entry)?;
            }
        }
        io::copy(bridge, &mut io::sink())?;
        Ok(())
    })
    .await
    .map(drop)
}

/// Whether a file inside lies where only the line can write.
pub(super) fn is_home(path: &str) -> bool {
    path.strip_prefix(HOME).is_some_and(|rest| rest.starts_with('/'))
}

/// Runs blocking work on a stream of the line, and gives it back.
async fn blocking<T: Send + 'static>(
    line: Line,
    work: impl FnOnce(&mut SyncIoBridge<Line>) -> io::Result<T> + Send + 'static,
) -> io::Result<(Line, T)> {
    let mut bridge = SyncIoBridge::new(line);
    let done = tokio::task::spawn_blocking(move || {
        let made = work(&mut bridge)?;
        Ok::<_, io::Error>((bridge.into_inner(), made))
    });
    done.await.map_err(io::Error::other)?
}

/// Appends a folder's files, folders and links under a name.
fn append(tar: &mut tar::Builder<impl Write>, from: &Path, name: &str) -> io::Result<()> {
    tar.follow_symlinks(false);
    for entry in walkdir::WalkDir::new(from).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(io::Error::from)?;
        let below = entry.path().strip_prefix(from).map_err(io::Error::other)?;
        let path = Path::new(name).join(below);
        let kind = entry.file_type();
        if kind.is_dir() {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            tar.append_data(&mut header, path, io::empty())?;
        } else if kind.is_file() {
            use std::os::unix::fs::PermissionsExt;
            let file = File::open(entry.path())?;
            let status = file.metadata()?;
            let mut header = tar::Header::new_gnu();
            header.set_size(status.len());
            header.set_mode(status.permissions().mode() & 0o755 | 0o600);
            tar.append_data(&mut header, path, file.take(status.len()))?;
        } else if kind.is_symlink() {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, path, std::fs::read_link(entry.path())?)?;
        }
    }
    Ok(())
}
