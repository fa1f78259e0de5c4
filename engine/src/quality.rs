//! How good a direction of a call is, in one number: the E-model of ITU-T G.107, simplified as Cole
//! and Rosenbluth do (*Voice over IP performance monitoring*, ACM SIGCOMM CCR 31(2), 2001), and the
//! six steps that applications show.
//!
//! ```text
//!  R = 93.2 − Id − Ie,eff          Id     = 0.024 d + 0.11 (d − 177.3) where d > 177.3 ms
//!                                  Ie,eff = 95 · Ppl / (Ppl / BurstR + Bpl)
//! ```
//!
//! `d` is the delay from mouth to ear, `Ppl` the loss in percent, `BurstR` how much longer runs of
//! lost packets are than by chance, `Bpl` the codec's robustness against loss. Not a judgement of
//! video frames.

use core::time::Duration;
use std::collections::VecDeque;

use serde::Serialize;

use crate::time::Instant;

/// Percent of loss at which half of the rating is lost; G.113 Appendix I has 25.1 for a codec that
/// conceals.
const BPL: f64 = 25.1;
/// Capture, coding and playout of a call that has no other delay.
const PROCESSING: Duration = Duration::from_millis(40);
/// Counters are compared over so long.
const WINDOW: Duration = Duration::from_secs(4);
/// Lowest rating of levels 1 to 4: satisfied, some dissatisfied, many dissatisfied, nearly all
/// (G.107 Annex B, coarser).
const LEVELS: [f64; 4] = [85.0, 75.0, 60.0, 45.0];
/// A better level must be reached by this much, so that a rating on the border does not flicker.
const MARGIN: f64 = 3.0;

/// The transmission rating R, 0 to 93.2. `loss` is 0 to 1 and `burst` 1 for losses by chance.
pub fn rating(mouth_to_ear: Duration, loss: f64, burst: f64) -> f64 {
    let delay = mouth_to_ear.as_secs_f64() * 1e3;
    let delay_impairment = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let percent = 100.0 * loss.clamp(0.0, 1.0);
    let loss_impairment = 95.0 * percent / (percent / burst.max(1.0) + BPL);
    (93.2 - delay_impairment - loss_impairment).max(0.0)
}

/// The mean opinion that listeners would have, 1 to 4.5 (G.107 Annex B).
pub fn mean_opinion(rating: f64) -> f64 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}

/// What is known of a direction at one moment. The counters only grow; smaller ones are those of a
/// new session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// From mouth to ear without `PROCESSING`; absent while unknown.
    pub delay: Option<Duration>,
    /// What came: packets of a network, samples of audio.
    pub good: u64,
    /// What did not: packets lost, samples concealed.
    pub bad: u64,
    /// How much longer runs of lost packets are than by chance, from 1.
    pub burst: f64,
}

/// How a direction is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// 0 unknown, 1 excellent, 2 good, 3 poor, 4 bad, 5 very bad.
    #[cfg_attr(feature = "typescript", ts(type = "0 | 1 | 2 | 3 | 4 | 5"))]
    pub level: u8,
    /// R of the E-model, 0 to 93.2.
    pub rating: f64,
    /// 1 to 4.5.
    pub mean_opinion: f64,
    /// Over the last four seconds, 0 to 1.
    pub loss: f64,
}

/// Follows one direction.
#[derive(Clone, Debug, Default)]
pub struct QualityMeter {
    counts: VecDeque<(Instant, u64, u64)>,
    level: u8,
}

impl QualityMeter {
    /// Takes a report, at intervals of a second or so, and rates the direction.
    pub fn update(&mut self, now: Instant, report: Report) -> Quality {
        let loss = self.loss(now, report.good, report.bad);
        let Some(delay) = report.delay else {
            self.level = 0;
            return Quality {
                loss,
                ..Quality::default()
            };
        };
        let rating = rating(delay + PROCESSING, loss, report.burst);
        self.level = self.next_level(rating);
        Quality {
            level: self.level,
            rating,
            mean_opinion: mean_opinion(rating),
            loss,
        }
    }

    fn loss(&mut self, now: Instant, good: u64, bad: u64) -> f64 {
        let restarted = |&(_, earlier, _): &(Instant, u64, u64)| good < earlier;
        if self.counts.back().is_some_and(restarted) {
            self.counts.clear();
        }
        self.counts.push_back((now, good, bad));
        // The newest of those as old as the window stays: it is what is compared with.
        while self
            .counts
            .get(1)
            .is_some_and(|&(at, ..)| now - at >= WINDOW)
        {
            self.counts.pop_front();
        }
        let (good_before, bad_before) = self.counts.front().map_or((0, 0), |&(_, g, b)| (g, b));
        // What was lost may still come: the counter may fall.
        let bad = bad.saturating_sub(bad_before) as f64;
        let all = (good - good_before) as f64 + bad;
        if all > 0.0 { bad / all } else { 0.0 }
    }

    fn next_level(&self, rating: f64) -> u8 {
        let at = |margin: f64| {
            let worse = LEVELS.iter().filter(|&&least| rating < least + margin);
            1 + worse.count() as u8
        };
        let plain = at(0.0);
        if self.level == 0 || plain >= self.level {
            plain
        } else {
            at(MARGIN).min(self.level)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_rating_has_the_values_of_the_e_model() {
        // G.107: 93.2 without impairments; 0.024 a millisecond up to 177.3 and 0.134 beyond.
        assert!((rating(ms(0), 0.0, 1.0) - 93.2).abs() < 1e-9);
        assert!((rating(ms(100), 0.0, 1.0) - 90.8).abs() < 1e-9);
        assert!((rating(ms(300), 0.0, 1.0) - (93.2 - 7.2 - 0.11 * 122.7)).abs() < 1e-9);
        // Loss of Bpl percent costs half of 95.
        assert!((rating(ms(0), 0.251, 1.0) - (93.2 - 47.5)).abs() < 1e-9);
        assert!(rating(ms(0), 0.1, 3.0) < rating(ms(0), 0.1, 1.0));
        assert_eq!(rating(ms(5_000), 1.0, 1.0), 0.0);
    }

    #[test]
    fn opinions_have_the_values_of_annex_b() {
        // Table B.1 of G.107: lower limits of the categories.
        for (rating, opinion) in [
            (90.0, 4.34),
            (80.0, 4.03),
            (70.0, 3.60),
            (60.0, 3.10),
            (50.0, 2.58),
        ] {
            assert!((mean_opinion(rating) - opinion).abs() < 0.01, "{rating}");
        }
        assert_eq!(mean_opinion(0.0), 1.0);
    }

    fn run(
        meter: &mut QualityMeter,
        from: u64,
        seconds: u64,
        lost_percent: u64,
        totals: &mut (u64, u64),
    ) -> Quality {
        let mut quality = Quality::default();
        for second in from..from + seconds {
            totals.0 += 100 - lost_percent;
            totals.1 += lost_percent;
            let report = Report {
                delay: Some(ms(25)),
                good: totals.0,
                bad: totals.1,
                burst: 1.0,
            };
            quality = meter.update(Instant::from_millis(second * 1_000), report);
        }
        quality
    }

    #[test]
    fn a_direction_is_rated_by_its_last_seconds_both_ways() {
        let (mut meter, mut totals) = (QualityMeter::default(), (0, 0));
        assert_eq!(run(&mut meter, 0, 10, 0, &mut totals).level, 1);
        let bad = run(&mut meter, 10, 10, 30, &mut totals);
        assert!((bad.loss - 0.3).abs() < 1e-9);
        assert_eq!(bad.level, 5);
        assert_eq!(run(&mut meter, 20, 10, 0, &mut totals).level, 1);
    }

    #[test]
    fn on_the_border_the_worse_level_stays() {
        let mut meter = QualityMeter::default();
        let levels: Vec<u8> = [86.0, 84.0, 86.0, 84.0, 87.9, 88.0]
            .into_iter()
            .map(|rating| {
                meter.level = meter.next_level(rating);
                meter.level
            })
            .collect();
        assert_eq!(levels, [1, 2, 2, 2, 2, 1]);
    }

    #[test]
    fn without_a_delay_nothing_is_known_and_a_new_session_starts_over() {
        let mut meter = QualityMeter::default();
        assert_eq!(meter.update(Instant::ZERO, Report::default()).level, 0);
        let (mut meter, mut totals) = (QualityMeter::default(), (0, 0));
        run(&mut meter, 0, 10, 50, &mut totals);
        assert_eq!(run(&mut meter, 10, 1, 0, &mut (0, 0)).loss, 0.0);
    }
}
