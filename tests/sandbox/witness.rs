//! What plays PID 1.

use sealcheck::wire::{self, Event, Exit, Order, Timed};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// Does what the order says, as the real witness would, and reports it.
pub(crate) fn witness(channel: i32) -> i32 {
    // SAFETY: the stage gave us this descriptor.
    #[allow(unsafe_code)]
    let mut channel = unsafe { UnixStream::from_raw_fd(channel) };
    let Ok(Some(order)) = wire::receive::<Order>(&mut channel) else { return 3 };
    let mut listening = channel.try_clone().unwrap();
    std::thread::spawn(move || {
        let _ = listening.read(&mut [0]);
        std::process::exit(4);
    });
    let mut tell = |event| wire::send(&mut channel, &Timed { at_ms: 0, event }).unwrap();
    tell(Event::Ready);
    let how = match order.argv[0].as_str() {
        "vanish" => return 5,
        "knock" => knock(&order.argv[1..]),
        _ => {
            let status = Command::new(&order.argv[0])
                .args(&order.argv[1..])
                .env_clear()
                .envs(order.env)
                .current_dir(&order.cwd)
                .status()
                .unwrap();
            status.code().map_or_else(|| Exit::Signal(status.signal().unwrap()), Exit::Code)
        }
    };
    tell(Event::CommandExited { how, after_ms: 0 });
    tell(Event::Ended { peak_memory: 0, cut_short: None });
    0
}

/// Connects to each address and prints what came of it.
fn knock(addresses: &[String]) -> Exit {
    for address in addresses {
        match TcpStream::connect(address) {
            Ok(mut stream) => {
                stream.write_all(b"knock").unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                println!("{address} {answer}");
            }
            Err(error) => println!("{address} {:?}", error.kind()),
        }
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"name?", "127.0.0.1:53").unwrap();
    Exit::Code(0)
}
