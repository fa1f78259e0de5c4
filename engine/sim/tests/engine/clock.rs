//! Numbers that wrap and clocks that jump.

use std::time::Duration;

use smrtc_engine::recv::{Downlink, DownlinkConfig, DownlinkInput, DownlinkOutput};
use smrtc_engine::send::{
    FrameParams, TrackConfig, Uplink, UplinkConfig, UplinkInput, UplinkOutput,
};
use smrtc_engine::wire::media::MediaKind;
use smrtc_engine::{Bitrate, Instant, MediaTime, TrackId};

use super::call::Call;

/// A computer that was asleep: for both ends no time passes between before and after.
#[test]
fn a_call_goes_on_after_the_clock_jumped() {
    for seconds in [2, 90, 3_600, 86_400 * 50] {
        let jump = Duration::from_secs(seconds);
        let played = Call::new(seconds)
            .jumping(Instant::from_millis(4_000), jump)
            .run(Duration::from_secs(8));
        let after = Instant::from_millis(5_500) + jump;
        let late = played.frames.iter().filter(|frame| frame.captured > after);
        assert!(
            late.count() > 60,
            "a jump of {seconds} s: {:?}",
            played.stats
        );
    }
}

/// More packets than there are transport numbers, and a media time that wraps on the way.
#[test]
fn packets_are_told_apart_and_reported_across_the_wrap_of_their_numbers() {
    const FRAMES: u64 = 140_000;
    let mut uplink = Uplink::new(UplinkConfig::default(), 7, 1);
    let config = TrackConfig {
        kind: MediaKind::Audio,
        max_bitrate: Bitrate::from_kbps(32),
    };
    uplink.set_track(0, config);
    let mut downlink = Downlink::new(DownlinkConfig::default(), 2);
    downlink.add_track(TrackId::new(7, 0), MediaKind::Audio);
    let start = MediaTime::from_micros(MediaTime::MODULUS - 20_000_000);
    let mut heard = 0;
    for n in 0..FRAMES {
        let now = Instant::from_micros(1_000_000 + n * 500);
        let params = FrameParams::audio(start + Duration::from_micros(n * 500));
        let header = uplink.begin_frame(0, params).expect("the track is set");
        let sealed = vec![1; 8];
        let mut to_downlink = Vec::new();
        // Every thousandth is lost.
        let lost = n % 1_000 == 999;
        let taken = uplink.handle_input(now, UplinkInput::Frame { header, sealed });
        assert_eq!(taken, Ok(()));
        loop {
            match uplink.poll_output() {
                UplinkOutput::Transmit(datagram) => to_downlink.push(datagram),
                UplinkOutput::Event(_) => {}
                UplinkOutput::Timeout(_) => break,
            }
        }
        for datagram in to_downlink.iter().filter(|_| !lost) {
            downlink.handle_input(now, DownlinkInput::Datagram(datagram));
        }
        downlink.handle_input(now, DownlinkInput::Timeout);
        loop {
            match downlink.poll_output() {
                DownlinkOutput::Transmit(datagram) => {
                    // A downlink says nothing that an uplink does not understand.
                    assert_eq!(
                        uplink.handle_input(now, UplinkInput::Datagram(&datagram)),
                        Ok(())
                    );
                }
                DownlinkOutput::Sealed { header, frame } => downlink.handle_input(
                    now,
                    DownlinkInput::Opened {
                        header,
                        plaintext: frame,
                    },
                ),
                DownlinkOutput::Audio { .. } => heard += 1,
                DownlinkOutput::Timeout(_) => break,
                _ => {}
            }
        }
    }
    let stats = uplink.stats(Instant::from_micros(1_000_000 + FRAMES * 500));
    assert!(stats.transport.packets_sent > 2 * 65_536, "nothing wrapped");
    assert!(
        heard >= FRAMES - 2,
        "{heard} of {FRAMES}: what was lost comes again"
    );
    let loss = stats.outbound[0].fraction_lost;
    assert!(loss < 0.01, "{loss} reported lost");
}
