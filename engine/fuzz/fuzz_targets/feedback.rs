//! A report that parses holds as many packets as its groups say, and a controller takes it without
//! harm.
#![no_main]

use smrtc_engine::Instant;
use smrtc_engine::cc::{CongestionConfig, CongestionController, DelayBasedController, SentPacket};
use smrtc_engine::wire::feedback::Feedback;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(feedback) = Feedback::parse(bytes) else { return };
    let mut cc = DelayBasedController::new(CongestionConfig::default());
    for group in feedback.groups() {
        assert_eq!(group.packets().count(), usize::from(group.count));
        for (i, (transport_seq, _)) in (0..).zip(group.packets()) {
            cc.on_sent(Instant::from_millis(i), SentPacket { sender: group.sender, transport_seq, bytes: 1_000 });
        }
    }
    cc.on_feedback(Instant::from_millis(600), &feedback);
    assert!(cc.target_bitrate() >= CongestionConfig::default().min);
});
