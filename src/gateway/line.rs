//! A stream that is searched as it is read, and that comes back when whoever had it is done.

use super::flow::Flow;
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// A stream whose first bytes were already read, and fed to its flow.
pub(super) struct Line<S> {
    pub(super) next: Bytes,
    inner: Option<S>,
    flow: Flow,
    back: Option<oneshot::Sender<S>>,
}

impl<S> Line<S> {
    /// The line, and where what it was made of will be.
    pub(super) fn new(inner: S, first: Vec<u8>, flow: Flow) -> (Self, oneshot::Receiver<S>) {
        let (back, rest) = oneshot::channel();
        (Self { next: first.into(), inner: Some(inner), flow, back: Some(back) }, rest)
    }
}

impl<S> Drop for Line<S> {
    fn drop(&mut self) {
        if let (Some(inner), Some(back)) = (self.inner.take(), self.back.take()) {
            // Nobody waits where the run is over.
            let _ = back.send(inner);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.next.is_empty() {
            let length = self.next.len().min(buffer.remaining());
            buffer.put_slice(&self.next.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let Some(inner) = &mut self.inner else { return Poll::Ready(Ok(())) };
        let poll = Pin::new(inner).poll_read(context, buffer);
        self.flow.feed(&buffer.filled()[before..]);
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().map_or(Poll::Ready(Ok(())), |inner| Pin::new(inner).poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().map_or(Poll::Ready(Ok(())), |inner| Pin::new(inner).poll_shutdown(context))
    }
}
