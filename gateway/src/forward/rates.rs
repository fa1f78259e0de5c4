//! The rate of each layer of a publisher's tracks, measured as the packets come in.

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{Bitrate, Instant, LayerId};

/// Long enough to hold a few frames at the lowest frame rates.
const SPAN: Duration = Duration::from_millis(500);
/// A layer is not being sent if no packet of it has come for this long.
const SILENCE: Duration = Duration::from_secs(1);
/// Nor is it being sent if nothing of it has come for this long while other layers of its track
/// came. Its subscribers should not have to wait a whole second. A publisher that thins frames out
/// because of loss still sends nine a second.
const LEFT_BEHIND: Duration = Duration::from_millis(400);
/// The share of the newest span in the mean.
const GAIN: f64 = 0.3;

/// One point at which a track can be forwarded: a spatial layer with its temporal layers up to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Spatial layer.
    pub spatial: u8,
    /// The highest temporal layer.
    pub temporal: u8,
    /// Its rate: from the publisher, or on a path with its repair packets.
    pub rate: Bitrate,
    /// Packets of a frame, on average.
    pub fragments: u16,
}

impl Point {
    /// The highest layer that is forwarded.
    #[must_use]
    pub const fn layer(&self) -> LayerId {
        LayerId::new(self.spatial, self.temporal)
    }
}

/// The rates of one publisher.
#[derive(Debug, Default)]
pub struct Rates {
    /// By track number and layer.
    layers: BTreeMap<(u8, LayerId), Meter>,
}

#[derive(Debug)]
struct Meter {
    since: Instant,
    bytes: u64,
    rate: Option<Bitrate>,
    packets: f64,
    frames: f64,
    last: Instant,
}

impl Rates {
    /// Notes a media packet of `bytes`, one of the `fragments` of a frame of `layer` of a track.
    pub fn on_packet(
        &mut self,
        now: Instant,
        track: u8,
        layer: LayerId,
        bytes: usize,
        fragments: u16,
    ) {
        let meter = self.layers.entry((track, layer)).or_insert(Meter {
            since: now,
            bytes: 0,
            rate: None,
            packets: 0.0,
            frames: 0.0,
            last: now,
        });
        if now - meter.last > SILENCE {
            // A pause is no low rate.
            meter.since = now;
            meter.bytes = 0;
        }
        meter.last = now;
        meter.bytes += bytes as u64;
        meter.packets += 1.0;
        meter.frames += 1.0 / f64::from(fragments.max(1));
        let elapsed = now - meter.since;
        if elapsed >= SPAN {
            let sample = Bitrate::from_bytes(meter.bytes, elapsed);
            meter.rate = Some(
                meter
                    .rate
                    .map_or(sample, |rate| rate * (1.0 - GAIN) + sample * GAIN),
            );
            meter.packets *= 1.0 - GAIN;
            meter.frames *= 1.0 - GAIN;
            meter.since = now;
            meter.bytes = 0;
        }
    }

    /// The rate of all layers of a track together; zero if nothing of it comes.
    #[must_use]
    pub fn track(&self, now: Instant, track: u8) -> Bitrate {
        self.live(now, track)
            .fold(Bitrate::ZERO, |sum, (_, _, rate)| sum + rate)
    }

    /// The points at which a track can be forwarded, each dearer than the one before; layers that
    /// do not come, or have not come for long enough to be measured, are left out.
    ///
    /// While nothing moves in a video its larger size may take no more than the smaller one, and
    /// is the better all the same. With all of its temporal layers it counts as dearer by one bit
    /// per second then.
    #[must_use]
    pub fn points(&self, now: Instant, track: u8) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        let (mut of_spatial, mut rate, mut packets, mut frames) = (0, Bitrate::ZERO, 0.0, 0.0);
        let mut live = self.live(now, track).peekable();
        while let Some((LayerId { spatial, temporal }, meter, of_layer)) = live.next() {
            if of_spatial != spatial {
                (of_spatial, rate, packets, frames) = (spatial, Bitrate::ZERO, 0.0, 0.0);
            }
            rate = rate + of_layer;
            packets += meter.packets;
            frames += meter.frames;
            let whole = live.peek().is_none_or(|(next, ..)| next.spatial != spatial);
            let dearer = points.last().map_or(rate, |last| {
                let least = last.rate + Bitrate::from_bps(1);
                if whole && spatial > last.spatial {
                    rate.max(least)
                } else {
                    rate
                }
            });
            if points.last().is_none_or(|last| dearer > last.rate) {
                points.push(Point {
                    spatial,
                    temporal,
                    rate: dearer,
                    fragments: (packets / frames).round() as u16,
                });
            }
        }
        points
    }

    /// Forgets a track.
    pub fn remove_track(&mut self, track: u8) {
        self.layers.retain(|key, _| key.0 != track);
    }

    fn live(&self, now: Instant, track: u8) -> impl Iterator<Item = (LayerId, &Meter, Bitrate)> {
        let (lowest, highest) = (LayerId::new(0, 0), LayerId::new(u8::MAX, u8::MAX));
        let of_track = self.layers.range((track, lowest)..=(track, highest));
        let newest = of_track.clone().map(|(_, meter)| meter.last).max();
        let comes = move |last| {
            now - last <= SILENCE && newest.is_none_or(|newest| newest - last <= LEFT_BEHIND)
        };
        of_track
            .filter(move |(_, meter)| comes(meter.last))
            .filter_map(|((_, layer), meter)| Some((*layer, meter, meter.rate?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(rates: &mut Rates, from_ms: u64, to_ms: u64, layer: (u8, u8), bytes: usize) {
        for ms in (from_ms..to_ms).step_by(10) {
            let layer = LayerId::new(layer.0, layer.1);
            rates.on_packet(Instant::from_millis(ms), 1, layer, bytes, 3);
        }
    }

    #[test]
    fn points_add_temporal_layers_and_each_is_dearer_than_the_last() {
        let mut rates = Rates::default();
        // 80, 40, 40 (a second spatial layer that is cheaper than the first with all of its
        // temporal ones) and 400 kbit/s more.
        for (layer, bytes) in [((0, 0), 100), ((0, 1), 50), ((1, 0), 50), ((1, 1), 500)] {
            feed(&mut rates, 0, 5_000, layer, bytes);
        }
        let points: Vec<_> = rates
            .points(Instant::from_millis(5_000), 1)
            .iter()
            .map(|point| (point.spatial, point.temporal, point.rate.as_bps() / 10_000))
            .collect();
        let fragments = |point: &Point| point.fragments == 3;
        assert!(
            rates
                .points(Instant::from_millis(5_000), 1)
                .iter()
                .all(fragments)
        );
        assert_eq!(points, [(0, 0, 8), (0, 1, 12), (1, 1, 44)]);
        assert_eq!(rates.points(Instant::from_millis(5_000), 2), []);
    }

    #[test]
    fn a_larger_size_that_takes_no_more_than_the_smaller_one_can_still_be_chosen() {
        let mut rates = Rates::default();
        for (layer, bytes) in [((0, 0), 100), ((0, 1), 50), ((1, 0), 40), ((1, 1), 60)] {
            feed(&mut rates, 0, 5_000, layer, bytes);
        }
        let points = rates.points(Instant::from_millis(5_000), 1);
        let layers: Vec<_> = points
            .iter()
            .map(|point| (point.spatial, point.temporal))
            .collect();
        assert_eq!(layers, [(0, 0), (0, 1), (1, 1)]);
        assert!(points.is_sorted_by(|a, b| a.rate < b.rate), "{points:?}");
    }

    #[test]
    fn a_layer_that_stays_behind_the_others_is_gone_sooner_than_one_that_pauses_with_them() {
        let mut rates = Rates::default();
        feed(&mut rates, 0, 2_500, (0, 0), 100);
        feed(&mut rates, 0, 2_000, (1, 0), 1_000);
        assert_eq!(rates.points(Instant::from_millis(2_500), 1).len(), 1);
        let mut rates = Rates::default();
        feed(&mut rates, 0, 2_300, (0, 0), 100);
        feed(&mut rates, 0, 2_000, (1, 0), 1_000);
        let points = |at| rates.points(Instant::from_millis(at), 1).len();
        assert_eq!((points(2_300), points(2_900), points(3_500)), (2, 2, 0));
    }

    #[test]
    fn a_layer_that_pauses_is_gone_and_comes_back_at_its_rate() {
        let mut rates = Rates::default();
        feed(&mut rates, 0, 2_000, (0, 0), 125);
        assert_eq!(rates.points(Instant::from_millis(3_500), 1), []);
        feed(&mut rates, 9_000, 9_100, (0, 0), 125);
        let rate = rates.track(Instant::from_millis(9_100), 1).as_bps();
        assert!((95_000..110_000).contains(&rate), "{rate}");
    }
}
