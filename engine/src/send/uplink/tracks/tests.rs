use super::*;
use crate::time::MediaTime;
use crate::wire::keyframe::{self, KeyFrameEntry};
use crate::wire::media::MediaKind;

const ME: u32 = 7;
const AUDIO: u8 = 0;
const VIDEO: u8 = 1;

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn tracks() -> Tracks {
    let mut tracks = Tracks::default();
    for (number, kind) in [(AUDIO, MediaKind::Audio), (VIDEO, MediaKind::Video)] {
        let max_bitrate = Bitrate::from_kbps(100);
        tracks.set(number, TrackConfig { kind, max_bitrate });
    }
    tracks
}

/// Begins a frame and hands it in; whether it is worth sending.
fn encode(tracks: &mut Tracks, now: Instant, number: u8, key: bool) -> bool {
    let params = FrameParams {
        key,
        ..FrameParams::audio(MediaTime::default())
    };
    let header = tracks.begin_frame(ME, number, params).unwrap();
    let (_, stream) = tracks.of_frame(&header).unwrap();
    stream.admit_frame(now, &header, number == AUDIO, 100)
}

fn request(tracks: &mut Tracks, now: Instant) -> usize {
    let entry = KeyFrameEntry::from(TrackId::new(ME, VIDEO).stream(0));
    let mut datagram = Vec::new();
    keyframe::encode(&[entry, entry], &mut datagram);
    let request = KeyFrameRequest::parse(&datagram).unwrap();
    let rtt = Duration::from_millis(50);
    tracks.on_key_frame_request(now, rtt, ME, &request).len()
}

#[test]
fn a_stream_that_lost_a_frame_sends_nothing_before_its_key_frame() {
    let mut tracks = tracks();
    assert!(encode(&mut tracks, at(0), VIDEO, true));
    let dropped = Dropped {
        frame: TrackId::new(ME, VIDEO).stream(0).frame(0),
        breaks_layer: true,
    };
    assert!(tracks.on_dropped(at(10), dropped).is_some());
    assert_eq!(tracks.on_dropped(at(11), dropped), None, "asked already");
    assert!(!encode(&mut tracks, at(33), VIDEO, false));
    assert!(encode(&mut tracks, at(33), AUDIO, true));
    assert!(encode(&mut tracks, at(66), VIDEO, true));
    assert!(encode(&mut tracks, at(99), VIDEO, false));
    assert_eq!(tracks.stats(0.0)[1].frames_dropped, 3);
}

#[test]
fn requests_for_key_frames_are_passed_on_once_in_300_ms_and_not_behind_a_key_frame() {
    let mut tracks = tracks();
    encode(&mut tracks, at(0), VIDEO, true);
    assert_eq!(request(&mut tracks, at(40)), 0, "it cannot have been seen");
    assert_eq!(request(&mut tracks, at(60)), 1);
    assert_eq!(request(&mut tracks, at(350)), 0);
    assert_eq!(request(&mut tracks, at(370)), 1);
    assert_eq!(tracks.stats(0.0)[0].pli_count, 4);
}

#[test]
fn a_restart_asks_for_key_frames_of_video_that_was_sent_and_of_nothing_else() {
    let mut tracks = tracks();
    encode(&mut tracks, at(0), AUDIO, true);
    assert_eq!(tracks.restart_video(at(1), |_| 0), []);
    encode(&mut tracks, at(2), VIDEO, true);
    let mut discarded = Vec::new();
    let events = tracks.restart_video(at(3), |number| {
        discarded.push(number);
        2
    });
    let stream = TrackId::new(ME, VIDEO).stream(0);
    assert_eq!(events, [UplinkEvent::key_frame_requested(stream)]);
    assert_eq!(discarded, [VIDEO]);
    assert_eq!(tracks.stats(0.0)[1].frames_dropped, 2);
    assert!(!encode(&mut tracks, at(4), VIDEO, false));
}
