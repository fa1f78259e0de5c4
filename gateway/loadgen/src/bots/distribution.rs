//! Times that are kept as counts, so that a long run of many bots needs no memory for each.

use std::collections::BTreeMap;

use serde::Serialize;

/// How often each time was seen, in steps of 0.1 ms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distribution {
    counts: BTreeMap<u32, u64>,
    total: u64,
}

/// What a report says of a [`Distribution`], in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    count: u64,
    min: f64,
    median: f64,
    p95: f64,
    max: f64,
}

impl Distribution {
    /// Counts one time.
    pub(crate) fn add(&mut self, micros: u64) {
        let step = u32::try_from(micros / STEP_MICROS).unwrap_or(u32::MAX);
        *self.counts.entry(step).or_default() += 1;
        self.total += 1;
    }

    /// Counts all of another one.
    pub(crate) fn extend(&mut self, other: &Self) {
        for (step, count) in &other.counts {
            *self.counts.entry(*step).or_default() += count;
        }
        self.total += other.total;
    }

    /// None without any time.
    pub(crate) fn summary(&self) -> Option<Summary> {
        Some(Summary {
            count: self.total,
            min: millis(*self.counts.first_key_value()?.0),
            median: self.percentile(50)?,
            p95: self.percentile(95)?,
            max: millis(*self.counts.last_key_value()?.0),
        })
    }

    /// The least time that is not exceeded by so many percent of all (nearest rank).
    fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut below = 0;
        let reached = |(_, count): &(&u32, &u64)| {
            below += **count;
            below >= rank
        };
        self.counts
            .iter()
            .find(reached)
            .map(|(step, _)| millis(*step))
    }
}

fn millis(step: u32) -> f64 {
    f64::from(step) / 10.0
}

const STEP_MICROS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut odd = Distribution::default();
        (1..=99).for_each(|n| odd.add(n * 1_000));
        let mut all = Distribution::default();
        all.extend(&odd);
        all.add(100_040);
        let summary = all.summary().unwrap();
        let expected = Summary {
            count: 100,
            min: 1.0,
            median: 50.0,
            p95: 95.0,
            max: 100.0,
        };
        assert_eq!(summary, expected);
        assert_eq!(Distribution::default().summary(), None);
    }
}
