use super::*;
use crate::wire::feedback::FeedbackWriter;

#[test]
fn starts_within_its_bounds() {
    let config = SimpleConfig {
        start: Bitrate::from_kbps(10),
        ..SimpleConfig::default()
    };
    assert_eq!(
        SimpleController::new(config).target_bitrate(),
        Bitrate::from_kbps(50)
    );
    let cc = SimpleController::new(SimpleConfig::default());
    assert_eq!(cc.target_bitrate(), Bitrate::from_kbps(1_000));
    assert_eq!(cc.pacing().rate, Bitrate::from_kbps(2_500));
    assert_eq!(cc.next_timeout(), None);
}

#[test]
fn silence_halves_the_rate_of_one_who_sends_down_to_the_floor() {
    let mut cc = SimpleController::new(SimpleConfig::default());
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
    let mut cc = SimpleController::new(SimpleConfig::default());
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

/// A controller that was told nothing but a burst of eight packets of 1,000 bytes, sent each millisecond and arriving each `apart`.
fn probed(apart: u64) -> (SimpleController, Option<Bitrate>) {
    let mut cc = SimpleController::new(SimpleConfig::default());
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
