//! What the gateway says to an uplink.

use super::{Uplink, UplinkEvent};
use crate::error::InputError;
use crate::send::pacer::{Class, Queued};
use crate::wire::feedback::Feedback;
use crate::wire::keyframe::KeyFrameRequest;
use crate::wire::media::{self, MAX_FRAGMENTS};
use crate::wire::nack::Nack;
use crate::wire::ping::{Ping, Pong};
use crate::wire::{self, Kind};

/// Repetitions beyond so many waiting are left to the next NACK.
const MAX_RETRANSMISSIONS_WAITING: usize = 512;

/// Kept packets looked at for one NACK: as many as the longest frame has. The rest is left to the
/// next one.
const MAX_PACKETS_PER_NACK: usize = MAX_FRAGMENTS as usize;

impl Uplink {
    pub(super) fn on_datagram(&mut self, bytes: &[u8]) -> Result<(), InputError> {
        self.transport.packets_received += 1;
        self.transport.bytes_received += bytes.len() as u64;
        let result = self.read_datagram(bytes);
        match result {
            Err(InputError::Wire(_)) => self.transport.malformed_packets_received += 1,
            Err(_) => self.transport.unexpected_packets_received += 1,
            Ok(()) => {}
        }
        result
    }

    fn read_datagram(&mut self, bytes: &[u8]) -> Result<(), InputError> {
        match wire::kind(bytes)? {
            Kind::Feedback => self
                .congestion
                .on_feedback(self.now, &Feedback::parse(bytes)?),
            Kind::Nack => self.on_nack(&Nack::parse(bytes)?),
            Kind::KeyFrameRequest => self.on_key_frame_request(&KeyFrameRequest::parse(bytes)?),
            Kind::Ping => {
                let mut pong = Vec::new();
                Pong {
                    token: Ping::parse(bytes)?.token,
                }
                .encode(&mut pong);
                self.urgent.push_back(pong);
            }
            Kind::Pong => self.rtt.on_pong(self.now, Pong::parse(bytes)?.token),
            kind @ (Kind::Media | Kind::Repair) => {
                return Err(InputError::UnexpectedKind(kind.byte()));
            }
        }
        Ok(())
    }

    fn on_nack(&mut self, nack: &Nack<'_>) {
        let rtt = self.rtt.rtt();
        let mut left = MAX_PACKETS_PER_NACK;
        for entry in nack
            .distinct()
            .filter(|entry| entry.sender == self.participant)
        {
            let frame = entry.frame();
            let Some(track) = self.tracks.get(&entry.track) else {
                continue;
            };
            let class = if track.config.kind.is_audio() {
                Class::Audio
            } else {
                Class::Retransmission
            };
            for (fragment, datagram) in self.cache.answer(&entry, &mut left) {
                if let Some(layer) = self.layers.get_mut(&frame.stream) {
                    layer.stats.nack_count += 1;
                }
                if self.pacer.waiting(Class::Retransmission) >= MAX_RETRANSMISSIONS_WAITING
                    || !self.repeats.admit(self.now, rtt, frame, fragment)
                {
                    continue;
                }
                let mut datagram = datagram.clone();
                media::mark_rtx(&mut datagram, None);
                self.pacer.push(Queued {
                    class,
                    frame,
                    fragment,
                    last: false,
                    key: false,
                    discardable: false,
                    since: self.now,
                    datagram,
                });
            }
        }
    }

    fn on_key_frame_request(&mut self, request: &KeyFrameRequest<'_>) {
        let rtt = self.rtt.rtt();
        for entry in request
            .distinct()
            .filter(|entry| entry.sender == self.participant)
        {
            let Some(layer) = self.layers.get_mut(&entry.stream_id()) else {
                continue;
            };
            layer.stats.pli_count += 1;
            if layer.admit_key_frame_request(self.now, rtt) {
                self.events
                    .push_back(UplinkEvent::key_frame_requested(entry.stream_id()));
            }
        }
    }
}
