//! What a downlink keeps of each track and of each participant.

use crate::ids::TrackId;
use crate::recv::DecryptState;
use crate::recv::video_track::{VideoConfig, VideoTrack};
use crate::stats::{InboundStats, seconds};
use crate::sync::{AudioSyncDelay, PlayoutClock};
use crate::time::{Instant, MediaTime};
use crate::wire::media::MediaKind;

/// One participant whose tracks are received.
#[derive(Debug, Default)]
pub(super) struct Participant {
    pub(super) clock: PlayoutClock,
    pub(super) audio_delay: AudioSyncDelay,
    pub(super) decrypt: DecryptState,
}

/// One track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) kind: MediaKind,
    pub(super) counters: InboundStats,
    /// `None` for audio, which waits elsewhere.
    pub(super) video: Option<VideoTrack>,
    pub(super) paused: bool,
    /// How far back, in frames, the copies in the latest packet of audio go.
    pub(super) copies: u8,
    jitter: InterarrivalJitter,
}

impl Track {
    pub(super) fn new(id: TrackId, kind: MediaKind, config: VideoConfig) -> Self {
        let counters = InboundStats {
            kind: if kind.is_audio() { "audio" } else { "video" },
            sender: id.sender,
            track: id.number,
            ..InboundStats::default()
        };
        let video = (!kind.is_audio()).then(|| VideoTrack::new(config));
        Self {
            kind,
            counters,
            video,
            paused: false,
            copies: 0,
            jitter: InterarrivalJitter::default(),
        }
    }

    /// The first packet of a frame came.
    pub(super) fn on_first_packet(&mut self, now: Instant, media_time: MediaTime) {
        self.counters.frames_seen += 1;
        self.jitter.on_packet(now, media_time);
        self.counters.jitter = self.jitter.micros / 1e6;
    }

    /// A frame was handed on to be shown at `render_at`.
    pub(super) fn on_video(
        &mut self,
        key: bool,
        spatial: u8,
        first_arrival: Instant,
        render_at: Instant,
    ) {
        self.counters.spatial = spatial;
        self.counters.frames_delivered += 1;
        self.counters.key_frames_decoded += u64::from(key);
        self.counters.jitter_buffer_emitted_count += 1;
        self.counters.jitter_buffer_delay += seconds(render_at - first_arrival);
    }
}

/// RFC 3550 §6.4.1 and Appendix A.8, over the first packets of frames.
#[derive(Debug, Default)]
struct InterarrivalJitter {
    last: Option<(Instant, MediaTime)>,
    micros: f64,
}

impl InterarrivalJitter {
    fn on_packet(&mut self, now: Instant, media_time: MediaTime) {
        if let Some((arrival, media)) = self.last.replace((now, media_time)) {
            let difference =
                (now - arrival).as_micros() as f64 - media_time.micros_since(media) as f64;
            // A clock that was set, or a forged time, is no jitter.
            if difference.abs() < 10e6 {
                self.micros += (difference.abs() - self.micros) / 16.0;
            }
        }
    }
}
