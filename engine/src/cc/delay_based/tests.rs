use std::collections::VecDeque;

use super::*;
use crate::wire::feedback::FeedbackWriter;

#[test]
fn starts_within_its_bounds() {
    let config = CongestionConfig {
        start: Bitrate::from_kbps(10),
        ..CongestionConfig::default()
    };
    assert_eq!(
        DelayBasedController::new(config).target_bitrate(),
        Bitrate::from_kbps(50)
    );
    let cc = DelayBasedController::new(CongestionConfig::default());
    assert_eq!(cc.target_bitrate(), Bitrate::from_kbps(1_000));
    assert_eq!(cc.pacing().rate, Bitrate::from_kbps(2_500));
    assert_eq!(cc.next_timeout(), None);
}

#[test]
fn silence_halves_the_rate_of_one_who_sends_down_to_the_floor() {
    let mut cc = DelayBasedController::new(CongestionConfig::default());
    let mut cuts = Vec::new();
    for ms in 0..10_000 {
        let now = Instant::from_millis(ms);
        if ms % 20 == 0 && !(3_000..=6_000).contains(&ms) {
            cc.on_sent(
                now,
                SentPacket {
                    sender: 1,
                    transport_seq: (ms / 20) as u16,
                    bytes: 100,
                },
            );
        }
        if cc.next_timeout().is_some_and(|due| due <= now) {
            cc.on_timeout(now);
            cuts.push(ms);
        }
    }
    assert_eq!(cuts, [1_500, 2_500, 3_500, 7_520, 8_520]);
    assert_eq!(cc.target_bitrate(), Bitrate::from_kbps(50));
}

#[test]
fn a_report_ends_the_silence() {
    let mut cc = DelayBasedController::new(CongestionConfig::default());
    let sent = Instant::from_millis(0);
    cc.on_sent(
        sent,
        SentPacket {
            sender: 1,
            transport_seq: 0,
            bytes: 1_000,
        },
    );
    let mut writer = FeedbackWriter::new(0, Duration::from_millis(10));
    assert_eq!(
        writer.push_group(1, 0, &[Some(Instant::from_millis(900))]),
        1
    );
    let bytes = writer.finish();
    cc.on_feedback(Instant::from_millis(60), &Feedback::parse(&bytes).unwrap());
    assert_eq!(cc.next_timeout(), None);
    assert_eq!(cc.path().rtt, Some(Duration::from_millis(50)));
    assert_eq!(cc.path().packets_received, 1);
}

/// A controller that was told nothing but a burst of eight packets of 1,000 bytes, sent each
/// millisecond and arriving each `apart`.
fn probed(apart: u64) -> (DelayBasedController, Option<Bitrate>) {
    let mut cc = DelayBasedController::new(CongestionConfig::default());
    let packet = |seq| SentPacket {
        sender: 0,
        transport_seq: seq,
        bytes: 1_000,
    };
    for seq in 0..8 {
        cc.on_sent(Instant::from_millis(1_000 + u64::from(seq)), packet(seq));
    }
    cc.on_probe(Probe {
        from: Instant::from_millis(1_000),
        until: Instant::from_millis(1_007),
        bytes: 8_000,
        rate: Bitrate::from_kbps(6_000),
    });
    cc.on_sent(Instant::from_millis(1_040), packet(8));
    let arrivals = (0..9).map(|n| Some(Instant::from_millis(1_030 + n * apart)));
    let mut writer = FeedbackWriter::new(0, Duration::from_millis(10));
    assert_eq!(writer.push_group(0, 0, &arrivals.collect::<Vec<_>>()), 9);
    let bytes = writer.finish();
    let report = Feedback::parse(&bytes).unwrap();
    cc.on_feedback(Instant::from_millis(1_200), &report);
    let shown = cc.take_probed();
    assert_eq!(cc.take_probed(), None, "told once");
    (cc, shown)
}

#[test]
fn a_burst_that_comes_through_raises_the_target_to_what_it_tried() {
    let (cc, shown) = probed(1);
    assert_eq!(shown, Some(Bitrate::from_kbps(6_000)));
    assert_eq!(cc.target_bitrate(), Bitrate::from_kbps(6_000));
}

#[test]
fn a_burst_that_is_held_up_neither_raises_nor_cuts_the_target() {
    let (cc, shown) = probed(20);
    // 400 kbit/s arrive, in units of 64 µs.
    assert_eq!(shown.map(|rate| rate.as_bps() / 1_000), Some(379));
    assert_eq!(cc.target_bitrate(), Bitrate::from_kbps(1_000));
}

const ONE_WAY: Duration = Duration::from_millis(25);

/// One who sends as much as the controller allows over a bottleneck with a drop-tail queue, in
/// steps of a millisecond.
struct Path {
    cc: DelayBasedController,
    kbps: u64,
    packet_bytes: usize,
    /// There is no more to send.
    most_kbps: u64,
    /// Numbers of packets.
    queue: VecDeque<usize>,
    most_queued: usize,
    /// By number.
    arrivals: Vec<Option<Instant>>,
    reported: usize,
    millis: u64,
    /// To be sent, and carried, in bits.
    allowed: u64,
    room: u64,
}

impl Path {
    fn new(kbps: u64, most_queued: usize) -> Self {
        Self {
            cc: DelayBasedController::new(CongestionConfig::default()),
            kbps,
            packet_bytes: 1_000,
            most_kbps: u64::MAX,
            queue: VecDeque::new(),
            most_queued,
            arrivals: Vec::new(),
            reported: 0,
            millis: 0,
            allowed: 0,
            room: 0,
        }
    }

    fn packet_bits(&self) -> u64 {
        8 * self.packet_bytes as u64
    }

    fn target_kbps(&self) -> u64 {
        self.cc.target_bitrate().as_bps() / 1_000
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.millis += 1;
            let now = Instant::from_millis(self.millis);
            self.send(now);
            self.carry(now);
            if self.millis.is_multiple_of(50) {
                self.report(now);
            }
            self.cc.on_timeout(now);
        }
    }

    fn send(&mut self, now: Instant) {
        self.allowed += self.target_kbps().min(self.most_kbps);
        while self.allowed >= self.packet_bits() {
            self.allowed -= self.packet_bits();
            let packet = SentPacket {
                sender: 1,
                transport_seq: self.arrivals.len() as u16,
                bytes: self.packet_bytes,
            };
            self.cc.on_sent(now, packet);
            if self.queue.len() < self.most_queued {
                self.queue.push_back(self.arrivals.len());
            }
            self.arrivals.push(None);
        }
    }

    fn carry(&mut self, now: Instant) {
        self.room += self.kbps;
        while self.room >= self.packet_bits() {
            let Some(number) = self.queue.pop_front() else {
                self.room = 0;
                break;
            };
            self.room -= self.packet_bits();
            self.arrivals[number] = Some(now + ONE_WAY);
        }
    }

    fn report(&mut self, now: Instant) {
        let made = Instant::ZERO + (now - Instant::ZERO).saturating_sub(ONE_WAY);
        let came = |arrival: &Option<Instant>| arrival.is_some_and(|at| at <= made);
        let Some(newest) = self.arrivals.iter().rposition(came) else {
            return;
        };
        let (base, reported) = (self.reported, newest + 1);
        if reported <= base {
            return;
        }
        let hold = self.arrivals[newest].map_or(Duration::ZERO, |at| made - at);
        let mut writer = FeedbackWriter::new(0, hold);
        let arrivals = &self.arrivals[base..reported];
        assert_eq!(writer.push_group(1, base as u16, arrivals), arrivals.len());
        let bytes = writer.finish();
        self.cc.on_feedback(now, &Feedback::parse(&bytes).unwrap());
        self.reported = reported;
    }

    /// Runs until a queue begins to be drained.
    fn run_to_a_cut(&mut self) {
        let mut most = 0;
        while self.target_kbps() >= most {
            most = self.target_kbps();
            self.run(50);
            assert!(self.millis < 60_000, "the path was never full");
        }
    }
}

#[test]
fn a_path_that_narrows_while_a_queue_is_drained_is_noticed() {
    for later in (0..400).step_by(50) {
        let mut path = Path::new(1_000, 37);
        path.run_to_a_cut();
        path.run(later);
        path.kbps = 400;
        path.run(1_000);
        let target = path.target_kbps();
        assert!(target < 400, "{target} kbit/s, narrow after {later} ms");
        path.run(5_000);
        let lost = path.cc.path().packets_lost;
        path.run(10_000);
        let estimate = path.cc.path();
        assert_eq!(estimate.packets_lost, lost, "it overflows for good");
        assert_eq!(estimate.random_loss, 0.0);
        assert!(path.target_kbps() > 200, "{}", path.target_kbps());
    }
}

#[test]
fn what_is_on_its_way_counts_when_a_path_narrows_so_that_its_queue_does_not_overflow() {
    let mut path = Path::new(2_000, 60);
    path.run(20_000);
    assert!(path.target_kbps() > 1_500, "{}", path.target_kbps());
    let lost = path.cc.path().packets_lost;
    path.kbps = 300;
    path.run(350);
    assert!(path.target_kbps() < 100, "{}", path.target_kbps());
    path.run(3_000);
    assert_eq!(path.cc.path().packets_lost, lost);
    assert!(
        (200..=350).contains(&path.target_kbps()),
        "the queue is gone: {}",
        path.target_kbps()
    );
}

#[test]
fn a_queue_that_stays_full_is_not_taken_for_a_longer_way() {
    let mut path = Path::new(1_000, 40);
    path.cc = DelayBasedController::new(CongestionConfig {
        min: Bitrate::from_kbps(300),
        ..CongestionConfig::default()
    });
    path.run_to_a_cut();
    path.kbps = 200;
    path.run(12_000);
    let estimate = path.cc.path();
    assert!(estimate.loss > 0.2, "{estimate:?}");
    assert_eq!(estimate.random_loss, 0.0);
    assert!(
        estimate.queue_delay > Duration::from_secs(1),
        "{estimate:?}"
    );
}

/// So long after a path stood still or became slow, the target is to be back.
const SOON: u64 = 400;

/// A path wide enough for all, 30 Mbit/s, that stands still for so many milliseconds each second
/// and carries only `kbps` for another `trickling` after it: a machine that is busy, or TCP that
/// waits for what got lost. Returns the least target in kbit/s but for [`SOON`] after each change.
fn held_up(most_kbps: u64, packet_bytes: usize, millis: u64, kbps: u64, trickling: u64) -> u64 {
    let mut path = Path::new(30_000, 10_000);
    path.packet_bytes = packet_bytes;
    path.most_kbps = most_kbps;
    path.run(5_000);
    let mut least = path.target_kbps();
    for _ in 0..5 {
        for (kbps, millis) in [(0, millis), (kbps, trickling), (30_000, 1_000)] {
            path.kbps = kbps;
            path.run(millis.min(SOON));
            for _ in 0..millis.saturating_sub(SOON) / 10 {
                path.run(10);
                least = least.min(path.target_kbps());
            }
        }
    }
    least
}

/// That the target stays above `floor` wherever a path stands still and then trickles, for up to
/// six times `trickling` milliseconds.
fn assert_stays_above(floor: u64, most_kbps: u64, packet_bytes: usize, kbps: u64, trickling: u64) {
    for millis in (60..=300).step_by(10) {
        for trickling in (0..=6).map(|times| times * trickling) {
            let least = held_up(most_kbps, packet_bytes, millis, kbps, trickling);
            assert!(least > floor, "{least} kbit/s, {millis} and {trickling} ms");
        }
    }
}

#[test]
fn a_path_that_stands_still_for_a_moment_has_not_narrowed() {
    assert_stays_above(500, 1_000, 1_000, 200, 10);
}

#[test]
fn who_sends_little_learns_little_of_a_path_that_stands_still() {
    assert_stays_above(160, 40, 100, 60, 100);
}
