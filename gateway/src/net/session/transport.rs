//! What a session needs of its transport; WebTransport and WebSocket are the two that there are.

use std::time::Duration;

use bytes::Bytes;
use smrtc_engine::{time::Bitrate, wire::CloseCode};

use crate::{
    forward::Datagram,
    net::{session_end::SessionEnd, session_handle::SessionHandle},
};

/// What came from a peer.
pub(in crate::net) enum Received {
    /// A piece of the control stream.
    Control(Bytes),
    /// The batch holds datagrams, or none where the peer only showed that it is there.
    Datagrams,
    /// The peer ended the session, or is gone.
    Gone,
    /// The peer broke the rules of the transport.
    Violation(CloseCode, &'static str),
}

/// The transport is closed, so that nobody can be told anything.
#[derive(Debug)]
pub(in crate::net) struct Gone;

/// The receiving half of a transport.
pub(in crate::net) trait Receive: Send {
    /// Waits for something from the peer. Appends to `batch` all datagrams that are there, up to a
    /// limit. May be cancelled.
    fn receive(&mut self, batch: &mut Vec<Datagram>) -> impl Future<Output = Received> + Send;

    /// The round-trip time, where the transport knows it.
    fn rtt(&self) -> Option<Duration>;

    /// By how much the round trip is longer than the shortest; zero where the transport does not
    /// know it.
    fn queuing_delay(&self) -> Duration;

    /// Tells the transport at what rate it is going to be given datagrams.
    fn set_media_rate(&self, rate: Bitrate);
}

/// The sending half of a transport.
pub(in crate::net) trait Transmit: Send + 'static {
    /// Sends a piece of the control stream.
    fn control(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Sends a datagram, once there is room for it.
    fn datagram(&mut self, datagram: &Datagram) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Waits until the session has something to send, and keeps the connection alive meanwhile.
    fn idle(&mut self, handle: &SessionHandle) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Ends the session with a code that the peer sees.
    fn close(self, end: SessionEnd) -> impl Future<Output = ()> + Send;
}
