//! Which frames open, with the keys of a group.

use std::collections::BTreeMap;
use std::ops::Range;

use smrtc_e2ee::OsRng;
use smrtc_e2ee::mls::{EpochKeys, MlsKeys, OLD_EPOCH_MICROS};
use smrtc_e2ee::sframe::{BaseKey, CipherSuite, OpenError, Sealer};
use smrtc_engine::TrackId;
use smrtc_engine::send::Packetizer;
use smrtc_engine::time::{Instant, MediaTime};
use smrtc_engine::wire::media::{FrameHeader, MediaKind};

use super::{Decryption, DownlinkEvent, DownlinkHalf, DownlinkOptions, OpeningState};
use crate::{KeyMessage, Keys, Randomness, sealing};

const SUITE: CipherSuite = CipherSuite::Sm4GcmSm3;
const ADA: u16 = 0;
const BOB: u16 = 1;
/// The participant as whom the gateway presents Ada.
const SENDER: u32 = 7;

fn epoch(epoch: u64, own_leaf: u16) -> EpochKeys {
    EpochKeys {
        epoch,
        own_leaf,
        at_once: true,
        members: BTreeMap::from([(ADA, "ada".to_owned()), (BOB, "bob".to_owned())]),
        base_key: BaseKey::new(&[epoch as u8; 16]),
    }
}

/// A frame of sender 7, sealed by whoever has this leaf.
fn sealed(in_epoch: u64, leaf: u16) -> (FrameHeader, Vec<u8>) {
    let mut metadata = [0; 20];
    metadata[..8].copy_from_slice(&[0x10, 1, 0, 0, 0, 0, 0, SENDER as u8]);
    let header = FrameHeader::from_metadata(&metadata).unwrap();
    let mut keys = member(epoch(in_epoch, leaf));
    let mut sealer = sealing::fresh_sealer(&mut keys, &mut OsRng).unwrap();
    let mut frame = Vec::new();
    sealer.seal(&metadata, b"audio", &mut frame).unwrap();
    (header, frame)
}

fn with(keys: Keys) -> DownlinkHalf {
    DownlinkHalf::new(keys, DownlinkOptions::default(), Randomness::new(|| OsRng))
}

fn engine() -> DownlinkHalf {
    let mut engine = with(Keys::group(SUITE));
    engine.apply(Instant::ZERO, KeyMessage::Participant(SENDER, "ada".into()));
    engine
}

fn open(engine: &mut DownlinkHalf, ms: u64, (header, frame): (FrameHeader, Vec<u8>)) {
    engine.open(Instant::from_millis(ms), header, frame);
}

/// Frames opened, refused and waiting.
fn counts(engine: &DownlinkHalf) -> (u64, u64, usize) {
    let (opened, rejected) = engine.counts_of(SENDER);
    (opened, rejected, engine.waiting.len())
}

#[test]
fn a_frame_of_another_member_than_the_gateway_says_is_refused() {
    let mut engine = engine();
    engine.apply(Instant::ZERO, KeyMessage::Epoch(epoch(1, BOB)));
    open(&mut engine, 0, sealed(1, ADA));
    assert_eq!(counts(&engine), (1, 0, 0));
    open(&mut engine, 0, sealed(1, BOB));
    assert_eq!(counts(&engine), (1, 1, 0), "bob's, but shown as ada's");
}

#[test]
fn a_frame_waits_for_its_epoch_and_for_the_name_of_its_sender() {
    let mut engine = engine();
    engine.apply(Instant::ZERO, KeyMessage::Epoch(epoch(1, BOB)));
    open(&mut engine, 0, sealed(2, ADA));
    assert_eq!(counts(&engine), (0, 0, 1));
    engine.apply(Instant::from_millis(50), KeyMessage::Epoch(epoch(2, BOB)));
    assert_eq!(counts(&engine), (1, 0, 0));
    engine.apply(Instant::from_millis(60), KeyMessage::Gone(SENDER));
    open(&mut engine, 60, sealed(2, ADA));
    assert_eq!(counts(&engine), (1, 0, 1));
    let named = KeyMessage::Participant(SENDER, "ada".into());
    engine.apply(Instant::from_millis(70), named);
    assert_eq!(counts(&engine), (2, 0, 0));
}

#[test]
fn frames_from_before_our_first_epoch_are_given_up_at_once_and_others_after_two_seconds() {
    let mut engine = engine();
    open(&mut engine, 0, sealed(4, ADA));
    open(&mut engine, 0, sealed(5, ADA));
    engine.apply(Instant::from_millis(90), KeyMessage::Epoch(epoch(5, BOB)));
    assert_eq!(counts(&engine), (1, 1, 0));
    open(&mut engine, 100, sealed(9, ADA));
    engine.run_keys(Instant::from_millis(2_000));
    assert_eq!(counts(&engine), (1, 1, 1));
    engine.run_keys(Instant::from_millis(2_101));
    assert_eq!(counts(&engine), (1, 2, 0));
}

#[test]
fn an_epoch_that_is_over_opens_nothing_and_neither_does_a_group_that_we_left() {
    let mut engine = engine();
    engine.apply(Instant::ZERO, KeyMessage::Epoch(epoch(1, BOB)));
    engine.apply(Instant::ZERO, KeyMessage::Epoch(epoch(2, BOB)));
    open(&mut engine, 1, sealed(1, ADA));
    assert_eq!(counts(&engine), (1, 0, 0));
    let over = OLD_EPOCH_MICROS / 1_000;
    engine.run_keys(Instant::from_millis(over));
    open(&mut engine, over, sealed(1, ADA));
    assert_eq!(counts(&engine), (1, 0, 1));
    engine.apply(Instant::from_millis(over), KeyMessage::Stop);
    open(&mut engine, over, sealed(2, ADA));
    assert_eq!(counts(&engine), (1, 0, 2));
    engine.run_keys(Instant::from_millis(over + 2_001));
    assert_eq!(counts(&engine), (1, 2, 0));
}

/// The header of a frame of audio that was captured at `micros`.
fn audio(sender: u32, frame_id: u32, micros: u64) -> FrameHeader {
    FrameHeader {
        key: true,
        discardable: false,
        reserved_flags: 0,
        media_kind: MediaKind::Audio,
        track: 0,
        spatial: 0,
        temporal: 0,
        sender,
        frame_id,
        reference_distance: 0,
        media_time: MediaTime::from_micros(micros),
    }
}

/// Keys of a member of the group.
fn member(keys: EpochKeys) -> Keys {
    let mut group = MlsKeys::new(SUITE);
    group.install(0, keys);
    Keys::Mls(group)
}

/// Receives a thousand frames of audio, sealed with `keys`; how many came when the alarm did. The
/// first `intact` frames come as they were sealed, the others with another last byte.
fn alarm_after(engine: &mut DownlinkHalf, mut keys: Keys, intact: u32) -> Option<u32> {
    engine.add_track(TrackId::new(SENDER, 0), MediaKind::Audio);
    let mut sealer = sealing::fresh_sealer(&mut keys, &mut OsRng).unwrap();
    receive(engine, &mut sealer, 0..1_000, intact)
}

/// Receives frames of audio with these numbers, 20 ms apart, until an alarm; see [`alarm_after`].
fn receive(
    engine: &mut DownlinkHalf,
    sealer: &mut Sealer,
    numbers: Range<u32>,
    intact: u32,
) -> Option<u32> {
    for frame_id in numbers {
        let now = u64::from(frame_id) * 20_000;
        let header = audio(SENDER, frame_id, now);
        let mut frame = Vec::new();
        sealer
            .seal(&header.metadata(), b"audio", &mut frame)
            .unwrap();
        if frame_id >= intact {
            *frame.last_mut().unwrap() ^= 1;
        }
        let datagram = Packetizer::new(header, &frame).unwrap().next().unwrap();
        engine.datagram(Instant::from_micros(now), &datagram);
        engine.timeout(Instant::from_micros(now));
        while let Some(event) = engine.poll_event() {
            if let DownlinkEvent::Decryption(Decryption { opens, error, .. }) = event
                && !opens
            {
                assert_eq!(error, Some(OpenError::Authentication));
                return Some(frame_id + 1);
            }
        }
    }
    None
}

#[test]
fn a_wrong_key_and_changed_frames_are_told_at_the_third_frame() {
    let external = |secret: &[u8]| Keys::external(SUITE, secret).unwrap();
    let mut wrong = with(external(&[1; 32]));
    assert_eq!(alarm_after(&mut wrong, external(&[2; 32]), 1_000), Some(3));
    let mut right = with(external(&[1; 32]));
    assert_eq!(alarm_after(&mut right, external(&[1; 32]), 1_000), None);

    let group = || member(epoch(1, ADA));
    let mut changed = engine();
    changed.apply(Instant::ZERO, KeyMessage::Epoch(epoch(1, BOB)));
    assert_eq!(alarm_after(&mut changed, group(), 50), Some(53));
    // Frames under a KID of which none has opened may be another group's: ten seconds.
    let mut never = engine();
    never.apply(Instant::ZERO, KeyMessage::Epoch(epoch(1, BOB)));
    assert_eq!(alarm_after(&mut never, group(), 0), Some(501));
}

#[test]
fn who_has_no_keys_yet_is_told_of_nobody() {
    let mut engine = engine();
    let keys = member(epoch(1, ADA));
    assert_eq!(alarm_after(&mut engine, keys, 1_000), None);
    assert!(counts(&engine).1 > 500, "no frame was given up");
}

#[test]
fn a_sender_in_another_group_is_told_of_after_ten_seconds_and_taken_back_when_it_returns() {
    let mut engine = engine();
    engine.apply(Instant::ZERO, KeyMessage::Epoch(epoch(1, BOB)));
    engine.add_track(TrackId::new(SENDER, 0), MediaKind::Audio);
    let sealer = |keys| sealing::fresh_sealer(&mut member(keys), &mut OsRng).unwrap();
    let mut ours = sealer(epoch(1, ADA));
    assert_eq!(receive(&mut engine, &mut ours, 0..200, 2_000), None);
    assert_eq!(engine.counts_of(SENDER), (200, 0));
    // The same epoch, leaves and names, but other secrets.
    let mut theirs = sealer(EpochKeys {
        base_key: BaseKey::new(&[9; 16]),
        ..epoch(1, ADA)
    });
    let alarm = receive(&mut engine, &mut theirs, 200..1_000, 2_000).expect("an alarm");
    let seconds = f64::from(alarm - 200) / 50.0;
    assert!((9.0..11.0).contains(&seconds), "after {seconds} s");
    assert_eq!(engine.state_of(SENDER), OpeningState::CannotDecrypt);
    // Ada comes back to the group.
    assert_eq!(receive(&mut engine, &mut ours, alarm..1_100, 2_000), None);
    assert!(engine.counts_of(SENDER).0 > 200);
    assert_eq!(engine.state_of(SENDER), OpeningState::Ok);
}
