//! A UDP socket that sends some packets several times: those of handshakes, and short ones on paths
//! with heavy loss.
//!
//! A QUIC endpoint drops a packet that it has received before (RFC 9000 §12.3), so duplicates need
//! no agreement with the peer.

mod handshakes;
mod lossy_paths;

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};

use handshakes::{Handshakes, Verdict, is_long};
use lossy_paths::LossyPaths;

/// Which packets of one socket are sent several times.
#[derive(Debug)]
pub(super) struct Duplication {
    handshakes: Handshakes,
    lossy_paths: LossyPaths,
}

impl Duplication {
    pub(super) fn new() -> Self {
        Self {
            handshakes: Handshakes::new(),
            lossy_paths: LossyPaths::default(),
        }
    }

    /// The handshake with `address` is over, which proves that the peer is there.
    pub(super) fn handshake_done(&self, address: SocketAddr) {
        self.handshakes.proved(address);
    }

    /// Sets the share, 0 to 1, of what comes from `address` that gets lost on its way.
    pub(super) fn set_loss(&self, address: SocketAddr, share: f64) {
        self.lossy_paths.set_loss(address, share);
    }

    fn sent(&self, transmit: &Transmit<'_>) -> Verdict {
        let (address, bytes) = (transmit.destination, transmit.contents.len());
        let is_long = is_long(transmit.contents);
        let at_loss = || self.lossy_paths.times_to_host(address.ip());
        match self.handshakes.sent(address, bytes, is_long, at_loss) {
            Verdict::Times(1) if !is_long && transmit.segment_size.is_none() => {
                Verdict::Times(self.lossy_paths.times(address, bytes))
            }
            other => other,
        }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct DuplicatingSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    peers: Arc<Duplication>,
}

impl DuplicatingSocket {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>, peers: Arc<Duplication>) -> Self {
        Self { socket, peers }
    }
}

impl AsyncUdpSocket for DuplicatingSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.peers.sent(transmit) {
            Verdict::Times(times) => {
                self.socket.try_send(transmit)?;
                for _ in 1..times {
                    // A duplicate that finds the socket full is dropped; waiting for it would delay
                    // the next packet.
                    let _ = self.socket.try_send(transmit);
                }
                Ok(())
            }
            Verdict::Lost => Ok(()),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.socket.poll_recv(cx, bufs, meta))?;
        for (buf, meta) in bufs.iter().zip(meta.iter()).take(count) {
            let is_long = is_long(&buf[..meta.len]);
            let handshakes = &self.peers.handshakes;
            handshakes.received(meta.addr, meta.len, is_long);
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}
