//! Addresses with heavy loss. Short packets to them are sent several times.
//!
//! QUIC's acknowledgements are short, and a lost one is never sent again; see
//! [`crate::net::ack_elicitation`].

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

/// A packet of acknowledgements alone has 30 to 150 bytes; most others are longer.
const SHORT: usize = 200;

/// So many duplicates are sent that all of them get lost with at most this probability, unless that
/// takes more than [`MOST`].
const MISSED: f64 = 0.35;

/// Most times that a packet is sent.
const MOST: usize = 6;

/// How often a short packet is sent, by address; once to all others.
#[derive(Debug, Default)]
pub(super) struct LossyPaths(RwLock<HashMap<SocketAddr, usize>>);

impl LossyPaths {
    /// Sets the share, 0 to 1, of the packets from `address` that get lost on their way.
    pub(super) fn set_loss(&self, address: SocketAddr, loss: f64) {
        let times = times(loss);
        if times == self.of(address) {
            return;
        }
        let mut peers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if times > 1 {
            peers.insert(address, times);
        } else {
            peers.remove(&address);
        }
    }

    /// How often a packet of `bytes` is sent to `address`.
    pub(super) fn times(&self, address: SocketAddr, bytes: usize) -> usize {
        if bytes > SHORT {
            return 1;
        }
        self.of(address)
    }

    /// How often an important packet is sent to a host, as its other sessions suggest.
    pub(super) fn times_to_host(&self, host: IpAddr) -> usize {
        let peers = self.read();
        let of_host = peers.iter().filter(|(address, _)| address.ip() == host);
        of_host.map(|(_, &times)| times).max().unwrap_or(1)
    }

    fn of(&self, address: SocketAddr) -> usize {
        self.read().get(&address).copied().unwrap_or(1)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<SocketAddr, usize>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often to send a packet so that one is likely enough to arrive.
fn times(loss: f64) -> usize {
    if loss <= MISSED {
        return 1;
    }
    let needed = MISSED.ln() / loss.min(0.99).ln();
    (needed.ceil() as usize).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: ([u8; 4], u16) = ([192, 0, 2, 1], 1_000);

    #[test]
    fn more_copies_where_more_is_lost() {
        let of = |loss| times(f64::from(loss) / 100.0);
        assert_eq!([0, 20, 35].map(of), [1, 1, 1]);
        assert_eq!([50, 70, 80, 95, 100].map(of), [2, 3, 5, 6, 6]);
    }

    #[test]
    fn only_short_packets_to_who_loses_much_are_copied() {
        let peers = LossyPaths::default();
        let (peer, other) = (PEER.into(), ([192, 0, 2, 1], 2_000).into());
        peers.set_loss(peer, 0.7);
        assert_eq!(peers.times(peer, 100), 3);
        assert_eq!(peers.times(peer, 1_200), 1);
        assert_eq!(peers.times(other, 100), 1);
        peers.set_loss(peer, 0.1);
        assert_eq!(peers.times(peer, 100), 1);
        assert!(peers.read().is_empty(), "nothing is kept");
    }

    #[test]
    fn a_host_is_known_by_its_worst_session() {
        let peers = LossyPaths::default();
        for (port, loss) in [(1_000, 0.5), (2_000, 0.8), (3_000, 0.0)] {
            peers.set_loss(([192, 0, 2, 1], port).into(), loss);
        }
        let to = |last| peers.times_to_host([192, 0, 2, last].into());
        assert_eq!((to(1), to(2)), (5, 1));
    }
}
