//! The network between the participants and the gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use smrtc_client::Side;
use smrtc_engine::Instant;
use smrtc_engine::wire::CloseCode;

/// What the network and the cameras are like.
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    /// Share of the datagrams that is lost.
    pub(crate) loss: f64,
    /// Delay of everything.
    pub(crate) delay: Duration,
    /// Most that is added to the delay of a datagram; they overtake each other.
    pub(crate) jitter: Duration,
    /// Most that is added to the delay of a message on a control stream. One in eight messages
    /// waits ten times as long, and all behind it: a packet of the stream was lost.
    pub(crate) control_jitter: Duration,
    /// How often everything is looked at.
    pub(crate) tick: Duration,
    /// Time between the frames of a camera.
    pub(crate) interval: Duration,
    /// Size of a frame.
    pub(crate) frame_bytes: usize,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            loss: 0.0,
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            control_jitter: Duration::ZERO,
            tick: Duration::from_millis(1),
            interval: Duration::from_millis(33),
            frame_bytes: 2_500,
        }
    }
}

/// What is on its way to one side.
pub(crate) enum Arrival {
    Connected(Side),
    Lost(Side, Option<CloseCode>),
    Control(Vec<u8>),
    Datagram(Side, Vec<u8>),
    Attach(Vec<u8>),
    HungUp,
}

/// Things on their way, in the order of their arrival.
#[derive(Default)]
pub(crate) struct Way {
    arrivals: BTreeMap<(Instant, u64), Arrival>,
    /// When the last message of the control stream arrives: they do not overtake each other.
    control: Instant,
}

impl Way {
    pub(crate) fn insert(&mut self, at: (Instant, u64), arrival: Arrival) {
        self.arrivals.insert(at, arrival);
    }

    /// Behind what the control stream carries already.
    pub(crate) fn insert_control(&mut self, (at, sequence): (Instant, u64), arrival: Arrival) {
        self.control = self.control.max(at);
        self.insert((self.control, sequence), arrival);
    }

    /// The connection is gone with all that it carried.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn due(&mut self, now: Instant) -> Option<Arrival> {
        let first = self.arrivals.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
