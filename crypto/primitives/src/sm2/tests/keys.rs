//! Keys: ranges, encodings, generation, Diffie-Hellman.

use alloc::format;
use alloc::string::String;

use super::{BrokenRng, ConstantRng, N, SeededRng, key, n_plus};
use crate::rng::{Rng, RngError};
use crate::sm2::{InvalidPublicKey, InvalidSecretKey, KeyGenerationError, PublicKey, SecretKey};

#[test]
fn a_private_key_is_from_1_to_n_minus_2() {
    let mut one = [0; 32];
    one[31] = 1;
    for good in [one, n_plus(-2)] {
        let key = SecretKey::from_bytes(&good).unwrap();
        assert_eq!(key.to_bytes().expose(), good);
    }
    for bad in [[0; 32], n_plus(-1), N, n_plus(1), [0xff; 32]] {
        assert_eq!(SecretKey::from_bytes(&bad).err(), Some(InvalidSecretKey));
    }
    for len in [0, 31, 33] {
        let bytes = alloc::vec![1; len];
        assert_eq!(SecretKey::from_bytes(&bytes).err(), Some(InvalidSecretKey));
    }
}

#[test]
fn both_forms_of_a_public_key_give_the_same() {
    let (mut even, mut odd) = (0, 0);
    for seed in 0..8 {
        let public_key = key(seed).public_key().clone();
        let uncompressed = public_key.to_sec1();
        assert_eq!(PublicKey::from_sec1(&uncompressed), Ok(public_key.clone()));

        let y_is_odd = uncompressed[64] & 1;
        *(if y_is_odd == 1 { &mut odd } else { &mut even }) += 1;
        let mut compressed = uncompressed[..33].to_vec();
        compressed[0] = 2 + y_is_odd;
        assert_eq!(PublicKey::from_sec1(&compressed), Ok(public_key.clone()));
        compressed[0] ^= 1;
        assert!(PublicKey::from_sec1(&compressed).is_ok_and(|negated| negated != public_key));
    }
    assert!(even > 0 && odd > 0, "one parity was never tried");
}

#[test]
fn bytes_that_are_no_point_are_refused() {
    let good = key(1).public_key().to_sec1();
    let refused = |bytes: &[u8]| PublicKey::from_sec1(bytes) == Err(InvalidPublicKey);
    assert!(!refused(&good));
    for len in [0, 1, 32, 33, 34, 64, 66] {
        assert!(refused(&[&good[..], &[0]].concat()[..len]), "{len} bytes");
    }
    for tag in (0..=255).filter(|tag| *tag != 4) {
        let mut other = good;
        other[0] = tag;
        assert!(refused(&other), "tag {tag} of 65 bytes");
        if tag != 2 && tag != 3 {
            assert!(refused(&other[..33]), "tag {tag} of 33 bytes");
        }
    }
    // Infinity, alone and filled up.
    assert!(refused(&[0]));
    assert!(refused(&[0; 65]));
    // Off the curve by one bit.
    for bit in 8..8 * 65 {
        let mut off = good;
        off[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&off), "bit {bit}");
    }
    // A coordinate of p or more: x + p for a point whose x is small enough for 32 bytes.
    let small_x = (1u8..)
        .map(|x| {
            let mut compressed = [0; 33];
            (compressed[0], compressed[32]) = (2, x);
            compressed
        })
        .find(|compressed| !refused(compressed))
        .unwrap();
    let mut beyond = small_x;
    beyond[1..].copy_from_slice(&P);
    // p ends in ff, so the carry goes up through its last eight bytes.
    let mut carry = u16::from(small_x[32]);
    for byte in beyond[1..].iter_mut().rev() {
        carry += u16::from(*byte);
        (*byte, carry) = (carry as u8, carry >> 8);
    }
    assert_eq!(carry, 0);
    assert!(refused(&beyond));
}

#[test]
fn a_number_out_of_range_is_drawn_again() {
    struct OutOfRangeFirst(u8, SeededRng);
    impl Rng for OutOfRangeFirst {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
            self.0 += 1;
            match self.0 {
                2 => out.copy_from_slice(&N),
                3 => out.copy_from_slice(&n_plus(-1)),
                _ => self.1.fill(out)?,
            }
            Ok(())
        }
    }
    let mut rng = OutOfRangeFirst(0, SeededRng::new(1));
    let key = SecretKey::generate(&mut rng).unwrap();
    assert_ne!(key.to_bytes().expose(), n_plus(-1));
    assert!(rng.0 > 3);
}

#[test]
fn a_source_that_fails_or_is_stuck_gives_no_key() {
    let generate = |rng: &mut dyn Rng| SecretKey::generate(rng).err();
    assert_eq!(
        generate(&mut BrokenRng),
        Some(KeyGenerationError::Random(RngError))
    );
    assert_eq!(
        generate(&mut ConstantRng),
        Some(KeyGenerationError::StuckRandomness)
    );
    // Fails only when the consistency test draws.
    struct FailsLater(u8, SeededRng);
    impl Rng for FailsLater {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
            self.0 += 1;
            if self.0 > 2 {
                Err(RngError)
            } else {
                self.1.fill(out)
            }
        }
    }
    let mut rng = FailsLater(0, SeededRng::new(1));
    assert_eq!(
        generate(&mut rng),
        Some(KeyGenerationError::Random(RngError))
    );
    assert!(rng.0 > 2, "the key itself could not be drawn");
}

#[test]
fn both_sides_agree_on_one_secret() {
    let (a, b, c) = (key(1), key(2), key(3));
    let secret = a.agree(b.public_key()).unwrap();
    assert_eq!(secret.expose().len(), 32);
    assert_eq!(b.agree(a.public_key()).unwrap(), secret);
    assert_ne!(c.agree(a.public_key()).unwrap(), secret);
}

#[test]
fn nothing_secret_is_printed() {
    let key = key(1);
    let digits: String = key
        .to_bytes()
        .expose()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let printed = format!(
        "{key:?} {:?} {key:#?} {:?}",
        key.to_bytes(),
        key.agree(key.public_key())
    );
    assert!(printed.contains("[redacted]"));
    assert!(!printed.to_lowercase().contains(&digits[..6]));
    // The public key is printed, whole.
    assert!(format!("{:?}", key.public_key()).starts_with("PublicKey(04"));
}

/// The prime of the field.
const P: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];
