//! Which packets were passed over, to tell one that comes late from one that comes twice.

use std::collections::BTreeSet;

/// Numbers remembered: more than a second of loss. Older packets are of no use.
const MAX_IDS: usize = 64;

#[derive(Default)]
pub(super) struct MissingPackets {
    ids: BTreeSet<i64>,
}

impl MissingPackets {
    /// Notes that the turn of the packets `from..to` has passed; returns how many those are.
    pub(super) fn add(&mut self, from: i64, to: i64) -> i64 {
        self.ids.extend(from.max(to - MAX_IDS as i64)..to);
        while self.ids.len() > MAX_IDS {
            self.ids.pop_first();
        }
        (to - from).max(0)
    }

    /// Whether `id` was passed over and comes now for the first time.
    pub(super) fn take(&mut self, id: i64) -> bool {
        self.ids.remove(&id)
    }

    pub(super) fn clear(&mut self) {
        self.ids.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_packet_is_taken_once_and_memory_is_bounded() {
        let mut missing = MissingPackets::default();
        assert_eq!(missing.add(5, 5), 0);
        assert_eq!(missing.add(5, 8), 3);
        assert!(missing.take(6) && !missing.take(6) && !missing.take(8));
        assert_eq!(missing.add(1_000, 1_000_000), 999_000);
        assert_eq!(missing.ids.len(), MAX_IDS);
    }
}
