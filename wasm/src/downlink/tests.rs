//! Which frames open, with the keys of a group.

use std::collections::BTreeMap;

use smrtc_e2ee::mls::{EpochKeys, MlsKeys, OLD_EPOCH_MICROS};
use smrtc_e2ee::sframe::{BaseKey, CipherSuite};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::FrameHeader;

use super::{Config, DownlinkEngine};
use crate::keys::{KeyMessage, Keys};
use crate::sealing;

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
    let mut keys = Keys::Mls(MlsKeys::new(SUITE));
    keys.mls().unwrap().install(0, epoch(in_epoch, leaf));
    let mut sealer = sealing::fresh_sealer(&mut keys).unwrap();
    let mut frame = Vec::new();
    sealer.seal(&metadata, b"sound", &mut frame).unwrap();
    (header, frame)
}

fn engine() -> DownlinkEngine {
    let config = Config {
        suite: SUITE.name().to_owned(),
        key_source: "mls".to_owned(),
        min_playout_delay_us: 0.0,
        max_playout_delay_us: 500_000.0,
    };
    let mut engine = DownlinkEngine::over(Keys::Mls(MlsKeys::new(SUITE)), &config);
    engine.apply(Instant::ZERO, KeyMessage::Participant(SENDER, "ada".into()));
    engine
}

fn open(engine: &mut DownlinkEngine, ms: u64, (header, frame): (FrameHeader, Vec<u8>)) {
    engine.open(Instant::from_millis(ms), header, frame);
}

/// Frames opened, refused and waiting.
fn counts(engine: &DownlinkEngine) -> (u64, u64, usize) {
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
fn what_was_sealed_before_our_first_epoch_is_given_up_at_once_and_what_never_opens_after_two_seconds()
 {
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
