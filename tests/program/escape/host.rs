//! What belongs to the host: its network, its sockets, its files, and the witness.

use crate::escape::rig::{attack, evil};
use crate::support;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

fn nobody_came(what: &str, accepted: std::io::Result<impl Sized>) {
    assert!(
        accepted.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "{what} was reached"
    );
}

#[test]
fn a_script_reaches_nothing_outside() {
    let own = tempfile::tempdir().unwrap();
    let four = TcpListener::bind("127.0.0.1:0").unwrap();
    let six = TcpListener::bind("[::1]:0").unwrap();
    let path = own.path().join("socket");
    let by_path = UnixListener::bind(&path).unwrap();
    let name = format!("sealcheck-escape-{}", std::process::id());
    let by_name = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    four.set_nonblocking(true).unwrap();
    six.set_nonblocking(true).unwrap();
    by_path.set_nonblocking(true).unwrap();
    by_name.set_nonblocking(true).unwrap();
    let secret = own.path().join("secret");
    std::fs::write(&secret, "of the host").unwrap();
    // An image has folders of its own there, which are not the host's.
    let folders = match support::place::chosen() {
        None => "/root /home /run /var/run /var/lib /proc/1/root /proc/1/cwd /sys",
        Some(_) => "/root /proc/1/root /proc/1/cwd",
    };
    let script = include_str!("../../fixtures/escape/host.js")
        .replace("{folders}", folders)
        .replace("{four}", &four.local_addr().unwrap().port().to_string())
        .replace("{six}", &six.local_addr().unwrap().port().to_string())
        .replace("{socket}", path.to_str().unwrap())
        .replace("{name}", &name)
        .replace("{secret}", secret.to_str().unwrap());
    let attacked = attack(&evil(&script), &["--scenario", "baseline"], |project| project);
    attacked.all_failed("baseline", 20);
    nobody_came("127.0.0.1", four.accept());
    nobody_came("::1", six.accept());
    nobody_came("the socket by path", by_path.accept());
    nobody_came("the abstract socket", by_name.accept());

    // The connections that it tried are attributed to the script.
    let connections = attacked.run("baseline")["connections"].to_string();
    for port in [four.local_addr().unwrap().port(), six.local_addr().unwrap().port()] {
        assert!(connections.contains(&format!("\"port\":{port}")), "{port}: {connections}");
    }
    assert!(connections.contains("\"family:16\""), "{connections}");
    attacked.found(&["script-egress", "secret-exfiltrated", "write-outside-package"]);
    attacked.token_was_kept();
}
