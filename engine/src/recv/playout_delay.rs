//! How long to hold frames so that late ones are shown on time.
//!
//! A frame's transit is its arrival on our clock less its capture on the sender's; the smallest of
//! a window is the path without queues. What the others took longer is jitter, and a high quantile
//! of it is what playout has to wait, the way NetEQ chooses its target (libwebrtc
//! `modules/audio_coding/neteq/underrun_optimizer.cc`, quantile 0.95). libwebrtc's video buffer
//! runs a Kalman filter over frame sizes instead
//! (`modules/video_coding/timing/jitter_estimator.cc`) and adds a fixed 10 ms for rendering: 7 ms
//! on a clean path, which a quantile does not cost.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::{Instant, MediaTime};

/// Settings of a [`PlayoutDelay`].
#[derive(Clone, Copy, Debug)]
pub struct PlayoutDelayConfig {
    /// Share of frames to be in time, 0 to 1. Default 0.95.
    pub quantile: f64,
    /// Jitter that is not smoothed, because the display's refresh hides it. Default 10 ms, less
    /// than one refresh at 60 Hz.
    pub hidden_jitter: Duration,
    /// Most that frames are held. Default 500 ms.
    pub max: Duration,
    /// Frames looked back on. Default 256, eight seconds of 30 frames/s.
    pub window: usize,
    /// How fast the delay shrinks, in microseconds per second; it grows at once. Default 50,000.
    pub shrink_micros_per_second: u64,
}

impl Default for PlayoutDelayConfig {
    fn default() -> Self {
        Self {
            quantile: 0.95,
            hidden_jitter: Duration::from_millis(10),
            max: Duration::from_millis(500),
            window: 256,
            shrink_micros_per_second: 50_000,
        }
    }
}

/// Measures transits and chooses the delay.
#[derive(Clone, Debug)]
pub struct PlayoutDelay {
    config: PlayoutDelayConfig,
    origin: Option<MediaTime>,
    /// Arrival less media time since the origin, in microseconds.
    transits: VecDeque<i64>,
    fastest: i64,
    target: Duration,
    last_arrival: Instant,
}

/// Least number of frames from which such a quantile can be told: the frames queued behind the
/// first key frame would be it.
const FEWEST: usize = 30;
/// A transit further off than this means that the sender's clock was set.
const CLOCK_SET_MICROS: u64 = 10_000_000;

impl PlayoutDelay {
    /// One that holds nothing back until it has measured.
    pub fn new(config: PlayoutDelayConfig) -> Self {
        Self {
            config,
            origin: None,
            transits: VecDeque::new(),
            fastest: 0,
            target: Duration::ZERO,
            last_arrival: Instant::ZERO,
        }
    }

    /// Takes in a frame that was whole at `arrival`.
    pub fn on_frame(&mut self, arrival: Instant, media_time: MediaTime) {
        let origin = *self.origin.get_or_insert(media_time);
        let mut transit = transit(arrival, media_time, origin);
        if !self.transits.is_empty() && transit.abs_diff(self.fastest) > CLOCK_SET_MICROS {
            self.transits.clear();
            self.origin = Some(media_time);
            transit = i64::try_from(arrival.as_micros()).unwrap_or(i64::MAX);
        }
        self.transits.push_back(transit);
        while self.transits.len() > self.config.window.max(1) {
            self.transits.pop_front();
        }
        let mut sorted: Vec<i64> = self.transits.iter().copied().collect();
        sorted.sort_unstable();
        self.fastest = sorted[0];
        let wanted = if sorted.len() < FEWEST {
            Duration::ZERO
        } else {
            self.wanted(&sorted)
        };
        let elapsed = u64::try_from((arrival - self.last_arrival).as_micros())
            .unwrap_or(0)
            .min(1_000_000);
        let shrink = Duration::from_micros(
            elapsed.saturating_mul(self.config.shrink_micros_per_second) / 1_000_000,
        );
        self.target = wanted.max(self.target.saturating_sub(shrink));
        self.last_arrival = self.last_arrival.max(arrival);
    }

    fn wanted(&self, sorted: &[i64]) -> Duration {
        let rank = ((sorted.len() - 1) as f64 * self.config.quantile) as usize;
        let jitter = sorted
            .get(rank)
            .map_or(0, |&transit| transit.abs_diff(self.fastest));
        Duration::from_micros(jitter)
            .saturating_sub(self.config.hidden_jitter)
            .min(self.config.max)
    }

    /// When a frame of `media_time` should be shown; it may have passed. [`Instant::ZERO`] before
    /// the first frame.
    pub fn playout_time(&self, media_time: MediaTime) -> Instant {
        let Some(origin) = self.origin else {
            return Instant::ZERO;
        };
        let micros = self.fastest.saturating_add(media_time.micros_since(origin));
        Instant::from_micros(u64::try_from(micros).unwrap_or(0)) + self.target
    }

    /// What is added to the transit of the fastest frames.
    pub fn target(&self) -> Duration {
        self.target
    }
}

fn transit(arrival: Instant, media_time: MediaTime, origin: MediaTime) -> i64 {
    i64::try_from(arrival.as_micros())
        .unwrap_or(i64::MAX)
        .saturating_sub(media_time.micros_since(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds frames of 30 per second that take `transit(n)` milliseconds; the delay after the last.
    fn run(
        delay: &mut PlayoutDelay,
        frames: std::ops::Range<u32>,
        transit: impl Fn(u32) -> u64,
    ) -> Duration {
        for n in frames {
            let media = MediaTime::from_micros(MediaTime::MODULUS - 500_000)
                + Duration::from_micros(33_333) * n;
            let arrival = Instant::from_millis(1_000) + Duration::from_micros(33_333) * n;
            delay.on_frame(arrival + Duration::from_millis(transit(n)), media);
        }
        delay.target()
    }

    #[test]
    fn a_clean_path_is_not_delayed() {
        let mut delay = PlayoutDelay::new(PlayoutDelayConfig::default());
        assert_eq!(
            run(&mut delay, 0..300, |n| 20 + u64::from(n % 5)),
            Duration::ZERO
        );
        let media = MediaTime::from_micros(MediaTime::MODULUS - 500_000);
        assert_eq!(delay.playout_time(media), Instant::from_millis(1_020));
    }

    #[test]
    fn jitter_is_covered_and_forgotten_slowly() {
        let mut delay = PlayoutDelay::new(PlayoutDelayConfig::default());
        let jittery = run(&mut delay, 0..300, |n| 20 + u64::from(n % 10) * 8);
        assert_eq!(
            jittery,
            Duration::from_millis(62),
            "72 ms less the 10 that do not show"
        );
        let later = run(&mut delay, 300..540, |_| 20);
        assert!(later > Duration::ZERO && later < jittery, "{later:?}");
        assert_eq!(run(&mut delay, 540..640, |_| 20), Duration::ZERO);
    }

    #[test]
    fn a_rare_late_frame_is_not_waited_for() {
        let mut delay = PlayoutDelay::new(PlayoutDelayConfig::default());
        assert_eq!(
            run(&mut delay, 0..300, |n| if n % 60 == 59 { 90 } else { 20 }),
            Duration::ZERO
        );
    }

    #[test]
    fn a_clock_that_was_set_starts_over() {
        let mut delay = PlayoutDelay::new(PlayoutDelayConfig::default());
        run(&mut delay, 0..100, |_| 20);
        let arrival = Instant::from_millis(9_000);
        delay.on_frame(arrival, MediaTime::from_micros(3_000_000_000));
        assert_eq!(
            delay.playout_time(MediaTime::from_micros(3_000_000_000)),
            arrival
        );
    }
}
