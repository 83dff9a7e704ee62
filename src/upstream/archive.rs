//! Tarballs that are the same bytes on every machine and by every later version.
//!
//! The integrity of a served folder stands in committed lockfiles, so nothing
//! here may depend on a library's idea of compression or of header defaults:
//! the ustar headers and the gzip blocks (stored, not compressed) are written
//! out by hand. It knows no npm beyond the `package/` prefix.

use std::io::{self, Write};

/// The time npm gives all files of a package: 1985-10-26 08:15:00 UTC.
const MTIME: u64 = 499_162_500;
const BLOCK: usize = 512;
/// The most that one stored block of deflate holds (RFC 1951, 3.2.4).
const STORED: usize = 65_535;

/// Packs files, already ordered, as npm lays them out: `package/PATH`.
///
/// Modes are decided by content, since file systems and checkouts differ about
/// them: 0755 for what begins with `#!`, else 0644.
pub fn pack<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> io::Result<Vec<u8>> {
    let mut archive = Archive::new(Vec::new())?;
    for (path, bytes) in files {
        archive.file(&format!("package/{path}"), bytes)?;
    }
    archive.finish()
}

/// A tarball being written.
pub struct Archive<W: Write> {
    gzip: StoredGzip<W>,
}

impl<W: Write> Archive<W> {
    /// Begins one.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self { gzip: StoredGzip::new(out)? })
    }

    /// Adds a file whose bytes are in memory.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mode = if bytes.starts_with(b"#!") { 0o755 } else { 0o644 };
        self.begin(path, bytes.len() as u64, mode)?;
        self.gzip.write_all(bytes)?;
        self.pad(bytes.len() as u64)
    }

    /// Adds a file of `size` bytes read from `from`; fails if it ends early.
    pub fn copy(&mut self, path: &str, size: u64, mode: u32, from: impl io::Read) -> io::Result<()> {
        self.begin(path, size, mode)?;
        let copied = io::copy(&mut from.take(size), &mut self.gzip)?;
        if copied < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.pad(size)
    }

    /// Writes the end marks and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.gzip.write_all(&[0; 2 * BLOCK])?;
        self.gzip.finish()
    }

    fn begin(&mut self, path: &str, size: u64, mode: u32) -> io::Result<()> {
        let (prefix, name) = match split(path) {
            Some(parts) => parts,
            None => {
                // A path that ustar cannot hold goes ahead in a pax record.
                let record = pax_record("path", path);
                self.gzip.write_all(&header("", "pax", record.len() as u64, 0o644, b'x'))?;
                self.gzip.write_all(record.as_bytes())?;
                self.pad(record.len() as u64)?;
                ("", "long")
            }
        };
        self.gzip.write_all(&header(prefix, name, size, mode, b'0'))
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let over = (size % BLOCK as u64) as usize;
        if over > 0 {
            self.gzip.write_all(&[0; BLOCK][over..])?;
        }
        Ok(())
    }
}

/// Splits a path into ustar's prefix (155 bytes) and name (100 bytes).
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    path.char_indices()
        .filter(|(_, letter)| *letter == '/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

/// `LENGTH key=value\n`, where the length counts itself (pax(1)).
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn header(prefix: &str, name: &str, size: u64, mode: u32, kind: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, format!("{MTIME:011o}\0").as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// gzip whose blocks are stored as they are.
struct StoredGzip<W: Write> {
    out: W,
    block: Vec<u8>,
    crc: flate2::Crc,
}

impl<W: Write> StoredGzip<W> {
    fn new(mut out: W) -> io::Result<Self> {
        // No name, no time, unknown system (RFC 1952, 2.3).
        out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])?;
        Ok(Self { out, block: Vec::with_capacity(STORED), crc: flate2::Crc::new() })
    }

    fn flush_block(&mut self, last: bool) -> io::Result<()> {
        let length = u16::try_from(self.block.len()).map_err(io::Error::other)?;
        self.out.write_all(&[u8::from(last)])?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&(!length).to_le_bytes())?;
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        self.flush_block(true)?;
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        self.out.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.out)
    }
}

impl<W: Write> Write for StoredGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == STORED {
            self.flush_block(false)?;
        }
        let taken = bytes.len().min(STORED - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        self.crc.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn read(tarball: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(tarball));
        let mut files = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mode = entry.header().mode().unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.push((path, mode, bytes));
        }
        files
    }

    #[test]
    fn what_is_packed_unpacks_whatever_its_size_and_path() {
        let big = vec![7; 200_000];
        let deep = format!("{}/x.js", "d".repeat(90).as_str().to_owned() + "/" + &"e".repeat(60));
        let longer = format!("{}.js", "f".repeat(180));
        let files: Vec<(&str, &[u8])> = vec![
            ("big", &big),
            ("bin.js", b"#!/usr/bin/env node\n"),
            (&deep, b"deep"),
            ("empty", b""),
            (&longer, b"long"),
        ];
        let unpacked = read(&pack(files.clone()).unwrap());
        assert_eq!(unpacked.len(), files.len());
        for ((path, bytes), (got, mode, content)) in files.iter().zip(&unpacked) {
            assert_eq!(got, &format!("package/{path}"));
            assert_eq!(content, bytes);
            assert_eq!(*mode, if bytes.starts_with(b"#!") { 0o755 } else { 0o644 });
        }
    }

    #[test]
    fn a_pax_record_counts_its_own_length() {
        for length in [1, 85, 86, 87, 90, 91, 92, 980, 985, 990] {
            let record = pax_record("path", &"x".repeat(length));
            let said: usize = record.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, record.len());
        }
    }
}
