mod any_order;
mod host;

use std::time::Duration;

use self::host::{AUDIO, Host, START, VIDEO, at, frame_at};
use super::*;
use crate::testing::{SENDER, audio, packet, video};
use crate::time::MediaTime;
use crate::wire::media::{self, FrameHeader};

#[test]
fn frames_on_a_clean_path_are_shown_at_once() {
    let mut host = Host::new();
    for n in 0..300 {
        // One to four packets, a few milliseconds of jitter.
        let count = 1 + (n % 4) as u16;
        for index in 0..count {
            let now = frame_at(n) + Duration::from_millis(u64::from(n % 3) + u64::from(index));
            host.receive(now, video(n, u16::from(n > 0)), index, count);
        }
    }
    assert_eq!(host.shown(), (0..300).collect::<Vec<_>>());
    let late = host
        .video
        .iter()
        .map(|&(_, released, render_at)| render_at - released)
        .max()
        .unwrap();
    assert!(
        late <= Duration::from_millis(1),
        "{late:?} of delay where there is no jitter"
    );
    assert_eq!((host.nacked.len(), host.requests.len()), (0, 0));
    let stats = host.stats(VIDEO);
    assert!(
        stats.jitter_buffer_delay / 300.0 < 0.004,
        "assembly of up to 3 ms included"
    );
    assert_eq!(
        (
            stats.frames_delivered,
            stats.freeze_count,
            stats.packets_lost
        ),
        (300, 0, 0)
    );
}

#[test]
fn reordering_asks_for_no_key_frame() {
    let mut host = Host::new();
    for n in (0..100).step_by(2) {
        let now = frame_at(n);
        host.receive(now, video(n + 1, 1), 0, 1);
        host.receive(
            now + Duration::from_millis(3),
            video(n, u16::from(n > 0)),
            0,
            1,
        );
    }
    assert_eq!(host.shown(), (0..100).collect::<Vec<_>>());
    assert_eq!((host.requests.len(), host.nacked.len()), (0, 0));
}

#[test]
fn a_lost_packet_is_asked_for_and_the_video_goes_on() {
    let mut host = Host::new();
    host.receive(at(0), video(0, 0), 0, 1);
    host.receive(at(33), video(1, 1), 0, 2);
    host.receive(at(66), video(2, 1), 0, 1);
    host.run_to(at(90));
    assert_eq!(
        host.nacked,
        [(1, Some(1)); 2],
        "20 ms after the last packet, and 20 ms later"
    );
    host.receive(at(100), video(1, 1), 1, 2);
    assert_eq!(host.shown(), [0, 1, 2]);
    assert!(host.requests.is_empty());
    assert_eq!(host.stats(VIDEO).nack_count, 3);
}

#[test]
fn what_does_not_come_is_skipped_at_the_next_key_frame() {
    let mut host = Host::new();
    host.receive(at(0), video(0, 0), 0, 1);
    for n in 2..20 {
        host.receive(at(u64::from(n) * 33), video(n, 1), 0, 1);
    }
    host.run_to(at(700));
    assert_eq!(host.shown(), [0]);
    assert_eq!(host.requests.first(), Some(&at(66 + 200)), "after the hold");
    assert!(host.events.contains(&DownlinkEvent::KeyFrameRequested {
        stream: TrackId::new(SENDER, VIDEO).stream(0)
    }));
    assert!(
        host.events.contains(&DownlinkEvent::StreamStalled {
            track: TrackId::new(SENDER, VIDEO)
        }) || host.video.len() < 2
    );
    host.receive(at(700), video(20, 0), 0, 1);
    host.receive(at(733), video(21, 1), 0, 1);
    assert_eq!(host.shown(), [0, 20, 21]);
    let stats = host.stats(VIDEO);
    assert_eq!((stats.dropped.undecodable, stats.frames_lost), (18, 1));
    let requests = host.requests.len();
    host.run_to(at(5_000));
    assert_eq!(
        host.requests.len(),
        requests,
        "nothing is asked for after the key frame came"
    );
}

#[test]
fn a_stream_joined_in_the_middle_asks_for_a_key_frame_and_repeats() {
    let mut host = Host::new();
    host.receive(at(0), video(50, 1), 0, 1);
    host.run_to(at(2_000));
    let times: Vec<_> = host
        .requests
        .iter()
        .map(|&request| (request - START).as_millis())
        .collect();
    assert_eq!(times, [10, 260, 510, 760, 1_010, 1_260, 1_510, 1_760]);
    assert_eq!(host.shown(), []);
}

#[test]
fn frozen_video_is_told_and_counted() {
    let mut host = Host::new();
    for n in 0..40 {
        host.receive(frame_at(n), video(n, u16::from(n > 0)), 0, 1);
    }
    host.run_to(frame_at(39) + Duration::from_millis(500));
    host.receive(host.now, video(40, 1), 0, 1);
    assert!(host.events.contains(&DownlinkEvent::StreamStalled {
        track: TrackId::new(SENDER, VIDEO)
    }));
    let frozen = Duration::from_millis(500);
    assert!(host.events.contains(&DownlinkEvent::StreamResumed {
        track: TrackId::new(SENDER, VIDEO),
        frozen
    }));
    let stats = host.stats(VIDEO);
    assert_eq!(stats.freeze_count, 1);
    assert!((stats.total_freezes_duration - 0.5).abs() < 1e-6);
}

#[test]
fn audio_is_told_how_far_back_the_copies_with_it_go() {
    let mut host = Host::new();
    // Packet 3 is lost, and the copy of frame 2 in packet 4 was left out for want of room.
    for (id, back) in [
        (0, &[][..]),
        (1, &[1]),
        (2, &[1, 2]),
        (4, &[1, 3]),
        (5, &[]),
    ] {
        let mut datagram = Vec::new();
        packet(audio(id), 0, 1, b"s").encode(&mut datagram);
        let earlier: Vec<_> = back.iter().map(|back| audio(id - back)).collect();
        let copies = earlier.iter().map(|header| (header, &b"s"[..]));
        let added = media::add_redundancy(&mut datagram, &audio(id), copies);
        assert_eq!(usize::from(added), back.len());
        host.run_to(at(u64::from(id) * 20));
        host.input(DownlinkInput::Datagram(&datagram));
    }
    assert_eq!(host.audio, [(0, 0), (1, 1), (2, 2), (4, 3), (3, 3), (5, 0)]);
}

#[test]
fn duplicates_do_nothing() {
    let mut host = Host::new();
    for n in 0..30 {
        for _ in 0..3 {
            for index in 0..2 {
                host.receive(at(u64::from(n) * 33), video(n, u16::from(n > 0)), index, 2);
            }
            host.receive(at(u64::from(n) * 33), audio(n), 0, 1);
        }
    }
    assert_eq!(host.shown(), (0..30).collect::<Vec<_>>());
    let heard: Vec<u32> = host.audio.iter().map(|&(id, _)| id).collect();
    assert_eq!(heard, (0..30).collect::<Vec<_>>());
    assert_eq!(host.opened, 60, "each frame is opened once");
    let (video, audio) = (host.stats(VIDEO), host.stats(AUDIO));
    assert_eq!(
        (
            video.duplicate_packets_received,
            audio.duplicate_packets_received
        ),
        (120, 60)
    );
    assert_eq!((video.packets_received, video.frames_dropped), (60, 0));
}

#[test]
fn a_wrong_key_is_told_and_asks_for_no_key_frames() {
    let mut host = Host::new();
    for n in 0..60 {
        host.receive_payload(
            at(u64::from(n) * 33),
            video(n, u16::from(n > 0)),
            0,
            1,
            b"x",
        );
    }
    assert_eq!(
        host.events
            .iter()
            .filter(|event| matches!(event, DownlinkEvent::CannotDecrypt { .. }))
            .count(),
        1
    );
    assert!(host.requests.len() <= 1, "before the third failure only");
    assert!(host.stats(VIDEO).cannot_decrypt);
    assert_eq!(host.stats(VIDEO).dropped.not_opened, 60);
    host.receive(at(2_000), video(60, 1), 0, 1);
    host.run_to(at(2_100));
    assert!(
        host.events
            .contains(&DownlinkEvent::DecryptOk { sender: SENDER })
    );
    assert!(!host.requests.is_empty(), "now a key frame helps");
    host.receive(at(2_200), video(61, 0), 0, 1);
    assert_eq!(host.shown(), [61]);
}

#[test]
fn a_frame_that_does_not_open_breaks_the_chain_until_a_key_frame() {
    let mut host = Host::new();
    host.receive(at(0), video(0, 0), 0, 1);
    host.receive_payload(at(33), video(1, 1), 0, 1, b"x");
    host.receive(at(66), video(2, 1), 0, 1);
    assert_eq!(host.requests, [at(66)], "waiting would not help");
    host.receive(at(150), video(3, 0), 0, 1);
    assert_eq!(host.shown(), [0, 3]);
    assert!(
        !host
            .events
            .iter()
            .any(|event| matches!(event, DownlinkEvent::CannotDecrypt { .. }))
    );
}

#[test]
fn a_failed_decoder_gets_a_key_frame() {
    let mut host = Host::new();
    host.receive(at(0), video(0, 0), 0, 1);
    host.run_to(at(10));
    host.input(DownlinkInput::VideoDecodeFailed {
        track: TrackId::new(SENDER, VIDEO),
    });
    assert_eq!(host.requests, [at(10)]);
    host.receive(at(33), video(1, 1), 0, 1);
    host.receive(at(66), video(2, 0), 0, 1);
    assert_eq!(host.shown(), [0, 2]);
}

#[test]
fn the_layer_changes_at_a_key_frame() {
    let layer = |frame_id, distance, spatial, millis: u64| FrameHeader {
        spatial,
        media_time: MediaTime::from_micros(5_000_000) + Duration::from_millis(millis),
        ..video(frame_id, distance)
    };
    let mut host = Host::new();
    host.receive(at(0), layer(0, 0, 0, 0), 0, 1);
    host.receive(at(33), layer(1, 1, 0, 33), 0, 1);
    // The small frame after the key frame of the other layer overtakes it.
    host.receive(at(66), layer(71, 1, 1, 99), 0, 1);
    host.receive(at(67), layer(70, 0, 1, 66), 0, 1);
    host.receive(at(68), layer(2, 1, 0, 66), 0, 1);
    host.receive(at(133), layer(72, 1, 1, 132), 0, 1);
    assert_eq!(host.shown(), [0, 1, 70, 71, 72]);
    host.run_to(at(3_000));
    assert!(host.requests.is_empty());
    assert_eq!(host.stats(VIDEO).dropped.other_layer, 1);
}

#[test]
fn video_waits_for_audio_that_lags() {
    let mut host = Host::new();
    for n in 0..200_u32 {
        let now = at(u64::from(n) * 33 + 20);
        host.receive(
            now,
            FrameHeader {
                media_time: captured(now, 20),
                ..video(n, u16::from(n > 0))
            },
            0,
            1,
        );
        host.input(DownlinkInput::AudioPlayout {
            sender: SENDER,
            media_time: captured(now, 180),
        });
    }
    let (_, released, render_at) = host.video[199];
    let added = (render_at - released).as_millis();
    assert!(
        (55..=65).contains(&added),
        "audio 160 ms later than the video frame, 100 of it tolerated: {added}"
    );
    let stats = host.stats(VIDEO);
    assert!(
        (stats.audio_lag.unwrap() - 0.1).abs() < 0.005,
        "{:?}",
        stats.audio_lag
    );
}

fn captured(now: Instant, millis_ago: u64) -> MediaTime {
    MediaTime::from_micros(77_000_000) + (now - START) - Duration::from_millis(millis_ago)
}

#[test]
fn a_flood_keeps_memory_bounded() {
    let mut host = Host::new();
    let payload = [b'x'; 1_100];
    for n in 0..30_000_u32 {
        let mut header = video(n.wrapping_mul(0x9e37_79b9), 1);
        header.track = if n % 5 == 0 { AUDIO } else { VIDEO };
        header.spatial = (n % 16) as u8;
        header.sender = if n % 3 == 0 { n } else { SENDER };
        host.receive_payload(
            at(u64::from(n / 100)),
            header,
            (n % 900) as u16,
            1_024,
            &payload,
        );
    }
    let config = DownlinkConfig::default();
    assert!(host.downlink.reassembler.bytes() <= config.reassembler.total_bytes);
    assert!(
        host.downlink.reassembler.bytes() > 1 << 20,
        "the flood filled something"
    );
    assert!(host.downlink.nack.tracked_frames() <= 16 * config.nack.frames);
    assert!(
        host.downlink
            .stats(host.now)
            .transport
            .unexpected_packets_received
            > 0
    );
    host.stats(VIDEO);
}
