//! A private registry on this machine that sends whoever asks for a tarball elsewhere.

use crate::support;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Where it sends them.
#[derive(Debug, Clone, Copy)]
pub enum Leads {
    /// To the public registry's package of that name.
    Public,
    /// To another host that has the genuine bytes.
    Blobs,
}

/// The registry. Its thread ends with the test's process.
pub struct Redirecting {
    /// `http://localhost:PORT/`.
    pub url: String,
}

impl Redirecting {
    /// Starts it; `tarball` is what the other host has.
    pub fn start(leads: Leads, tarball: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = match leads {
            Leads::Public => support::project::at_the_public_registry(crate::truth::projects::AT_PUBLIC),
            Leads::Blobs => format!("http://127.0.0.1:{port}/blobs/1"),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that went away is its own affair.
                let _ = answer(stream, &to, &tarball);
            }
        });
        Self { url: format!("http://localhost:{port}/") }
    }
}

fn answer(mut stream: TcpStream, to: &str, tarball: &[u8]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, location, body): (_, _, &[u8]) = match path {
        "/blobs/1" => ("200 OK", None, tarball),
        path if path.ends_with(".tgz") => ("302 Found", Some(to), &[]),
        _ => ("404 Not Found", None, &[]),
    };
    let location = location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\n{location}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)
}
