//! How a run went over time, for plots.

use std::time::Duration;

/// How often a run is looked at.
pub(crate) const TRACE_INTERVAL: Duration = Duration::from_millis(200);

/// A run, looked at every 200 ms.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The moments, in order.
    pub samples: Vec<Sample>,
    /// Of each call, the frames shown.
    pub frames: Vec<Vec<ShownFrame>>,
}

/// A moment.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Seconds since the start.
    pub at: f64,
    /// What the bottleneck ahead lets through, if there is one.
    pub capacity_kbps: Option<f64>,
    /// What stands before it, as time at its rate.
    pub queue_ms: f64,
    /// Each call.
    pub flows: Vec<FlowSample>,
}

/// A call at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowSample {
    /// What the congestion controller allows.
    pub target_kbps: f64,
    /// What the video encoder is told to make.
    pub encoder_kbps: f64,
    /// What was sent since the moment before.
    pub sent_kbps: f64,
    /// What the jitter buffer for audio aims at.
    pub audio_target_ms: f64,
}

/// A frame that was shown.
#[derive(Clone, Copy, Debug)]
pub struct ShownFrame {
    /// When, in seconds since the start.
    pub shown: f64,
    /// Since it was captured.
    pub delay_ms: f64,
}

impl Trace {
    /// Seconds from `since` until the video encoder of a call is told to make `kbps`; none if it
    /// never is.
    pub(crate) fn until_encoder_makes(&self, flow: usize, kbps: f64, since: f64) -> Option<f64> {
        let after = self.samples.iter().filter(|sample| sample.at >= since);
        let reaches = |sample: &&Sample| {
            sample
                .flows
                .get(flow)
                .is_some_and(|flow| flow.encoder_kbps >= kbps)
        };
        after
            .into_iter()
            .find(reaches)
            .map(|found| found.at - since)
    }
}
