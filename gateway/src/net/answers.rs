//! What keeps a browser's QUIC sending where it loses much.
//!
//! Below our rate control a browser has one of its own, which takes loss for congestion: after loss it sends some four packets and waits until it
//! hears what became of them. If all got lost it hears nothing, since nothing came that could be acknowledged, until its
//! probe timeout ends, each time after twice as long (RFC 9002 §6.2.1). Measured in Chromium at 70 % loss: four sessions let
//! through a fifth of what they do with answers. So
//!
//! - who loses much is sent next to nothing all the time. The browser must acknowledge that; its acknowledgement, which no window holds
//!   back, has a number above those of the packets before; ours for it tells that those are lost, and makes room for others;
//! - short packets, which acknowledgements are, go out several times. QUIC drops those that come again (RFC 9000 §12.3).
//!
//! What the path loses up is taken for what it loses down: who loses nothing on the way up is held back by nothing. Where a queue stands
//! what is lost is what had no room, and there are no answers to make it longer.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use smrtc_engine::wire::ping::Pong;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::forward::Datagram;

/// With less loss, reports thirty times a second do.
const NEEDED_LOSS: f64 = 0.3;

/// From here on as many as there may be are needed.
const MOST_LOSS: f64 = 0.5;

const INTERVAL: Duration = Duration::from_millis(10);

/// So much must have been lost for so long without a queue: what a path that narrows has no room for is soon lost no more, and
/// answers would fill it.
const STEADY: Duration = Duration::from_secs(2);
const QUEUE_NOTICED: Duration = Duration::from_millis(150);

/// Nothing to report for so long: nothing is sent, or next to nothing gets through.
const AFTER_REPORT: Duration = Duration::from_secs(2);

/// No more lanes of a participant are answered at once: a thousand packets a second in all, of 60 to 150 bytes.
const MOST_AT_ONCE: f64 = 10.0;

/// A packet of acknowledgements alone has 30 to 150 bytes; most others are longer.
const SHORT: usize = 200;

/// None of the copies of a packet arrives with this probability, but for [`MOST`].
const MISSED: f64 = 0.35;

/// Of a packet, in all.
const MOST: usize = 6;

/// When to answer a participant.
#[derive(Debug)]
pub(super) struct Answering {
    loss: f64,
    /// No answers before.
    from: Instant,
    until: Instant,
    interval: Interval,
    /// Answers have been given, and their end is still to be told.
    given: bool,
}

impl Answering {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            loss: 0.0,
            from: now,
            until: now,
            interval,
            given: false,
        }
    }

    /// Takes what was reported of what came lately: the share, 0 to 1, that got lost, and by how much the round trip is longer
    /// than the least.
    pub(super) fn on_report(&mut self, loss: f64, queue: Duration) {
        let now = Instant::now();
        self.loss = loss;
        self.until = now + AFTER_REPORT;
        if loss < NEEDED_LOSS || queue > QUEUE_NOTICED {
            self.from = now + STEADY;
        }
    }

    /// Waits until it is time for answers, and says what share gets lost; `None` once when there are to be no more. May be cancelled.
    pub(super) async fn due(&mut self) -> Option<f64> {
        if (self.from..self.until).contains(&Instant::now()) {
            self.interval.tick().await;
            self.given = true;
            return Some(self.loss);
        }
        if !std::mem::take(&mut self.given) {
            std::future::pending::<()>().await;
        }
        None
    }
}

/// How many lanes to answer on at once where the share `loss`, 0 to 1, is lost.
pub(super) fn at_once(loss: f64) -> usize {
    let share = (loss - NEEDED_LOSS) / (MOST_LOSS - NEEDED_LOSS);
    (share * MOST_AT_ONCE).ceil().clamp(1.0, MOST_AT_ONCE) as usize
}

/// Something to acknowledge that says nothing: the answer to a ping that nobody sent.
pub(super) fn nothing() -> Datagram {
    let mut bytes = Vec::new();
    Pong { token: 0 }.encode(&mut bytes);
    Datagram::copy_of(&bytes)
}

/// Who gets short packets more than once, and how often.
#[derive(Debug, Default)]
pub(super) struct Copied(RwLock<HashMap<SocketAddr, usize>>);

impl Copied {
    /// Says what share, 0 to 1, of what comes from `address` gets lost on its way.
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

    /// How often a packet of `bytes` goes out to `address`.
    pub(super) fn times(&self, address: SocketAddr, bytes: usize) -> usize {
        if bytes > SHORT {
            return 1;
        }
        self.of(address)
    }

    /// How often what a host must get goes out, as far as is known from its other sessions.
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

/// How many of a packet make it likely enough that one arrives.
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
    fn more_lanes_are_answered_on_where_more_is_lost() {
        let of = |loss| at_once(f64::from(loss) / 100.0);
        assert_eq!([30, 35, 50, 90].map(of), [1, 3, 10, 10]);
    }

    #[test]
    fn only_short_packets_to_who_loses_much_are_copied() {
        let copied = Copied::default();
        let (peer, other) = (PEER.into(), ([192, 0, 2, 1], 2_000).into());
        copied.set_loss(peer, 0.7);
        assert_eq!(copied.times(peer, 100), 3);
        assert_eq!(copied.times(peer, 1_200), 1);
        assert_eq!(copied.times(other, 100), 1);
        copied.set_loss(peer, 0.1);
        assert_eq!(copied.times(peer, 100), 1);
        assert!(copied.read().is_empty(), "nothing is kept");
    }

    #[test]
    fn a_host_is_known_by_its_worst_session() {
        let copied = Copied::default();
        for (port, loss) in [(1_000, 0.5), (2_000, 0.8), (3_000, 0.0)] {
            copied.set_loss(([192, 0, 2, 1], port).into(), loss);
        }
        let to = |last| copied.times_to_host([192, 0, 2, last].into());
        assert_eq!((to(1), to(2)), (5, 1));
    }
}
