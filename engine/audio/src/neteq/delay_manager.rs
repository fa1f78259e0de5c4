//! How long packets take compared with the fastest of late, and how much delay that calls for.

use std::collections::VecDeque;
use std::time::Duration;

use smrtc_engine::time::{Instant, MediaTime};

/// Long enough to hold the jitter of a bad second, short enough that 0.2 % of clock drift moves the
/// fastest packet by 10 ms at most.
const WINDOW: Duration = Duration::from_secs(5);

/// Bounds the memory whatever comes in.
const MAX_WINDOW_PACKETS: usize = 512;

/// The share of packets that the target delay waits for, in thousandths.
const QUANTILE_PER_MILLE: usize = 980;

/// The same of packets that come after later ones: those were lost and came by a copy or a
/// retransmission, so that missing more of them is heard as loss although they come.
const MENDED_QUANTILE_PER_MILLE: usize = 990;

/// How much of it is forgotten with each packet, while there are such packets and while there are
/// none: 5 ms and 10 ms a second. The window alone would forget the worst of them every five
/// seconds, and hear it as loss when it comes again.
const MENDED_DECAY_MICROS: i64 = 100;
const UNUSED_DECAY_MICROS: i64 = 200;

/// Least number of such packets in the window, about a hundredth of it, that are waited for.
const FEWEST_MENDED: usize = 4;

/// Packets carry now more copies of earlier ones, now fewer. The delay does not follow down before
/// there were fewer for so long: each change is heard.
const COPIES_HELD: Duration = Duration::from_secs(10);

/// On top of the jitter: one block of rendering, since a packet is asked for at multiples of that.
const MARGIN_MICROS: i64 = 10_000;

/// Until so many packets have come (0.5 s), the window says little and the start delay holds.
const WARM_UP_PACKETS: usize = 25;

/// Limits of the target delay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DelayLimits {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
    pub(crate) start: Duration,
}

pub(super) struct DelayManager {
    limits: DelayLimits,
    /// Arrival time, transit time in microseconds against `origin`, and whether a later packet had
    /// come before.
    window: VecDeque<(Instant, i64, bool)>,
    origin: Option<MediaTime>,
    /// Transit of the fastest packet in the window.
    base_micros: i64,
    target_micros: i64,
    /// The delay that waiting for mended packets takes.
    mended_micros: i64,
    /// How long the last copy of a packet takes after it, and when there were so many copies last.
    copies: (i64, Instant),
    last_transit_micros: Option<i64>,
    jitter_micros: f64,
    scratch: Vec<i64>,
}

impl DelayManager {
    pub(super) fn new(limits: DelayLimits) -> Self {
        Self {
            limits,
            window: VecDeque::new(),
            origin: None,
            base_micros: 0,
            target_micros: micros(limits.start),
            mended_micros: 0,
            copies: (0, Instant::ZERO),
            last_transit_micros: None,
            jitter_micros: 0.0,
            scratch: Vec::new(),
        }
    }

    pub(super) fn set_limits(&mut self, limits: DelayLimits) {
        self.limits = limits;
        self.update();
    }

    /// The packet that came now carries copies of the earlier ones of `span`.
    pub(super) fn expect_redundancy(&mut self, now: Instant, span: Duration) {
        let (held, since) = self.copies;
        let span = micros(span);
        if span >= held || now - since > COPIES_HELD {
            self.copies = (span, now);
        }
        if self.copies.0 != held {
            self.update();
        }
    }

    /// Notes a packet that came for the first time, late or not.
    pub(super) fn on_packet(&mut self, arrival: Instant, media_time: MediaTime, mended: bool) {
        let transit = self.transit(arrival, media_time);
        if let Some(last) = self.last_transit_micros.replace(transit) {
            // RFC 3550 §6.4.1.
            self.jitter_micros += ((transit - last).abs() as f64 - self.jitter_micros) / 16.0;
        }
        self.window.push_back((arrival, transit, mended));
        while self.window.len() > MAX_WINDOW_PACKETS
            || self
                .window
                .front()
                .is_some_and(|&(then, ..)| arrival - then > WINDOW)
        {
            self.window.pop_front();
        }
        self.update();
    }

    /// Forgets all packets but the fastest: a queue that emptied before the source is heard says
    /// nothing of what is to come.
    pub(super) fn keep_fastest(&mut self) {
        if let Some(fastest) = self
            .window
            .iter()
            .copied()
            .min_by_key(|&(_, transit, _)| transit)
        {
            self.window.clear();
            self.window.push_back(fastest);
            self.update();
        }
    }

    /// Forgets the timing of a stream that ended; the target stays as a first guess for the next.
    pub(super) fn restart(&mut self) {
        self.window.clear();
        self.origin = None;
        self.last_transit_micros = None;
    }

    /// The delay that rendering should have, in microseconds.
    pub(super) fn target_micros(&self) -> i64 {
        self.target_micros
    }

    /// Interarrival jitter, RFC 3550 §6.4.1.
    pub(super) fn jitter(&self) -> Duration {
        Duration::from_micros(self.jitter_micros as u64)
    }

    /// Microseconds since the fastest packet would have delivered `media_time`. Negative: it is not
    /// due yet.
    pub(super) fn delay_micros(&mut self, now: Instant, media_time: MediaTime) -> i64 {
        self.transit(now, media_time) - self.base_micros
    }

    fn transit(&mut self, arrival: Instant, media_time: MediaTime) -> i64 {
        let origin = *self.origin.get_or_insert(media_time);
        arrival.as_micros() as i64 - media_time.micros_since(origin)
    }

    fn update(&mut self) {
        self.base_micros = self
            .window
            .iter()
            .map(|&(_, transit, _)| transit)
            .min()
            .unwrap_or(0);
        let (min, max) = (micros(self.limits.min), micros(self.limits.max));
        let floor = if self.window.len() < WARM_UP_PACKETS {
            micros(self.limits.start).max(min)
        } else {
            min
        };
        self.scratch.clear();
        self.scratch
            .extend(self.window.iter().map(|&(_, transit, _)| transit));
        if self.scratch.is_empty() {
            return;
        }
        let jitter = quantile(&mut self.scratch, QUANTILE_PER_MILLE);
        self.scratch.clear();
        let mended = self.window.iter().filter(|&&(_, _, mended)| mended);
        self.scratch.extend(mended.map(|&(_, transit, _)| transit));
        let step = if self.scratch.len() < FEWEST_MENDED {
            UNUSED_DECAY_MICROS
        } else {
            // One that took far longer than the others, as a retransmission among copies, is not
            // waited for.
            self.scratch.sort_unstable();
            self.scratch.pop();
            let mended = quantile(&mut self.scratch, MENDED_QUANTILE_PER_MILLE);
            self.mended_micros = self.mended_micros.max(mended - self.base_micros);
            MENDED_DECAY_MICROS
        };
        self.mended_micros = (self.mended_micros - step).max(0);
        let wanted = (jitter - self.base_micros)
            .max(self.mended_micros)
            .max(self.copies.0);
        self.target_micros = (wanted + MARGIN_MICROS).max(floor).min(max.max(min));
    }
}

/// The value that so many of a thousand do not exceed; of none, 0.
fn quantile(values: &mut [i64], per_mille: usize) -> i64 {
    let rank = (values.len() * per_mille / 1_000).min(values.len().saturating_sub(1));
    if values.is_empty() {
        return 0;
    }
    *values.select_nth_unstable(rank).1
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DelayLimits = DelayLimits {
        min: Duration::from_millis(20),
        max: Duration::from_millis(300),
        start: Duration::from_millis(30),
    };

    fn run(manager: &mut DelayManager, from: u64, packets: u64, delay_millis: impl Fn(u64) -> u64) {
        for n in from..from + packets {
            manager.on_packet(
                Instant::from_millis(n * 20 + delay_millis(n)),
                MediaTime::from_micros(n * 20_000),
                false,
            );
        }
    }

    #[test]
    fn a_steady_path_gets_the_least_delay() {
        let mut manager = DelayManager::new(LIMITS);
        assert_eq!(manager.target_micros(), 30_000);
        run(&mut manager, 0, 10, |_| 70);
        assert_eq!(manager.target_micros(), 30_000);
        run(&mut manager, 10, 90, |_| 70);
        assert_eq!(manager.target_micros(), 20_000);
        assert_eq!(manager.jitter(), Duration::ZERO);
        assert_eq!(
            manager.delay_micros(
                Instant::from_millis(2_000 + 85),
                MediaTime::from_micros(2_000_000)
            ),
            15_000
        );
    }

    #[test]
    fn jitter_raises_the_target_and_quiet_lowers_it_again() {
        let mut manager = DelayManager::new(LIMITS);
        run(&mut manager, 0, 100, |n| 10 + n % 5 * 15);
        assert_eq!(manager.target_micros(), 70_000);
        assert!(manager.jitter() > Duration::from_millis(10));
        run(&mut manager, 100, 300, |_| 10);
        assert_eq!(manager.target_micros(), 20_000);
    }

    #[test]
    fn copies_are_waited_for_until_there_were_fewer_for_long() {
        let mut manager = DelayManager::new(LIMITS);
        run(&mut manager, 0, 100, |_| 10);
        let mut expect = |seconds: u64, frames: u64| {
            let span = Duration::from_millis(20 * frames);
            manager.expect_redundancy(Instant::from_millis(seconds * 1_000), span);
            manager.target_micros()
        };
        assert_eq!(expect(2, 3), 70_000);
        assert_eq!(expect(5, 2), 70_000);
        assert_eq!(expect(9, 3), 70_000);
        assert_eq!(expect(18, 1), 70_000);
        assert_eq!(expect(20, 1), 30_000);
        assert_eq!(expect(31, 0), 20_000);
        assert_eq!(expect(32, 200), 300_000, "within the limits");
    }

    #[test]
    fn limits_hold() {
        let mut manager = DelayManager::new(LIMITS);
        run(&mut manager, 0, 100, |n| n % 2 * 900);
        assert_eq!(manager.target_micros(), 300_000);
        manager.set_limits(DelayLimits {
            max: Duration::from_millis(100),
            ..LIMITS
        });
        assert_eq!(manager.target_micros(), 100_000);
    }
}
