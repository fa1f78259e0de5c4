//! Time and rate: the quantities every part of the engine measures in.
//!
//! Not a clock: nothing here can tell what time it is. The host passes [`Instant`]s in.

use core::fmt;
use core::ops::{Add, AddAssign, Mul, Sub};
use core::time::Duration;

use serde::Serialize;

/// A moment, in microseconds since an origin that the host picked and that never moves.
///
/// Subtraction saturates at zero, so a host whose clock steps back does no harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The host's origin.
    pub const ZERO: Self = Self(0);
    /// Later than every moment a host will see; "no deadline".
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The moment so many microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment so many milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is the later one.
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(micros(rhs)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(micros(rhs)))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, rhs: Self) -> Duration {
        self.duration_since(rhs)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Capture time on a sender's media clock, in microseconds modulo 2^48 (about 8.9 years).
///
/// One clock serves all tracks of a sender; its origin is the sender's own, so times of two senders
/// cannot be compared. There is no `Ord`, because the numbers wrap: use [`Self::micros_since`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MediaTime(u64);

impl MediaTime {
    /// One more than the largest value.
    pub const MODULUS: u64 = 1 << 48;

    /// The media time `micros` modulo 2^48.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros % Self::MODULUS)
    }

    /// Microseconds on the sender's clock, below 2^48.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Signed microseconds from `other` to `self` by the shorter way round.
    pub const fn micros_since(self, other: Self) -> i64 {
        let difference = self.0.wrapping_sub(other.0) % Self::MODULUS;
        if difference >= Self::MODULUS / 2 {
            difference as i64 - Self::MODULUS as i64
        } else {
            difference as i64
        }
    }
}

impl Add<Duration> for MediaTime {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self::from_micros(self.0.wrapping_add(micros(rhs)))
    }
}

impl Sub<Duration> for MediaTime {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self::from_micros(self.0.wrapping_sub(micros(rhs)))
    }
}

/// A rate in bits per second. Serializes to that number.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct Bitrate(u64);

impl Bitrate {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// So many bits per second.
    pub const fn from_bps(bits_per_second: u64) -> Self {
        Self(bits_per_second)
    }

    /// So many thousand bits per second.
    pub const fn from_kbps(kilobits_per_second: u64) -> Self {
        Self(kilobits_per_second.saturating_mul(1_000))
    }

    /// The rate that moves `bytes` in `time`; zero if `time` is zero.
    pub fn from_bytes(bytes: u64, time: Duration) -> Self {
        let micros = time.as_micros();
        if micros == 0 {
            return Self::ZERO;
        }
        let bits = u128::from(bytes) * 8 * 1_000_000 / micros;
        Self(u64::try_from(bits).unwrap_or(u64::MAX))
    }

    /// Bits per second.
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// How long `bytes` take at this rate; [`Duration::MAX`] if the rate is zero.
    pub fn time_for(self, bytes: u64) -> Duration {
        if self.0 == 0 {
            return Duration::MAX;
        }
        let micros = (u128::from(bytes) * 8 * 1_000_000).div_ceil(u128::from(self.0));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// How many whole bytes pass in `time`.
    pub fn bytes_in(self, time: Duration) -> u64 {
        let bytes = u128::from(self.0) * time.as_micros() / 8_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// This rate less `other`, not below zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Bitrate {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Mul<f64> for Bitrate {
    type Output = Self;
    /// Scales; a negative or undefined factor gives zero.
    fn mul(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor) as u64)
    }
}

impl fmt::Debug for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bit/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_saturate_instead_of_wrapping() {
        let early = Instant::from_micros(5);
        let late = Instant::from_micros(9);
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(late - early, Duration::from_micros(4));
        assert_eq!(early - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::FAR_FUTURE + Duration::MAX, Instant::FAR_FUTURE);
    }

    #[test]
    fn media_time_differences_cross_the_wrap() {
        let before = MediaTime::from_micros(MediaTime::MODULUS - 10);
        let after = before + Duration::from_micros(30);
        assert_eq!(after.as_micros(), 20);
        assert_eq!(after.micros_since(before), 30);
        assert_eq!(before.micros_since(after), -30);
        assert_eq!((after - Duration::from_micros(30)), before);
    }

    #[test]
    fn rates_convert_to_time_and_bytes() {
        let rate = Bitrate::from_kbps(800);
        assert_eq!(rate.time_for(1_000), Duration::from_millis(10));
        assert_eq!(rate.bytes_in(Duration::from_millis(10)), 1_000);
        assert_eq!(Bitrate::from_bytes(1_000, Duration::from_millis(10)), rate);
        assert_eq!(Bitrate::ZERO.time_for(1), Duration::MAX);
        assert_eq!(rate * f64::NAN, Bitrate::ZERO);
    }
}
