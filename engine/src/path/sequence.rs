//! Counters that wrap, made ones that do not.
//!
//! The numbers come from datagrams that nothing has authenticated yet, so one of them alone must
//! not move the window: a jump further than any outage explains is believed when a second packet
//! confirms it, the rule of RFC 3550 Appendix A.1 for a restarted source.

/// Extends a counter of `BITS` bits to 64.
#[derive(Clone, Debug)]
pub(crate) struct Sequence<const BITS: u32> {
    max_jump: u64,
    newest: Option<u64>,
    suspect: Option<u64>,
}

/// What one number means after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Near the newest one, before or after it.
    Near(u64),
    /// The counter begins anew here (or for the first time); what was kept under earlier numbers is
    /// void.
    Restarted(u64),
    /// Too far off to be believed by itself.
    Suspect,
}

impl<const BITS: u32> Sequence<BITS> {
    const MASK: u64 = (1 << BITS) - 1;
    /// Room below the first number, so that what came before it can be named.
    const BASE: u64 = 1 << 48;

    /// A jump of more than `max_jump` either way needs a second packet.
    pub(crate) const fn new(max_jump: u64) -> Self {
        Self {
            max_jump,
            newest: None,
            suspect: None,
        }
    }

    /// The highest number so far.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Extends `value` without letting it move anything.
    pub(crate) fn extend(&self, value: u64) -> Option<u64> {
        let newest = self.newest?;
        Some(newest.wrapping_add_signed(signed_difference::<BITS>(value, newest)))
    }

    /// Takes in the next number.
    pub(crate) fn step(&mut self, value: u64) -> Step {
        let value = value & Self::MASK;
        let Some(newest) = self.newest else {
            return self.restart(value);
        };
        let difference = signed_difference::<BITS>(value, newest);
        if difference.unsigned_abs() <= self.max_jump {
            self.suspect = None;
            let extended = newest.wrapping_add_signed(difference);
            self.newest = Some(newest.max(extended));
            return Step::Near(extended);
        }
        match self.suspect {
            Some(suspect)
                if signed_difference::<BITS>(value, suspect).unsigned_abs() <= self.max_jump =>
            {
                self.restart(value)
            }
            _ => {
                self.suspect = Some(value);
                Step::Suspect
            }
        }
    }

    fn restart(&mut self, value: u64) -> Step {
        let extended = Self::BASE + value;
        self.newest = Some(extended);
        self.suspect = None;
        Step::Restarted(extended)
    }
}

/// From `from` to `to` by the shorter way round, of counters of `BITS` bits.
pub(crate) fn signed_difference<const BITS: u32>(to: u64, from: u64) -> i64 {
    let mask = (1_u64 << BITS) - 1;
    let forward = to.wrapping_sub(from) & mask;
    if forward > mask / 2 {
        forward as i64 - (mask as i64 + 1)
    } else {
        forward as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrap_is_one_step() {
        let mut ids = Sequence::<16>::new(100);
        let Step::Restarted(first) = ids.step(0xffff) else {
            panic!("first number")
        };
        assert_eq!(ids.step(0), Step::Near(first + 1));
        assert_eq!(ids.step(0xfffe), Step::Near(first - 1));
        assert_eq!(ids.newest(), Some(first + 1));
        assert_eq!(ids.extend(5), Some(first + 6));
    }

    #[test]
    fn one_stray_number_moves_nothing_and_two_restart() {
        let mut ids = Sequence::<32>::new(100);
        ids.step(10);
        assert_eq!(ids.step(90_000), Step::Suspect);
        assert!(matches!(ids.step(11), Step::Near(_)));
        assert_eq!(
            ids.step(90_000),
            Step::Suspect,
            "a good packet clears the suspicion"
        );
        assert!(matches!(ids.step(90_001), Step::Restarted(_)));
        assert!(matches!(ids.step(90_002), Step::Near(_)));
    }
}
