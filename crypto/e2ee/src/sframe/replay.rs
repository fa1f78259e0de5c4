//! The replay window of one KID (RFC 9605 §9.3, the sliding window of RFC 4303 §3.4.3).

use super::header::Ctr;

/// How far behind the newest frame a frame may come: 1,024 counters, about 3 s of a busy sender.
pub const REPLAY_WINDOW: u64 = 1024;

/// Remembers which of the last [`REPLAY_WINDOW`] counters were opened.
#[derive(Clone, Debug)]
pub(super) struct ReplayWindow {
    /// The greatest counter opened.
    highest: Ctr,
    /// Bit `ctr % REPLAY_WINDOW` for each counter of the window.
    opened: [u64; WORDS],
}

impl ReplayWindow {
    /// The window after its first frame.
    pub(super) fn starting_with(ctr: Ctr) -> Self {
        let mut window = Self {
            highest: ctr,
            opened: [0; WORDS],
        };
        window.set(ctr.0);
        window
    }

    /// The window of which only the greatest counter is known: nothing up to it is accepted.
    pub(super) fn closed_up_to(highest: Ctr) -> Self {
        Self {
            highest,
            opened: [u64::MAX; WORDS],
        }
    }

    pub(super) fn highest(&self) -> Ctr {
        self.highest
    }

    /// Whether `ctr` is neither opened already nor too old to know.
    pub(super) fn accepts(&self, ctr: Ctr) -> bool {
        if ctr > self.highest {
            return true;
        }
        self.highest.0 - ctr.0 < REPLAY_WINDOW && !self.is_set(ctr.0)
    }

    /// Marks `ctr`, which [`Self::accepts`] let through and whose tag has verified.
    pub(super) fn advance(&mut self, ctr: Ctr) {
        if ctr > self.highest {
            let skipped = ctr.0 - self.highest.0;
            if skipped >= REPLAY_WINDOW {
                self.opened = [0; WORDS];
            } else {
                for passed in self.highest.0 + 1..ctr.0 {
                    self.clear(passed);
                }
            }
            self.highest = ctr;
        }
        self.set(ctr.0);
    }

    fn is_set(&self, ctr: u64) -> bool {
        self.opened[word(ctr)] & bit(ctr) != 0
    }

    fn set(&mut self, ctr: u64) {
        self.opened[word(ctr)] |= bit(ctr);
    }

    fn clear(&mut self, ctr: u64) {
        self.opened[word(ctr)] &= !bit(ctr);
    }
}

fn word(ctr: u64) -> usize {
    (ctr % REPLAY_WINDOW / 64) as usize
}

fn bit(ctr: u64) -> u64 {
    1 << (ctr % 64)
}

const WORDS: usize = (REPLAY_WINDOW / 64) as usize;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_a_set_that_remembers_everything() {
        // A walk of jumps and steps back, from a seed; the model keeps every counter opened.
        let mut seed = 0x5eed_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let (mut accepted, mut refused) = (0, 0);
        let mut window = ReplayWindow::starting_with(Ctr(5000));
        let mut opened = BTreeSet::from([5000]);
        for _ in 0..200_000 {
            let highest = *opened.last().unwrap();
            let ctr = match random() % 10 {
                0 => highest + random() % 3000,
                1..=4 => highest + random() % 4,
                _ => highest.saturating_sub(random() % 1200),
            };
            let expected =
                !opened.contains(&ctr) && (ctr > highest || highest - ctr < REPLAY_WINDOW);
            assert_eq!(window.accepts(Ctr(ctr)), expected, "{ctr} after {highest}");
            if expected {
                window.advance(Ctr(ctr));
                opened.insert(ctr);
                accepted += 1;
            } else {
                refused += 1;
            }
        }
        assert!(
            accepted > 10_000 && refused > 10_000,
            "{accepted} {refused}"
        );
    }

    #[test]
    fn the_edge_of_the_window_is_exact() {
        let mut window = ReplayWindow::starting_with(Ctr(0));
        window.advance(Ctr(REPLAY_WINDOW));
        assert!(!window.accepts(Ctr(0)));
        assert!(window.accepts(Ctr(1)));
        window.advance(Ctr(u64::MAX));
        assert!(!window.accepts(Ctr(u64::MAX)));
        assert!(window.accepts(Ctr(u64::MAX - REPLAY_WINDOW + 1)));
        assert!(!window.accepts(Ctr(u64::MAX - REPLAY_WINDOW)));
    }

    #[test]
    fn a_closed_window_accepts_only_what_is_newer() {
        let window = ReplayWindow::closed_up_to(Ctr(3000));
        assert!((0..=3000).all(|ctr| !window.accepts(Ctr(ctr))));
        assert!(window.accepts(Ctr(3001)));
    }
}
