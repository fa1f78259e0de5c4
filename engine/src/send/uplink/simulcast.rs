//! One track sent as several streams of different size, its spatial layers.
//!
//! The rate of a track fills its layers from the base up: each gets as much as it can use before
//! the next gets anything, and a layer that would get less than its least gets nothing. It begins
//! only when there is some more than the least, and ends only when there has been less for a while,
//! because every beginning costs a key frame.

use core::time::Duration;

use super::protection::{FrameGate, Protection};
use super::types::LayerConfig;
use crate::time::{Bitrate, Instant};

/// A layer begins with so many times its least rate.
const BEGIN_FACTOR: f64 = 1.15;
/// A layer that gets less than its least for so long ends. A controller that drains a queue is back
/// sooner.
const END_AFTER: Duration = Duration::from_millis(1_500);

/// The share of one layer of a track.
#[derive(Debug)]
pub(super) struct LayerShare {
    config: LayerConfig,
    pub(super) bitrate: Bitrate,
    pub(super) gate: FrameGate,
    on: bool,
    /// Since when it has got less than its least.
    short_since: Option<Instant>,
}

impl LayerShare {
    pub(super) fn new(config: LayerConfig) -> Self {
        Self {
            config,
            bitrate: Bitrate::ZERO,
            gate: FrameGate::default(),
            on: false,
            short_since: None,
        }
    }

    /// The rate with which it begins.
    fn begins_with(&self) -> Bitrate {
        self.config.min_bitrate * BEGIN_FACTOR
    }

    pub(super) fn admit(&mut self, now: Instant, protection: &Protection) -> bool {
        self.bitrate > Bitrate::ZERO && self.gate.admit(now, self.bitrate, protection)
    }
}

/// Divides `total` among the layers; says whether one began or ended.
pub(super) fn divide(now: Instant, total: Bitrate, layers: &mut [LayerShare]) -> bool {
    let mut left = total;
    let mut changed = false;
    // Nothing above a layer that is off.
    let mut below_on = true;
    for (spatial, layer) in layers.iter_mut().enumerate() {
        let was_on = layer.on;
        let short = left < layer.config.min_bitrate;
        layer.short_since = if short {
            layer.short_since.or(Some(now))
        } else {
            None
        };
        let ended = layer
            .short_since
            .is_some_and(|since| now - since >= END_AFTER);
        layer.on = match (spatial, was_on) {
            (0, _) => true,
            (_, true) => below_on && !ended,
            (_, false) => below_on && left >= layer.begins_with(),
        };
        layer.bitrate = if layer.on {
            left.min(layer.config.max_bitrate)
        } else {
            Bitrate::ZERO
        };
        left = left.saturating_sub(layer.bitrate);
        below_on = layer.on;
        changed |= was_on != layer.on;
    }
    changed
}

/// What the track must have for its next layer to begin, if there is one that is not sent.
pub(super) fn wanted(layers: &[LayerShare]) -> Option<Bitrate> {
    let off = layers.iter().position(|layer| !layer.on)?;
    let below = layers[..off].iter().map(|layer| layer.config.max_bitrate);
    Some(below.fold(layers[off].begins_with(), |sum, rate| sum + rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Vec<LayerShare> {
        let layer = |min, max| {
            LayerShare::new(LayerConfig {
                min_bitrate: Bitrate::from_kbps(min),
                max_bitrate: Bitrate::from_kbps(max),
            })
        };
        vec![layer(30, 150), layer(400, 1_000)]
    }

    fn kbps(layers: &[LayerShare]) -> Vec<u64> {
        layers
            .iter()
            .map(|layer| layer.bitrate.as_bps() / 1_000)
            .collect()
    }

    #[test]
    fn the_base_is_filled_first_and_a_layer_below_its_least_is_not_sent() {
        let mut layers = layers();
        let mut at = |total| {
            divide(Instant::ZERO, Bitrate::from_kbps(total), &mut layers);
            kbps(&layers)
        };
        assert_eq!(at(20), [20, 0]);
        assert_eq!(at(560), [150, 0]);
        assert_eq!(at(620), [150, 470]);
        assert_eq!(at(5_000), [150, 1_000]);
    }

    #[test]
    fn a_short_want_does_not_end_a_layer_and_a_long_one_does() {
        let mut layers = layers();
        let mut at = |ms, total| {
            let changed = divide(
                Instant::from_millis(ms),
                Bitrate::from_kbps(total),
                &mut layers,
            );
            (changed, kbps(&layers))
        };
        assert_eq!(at(0, 1_000), (true, vec![150, 850]));
        assert_eq!(at(100, 300), (false, vec![150, 150]));
        assert_eq!(at(1_000, 560), (false, vec![150, 410]));
        assert_eq!(at(1_100, 200), (false, vec![150, 50]));
        assert_eq!(at(2_600, 200), (true, vec![150, 0]));
        assert_eq!(at(2_700, 590), (false, vec![150, 0]));
        assert_eq!(at(2_800, 620), (true, vec![150, 470]));
    }
}
