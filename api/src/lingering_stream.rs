//! A connection that is closed without losing its last response.
//!
//! A server that closes while the client still sends makes the client's system throw away what it
//! has not read yet: the client sees a reset where it was told 413. So the server stops sending,
//! and then reads what still comes, within bounds, until the client has closed too.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may go on sending after the last response.
const LINGER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may pause meanwhile.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// What is thrown away at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// A stream whose shutdown waits for the other side.
#[derive(Debug)]
pub(crate) struct LingeringStream<S> {
    stream: Pin<Box<S>>,
    closing: Option<Closing>,
}

/// A stream that is shut down on our side.
#[derive(Debug)]
struct Closing {
    end: Instant,
    idle: Pin<Box<Sleep>>,
}

impl<S> LingeringStream<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream: Box::pin(stream),
            closing: None,
        }
    }
}

impl<S: AsyncRead> AsyncRead for LingeringStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncWrite for LingeringStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, closing } = &mut *self;
        let closing = if let Some(closing) = closing {
            closing
        } else {
            ready!(stream.as_mut().poll_shutdown(context))?;
            let now = Instant::now();
            closing.insert(Closing {
                end: now + LINGER_TIMEOUT,
                idle: Box::pin(sleep_until(now + IDLE_TIMEOUT)),
            })
        };
        let mut bytes = [0; CHUNK_BYTES];
        loop {
            if closing.idle.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut chunk = ReadBuf::new(&mut bytes);
            match ready!(stream.as_mut().poll_read(context, &mut chunk)) {
                Ok(()) if !chunk.filled().is_empty() => {
                    let deadline = closing.end.min(Instant::now() + IDLE_TIMEOUT);
                    closing.idle.as_mut().reset(deadline);
                }
                // The client has closed, or is gone.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
