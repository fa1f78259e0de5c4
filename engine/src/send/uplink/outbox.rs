//! What an uplink has to say: datagrams that wait for no turn, and events.

use std::collections::VecDeque;

use super::types::UplinkEvent;
use crate::error::InputError;
use crate::stats::TransportStats;
use crate::wire::ping::{Ping, Pong};

/// Datagrams and events in order, and the counts of the session's datagrams.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    urgent: VecDeque<Vec<u8>>,
    events: VecDeque<UplinkEvent>,
    /// Only what is counted here is set.
    pub(super) counters: TransportStats,
}

impl Outbox {
    pub(super) fn ping(&mut self, token: u64) {
        let mut datagram = Vec::new();
        Ping { token }.encode(&mut datagram);
        self.urgent.push_back(datagram);
    }

    pub(super) fn pong(&mut self, token: u64) {
        let mut datagram = Vec::new();
        Pong { token }.encode(&mut datagram);
        self.urgent.push_back(datagram);
    }

    pub(super) fn tell(&mut self, events: impl IntoIterator<Item = UplinkEvent>) {
        self.events.extend(events);
    }

    pub(super) fn pop_urgent(&mut self) -> Option<Vec<u8>> {
        self.urgent.pop_front()
    }

    pub(super) fn pop_event(&mut self) -> Option<UplinkEvent> {
        self.events.pop_front()
    }

    pub(super) fn count_sent(&mut self, bytes: usize) {
        self.counters.packets_sent += 1;
        self.counters.bytes_sent += bytes as u64;
    }

    /// Counts a datagram that came, with what became of it.
    pub(super) fn count_received(&mut self, bytes: usize, result: &Result<(), InputError>) {
        self.counters.packets_received += 1;
        self.counters.bytes_received += bytes as u64;
        match result {
            Err(InputError::Wire(_)) => self.counters.malformed_packets_received += 1,
            Err(_) => self.counters.unexpected_packets_received += 1,
            Ok(()) => {}
        }
    }
}
