//! Sessions over WebTransport.

mod h3;
mod varint;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use quinn::{Connection, RecvStream, SendStream};
use smrtc_engine::{time::Bitrate, wire::CloseCode};
use tracing::debug;

use super::{
    admission::{Admission, SESSION_PATH},
    datagram_sender::DatagramSender,
    duplication::Duplication,
    media_window::set_media_rate,
    node::Node,
    session::{
        self,
        transport::{Gone, Receive, Received, Transmit},
        uplink::JOIN_TIMEOUT,
    },
    session_end::SessionEnd,
    session_handle::SessionHandle,
};
use crate::forward::Datagram;
use h3::{Capsules, Closer, H3_NO_ERROR, Incoming, StreamAcceptor};

/// Most datagrams taken off a connection in one go: three full segmentation-offload batches, and
/// few enough that other sessions wait for microseconds only.
const MAX_BATCH: usize = 64;

/// Most bytes of the control stream read at once.
const MAX_CONTROL_CHUNK: usize = 16 << 10;

/// Time from the first packet to the CONNECT request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves one QUIC connection to its end.
pub(super) async fn serve(
    node: Arc<Node>,
    duplication: Arc<Duplication>,
    incoming: quinn::Incoming,
) {
    let remote = incoming.remote_address();
    let Some(request) = request(remote, &duplication, incoming).await else {
        return;
    };
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    if path != SESSION_PATH {
        return request.not_found().await;
    }
    let admission = node
        .admission
        .admit(request.origin(), request.authority(), query);
    // Refused sessions are opened too: only a session can be closed with a code that a page sees.
    let session = match request.accept().await {
        Ok(session) => session,
        Err(error) => return debug!(%remote, %error, "session lost while it was accepted"),
    };
    let prefix = session.datagram_prefix();
    let (connection, closer, mut capsules, acceptor) = session.split();
    let datagrams = DatagramSender::new(connection.clone(), prefix, duplication);
    let handle = Arc::new(SessionHandle::new(Some(datagrams.clone())));
    let mut entrance = node.enter(&handle, admission);
    let mut control = None;
    if let Ok((Admission::Uplink(_), _)) = &entrance {
        match control_stream(&acceptor, &mut capsules, &handle).await {
            Ok(Some(opened)) => control = Some(opened),
            Ok(None) => return connection.close(H3_NO_ERROR, b""),
            Err(end) => entrance = Err(end),
        }
    }
    let (control_out, control_in) = control.unzip();
    let receiver = Receiver {
        connection,
        datagrams: datagrams.clone(),
        control: control_in,
        capsules,
    };
    let sender = Sender {
        datagrams,
        control: control_out,
        closer,
    };
    session::run(node, remote, handle.clone(), entrance, receiver, sender).await;
    handle.forget_loss();
}

/// The CONNECT request of a new connection, if it comes in time.
async fn request(
    remote: SocketAddr,
    duplication: &Duplication,
    incoming: quinn::Incoming,
) -> Option<Incoming> {
    let request = async {
        let connection = incoming.await?;
        duplication.handshake_done(remote);
        Incoming::receive(connection).await
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, request).await {
        Ok(Ok(request)) => return Some(request),
        Ok(Err(error)) => debug!(%remote, %error, "no session"),
        Err(_) => debug!(%remote, "no session in time"),
    }
    None
}

/// The control stream: the first bidirectional stream of an uplink session (WIRE.md). `None` if the
/// peer ended the session.
async fn control_stream(
    acceptor: &StreamAcceptor,
    capsules: &mut Capsules,
    handle: &SessionHandle,
) -> Result<Option<(SendStream, RecvStream)>, SessionEnd> {
    let ended = async {
        loop {
            handle.read.notified().await;
            if let Some(end) = handle.ended() {
                return end;
            }
        }
    };
    tokio::select! {
        opened = tokio::time::timeout(JOIN_TIMEOUT, acceptor.accept()) => match opened {
            Ok(Ok((send, recv))) => {
                // Control messages go before anything else that the connection carries.
                let _ = send.set_priority(1);
                Ok(Some((send, recv)))
            }
            Ok(Err(_)) | Err(_) => {
                let reason = "no control stream in time";
                Err(SessionEnd::new(CloseCode::TimedOut, reason))
            }
        },
        () = capsules.closed() => Ok(None),
        end = ended => Err(end),
    }
}

struct Receiver {
    connection: Connection,
    datagrams: DatagramSender,
    control: Option<RecvStream>,
    capsules: Capsules,
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
                self.connection.close(H3_NO_ERROR, b"");
                return Received::Gone;
            }
            datagram = self.connection.read_datagram() => datagram,
        };
        let mut next = Some(first);
        while let Some(Ok(bytes)) = next {
            batch.push(self.datagrams.unframe(bytes));
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

    fn queuing_delay(&self) -> Duration {
        let path = self.connection.stats().path;
        path.rtt.saturating_sub(path.min_rtt)
    }

    fn set_media_rate(&self, rate: Bitrate) {
        set_media_rate(&self.connection, rate);
    }
}

struct Sender {
    datagrams: DatagramSender,
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
        let sent = self.datagrams.send_when_room(datagram).await;
        sent.map_err(|_| Gone)
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
