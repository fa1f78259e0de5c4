//! The links of a scenario file.

use std::time::Duration;

use serde::Deserialize;
use smrtc_engine::{Bitrate, Instant};

use crate::Rng;
use crate::bandwidth::TraceFile;
use crate::link::{Link, LinkConfig, Loss};

/// A direction of the path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkSpec {
    /// The bottleneck; none if it is not given.
    pub rate_kbps: Option<u64>,
    /// The bottleneck as it was recorded, in place of a rate: a file of [`crate::bandwidth`],
    /// relative to the scenario's. Each seed enters it at another place.
    pub trace: Option<TraceFile>,
    /// What its queue holds, as time at its rate, or at a trace's mean rate. 300 ms if it is not
    /// given.
    pub queue_ms: Option<f64>,
    /// Whether the queue is managed by CoDel.
    pub codel: bool,
    /// One-way delay.
    pub delay_ms: f64,
    /// Added to the delay, uniformly from 0.
    pub jitter_ms: f64,
    /// Whether jitter reorders packets.
    pub reorder: bool,
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Mean length of a burst of losses; 0 for independent ones.
    pub burst: f64,
    /// Changes, in order of time.
    #[serde(rename = "step")]
    pub steps: Vec<StepSpec>,
}

/// A change of a link. What is not given stays.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepSpec {
    /// Time of the change, in seconds.
    pub at: f64,
    /// See [`LinkSpec::rate_kbps`].
    pub rate_kbps: Option<u64>,
    /// See [`LinkSpec::queue_ms`].
    pub queue_ms: Option<f64>,
    /// See [`LinkSpec::loss`].
    pub loss: Option<f64>,
    /// See [`LinkSpec::burst`].
    pub burst: Option<f64>,
    /// See [`LinkSpec::delay_ms`].
    pub delay_ms: Option<f64>,
    /// See [`LinkSpec::jitter_ms`].
    pub jitter_ms: Option<f64>,
}

impl LinkSpec {
    /// The way back: what is given, or without a bottleneck, and as lossy and long as this.
    pub(crate) fn back(&self, given: Option<&Self>) -> Self {
        given.cloned().unwrap_or_else(|| Self {
            rate_kbps: None,
            trace: None,
            steps: Vec::new(),
            ..self.clone()
        })
    }

    /// Whether both a rate and a trace are asked for.
    pub(crate) fn is_ambiguous(&self) -> bool {
        let steps = self.steps.iter().map(|step| step.rate_kbps);
        let rates = steps.chain([self.rate_kbps]).flatten();
        self.trace.is_some() && rates.count() > 0
    }

    /// A link of this kind as it is at first.
    pub(crate) fn link(&self, rng: &mut Rng) -> Link {
        let (config, seed) = (self.at(0.0), rng.next());
        let trace = self.trace.as_ref().and_then(TraceFile::trace);
        match trace {
            Some(trace) => {
                let length = trace.length().as_micros() as u64;
                let entered = Duration::from_micros(Rng::new(seed).below(length));
                Link::with_trace(config, trace.clone(), entered, seed)
            }
            None => Link::new(config, seed),
        }
    }

    /// The settings at a time.
    pub(crate) fn at(&self, seconds: f64) -> LinkConfig {
        let mut spec = self.clone();
        for step in self.steps.iter().filter(|step| step.at <= seconds) {
            spec.rate_kbps = step.rate_kbps.or(spec.rate_kbps);
            spec.queue_ms = step.queue_ms.or(spec.queue_ms);
            spec.loss = step.loss.unwrap_or(spec.loss);
            spec.burst = step.burst.unwrap_or(spec.burst);
            spec.delay_ms = step.delay_ms.unwrap_or(spec.delay_ms);
            spec.jitter_ms = step.jitter_ms.unwrap_or(spec.jitter_ms);
        }
        let rate = spec.rate_kbps.map(Bitrate::from_kbps);
        let trace = spec.trace.as_ref().and_then(TraceFile::trace);
        let narrow = rate.or(trace.map(|trace| trace.mean_rate()));
        let queue = ms(spec.queue_ms.unwrap_or(300.0));
        LinkConfig {
            delay: ms(spec.delay_ms),
            jitter: ms(spec.jitter_ms),
            reorder: spec.reorder,
            loss: match (spec.loss, spec.burst) {
                (0.0, _) => Loss::None,
                (loss, burst) if burst > 1.0 => Loss::gilbert(loss, burst),
                (loss, _) => Loss::Random(loss),
            },
            rate,
            // A queue of less than a few packets is no queue.
            queue_bytes: narrow.map_or(0, |rate| rate.bytes_in(queue).max(4_000)),
            codel: spec.codel,
        }
    }
}

pub(crate) fn ms(millis: f64) -> Duration {
    Duration::from_secs_f64((millis / 1e3).max(0.0))
}

/// The time `seconds` after the start.
pub(crate) fn at(seconds: f64) -> Instant {
    Instant::ZERO + Duration::from_secs_f64(seconds.max(0.0))
}
