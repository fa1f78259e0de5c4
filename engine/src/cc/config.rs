//! Settings of the congestion controllers.

use crate::time::Bitrate;

/// Settings of a congestion controller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CongestionConfig {
    /// The rate before anything is known. Default 1 Mbit/s.
    pub start: Bitrate,
    /// Never less. Default 50 kbit/s.
    pub min: Bitrate,
    /// Never more. Default 20 Mbit/s.
    pub max: Bitrate,
    /// Pacing rate over target rate. Default 2.5, as libwebrtc: a frame then leaves in 40 % of a
    /// frame interval, and the path sees no bursts longer than that.
    pub pacing_factor: f64,
}

impl Default for CongestionConfig {
    fn default() -> Self {
        Self {
            start: Bitrate::from_kbps(1_000),
            min: Bitrate::from_kbps(50),
            max: Bitrate::from_kbps(20_000),
            pacing_factor: 2.5,
        }
    }
}
