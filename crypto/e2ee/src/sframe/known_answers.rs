//! Known answer of each suite, before its first frame (GM/T 0028 style).
//!
//! It runs key derivation, sealing and opening on one published vector, so the hash, HMAC and HKDF
//! of the suite are covered with its cipher, and so is the encoding of the header. The counting of
//! [`super::sealer`] is not: its tests run the same vectors. A failure lasts until the process ends.

use smrtc_crypto::aead::{TAG_BYTES, Tag};
use smrtc_crypto::self_test::{SelfTest, SelfTestFailed};

use super::header::{Ctr, Header, Kid};
use super::key_schedule::{BaseKey, SframeKey};
use super::suite::CipherSuite;

/// Runs the known-answer test of `suite` unless it has run.
///
/// # Errors
///
/// [`SelfTestFailed`] now and for ever if an answer was wrong.
pub(super) fn ensure(suite: CipherSuite) -> Result<(), SelfTestFailed> {
    static AES_128: SelfTest = SelfTest::new();
    static AES_256: SelfTest = SelfTest::new();
    static SM4: SelfTest = SelfTest::new();
    // The cipher's own state comes first: it may have failed since.
    smrtc_crypto::self_test::ensure(suite.aead())?;
    match suite {
        CipherSuite::Aes128GcmSha256 => AES_128.ensure(|| known_answer(suite, &AES_128_FRAME)),
        CipherSuite::Aes256GcmSha512 => AES_256.ensure(|| known_answer(suite, &AES_256_FRAME)),
        CipherSuite::Sm4GcmSm3 => SM4.ensure(|| known_answer(suite, &SM4_FRAME)),
    }
}

fn known_answer(suite: CipherSuite, expected: &[u8; FRAME_BYTES]) -> bool {
    let key = SframeKey::derive(suite, KID, &BaseKey::new(&BASE_KEY));
    let nonce = key.nonce(CTR);
    let mut header = Vec::with_capacity(HEADER_BYTES);
    Header { kid: KID, ctr: CTR }.encode(&mut header);
    let aad = [&header, METADATA].concat();

    let mut text = PLAINTEXT.to_vec();
    let sealed = key.aead.seal_in_place(&nonce, &aad, &mut text);
    let sealed = sealed.is_ok_and(|tag| [&header, &*text, &tag.0].concat() == expected);

    let (ciphertext, tag) = expected[HEADER_BYTES..].split_at(PLAINTEXT.len());
    let mut text = ciphertext.to_vec();
    let opened = tag.try_into().is_ok_and(|tag| {
        let opened = key.aead.open_in_place(&nonce, &aad, &mut text, &Tag(tag));
        opened.is_ok()
    });
    sealed && opened && text == PLAINTEXT
}

/// From RFC 9605 appendix C.3.
const AES_128_FRAME: [u8; FRAME_BYTES] = [
    0x99, 0x01, 0x23, 0x45, 0x67, 0xb7, 0x41, 0x2c, 0x25, 0x13, 0xa1, 0xb6, 0x6d, 0xbb, 0x48, 0x84,
    0x1b, 0xba, 0xf1, 0x7f, 0x59, 0x87, 0x51, 0x17, 0x6a, 0xd8, 0x47, 0x68, 0x1a, 0x69, 0xc6, 0xd0,
    0xb0, 0x91, 0xc0, 0x70, 0x18, 0xce, 0x4a, 0xdb, 0x34, 0xeb,
];

/// From RFC 9605 appendix C.3.
const AES_256_FRAME: [u8; FRAME_BYTES] = [
    0x99, 0x01, 0x23, 0x45, 0x67, 0x94, 0xf5, 0x09, 0xd3, 0x6e, 0x9b, 0xea, 0xcb, 0x0e, 0x26, 0x1d,
    0x99, 0xc7, 0xd1, 0xe9, 0x72, 0xf1, 0xfe, 0xd7, 0x87, 0xd4, 0x04, 0x9f, 0x17, 0xca, 0x21, 0x35,
    0x3c, 0x1c, 0xc2, 0x4d, 0x56, 0xce, 0xab, 0xce, 0xd2, 0x79,
];

/// From the independent reference in `vectors/reference`.
const SM4_FRAME: [u8; FRAME_BYTES] = [
    0x99, 0x01, 0x23, 0x45, 0x67, 0x63, 0x0f, 0x97, 0x4d, 0x0b, 0xbe, 0xcc, 0xba, 0x8d, 0x7a, 0xac,
    0xc6, 0x94, 0xaa, 0x91, 0xeb, 0xb3, 0x26, 0x51, 0x0b, 0x14, 0x8b, 0xb9, 0xdf, 0x13, 0xdf, 0x6d,
    0x07, 0x1c, 0x16, 0xfe, 0xfa, 0x0b, 0x54, 0xcf, 0xfd, 0xac,
];

const KID: Kid = Kid(0x123);
const CTR: Ctr = Ctr(0x4567);
const BASE_KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const METADATA: &[u8] = b"IETF SFrame WG";
const PLAINTEXT: &[u8] = b"draft-ietf-sframe-enc";
const HEADER_BYTES: usize = 5;
const FRAME_BYTES: usize = HEADER_BYTES + PLAINTEXT.len() + TAG_BYTES;
