//! How long audio is held back for video frames that come much later than it does.
//!
//! The video frame follows the audio, except where it cannot: it is not shown before it came. Where
//! it is late for long, audio waits in its jitter buffer, a little longer with each report of its
//! position, as fast as stretching goes unheard (libwebrtc's `StreamSynchronization` does so by up
//! to 80 ms at once).

use std::time::Duration;

use super::SyncConfig;
use crate::time::Instant;

/// Share of the elapsed time by which the delay grows. Stretching manages 15 ms in 100 ms.
const GROWS: f64 = 0.08;
/// Share of the elapsed time by which the delay shrinks.
const SHRINKS: f64 = 0.04;
/// After a pause nothing jumps.
const LONGEST_STEP: Duration = Duration::from_millis(200);

/// The delay of one participant's audio that lip sync asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct AudioSyncDelay {
    delay: Duration,
    last: Option<Instant>,
}

impl AudioSyncDelay {
    /// The least delay that the jitter buffer for audio is to aim at, which aims at `target` now.
    /// `audio_lag_micros` is as [`super::VideoSync::audio_lag_micros`] has it, none if no video
    /// frame was shown lately. Call it several times a second.
    pub fn update(
        &mut self,
        now: Instant,
        config: &SyncConfig,
        audio_lag_micros: Option<i64>,
        target: Duration,
    ) -> Duration {
        let last = self.last.replace(now).unwrap_or(now);
        let elapsed = (now - last).min(LONGEST_STEP);
        let lead = audio_lag_micros.map_or(0, |lag| -lag);
        let tolerated = i64::try_from(config.max_audio_lead.as_micros()).unwrap_or(i64::MAX);
        if lead > tolerated {
            // From what the buffer aims at, so that what is asked for does not run away from what
            // is done.
            let from = self
                .delay
                .max(target)
                .min(target + LONGEST_STEP.mul_f64(GROWS));
            self.delay = (from + elapsed.mul_f64(GROWS)).min(config.max_delay);
        } else if lead < tolerated / 2 {
            self.delay = self.delay.saturating_sub(elapsed.mul_f64(SHRINKS));
        }
        self.delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Host {
        now: Instant,
        hold: AudioSyncDelay,
    }

    impl Host {
        fn new() -> Self {
            Self {
                now: Instant::from_millis(1_000),
                hold: AudioSyncDelay::default(),
            }
        }

        fn report(&mut self, lag_ms: Option<i64>, target: Duration) -> Duration {
            self.now += Duration::from_millis(100);
            let lag = lag_ms.map(|lag| lag * 1_000);
            self.hold
                .update(self.now, &SyncConfig::default(), lag, target)
        }

        /// Reports for so long, with video frames shown `video` after capture and audio `path` and
        /// what the buffer aims at, at least 20 ms.
        fn settle(&mut self, reports: u32, video: i64, path: i64) -> Duration {
            let least = Duration::from_millis(20);
            let mut target = least;
            for _ in 0..reports {
                let audio = path + target.as_millis() as i64;
                target = self.report(Some(audio - video), target).max(least);
            }
            target
        }
    }

    #[test]
    fn audio_waits_for_late_video_as_far_as_would_be_noticed_and_no_longer_than_it_is_late() {
        let mut host = Host::new();
        let target = host.settle(100, 250, 25);
        let lead = Duration::from_millis(250 - 25).saturating_sub(target);
        assert!(lead <= Duration::from_millis(31), "audio leads by {lead:?}");
        assert!(
            lead >= Duration::from_millis(10),
            "audio waits for nothing: {lead:?}"
        );
        assert_eq!(host.settle(200, 40, 25), Duration::from_millis(20));
    }

    #[test]
    fn it_grows_slowly_is_bounded_and_ends_without_video() {
        let mut host = Host::new();
        let target = Duration::from_millis(60);
        host.report(None, target);
        assert_eq!(host.report(Some(-400), target), Duration::from_millis(68));
        for _ in 0..100 {
            // The buffer does not follow.
            assert!(host.report(Some(-400), target) <= Duration::from_millis(84));
        }
        let bound = host.settle(1_000, 4_000, 0);
        assert_eq!(bound, SyncConfig::default().max_delay);
        let end = (0..200).map(|_| host.report(None, bound)).last();
        assert_eq!(end, Some(Duration::ZERO));
    }
}
