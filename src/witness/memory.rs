//! The memory of a stopped task, read through `/proc/PID/mem`.
//!
//! An engine's profile may refuse `process_vm_readv`, this file it does not.
//! Everything is bounded; what cannot be read is `None`, and the caller must
//! not let the call pass that depends on it.

use super::tracee::Stopped;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Memory of one stopped task.
pub(super) struct Memory(File);

/// Paths are no longer in the kernel, with their final NUL.
const PATH_MAX: usize = 4096;

impl Memory {
    /// Opens it; `None` where the task hides it (not dumpable) or is gone.
    pub(super) fn of(task: &Stopped) -> Option<Self> {
        File::open(format!("/proc/{}/mem", task.pid())).ok().map(Self)
    }

    /// Exactly so many bytes.
    pub(super) fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    /// A path up to its NUL. Read page by page, since what follows may not be mapped.
    pub(super) fn path(&self, address: u64) -> Option<String> {
        let mut path = Vec::new();
        while path.len() < PATH_MAX {
            let at = address.checked_add(path.len() as u64)?;
            let to_page_end = 4096 - (at % 4096) as usize;
            let mut chunk = vec![0; to_page_end.min(PATH_MAX - path.len())];
            let n = self.0.read_at(&mut chunk, at).ok().filter(|n| *n > 0)?;
            let chunk = &chunk[..n];
            if let Some(end) = chunk.iter().position(|byte| *byte == 0) {
                path.extend_from_slice(&chunk[..end]);
                return Some(String::from_utf8_lossy(&path).into_owned());
            }
            path.extend_from_slice(chunk);
        }
        // Longer than the kernel takes: the call will fail by itself.
        Some(String::from_utf8_lossy(&path).into_owned())
    }

    /// A pointer-sized number.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let bytes = self.bytes(address, 8)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// A 32-bit number.
    pub(super) fn half(&self, address: u64) -> Option<u32> {
        let bytes = self.bytes(address, 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    }
}
