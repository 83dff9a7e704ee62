//! What a command of this machine prints, bounded in size and time: git and node are programs
//! of the user's, what they are asked about may be hostile, and a wrapper in their place may
//! print without end or never end.
//!
//! It must not know what is asked.

use std::io::{Error, Read, Result};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// What a command printed on standard output, and whether it ended with 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// At most as many bytes as were allowed.
    pub(crate) stdout: Vec<u8>,
    /// Whether the exit code was 0.
    pub(crate) success: bool,
}

/// Process groups of commands that run.
static RUNNING: Mutex<Vec<i32>> = Mutex::new(Vec::new());
/// The user wants an end.
static ENDED: AtomicBool = AtomicBool::new(false);

/// How long a command may take that begins after that.
const LAST: Duration = Duration::from_secs(1);

/// Ends every command that runs, and gives those that begin later no time: who waits for one does
/// not heed a wish to end.
pub(crate) fn end_all() {
    ENDED.store(true, Ordering::SeqCst);
    for group in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(*group), nix::sys::signal::SIGKILL);
    }
}

/// Runs a command to its end. Standard input and error are /dev/null.
///
/// # Errors
/// Where it cannot be started, prints more than `limit` bytes, or has not ended after
/// `patience`; then it and all that it started in its process group are killed, as by [`end_all`].
pub(crate) fn of(command: &mut Command, limit: u64, patience: Duration) -> Result<Output> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let patience = if ENDED.load(Ordering::SeqCst) { patience.min(LAST) } else { patience };
    let until = Instant::now() + patience;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A wrapper's node is ended with its wrapper.
        .process_group(0)
        .spawn()?;
    let group = i32::try_from(child.id()).unwrap_or(0);
    running.push(group);
    drop(running);
    let answer = read(&mut child, limit, until).and_then(|stdout| {
        let success = wait(&mut child, until)?;
        Ok(Output { stdout, success })
    });
    // Once it has been waited for, its number may be another's.
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| *known != group);
    answer.map_err(|error| {
        kill(&mut child);
        if error.kind() == std::io::ErrorKind::TimedOut {
            return Error::other(format!("it was not done in {} s", patience.as_secs()));
        }
        error
    })
}

fn read(child: &mut Child, limit: u64, until: Instant) -> Result<Vec<u8>> {
    let out = child.stdout.take().ok_or_else(|| Error::other("it says nothing"))?;
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = out.take(limit + 1).read_to_end(&mut bytes);
        // Nobody listens once the time is up.
        let _ = sender.send(read.map(|_| bytes));
    })?;
    let left = until.saturating_duration_since(Instant::now());
    let bytes = receiver.recv_timeout(left).map_err(|_late| std::io::ErrorKind::TimedOut)??;
    if bytes.len() as u64 > limit {
        return Err(Error::other(format!("it printed more than {}", size(limit))));
    }
    Ok(bytes)
}

fn size(bytes: u64) -> String {
    if bytes >> 20 > 0 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

/// It has closed its output already, so that it ends at once or hangs.
fn wait(child: &mut Child, until: Instant) -> Result<bool> {
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= until {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn kill(child: &mut Child) {
    // It has not been waited for where it still runs, so that its group is its own.
    if matches!(child.try_wait(), Ok(None))
        && let Ok(group) = i32::try_from(child.id())
    {
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), nix::sys::signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: u64, patience: Duration) -> Result<Output> {
        of(Command::new("/bin/sh").args(["-c", script]), limit, patience)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_printed_and_how_it_ended() {
        let output = shell("printf hello; exit 3", 5, LONG).unwrap();
        assert_eq!(output, Output { stdout: b"hello".to_vec(), success: false });
        assert!(shell("true", 0, LONG).unwrap().success);
    }

    #[test]
    fn who_prints_without_end_is_ended() {
        let error = shell("yes", 4096, LONG).unwrap_err();
        assert_eq!(error.to_string(), "it printed more than 4 KiB");
    }

    #[test]
    fn who_never_ends_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        for script in ["sleep 1000 & echo $! >PID; wait", "exec >&-; sleep 1000 & echo $! >PID; wait"] {
            let script = script.replace("PID", pid.to_str().unwrap());
            let error = shell(&script, 4096, Duration::from_secs(1)).unwrap_err();
            assert_eq!(error.to_string(), "it was not done in 1 s");
            let stat = format!("/proc/{}/stat", std::fs::read_to_string(&pid).unwrap().trim());
            let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
            // A kill takes effect a moment after the call.
            let until = Instant::now() + LONG;
            while runs() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(!runs(), "the sleep of `{script}` still runs");
        }
    }
}
