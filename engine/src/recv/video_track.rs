//! One video track: its spatial layers, which of them is shown, when, and when a key frame must be
//! asked for.
//!
//! The gateway forwards one layer of a track at a time and changes it at key frames. So the layer
//! shown changes when a newer key frame of another one can be decoded, and what is left of the old
//! one is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use super::playout_delay::{PlayoutDelay, PlayoutDelayConfig};
use super::{BufferedFrame, FreezeMeter, JitterBufferConfig, KeyFrameRequester, VideoJitterBuffer};
use crate::stats::DropReason;
use crate::sync::{PlayoutClock, SyncConfig, VideoSync};
use crate::time::{Instant, MediaTime};
use crate::wire::media::FrameHeader;

/// How video waits.
#[derive(Clone, Copy, Debug)]
pub struct VideoConfig {
    /// Bounds of the buffer of each spatial layer.
    pub buffer: JitterBufferConfig,
    /// How playout smooths jitter.
    pub playout: PlayoutDelayConfig,
    /// How video frames follow audio.
    pub sync: SyncConfig,
    /// How long a stream that never began waits for the key frame that may have been overtaken.
    /// Default 10 ms.
    pub reorder_window: Duration,
    /// A stream that has begun waits four round trips and 100 ms for what is missing before it asks
    /// for a key frame, but at least this. Default 200 ms.
    pub min_hold: Duration,
    /// Longest hold. Default 1 s.
    pub max_hold: Duration,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self {
            buffer: JitterBufferConfig::default(),
            playout: PlayoutDelayConfig::default(),
            sync: SyncConfig::default(),
            reorder_window: Duration::from_millis(10),
            min_hold: Duration::from_millis(200),
            max_hold: Duration::from_secs(1),
        }
    }
}

#[derive(Debug)]
pub(super) struct VideoTrack {
    config: VideoConfig,
    layers: BTreeMap<u8, Layer>,
    /// The layer of the last frame handed on.
    shown: Option<u8>,
    /// The layer that a packet came for last: what the gateway sends.
    sent: u8,
    playout: PlayoutDelay,
    sync: VideoSync,
    pub(super) freeze: FreezeMeter,
    last_media_time: Option<MediaTime>,
    last_render: Instant,
    dropped: Vec<(FrameHeader, DropReason)>,
}

#[derive(Debug)]
struct Layer {
    buffer: VideoJitterBuffer,
    requester: KeyFrameRequester,
}

/// Frames of a layer that is not shown wait so long for their key frame.
const OTHER_LAYER_WAIT: Duration = Duration::from_secs(1);

impl VideoTrack {
    pub(super) fn new(config: VideoConfig) -> Self {
        Self {
            config,
            layers: BTreeMap::new(),
            shown: None,
            sent: 0,
            playout: PlayoutDelay::new(config.playout),
            sync: VideoSync::new(config.sync),
            freeze: FreezeMeter::default(),
            last_media_time: None,
            last_render: Instant::ZERO,
            dropped: Vec::new(),
        }
    }

    /// Whether a frame would come too late to be of use, judged by its header.
    pub(super) fn is_late(&self, header: &FrameHeader) -> bool {
        self.layers
            .get(&header.spatial)
            .is_some_and(|layer| layer.buffer.is_late(header))
    }

    /// A packet of a new frame came.
    pub(super) fn on_packet(&mut self, now: Instant, header: &FrameHeader, rtt: Duration) {
        let layer = self.layer(header.spatial);
        if header.key && !layer.buffer.is_late(header) {
            layer.requester.on_key_packet(now, rtt);
        }
    }

    /// A frame was opened; it was whole at `arrival`.
    pub(super) fn insert(&mut self, frame: BufferedFrame, arrival: Instant) {
        let header = frame.header;
        let newer = self
            .last_media_time
            .is_none_or(|last| header.media_time.micros_since(last) > 0);
        if !newer && self.shown.is_some_and(|shown| shown != header.spatial) {
            self.dropped.push((header, DropReason::OtherLayer));
            return;
        }
        if newer {
            // A key frame takes longer because it is large, and is too rare to delay every other
            // frame for it.
            if !header.key {
                self.playout.on_frame(arrival, header.media_time);
            }
            self.sent = header.spatial;
        }
        let now = frame.inserted;
        self.layer(header.spatial).buffer.insert(frame);
        for (&spatial, layer) in &mut self.layers {
            if self.shown.is_some_and(|shown| shown != spatial) {
                layer
                    .buffer
                    .drop_older(now - OTHER_LAYER_WAIT, DropReason::OtherLayer);
            }
            self.dropped.append(&mut layer.buffer.take_dropped());
        }
    }

    /// A frame came that could not be opened.
    pub(super) fn on_lost(&mut self, header: &FrameHeader) {
        let layer = self.layer(header.spatial);
        layer.buffer.on_lost(header.frame_id);
        if header.key {
            layer.requester.on_key_lost();
        }
    }

    /// The decoder failed and has to begin with a key frame.
    pub(super) fn on_decode_failed(&mut self) {
        if let Some(layer) = self.shown.and_then(|shown| self.layers.get_mut(&shown)) {
            layer.buffer.on_decoder_reset();
        }
    }

    /// The next frame to decode and when to show it. `expected` gives the unfinished frames of a
    /// layer.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        clock: &PlayoutClock,
        expected: &impl Fn(u8) -> Vec<u32>,
    ) -> Option<(BufferedFrame, Instant)> {
        let frame = self
            .poll_other_layers(now, expected)
            .or_else(|| self.poll_layer(now, self.shown?, expected))?;
        let media_time = frame.header.media_time;
        self.last_media_time = Some(media_time);
        let ready = self
            .playout
            .playout_time(media_time)
            .min(now + self.config.playout.max)
            .max(now);
        let aligned = self.sync.align(clock, now, media_time, ready);
        let render_at = aligned
            .max(self.last_render)
            .min(now + self.config.playout.max + self.config.sync.max_delay);
        self.last_render = render_at;
        Some((frame, render_at))
    }

    fn poll_other_layers(
        &mut self,
        now: Instant,
        expected: &impl Fn(u8) -> Vec<u32>,
    ) -> Option<BufferedFrame> {
        let others: Vec<u8> = self
            .layers
            .keys()
            .copied()
            .filter(|&spatial| self.shown != Some(spatial))
            .collect();
        for spatial in others {
            let Some(layer) = self.layers.get_mut(&spatial) else {
                continue;
            };
            let newer = layer.buffer.first_key().map(|key| {
                self.last_media_time
                    .is_none_or(|last| key.micros_since(last) > 0)
            });
            if newer == Some(false) {
                layer.buffer.clear(DropReason::OtherLayer);
                self.dropped.append(&mut layer.buffer.take_dropped());
            }
            if let Some(frame) = self.poll_layer(now, spatial, expected) {
                if let Some(old) = self
                    .shown
                    .replace(spatial)
                    .and_then(|old| self.layers.get_mut(&old))
                {
                    old.buffer.clear(DropReason::OtherLayer);
                    self.dropped.append(&mut old.buffer.take_dropped());
                }
                return Some(frame);
            }
        }
        None
    }

    fn poll_layer(
        &mut self,
        now: Instant,
        spatial: u8,
        expected: &impl Fn(u8) -> Vec<u32>,
    ) -> Option<BufferedFrame> {
        let playout = &self.playout;
        let layer = self.layers.get_mut(&spatial)?;
        let frame = layer.buffer.poll(now, &expected(spatial), |media_time| {
            playout.playout_time(media_time)
        });
        self.dropped.append(&mut layer.buffer.take_dropped());
        if let Some(frame) = &frame {
            layer.requester.satisfied(frame.header.key);
        }
        frame
    }

    /// The layer to ask a key frame for now, if any.
    pub(super) fn poll_key_frame_request(&mut self, now: Instant, rtt: Duration) -> Option<u8> {
        let hold_until = self.hold_until(rtt);
        let layer = self.layers.get_mut(&self.sent)?;
        if layer.buffer.is_hopeless() || hold_until.is_some_and(|until| now >= until) {
            layer.requester.want();
        }
        layer.requester.poll(now, rtt).then_some(self.sent)
    }

    /// Until when what is missing may still come.
    fn hold_until(&self, rtt: Duration) -> Option<Instant> {
        let buffer = &self.layers.get(&self.sent)?.buffer;
        let hold = if buffer.has_begun() {
            (rtt * 4 + Duration::from_millis(100)).clamp(self.config.min_hold, self.config.max_hold)
        } else {
            self.config.reorder_window
        };
        buffer.blocked_since().map(|since| since + hold)
    }

    /// When something happens by itself; `requests` says whether key frames may be asked for.
    pub(super) fn next_timeout(
        &self,
        rtt: Duration,
        requests: bool,
        expected: &impl Fn(u8) -> Vec<u32>,
    ) -> Option<Instant> {
        let waiting = self
            .layers
            .iter()
            .filter(|(_, layer)| !layer.buffer.is_empty());
        let frame = waiting
            .filter_map(|(&spatial, layer)| {
                layer.buffer.next_timeout(&expected(spatial), |media_time| {
                    self.playout.playout_time(media_time)
                })
            })
            .min();
        let request = self
            .layers
            .get(&self.sent)
            .filter(|_| requests)
            .and_then(|layer| {
                if layer.requester.is_wanted() {
                    layer.requester.next_timeout(rtt)
                } else {
                    self.hold_until(rtt)
                }
            });
        [frame, request, self.freeze.next_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn take_dropped(&mut self) -> Vec<(FrameHeader, DropReason)> {
        std::mem::take(&mut self.dropped)
    }

    /// Frames held.
    pub(super) fn held(&self) -> usize {
        self.layers.values().map(|layer| layer.buffer.len()).sum()
    }

    pub(super) fn target_delay(&self) -> Duration {
        self.playout.target()
    }

    pub(super) fn sync(&self) -> &VideoSync {
        &self.sync
    }

    fn layer(&mut self, spatial: u8) -> &mut Layer {
        let config = self.config.buffer;
        self.layers.entry(spatial).or_insert_with(|| Layer {
            buffer: VideoJitterBuffer::new(config),
            requester: KeyFrameRequester::default(),
        })
    }
}
