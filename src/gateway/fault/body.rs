//! Bodies that break off in the middle, or take their time.

use crate::door::Reset;
use crate::gateway::answer::{Delivered, Source};
use crate::scenario::Answer;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{Response, Version, header};
use std::collections::VecDeque;
use std::time::Duration;

/// The answers that are done to a body.
pub(super) const BROKEN: [Answer; 5] = [
    Answer::Truncated,
    Answer::TruncatedChunked,
    Answer::TruncatedUnframed,
    Answer::ResetInBody,
    Answer::SlowDrip,
];

/// Lets the first bytes go out before the connection ends.
const PAUSE: Duration = Duration::from_millis(50);
/// Slices of a body that drips, and the pause between two of them: it is all there
/// after two seconds, however long it is.
const SLICES: u32 = 8;
const DRIP: Duration = Duration::from_millis(250);

/// A body ended because the scenario says so, and not because something broke.
#[derive(Debug, thiserror::Error)]
#[error("the fault is played by ending the body")]
pub(in crate::gateway) struct Played;

/// Does to the body of a tarball what the scenario says.
pub(super) fn spoil(answer: Answer, mut response: Response<Delivered>, reset: &Reset) -> Response<Delivered> {
    let reset = reset.clone();
    let whole = response.body().length();
    if answer == Answer::SlowDrip {
        response.body_mut().replace(whole, |source| drip(source, whole));
    } else if answer == Answer::TruncatedUnframed {
        // To HTTP/1.0, the end of the connection is the end of a body without a length.
        *response.version_mut() = Version::HTTP_10;
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.body_mut().replace(None, |source| half(source, whole));
        response.body_mut().cut();
    } else {
        let framed = if answer == Answer::TruncatedChunked { None } else { whole };
        if framed.is_none() {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let last = move || {
            if answer == Answer::ResetInBody {
                reset.set();
            }
        };
        response.body_mut().replace(framed, |source| broken_off(source, whole, last));
    }
    response
}

/// The first half; of a body whose length is not known that of its first piece.
fn half(source: Source, whole: Option<u64>) -> Source {
    let mut left = whole.map(|whole| usize::try_from(whole / 2).unwrap_or(usize::MAX));
    Box::pin(source.scan((), move |(), item| {
        let item = match (item, left) {
            (_, Some(0)) => None,
            (Ok(bytes), known) => {
                let room = known.unwrap_or(bytes.len() / 2).min(bytes.len());
                left = Some(known.map_or(0, |known| known - room));
                Some(Ok(bytes.slice(..room)))
            }
            (Err(error), _) => Some(Err(error)),
        };
        std::future::ready(item)
    }))
}

/// The first half, and then the end of the connection.
fn broken_off(source: Source, whole: Option<u64>, last: impl FnOnce() + Send + 'static) -> Source {
    let end = futures_util::stream::once(async move {
        tokio::time::sleep(PAUSE).await;
        last();
        Err(std::io::Error::other(Played))
    });
    Box::pin(half(source, whole).chain(end))
}

/// All of it, in slices.
fn drip(source: Source, whole: Option<u64>) -> Source {
    let slice =
        whole.map_or(64 << 10, |whole| usize::try_from(whole / u64::from(SLICES)).unwrap_or(1)).max(1);
    let sliced = source.flat_map(move |item| -> std::pin::Pin<Box<dyn Stream<Item = _> + Send>> {
        match item {
            Ok(bytes) => Box::pin(futures_util::stream::iter(slices(bytes, slice).into_iter().map(Ok))),
            Err(error) => Box::pin(futures_util::stream::iter([Err(error)])),
        }
    });
    let mut pauses = SLICES;
    Box::pin(sliced.then(move |item| {
        let wait = pauses > 0;
        pauses = pauses.saturating_sub(1);
        async move {
            if wait {
                tokio::time::sleep(DRIP).await;
            }
            item
        }
    }))
}

fn slices(mut bytes: Bytes, length: usize) -> VecDeque<Bytes> {
    let mut slices = VecDeque::new();
    while bytes.len() > length {
        slices.push_back(bytes.split_to(length));
    }
    slices.push_back(bytes);
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(pieces: &[&'static [u8]]) -> Source {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        Box::pin(futures_util::stream::iter(pieces))
    }

    async fn read(mut source: Source) -> (Vec<u8>, bool) {
        let mut all = Vec::new();
        while let Some(item) = source.next().await {
            match item {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(error) => return (all, error.get_ref().is_some_and(|inner| inner.is::<Played>())),
            }
        }
        (all, false)
    }

    #[tokio::test]
    async fn a_half_is_a_half_however_it_comes() {
        assert_eq!(read(half(source(&[b"012345"]), Some(6))).await, (b"012".to_vec(), false));
        assert_eq!(read(half(source(&[b"01", b"23", b"45"]), Some(6))).await, (b"012".to_vec(), false));
        assert_eq!(read(half(source(&[b"0123", b"45"]), None)).await, (b"01".to_vec(), false));
        let reset = Reset::default();
        let told = reset.clone();
        let broken = broken_off(source(&[b"0123"]), Some(4), move || told.set());
        assert_eq!(read(broken).await, (b"01".to_vec(), true));
        assert!(reset.is_set());
    }

    #[tokio::test]
    async fn a_drip_is_whole_in_the_end_and_takes_two_seconds_however_long_it_is() {
        let one = |length: Option<u64>, big: &'static [u8]| async move {
            let began = std::time::Instant::now();
            assert_eq!(read(drip(source(&[big]), length)).await, (big.to_vec(), false));
            began.elapsed()
        };
        let (few, many, unknown) =
            tokio::join!(one(Some(6), b"012345"), one(Some(600_000), &[7; 600_000]), one(None, &[7; 70_000]));
        for took in [few, many, unknown] {
            assert!(took >= DRIP && took < DRIP * SLICES * 2, "{took:?}");
        }
    }
}
