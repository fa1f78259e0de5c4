//! What a source plays next: a packet, the copy of one, or something made up; and how it is joined
//! to what came before.

use smrtc_engine::time::Instant;

use super::{Neteq, STOP_AFTER_SAMPLES};
use crate::neteq::Operation;
use crate::neteq::decision::{Next, decide};
use crate::neteq::packet_buffer::Packet;
use crate::neteq::time_stretch::{accelerate, preemptive_expand};
use crate::{SAMPLE_RATE_HZ, codec, duration};

/// A gap in media time beyond this is jumped over instead of concealed.
const MAX_GAP_SAMPLES: i64 = SAMPLE_RATE_HZ as i64;

/// A packet further behind its time than this belongs to a clock that was set back.
const MAX_LATE_SAMPLES: i64 = 4 * SAMPLE_RATE_HZ as i64;

/// Media times may stray so far (100 ms) from what the frame ids say before they are believed.
const TIME_TOLERANCE_SAMPLES: i64 = SAMPLE_RATE_HZ as i64 / 10;

/// A jump of the media time that makes the delay measured before it meaningless.
const DISCONTINUITY_MICROS: i64 = 15_000;

impl Neteq {
    /// Makes some audio, of a packet or without one.
    pub(super) fn produce(&mut self, now: Instant) {
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

    /// Samples that are wanted between the audio made so far and `packet`.
    ///
    /// Frame ids tell it exactly; media times, which wobble with the sender's clock readings, only
    /// where a pause was meant or the two disagree widely.
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
        let Ok(audio) = decoder.decode_fec(&packet.opus, samples) else {
            return self.conceal(Operation::Expand, samples);
        };
        let start = self.pcm.len();
        self.pcm.extend_from_slice(audio);
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
        let Some(audio) = decoded else {
            self.stats.decode_errors += 1;
            self.conceal(Operation::Expand, packet.samples);
            self.filled_samples = 0;
            return;
        };
        self.pcm.extend_from_slice(audio);
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
        self.expand.on_audio(&self.pcm[start + longer..]);
        if longer > 0 {
            self.stats.inserted_samples_for_deceleration += longer as u64;
            self.corrector.on_lengthened(micros(longer));
        }
    }

    /// Shortens or lengthens what is about to be rendered, if the delay asks for it and the audio
    /// allows it.
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
}

fn micros(samples: usize) -> i64 {
    samples as i64 * 1_000_000 / i64::from(SAMPLE_RATE_HZ)
}
