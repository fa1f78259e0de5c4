//! A socket that sends some packets several times: those of handshakes, and short ones to who loses
//! much.
//!
//! QUIC takes a packet that comes again for a repetition by the network and drops it (RFC 9000
//! §12.3), so a copy needs no agreement with the peer.

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

use super::{
    handshake::{Handshakes, Verdict, is_long},
    lossy_peers::LossyPeers,
};

/// What is known of the peers of one socket.
#[derive(Debug)]
pub(super) struct Copies {
    pub(super) handshakes: Handshakes,
    pub(super) lossy: LossyPeers,
}

impl Copies {
    pub(super) fn new() -> Self {
        Self {
            handshakes: Handshakes::new(),
            lossy: LossyPeers::default(),
        }
    }

    fn sent(&self, transmit: &Transmit<'_>) -> Verdict {
        let (address, bytes) = (transmit.destination, transmit.contents.len());
        let is_long = is_long(transmit.contents);
        let at_loss = || self.lossy.times_to_host(address.ip());
        match self.handshakes.sent(address, bytes, is_long, at_loss) {
            Verdict::Times(1) if !is_long && transmit.segment_size.is_none() => {
                Verdict::Times(self.lossy.times(address, bytes))
            }
            other => other,
        }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct CopyingSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    copies: Arc<Copies>,
}

impl CopyingSocket {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>, copies: Arc<Copies>) -> Self {
        Self { socket, copies }
    }
}

impl AsyncUdpSocket for CopyingSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.copies.sent(transmit) {
            Verdict::Times(times) => {
                self.socket.try_send(transmit)?;
                for _ in 1..times {
                    // A copy that finds the socket full is not worth waiting for.
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
            let handshakes = &self.copies.handshakes;
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
