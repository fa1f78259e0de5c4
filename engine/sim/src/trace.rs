//! How a run went over time, for plots.

use std::time::Duration;

/// Time between samples of a run.
pub(crate) const TRACE_INTERVAL: Duration = Duration::from_millis(200);

/// A run, sampled every 200 ms.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// In order of time.
    pub samples: Vec<Sample>,
    /// The frames that each call showed.
    pub frames: Vec<Vec<ShownFrame>>,
}

/// A run at one time.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Seconds since the start.
    pub at: f64,
    /// Capacity of the bottleneck of the way forward, if there is one.
    pub capacity_kbps: Option<f64>,
    /// Its queue, as time at its rate.
    pub queue_ms: f64,
    /// Each call.
    pub flows: Vec<FlowSample>,
}

/// A call at one time.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowSample {
    /// Target rate of the congestion controller.
    pub target_kbps: f64,
    /// Target bitrate of the video encoder.
    pub encoder_kbps: f64,
    /// Sent since the sample before.
    pub sent_kbps: f64,
    /// Target delay of the jitter buffer of audio.
    pub audio_target_ms: f64,
}

/// A frame that was shown.
#[derive(Clone, Copy, Debug)]
pub struct ShownFrame {
    /// When it was shown, in seconds since the start.
    pub shown: f64,
    /// Time since its capture.
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
