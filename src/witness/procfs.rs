//! What `/proc` says of a process, bounded.
//!
//! Only files that the kernel writes are believed here; what a process may
//! have written itself (its arguments, its environment) is read, clipped, and
//! handed on as what it is.

use crate::wire::Lifecycle;
use std::io::Read;

/// Arguments that are reported.
pub(super) const ARGUMENTS: usize = 256;
/// Bytes of one argument that are reported.
const ARGUMENT: usize = 4 << 10;
/// An environment cannot be larger than three quarters of the kernel's `_STK_LIM`.
const ENVIRONMENT: u64 = 8 << 20;

fn read(path: &str, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Bytes as text, cut to a number of bytes at a character's border.
pub(super) fn clip(bytes: &[u8], limit: usize) -> String {
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(limit)]).into_owned();
    if bytes.len() > limit {
        text.push('…');
    }
    text
}

/// The arguments of a process.
pub(super) fn arguments(pid: i32) -> Vec<String> {
    let limit = (ARGUMENTS * (ARGUMENT + 1)) as u64;
    let bytes = read(&format!("/proc/{pid}/cmdline"), limit).unwrap_or_default();
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).take(ARGUMENTS).map(|word| clip(word, ARGUMENT)).collect()
}

/// Where a link of a process leads (`exe`, `cwd`); `None` where that is hidden.
pub(super) fn link(pid: i32, name: &str) -> Option<String> {
    let target = std::fs::read_link(format!("/proc/{pid}/{name}")).ok()?;
    Some(clip(target.as_os_str().as_encoded_bytes(), ARGUMENT))
}

/// The flags with which a descriptor of a task was opened.
pub(super) fn open_flags(task: i32, descriptor: i64) -> Option<i32> {
    let bytes = read(&format!("/proc/{task}/fdinfo/{descriptor}"), 16 << 10)?;
    let text = String::from_utf8_lossy(&bytes);
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}

/// The environment that a process was started with, as it was before its first instruction.
pub(super) fn environment(pid: i32) -> Option<Vec<u8>> {
    read(&format!("/proc/{pid}/environ"), ENVIRONMENT)
}

/// The two variables by which npm says what a script is for; `Err` where the
/// environment is hidden. npm 6 has the first only, and like all starts a script in
/// its package's folder.
pub(super) fn lifecycle(pid: i32) -> Result<Option<Lifecycle>, ()> {
    let bytes = environment(pid).ok_or(())?;
    Ok(lifecycle_in(&bytes, || link(pid, "cwd")))
}

fn lifecycle_in(environment: &[u8], cwd: impl FnOnce() -> Option<String>) -> Option<Lifecycle> {
    let find = |name: &[u8]| {
        environment
            .split(|byte| *byte == 0)
            .find_map(|entry| entry.strip_prefix(name)?.strip_prefix(b"="))
            .map(|value| clip(value, ARGUMENT))
    };
    let event = find(b"npm_lifecycle_event")?;
    let package_json = find(b"npm_package_json").or_else(|| Some(format!("{}/package.json", cwd()?)))?;
    Some(Lifecycle { event, package_json })
}

fn field(text: &str, name: &str) -> Option<i32> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// The process a task belongs to; `None` where it is gone.
pub(super) fn process_of(task: i32) -> Option<i32> {
    let bytes = read(&format!("/proc/{task}/status"), 16 << 10)?;
    field(&String::from_utf8_lossy(&bytes), "Tgid:")
}

/// The parent of a process as the kernel has it now.
pub(super) fn parent_of(pid: i32) -> Option<i32> {
    let bytes = read(&format!("/proc/{pid}/status"), 16 << 10)?;
    field(&String::from_utf8_lossy(&bytes), "PPid:")
}

/// Whether a number is one of the witness's own tasks.
pub(super) fn is_own_task(pid: i32) -> bool {
    pid > 0 && std::fs::metadata(format!("/proc/self/task/{pid}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifecycle_needs_an_event_and_a_package() {
        let cwd = || Some("/q".to_owned());
        let environment = b"A=1\0npm_package_json=/p/package.json\0npm_lifecycle_event=postinstall\0";
        let found = lifecycle_in(environment, cwd).unwrap();
        assert_eq!((found.event.as_str(), found.package_json.as_str()), ("postinstall", "/p/package.json"));
        // As npm 6 says it.
        let found = lifecycle_in(b"npm_lifecycle_event=postinstall\0", cwd).unwrap();
        assert_eq!((found.event.as_str(), found.package_json.as_str()), ("postinstall", "/q/package.json"));
        assert_eq!(lifecycle_in(b"npm_lifecycle_event=postinstall\0", || None), None);
        assert_eq!(lifecycle_in(b"xnpm_lifecycle_event=a\0npm_package_json=/p\0", cwd), None);
    }

    #[test]
    fn text_is_cut_and_marked() {
        assert_eq!(clip(b"abc", 3), "abc");
        assert_eq!(clip(b"abcd", 3), "abc…");
    }

    #[test]
    fn this_very_process_can_be_read() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(process_of(own), Some(own));
        assert!(!arguments(own).is_empty());
        assert!(is_own_task(own) && !is_own_task(0) && !is_own_task(-1));
        assert!(parent_of(own).is_some());
    }
}
