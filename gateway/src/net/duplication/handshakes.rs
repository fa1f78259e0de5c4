//! Packets of a handshake are sent three times, and more often to a host with heavy loss.
//!
//! A browser gives up a handshake after some seconds. If seven in ten packets get lost each way, a
//! flight of two packets arrives complete one time in eleven, and QUIC repeats it ever more slowly,
//! so that hardly any handshake ends in time. Of three packets one arrives two times in three, of
//! six nine times in ten. This costs a few kilobytes for each connection, and nothing after the
//! handshake.
//!
//! Until an address is validated, a server must not send more than three times the bytes that came
//! from it (RFC 9000 §8.1); otherwise an attacker with a forged address could use it to flood
//! somebody else. quinn keeps this limit for what it sends, but does not know of the duplicates. So
//! all bytes are counted here: an address has a credit, duplicates are sent only within it, and a
//! packet of the handshake beyond it is dropped.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::BuildHasher,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How often a packet of a handshake is sent, duplicates included.
const TIMES: usize = 3;

/// Bytes that may be sent to an address that is not validated, for each byte that came from it.
const AMPLIFICATION: usize = 3;

/// Credit in bytes kept for what quinn may send beside the handshake before it is over: HTTP/3's
/// settings.
const RESERVE: usize = 300;

/// Packets after the handshake that are sent several times too. They carry HTTP/3's settings and
/// the answer to CONNECT, without which there is no session.
const FIRST_PACKETS: u8 = 8;

/// The same on a path with heavy loss.
const FIRST_PACKETS_AT_LOSS: u8 = 24;

/// Handshakes that are followed at a time. If two have the same place, the newer displaces the
/// older, which goes on without duplicates.
const PLACES: usize = 1_024;

/// The bit of long headers, which packets of handshakes have (RFC 9000 §17.2).
const LONG_HEADER: u8 = 0x80;

/// What to do with a packet that quinn sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it so many times.
    Times(usize),
    /// Drop it: the address has no credit left for it.
    Lost,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The address is not validated; so many bytes may still be sent.
    Unproved { credit: usize },
    /// The handshake is over; so many packets have been sent since.
    Proved { sent: u8 },
}

/// The handshakes under way, by the peer's address.
pub(super) struct Handshakes {
    places: Mutex<Vec<Option<(SocketAddr, State)>>>,
    /// Seeded at random, so that nobody outside can tell which addresses share a place.
    hasher: RandomState,
}

impl Handshakes {
    pub(super) fn new() -> Self {
        Self {
            places: Mutex::new(vec![None; PLACES]),
            hasher: RandomState::new(),
        }
    }

    /// Notes that the handshake with `address` is over, which validates the address.
    pub(super) fn proved(&self, address: SocketAddr) {
        let state = State::Proved { sent: 0 };
        *self.place(&mut self.places(), address) = Some((address, state));
    }

    /// Notes a packet from `address`.
    pub(super) fn received(&self, address: SocketAddr, bytes: usize, is_long: bool) {
        let mut places = self.places();
        let place = self.place(&mut places, address);
        match place {
            Some((known, State::Unproved { credit })) if *known == address => {
                *credit += AMPLIFICATION * bytes;
            }
            Some((known, State::Proved { .. })) if *known == address => {}
            _ if is_long => {
                let credit = AMPLIFICATION * bytes;
                *place = Some((address, State::Unproved { credit }));
            }
            _ => {}
        }
    }

    /// What to do with a packet to `address`. `at_loss` says how often it should be sent for the
    /// loss of its host.
    pub(super) fn sent(
        &self,
        address: SocketAddr,
        bytes: usize,
        is_long: bool,
        at_loss: impl FnOnce() -> usize,
    ) -> Verdict {
        let mut places = self.places();
        let state = match self.place(&mut places, address) {
            Some((known, state)) if *known == address => state,
            _ => return Verdict::Times(1),
        };
        match state {
            State::Unproved { credit } => {
                if is_long && bytes > *credit {
                    return Verdict::Lost;
                }
                *credit = credit.saturating_sub(bytes);
                if !is_long {
                    return Verdict::Times(1);
                }
                let affordable = credit.saturating_sub(RESERVE) / bytes.max(1);
                let copies = affordable.min(at_loss().max(TIMES) - 1);
                *credit -= copies * bytes;
                Verdict::Times(1 + copies)
            }
            State::Proved { sent } if *sent < FIRST_PACKETS_AT_LOSS => {
                *sent += 1;
                let least = if *sent <= FIRST_PACKETS { TIMES } else { 1 };
                Verdict::Times(at_loss().max(least))
            }
            State::Proved { .. } => Verdict::Times(1),
        }
    }

    fn places(&self) -> MutexGuard<'_, Vec<Option<(SocketAddr, State)>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place<'a>(
        &self,
        places: &'a mut [Option<(SocketAddr, State)>],
        address: SocketAddr,
    ) -> &'a mut Option<(SocketAddr, State)> {
        let number = self.hasher.hash_one(address) as usize % places.len();
        &mut places[number]
    }
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshakes").finish_non_exhaustive()
    }
}

/// Whether a packet, or the first of several, belongs to a handshake.
pub(super) fn is_long(packets: &[u8]) -> bool {
    packets
        .first()
        .is_some_and(|first| first & LONG_HEADER != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: ([u8; 4], u16) = ([192, 0, 2, 1], 1_000);

    fn peer() -> SocketAddr {
        PEER.into()
    }

    fn clean() -> usize {
        1
    }

    #[test]
    fn a_flight_goes_out_three_times_where_the_credit_allows_it() {
        let handshakes = Handshakes::new();
        handshakes.received(peer(), 2_400, true);
        assert_eq!(
            handshakes.sent(peer(), 1_200, true, clean),
            Verdict::Times(3)
        );
        assert_eq!(handshakes.sent(peer(), 900, true, clean), Verdict::Times(3));
    }

    #[test]
    fn an_address_that_is_not_proved_gets_no_more_than_three_times_what_came_from_it() {
        for came in [0, 100, 1_200, 1_250, 3_000] {
            for length in [60, 700, 1_200] {
                let handshakes = Handshakes::new();
                handshakes.received(peer(), came, true);
                let went: usize = (0..100)
                    .map(|_| match handshakes.sent(peer(), length, true, clean) {
                        Verdict::Times(times) => times * length,
                        Verdict::Lost => 0,
                    })
                    .sum();
                assert!(went <= 3 * came, "{went} for {came}");
                assert!(
                    went + length > 3 * came,
                    "{went} for {came}: the credit is there to be used"
                );
            }
        }
    }

    #[test]
    fn the_first_packets_after_a_handshake_go_out_three_times_and_then_no_more() {
        let handshakes = Handshakes::new();
        handshakes.received(peer(), 1_200, true);
        handshakes.proved(peer());
        for _ in 0..FIRST_PACKETS {
            assert_eq!(handshakes.sent(peer(), 60, false, clean), Verdict::Times(3));
        }
        assert_eq!(
            handshakes.sent(peer(), 1_200, false, clean),
            Verdict::Times(1)
        );
        // Late packets of the handshake do not begin another.
        handshakes.received(peer(), 1_200, true);
        assert_eq!(
            handshakes.sent(peer(), 1_200, false, clean),
            Verdict::Times(1)
        );
    }

    #[test]
    fn a_host_that_loses_much_gets_more_but_not_beyond_its_credit() {
        let handshakes = Handshakes::new();
        handshakes.received(peer(), 2_400, true);
        assert_eq!(
            handshakes.sent(peer(), 1_000, true, || 6),
            Verdict::Times(6)
        );
        assert_eq!(
            handshakes.sent(peer(), 1_000, true, || 6),
            Verdict::Times(1)
        );
        assert_eq!(handshakes.sent(peer(), 1_000, true, || 6), Verdict::Lost);
        handshakes.proved(peer());
        for _ in 0..FIRST_PACKETS_AT_LOSS {
            assert_eq!(handshakes.sent(peer(), 60, false, || 6), Verdict::Times(6));
        }
        assert_eq!(handshakes.sent(peer(), 60, false, || 6), Verdict::Times(1));
    }

    #[test]
    fn who_is_not_known_is_sent_everything_once() {
        let handshakes = Handshakes::new();
        handshakes.received(peer(), 1_200, false);
        for is_long in [true, false] {
            assert_eq!(
                handshakes.sent(peer(), 1_200, is_long, clean),
                Verdict::Times(1)
            );
        }
    }

    #[test]
    fn many_addresses_are_followed_in_bounded_memory() {
        let handshakes = Handshakes::new();
        for number in 0..50_000u32 {
            let address = SocketAddr::from((number.to_be_bytes(), 443));
            handshakes.received(address, 1_200, true);
            assert_eq!(
                handshakes.sent(address, 1_000, true, clean),
                Verdict::Times(3)
            );
        }
        assert_eq!(handshakes.places().len(), PLACES);
    }
}
