//! Alignment of audio and video: one playout clock per remote participant.
//!
//! Audio leads: its buffer decides when audio is heard, reports of its position relate media time
//! to local time, and the video frame follows. A video frame is delayed only as far as it must be,
//! because delay is what people notice first in a conversation; the tolerance stays inside what
//! ITU-R BT.1359-1 found detectable (45 ms early, 125 ms late).
//!
//! Not a scheduler: it answers when a video frame is to be shown and holds none.

mod audio_delay;

use std::time::Duration;

pub use self::audio_delay::AudioSyncDelay;

use crate::time::{Instant, MediaTime};

/// Settings of a [`VideoSync`].
#[derive(Clone, Copy, Debug)]
pub struct SyncConfig {
    /// How much later than its video frame audio may be heard. Default 100 ms: a video frame that
    /// waits for audio is late for nothing while nobody can notice the difference.
    pub max_audio_lag: Duration,
    /// How much earlier. A video frame cannot be shown before it came; audio that would lead by
    /// more is held back. Default 30 ms.
    pub max_audio_lead: Duration,
    /// Longest delay of a video frame for the sake of sync. Default 500 ms.
    pub max_delay: Duration,
    /// How fast the delay changes, in microseconds per second of playout: 100 ms/s plays video
    /// frames 10 % slower or faster, which nobody sees. Default 100,000.
    pub slew_micros_per_second: u64,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            max_audio_lag: Duration::from_millis(100),
            max_audio_lead: Duration::from_millis(30),
            max_delay: Duration::from_millis(500),
            slew_micros_per_second: 100_000,
        }
    }
}

/// Relates the media time of one participant to local time, by what is heard of them.
#[derive(Clone, Debug, Default)]
pub struct PlayoutClock {
    audio: Option<AudioPosition>,
}

/// Aligns the video frames of one track with its participant's [`PlayoutClock`].
#[derive(Clone, Debug)]
pub struct VideoSync {
    config: SyncConfig,
    delay: Duration,
    last_shown: Option<Instant>,
    lag_micros: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct AudioPosition {
    /// Media times are measured from here, to keep numbers small and clear of the wrap.
    origin: MediaTime,
    /// Local time at which the origin was (or would have been) heard, in microseconds; smoothed.
    heard_at: f64,
    reported: Instant,
}

/// Reports are quantised to 10 ms blocks and delayed by message queues: smooth over so long.
const SMOOTHING: Duration = Duration::from_millis(300);
/// A position this old says nothing any more: the participant is muted, or gone.
const POSITION_LIFETIME: Duration = Duration::from_secs(1);
/// A change this large is a new position (the audio stopped and went on), not noise.
const JUMP_MICROS: f64 = 200_000.0;
/// Audio and video that claim to be further apart have nothing to do with each other.
const ABSURD_MICROS: i64 = 5_000_000;
/// Video frames further apart than this do not let the delay jump.
const LONGEST_STEP: Duration = Duration::from_millis(200);

impl PlayoutClock {
    /// Audio captured at `media_time` is being heard now.
    pub fn on_audio_position(&mut self, now: Instant, media_time: MediaTime) {
        let fresh = AudioPosition {
            origin: media_time,
            heard_at: now.as_micros() as f64,
            reported: now,
        };
        let Some(audio) = self
            .audio
            .filter(|audio| now - audio.reported < POSITION_LIFETIME)
        else {
            self.audio = Some(fresh);
            return;
        };
        let measured = now.as_micros() as f64 - media_time.micros_since(audio.origin) as f64;
        let error = measured - audio.heard_at;
        if error.abs() > JUMP_MICROS {
            self.audio = Some(fresh);
            return;
        }
        let elapsed = (now - audio.reported).as_secs_f64();
        let weight = elapsed / (elapsed + SMOOTHING.as_secs_f64());
        self.audio = Some(AudioPosition {
            heard_at: audio.heard_at + error * weight,
            reported: now,
            ..audio
        });
    }

    /// Microseconds from `shown` to when audio captured at `media_time` is heard; `None` if nothing
    /// was heard lately.
    fn lag_micros(&self, now: Instant, media_time: MediaTime, shown: Instant) -> Option<i64> {
        let audio = self
            .audio
            .filter(|audio| now - audio.reported < POSITION_LIFETIME)?;
        let heard_at = audio.heard_at + media_time.micros_since(audio.origin) as f64;
        let lag = (heard_at - shown.as_micros() as f64) as i64;
        (lag.abs() < ABSURD_MICROS).then_some(lag)
    }
}

impl VideoSync {
    /// One that delays nothing yet.
    pub fn new(config: SyncConfig) -> Self {
        Self {
            config,
            delay: Duration::ZERO,
            last_shown: None,
            lag_micros: None,
        }
    }

    /// When to show a video frame captured at `media_time` that could be shown at `ready`. Call
    /// once for each video frame, in order.
    pub fn align(
        &mut self,
        clock: &PlayoutClock,
        now: Instant,
        media_time: MediaTime,
        ready: Instant,
    ) -> Instant {
        let lag = clock.lag_micros(now, media_time, ready);
        let wanted = lag.map_or(Duration::ZERO, |lag| {
            micros(lag)
                .saturating_sub(self.config.max_audio_lag)
                .min(self.config.max_delay)
        });
        let elapsed = self
            .last_shown
            .map_or(Duration::ZERO, |last| (now - last).min(LONGEST_STEP));
        let step = Duration::from_micros(
            u64::try_from(elapsed.as_micros())
                .unwrap_or(0)
                .saturating_mul(self.config.slew_micros_per_second)
                / 1_000_000,
        );
        self.delay = wanted.clamp(self.delay.saturating_sub(step), self.delay + step);
        self.last_shown = Some(now);
        let delay_micros = i64::try_from(self.delay.as_micros()).unwrap_or(0);
        self.lag_micros = lag.map(|lag| lag - delay_micros);
        ready + self.delay
    }

    /// The present delay of video frames.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// By how many microseconds audio comes after (positive) or before its video frame, as last
    /// shown.
    pub fn audio_lag_micros(&self) -> Option<i64> {
        self.lag_micros
    }

    /// The same if a video frame was shown lately.
    pub fn recent_audio_lag_micros(&self, now: Instant) -> Option<i64> {
        let shown = self.last_shown?;
        self.lag_micros.filter(|_| now - shown < POSITION_LIFETIME)
    }
}

fn micros(signed: i64) -> Duration {
    Duration::from_micros(u64::try_from(signed).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays audio that is heard `audio_delay` after capture and video frames ready `video_delay`
    /// after capture, and returns how long after capture the video frames were shown.
    fn play(
        (clock, sync): &mut (PlayoutClock, VideoSync),
        from: u64,
        seconds: u64,
        audio_delay: u64,
        video_delay: u64,
    ) -> Vec<u64> {
        let origin = MediaTime::from_micros(MediaTime::MODULUS - 3_000_000);
        let mut shown = Vec::new();
        for millis in from..from + seconds * 1_000 {
            let now = Instant::from_millis(10_000 + millis);
            let captured = |ago: u64| {
                origin + Duration::from_millis(1_000 + millis) - Duration::from_millis(ago)
            };
            if millis % 50 == 0 {
                // Reports come up to 9 ms late.
                clock.on_audio_position(now, captured(audio_delay + (millis / 50) % 10));
            }
            if millis % 33 == 0 {
                let at = sync.align(clock, now, captured(video_delay), now);
                shown.push(video_delay + u64::try_from((at - now).as_millis()).unwrap());
            }
        }
        shown
    }

    #[test]
    fn lip_sync_converges_to_the_tolerance_and_smoothly() {
        let mut clock = (
            PlayoutClock::default(),
            VideoSync::new(SyncConfig::default()),
        );
        let shown = play(&mut clock, 0, 5, 200, 20);
        let last = *shown.last().unwrap();
        assert!(
            (95..=110).contains(&last),
            "audio is heard at 200 to 209, the video frame shown at {last}"
        );
        assert!(
            shown.windows(2).all(|pair| pair[1].abs_diff(pair[0]) <= 4),
            "a step of more than 10 %: {shown:?}"
        );
        assert!(clock.1.audio_lag_micros().unwrap() <= 110_000);
        let shown = play(&mut clock, 5_000, 5, 50, 20);
        assert_eq!(
            *shown.last().unwrap(),
            20,
            "and goes back when the audio is quicker"
        );
    }

    #[test]
    fn a_video_frame_within_the_tolerance_is_not_delayed() {
        let mut clock = (
            PlayoutClock::default(),
            VideoSync::new(SyncConfig::default()),
        );
        assert!(
            play(&mut clock, 0, 3, 65, 20)
                .iter()
                .all(|&shown| shown == 20)
        );
    }

    #[test]
    fn audio_that_leads_too_far_is_reported() {
        let mut clock = (
            PlayoutClock::default(),
            VideoSync::new(SyncConfig::default()),
        );
        let shown = play(&mut clock, 0, 3, 20, 120);
        assert!(shown.iter().all(|&shown| shown == 120));
        let lag = clock.1.audio_lag_micros();
        assert!(
            lag.is_some_and(|lag| (-110_000..=-85_000).contains(&lag)),
            "{lag:?}"
        );
    }

    #[test]
    fn without_audio_the_delay_fades() {
        let mut clock = (
            PlayoutClock::default(),
            VideoSync::new(SyncConfig::default()),
        );
        play(&mut clock, 0, 5, 200, 20);
        let mut now = Instant::from_millis(20_000);
        for _ in 0..90 {
            now += Duration::from_millis(33);
            clock.1.align(&clock.0, now, MediaTime::from_micros(1), now);
        }
        assert_eq!(
            (clock.1.delay(), clock.1.audio_lag_micros()),
            (Duration::ZERO, None)
        );
    }
}
