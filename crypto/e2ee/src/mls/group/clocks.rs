//! What a lifetime that does not fit says of two clocks.

use std::fmt;

use mls_rs::time::MlsTime;

/// A key package whose lifetime (RFC 9420 §7.2) does not contain our time: its maker's clock or
/// ours is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClocksDiffer {
    /// When it was made by its maker's clock, in seconds since 1970.
    pub(super) made: u64,
    /// Our time.
    pub(super) now: u64,
}

impl fmt::Display for ClocksDiffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apart = Apart(self.made.abs_diff(self.now));
        if self.made > self.now {
            write!(
                f,
                "the clocks differ: that device's is about {apart} ahead of this one's, so one of them is wrong"
            )
        } else {
            write!(
                f,
                "the clocks differ: by this device's the key package is {apart} old, so one of them is wrong"
            )
        }
    }
}

/// An hour of difference between two members' clocks is forgiven.
pub(super) const SKEW_SECONDS: u64 = 3600;

/// Seconds, in the two units that matter.
struct Apart(u64);

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.div_ceil(60);
        let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
        match (days, hours) {
            (0, 0) => write!(f, "{minutes} min"),
            (0, _) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

/// The time for the library.
pub(super) fn at(unix_seconds: u64) -> MlsTime {
    MlsTime::from(unix_seconds)
}
