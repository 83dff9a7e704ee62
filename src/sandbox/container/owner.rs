//! Whose a container is: one running program on one machine.

/// The present process, as a label's value: where its pid is one, the pid, and
/// when it was started, so that a pid that came round again is no one.
pub fn present() -> String {
    let pid = std::process::id();
    format!("{}.{pid}.{}", here(), started(pid).unwrap_or_default())
}

/// Whether the owner may still be at work. One of another machine, of an earlier
/// boot or of another container cannot be asked and counts as alive: several may
/// share an engine.
pub fn is_alive(owner: &str) -> bool {
    let mut parts = owner.split('.');
    let (Some(place), Some(pid), Some(start), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return true;
    };
    if place != here() {
        return true;
    }
    pid.parse().ok().and_then(started).is_some_and(|started| started == start)
}

/// The boot of the machine and the pid namespace: `…-4026531836`.
fn here() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let number: String = namespace.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    format!("{}-{number}", boot.trim())
}

/// Clock ticks from the boot to the start of a process: field 22 of proc_pid_stat(5).
fn started(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, blanks and brackets too.
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_alive_and_a_pid_that_came_round_is_not() {
        let owner = present();
        assert!(is_alive(&owner), "{owner}");
        let (rest, _) = owner.rsplit_once('.').unwrap();
        assert!(!is_alive(&format!("{rest}.1")));
        assert!(!is_alive(&format!("{}.4194305.1", here())));
    }

    #[test]
    fn who_cannot_be_asked_counts_as_alive() {
        assert!(is_alive("another-boot.1.1"));
        assert!(is_alive("what is this"));
        assert!(is_alive(""));
    }
}
