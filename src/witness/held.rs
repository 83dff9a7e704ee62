//! How much memory everything inside holds, of which no limit of the kernel's may be had.
//!
//! Without a control group nobody adds up what processes hold together, so it is done here:
//! pages, swapped or not, page tables, System V segments and messages, what lies in sockets, and a
//! page for each descriptor, which may be a pipe. What cannot be found this way (a memory file
//! that is closed, or on its way in a message) is refused where it is made. What is left, the
//! kernel's own notes, is bounded by what the machine has: a run ends before others go without.
//!
//! It must not know what the memory is for.

use super::unix_sockets;
use std::io::Read;
use std::time::{Duration, Instant};

/// A page; where pages are larger, less is counted for what is counted by pages.
const PAGE: u64 = 4096;
/// Descriptors of a process that are not counted: node has as many.
const FEW: u64 = 128;
/// Bytes of a table of the kernel's that are read. One that is longer holds too much.
const TABLE: u64 = 64 << 20;
/// Bytes that are left to everybody else on the machine.
const FLOOR: u64 = 256 << 20;
/// How much longer than the last look the next one waits, so that a crowd of processes does not
/// keep the witness from all else.
const REST: u32 = 4;
/// The same of the lists of sockets: for each of them the kernel walks the table of the whole
/// machine, which takes longer than all else here, and what lies in sockets grows slower.
const SOCKETS_REST: u32 = 40;
/// When the sockets are first looked at.
const SOCKETS_FIRST: Duration = Duration::from_millis(300);

/// Memory of everything inside but the witness.
#[derive(Debug)]
pub(super) struct Held {
    limit: u64,
    /// Below this the machine has too little left.
    floor: u64,
    /// Processes that the kernel had ended for want of memory when the run began.
    starved: Option<u64>,
    /// When it is worth looking again.
    again: Instant,
    /// What lay in sockets when they were last looked at, and when it is worth looking again.
    sockets: u64,
    sockets_again: Instant,
    peak: u64,
}

impl Held {
    /// Begins to watch; a limit of 0 is none.
    pub(super) fn watch(limit: u64) -> Self {
        let floor = available().map_or(0, |free| FLOOR.min(free / 4));
        let now = Instant::now();
        let sockets_again = now + SOCKETS_FIRST;
        Self { limit, floor, starved: starved(), again: now, sockets: 0, sockets_again, peak: 0 }
    }

    /// The largest sum that was seen.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// Whether more is held than may be, or the machine has too little left.
    pub(super) fn is_too_much(&mut self) -> bool {
        let began = Instant::now();
        if began < self.again {
            return false;
        }
        let held = processes().saturating_add(segments());
        let took = began.elapsed();
        let held = held.saturating_add(self.in_sockets());
        self.peak = self.peak.max(held);
        self.again = began + took.saturating_mul(REST).min(Duration::from_secs(2));
        self.limit > 0 && (held > self.limit || available().is_some_and(|free| free < self.floor))
    }

    fn in_sockets(&mut self) -> u64 {
        let began = Instant::now();
        if began >= self.sockets_again {
            self.sockets = sockets(self.limit);
            let rest = began.elapsed().saturating_mul(SOCKETS_REST);
            self.sockets_again = began + rest.min(Duration::from_secs(2));
        }
        self.sockets
    }

    /// Whether the kernel has ended a process for want of memory since, of this run or of another.
    pub(super) fn was_short(&self) -> bool {
        self.starved.zip(starved()).is_some_and(|(before, now)| now > before)
    }
}

fn read(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(TABLE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `Name:   123 kB` of `/proc/meminfo` and of a process's `status`, without its unit.
fn value(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn available() -> Option<u64> {
    Some(value(&read("/proc/meminfo")?, "MemAvailable")?.saturating_mul(1024))
}

/// `oom_kill` of `/proc/vmstat`: of the whole machine, whoever's limit it was.
fn starved() -> Option<u64> {
    let text = read("/proc/vmstat")?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// What processes hold; pages that they share are counted each time.
fn processes() -> u64 {
    let own = std::process::id();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        .filter_map(|pid| read(&format!("/proc/{pid}/status")))
        .fold(0, |sum: u64, text| sum.saturating_add(of_process(&text)))
}

fn of_process(status: &str) -> u64 {
    let kib = ["VmRSS", "VmSwap", "VmPTE"].iter().filter_map(|name| value(status, name)).sum::<u64>();
    let descriptors = value(status, "FDSize").unwrap_or(0).saturating_sub(FEW);
    kib.saturating_mul(1024).saturating_add(descriptors.saturating_mul(PAGE))
}

/// System V shared memory, whoever is attached, and messages that wait.
fn segments() -> u64 {
    let column = |path: &str, names: &[&str]| read(path).map_or(0, |text| columns(&text, names));
    column("/proc/sysvipc/shm", &["rss", "swap"]).saturating_add(column("/proc/sysvipc/msg", &["cbytes"]))
}

/// The sum of these columns of a table with a line of names.
fn columns(text: &str, names: &[&str]) -> u64 {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let wanted: Vec<usize> = names.iter().filter_map(|name| head.iter().position(|it| it == name)).collect();
    lines
        .flat_map(|line| {
            let values: Vec<&str> = line.split_whitespace().collect();
            wanted.iter().filter_map(|at| values.get(*at)?.parse::<u64>().ok()).collect::<Vec<_>>()
        })
        .fold(0, u64::saturating_add)
}

/// What waits in sockets, counted so that it is never less than it is.
fn sockets(enough: u64) -> u64 {
    let of_inet = ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6"]
        .iter()
        .filter_map(|name| read(&format!("/proc/net/{name}")))
        .fold(0, |sum: u64, text| sum.saturating_add(queues(&text)));
    let of_netlink = read("/proc/net/netlink").map_or(0, |text| columns(&text, &["Rmem", "Wmem"]));
    let of_unix = if of_inet > enough && enough > 0 { 0 } else { unix_sockets::held().unwrap_or(0) };
    of_inet.saturating_add(of_netlink).saturating_add(of_unix)
}

/// `tx_queue:rx_queue` of `/proc/net/tcp` and its like. What the kernel keeps beside the bytes
/// is counted as much again.
fn queues(text: &str) -> u64 {
    let lines = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(4)?.split_once(':'));
    lines
        .map(|(sent, got)| {
            let bytes = |text| u64::from_str_radix(text, 16).unwrap_or(0);
            PAGE.saturating_add(bytes(sent).saturating_add(bytes(got)).saturating_mul(2))
        })
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_holds_is_more_than_what_is_resident() {
        let status = "Name:\tx\nFDSize:\t1152\nVmRSS:\t    2048 kB\nVmPTE:\t  100 kB\nVmSwap:\t  24 kB\n";
        assert_eq!(of_process(status), (2048 + 100 + 24) * 1024 + 1024 * PAGE);
        // A kernel thread has no memory.
        assert_eq!(of_process("Name:\tx\nFDSize:\t64\n"), 0);
    }

    #[test]
    fn segments_are_added_up_by_the_names_of_their_columns() {
        let text = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n         \
            0          0  1600            6442450944   123     0      0  1000  1000  1000  1000          0          0 1700000000            6442450944                  4096\n";
        assert_eq!(columns(text, &["rss", "swap"]), 6_442_450_944 + 4096);
        assert_eq!(columns("", &["rss"]), 0);
    }

    #[test]
    fn queues_are_hexadecimal() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:0016 00000000:0000 01 00000010:00000100 00:00000000 00000000  0 0 1\n";
        assert_eq!(queues(text), PAGE + 2 * (16 + 256));
    }

    #[test]
    fn this_very_machine_can_be_asked() {
        assert!(available().is_some_and(|bytes| bytes > 0));
        assert!(processes() > 0);
        assert!(!Held::watch(0).is_too_much());
        assert!(Held::watch(1).is_too_much());
    }
}
