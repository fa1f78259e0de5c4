//! A peak that is followed from spectrum to spectrum.

use std::collections::VecDeque;

/// Spectra over which growth is fitted: 200 ms.
const FIT: usize = 10;
/// Stretches of [`FIT`] over which the growth of a loop with much delay is looked for, 800 ms. Its
/// level goes up and down with what was said, as often as that comes round, so no line fits it.
const STRETCHES: usize = 4;
/// By how much each of them is louder than the one before, in dB, and all in all.
const MIN_STEP_DB: f32 = 1.0;
const MIN_CLIMB_DB: f32 = 8.0;
/// Bins by which a howl may wander from one spectrum to the next, and one that is not refined
/// exactly.
const NEAR_BINS: f32 = 1.5;
/// Spectra in a row without the peak: another audio was louder for that long, or it is gone.
const MAX_MISSED: u32 = 6;
/// The peak is persistent if it is in this many of the last 20 spectra, 0.4 s (IPMP).
const PERSISTENT: u32 = 16;
const PERSISTENT_OF: u32 = 20;
/// dB from one spectrum to the next: 5 dB a second.
const MIN_SLOPE: f32 = 0.1;
/// How far a level may lie off the line, in dB, as root of the mean square (IMSD).
const MAX_DEVIATION_DB: f32 = 2.0;
/// Fits in a row that must show growth, together 340 ms; an instrument or a whistle is at its
/// level sooner.
const MIN_GROWING: u32 = 8;
/// Least growth in all, in dB.
const MIN_RISE_DB: f32 = 8.0;
/// The peak is pure if in this many of the last ten spectra it has no harmonics and is none (PHPR).
const PURE: u32 = 7;
const PURE_OF: u32 = 10;

const MEANS: usize = (STRETCHES - 1) * FIT + 1;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct PeakTrack {
    bin: f32,
    /// The last ones, in dB; the newest last.
    levels: [f32; FIT],
    /// The last ones, as parts of all that was heard.
    shares: [f32; FIT],
    /// The mean of the levels at each spectrum in turn; the oldest of all stretches first.
    means: VecDeque<f32>,
    age: usize,
    /// A bit for each spectrum, the newest the lowest: whether the peak was there.
    seen: u32,
    /// The same, and whether it was pure.
    pure: u32,
    missed: u32,
    growing: u32,
    rise_db: f32,
    has_grown: bool,
    howls: bool,
    loudest_db: f32,
}

impl PeakTrack {
    pub(super) fn new(bin: f32, level_db: f32) -> Self {
        Self {
            bin,
            levels: [level_db; FIT],
            shares: [0.0; FIT],
            means: VecDeque::with_capacity(MEANS),
            age: 1,
            seen: 1,
            pure: 0,
            missed: 0,
            growing: 0,
            rise_db: 0.0,
            has_grown: false,
            howls: false,
            loudest_db: level_db,
        }
    }

    pub(super) fn is_at(&self, bin: f32) -> bool {
        (self.bin - bin).abs() < NEAR_BINS
    }

    pub(super) fn bin(&self) -> f32 {
        self.bin
    }

    pub(super) fn level_db(&self) -> f32 {
        self.levels[FIT - 1]
    }

    /// Since it began to howl.
    pub(super) fn loudest_db(&self) -> f32 {
        self.loudest_db
    }

    pub(super) fn howls(&self) -> bool {
        self.howls
    }

    pub(super) fn set_howls(&mut self, howls: bool) {
        if howls != self.howls {
            self.loudest_db = self.level_db();
        }
        self.howls = howls;
    }

    /// Adds a spectrum: where the peak is in it, if it is, and what is there.
    pub(super) fn add(&mut self, peak: Option<f32>, level_db: f32, share: f32, pure: bool) {
        if let Some(bin) = peak {
            self.bin += 0.3 * (bin - self.bin);
        }
        self.seen = self.seen << 1 | u32::from(peak.is_some());
        self.pure = self.pure << 1 | u32::from(pure);
        self.missed = if peak.is_some() { 0 } else { self.missed + 1 };
        self.age += 1;
        push(&mut self.levels, level_db);
        push(&mut self.shares, share);
        self.loudest_db = self.loudest_db.max(level_db);
        self.look_for_growth();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.missed > MAX_MISSED
    }

    pub(super) fn is_persistent(&self) -> bool {
        ones(self.seen, PERSISTENT_OF) >= PERSISTENT
    }

    pub(super) fn has_grown(&self) -> bool {
        self.has_grown
    }

    /// Its share of all that is heard, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        mean(&self.shares)
    }

    /// Whether it is a tone without harmonics.
    pub(super) fn is_pure(&self) -> bool {
        ones(self.pure, PURE_OF) >= PURE
    }

    fn look_for_growth(&mut self) {
        if self.age < FIT {
            return;
        }
        if self.means.len() == MEANS {
            self.means.pop_front();
        }
        self.means.push_back(mean(&self.levels));
        self.has_grown |= self.climbs();
        let (slope, deviation) = line(&self.levels);
        if slope < MIN_SLOPE || deviation > MAX_DEVIATION_DB {
            (self.growing, self.rise_db) = (0, 0.0);
            return;
        }
        self.growing += 1;
        // The first fit stands for its whole length.
        self.rise_db += slope
            * if self.growing == 1 {
                (FIT - 1) as f32
            } else {
                1.0
            };
        self.has_grown |= self.growing >= MIN_GROWING && self.rise_db >= MIN_RISE_DB;
    }

    /// Whether each stretch is louder than the one before.
    fn climbs(&self) -> bool {
        if self.means.len() < MEANS {
            return false;
        }
        let stretch = |n: usize| self.means[n * FIT];
        (1..STRETCHES).all(|n| stretch(n) > stretch(n - 1) + MIN_STEP_DB)
            && stretch(STRETCHES - 1) > stretch(0) + MIN_CLIMB_DB
    }
}

/// How many of the last `of` are set.
fn ones(bits: u32, of: u32) -> u32 {
    (bits & ((1 << of) - 1)).count_ones()
}

fn push(values: &mut [f32; FIT], value: f32) {
    values.rotate_left(1);
    values[FIT - 1] = value;
}

fn mean(values: &[f32; FIT]) -> f32 {
    values.iter().sum::<f32>() / FIT as f32
}

/// The line that fits best: its slope, and the root of the mean squared distance from it.
fn line(levels: &[f32; FIT]) -> (f32, f32) {
    let (middle, mean) = ((FIT - 1) as f32 / 2.0, mean(levels));
    let (mut product, mut square, mut spread) = (0.0, 0.0, 0.0);
    for (n, level) in levels.iter().enumerate() {
        let (x, y) = (n as f32 - middle, level - mean);
        product += x * y;
        square += x * x;
        spread += y * y;
    }
    let slope = product / square;
    let rest = spread - slope * product;
    (slope, (rest.max(0.0) / FIT as f32).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A track with these levels, alone and at one place.
    fn track(levels: impl IntoIterator<Item = f32>) -> PeakTrack {
        let mut track = PeakTrack::new(100.0, -90.0);
        for level in levels {
            track.add(Some(100.0), level, 0.95, true);
        }
        track
    }

    #[test]
    fn a_line_is_fitted_and_what_lies_off_it_measured() {
        let mut n = 0.0;
        let (slope, deviation) = line(&[0.0; FIT].map(|_| {
            n += 1.0;
            0.5 * n
        }));
        assert!((slope - 0.5).abs() < 1e-4 && deviation < 1e-3);
        let (slope, deviation) = line(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
        assert!(slope.abs() < 0.1 && (deviation - 1.0).abs() < 0.1);
    }

    #[test]
    fn a_steady_rise_is_growth_and_an_onset_is_none() {
        let rise = |per_spectrum: f32| track((0..60).map(|n| -70.0 + per_spectrum * n as f32));
        // 10 to 75 dB a second.
        assert!(rise(0.2).has_grown() && rise(0.6).has_grown() && rise(1.5).has_grown());
        assert!(!rise(0.02).has_grown());
        // At once, within 40 ms, and within 160 ms as a whistle does.
        for steps in [1, 2, 8] {
            let level = |n: i32| {
                if n < steps {
                    -40.0 + 30.0 * n as f32 / steps as f32
                } else {
                    -10.0
                }
            };
            assert!(!track((0..60).map(level)).has_grown(), "{steps}");
        }
    }

    #[test]
    fn a_peak_that_comes_and_goes_is_not_persistent_and_is_lost_in_the_end() {
        let mut track = track([-20.0; 30]);
        assert!(track.is_persistent() && !track.is_lost());
        for n in 0..20 {
            track.add((n % 2 == 0).then_some(100.0), -20.0, 0.9, true);
        }
        assert!(!track.is_persistent() && !track.is_lost());
        for _ in 0..=MAX_MISSED {
            track.add(None, -80.0, 0.1, false);
        }
        assert!(track.is_lost());
    }
}
