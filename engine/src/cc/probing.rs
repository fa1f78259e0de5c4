//! Trying whether a path bears a higher layer.
//!
//! The controller learns of a path only what is sent over it, and a lower layer shows nothing of a
//! higher one. So a few repair packets of one frame go out as a burst at the rate that the higher
//! layer needs ([`Probe`]). They help where the path loses, and cost a narrow one some ten
//! milliseconds of queue.

use core::time::Duration;

use super::Probe;
use crate::time::{Bitrate, Instant};

/// Packets of a burst on a path that loses none.
const LEAST_PACKETS: f64 = 6.0;
/// A burst lasts so long, if that takes more packets.
const SPAN: Duration = Duration::from_millis(15);
/// A burst that was not sent or reported by then shows nothing.
const LONGEST: Duration = Duration::from_secs(2);
/// It is faster than what it is to show by so much, since pacing and clocks are not exact.
const MARGIN: f64 = 1.15;

/// One trial at a time: [`Self::begin`], then [`Self::queued`] with [`Self::packets`] at the next
/// frame, [`Self::on_sent`] for each of them at [`Self::rate`], and [`Self::outcome`].
#[derive(Debug, Default)]
pub struct Probing(Option<Trial>);

#[derive(Debug)]
struct Trial {
    /// To be shown.
    wanted: Bitrate,
    since: Instant,
    burst: Burst,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Burst {
    /// Waits for a frame.
    Wanted,
    /// Stands in the queue, or a part of it.
    Queued {
        packets: u16,
        from: Option<Instant>,
        /// Sent of it.
        bytes: usize,
    },
    Sent,
}

impl Probing {
    /// Whether a trial may begin.
    pub fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// Wants to know whether the path bears `wanted`.
    pub fn begin(&mut self, now: Instant, wanted: Bitrate) {
        self.0 = Some(Trial {
            wanted,
            since: now,
            burst: Burst::Wanted,
        });
    }

    /// Ends the trial if it is over: whether it has shown what was wanted. `probed` is what the
    /// controller made of the burst.
    pub fn outcome(&mut self, now: Instant, probed: Option<Bitrate>) -> Option<bool> {
        let trial = self.0.as_ref()?;
        let sent = trial.burst == Burst::Sent;
        let shown = probed
            .filter(|_| sent)
            .map(|rate| rate >= trial.wanted)
            .or_else(|| (now - trial.since > LONGEST).then_some(false))?;
        self.0 = None;
        Some(shown)
    }

    /// How many packets of `bytes` the burst is to have, if a frame is waited for. `loss` is the
    /// path's share, 0 to 1.
    pub fn packets(&self, bytes: usize, loss: f64) -> Option<u16> {
        let trial = self.0.as_ref().filter(|t| t.burst == Burst::Wanted)?;
        let spanning = (trial.wanted * MARGIN).bytes_in(SPAN) as f64 / bytes.max(1) as f64;
        Some((LEAST_PACKETS.max(spanning) / (1.0 - loss.min(0.9))).ceil() as u16)
    }

    /// Notes that the queue has got the burst.
    pub fn queued(&mut self, packets: u16) {
        if let Some(trial) = &mut self.0 {
            trial.burst = Burst::Queued {
                packets,
                from: None,
                bytes: 0,
            };
        }
    }

    /// The rate at which to send, while the burst is in the queue.
    pub fn rate(&self) -> Option<Bitrate> {
        let trial = self.0.as_ref()?;
        matches!(trial.burst, Burst::Queued { .. }).then_some(trial.wanted * MARGIN)
    }

    /// Notes a repair packet of `length` bytes that goes out. After the last of the burst: what the
    /// controller is to know of it.
    pub fn on_sent(&mut self, now: Instant, length: usize) -> Option<Probe> {
        let rate = self.rate()?;
        let trial = self.0.as_mut()?;
        let Burst::Queued {
            packets,
            from,
            bytes,
        } = trial.burst
        else {
            return None;
        };
        let (from, bytes) = (from.unwrap_or(now), bytes + length);
        if packets > 1 {
            trial.burst = Burst::Queued {
                packets: packets - 1,
                from: Some(from),
                bytes,
            };
            return None;
        }
        trial.burst = Burst::Sent;
        Some(Probe {
            from,
            until: now,
            bytes,
            rate,
        })
    }
}
