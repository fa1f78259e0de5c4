//! Answers to NACKs: packets that were sent are kept for a while and sent again.

use core::time::Duration;

use super::rate_meter::RateMeter;
use crate::send::pacer::{Class, Queued};
use crate::send::packet_cache::{CacheConfig, PacketCache};
use crate::send::retransmission_gate::RetransmissionGate;
use crate::time::{Bitrate, Instant};
use crate::wire::media;
use crate::wire::nack::NackEntry;

/// What was sent, what of it was sent again, and how much that took.
#[derive(Debug)]
pub(super) struct Retransmitter {
    cache: PacketCache,
    gate: RetransmissionGate,
    sent: RateMeter,
}

/// What one entry of a NACK comes to.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// How many packets it asks for that are kept.
    pub(super) kept: u64,
    /// Those of them to send again now.
    pub(super) packets: Vec<Queued>,
}

impl Retransmitter {
    pub(super) fn new(config: CacheConfig) -> Self {
        Self {
            cache: PacketCache::new(config),
            gate: RetransmissionGate::new(),
            sent: RateMeter::default(),
        }
    }

    /// Keeps a packet that goes out for the first time.
    pub(super) fn keep(&mut self, now: Instant, packet: &Queued) {
        let datagram = packet.datagram.clone();
        self.cache
            .insert(now, packet.frame, packet.fragment, datagram);
    }

    /// Notes that a retransmission of `bytes` goes out.
    pub(super) fn on_sent(&mut self, now: Instant, bytes: usize) {
        self.sent.add(now, bytes as u64);
    }

    /// What retransmissions took in the last second.
    pub(super) fn rate(&mut self, now: Instant) -> Bitrate {
        self.sent.rate(now)
    }

    /// The packets that `entry` asks for, to be queued as `class`, but not those that are under way
    /// already by the round-trip time `rtt`. At most `room` packets of [`Class::Retransmission`].
    /// `left` bounds the work, see [`PacketCache::answer`].
    pub(super) fn answer(
        &mut self,
        now: Instant,
        rtt: Duration,
        entry: &NackEntry,
        class: Class,
        mut room: usize,
        left: &mut usize,
    ) -> Answer {
        let mut answer = Answer::default();
        let frame = entry.frame();
        for (fragment, datagram) in self.cache.answer(entry, left) {
            answer.kept += 1;
            if room == 0 || !self.gate.admit(now, rtt, frame, fragment) {
                continue;
            }
            if class == Class::Retransmission {
                room -= 1;
            }
            let mut datagram = datagram.clone();
            media::mark_rtx(&mut datagram, None);
            answer.packets.push(Queued {
                class,
                frame,
                fragment,
                last: false,
                key: false,
                discardable: false,
                since: now,
                datagram,
            });
        }
        answer
    }

    /// Forgets what was sent of a track.
    pub(super) fn remove_track(&mut self, track: u8) {
        self.cache.remove_track(track);
    }

    /// Bytes kept.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.cache.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TrackId;
    use crate::send::Packetizer;
    use crate::testing::{SENDER, video};

    const RTT: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// A frame of three packets that was sent at 0.
    fn sent() -> Retransmitter {
        let mut retransmitter = Retransmitter::new(CacheConfig::default());
        let header = video(4, 1);
        let sealed = vec![1; 3_000];
        for (fragment, datagram) in (0..).zip(Packetizer::new(header, &sealed).unwrap()) {
            let packet = Queued {
                class: Class::Base,
                frame: header.id(),
                fragment,
                last: fragment == 2,
                key: false,
                discardable: false,
                since: at(0),
                datagram,
            };
            retransmitter.keep(at(0), &packet);
        }
        retransmitter
    }

    fn ask(retransmitter: &mut Retransmitter, ms: u64, room: usize) -> (u64, Vec<u16>) {
        let frame = TrackId::new(SENDER, 1).stream(0).frame(4);
        let entry = NackEntry::whole_frame(frame);
        let class = Class::Retransmission;
        let answer = retransmitter.answer(at(ms), RTT, &entry, class, room, &mut 1_000);
        assert!(answer.packets.iter().all(|of| media::is_rtx(&of.datagram)));
        let fragments = answer.packets.iter().map(|packet| packet.fragment);
        (answer.kept, fragments.collect())
    }

    #[test]
    fn what_is_asked_for_goes_out_marked_and_once_in_a_round_trip() {
        let mut retransmitter = sent();
        assert_eq!(ask(&mut retransmitter, 10, 100), (3, vec![0, 1, 2]));
        assert_eq!(ask(&mut retransmitter, 20, 100), (3, vec![]), "under way");
        assert_eq!(ask(&mut retransmitter, 90, 100), (3, vec![0, 1, 2]));
        retransmitter.remove_track(1);
        assert_eq!(ask(&mut retransmitter, 200, 100), (0, vec![]));
    }

    #[test]
    fn what_finds_no_room_is_answered_by_the_next_nack() {
        let mut retransmitter = sent();
        assert_eq!(ask(&mut retransmitter, 10, 2), (3, vec![0, 1]));
        assert_eq!(ask(&mut retransmitter, 11, 2), (3, vec![2]));
    }
}
