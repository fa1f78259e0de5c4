//! Sends the datagrams of one WebTransport session on its QUIC connection.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use quinn::{Connection, SendDatagramError};
use smrtc_engine::wire::MAX_DATAGRAM_BYTES;

use super::duplication::Duplication;
use crate::forward::Datagram;

/// The datagram prefix of a connection's first session, which nearly every session is.
const FIRST_SESSION: &[u8] = &[0];

/// The connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionClosed;

/// The datagrams of one session: each has the session's prefix (RFC 9297 §2.1).
#[derive(Clone, Debug)]
pub(super) struct DatagramSender {
    connection: Connection,
    prefix: Arc<[u8]>,
    duplication: Arc<Duplication>,
}

impl DatagramSender {
    pub(super) fn new(
        connection: Connection,
        prefix: Arc<[u8]>,
        duplication: Arc<Duplication>,
    ) -> Self {
        Self {
            connection,
            prefix,
            duplication,
        }
    }

    /// Whether a datagram of any size fits. Without room QUIC drops its oldest datagram silently,
    /// whatever its priority.
    pub(super) fn has_room(&self) -> bool {
        self.connection.datagram_send_buffer_space() > 2 * MAX_DATAGRAM_BYTES
    }

    /// Queues a datagram without waiting. A datagram that this peer cannot take is dropped.
    pub(super) fn send(&self, datagram: &Datagram) -> Result<(), ConnectionClosed> {
        only_closed(self.connection.send_datagram(self.frame(datagram)))
    }

    /// Queues a datagram once there is room. A datagram that this peer cannot take is dropped.
    pub(super) async fn send_when_room(&self, datagram: &Datagram) -> Result<(), ConnectionClosed> {
        only_closed(
            self.connection
                .send_datagram_wait(self.frame(datagram))
                .await,
        )
    }

    /// Sets the share, 0 to 1, of the peer's packets that get lost. Reset it to 0 before the
    /// connection is dropped.
    pub(super) fn set_loss(&self, share: f64) {
        let address = self.connection.remote_address();
        self.duplication.set_loss(address, share);
    }

    /// Reads a datagram of this session. The result has exactly one byte before its payload, the
    /// prefix of a first session, so that it can be forwarded without a copy.
    pub(super) fn unframe(&self, bytes: Bytes) -> Datagram {
        if self.is_first_session()
            && let Some(datagram) = Datagram::from_framed(bytes.clone())
        {
            return datagram;
        }
        // A datagram of another session becomes an empty one, which does not parse.
        Datagram::copy_of(bytes.strip_prefix(&*self.prefix).unwrap_or_default())
    }

    fn frame(&self, datagram: &Datagram) -> Bytes {
        if self.is_first_session() {
            return datagram.framed().clone();
        }
        let mut bytes = BytesMut::with_capacity(self.prefix.len() + datagram.payload().len());
        bytes.extend_from_slice(&self.prefix);
        bytes.extend_from_slice(datagram.payload());
        bytes.freeze()
    }

    fn is_first_session(&self) -> bool {
        *self.prefix == *FIRST_SESSION
    }
}

/// The other errors mean that this peer takes no datagrams of this size; the next may be shorter.
fn only_closed(sent: Result<(), SendDatagramError>) -> Result<(), ConnectionClosed> {
    match sent {
        Err(SendDatagramError::ConnectionLost(_)) => Err(ConnectionClosed),
        Ok(()) | Err(_) => Ok(()),
    }
}
