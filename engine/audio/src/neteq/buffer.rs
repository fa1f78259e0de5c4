//! One source: packets in, 10 ms blocks out.

use std::time::Duration;

use smrtc_engine::time::{Instant, MediaTime};

use super::Operation;
use super::decision::{Corrector, Next, decide};
use super::delay_manager::{DelayLimits, DelayManager};
use super::expand::Expand;
use super::missing::Missing;
use super::packet_buffer::{Packet, PacketBuffer, Place};
use super::time_stretch::{accelerate, preemptive_expand};
use crate::apm::Block;
use crate::codec::{self, Decoder};
use crate::level::LevelMeter;
use crate::playout::AudioReceiveStats;
use crate::{BLOCK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE_HZ, duration};

/// After so much concealment the source has stopped: 2 s.
const STOP_AFTER_SAMPLES: usize = 2 * SAMPLE_RATE_HZ as usize;

/// A gap in media time beyond this is jumped over instead of concealed.
const MAX_GAP_SAMPLES: i64 = SAMPLE_RATE_HZ as i64;

/// A packet further behind its time than this belongs to a clock that was set back.
const MAX_LATE_SAMPLES: i64 = 4 * SAMPLE_RATE_HZ as i64;

/// Media times may stray so far (100 ms) from what the frame ids say before they are believed.
const TIME_TOLERANCE_SAMPLES: i64 = SAMPLE_RATE_HZ as i64 / 10;

/// A jump of the media time that makes the delay measured before it meaningless.
const DISCONTINUITY_MICROS: i64 = 15_000;

/// Delay beyond the target at which packets are skipped, because shortening would take too long; and what is left then.
const SKIP_MICROS: i64 = 400_000;
const SKIP_TO_MICROS: i64 = 40_000;

/// The adaptive buffer and decoder of one source.
pub(crate) struct Neteq {
    decoder: Option<Decoder>,
    packets: PacketBuffer,
    delay: DelayManager,
    corrector: Corrector,
    expand: Expand,
    /// Sound made and not yet rendered.
    pcm: Vec<f32>,
    /// Media time of the end of `pcm`.
    end: MediaTime,
    next_id: Option<i64>,
    /// Samples made up since the last packet that was decoded.
    filled_samples: usize,
    missing: Missing,
    frame_samples: usize,
    is_playing: bool,
    in_dtx: bool,
    comfort_noise_run: usize,
    recovered_from: Option<i64>,
    last_operation: Option<Operation>,
    meter: LevelMeter,
    stats: AudioReceiveStats,
    /// Whether the delay is brought to its target while sound plays.
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
            missing: Missing::default(),
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

    /// Makes the next 10 ms. Returns whether there is any sound in them.
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

    fn produce(&mut self, now: Instant) {
        self.skip_ahead(now);
        let next = self.packets.first().map(|packet| Next {
            gap_samples: self.gap_before(packet),
            follows_loss: self.next_id.is_some_and(|next| packet.id > next),
            has_lbrr: packet.has_lbrr,
        });
        let expanding = self.expand.run() > 0;
        let (operation, samples) = decide(next, self.frame_samples as i64, expanding, self.in_dtx);
        self.last_operation = Some(operation);
        match operation {
            Operation::Expand | Operation::ComfortNoise => self.conceal(operation, samples),
            Operation::Recover => self.recover(samples),
            _ => self.decode(now),
        }
    }

    /// Samples that are wanted between the sound made so far and `packet`.
    ///
    /// Frame ids tell it exactly; media times, which wobble with the sender's clock readings, only where a pause was meant
    /// or the two disagree widely.
    fn gap_before(&self, packet: &Packet) -> i64 {
        let rate = i64::from(SAMPLE_RATE_HZ);
        let by_time = packet.media_time.micros_since(self.end) * rate / 1_000_000;
        let frames = packet.id - self.next_id.unwrap_or(packet.id);
        let by_id = frames * self.frame_samples as i64 - self.filled_samples as i64;
        if !self.in_dtx && (by_time - by_id).abs() < TIME_TOLERANCE_SAMPLES {
            by_id
        } else if (-MAX_LATE_SAMPLES..=MAX_GAP_SAMPLES).contains(&by_time) {
            by_time
        } else {
            0
        }
    }

    fn conceal(&mut self, operation: Operation, samples: usize) {
        let start = self.pcm.len();
        let is_silent = self.expand.is_silent();
        self.expand.extend(
            &mut self.pcm,
            samples,
            self.decoder.as_mut(),
            self.frame_samples,
        );
        self.end = self.end + duration(samples);
        self.filled_samples += samples;
        if operation == Operation::Expand {
            self.stats.concealment_events += u64::from(self.expand.run() == 0);
            self.stats.concealed_samples += samples as u64;
            self.stats.silent_concealed_samples += if is_silent { samples as u64 } else { 0 };
            self.expand.fade(&mut self.pcm[start..]);
        } else {
            // A sender that pauses still reports every 400 ms; one that does not is gone.
            self.comfort_noise_run += samples;
            self.in_dtx = self.comfort_noise_run < STOP_AFTER_SAMPLES;
        }
    }

    /// Decodes the frame before the first packet from its copy in there.
    fn recover(&mut self, samples: usize) {
        let (Some(packet), Some(decoder)) = (self.packets.first(), &mut self.decoder) else {
            return self.conceal(Operation::Expand, samples);
        };
        let Ok(sound) = decoder.decode_fec(&packet.opus, samples) else {
            return self.conceal(Operation::Expand, samples);
        };
        let start = self.pcm.len();
        self.pcm.extend_from_slice(sound);
        self.pcm.resize(start + samples, 0.0);
        self.recovered_from = Some(packet.id);
        self.filled_samples += samples;
        self.stats.recovered_samples += samples as u64;
        self.merge(start);
        self.end = self.end + duration(samples);
    }

    fn decode(&mut self, now: Instant) {
        let Some(packet) = self.packets.pop_first() else {
            return;
        };
        let expected = self.next_id.unwrap_or(packet.id);
        self.stats.packets_lost += self.missing.add(expected, packet.id);
        self.next_id = Some(packet.id + 1);
        self.filled_samples = 0;
        let pending = self.pcm.len();
        let decoded = self
            .decoder
            .as_mut()
            .and_then(|decoder| decoder.decode(&packet.opus).ok());
        let Some(sound) = decoded else {
            self.stats.decode_errors += 1;
            self.conceal(Operation::Expand, packet.samples);
            self.filled_samples = 0;
            return;
        };
        self.pcm.extend_from_slice(sound);
        self.pcm.resize(pending + packet.samples, 0.0);
        self.merge(pending);

        if packet.media_time.micros_since(self.end).abs() > DISCONTINUITY_MICROS {
            self.corrector.on_discontinuity();
        }
        self.end = packet.media_time + duration(packet.samples);
        self.frame_samples = packet.samples;
        self.in_dtx = codec::is_dtx(&packet.opus);
        self.comfort_noise_run = 0;
        if packet.has_lbrr && self.recovered_from != Some(packet.id) {
            self.stats.fec_packets_discarded += 1;
        }
        let waited = (now - packet.arrival + duration(pending)).as_secs_f64();
        self.stats.jitter_buffer_delay += waited * packet.samples as f64;
        self.stats.jitter_buffer_target_delay +=
            self.delay.target_micros() as f64 / 1e6 * packet.samples as f64;
        self.stats.jitter_buffer_emitted_count += packet.samples as u64;
        if self.adaptive && !self.in_dtx {
            self.correct();
        }
    }

    /// Joins what is real from `start` on to the concealment before it, if there was any.
    fn merge(&mut self, start: usize) {
        let longer = self.expand.end(&mut self.pcm, start);
        self.expand.on_sound(&self.pcm[start + longer..]);
        if longer > 0 {
            self.stats.inserted_samples_for_deceleration += longer as u64;
            self.corrector.on_lengthened(micros(longer));
        }
    }

    /// Shortens or lengthens what is about to be rendered, if the delay asks for it and the sound allows it.
    fn correct(&mut self) {
        let Some(wanted) = self.corrector.poll(self.delay.target_micros()) else {
            return;
        };
        let change = if wanted.operation == Operation::Accelerate {
            let removed = accelerate(&mut self.pcm, wanted.samples, wanted.min_correlation);
            self.stats.removed_samples_for_acceleration += removed as u64;
            -(removed as i64)
        } else {
            let inserted = preemptive_expand(&mut self.pcm, wanted.samples, wanted.min_correlation);
            self.stats.inserted_samples_for_deceleration += inserted as u64;
            inserted as i64
        };
        if change != 0 {
            self.last_operation = Some(wanted.operation);
            let by = micros(change.unsigned_abs() as usize);
            self.corrector.on_corrected(by * change.signum());
        }
    }

    /// Drops the oldest packets when the delay is far beyond its target, as after a stall of the host.
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

fn micros(samples: usize) -> i64 {
    samples as i64 * 1_000_000 / i64::from(SAMPLE_RATE_HZ)
}
