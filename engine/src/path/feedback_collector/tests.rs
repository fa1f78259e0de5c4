use super::*;
use crate::wire::feedback::Feedback;

const PUBLISHER: u32 = 9;
const ONCE: FeedbackConfig = FeedbackConfig {
    interval: Duration::from_millis(50),
    senders: 128,
    repeat: Duration::ZERO,
    history: 1_024,
};

fn report(collector: &mut FeedbackCollector, now: Instant) -> Vec<(u16, bool)> {
    let mut packets = Vec::new();
    while let Some(datagram) = collector.poll(now) {
        assert!(datagram.len() <= crate::wire::MAX_DATAGRAM_BYTES);
        let feedback = Feedback::parse(&datagram).expect("own report");
        for group in feedback.groups() {
            assert_eq!(group.sender, PUBLISHER);
            packets.extend(
                group
                    .packets()
                    .map(|(seq, arrival)| (seq, arrival.is_some())),
            );
        }
    }
    packets
}

#[test]
fn what_came_lately_is_reported_again() {
    let mut collector = FeedbackCollector::new(FeedbackConfig::default());
    let mut reported = Vec::new();
    for n in 0..40u16 {
        let now = Instant::from_millis(1_000 + u64::from(n) * 10);
        // One of them never comes.
        if n != 12 {
            collector.on_packet(now, PUBLISHER, n);
        }
        reported.extend(report(&mut collector, now));
    }
    for n in (0..12).chain(13..20) {
        let times = reported
            .iter()
            .filter(|&&packet| packet == (n, true))
            .count();
        assert!(
            (2..=4).contains(&times),
            "packet {n} reported {times} times"
        );
    }
    assert!(reported.contains(&(12, false)) && !reported.contains(&(12, true)));
}

#[test]
fn a_report_covers_the_gap_since_the_last_one() {
    let mut collector = FeedbackCollector::new(ONCE);
    let start = Instant::from_millis(1_000);
    collector.on_packet(start, PUBLISHER, 65_534);
    assert!(collector.poll(start).is_none(), "not due yet");
    let due = collector.next_timeout().expect("due");
    assert_eq!(due, start + Duration::from_millis(50));
    assert_eq!(report(&mut collector, due), [(65_534, true)]);
    assert_eq!(collector.next_timeout(), None);
    collector.on_packet(due, PUBLISHER, 1);
    let due = collector.next_timeout().expect("due");
    assert_eq!(
        report(&mut collector, due),
        [(65_535, false), (0, false), (1, true)]
    );
}

#[test]
fn a_late_packet_is_reported_without_taking_back_arrivals() {
    let mut collector = FeedbackCollector::new(ONCE);
    let start = Instant::from_millis(1_000);
    for seq in [1, 2, 4, 5] {
        collector.on_packet(start, PUBLISHER, seq);
    }
    let due = collector.next_timeout().expect("due");
    assert_eq!(
        report(&mut collector, due),
        [(1, true), (2, true), (3, false), (4, true), (5, true)]
    );
    collector.on_packet(due, PUBLISHER, 3);
    collector.on_packet(due, PUBLISHER, 5);
    let due = collector.next_timeout().expect("due");
    assert_eq!(
        report(&mut collector, due),
        [(3, true), (4, true), (5, true)]
    );
}

#[test]
fn arrival_times_and_hold_survive_the_report() {
    let mut collector = FeedbackCollector::new(ONCE);
    let start = Instant::from_micros(64 * 10_000);
    collector.on_packet(start, PUBLISHER, 7);
    collector.on_packet(start + Duration::from_micros(640), PUBLISHER, 8);
    let now = start + Duration::from_millis(50);
    let datagram = collector.poll(now).expect("due");
    let feedback = Feedback::parse(&datagram).expect("own report");
    assert_eq!(feedback.hold, Duration::from_micros(50_000 - 640));
    let group = feedback.groups().next().expect("one group");
    let arrivals: Vec<_> = group.packets().filter_map(|(_, arrival)| arrival).collect();
    assert_eq!(arrivals[1].micros_since(arrivals[0]), 640);
}

#[test]
fn a_full_report_does_not_wait() {
    let mut collector = FeedbackCollector::new(ONCE);
    let now = Instant::from_millis(1);
    for seq in 0..1_000 {
        collector.on_packet(now, PUBLISHER, seq);
    }
    assert_eq!(collector.next_timeout(), Some(now));
    let packets = report(&mut collector, now);
    assert_eq!(packets.len(), 1_000);
    assert!(packets.iter().all(|(_, came)| *came));
}

#[test]
fn a_wide_hole_is_skipped_and_a_stray_number_ignored() {
    let mut collector = FeedbackCollector::new(ONCE);
    let now = Instant::from_millis(1);
    collector.on_packet(now, PUBLISHER, 0);
    collector.on_packet(now, PUBLISHER, 40_000);
    collector.on_packet(now, PUBLISHER, 4_000);
    let due = collector.next_timeout().expect("due");
    assert_eq!(report(&mut collector, due), [(0, true), (4_000, true)]);
}

#[test]
fn many_senders_stay_bounded() {
    let mut collector = FeedbackCollector::new(FeedbackConfig {
        senders: 4,
        ..FeedbackConfig::default()
    });
    for sender in 0..100 {
        collector.on_packet(Instant::from_millis(sender.into()), sender, 1);
    }
    assert_eq!(collector.senders.len(), 4);
    let mut reported = 0;
    while let Some(datagram) = collector.poll(Instant::from_millis(500)) {
        reported += Feedback::parse(&datagram)
            .expect("own report")
            .groups()
            .count();
    }
    assert_eq!(reported, 4);
}

#[test]
fn the_fraction_lost_is_of_the_newest_packets_and_does_not_mind_the_wrap() {
    let mut collector = FeedbackCollector::new(ONCE);
    assert_eq!(collector.fraction_lost(PUBLISHER), 0.0, "nothing came");
    let mut came = |from: u16, count: u16, step: u16| {
        for n in 0..count {
            let seq = from.wrapping_add(n * step);
            collector.on_packet(Instant::from_millis(1), PUBLISHER, seq);
        }
        collector.fraction_lost(PUBLISHER)
    };
    assert_eq!(came(65_000, 300, 1), 0.0);
    let lossy = came(65_300, 100, 4);
    assert!((lossy - 0.75).abs() < 0.01, "{lossy}");
    let again = came(164, 200, 1);
    assert!(again < 0.01, "{again}");
}
