//! Divides the rate of the path among the encoders.

use super::protection::Protection;
use super::simulcast;
use super::tracks::{Track, Tracks};
use super::types::UplinkEvent;
use crate::cc::{Demand, allocate};
use crate::time::{Bitrate, Instant};
use crate::wire::media::{HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::wire::{MAX_DATAGRAM_BYTES, redundancy::REDUNDANT_HEADER_BYTES};

/// What SFrame adds to a frame: a header of up to 17 bytes and a tag of 16, of which 1 + 8 + 3 + 16
/// is usual.
const SEAL_BYTES: u64 = 28;
const AUDIO_FRAMES_PER_SECOND: u64 = 50;
/// The largest share of the rate for audio with its redundancy, as long as the codec gets
/// [`LEAST_AUDIO`].
const AUDIO_SHARE: f64 = 0.25;
/// With this much, speech is still good.
const LEAST_AUDIO: Bitrate = Bitrate::from_kbps(16);
/// The largest share of the rate that is held back from video for retransmissions.
const RETRANSMISSION_SHARE: f64 = 0.5;
/// Encoders are told of a change by more than this share; reconfiguring them for less costs more
/// than it gives.
const NOTABLE_CHANGE: f64 = 0.03;

/// Gives every track its rate, and remembers what the encoders were told.
#[derive(Debug, Default)]
pub(super) struct RateAllocation {
    /// For video and for audio.
    announced: Option<(Bitrate, Bitrate)>,
}

/// Rates of a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// What the path bears.
    pub(super) target: Bitrate,
    /// What retransmissions take of it.
    pub(super) retransmissions: Bitrate,
}

impl RateAllocation {
    /// Tells the encoders anew at the next division, whatever the rates are.
    pub(super) fn announce_again(&mut self) {
        self.announced = None;
    }

    /// Sets the rates of all tracks; the event for the encoders if they changed by enough.
    pub(super) fn divide(
        &mut self,
        now: Instant,
        budget: Budget,
        protection: &Protection,
        tracks: &mut Tracks,
    ) -> Option<UplinkEvent> {
        let audio_cost = AudioCost::new(protection);
        let payload_share = payload_share(protection);
        let Budget { target, .. } = budget;
        let held_back = budget.retransmissions.min(target * RETRANSMISSION_SHARE);
        let demands: Vec<_> = tracks
            .iter()
            .map(|Track { config, .. }| {
                let max = if config.kind.is_audio() {
                    audio_cost.demand(config.max_bitrate, target)
                } else {
                    config.max_bitrate * (1.0 / payload_share)
                };
                let kind = config.kind;
                Demand { kind, max }
            })
            .collect();
        let shares = allocate(target.saturating_sub(held_back), &demands);
        let (mut audio, mut video) = (Bitrate::ZERO, Bitrate::ZERO);
        for (track, share) in tracks.iter_mut().zip(shares) {
            if track.is_audio() {
                track.bitrate = audio_cost.codec_rate(share);
                audio = audio + track.bitrate;
            } else {
                track.bitrate = (share * payload_share).min(track.config.max_bitrate);
                video = video + track.bitrate;
                // A layer that begins or ends is told of at once.
                if simulcast::divide(now, track.bitrate, &mut track.shares) {
                    self.announced = None;
                }
            }
        }
        let told = self.announced.is_some_and(|(told_video, told_audio)| {
            !changed(told_video, video) && !changed(told_audio, audio)
        });
        if told || tracks.is_empty() {
            return None;
        }
        self.announced = Some((video, audio));
        Some(UplinkEvent::TargetBitrate { video, audio })
    }
}

/// The rate of the path at which the next layer of a track would begin, if one is not sent.
/// `target` is what the path bears now.
pub(super) fn next_layer_rate(
    target: Bitrate,
    protection: &Protection,
    tracks: &Tracks,
) -> Option<Bitrate> {
    let lacking = |track: &Track| {
        let wanted = simulcast::wanted(&track.shares)?;
        Some(wanted.saturating_sub(track.bitrate))
    };
    let lacking = tracks.iter().filter_map(lacking).min()?;
    // The video tracks share what there is more.
    let videos = tracks.iter().filter(|track| !track.is_audio()).count();
    Some(target + lacking * (videos as f64 / payload_share(protection)))
}

/// The encoder's share of the rate of a video track; the rest is headers and repair packets.
fn payload_share(protection: &Protection) -> f64 {
    MAX_PAYLOAD_BYTES as f64 / MAX_DATAGRAM_BYTES as f64 / (1.0 + protection.overhead())
}

fn changed(old: Bitrate, new: Bitrate) -> bool {
    old.as_bps().abs_diff(new.as_bps()) as f64 > old.as_bps() as f64 * NOTABLE_CHANGE
}

/// What a track of audio takes on the path beside its codec's rate.
struct AudioCost {
    /// Times that a frame is sent, redundancy included.
    copies: f64,
    /// Headers and seals.
    overhead: Bitrate,
}

impl AudioCost {
    fn new(protection: &Protection) -> Self {
        let redundant = protection.audio_redundancy() as u64;
        let redundant_bytes = redundant * (SEAL_BYTES + REDUNDANT_HEADER_BYTES as u64);
        let bytes = HEADER_BYTES as u64 + SEAL_BYTES + redundant_bytes;
        Self {
            copies: (1 + redundant) as f64,
            overhead: Bitrate::from_bps(bytes * 8 * AUDIO_FRAMES_PER_SECOND),
        }
    }

    /// What a track asks for that encodes at no more than `max`. Redundancy multiplies the codec's
    /// rate, so that sinks before audio crowds out video.
    fn demand(&self, max: Bitrate, target: Bitrate) -> Bitrate {
        let most = (target * AUDIO_SHARE).saturating_sub(self.overhead);
        let codec = (most * (1.0 / self.copies)).max(LEAST_AUDIO);
        max.min(codec) * self.copies + self.overhead
    }

    /// The codec's part of the rate that a track was given.
    fn codec_rate(&self, share: Bitrate) -> Bitrate {
        share.saturating_sub(self.overhead) * (1.0 / self.copies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::uplink::{LayerConfig, ProtectionConfig, TrackConfig};
    use crate::wire::media::MediaKind;

    fn call() -> Tracks {
        let mut tracks = Tracks::default();
        let tracks_of = [(0, MediaKind::Audio, 32), (1, MediaKind::Video, 2_000)];
        for (number, kind, kbps) in tracks_of {
            let max_bitrate = Bitrate::from_kbps(kbps);
            tracks.set(number, TrackConfig { kind, max_bitrate });
        }
        tracks
    }

    fn budget(target: u64, retransmissions: u64) -> Budget {
        Budget {
            target: Bitrate::from_kbps(target),
            retransmissions: Bitrate::from_kbps(retransmissions),
        }
    }

    #[test]
    fn encoders_are_told_of_changes_worth_a_reconfiguration_and_when_asked_to() {
        let protection = Protection::new(ProtectionConfig::default());
        let (mut allocation, mut tracks) = (RateAllocation::default(), call());
        let mut told = |allocation: &mut RateAllocation, kbps| {
            let event = allocation.divide(Instant::ZERO, budget(kbps, 0), &protection, &mut tracks);
            event.is_some()
        };
        assert!(told(&mut allocation, 1_000));
        assert!(!told(&mut allocation, 1_010));
        assert!(told(&mut allocation, 1_100));
        allocation.announce_again();
        assert!(told(&mut allocation, 1_100));
    }

    #[test]
    fn retransmissions_take_from_video_and_no_more_than_half() {
        let protection = Protection::new(ProtectionConfig::default());
        let (mut allocation, mut tracks) = (RateAllocation::default(), call());
        let mut video = |retransmissions| {
            let budget = budget(1_000, retransmissions);
            allocation.divide(Instant::ZERO, budget, &protection, &mut tracks);
            assert_eq!(tracks.get(0).unwrap().bitrate, Bitrate::from_kbps(32));
            tracks.get(1).unwrap().bitrate.as_bps() / 1_000
        };
        let (none, some, most) = (video(0), video(200), video(900));
        assert!(none > some && some > most, "{none}, {some}, {most}");
        assert_eq!(most, video(500));
    }

    #[test]
    fn the_next_layer_needs_what_its_track_lacks_and_its_packets_take() {
        let protection = Protection::new(ProtectionConfig::default());
        let (mut allocation, mut tracks) = (RateAllocation::default(), call());
        let target = Bitrate::from_kbps(300);
        assert_eq!(next_layer_rate(target, &protection, &tracks), None);
        let layer = |min, max| LayerConfig {
            min_bitrate: Bitrate::from_kbps(min),
            max_bitrate: Bitrate::from_kbps(max),
        };
        tracks.set_layers(1, &[layer(30, 150), layer(400, 1_000)]);
        allocation.divide(Instant::ZERO, budget(300, 0), &protection, &mut tracks);
        let wanted = next_layer_rate(target, &protection, &tracks).unwrap();
        let kbps = wanted.as_bps() / 1_000;
        assert!((650..750).contains(&kbps), "{kbps} for 150 + 1.15 × 400");
    }
}
