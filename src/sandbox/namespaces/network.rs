//! The loopback interface, and the settings of the new namespaces.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;

/// Switches the loopback interface on, and with it the whole of 127/8.
pub(super) fn loopback_up() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: an ifreq is plain data for which zeroes are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: the request is an ifreq with a name and flags, as netdevice(7) asks of SIOCSIFFLAGS.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Settings of the new network and user namespaces, through a proc that is
/// still writable. One that this kernel lacks is no loss: without IPv6 there
/// is none to switch off.
pub(super) fn settle(proc: &Path) {
    for (setting, value) in [
        ("sys/net/ipv6/conf/all/disable_ipv6", "1"),
        ("sys/net/ipv6/conf/default/disable_ipv6", "1"),
        // A connection to where nobody answers fails after 3 s, not after 2 min.
        ("sys/net/ipv4/tcp_syn_retries", "1"),
        // No namespaces within: capabilities in one of them would reach more of the kernel.
        ("sys/user/max_user_namespaces", "0"),
        // What is watched counts for the user on the host too, who has 128 such objects as a rule.
        ("sys/user/max_inotify_instances", "32"),
        ("sys/user/max_inotify_watches", "16384"),
        ("sys/user/max_fanotify_groups", "0"),
        ("sys/user/max_fanotify_marks", "0"),
    ] {
        let _ = std::fs::write(proc.join(setting), value);
    }
}
