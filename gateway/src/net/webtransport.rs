//! Sessions over WebTransport.

mod h3;
mod varint;

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use quinn::{Connection, RecvStream, SendStream};
use smrtc_engine::{
    time::Bitrate,
    wire::{CloseCode, MAX_DATAGRAM_BYTES},
};
use tracing::debug;

use super::{
    admission::{Admission, SESSION_PATH, admit},
    duplication::Duplication,
    media_window::set_media_rate,
    node::Node,
    session::{self, Gone, JOIN_TIMEOUT, Receive, Received, Transmit},
    session_handle::{SessionEnd, SessionHandle},
};
use crate::forward::Datagram;
use h3::{Capsules, Closer, Incoming, StreamAcceptor};

/// Most datagrams taken off a connection in one go: three full segmentation-offload batches, and
/// short enough that other sessions wait for microseconds only.
const MAX_BATCH: usize = 64;

/// Time from the first packet to the CONNECT request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// Prefix of a connection's first session, which nearly every session is.
const FIRST_SESSION: &[u8] = &[0];

/// Serves one QUIC connection to its end.
pub(super) async fn serve(
    node: Arc<Node>,
    duplication: Arc<Duplication>,
    incoming: quinn::Incoming,
) {
    let remote = incoming.remote_address();
    let request = async {
        let connection = incoming.await?;
        duplication.handshake_done(remote);
        Incoming::receive(connection).await
    };
    let request = match tokio::time::timeout(HANDSHAKE_TIMEOUT, request).await {
        Ok(Ok(request)) => request,
        Ok(Err(error)) => return debug!(%remote, %error, "no session"),
        Err(_) => return debug!(%remote, "no session in time"),
    };
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    if path != SESSION_PATH {
        return request.not_found().await;
    }
    let admission = admit(&node, request.origin(), request.authority(), query);
    let session = match request.accept().await {
        Ok(session) => session,
        Err(error) => return debug!(%remote, %error, "session lost while it was accepted"),
    };
    let prefix = session.datagram_prefix();
    let (connection, closer, mut capsules, acceptor) = session.split();
    let direct = DatagramSender {
        connection: connection.clone(),
        prefix: prefix.clone(),
        duplication,
    };
    let handle = Arc::new(SessionHandle::new(Some(direct.clone())));
    let mut entrance = node.enter(&handle, admission);
    let mut streams = None;
    if let Ok((Admission::Uplink(_), _)) = &entrance {
        tokio::select! {
            opened = control_stream(&acceptor) => match opened {
                Ok(opened) => streams = Some(opened),
                Err(end) => entrance = Err(end),
            },
            () = capsules.closed() => {
                connection.close(0x100u32.into(), b"");
                return;
            }
            () = handle.read.notified() => if let Some(end) = handle.ended() {
                entrance = Err(end);
            }
        }
    }
    let (control_out, control_in) = streams.unzip();
    let receiver = Receiver {
        connection,
        prefix,
        control: control_in,
        capsules,
    };
    let sender = Sender {
        sink: direct,
        control: control_out,
        closer,
    };
    session::run(node, remote, handle.clone(), entrance, receiver, sender).await;
    handle.forget_loss();
}

/// The first bidirectional stream of the session (WIRE.md).
async fn control_stream(acceptor: &StreamAcceptor) -> Result<(SendStream, RecvStream), SessionEnd> {
    match tokio::time::timeout(JOIN_TIMEOUT, acceptor.accept()).await {
        Ok(Ok((send, recv))) => {
            // Control before what else the connection may carry.
            let _ = send.set_priority(1);
            Ok((send, recv))
        }
        Ok(Err(_)) | Err(_) => Err(SessionEnd {
            code: CloseCode::TimedOut,
            reason: "no control stream in time",
        }),
    }
}

struct Receiver {
    connection: Connection,
    prefix: Arc<[u8]>,
    control: Option<RecvStream>,
    capsules: Capsules,
}

impl Receiver {
    /// Bytes with exactly one zero byte before the payload: as they came, but for odd sessions.
    fn unframe(&self, bytes: Bytes) -> Datagram {
        if *self.prefix == *FIRST_SESSION
            && let Some(datagram) = Datagram::from_framed(bytes.clone())
        {
            return datagram;
        }
        // Of another session, or of none: nothing that parses.
        Datagram::copy_of(bytes.strip_prefix(&*self.prefix).unwrap_or_default())
    }
}

impl Receive for Receiver {
    async fn receive(&mut self, batch: &mut Vec<Datagram>) -> Received {
        let control = async {
            match &mut self.control {
                Some(control) => control.read_chunk(MAX_CONTROL_CHUNK, true).await,
                None => std::future::pending().await,
            }
        };
        let first = tokio::select! {
            biased;
            chunk = control => return match chunk {
                Ok(Some(chunk)) => Received::Control(chunk.bytes),
                // A client that ends its control stream has left without saying so.
                Ok(None) | Err(_) => Received::Gone,
            },
            () = self.capsules.closed() => {
                // The peer waits for us to close the connection, as the session was the only thing
                // on it.
                self.connection.close(0x100u32.into(), b"");
                return Received::Gone;
            }
            datagram = self.connection.read_datagram() => datagram,
        };
        let mut next = Some(first);
        while let Some(Ok(bytes)) = next {
            batch.push(self.unframe(bytes));
            if batch.len() >= MAX_BATCH {
                break;
            }
            next = self.connection.read_datagram().now_or_never();
        }
        if batch.is_empty() {
            Received::Gone
        } else {
            Received::Datagrams
        }
    }

    fn rtt(&self) -> Option<Duration> {
        Some(self.connection.rtt())
    }

    fn queue(&self) -> Duration {
        let path = self.connection.stats().path;
        path.rtt.saturating_sub(path.min_rtt)
    }

    fn set_media_rate(&self, rate: Bitrate) {
        set_media_rate(&self.connection, rate);
    }
}

/// Most of the control stream read at once; more is cut, not refused.
const MAX_CONTROL_CHUNK: usize = 16 << 10;

struct Sender {
    sink: DatagramSender,
    control: Option<SendStream>,
    closer: Closer,
}

impl Transmit for Sender {
    async fn control(&mut self, bytes: Bytes) -> Result<(), Gone> {
        match &mut self.control {
            Some(control) => control.write_chunk(bytes).await.map_err(|_| Gone),
            None => Ok(()),
        }
    }

    async fn datagram(&mut self, datagram: &Datagram) -> Result<(), Gone> {
        let bytes = self.sink.frame(datagram);
        match self.sink.connection.send_datagram_wait(bytes).await {
            Err(quinn::SendDatagramError::ConnectionLost(_)) => Err(Gone),
            // The others mean that this peer takes no datagrams of this size, which the next may
            // still have.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn idle(&mut self, handle: &SessionHandle) -> Result<(), Gone> {
        handle.write.notified().await;
        Ok(())
    }

    async fn close(mut self, end: SessionEnd) {
        if let Some(mut control) = self.control.take() {
            let _ = control.finish();
        }
        self.closer.close(end.code, end.reason).await;
    }
}

/// Puts datagrams into a QUIC connection's own queue, without waiting.
#[derive(Clone, Debug)]
pub(super) struct DatagramSender {
    connection: Connection,
    prefix: Arc<[u8]>,
    duplication: Arc<Duplication>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is on its way, or this peer cannot take it.
    Done,
    /// The connection is gone.
    Closed,
}

impl DatagramSender {
    /// Whether a datagram of any size fits. QUIC itself would drop its oldest, in silence and
    /// without regard to what it is.
    pub(super) fn has_room(&self) -> bool {
        self.connection.datagram_send_buffer_space() > 2 * MAX_DATAGRAM_BYTES
    }

    pub(super) fn push(&self, datagram: &Datagram) -> Pushed {
        match self.connection.send_datagram(self.frame(datagram)) {
            Err(quinn::SendDatagramError::ConnectionLost(_)) => Pushed::Closed,
            Ok(()) | Err(_) => Pushed::Done,
        }
    }

    /// Says what share, 0 to 1, of what the peer sends gets lost. To be taken back (0) before the
    /// connection is let go.
    pub(super) fn set_loss(&self, share: f64) {
        let address = self.connection.remote_address();
        self.duplication.set_loss(address, share);
    }

    fn frame(&self, datagram: &Datagram) -> Bytes {
        if *self.prefix == *FIRST_SESSION {
            return datagram.framed().clone();
        }
        let mut bytes = BytesMut::with_capacity(self.prefix.len() + datagram.payload().len());
        bytes.extend_from_slice(&self.prefix);
        bytes.extend_from_slice(datagram.payload());
        bytes.freeze()
    }
}
