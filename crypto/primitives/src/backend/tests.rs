//! Every kernel against the crates `sm4` and `ghash`, which are the oracle and are used nowhere
//! else.

use std::boxed::Box;
use std::io::Write;
use std::string::String;
use std::vec::Vec;

use serde::Deserialize;
use smrtc_vectors::{Hex, Wycheproof, load};

use super::{names, sm4_gcm_with};
use crate::aead::Tag;
use crate::gcm::GcmCipher;
use crate::oracle::{Random, oracle};

/// Calls `check` for each kernel that this machine can run, and says which.
fn for_each_backend(check: impl Fn(&dyn Fn(&[u8; 16]) -> Box<dyn GcmCipher>)) {
    for name in names() {
        std::println!("back end {name}");
        check(&|key| sm4_gcm_with(name, key).expect("a listed back end runs"));
    }
}

/// What is not listed is not compared, so the list is checked against another detection. Says which
/// kernels were compared and which were not, past the harness, which keeps what a test prints to
/// itself.
#[cfg(target_arch = "x86_64")]
#[test]
fn no_kernel_that_this_machine_has_is_skipped() {
    macro_rules! features {
        ($($name:tt)*) => { [$(($name, std::is_x86_feature_detected!($name))),*] };
    }
    let features = features!("avx512f" "avx512bw" "vpclmulqdq" "gfni" "avx2" "pclmulqdq");
    // Each kernel needs the features from its place on.
    let from = |kernel: &str| match kernel {
        "x86_avx512_gfni" => 0,
        "x86_avx2_gfni" => 3,
        "x86_avx2" => 4,
        _ => features.len(),
    };
    for kernel in super::COMPILED {
        let missing: Vec<&str> = features[from(kernel)..]
            .iter()
            .filter(|(_, detected)| !detected)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(names().contains(&kernel), missing.is_empty(), "{kernel}");
        let report = if missing.is_empty() {
            std::format!("{kernel}: compared with the oracle")
        } else {
            let missing = missing.join(", ");
            std::format!("{kernel}: compiled, NOT exercised: this CPU lacks {missing}")
        };
        writeln!(std::io::stderr(), "SM4 back end {report}").expect("standard error is open");
    }
    assert_eq!(names().last(), Some(&"portable"));
}

#[test]
fn all_lengths_and_alignments_as_the_oracle() {
    for_each_backend(|new| {
        let mut random = Random(1);
        for len in 0..=1300 {
            let key = random.array();
            let nonce: [u8; 12] = random.array();
            let aad = random.bytes(len % 37);
            let plaintext = random.bytes(len);
            let (expected, expected_tag) = oracle(&key, &nonce, &aad, &plaintext);

            let aead = new(&key);
            let mut memory = Aligned([0; 1300 + ALIGNMENTS]);
            for offset in 0..ALIGNMENTS {
                let buffer = &mut memory.0[offset..offset + len];
                buffer.copy_from_slice(&plaintext);
                let tag = aead.seal(&nonce, &aad, buffer);
                assert_eq!(buffer, expected, "length {len}, offset {offset}");
                assert_eq!(tag.0, expected_tag, "length {len}, offset {offset}");
                assert!(aead.open(&nonce, &aad, buffer, &tag).is_ok());
                assert_eq!(buffer, plaintext, "length {len}, offset {offset}");
            }
        }
    });
}

/// Bytes from one multiple of the widest vector to the next.
const ALIGNMENTS: usize = 64;

/// Memory whose offsets are alignments.
#[repr(align(64))]
struct Aligned([u8; 1300 + ALIGNMENTS]);

#[test]
fn long_texts_and_long_associated_data_as_the_oracle() {
    for_each_backend(|new| {
        let mut random = Random(2);
        for (text, aad) in [
            (70_001, 0),
            (5, 70_001),
            (16_384, 16_384),
            (0, 1),
            (1, 1023),
        ] {
            let key = random.array();
            let nonce: [u8; 12] = random.array();
            let (mut buffer, aad) = (random.bytes(text), random.bytes(aad));
            let (expected, expected_tag) = oracle(&key, &nonce, &aad, &buffer);
            let tag = new(&key).seal(&nonce, &aad, &mut buffer);
            assert_eq!((buffer, tag.0), (expected, expected_tag));
        }
    });
}

#[test]
fn keys_and_texts_of_few_bits_as_the_oracle() {
    for_each_backend(|new| {
        for bit in 0..128 {
            let mut one = [0; 16];
            one[bit / 8] = 0x80 >> (bit % 8);
            for (key, text) in [(one, [0; 16]), ([0; 16], one), ([0xff; 16], one)] {
                let mut buffer = text.repeat(5);
                let (expected, expected_tag) = oracle(&key, &[0; 12], &text, &buffer);
                let tag = new(&key).seal(&[0; 12], &text, &mut buffer);
                assert_eq!((buffer, tag.0), (expected, expected_tag));
            }
        }
    });
}

#[derive(Deserialize)]
struct Group {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    key: Hex,
    iv: Hex,
    aad: Hex,
    msg: Hex,
    ct: Hex,
    tag: Hex,
    result: String,
}

/// Nonces of other lengths than 12 bytes make the counter start anywhere, and wrap.
#[test]
fn nonces_of_every_length_of_wycheproof() {
    let file: Wycheproof<Group> = load("wycheproof/sm4_gcm_test.json");
    for_each_backend(|new| {
        let mut seen = 0;
        for case in file.test_groups.iter().flat_map(|group| &group.tests) {
            if case.iv.is_empty() {
                continue;
            }
            let aead = new(case.key[..].try_into().unwrap());
            let tag = Tag(case.tag[..].try_into().unwrap());
            let mut buffer = case.ct.to_vec();
            let opened = aead.open(&case.iv, &case.aad, &mut buffer, &tag).is_ok();
            assert_eq!(opened, case.result == "valid");
            if opened {
                assert_eq!(buffer, case.msg.0);
                assert_eq!(aead.seal(&case.iv, &case.aad, &mut buffer), tag);
                assert_eq!(buffer, case.ct.0);
            }
            seen += 1;
        }
        assert_eq!(seen, 102);
    });
}
