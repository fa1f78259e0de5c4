//! Many subscribers' key-frame requests → few to the publisher.

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::time::Instant;

/// Shortest time between two requests for one layer. A key frame costs several frames' worth of bits, and one that was
/// asked for needs about a round trip to arrive.
pub const MIN_INTERVAL: Duration = Duration::from_millis(300);

/// A track's spatial layer: track, layer.
pub type Layer = (u8, u8);

/// The key-frame requests for one publisher's layers.
#[derive(Debug, Default)]
pub struct KeyFrameRequests {
    layers: BTreeMap<Layer, State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the publisher was last asked.
    asked: Option<Instant>,
    /// Somebody asked since, and has not been served.
    pending: bool,
}

impl KeyFrameRequests {
    /// Notes that somebody needs a key frame.
    pub fn request(&mut self, layer: Layer) {
        self.layers.entry(layer).or_default().pending = true;
    }

    /// Notes that a key frame came: who asked before has what they need.
    pub fn key_frame_came(&mut self, layer: Layer) {
        if let Some(state) = self.layers.get_mut(&layer) {
            state.pending = false;
        }
    }

    /// Forgets a track that ended.
    pub fn remove_track(&mut self, track: u8) {
        self.layers.retain(|layer, _| layer.0 != track);
    }

    /// The layers to ask the publisher for now.
    pub fn due(&mut self, now: Instant) -> Vec<Layer> {
        let mut due = Vec::new();
        for (layer, state) in &mut self.layers {
            if state.next() <= now {
                state.pending = false;
                state.asked = Some(now);
                due.push(*layer);
            }
        }
        due
    }

    /// When [`Self::due`] will have something.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        self.layers
            .values()
            .map(State::next)
            .min()
            .unwrap_or(Instant::FAR_FUTURE)
    }
}

impl State {
    fn next(&self) -> Instant {
        match (self.pending, self.asked) {
            (false, _) => Instant::FAR_FUTURE,
            (true, None) => Instant::ZERO,
            (true, Some(asked)) => asked + MIN_INTERVAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_requests_becomes_one_per_interval_and_none_after_a_key_frame() {
        let mut requests = KeyFrameRequests::default();
        let mut asked = 0;
        for millis in 0..1_000 {
            requests.request((1, 0));
            asked += requests.due(Instant::from_millis(millis)).len();
        }
        assert_eq!(asked, 4, "at 0, 300, 600 and 900 ms");

        requests.request((1, 0));
        requests.request((2, 0));
        requests.key_frame_came((1, 0));
        assert_eq!(requests.due(Instant::from_millis(2_000)), [(2, 0)]);
        assert_eq!(requests.next_timeout(), Instant::FAR_FUTURE);
    }
}
