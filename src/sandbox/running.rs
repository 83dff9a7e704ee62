//! A place that waits for its order, and one in which a command runs.

use super::{SandboxError, Signal};
use crate::door::Stream;
use crate::wire::{self, Event, MAX_FRAME, Order, Timed};
use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

/// Signals that may wait for a slow receiver. Beyond that the pipes fill and
/// the command waits, as it would for a slow terminal.
const WAITING: usize = 64;

/// Bytes of output in one signal, at most.
const CHUNK: usize = 64 << 10;

/// A place that stands. Dropped, everything inside is killed and it is gone.
pub(super) trait Place: Debug + Send + Sync {
    /// Ends whatever is alive inside, waits until it is gone, and removes what
    /// it left. Says how the witness ended, for people.
    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = io::Result<String>> + Send>>;
}

/// One of the command's streams.
pub(super) type Output = Box<dyn AsyncRead + Unpin + Send>;

/// What joins a place to the host.
pub(super) struct Joints {
    /// The witness's channel.
    pub(super) channel: Box<dyn Stream>,
    /// The command's standard output.
    pub(super) stdout: Output,
    /// The command's standard error.
    pub(super) stderr: Output,
}

/// A place with a witness in it that waits for its order. Dropped, it is gone.
pub struct Prepared {
    place: Box<dyn Place>,
    joints: Joints,
    order: Order,
    skipped: Vec<String>,
}

impl Prepared {
    pub(super) fn new(place: Box<dyn Place>, joints: Joints, order: Order, skipped: Vec<String>) -> Self {
        Self { place, joints, order, skipped }
    }

    /// Files of the project that were not copied: gone, reached through a link,
    /// a link that leads out, or neither file, folder nor link.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Sends the order, upon which the command starts.
    ///
    /// # Errors
    /// The witness is gone already.
    pub async fn start(self) -> Result<Running, SandboxError> {
        let Self { place, joints, order, skipped: _ } = self;
        let Joints { channel, stdout, stderr } = joints;
        let (reading, mut writing) = tokio::io::split(channel);
        let mut frame = Vec::new();
        wire::send(&mut frame, &order).map_err(|error| SandboxError::Lost(error.to_string()))?;
        let told = async {
            writing.write_all(&frame).await?;
            writing.flush().await
        };
        told.await.map_err(|error| SandboxError::Lost(error.to_string()))?;
        let (sender, signals) = mpsc::channel(WAITING);
        let last_word = Arc::new(Mutex::new(LastWord::None));
        tokio::spawn(read_output(stdout, Signal::Stdout, sender.clone()));
        tokio::spawn(read_output(stderr, Signal::Stderr, sender.clone()));
        tokio::spawn(read_events(reading, sender, Arc::clone(&last_word)));
        Ok(Running { signals, channel: Mutex::new(Some(writing)), last_word, place })
    }
}

impl Debug for Prepared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Prepared({:?})", self.place)
    }
}

/// A place in which a command runs. Dropped, everything inside is killed and
/// the place is gone; this may block for some milliseconds.
pub struct Running {
    /// What it tells, until `None`: then nothing inside is alive or has anything
    /// left to say. Output and events are each in order, not among each other.
    pub signals: mpsc::Receiver<Signal>,
    channel: Mutex<Option<WriteHalf<Box<dyn Stream>>>>,
    last_word: Arc<Mutex<LastWord>>,
    place: Box<dyn Place>,
}

impl Debug for Running {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Running({:?})", self.place)
    }
}

/// How the witness's messages ended.
#[derive(Debug)]
enum LastWord {
    None,
    Ended,
    Broken(String),
}

impl Running {
    /// Asks the witness to end the run and to report; `signals` goes on until it
    /// has. Needs a tokio runtime.
    pub fn interrupt(&self) {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut channel) = channel {
            // An error means that the witness is gone, which is what was wanted.
            tokio::spawn(async move { channel.shutdown().await });
        }
    }

    /// Kills everything inside and waits until it is gone.
    ///
    /// # Errors
    /// What it left could not be removed.
    pub async fn kill(self) -> Result<(), SandboxError> {
        self.place.end().await.map(drop).map_err(clean_up)
    }

    /// Cleans up after `signals` has ended, and says whether the witness had
    /// said [`Event::Ended`].
    ///
    /// # Errors
    /// [`SandboxError::Lost`] if it had not.
    pub async fn finish(self) -> Result<(), SandboxError> {
        drop(self.signals);
        let status = self.place.end().await.map_err(clean_up)?;
        match &*self.last_word.lock().unwrap_or_else(PoisonError::into_inner) {
            LastWord::Ended => Ok(()),
            LastWord::Broken(why) => Err(SandboxError::Lost(why.clone())),
            LastWord::None => Err(SandboxError::Lost(status)),
        }
    }
}

fn clean_up(source: io::Error) -> SandboxError {
    SandboxError::Setup { step: "remove what it left".to_owned(), source }
}

async fn read_output(mut from: Output, wrap: fn(Vec<u8>) -> Signal, to: mpsc::Sender<Signal>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                if to.send(wrap(buffer[..length].to_vec())).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn read_events(
    mut from: ReadHalf<Box<dyn Stream>>,
    to: mpsc::Sender<Signal>,
    last_word: Arc<Mutex<LastWord>>,
) {
    let word = loop {
        match read_event(&mut from).await {
            Ok(None) => break LastWord::None,
            Ok(Some(timed)) => {
                let ended = matches!(timed.event, Event::Ended { .. });
                if to.send(Signal::Event(timed)).await.is_err() {
                    return;
                }
                if ended {
                    break LastWord::Ended;
                }
            }
            Err(why) => break LastWord::Broken(why),
        }
    };
    *last_word.lock().unwrap_or_else(PoisonError::into_inner) = word;
}

/// One frame of the witness's; `None` at the end.
async fn read_event(from: &mut (impl AsyncRead + Unpin)) -> Result<Option<Timed>, String> {
    let mut length = [0; 4];
    match from.read(&mut length).await {
        Ok(0) => return Ok(None),
        Ok(have) => from.read_exact(&mut length[have..]).await,
        Err(error) => Err(error),
    }
    .map_err(|error| error.to_string())?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(format!("a message of {length} bytes"));
    }
    let mut body = Vec::new();
    from.take(length as u64).read_to_end(&mut body).await.map_err(|error| error.to_string())?;
    if body.len() < length {
        return Err("the last message was cut off".to_owned());
    }
    serde_json::from_slice(&body).map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_are_read_and_a_broken_one_is_said_to_be() {
        let mut bytes = Vec::new();
        let ready = Timed { at_ms: 7, event: Event::Ready };
        wire::send(&mut bytes, &ready).unwrap();
        let mut whole = bytes.as_slice();
        assert_eq!(read_event(&mut whole).await.unwrap(), Some(ready));
        assert_eq!(read_event(&mut whole).await.unwrap(), None);
        assert!(read_event(&mut &bytes[..bytes.len() - 1]).await.is_err());
        assert!(read_event(&mut &bytes[..2]).await.is_err());
        assert!(read_event(&mut &u32::MAX.to_le_bytes()[..]).await.is_err());
        assert!(read_event(&mut &[1, 0, 0, 0, b'x'][..]).await.is_err());
    }
}
