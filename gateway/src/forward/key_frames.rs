//! Many subscribers' key-frame requests → few to the publisher.

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{Instant, StreamId};

/// Shortest time between two requests for one layer. A key frame costs several frames' worth of
/// bits, and one that was asked for needs about a round trip to arrive.
pub const MIN_INTERVAL: Duration = Duration::from_millis(300);

/// Shortest time from one key frame to the request for another that is only for a path too narrow
/// for the layer. It may want one after every run of frames, and all others would pay for them.
pub const SPARE_INTERVAL: Duration = Duration::from_secs(1);

/// Why a key frame is wanted; the more urgent need is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A subscriber whose path is too narrow for the layer.
    Narrow,
    /// A subscriber that begins, or whose losses cannot be repaired.
    Urgent,
}

/// The key-frame requests for one publisher's streams.
#[derive(Debug, Default)]
pub struct KeyFrameRequests {
    streams: BTreeMap<StreamId, State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the publisher was last asked.
    asked: Option<Instant>,
    /// When the last key frame came.
    came: Option<Instant>,
    /// The greatest need among subscribers who have asked and have not been served yet.
    need: Option<Need>,
}

impl KeyFrameRequests {
    /// Notes that somebody needs a key frame.
    pub fn request(&mut self, stream: StreamId, need: Need) {
        let state = self.streams.entry(stream).or_default();
        state.need = state.need.max(Some(need));
    }

    /// Notes that a key frame came, which serves everybody who asked before.
    pub fn key_frame_came(&mut self, now: Instant, stream: StreamId) {
        let state = self.streams.entry(stream).or_default();
        state.came = Some(now);
        state.need = None;
    }

    /// Forgets a track that ended.
    pub fn remove_track(&mut self, track: u8) {
        self.streams.retain(|stream, _| stream.track != track);
    }

    /// The streams to ask the publisher for now.
    pub fn due(&mut self, now: Instant) -> Vec<StreamId> {
        let mut due = Vec::new();
        for (stream, state) in &mut self.streams {
            if state.next() <= now {
                state.need = None;
                state.asked = Some(now);
                due.push(*stream);
            }
        }
        due
    }

    /// When [`Self::due`] will have something.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        self.streams
            .values()
            .map(State::next)
            .min()
            .unwrap_or(Instant::FAR_FUTURE)
    }
}

impl State {
    fn next(&self) -> Instant {
        let (last, interval) = match self.need {
            None => return Instant::FAR_FUTURE,
            Some(Need::Urgent) => (self.asked, MIN_INTERVAL),
            Some(Need::Narrow) => (self.came.max(self.asked), SPARE_INTERVAL),
        };
        last.map_or(Instant::ZERO, |last| last + interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smrtc_engine::TrackId;

    fn stream(track: u8) -> StreamId {
        TrackId::new(1, track).stream(0)
    }

    #[test]
    fn a_crowd_of_requests_becomes_one_per_interval_and_none_after_a_key_frame() {
        let mut requests = KeyFrameRequests::default();
        let mut asked = 0;
        for millis in 0..1_000 {
            requests.request(stream(1), Need::Urgent);
            asked += requests.due(Instant::from_millis(millis)).len();
        }
        assert_eq!(asked, 4, "at 0, 300, 600 and 900 ms");

        let now = Instant::from_millis(1_500);
        requests.request(stream(1), Need::Urgent);
        requests.request(stream(2), Need::Urgent);
        requests.key_frame_came(now, stream(1));
        assert_eq!(requests.due(Instant::from_millis(2_000)), [stream(2)]);
        assert_eq!(requests.next_timeout(), Instant::FAR_FUTURE);
    }

    #[test]
    fn a_narrow_path_waits_until_a_second_after_the_last_key_frame_whoever_that_was_for() {
        let at = Instant::from_millis;
        let mut requests = KeyFrameRequests::default();
        requests.request(stream(1), Need::Narrow);
        assert_eq!(requests.due(at(5)), [stream(1)], "there has been none");
        requests.key_frame_came(at(100), stream(1));
        requests.request(stream(1), Need::Narrow);
        assert_eq!(requests.next_timeout(), at(1_100));
        assert_eq!(requests.due(at(1_099)), []);

        requests.request(stream(1), Need::Urgent);
        assert_eq!(requests.due(at(1_099)), [stream(1)]);
        requests.request(stream(1), Need::Narrow);
        assert_eq!(
            requests.next_timeout(),
            at(2_099),
            "it is asked for already"
        );
        requests.key_frame_came(at(1_200), stream(1));
        assert_eq!(requests.next_timeout(), Instant::FAR_FUTURE);
    }
}
