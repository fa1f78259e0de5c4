//! Sessions over WebSocket, for networks without UDP: the first byte of a message names the channel
//! (WIRE.md).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{FutureExt, SinkExt, Stream, StreamExt, stream::SplitSink};
use smrtc_engine::{control::MAX_MESSAGE_BYTES, time::Bitrate, wire::CloseCode};
use tokio::time::{Instant, interval_at, timeout, timeout_at};

use super::{
    node::Node,
    session::{
        self,
        transport::{Gone, Receive, Received, Transmit},
    },
    session_end::SessionEnd,
    session_handle::SessionHandle,
    session_registry::Entrance,
};
use crate::forward::Datagram;

const CHANNEL_CONTROL: u8 = 0;
const CHANNEL_DATAGRAM: u8 = 1;

/// Longest message: a control message with its length and channel.
const MAX_MESSAGE: usize = MAX_MESSAGE_BYTES + 16;

/// As over QUIC, a ping keeps the connection alive; after three intervals of silence it ends.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(15);

/// Time for the peer to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Most messages taken off a connection in one go.
const MAX_BATCH: usize = 64;

/// Sets the limits of a connection that becomes a WebSocket.
pub(super) fn limit(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        // A slow reader makes us wait after one message, so that datagrams are dropped by our
        // queue's rules and do not fill memory.
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_MESSAGE)
}

/// Serves one WebSocket to its end.
pub(super) async fn serve(
    node: Arc<Node>,
    remote: SocketAddr,
    socket: WebSocket,
    handle: Arc<SessionHandle>,
    entrance: Entrance,
) {
    let (sink, stream) = socket.split();
    let receiver = Receiver::new(stream);
    session::run(node, remote, handle, entrance, receiver, Sender::new(sink)).await;
}

struct Receiver<S> {
    stream: S,
    /// When the peer was last heard. Kept here, since `receive` is cancelled again and again.
    heard: Instant,
}

impl<S> Receiver<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            heard: Instant::now(),
        }
    }
}

impl<S: Stream<Item = Result<Message, axum::Error>> + Send + Unpin> Receive for Receiver<S> {
    async fn receive(&mut self, batch: &mut Vec<Datagram>) -> Received {
        let Ok(first) = timeout_at(self.heard + SILENCE, self.stream.next()).await else {
            return Received::Violation(CloseCode::TimedOut, "no sign of life");
        };
        self.heard = Instant::now();
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Some(Ok(Message::Binary(bytes))) => match bytes.first() {
                    Some(&CHANNEL_DATAGRAM) => batch.push(Datagram::copy_of(&bytes[1..])),
                    // Datagrams before it stay in the batch until the next call, in their order.
                    Some(&CHANNEL_CONTROL) => return Received::Control(bytes.slice(1..)),
                    _ => return Received::Violation(CloseCode::Malformed, "unknown channel"),
                },
                Some(Ok(Message::Text(_))) => {
                    return Received::Violation(CloseCode::Malformed, "text message");
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Received::Gone,
                Some(Err(error)) if is_too_long(&error) => {
                    return Received::Violation(CloseCode::MessageTooLong, "message too long");
                }
                Some(Err(_)) => return Received::Gone,
            }
            if batch.len() < MAX_BATCH {
                next = self.stream.next().now_or_never();
            }
        }
        Received::Datagrams
    }

    fn rtt(&self) -> Option<Duration> {
        None
    }

    fn queuing_delay(&self) -> Duration {
        Duration::ZERO
    }

    /// TCP has a congestion controller of its own.
    fn set_media_rate(&self, _rate: Bitrate) {}
}

/// Whether a message was too long, the one error with a close code of its own. axum hides the type
/// of the error, so its text must do.
fn is_too_long(error: &axum::Error) -> bool {
    let mut source = Some(error as &dyn std::error::Error);
    while let Some(error) = source {
        if error.to_string().contains("too long") || error.to_string().contains("too big") {
            return true;
        }
        source = error.source();
    }
    false
}

struct Sender {
    sink: SplitSink<WebSocket, Message>,
    ping: tokio::time::Interval,
}

impl Sender {
    fn new(sink: SplitSink<WebSocket, Message>) -> Self {
        let ping = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        Self { sink, ping }
    }

    async fn send(&mut self, channel: u8, content: &[u8]) -> Result<(), Gone> {
        let mut message = BytesMut::with_capacity(1 + content.len());
        message.put_u8(channel);
        message.put_slice(content);
        let message = Message::Binary(message.freeze());
        self.sink.send(message).await.map_err(|_| Gone)
    }
}

impl Transmit for Sender {
    async fn control(&mut self, bytes: Bytes) -> Result<(), Gone> {
        self.send(CHANNEL_CONTROL, &bytes).await
    }

    async fn datagram(&mut self, datagram: &Datagram) -> Result<(), Gone> {
        self.send(CHANNEL_DATAGRAM, datagram.payload()).await
    }

    async fn idle(&mut self, handle: &SessionHandle) -> Result<(), Gone> {
        tokio::select! {
            () = handle.write.notified() => Ok(()),
            _ = self.ping.tick() => {
                let ping = Message::Ping(Bytes::new());
                self.sink.send(ping).await.map_err(|_| Gone)
            }
        }
    }

    async fn close(mut self, end: SessionEnd) {
        let frame = CloseFrame {
            code: end.code.code(),
            reason: end.reason.into(),
        };
        let closing = async {
            let _ = self.sink.send(Message::Close(Some(frame))).await;
            let _ = self.sink.close().await;
        };
        let _ = timeout(CLOSE_TIMEOUT, closing).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_session_though_its_reader_is_called_away_all_the_time() {
        let mut receiver = Receiver::new(futures_util::stream::pending());
        let started = Instant::now();
        let mut batch = Vec::new();
        // As where reports are due, and key frames are asked for.
        let ended = loop {
            let received = timeout(Duration::from_millis(100), receiver.receive(&mut batch)).await;
            if let Ok(received) = received {
                break received;
            }
            assert!(started.elapsed() < 2 * SILENCE, "lingers");
        };
        assert!(matches!(ended, Received::Violation(CloseCode::TimedOut, _)));
        assert!(started.elapsed() >= SILENCE, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_pings_is_heard() {
        let pongs = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(SILENCE - Duration::from_secs(1)).await;
            Some((Ok(Message::Pong(Bytes::new())), ()))
        });
        let mut receiver = Receiver::new(Box::pin(pongs));
        for _ in 0..10 {
            let received = receiver.receive(&mut Vec::new()).await;
            assert!(matches!(received, Received::Datagrams));
        }
    }
}
