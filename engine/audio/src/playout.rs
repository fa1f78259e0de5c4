//! The way in: Opus packets of every source in, one mixed signal for the loudspeaker out.
//!
//! Not the place of retransmission, decryption or lip sync: packets come here as soon as they are
//! opened, and [`Playout::position`] tells the host how far each source has been played.

mod limiter;

use std::collections::BTreeMap;
use std::time::Duration;

use limiter::Limiter;
use smrtc_engine::time::{Instant, MediaTime};

use crate::BLOCK_SAMPLES;
use crate::neteq::{AudioReceiveStats, DelayLimits, Neteq, Operation};

/// Names a source; the host picks the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u64);

/// How to start a [`Playout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutConfig {
    /// Least target delay of the jitter buffer. Default 20 ms, the least at which a lost frame can
    /// be recovered from the next packet.
    pub min_delay: Duration,
    /// Greatest target delay, whatever the jitter. Default 300 ms.
    pub max_delay: Duration,
    /// Target delay until enough packets have come to know better. Default 30 ms.
    pub start_delay: Duration,
    /// Whether the target delay follows the jitter. If not, it stays at [`Self::start_delay`] and
    /// audio is never stretched: a plain buffer, to compare with. Default yes.
    pub adaptive: bool,
    /// Sources kept at once; packets of further ones are ignored. Default 64, at about 60 kB each.
    pub max_sources: usize,
}

impl Default for PlayoutConfig {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(20),
            max_delay: Duration::from_millis(300),
            start_delay: Duration::from_millis(30),
            adaptive: true,
            max_sources: 64,
        }
    }
}

impl PlayoutConfig {
    fn limits(&self) -> DelayLimits {
        if !self.adaptive {
            let start = self.start_delay;
            return DelayLimits {
                min: start,
                max: start,
                start,
            };
        }
        DelayLimits {
            min: self.min_delay,
            max: self.max_delay,
            start: self.start_delay,
        }
    }
}

struct Source {
    neteq: Neteq,
    /// The least delay that lip sync asks for.
    sync_delay: Duration,
    volume: f32,
    target_volume: f32,
}

/// Buffers, decodes and mixes every remote source.
pub struct Playout {
    config: PlayoutConfig,
    sources: BTreeMap<SourceId, Source>,
    /// Volumes set before the first packet.
    volumes: BTreeMap<SourceId, f32>,
    limiter: Limiter,
}

impl Playout {
    /// Starts without sources.
    pub fn new(config: PlayoutConfig) -> Self {
        Self {
            config,
            sources: BTreeMap::new(),
            volumes: BTreeMap::new(),
            limiter: Limiter::default(),
        }
    }

    /// Takes one packet, in any order. The first packet of a source creates it.
    ///
    /// `frame_id` counts the source's packets modulo 2^32, `media_time` is the capture time of the
    /// packet's first sample. What is late, repeated or not Opus is dropped and counted.
    pub fn insert(
        &mut self,
        source: SourceId,
        now: Instant,
        frame_id: u32,
        media_time: MediaTime,
        opus: &[u8],
    ) {
        let is_full = self.sources.len() >= self.config.max_sources;
        if is_full && !self.sources.contains_key(&source) {
            return;
        }
        let (limits, adaptive) = (self.config.limits(), self.config.adaptive);
        let volume = self.volumes.get(&source).copied().unwrap_or(1.0);
        self.sources
            .entry(source)
            .or_insert_with(|| Source {
                neteq: Neteq::new(limits, adaptive),
                sync_delay: Duration::ZERO,
                volume,
                target_volume: volume,
            })
            .neteq
            .insert(now, frame_id, media_time, opus);
    }

    /// Tells that packets of a source carry copies of so many frames before them: the target delay
    /// then lets the last copy of a lost frame come. Fewer count after 10 s without as many. A
    /// plain buffer does not follow.
    pub fn expect_redundancy(&mut self, source: SourceId, now: Instant, frames: u8) {
        if !self.config.adaptive {
            return;
        }
        if let Some(source) = self.sources.get_mut(&source) {
            source.neteq.expect_redundancy(now, frames);
        }
    }

    /// Forgets a source at once, with its volume.
    pub fn remove(&mut self, source: SourceId) {
        self.sources.remove(&source);
        self.volumes.remove(&source);
    }

    /// Sets how loud a source is mixed, 0 (silent) to 4; 1 leaves it as it is. May come before its
    /// first packet.
    pub fn set_volume(&mut self, source: SourceId, volume: f32) {
        let volume = if volume.is_finite() {
            volume.clamp(0.0, 4.0)
        } else {
            1.0
        };
        if let Some(source) = self.sources.get_mut(&source) {
            source.target_volume = volume;
        }
        if self.volumes.contains_key(&source) || self.volumes.len() < self.config.max_sources {
            self.volumes.insert(source, volume);
        }
    }

    /// Sets the least target delay of all sources, now and later.
    pub fn set_min_delay(&mut self, min_delay: Duration) {
        self.config.min_delay = min_delay;
        self.apply_limits();
    }

    /// Sets the greatest target delay of all sources, now and later; the least one holds if it is
    /// greater.
    pub fn set_max_delay(&mut self, max_delay: Duration) {
        self.config.max_delay = max_delay;
        self.apply_limits();
    }

    /// Sets the least target delay of one source for the sake of its video frames, which come later
    /// than its audio; within the greatest delay of all. Zero ends it. A plain buffer does not
    /// follow.
    pub fn set_sync_delay(&mut self, source: SourceId, delay: Duration) {
        if let Some(source) = self.sources.get_mut(&source) {
            source.sync_delay = delay;
        }
        self.apply_limits();
    }

    /// The target delay of a source now; `None` if there is no such source.
    pub fn target_delay(&self, source: SourceId) -> Option<Duration> {
        Some(self.sources.get(&source)?.neteq.target_delay())
    }

    fn apply_limits(&mut self) {
        let limits = self.config.limits();
        for source in self.sources.values_mut() {
            let wanted = source.sync_delay.min(self.config.max_delay);
            source.neteq.set_limits(if self.config.adaptive {
                DelayLimits {
                    min: limits.min.max(wanted),
                    ..limits
                }
            } else {
                limits
            });
        }
    }

    /// Mixes the next 10 ms of all sources into `out`, which has [`BLOCK_SAMPLES`] samples; beyond
    /// that it is silent.
    ///
    /// `now` is on the clock of [`Self::insert`]. Calls need not be evenly spaced, but on average
    /// one has to come every 10 ms. The result lies within ±1.
    pub fn render(&mut self, now: Instant, out: &mut [f32]) {
        out.fill(0.0);
        let mut block = [0.0; BLOCK_SAMPLES];
        for source in self.sources.values_mut() {
            if source.neteq.render(now, &mut block) {
                mix(out, &block, source.volume, source.target_volume);
            }
            source.volume = source.target_volume;
        }
        self.limiter.process(out);
    }

    /// Media time of the last sample rendered of a source; `None` while it is not playing.
    pub fn position(&self, source: SourceId) -> Option<MediaTime> {
        self.sources.get(&source)?.neteq.position()
    }

    /// Counters of a source since its first packet; `None` if there is no such source.
    pub fn stats(&self, source: SourceId) -> Option<AudioReceiveStats> {
        Some(self.sources.get(&source)?.neteq.stats())
    }

    /// The last operation that got audio of a source.
    pub fn last_operation(&self, source: SourceId) -> Option<Operation> {
        self.sources.get(&source)?.neteq.last_operation()
    }

    /// The sources that sent something and were not removed.
    pub fn sources(&self) -> impl Iterator<Item = SourceId> {
        self.sources.keys().copied()
    }
}

/// Adds `block` to `out`, with the volume going from one value to the other over the block.
fn mix(out: &mut [f32], block: &[f32], from: f32, to: f32) {
    let step = (to - from) / block.len() as f32;
    let mut volume = from;
    for (out, sample) in out.iter_mut().zip(block) {
        volume += step;
        *out += sample * volume;
    }
}
