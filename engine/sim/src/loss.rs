//! Loss on a link, apart from what its queue drops.

use crate::Rng;

/// A model of loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// No loss.
    #[default]
    None,
    /// Each packet by itself with this probability.
    Random(f64),
    /// Runs of exactly `length` packets; one begins at each packet with probability `start`.
    Bursts {
        /// Packets in a run.
        length: u32,
        /// Probability at each packet.
        start: f64,
    },
    /// Two states (Gilbert 1960, Elliott 1963): the path goes bad and good again with these
    /// probabilities at each packet, and loses everything while it is bad.
    Gilbert {
        /// From good to bad.
        to_bad: f64,
        /// From bad to good: one over the mean length of a burst.
        to_good: f64,
    },
}

impl Loss {
    /// The Gilbert model that loses `share` of the packets in bursts of mean length `burst`.
    pub fn gilbert(share: f64, burst: f64) -> Self {
        let to_good = 1.0 / burst.max(1.0);
        Self::Gilbert {
            to_bad: to_good * share / (1.0 - share).max(1e-9),
            to_good,
        }
    }
}

/// The state of a model of loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Losses {
    burst_left: u32,
    is_bad: bool,
}

impl Losses {
    /// Whether the next packet gets lost.
    pub(crate) fn loses(&mut self, loss: Loss, rng: &mut Rng) -> bool {
        match loss {
            Loss::None => false,
            Loss::Random(share) => rng.fraction() < share,
            Loss::Bursts { length, start } => {
                if self.burst_left == 0 && rng.fraction() < start {
                    self.burst_left = length;
                }
                let loses = self.burst_left > 0;
                self.burst_left = self.burst_left.saturating_sub(1);
                loses
            }
            Loss::Gilbert { to_bad, to_good } => {
                let change = if self.is_bad { to_good } else { to_bad };
                if rng.fraction() < change {
                    self.is_bad = !self.is_bad;
                }
                self.is_bad
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share_and_runs(loss: Loss, seed: u64) -> (f64, f64) {
        let (mut losses, mut rng) = (Losses::default(), Rng::new(seed));
        let lost: Vec<bool> = (0..100_000).map(|_| losses.loses(loss, &mut rng)).collect();
        let count = lost.iter().filter(|&&lost| lost).count() as f64;
        let runs = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        (count / lost.len() as f64, count / runs)
    }

    #[test]
    fn loss_has_the_share_and_the_bursts_it_was_asked_for() {
        let (share, run) = share_and_runs(Loss::Random(0.2), 1);
        assert!(
            (share - 0.2).abs() < 0.01 && (run - 1.25).abs() < 0.05,
            "{share} {run}"
        );
        let (share, run) = share_and_runs(Loss::gilbert(0.2, 5.0), 2);
        assert!(
            (share - 0.2).abs() < 0.01 && (run - 5.0).abs() < 0.3,
            "{share} {run}"
        );
    }
}
