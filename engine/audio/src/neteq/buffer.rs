//! One source: packets in, 10 ms blocks out. When it plays is decided here, and what comes next in
//! [`produce`].

mod produce;

use std::time::Duration;

use smrtc_engine::time::{Instant, MediaTime};

use super::decision::Corrector;
use super::delay_manager::{DelayLimits, DelayManager};
use super::expand::Expand;
use super::missing_packets::MissingPackets;
use super::packet_buffer::{Packet, PacketBuffer, Place};
use super::{AudioReceiveStats, Operation};
use crate::codec::{self, Decoder};
use crate::level::LevelMeter;
use crate::{BLOCK_SAMPLES, Block, FRAME_SAMPLES, SAMPLE_RATE_HZ, duration};

/// After so much concealment the source has stopped: 2 s.
const STOP_AFTER_SAMPLES: usize = 2 * SAMPLE_RATE_HZ as usize;

/// Delay beyond the target at which packets are skipped, because shortening would take too long;
/// and what is left then.
const SKIP_MICROS: i64 = 400_000;
const SKIP_TO_MICROS: i64 = 40_000;

/// The adaptive buffer and decoder of one source.
pub(crate) struct Neteq {
    decoder: Option<Decoder>,
    packets: PacketBuffer,
    delay: DelayManager,
    corrector: Corrector,
    expand: Expand,
    /// Audio made and not yet rendered.
    pcm: Vec<f32>,
    /// Media time of the end of `pcm`.
    end: MediaTime,
    next_id: Option<i64>,
    /// Samples made up since the last packet that was decoded.
    filled_samples: usize,
    missing: MissingPackets,
    frame_samples: usize,
    is_playing: bool,
    in_dtx: bool,
    comfort_noise_run: usize,
    recovered_from: Option<i64>,
    last_operation: Option<Operation>,
    meter: LevelMeter,
    stats: AudioReceiveStats,
    /// Whether the delay is brought to its target while audio plays.
    adaptive: bool,
}

impl Neteq {
    pub(crate) fn new(limits: DelayLimits, adaptive: bool) -> Self {
        Self {
            // Without a decoder, for want of memory, the source is silent and the others go on.
            decoder: Decoder::new().ok(),
            packets: PacketBuffer::default(),
            delay: DelayManager::new(limits),
            corrector: Corrector::default(),
            expand: Expand::default(),
            pcm: Vec::with_capacity(4 * FRAME_SAMPLES),
            end: MediaTime::default(),
            next_id: None,
            filled_samples: 0,
            missing: MissingPackets::default(),
            frame_samples: FRAME_SAMPLES,
            is_playing: false,
            in_dtx: false,
            comfort_noise_run: 0,
            recovered_from: None,
            last_operation: None,
            meter: LevelMeter::default(),
            stats: AudioReceiveStats::default(),
            adaptive,
        }
    }

    pub(crate) fn set_limits(&mut self, limits: DelayLimits) {
        self.delay.set_limits(limits);
    }

    pub(crate) fn insert(
        &mut self,
        now: Instant,
        frame_id: u32,
        media_time: MediaTime,
        opus: &[u8],
    ) {
        self.stats.packets_received += 1;
        let Some(samples) = codec::samples(opus) else {
            self.stats.packets_discarded += 1;
            return;
        };
        let id = match self.packets.place(frame_id, self.next_id) {
            Place::New(id) => id,
            Place::Restart(id) => {
                self.restart();
                id
            }
            Place::Old(id) => {
                self.stats.packets_discarded += 1;
                if self.missing.take(id) {
                    self.stats.packets_lost -= 1;
                    self.delay.on_packet(now, media_time, true);
                }
                return;
            }
        };
        let has_lbrr = codec::has_lbrr(opus);
        self.stats.fec_packets_received += u64::from(has_lbrr);
        let mended = self.packets.is_passed(id);
        self.delay.on_packet(now, media_time, mended);
        if !self.is_playing {
            self.delay.keep_fastest();
        }
        let dropped = self.packets.insert(Packet {
            id,
            media_time,
            arrival: now,
            opus: opus.to_vec(),
            samples,
            has_lbrr,
        });
        self.stats.packets_discarded += dropped as u64;
    }

    pub(crate) fn expect_redundancy(&mut self, now: Instant, frames: u8) {
        let span = duration(usize::from(frames) * self.frame_samples);
        self.delay.expect_redundancy(now, span);
    }

    /// Makes the next 10 ms. Returns whether there is any audio in them.
    pub(crate) fn render(&mut self, now: Instant, out: &mut Block) -> bool {
        out.fill(0.0);
        if !self.is_playing && !self.start(now) {
            return false;
        }
        let is_concealing = self.expand.run() > 0 || self.in_dtx;
        if !is_concealing {
            let delay = self.delay.delay_micros(now, self.position_of_front());
            self.corrector.on_render(delay);
        }
        while self.pcm.len() < BLOCK_SAMPLES {
            self.produce(now);
            if self.expand.run() > STOP_AFTER_SAMPLES {
                self.stop();
                return false;
            }
        }
        out.copy_from_slice(&self.pcm[..BLOCK_SAMPLES]);
        self.pcm.drain(..BLOCK_SAMPLES);
        self.meter.add(out);
        self.stats.total_samples_received += BLOCK_SAMPLES as u64;
        true
    }

    /// Media time of the end of the last block rendered; `None` while the source is not playing.
    pub(crate) fn position(&self) -> Option<MediaTime> {
        self.is_playing.then(|| self.position_of_front())
    }

    pub(crate) fn target_delay(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.delay.target_micros()).unwrap_or(0))
    }

    pub(crate) fn last_operation(&self) -> Option<Operation> {
        self.last_operation
    }

    pub(crate) fn stats(&self) -> AudioReceiveStats {
        AudioReceiveStats {
            audio_level: if self.is_playing {
                self.meter.audio_level()
            } else {
                0.0
            },
            total_audio_energy: self.meter.total_audio_energy(),
            total_samples_duration: self.meter.total_samples_duration(),
            jitter: self.delay.jitter().as_secs_f64(),
            target_delay: self.delay.target_micros() as f64 / 1e6,
            ..self.stats.clone()
        }
    }

    /// Waits until the first packet has been here for the target delay.
    fn start(&mut self, now: Instant) -> bool {
        self.skip_ahead(now);
        let Some(first) = self.packets.first() else {
            return false;
        };
        let (id, media_time) = (first.id, first.media_time);
        if self.delay.delay_micros(now, media_time) < self.delay.target_micros() {
            return false;
        }
        self.next_id = Some(id);
        self.filled_samples = 0;
        self.end = media_time;
        self.is_playing = true;
        self.expand.begin_from_silence();
        true
    }

    /// Drops the oldest packets when the delay is far beyond its target, as after a stall of the
    /// host.
    fn skip_ahead(&mut self, now: Instant) {
        let target = self.delay.target_micros();
        // Before the source is heard there is nothing to break.
        let limit = if self.is_playing {
            SKIP_MICROS
        } else {
            SKIP_TO_MICROS
        };
        if self.delay_of_first(now) <= target + limit {
            return;
        }
        while self.packets.len() > 1 && self.delay_of_first(now) > target + SKIP_TO_MICROS {
            self.packets.pop_first();
            self.stats.packets_discarded += 1;
        }
        if let Some(first) = self.packets.first() {
            (self.next_id, self.end) = (Some(first.id), first.media_time);
            self.filled_samples = 0;
        }
        if self.is_playing {
            self.expand
                .cover_jump(self.decoder.as_mut(), self.frame_samples);
        }
        self.corrector.on_discontinuity();
    }

    fn delay_of_first(&mut self, now: Instant) -> i64 {
        let first = self.packets.first().map(|packet| packet.media_time);
        first.map_or(i64::MIN, |first| self.delay.delay_micros(now, first))
    }

    fn position_of_front(&self) -> MediaTime {
        self.end - duration(self.pcm.len())
    }

    fn restart(&mut self) {
        self.stop();
        self.packets.clear();
        self.missing.clear();
        self.delay.restart();
        self.next_id = None;
    }

    fn stop(&mut self) {
        self.is_playing = false;
        self.in_dtx = false;
        self.expand.restart();
        self.corrector.on_discontinuity();
        self.pcm.clear();
        if let Some(decoder) = &mut self.decoder
            && decoder.reset().is_err()
        {
            self.decoder = Decoder::new().ok();
        }
    }
}
