//! The congestion controller that QUIC runs on: it only bounds what is in flight.
//!
//! A controller above it ([`crate::forward::Subscriber`]) decides how much media a subscriber gets;
//! it sees the delay of every packet. If QUIC had a controller that takes loss for congestion, as
//! those of RFC 9002 do, or that shrinks its window to what was acknowledged within one shortest
//! round trip, as quinn's BBR does, it would hold back datagrams that the first has let go. They
//! would then wait in QUIC's own buffer, which drops its oldest silently. So here
//!
//! - loss changes nothing: the controller above decides what it means;
//! - the window always holds what the rate from above sends in [`HORIZON`]: while acknowledgements
//!   get lost too, bytes count as in flight until one of them arrives;
//! - streams have a window of their own, which grows while it is used, and shrinks when the round
//!   trip shows a queue.
//!
//! It stays bounded: no connection has more than [`MAX_WINDOW`] in flight, and one without a rate
//! from above no more than [`MAX_STREAM_WINDOW`].

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quinn::congestion::{Controller, ControllerFactory};
use quinn_proto::RttEstimator;
use smrtc_engine::time::Bitrate;

/// With four in five packets lost both ways, an acknowledgement arrives every few hundred
/// milliseconds; two seconds without any are rare.
const HORIZON: Duration = Duration::from_secs(2);

/// What may always be in flight: 32 packets, so that a key frame is sent at once, and handshakes
/// and streams make progress whatever the loss.
const MIN_WINDOW: u64 = 32 * 1_200;
const MAX_STREAM_WINDOW: u64 = 512 << 10;
const MAX_WINDOW: u64 = 8 << 20;

/// A round trip longer than the shortest by more than this shows a queue. Acknowledgements alone
/// are delayed by up to 25 ms.
const QUEUE_NOTICED: Duration = Duration::from_millis(60);
const BACKOFF_PERCENT: u64 = 70;

/// Makes a [`MediaWindow`] for each connection.
#[derive(Debug)]
pub(super) struct MediaWindowFactory;

impl ControllerFactory for MediaWindowFactory {
    fn build(self: Arc<Self>, _now: Instant, _mtu: u16) -> Box<dyn Controller> {
        Box::new(MediaWindow::new())
    }
}

/// See the module's documentation.
#[derive(Clone, Debug)]
struct MediaWindow {
    /// Bits per second that are sent as datagrams. All clones of a connection's controller share
    /// it.
    media_bps: Arc<AtomicU64>,
    /// The window of streams, in bytes.
    stream_window: u64,
    round_trip: Duration,
    last_backoff: Option<Instant>,
}

impl MediaWindow {
    fn new() -> Self {
        Self {
            media_bps: Arc::default(),
            stream_window: MIN_WINDOW,
            round_trip: Duration::from_millis(100),
            last_backoff: None,
        }
    }

    /// Takes in one acknowledgement. Its packet had a round trip of `sample`; `least` is the
    /// shortest.
    fn on_sample(
        &mut self,
        now: Instant,
        bytes: u64,
        app_limited: bool,
        sample: Duration,
        least: Duration,
    ) {
        if sample.saturating_sub(least) > QUEUE_NOTICED.max(least / 2) {
            let rested = |at: Instant| now.saturating_duration_since(at) > self.round_trip;
            if self.last_backoff.is_none_or(rested) {
                self.stream_window = (self.stream_window * BACKOFF_PERCENT / 100).max(MIN_WINDOW);
                self.last_backoff = Some(now);
            }
        } else if !app_limited {
            self.stream_window = (self.stream_window + bytes).min(MAX_STREAM_WINDOW);
        }
    }

    fn media_window(&self) -> u64 {
        let rate = Bitrate::from_bps(self.media_bps.load(Ordering::Relaxed));
        rate.bytes_in(self.round_trip + HORIZON).min(MAX_WINDOW)
    }
}

impl Controller for MediaWindow {
    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        self.round_trip = rtt.get();
        let sample = now.saturating_duration_since(sent);
        self.on_sample(now, bytes, app_limited, sample, rtt.min());
    }

    fn on_congestion_event(
        &mut self,
        _now: Instant,
        _sent: Instant,
        _is_persistent_congestion: bool,
        _lost_bytes: u64,
    ) {
    }

    fn on_mtu_update(&mut self, _new_mtu: u16) {}

    fn window(&self) -> u64 {
        self.stream_window.max(self.media_window())
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        MIN_WINDOW
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Tells the controller of a connection the rate of its datagrams.
pub(super) fn set_media_rate(connection: &quinn::Connection, rate: Bitrate) {
    // Looked up each time, since a connection gets a new controller when it moves to another path.
    if let Ok(controller) = connection
        .congestion_state()
        .into_any()
        .downcast::<MediaWindow>()
    {
        controller.media_bps.store(rate.as_bps(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    #[test]
    fn no_loss_takes_the_window_below_what_the_rate_needs() {
        let mut controller = MediaWindow::new();
        controller.media_bps.store(1_000_000, Ordering::Relaxed);
        let now = Instant::now();
        let before = controller.window();
        assert!(before >= 250_000, "two seconds of it: {before}");
        for _ in 0..1_000 {
            controller.on_congestion_event(now, now, true, 1_200);
        }
        assert_eq!(controller.window(), before);
        // Nor does a queue: it is the controller above that answers it.
        controller.on_sample(now, 1_200, false, RTT * 20, RTT);
        assert_eq!(controller.window(), before);
    }

    #[test]
    fn a_stream_gets_more_while_it_fills_its_window_and_less_when_a_queue_stands() {
        let mut controller = MediaWindow::new();
        let start = Instant::now();
        controller.on_sample(start, 1_200, true, RTT, RTT);
        assert_eq!(controller.window(), MIN_WINDOW, "not used, not grown");
        for _ in 0..10_000 {
            controller.on_sample(start, 1_200, false, RTT, RTT);
        }
        assert_eq!(controller.window(), MAX_STREAM_WINDOW);
        for _ in 0..10 {
            controller.on_sample(start, 1_200, false, RTT * 4, RTT);
        }
        let once = MAX_STREAM_WINDOW * BACKOFF_PERCENT / 100;
        assert_eq!(controller.window(), once, "once in a round trip");
        for round in 1..100 {
            controller.on_sample(start + RTT * 3 * round, 1_200, false, RTT * 4, RTT);
        }
        assert_eq!(controller.window(), MIN_WINDOW);
    }

    #[test]
    fn copies_share_the_rate_and_nobody_gets_more_than_the_most() {
        let controller = MediaWindow::new();
        let copy = controller.clone_box();
        controller.media_bps.store(u64::MAX / 2, Ordering::Relaxed);
        assert_eq!(copy.window(), MAX_WINDOW);
    }
}
