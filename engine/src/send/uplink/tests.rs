mod any_order;
mod retransmission;
mod sizes;

use super::*;
use crate::ids::TrackId;
use crate::time::MediaTime;
use crate::wire::feedback::FeedbackWriter;
use crate::wire::keyframe::{self, KeyFrameEntry};
use crate::wire::media::{self, MediaKind, MediaPacket};
use crate::wire::nack::{self, NackEntry};
use crate::wire::ping::Pong;

const ME: u32 = 7;
const AUDIO: u8 = 0;
const VIDEO: u8 = 1;

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn uplink() -> Uplink {
    let mut uplink = Uplink::new(UplinkConfig::default(), ME, 1);
    uplink.set_track(
        AUDIO,
        TrackConfig {
            kind: MediaKind::Audio,
            max_bitrate: Bitrate::from_kbps(32),
        },
    );
    uplink.set_track(
        VIDEO,
        TrackConfig {
            kind: MediaKind::Video,
            max_bitrate: Bitrate::from_kbps(2_000),
        },
    );
    uplink
}

fn params(key: bool) -> FrameParams {
    let reference_distance = u16::from(!key);
    FrameParams {
        key,
        discardable: false,
        spatial: 0,
        temporal: 0,
        reference_distance,
        media_time: MediaTime::default(),
    }
}

fn frame(uplink: &mut Uplink, now: Instant, track: u8, key: bool, bytes: usize) -> FrameHeader {
    let header = uplink.begin_frame(track, params(key)).unwrap();
    uplink
        .handle_input(
            now,
            UplinkInput::Frame {
                header,
                sealed: vec![0xa5; bytes],
            },
        )
        .unwrap();
    header
}

/// Everything the uplink wants at `now`.
fn drain(uplink: &mut Uplink) -> (Vec<Vec<u8>>, Vec<UplinkEvent>, Instant) {
    let (mut datagrams, mut events) = (Vec::new(), Vec::new());
    loop {
        match uplink.poll_output() {
            UplinkOutput::Transmit(datagram) => datagrams.push(datagram),
            UplinkOutput::Event(event) => events.push(event),
            UplinkOutput::Timeout(next) => return (datagrams, events, next),
        }
    }
}

/// Runs without any answer until `end`; the media packets with their times.
fn run(uplink: &mut Uplink, end: Instant) -> Vec<(Instant, Vec<u8>)> {
    let mut sent = Vec::new();
    loop {
        let (datagrams, _, next) = drain(uplink);
        let now = uplink.now;
        sent.extend(
            datagrams
                .into_iter()
                .filter(|bytes| bytes[0] == 1)
                .map(|bytes| (now, bytes)),
        );
        if next > end {
            return sent;
        }
        assert!(next > now, "would spin");
        uplink.handle_input(next, UplinkInput::Timeout).unwrap();
    }
}

#[test]
fn frames_are_numbered_by_layer_and_packets_by_session() {
    let mut uplink = uplink();
    assert_eq!(frame(&mut uplink, at(1), VIDEO, true, 3_000).frame_id, 0);
    assert_eq!(frame(&mut uplink, at(1), AUDIO, true, 80).frame_id, 0);
    assert_eq!(frame(&mut uplink, at(1), VIDEO, false, 10).frame_id, 1);
    assert_eq!(
        uplink.begin_frame(9, params(true)),
        Err(InputError::UnknownTrack(9))
    );
    let sent = run(&mut uplink, at(500));
    let packets: Vec<_> = sent
        .iter()
        .map(|(_, bytes)| MediaPacket::parse(bytes).unwrap())
        .collect();
    assert_eq!(
        packets
            .iter()
            .map(|packet| packet.transport_seq)
            .collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    assert_eq!(
        packets[0].header.media_kind,
        MediaKind::Audio,
        "audio goes first"
    );
    assert_eq!(packets[1].payload.len(), 1_000);
    assert!(
        packets
            .iter()
            .all(|packet| packet.header.sender == ME && !packet.rtx)
    );
}

#[test]
fn a_frame_under_the_number_of_an_earlier_session_is_refused() {
    let (mut earlier, mut uplink) = (Uplink::new(UplinkConfig::default(), ME + 1, 1), uplink());
    let kind = MediaKind::Video;
    let max_bitrate = Bitrate::from_kbps(2_000);
    earlier.set_track(VIDEO, TrackConfig { kind, max_bitrate });
    let header = earlier.begin_frame(VIDEO, params(true)).unwrap();
    let sealed = vec![0xa5; 100];
    assert_eq!(
        uplink.handle_input(at(0), UplinkInput::Frame { header, sealed }),
        Err(InputError::UnknownTrack(VIDEO))
    );
    frame(&mut uplink, at(0), VIDEO, true, 100);
    assert_eq!(uplink.stats(at(0)).outbound.len(), 1);
}

#[test]
fn audio_does_not_wait_for_video() {
    let mut uplink = uplink();
    frame(&mut uplink, at(0), VIDEO, true, 60_000);
    let mut at_once = 0;
    for ms in (0..160).step_by(20) {
        uplink.handle_input(at(ms), UplinkInput::Timeout).unwrap();
        run(&mut uplink, at(ms));
        assert!(
            uplink.queue_delay() > Duration::from_millis(10),
            "nothing to overtake at {ms} ms"
        );
        frame(&mut uplink, at(ms), AUDIO, true, 80);
        let (datagrams, ..) = drain(&mut uplink);
        let first =
            MediaPacket::parse(datagrams.iter().find(|bytes| bytes[0] == 1).unwrap()).unwrap();
        at_once += usize::from(first.header.track == AUDIO);
    }
    assert_eq!(at_once, 8);
}

#[test]
fn key_frame_requests_reach_the_encoder_at_a_bounded_rate() {
    let mut uplink = uplink();
    frame(&mut uplink, at(0), VIDEO, true, 100);
    run(&mut uplink, at(1));
    let mut bytes = Vec::new();
    let entry = KeyFrameEntry {
        sender: ME,
        track: VIDEO,
        spatial: 0,
    };
    keyframe::encode(
        &[
            entry,
            KeyFrameEntry { sender: 9, ..entry },
            KeyFrameEntry { track: 5, ..entry },
        ],
        &mut bytes,
    );
    let mut asked = Vec::new();
    for ms in (10..1_000).step_by(10) {
        uplink
            .handle_input(at(ms), UplinkInput::Datagram(&bytes))
            .unwrap();
        let (_, events, _) = drain(&mut uplink);
        if events.contains(&UplinkEvent::KeyFrameRequested {
            track: VIDEO,
            spatial: 0,
        }) {
            asked.push(ms);
        }
    }
    assert_eq!(
        asked,
        [100, 400, 700],
        "not within a round trip of the last key frame, then each 300 ms"
    );
}

#[test]
fn pings_are_answered_and_pongs_measured() {
    let mut uplink = uplink();
    uplink.handle_input(at(5), UplinkInput::Timeout).unwrap();
    let (datagrams, ..) = drain(&mut uplink);
    let ping = Ping::parse(&datagrams[0]).unwrap();
    let mut bytes = Vec::new();
    Pong { token: ping.token }.encode(&mut bytes);
    uplink
        .handle_input(at(25), UplinkInput::Datagram(&bytes))
        .unwrap();
    assert_eq!(
        uplink.stats(at(25)).transport.current_round_trip_time,
        Some(0.02)
    );
    bytes.clear();
    Ping { token: 99 }.encode(&mut bytes);
    uplink
        .handle_input(at(30), UplinkInput::Datagram(&bytes))
        .unwrap();
    let (datagrams, ..) = drain(&mut uplink);
    assert_eq!(Pong::parse(&datagrams[0]), Ok(Pong { token: 99 }));
}

#[test]
fn the_encoders_are_told_their_rates_audio_first() {
    let mut uplink = uplink();
    uplink.handle_input(at(0), UplinkInput::Timeout).unwrap();
    let (_, events, _) = drain(&mut uplink);
    let Some(&UplinkEvent::TargetBitrate { video, audio }) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!(audio, Bitrate::from_kbps(32));
    assert!((900..=950).contains(&(video.as_bps() / 1_000)), "{video:?}");
    assert_eq!(uplink.track_bitrate(VIDEO), video);
    assert_eq!(uplink.track_bitrate(9), Bitrate::ZERO);
}

#[test]
fn an_overfull_queue_loses_a_layer_up_to_the_key_frame_it_asks_for() {
    let mut uplink = uplink();
    uplink.handle_input(at(0), UplinkInput::Timeout).unwrap();
    drain(&mut uplink);
    for _ in 0..40 {
        frame(&mut uplink, at(1), VIDEO, false, 20_000);
    }
    let (_, events, _) = drain(&mut uplink);
    let requests = events
        .iter()
        .filter(|event| matches!(event, UplinkEvent::KeyFrameRequested { .. }))
        .count();
    assert_eq!(requests, 1);
    assert!(uplink.queue_delay() <= Duration::from_millis(400));
    let dropped = uplink.stats(at(1)).outbound[0].frames_dropped;
    assert!(dropped >= 30, "{dropped}");
    frame(&mut uplink, at(500), VIDEO, false, 1_000);
    assert_eq!(
        uplink.stats(at(500)).outbound[0].frames_dropped,
        dropped + 1
    );
    frame(&mut uplink, at(501), VIDEO, true, 1_000);
    assert_eq!(
        uplink.stats(at(501)).outbound[0].frames_dropped,
        dropped + 1
    );
}

#[test]
fn what_does_not_belong_here_is_counted_and_refused() {
    let mut uplink = uplink();
    frame(&mut uplink, at(0), VIDEO, true, 100);
    let media = run(&mut uplink, at(1)).remove(0).1;
    let refuse = |uplink: &mut Uplink, bytes: &[u8]| {
        uplink
            .handle_input(at(2), UplinkInput::Datagram(bytes))
            .unwrap_err()
    };
    assert_eq!(refuse(&mut uplink, &media), InputError::UnexpectedKind(1));
    assert!(matches!(refuse(&mut uplink, &[9, 9]), InputError::Wire(_)));
    let stats = uplink.stats(at(2)).transport;
    assert_eq!(
        (
            stats.packets_received,
            stats.malformed_packets_received,
            stats.unexpected_packets_received
        ),
        (2, 1, 1)
    );
    assert_eq!(stats.bytes_received, media.len() as u64 + 2);
}

#[test]
fn feedback_gives_the_loss_and_the_round_trip() {
    let mut uplink = uplink();
    frame(&mut uplink, at(0), VIDEO, true, 20_000);
    let sent = run(&mut uplink, at(200));
    let arrivals: Vec<_> = sent
        .iter()
        .enumerate()
        .map(|(i, (at, _))| (i % 4 != 2).then(|| *at + Duration::from_millis(30)))
        .collect();
    let now = at(210);
    let hold = now - (sent.last().unwrap().0 + Duration::from_millis(60));
    let mut writer = FeedbackWriter::new(0, hold);
    assert_eq!(writer.push_group(ME, 0, &arrivals), arrivals.len());
    uplink
        .handle_input(now, UplinkInput::Datagram(&writer.finish()))
        .unwrap();
    let stats = uplink.stats(now);
    assert_eq!(stats.transport.current_round_trip_time, Some(0.06));
    assert!((stats.outbound[0].fraction_lost - 0.25).abs() < 0.05);
}

/// Every fourth packet is lost for two seconds.
fn after_loss(protection: ProtectionConfig) -> Uplink {
    let config = UplinkConfig {
        protection,
        ..UplinkConfig::default()
    };
    let mut uplink = Uplink::new(config, ME, 1);
    let kind = MediaKind::Video;
    let max_bitrate = Bitrate::from_kbps(2_000);
    uplink.set_track(VIDEO, TrackConfig { kind, max_bitrate });
    let mut base_seq = 0;
    for round in 0..20 {
        frame(&mut uplink, at(round * 100), VIDEO, true, 10_000);
        let sent = run(&mut uplink, at(round * 100 + 80));
        let arrivals: Vec<_> = sent
            .iter()
            .enumerate()
            .map(|(i, (at, _))| (i % 4 != 2).then(|| *at + Duration::from_millis(10)))
            .collect();
        let mut writer = FeedbackWriter::new(0, Duration::ZERO);
        assert_eq!(writer.push_group(ME, base_seq, &arrivals), arrivals.len());
        base_seq += arrivals.len() as u16;
        let feedback = writer.finish();
        uplink
            .handle_input(at(round * 100 + 95), UplinkInput::Datagram(&feedback))
            .unwrap();
    }
    uplink
}

#[test]
fn what_copies_mend_asks_no_redundancy_of_the_codec() {
    assert_eq!(uplink().audio_loss_after_redundancy(), 0.0);
    let repair = false;
    let with_copies = |copies| {
        after_loss(ProtectionConfig {
            repair,
            copies,
            ..Default::default()
        })
    };
    let bare = with_copies(false).audio_loss_after_redundancy();
    assert!((bare - 0.25).abs() < 0.05, "{bare}");
    let covered = with_copies(true).audio_loss_after_redundancy();
    assert!(covered > 0.0 && covered < 0.001, "{covered}");
}
