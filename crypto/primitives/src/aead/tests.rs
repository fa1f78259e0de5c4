//! Tests of sealing and opening whole texts.

mod batch_and_chunks_agree;

use crate::aead::*;
use crate::gcm::check_lengths;
use alloc::format;

const ALL: [Algorithm; 3] = [
    Algorithm::Aes128Gcm,
    Algorithm::Aes256Gcm,
    Algorithm::Sm4Gcm,
];

fn key(algorithm: Algorithm) -> Key {
    Key::new(algorithm, &alloc::vec![7; algorithm.key_bytes()]).unwrap()
}

#[test]
fn lengths_beyond_sp_800_38d_are_refused() {
    assert_eq!(check_lengths(MAX_AAD_BYTES, MAX_TEXT_BYTES), Ok(()));
    assert_eq!(
        check_lengths(0, MAX_TEXT_BYTES + 1),
        Err(SealError::TextTooLong)
    );
    assert_eq!(
        check_lengths(MAX_AAD_BYTES + 1, 0),
        Err(SealError::AadTooLong)
    );
}

#[test]
fn a_failed_tag_leaves_zeros() {
    for algorithm in ALL {
        let key = key(algorithm);
        let mut buffer = *b"some words nobody may read early";
        let tag = key.seal_in_place(&[1; 12], b"aad", &mut buffer).unwrap();
        let opened = key.open_in_place(&[1; 12], b"daa", &mut buffer, &tag);
        assert_eq!(opened, Err(OpenError::Authentication));
        assert_eq!(buffer, [0; 32]);
    }
}

#[test]
fn every_flipped_bit_of_the_tag_is_refused() {
    for algorithm in ALL {
        let key = key(algorithm);
        for bit in 0..128 {
            let mut buffer = *b"text";
            let mut tag = key.seal_in_place(&[2; 12], b"", &mut buffer).unwrap();
            tag.0[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open_in_place(&[2; 12], b"", &mut buffer, &tag).is_err());
        }
    }
}

#[test]
fn a_key_of_the_wrong_length_is_refused() {
    for algorithm in ALL {
        let expected = algorithm.key_bytes();
        for len in (0..40).filter(|&len| len != expected) {
            assert_eq!(
                Key::new(algorithm, &alloc::vec![0; len]).unwrap_err(),
                InvalidKeyLength { expected }
            );
        }
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(
        format!("{:?}", key(Algorithm::Sm4Gcm)),
        "Key(Sm4Gcm, [redacted])"
    );
}
