//! Tracks in several sizes.

use super::*;

/// Of `min` to `max` kbit/s.
fn layer(min: u64, max: u64) -> LayerConfig {
    LayerConfig {
        min_bitrate: Bitrate::from_kbps(min),
        max_bitrate: Bitrate::from_kbps(max),
    }
}

#[test]
fn a_track_in_two_sizes_has_a_rate_and_numbers_for_each() {
    let mut uplink = uplink();
    uplink.set_layers(VIDEO, &[layer(30, 150), layer(400, 1_500)]);
    uplink.set_layers(AUDIO, &[layer(1, 2)]);
    let of = |uplink: &Uplink, spatial| uplink.layer_bitrate(VIDEO, spatial);
    assert_eq!(of(&uplink, 0), Bitrate::from_kbps(150));
    assert!(of(&uplink, 1) > Bitrate::from_kbps(600));
    assert_eq!(of(&uplink, 2), Bitrate::ZERO);
    assert_eq!(
        of(&uplink, 0) + of(&uplink, 1),
        uplink.track_bitrate(VIDEO),
        "one budget"
    );
    assert!(uplink.layer_bitrate(AUDIO, 0) > Bitrate::from_kbps(2));
    assert!(uplink.wants_layer_frame(at(0), VIDEO, 1));
    assert!(uplink.wants_layer_frame(at(1), VIDEO, 0));
    assert!(!uplink.wants_layer_frame(at(1), VIDEO, 2));

    let ids = [0, 1, 1, 0, 1].map(|spatial| {
        let params = FrameParams {
            spatial,
            ..params(true)
        };
        uplink.begin_frame(VIDEO, params).unwrap().frame_id
    });
    assert_eq!(ids, [0, 0, 1, 1, 2]);
}

/// Runs an uplink of two sizes over a path of `kbps` that everything comes through, until `end`
/// seconds; what its large size gets then, in kbit/s, and how many repair packets went out.
fn two_sizes_over(uplink: &mut Uplink, from: u64, end: u64, kbps: u64) -> (u64, usize) {
    let rate = Bitrate::from_kbps(kbps);
    let (mut idle_at, mut repairs) = (at(from * 1_000), 0);
    let mut seq = uplink.transport_seq;
    let mut waiting: Vec<(Instant, u16)> = Vec::new();
    for ms in from * 1_000..end * 1_000 {
        let now = at(ms);
        if ms % 66 == 0 {
            frame(uplink, now, VIDEO, ms % 3_300 == 0, 1_200);
        } else {
            uplink.handle_input(now, UplinkInput::Timeout).unwrap();
        }
        for datagram in drain(uplink).0 {
            let repair = datagram[0] == 8;
            if datagram[0] == 1 || repair {
                repairs += usize::from(repair);
                idle_at = idle_at.max(now) + rate.time_for(datagram.len() as u64);
                waiting.push((idle_at, seq));
                seq = seq.wrapping_add(1);
            }
        }
        let came = waiting.iter().take_while(|&&(at, _)| at <= now).count();
        if ms % 50 == 0 && came > 0 {
            let arrivals: Vec<_> = waiting.drain(..came).collect();
            let mut writer = FeedbackWriter::new(0, Duration::ZERO);
            let times: Vec<_> = arrivals.iter().map(|&(at, _)| Some(at)).collect();
            assert_eq!(writer.push_group(ME, arrivals[0].1, &times), times.len());
            let feedback = writer.finish();
            uplink
                .handle_input(now, UplinkInput::Datagram(&feedback))
                .unwrap();
        }
    }
    let large = uplink.layer_bitrate(VIDEO, 1).as_bps() / 1_000;
    (large, repairs)
}

#[test]
fn a_size_that_is_not_sent_begins_when_a_burst_shows_that_the_path_bears_it() {
    let start = Bitrate::from_kbps(250);
    let mut config = UplinkConfig::default();
    config.congestion.start = start;
    let mut uplink = Uplink::new(config, ME, 1);
    uplink.set_track(
        VIDEO,
        TrackConfig {
            kind: MediaKind::Video,
            max_bitrate: Bitrate::from_kbps(2_000),
        },
    );
    uplink.set_layers(VIDEO, &[layer(30, 150), layer(400, 1_500)]);
    let (large, tried) = two_sizes_over(&mut uplink, 0, 20, 300);
    assert_eq!(large, 0, "the path does not bear it");
    // After 2, 4, 8 and so on seconds, and each time six packets or some more.
    assert!((12..=40).contains(&tried), "{tried} packets of bursts");
    let (large, _) = two_sizes_over(&mut uplink, 20, 40, 5_000);
    assert!(large >= 400, "{large}");
}
