//! What must hold for every frame: tampering, replay, reordering, foreign keys, bounds.

use std::collections::BTreeSet;

use proptest::prelude::*;
use smrtc_e2ee::sframe::{
    BaseKey, CipherSuite, Ctr, Header, KeyStore, KeyStoreLimits, Kid, MAX_OVERHEAD_BYTES,
    OpenError, REPLAY_WINDOW, Sealer,
};
use smrtc_e2ee::{ExternalKey, KeyProvider, Rng, RngError, SenderKeyError};

const SECRET: [u8; 32] = [0x42; 32];
const METADATA: &[u8] = b"twenty bytes of meta";

fn provider(suite: CipherSuite, secret: &[u8]) -> ExternalKey {
    ExternalKey::new(suite, secret).expect("a secret of the right length")
}

fn sealer(suite: CipherSuite, seed: u64) -> Sealer {
    Sealer::from_provider(&mut provider(suite, &SECRET), &mut SeededRng(seed)).expect("a key")
}

fn store(suite: CipherSuite) -> KeyStore {
    KeyStore::new(Box::new(provider(suite, &SECRET)))
}

fn sealed(sealer: &mut Sealer, metadata: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sealer.seal(metadata, plaintext, &mut out).expect("sealed");
    out
}

/// Opens a copy, and returns the plaintext.
fn open(store: &mut KeyStore, metadata: &[u8], frame: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut copy = frame.to_vec();
    store
        .open(metadata, &mut copy)
        .map(|opened| opened.plaintext.to_vec())
}

fn any_suite() -> impl Strategy<Value = CipherSuite> {
    (0..CipherSuite::ALL.len()).prop_map(|i| CipherSuite::ALL[i])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_opens_to_the_same_bytes(
        suite in any_suite(),
        seed in 1..u64::MAX,
        metadata in proptest::collection::vec(any::<u8>(), 0..64),
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 1..12),
    ) {
        let (mut sealer, mut store) = (sealer(suite, seed), store(suite));
        for plaintext in &frames {
            let frame = sealed(&mut sealer, &metadata, plaintext);
            prop_assert!(frame.len() <= plaintext.len() + MAX_OVERHEAD_BYTES);
            prop_assert_eq!(&open(&mut store, &metadata, &frame), &Ok(plaintext.clone()));
        }
    }

    #[test]
    fn any_bytes_are_opened_or_refused_without_a_panic(
        suite in any_suite(),
        metadata in proptest::collection::vec(any::<u8>(), 0..32),
        mut frame in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        prop_assert!(store(suite).open(&metadata, &mut frame).is_err());
    }
}

#[test]
fn every_flipped_bit_of_frame_and_metadata_is_refused() {
    for suite in CipherSuite::ALL {
        let mut sealer = sealer(suite, 7);
        for _ in 0..300 {
            sealed(&mut sealer, METADATA, b"so that the counter has two bytes");
        }
        let frame = sealed(&mut sealer, METADATA, b"an encoded frame, sealed");
        // One store that knows the KID and one that does not, so both paths are tried.
        let mut knows = store(suite);
        assert!(open(&mut knows, METADATA, &sealed(&mut sealer, METADATA, b"")).is_ok());

        for bit in 0..8 * frame.len() {
            let mut tampered = frame.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut knows, METADATA, &tampered).is_err(), "bit {bit}");
            assert!(open(&mut store(suite), METADATA, &tampered).is_err());
        }
        for bit in 0..8 * METADATA.len() {
            let mut metadata = METADATA.to_vec();
            metadata[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                open(&mut knows, &metadata, &frame),
                Err(OpenError::Authentication)
            );
        }
        assert!(
            open(&mut knows, METADATA, &frame).is_ok(),
            "failures spent the counter"
        );
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let suite = CipherSuite::Sm4GcmSm3;
    let frame = sealed(&mut sealer(suite, 7), METADATA, b"an encoded frame");
    for len in 0..frame.len() {
        assert!(open(&mut store(suite), METADATA, &frame[..len]).is_err());
    }
    let longer = [&frame[..], &[0]].concat();
    assert!(open(&mut store(suite), METADATA, &longer).is_err());
}

#[test]
fn a_failed_frame_holds_no_plaintext_and_no_ciphertext() {
    let suite = CipherSuite::Sm4GcmSm3;
    let mut frame = sealed(&mut sealer(suite, 7), METADATA, &[0x77; 100]);
    let header = Header::parse(&frame).map(|(_, len)| len);
    let text = header.expect("ours parses")..frame.len() - 16;
    assert_eq!(
        store(suite).open(b"other", &mut frame),
        Err(OpenError::Authentication)
    );
    assert!(frame[text].iter().all(|&byte| byte == 0));
}

#[test]
fn a_replayed_frame_is_refused_and_the_next_one_opened() {
    let suite = CipherSuite::Aes128GcmSha256;
    let (mut sealer, mut store) = (sealer(suite, 7), store(suite));
    let first = sealed(&mut sealer, METADATA, b"first");
    let second = sealed(&mut sealer, METADATA, b"second");
    assert!(open(&mut store, METADATA, &first).is_ok());
    assert_eq!(open(&mut store, METADATA, &first), Err(OpenError::Replayed));
    assert!(open(&mut store, METADATA, &second).is_ok());
    assert_eq!(open(&mut store, METADATA, &first), Err(OpenError::Replayed));
}

#[test]
fn frames_open_in_any_order_within_the_window_and_not_beyond_it() {
    let suite = CipherSuite::Sm4GcmSm3;
    let mut sealer = sealer(suite, 7);
    let window = REPLAY_WINDOW as usize;
    let frames: Vec<_> = (0..window + 2)
        .map(|_| sealed(&mut sealer, METADATA, b"frame"))
        .collect();

    let mut backwards = store(suite);
    for frame in frames[1..=window].iter().rev() {
        assert!(open(&mut backwards, METADATA, frame).is_ok());
    }

    let mut store = store(suite);
    assert!(open(&mut store, METADATA, &frames[window]).is_ok());
    assert_eq!(
        open(&mut store, METADATA, &frames[0]),
        Err(OpenError::Replayed)
    );
    assert!(open(&mut store, METADATA, &frames[1]).is_ok());
    assert!(open(&mut store, METADATA, &frames[window + 1]).is_ok());
}

#[test]
fn a_forged_counter_far_ahead_does_not_move_the_window() {
    let suite = CipherSuite::Sm4GcmSm3;
    let (mut sealer, mut store) = (sealer(suite, 7), store(suite));
    let frame = sealed(&mut sealer, METADATA, b"frame");
    assert!(open(&mut store, METADATA, &frame).is_ok());

    let mut forged = Vec::new();
    Header {
        kid: sealer.kid(),
        ctr: Ctr(u64::MAX),
    }
    .encode(&mut forged);
    forged.extend_from_slice(&[0; 40]);
    assert_eq!(
        open(&mut store, METADATA, &forged),
        Err(OpenError::Authentication)
    );
    assert!(
        open(
            &mut store,
            METADATA,
            &sealed(&mut sealer, METADATA, b"next")
        )
        .is_ok()
    );
}

#[test]
fn a_wrong_key_and_a_wrong_suite_open_nothing() {
    for suite in CipherSuite::ALL {
        let frame = sealed(&mut sealer(suite, 7), METADATA, b"frame");
        let mut wrong_key = KeyStore::new(Box::new(provider(suite, &[0x43; 32])));
        assert_eq!(
            open(&mut wrong_key, METADATA, &frame),
            Err(OpenError::Authentication)
        );
        assert_eq!(wrong_key.kids().count(), 0);
        for other in CipherSuite::ALL.into_iter().filter(|&other| other != suite) {
            assert_eq!(
                open(&mut store(other), METADATA, &frame),
                Err(OpenError::Authentication)
            );
        }
    }
}

#[test]
fn sessions_of_the_same_secret_never_share_a_kid() {
    let suite = CipherSuite::Sm4GcmSm3;
    let mut rng = SeededRng(7);
    let mut provider = provider(suite, &SECRET);
    let mut kids = BTreeSet::new();
    let mut first_frames = BTreeSet::new();
    for _ in 0..500 {
        let mut sealer = Sealer::from_provider(&mut provider, &mut rng).expect("a key");
        assert!(kids.insert(sealer.kid()));
        let frame = sealed(&mut sealer, b"", &[0; 32]);
        assert!(first_frames.insert(frame[frame.len() - 48..].to_vec()));
    }
}

#[test]
fn a_session_without_randomness_gets_no_key() {
    struct Broken;
    impl Rng for Broken {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), RngError> {
            Err(RngError)
        }
    }
    let mut provider = provider(CipherSuite::Sm4GcmSm3, &SECRET);
    assert_eq!(
        Sealer::from_provider(&mut provider, &mut Broken).err(),
        Some(SenderKeyError::Random(RngError))
    );
}

#[test]
fn unknown_kids_are_reported_and_cost_nothing() {
    struct NoKeys;
    impl KeyProvider for NoKeys {
        fn suite(&self) -> CipherSuite {
            CipherSuite::Sm4GcmSm3
        }
        fn epoch(&self) -> u64 {
            0
        }
        fn sender_key(&mut self, _: &mut dyn Rng) -> Result<(Kid, BaseKey), SenderKeyError> {
            Err(SenderKeyError::NoKey)
        }
        fn receiver_key(&mut self, _: Kid) -> Option<BaseKey> {
            None
        }
    }
    let mut sealer = sealer(CipherSuite::Sm4GcmSm3, 7);
    let frame = sealed(&mut sealer, METADATA, b"frame");
    let mut store = KeyStore::new(Box::new(NoKeys));
    for _ in 0..1000 {
        assert_eq!(
            open(&mut store, METADATA, &frame),
            Err(OpenError::UnknownKid(sealer.kid()))
        );
    }
}

#[test]
fn a_flood_of_false_kids_is_throttled_and_delays_a_newcomer_by_a_few_frames_only() {
    let suite = CipherSuite::Sm4GcmSm3;
    let limits = KeyStoreLimits::default();
    let mut store = store(suite);
    let mut known = sealer(suite, 7);
    assert!(
        open(
            &mut store,
            METADATA,
            &sealed(&mut known, METADATA, b"known")
        )
        .is_ok()
    );

    let mut tried = 0;
    for kid in 1000..3000 {
        let mut false_frame = Vec::new();
        Header {
            kid: Kid(kid),
            ctr: Ctr(0),
        }
        .encode(&mut false_frame);
        false_frame.extend_from_slice(&[0; 40]);
        match open(&mut store, METADATA, &false_frame) {
            Err(OpenError::Authentication) => tried += 1,
            other => assert_eq!(other, Err(OpenError::Throttled)),
        }
    }
    let allowed = limits.wasted_derivations + 2000 / limits.frames_per_wasted_derivation;
    assert!((allowed - 2..=allowed + 2).contains(&tried), "{tried}");
    assert_eq!(store.kids().count(), 1, "a KID that nobody proved is held");

    // The known sender is untouched, and a newcomer is let in within a few of its frames.
    assert!(
        open(
            &mut store,
            METADATA,
            &sealed(&mut known, METADATA, b"known")
        )
        .is_ok()
    );
    let mut newcomer = sealer(suite, 8);
    let refused = (0..10)
        .take_while(|_| open(&mut store, METADATA, &sealed(&mut newcomer, METADATA, b"")).is_err())
        .count();
    assert!(
        refused <= limits.frames_per_wasted_derivation as usize,
        "{refused}"
    );
}

#[test]
fn a_kid_that_was_retired_to_make_room_comes_back_but_replays_nothing() {
    let suite = CipherSuite::Sm4GcmSm3;
    let limits = KeyStoreLimits {
        max_kids: 2,
        max_retired_kids: 2,
        ..KeyStoreLimits::default()
    };
    let mut store = KeyStore::with_limits(Box::new(provider(suite, &SECRET)), limits);
    let mut sealers: Vec<_> = (1..=5).map(|seed| sealer(suite, seed)).collect();
    let frames: Vec<_> = sealers[..4]
        .iter_mut()
        .map(|sealer| sealed(sealer, METADATA, b"first"))
        .collect();
    for frame in &frames {
        assert!(open(&mut store, METADATA, frame).is_ok());
    }
    assert_eq!(store.kids().count(), 2);

    for frame in &frames {
        assert_eq!(open(&mut store, METADATA, frame), Err(OpenError::Replayed));
    }
    let second = sealed(&mut sealers[0], METADATA, b"second");
    assert!(open(&mut store, METADATA, &second).is_ok());
    assert_eq!(
        open(&mut store, METADATA, &second),
        Err(OpenError::Replayed)
    );

    // Two held and two retired: a fifth KID is refused until some are forgotten.
    let fifth = sealed(&mut sealers[4], METADATA, b"fifth");
    assert_eq!(
        open(&mut store, METADATA, &fifth),
        Err(OpenError::TooManyKids)
    );
    store.forget(|_| true);
    assert!(open(&mut store, METADATA, &fifth).is_ok());
}

#[test]
fn debug_of_everything_shows_no_secret() {
    let suite = CipherSuite::Sm4GcmSm3;
    let secret = *b"SECRETSECRETSECR";
    let mut provider = provider(suite, &secret);
    let base_key = provider.receiver_key(Kid(1)).expect("any KID has one");
    let shown = format!(
        "{provider:?} {base_key:?} {:?} {:?}",
        Sealer::new(suite, Kid(1), &base_key),
        KeyStore::new(Box::new(
            ExternalKey::new(suite, &secret).expect("16 bytes")
        )),
    );
    assert!(shown.matches("[redacted]").count() >= 3, "{shown}");
    // 'S', 'E', 'C' as numbers, and as text.
    assert!(
        !shown.contains("83, 69") && !shown.contains("SECRET"),
        "{shown}"
    );
}

/// xorshift64: for tests only.
struct SeededRng(u64);

impl Rng for SeededRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for byte in out {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = (self.0 >> 32) as u8;
        }
        Ok(())
    }
}
