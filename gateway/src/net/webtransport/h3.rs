//! The part of HTTP/3 (RFC 9114) that one WebTransport session needs, over a QUIC connection.
//!
//! QPACK, SETTINGS and the request types are `wtransport-proto`'s. The driver of `wtransport`
//! itself is not used, for two reasons: it takes datagrams one at a time through a slot of one, so
//! that they cannot be drained and forwarded in batches; and it cannot end a session with a
//! CLOSE_WEBTRANSPORT_SESSION capsule, the only close code that browsers show a page
//! (draft-ietf-webtrans-http3 §6). Sessions share no connection here: one connection, one session.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use smrtc_engine::wire::CloseCode;
use wtransport_proto::{
    frame::Frame,
    headers::Headers,
    ids::StatusCode,
    session::{SessionRequest, SessionResponse},
    settings::Settings,
    stream_header::StreamHeader,
    varint::VarInt as H3VarInt,
};

use super::varint::{parse_varint, take_tlv, write_varint};
use crate::net::abort_on_drop::AbortOnDrop;

const FRAME_DATA: u64 = 0x00;
const FRAME_HEADERS: u64 = 0x01;
const FRAME_WEBTRANSPORT_STREAM: u64 = 0x41;
const CAPSULE_CLOSE_SESSION: u64 = 0x2843;
pub(super) const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);
const H3_GENERAL_PROTOCOL_ERROR: VarInt = VarInt::from_u32(0x101);
const H3_REQUEST_REJECTED: VarInt = VarInt::from_u32(0x10b);

/// Longest frame or capsule that is looked at; a request with a token has about 1 KiB.
const MAX_FRAME_BYTES: usize = 16 << 10;
/// Most that a peer may send on each of its housekeeping streams; SETTINGS take some 50 bytes.
const MAX_HOUSEKEEPING_BYTES: usize = 64 << 10;
/// How long a peer may take to close the connection after the capsule that ended its session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a connection did not become a session.
#[derive(Debug, thiserror::Error)]
pub(super) enum H3Error {
    /// The connection is gone.
    #[error("connection lost: {0}")]
    Connection(#[from] quinn::ConnectionError),
    /// A stream ended or was reset where it must not.
    #[error("stream ended early")]
    Stream,
    /// The peer does not speak HTTP/3 as we know it.
    #[error("HTTP/3 violation: {0}")]
    Protocol(&'static str),
}

impl From<quinn::ReadExactError> for H3Error {
    fn from(_: quinn::ReadExactError) -> Self {
        Self::Stream
    }
}

impl From<quinn::ReadError> for H3Error {
    fn from(_: quinn::ReadError) -> Self {
        Self::Stream
    }
}

impl From<quinn::WriteError> for H3Error {
    fn from(_: quinn::WriteError) -> Self {
        Self::Stream
    }
}

/// A CONNECT request that waits for its answer.
pub(super) struct Incoming {
    connection: Connection,
    request: SessionRequest,
    send: SendStream,
    recv: RecvStream,
    keep: Housekeeping,
}

/// Streams that must stay open as long as the connection (RFC 9114 §6.2.1).
struct Housekeeping {
    _control: SendStream,
    _readers: AbortOnDrop,
}

impl Incoming {
    /// Waits for the peer's request on a fresh connection.
    pub(super) async fn receive(connection: Connection) -> Result<Self, H3Error> {
        let control = send_settings(&connection).await?;
        let readers = AbortOnDrop::spawn(drain_uni_streams(connection.clone()));
        let keep = Housekeeping {
            _control: control,
            _readers: readers,
        };
        loop {
            let (mut send, mut recv) = connection.accept_bi().await?;
            let payload = read_headers(&mut recv).await?;
            let frame = Frame::new_headers(payload.to_vec().into());
            let headers =
                Headers::with_frame(&frame).map_err(|_| H3Error::Protocol("header section"))?;
            match SessionRequest::try_from(headers) {
                Ok(request) => {
                    return Ok(Self {
                        connection,
                        request,
                        send,
                        recv,
                        keep,
                    });
                }
                // A plain request, or one of another protocol: the session may come in a later
                // request.
                Err(_) => {
                    let _ = send.reset(H3_REQUEST_REJECTED);
                    let _ = recv.stop(H3_REQUEST_REJECTED);
                }
            }
        }
    }

    /// The path with its query.
    pub(super) fn path(&self) -> &str {
        self.request.path()
    }

    /// Host and port as the peer wrote them.
    pub(super) fn authority(&self) -> &str {
        self.request.authority()
    }

    /// The page's origin; absent from clients that are no browsers.
    pub(super) fn origin(&self) -> Option<&str> {
        self.request.origin()
    }

    /// Answers with 404: there are no sessions at that path.
    pub(super) async fn not_found(mut self) {
        let response = SessionResponse::with_status_code(StatusCode::NOT_FOUND);
        if write_response(&mut self.send, &response).await.is_ok() {
            let _ = self.send.finish();
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.send.stopped()).await;
        }
        self.connection.close(H3_NO_ERROR, b"");
    }

    /// Answers with 200: the session is open.
    pub(super) async fn accept(mut self) -> Result<Session, H3Error> {
        write_response(&mut self.send, &SessionResponse::ok()).await?;
        let id = VarInt::from(self.send.id());
        Ok(Session {
            connection: self.connection,
            id: id.into_inner(),
            connect: self.send,
            capsules: Capsules::new(self.recv),
            keep: self.keep,
        })
    }
}

/// A WebTransport session on a connection of its own.
pub(super) struct Session {
    connection: Connection,
    id: u64,
    connect: SendStream,
    capsules: Capsules,
    keep: Housekeeping,
}

impl Session {
    /// The parts for different tasks: one ends the session, one tells when the peer ends it, one
    /// takes its streams.
    pub(super) fn split(self) -> (Connection, Closer, Capsules, StreamAcceptor) {
        let closer = Closer {
            connection: self.connection.clone(),
            connect: self.connect,
            _keep: self.keep,
        };
        let acceptor = StreamAcceptor {
            connection: self.connection.clone(),
            session_id: self.id,
        };
        (self.connection, closer, self.capsules, acceptor)
    }

    /// The varint that stands before each datagram of this session (RFC 9297 §2.1).
    pub(super) fn datagram_prefix(&self) -> Arc<[u8]> {
        let mut prefix = Vec::new();
        write_varint(self.id / 4, &mut prefix);
        prefix.into()
    }
}

/// Ends the session.
pub(super) struct Closer {
    connection: Connection,
    connect: SendStream,
    _keep: Housekeeping,
}

impl Closer {
    /// Tells the peer why the session ends, and lets it close the connection.
    pub(super) async fn close(mut self, code: CloseCode, reason: &str) {
        let mut capsule = Vec::new();
        write_varint(CAPSULE_CLOSE_SESSION, &mut capsule);
        write_varint(4 + reason.len() as u64, &mut capsule);
        capsule.extend(u32::from(code.code()).to_be_bytes());
        capsule.extend(reason.as_bytes());
        let mut frame = Vec::new();
        write_varint(FRAME_DATA, &mut frame);
        write_varint(capsule.len() as u64, &mut frame);
        frame.extend(capsule);
        let told = async {
            if self.connect.write_all(&frame).await.is_ok() {
                let _ = self.connect.finish();
                self.connection.closed().await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, told).await;
        self.connection.close(H3_NO_ERROR, b"");
    }
}

/// The peer's capsules. Only the one that ends the session matters.
pub(super) struct Capsules {
    recv: RecvStream,
    frames: BytesMut,
    capsules: BytesMut,
}

impl Capsules {
    fn new(recv: RecvStream) -> Self {
        Self {
            recv,
            frames: BytesMut::new(),
            capsules: BytesMut::new(),
        }
    }

    /// Waits until the peer ends the session or breaks the stream. May be dropped and called again.
    pub(super) async fn closed(&mut self) {
        while let Ok(Some(chunk)) = self.recv.read_chunk(MAX_FRAME_BYTES, true).await {
            self.frames.extend_from_slice(&chunk.bytes);
            if self.frames.len() + self.capsules.len() > 2 * MAX_FRAME_BYTES || self.take_close() {
                return;
            }
        }
    }

    /// Reads the complete capsules. Returns whether one of them closes the session.
    fn take_close(&mut self) -> bool {
        while let Some((kind, payload)) = take_tlv(&mut self.frames) {
            if kind == FRAME_DATA {
                self.capsules.extend_from_slice(&payload);
            }
        }
        while let Some((kind, _)) = take_tlv(&mut self.capsules) {
            if kind == CAPSULE_CLOSE_SESSION {
                return true;
            }
        }
        false
    }
}

/// Takes in the bidirectional streams that the peer opens in its session.
pub(super) struct StreamAcceptor {
    connection: Connection,
    session_id: u64,
}

impl StreamAcceptor {
    /// The next stream of the session. Cancelling may lose a stream, so call it to its end.
    pub(super) async fn accept(&self) -> Result<(SendStream, RecvStream), H3Error> {
        loop {
            let (mut send, mut recv) = self.connection.accept_bi().await?;
            let kind = read_varint(&mut recv).await?;
            if kind == FRAME_WEBTRANSPORT_STREAM && read_varint(&mut recv).await? == self.session_id
            {
                return Ok((send, recv));
            }
            let _ = send.reset(H3_REQUEST_REJECTED);
            let _ = recv.stop(H3_REQUEST_REJECTED);
        }
    }
}

async fn send_settings(connection: &Connection) -> Result<SendStream, H3Error> {
    let settings = Settings::builder()
        // No dynamic table: a request has one header section, and there is one request.
        .qpack_max_table_capacity(H3VarInt::from_u32(0))
        .qpack_blocked_streams(H3VarInt::from_u32(0))
        .enable_connect_protocol()
        .enable_webtransport()
        .enable_h3_datagrams()
        .webtransport_max_sessions(H3VarInt::from_u32(1))
        .build();
    let mut bytes = Vec::new();
    StreamHeader::new_control()
        .write(&mut bytes)
        .map_err(|_| H3Error::Protocol("control stream header"))?;
    settings
        .generate_frame()
        .write(&mut bytes)
        .map_err(|_| H3Error::Protocol("settings"))?;
    let mut control = connection.open_uni().await?;
    control.write_all(&bytes).await?;
    Ok(control)
}

/// Reads the peer's control and QPACK streams and ignores what they say; they must stay open (RFC
/// 9114 §6.2.1).
async fn drain_uni_streams(connection: Connection) {
    let mut readers = tokio::task::JoinSet::new();
    while let Ok(mut recv) = connection.accept_uni().await {
        let connection = connection.clone();
        readers.spawn(async move {
            let mut budget = MAX_HOUSEKEEPING_BYTES;
            while let Ok(Some(chunk)) = recv.read_chunk(MAX_FRAME_BYTES, true).await {
                budget = budget.saturating_sub(chunk.bytes.len());
                if budget == 0 {
                    connection.close(
                        H3_GENERAL_PROTOCOL_ERROR,
                        b"too much on a housekeeping stream",
                    );
                    return;
                }
            }
        });
        while readers.try_join_next().is_some() {}
    }
}

/// Reads frames up to the request's HEADERS; unknown ones are skipped (RFC 9114 §9).
async fn read_headers(recv: &mut RecvStream) -> Result<Bytes, H3Error> {
    let mut budget = MAX_FRAME_BYTES;
    loop {
        let kind = read_varint(recv).await?;
        if kind == FRAME_WEBTRANSPORT_STREAM {
            return Err(H3Error::Protocol("stream of a session before its request"));
        }
        let length = usize::try_from(read_varint(recv).await?).unwrap_or(usize::MAX);
        budget = budget
            .checked_sub(length)
            .ok_or(H3Error::Protocol("header section too long"))?;
        let mut payload = vec![0; length];
        recv.read_exact(&mut payload).await?;
        match kind {
            FRAME_HEADERS => return Ok(payload.into()),
            FRAME_DATA => return Err(H3Error::Protocol("DATA before HEADERS")),
            _ => {}
        }
    }
}

async fn write_response(send: &mut SendStream, response: &SessionResponse) -> Result<(), H3Error> {
    let mut bytes = Vec::new();
    response
        .headers()
        .generate_frame()
        .write(&mut bytes)
        .map_err(|_| H3Error::Protocol("response"))?;
    send.write_all(&bytes).await?;
    Ok(())
}

async fn read_varint(recv: &mut RecvStream) -> Result<u64, H3Error> {
    let mut bytes = [0; 8];
    recv.read_exact(&mut bytes[..1]).await?;
    let length = 1 << (bytes[0] >> 6);
    recv.read_exact(&mut bytes[1..length]).await?;
    parse_varint(&bytes[..length])
        .map(|(value, _)| value)
        .ok_or(H3Error::Stream)
}
