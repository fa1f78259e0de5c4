//! Which layers of each track a subscriber gets.
//!
//! Every tick the subscriber's rate is dealt out. In this order: audio; what retransmissions took
//! lately, at most half; every track's cheapest point, with the repair packets its path needs; then
//! the next point of each track in turn. So that nobody sees video jump between sizes:
//!
//! - up only if the rate has been enough for [`UP_FACTOR`] times what all would take, for a hold
//!   time; the hold time doubles, up to [`MAX_HOLD`], whenever a step up is followed by one down
//!   within [`FAILED_WITHIN`], and half as long again after as long without;
//! - down when the rate has been too low for [`DOWN_AFTER`], for a controller that drains a queue
//!   is back by then; at once if it is below half of what is needed or frames had to be given up,
//!   for then the path has narrowed;
//! - a track that begins, or of which other layers were asked for, starts where the rate allows,
//!   without any hold.
//!
//! A spatial layer is changed at a key frame of the new one, by [`super::Subscriber`].

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{Bitrate, Instant, LayerId, TrackId};

use super::rates::Point;

/// A step up needs room for the sum of all rates after it, times this factor.
const UP_FACTOR: f64 = 1.2;
/// Least wait before a step up.
const MIN_HOLD: Duration = Duration::from_secs(2);
/// Longest wait before a step up that has failed many times.
const MAX_HOLD: Duration = Duration::from_secs(60);
/// A step up that is followed by a step down within this time counts as failed.
const FAILED_WITHIN: Duration = Duration::from_secs(15);
/// The rate has to be too low for this long before a step down: a controller that drains a queue is
/// back sooner.
const DOWN_AFTER: Duration = Duration::from_millis(1_200);
/// If the rate is below this share of the sum of all rates, the step down comes at once.
const NARROWED: f64 = 0.5;

/// The choice for all tracks of one subscriber.
#[derive(Debug)]
pub struct LayerChooser {
    chosen: BTreeMap<TrackId, LayerId>,
    short_since: Option<Instant>,
    enough_since: Option<Instant>,
    last_up: Option<Instant>,
    hold: Duration,
    /// The sum of all rates after the next step up, if there is one.
    wanted: Option<Bitrate>,
    switches: u64,
}

impl Default for LayerChooser {
    fn default() -> Self {
        Self {
            chosen: BTreeMap::new(),
            short_since: None,
            enough_since: None,
            last_up: None,
            hold: MIN_HOLD,
            wanted: None,
            switches: 0,
        }
    }
}

impl LayerChooser {
    /// Chooses anew: `budget` is for video with its repair packets, and `tracks` are what the
    /// points of each take with theirs, cheapest first, none dearer than what was subscribed to.
    /// `given_up` says that frames waited too long to be sent.
    pub fn choose(
        &mut self,
        now: Instant,
        budget: Bitrate,
        tracks: &BTreeMap<TrackId, Vec<Point>>,
        given_up: bool,
    ) {
        self.chosen.retain(|key, _| tracks.contains_key(key));
        let now_at: Vec<Option<usize>> = tracks
            .iter()
            .map(|(key, points)| Some(place(points, *self.chosen.get(key)?)))
            .collect();
        let points: Vec<&[Point]> = tracks.values().map(Vec::as_slice).collect();
        let fits = deal(budget, &points);
        // A track that begins starts at the point that fits now, without a hold.
        let current: Vec<usize> = now_at
            .iter()
            .zip(&fits)
            .map(|(at, fit)| at.unwrap_or(*fit))
            .collect();
        let mut next = current.clone();
        let total = sum(&points, &current);
        self.short_since = if total > budget {
            Some(self.short_since.unwrap_or(now))
        } else {
            None
        };
        let narrowed = given_up || total * NARROWED > budget;
        if self
            .short_since
            .is_some_and(|since| narrowed || now - since >= DOWN_AFTER)
        {
            for (at, fit) in next.iter_mut().zip(&fits) {
                *at = (*at).min(*fit);
            }
            if next != current {
                self.stepped_down(now);
            }
        }
        self.step_up(now, budget, &points, &mut next);
        for (((key, points), at), before) in tracks.iter().zip(next).zip(now_at) {
            let Some(point) = points.get(at) else {
                continue;
            };
            if before.is_some_and(|before| before != at) {
                self.switches += 1;
            }
            self.chosen.insert(*key, point.layer());
        }
    }

    /// What was chosen for a track; `None` before anything is known of it.
    #[must_use]
    pub fn chosen(&self, track: TrackId) -> Option<LayerId> {
        self.chosen.get(&track).copied()
    }

    /// Forgets a track.
    pub fn remove(&mut self, track: TrackId) {
        self.chosen.remove(&track);
    }

    /// The rate for video that the next step up waits for, once it has waited long enough to be
    /// tried.
    #[must_use]
    pub fn probe_for(&self, now: Instant) -> Option<Bitrate> {
        let rested = self.last_up.is_none_or(|at| now - at >= self.hold);
        self.wanted
            .filter(|_| rested && self.short_since.is_none())
            .map(|rate| rate * UP_FACTOR)
    }

    /// Notes that trying to get more only made a queue.
    pub fn probe_failed(&mut self, now: Instant) {
        self.hold = (self.hold * 2).min(MAX_HOLD);
        self.last_up = Some(now);
        self.enough_since = None;
    }

    /// Whether the chosen layers need more than the rate, as when there are no smaller ones.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.short_since.is_some()
    }

    /// How often a track that had begun was given other layers.
    #[must_use]
    pub fn switches(&self) -> u64 {
        self.switches
    }

    fn stepped_down(&mut self, now: Instant) {
        let failed = self.last_up.is_some_and(|at| now - at < FAILED_WITHIN);
        self.hold = if failed {
            (self.hold * 2).min(MAX_HOLD)
        } else {
            MIN_HOLD
        };
        self.last_up = Some(now);
        self.enough_since = None;
    }

    fn step_up(&mut self, now: Instant, budget: Bitrate, points: &[&[Point]], at: &mut [usize]) {
        // The cheapest step first, of equal ones the first track's.
        let total = sum(points, at);
        let step = |track: usize| {
            let more = points[track].get(at[track] + 1)?;
            let less = points[track].get(at[track])?;
            Some((more.rate.saturating_sub(less.rate), track))
        };
        let Some((more, track)) = (0..points.len()).filter_map(step).min() else {
            self.wanted = None;
            self.enough_since = None;
            return;
        };
        let needed = total + more;
        self.wanted = Some(needed);
        if needed * UP_FACTOR > budget {
            self.enough_since = None;
            return;
        }
        let since = *self.enough_since.get_or_insert(now);
        let rested = self.last_up.is_none_or(|last| now - last >= self.hold);
        if rested && now - since >= MIN_HOLD {
            if self.last_up.is_some_and(|last| now - last >= MAX_HOLD) {
                self.hold = (self.hold / 2).max(MIN_HOLD);
            }
            at[track] += 1;
            self.last_up = Some(now);
            self.enough_since = None;
        }
    }
}

/// The highest point of `points` that is not above `highest`.
fn place(points: &[Point], highest: LayerId) -> usize {
    points
        .iter()
        .rposition(|point| point.layer() <= highest)
        .unwrap_or(0)
}

/// How far each track gets within `budget`: all to their first point, whatever it takes, then one
/// step each in turn.
fn deal(budget: Bitrate, points: &[&[Point]]) -> Vec<usize> {
    let mut at = vec![0; points.len()];
    loop {
        let mut stepped = false;
        for track in 0..points.len() {
            if at[track] + 1 < points[track].len() {
                at[track] += 1;
                if sum(points, &at) <= budget {
                    stepped = true;
                } else {
                    at[track] -= 1;
                }
            }
        }
        if !stepped {
            return at;
        }
    }
}

fn sum(points: &[&[Point]], at: &[usize]) -> Bitrate {
    points
        .iter()
        .zip(at)
        .filter_map(|(points, at)| points.get(*at))
        .fold(Bitrate::ZERO, |sum, point| sum + point.rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracks(count: u8) -> BTreeMap<TrackId, Vec<Point>> {
        let points = [(0, 150), (1, 800)].map(|(spatial, kbps)| Point {
            spatial,
            temporal: 0,
            rate: Bitrate::from_kbps(kbps),
            fragments: 1,
        });
        (0..count)
            .map(|track| (TrackId::new(7, track), points.to_vec()))
            .collect()
    }

    /// Layers of the first track at each tick of 100 ms, with the rate for video of that moment.
    fn run(chooser: &mut LayerChooser, ticks: u64, kbps: impl Fn(u64) -> u64) -> Vec<u8> {
        let tracks = tracks(1);
        (0..ticks)
            .map(|tick| {
                let now = Instant::from_millis(tick * 100);
                chooser.choose(now, Bitrate::from_kbps(kbps(tick)), &tracks, false);
                chooser
                    .chosen(TrackId::new(7, 0))
                    .map_or(0, |layer| layer.spatial)
            })
            .collect()
    }

    #[test]
    fn a_track_begins_where_the_rate_allows() {
        let mut chooser = LayerChooser::default();
        assert_eq!(run(&mut chooser, 1, |_| 900), [1]);
        let mut chooser = LayerChooser::default();
        assert_eq!(run(&mut chooser, 1, |_| 700), [0]);
        let mut chooser = LayerChooser::default();
        chooser.choose(Instant::ZERO, Bitrate::from_kbps(1_000), &tracks(3), false);
        let layers: Vec<_> = (0..3)
            .map(|n| chooser.chosen(TrackId::new(7, n)).unwrap().spatial)
            .collect();
        assert_eq!(layers, [0, 0, 0], "1,000 is less than 800 + 2 × 150");
        assert_eq!(chooser.switches(), 0);
    }

    #[test]
    fn draining_does_not_take_a_layer_away_and_a_narrow_path_does_at_once() {
        let mut chooser = LayerChooser::default();
        let layers = run(&mut chooser, 100, |tick| match tick {
            20..30 => 600,
            _ => 900,
        });
        assert_eq!(layers, vec![1; 100]);
        let mut chooser = LayerChooser::default();
        let layers = run(&mut chooser, 22, |tick| if tick < 20 { 900 } else { 300 });
        assert_eq!(layers[19..], [1, 0, 0]);
        assert_eq!(chooser.switches(), 1);
    }

    #[test]
    fn a_rate_that_swings_around_a_layer_is_answered_ever_more_rarely() {
        let mut chooser = LayerChooser::default();
        // Ten minutes in which the rate is enough for four seconds and too little for three.
        let layers = run(&mut chooser, 6_000, |tick| {
            if tick % 70 < 40 { 1_000 } else { 500 }
        });
        let ups = |range: core::ops::Range<usize>| {
            layers[range].windows(2).filter(|w| w[0] < w[1]).count()
        };
        assert!(ups(0..600) <= 5, "{} in the first minute", ups(0..600));
        assert!(ups(3_000..6_000) <= 5, "{} in five", ups(3_000..6_000));
        assert!(ups(0..6_000) > 0, "it never tried");
    }

    #[test]
    fn the_next_step_is_known_and_a_failed_trial_waits_longer() {
        let mut chooser = LayerChooser::default();
        run(&mut chooser, 40, |_| 200);
        let now = Instant::from_millis(4_000);
        assert_eq!(chooser.probe_for(now), Some(Bitrate::from_kbps(960)));
        chooser.probe_failed(now);
        assert_eq!(chooser.probe_for(now + Duration::from_secs(3)), None);
        assert!(chooser.probe_for(now + Duration::from_secs(4)).is_some());
    }
}
