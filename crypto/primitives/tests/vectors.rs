//! Published vectors, and ours from the independent reference, for every primitive.

use serde::Deserialize;
use smrtc_crypto::aead::{Algorithm, Key, Tag};
use smrtc_crypto::hash::Hash;
use smrtc_crypto::hkdf;
use smrtc_vectors::{Converted, Hex, Wycheproof, load};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AeadGroup {
    iv_size: usize,
    tag_size: usize,
    tests: Vec<AeadCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AeadCase {
    tc_id: u32,
    key: Hex,
    iv: Hex,
    aad: Hex,
    msg: Hex,
    ct: Hex,
    tag: Hex,
    result: String,
}

#[test]
fn sm4_gcm_of_wycheproof_with_nonces_of_96_bits() {
    let file: Wycheproof<AeadGroup> = load("wycheproof/sm4_gcm_test.json");
    let (mut valid, mut invalid, mut other_nonces) = (0, 0, 0);
    for group in &file.test_groups {
        if group.iv_size != 96 || group.tag_size != 128 {
            other_nonces += group.tests.len();
            continue;
        }
        for case in &group.tests {
            let opened = open(case);
            if case.result == "valid" {
                assert_eq!(opened.as_deref(), Some(&*case.msg), "case {}", case.tc_id);
                let key = Key::new(Algorithm::Sm4Gcm, &case.key).unwrap();
                let mut buffer = case.msg.0.clone();
                let tag = key
                    .seal_in_place(&nonce(case), &case.aad, &mut buffer)
                    .unwrap();
                assert_eq!((buffer, &tag.0[..]), (case.ct.0.clone(), &*case.tag));
                valid += 1;
            } else {
                assert_eq!(opened, None, "case {}", case.tc_id);
                invalid += 1;
            }
        }
    }
    assert_eq!(valid + invalid + other_nonces, file.number_of_tests);
    assert!(valid > 30 && invalid > 20, "{valid} {invalid}");
}

fn nonce(case: &AeadCase) -> [u8; 12] {
    case.iv[..]
        .try_into()
        .expect("the group has nonces of 96 bits")
}

fn open(case: &AeadCase) -> Option<Vec<u8>> {
    let key = Key::new(Algorithm::Sm4Gcm, &case.key).expect("SM4 keys have 16 bytes");
    let tag = Tag(case.tag[..].try_into().ok()?);
    let mut buffer = case.ct.0.clone();
    key.open_in_place(&nonce(case), &case.aad, &mut buffer, &tag)
        .is_ok()
        .then_some(buffer)
}

#[derive(Deserialize)]
struct ModeCase {
    mode: String,
    key: Hex,
    iv: Hex,
    aad: Hex,
    msg: Hex,
    ct: Hex,
    tag: Hex,
}

#[test]
fn sm4_gcm_of_rfc_8998() {
    let file: Converted<ModeCase> = load("tongsuo/sm4_modes.json");
    let mut seen = 0;
    for case in file.tests.iter().filter(|case| case.mode == "SM4-GCM") {
        let key = Key::new(Algorithm::Sm4Gcm, &case.key).unwrap();
        let mut buffer = case.msg.0.clone();
        let nonce = case.iv[..].try_into().unwrap();
        let tag = key.seal_in_place(&nonce, &case.aad, &mut buffer).unwrap();
        assert_eq!((&buffer, &tag.0[..]), (&case.ct.0, &*case.tag));
        seen += 1;
    }
    assert!(seen > 0);
}

#[derive(Deserialize)]
struct HashCase {
    #[serde(alias = "in")]
    msg: Hex,
    #[serde(alias = "out", alias = "digest", alias = "md")]
    hash: Hex,
    /// How often the message is repeated; `null` for once.
    #[serde(default)]
    count: Option<usize>,
}

#[test]
fn sm3_of_botan_gmsm_and_tongsuo() {
    for (name, cases) in [
        ("botan/sm3.json", 139),
        ("gmsm/sm3.json", 58),
        ("tongsuo/sm3.json", 8),
    ] {
        let file: Converted<HashCase> = load(name);
        assert_eq!(file.tests.len(), cases);
        for case in &file.tests {
            let message = vec![&*case.msg; case.count.unwrap_or(1)];
            assert_eq!(Hash::Sm3.digest(&message).as_bytes(), &*case.hash);
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MacGroup {
    tag_size: usize,
    tests: Vec<MacCase>,
}

#[derive(Deserialize)]
struct MacCase {
    key: Hex,
    msg: Hex,
    tag: Hex,
    #[serde(default)]
    result: String,
}

#[test]
fn hmac_sm3_of_wycheproof_hitls_and_tongsuo() {
    let file: Wycheproof<MacGroup> = load("wycheproof/hmac_sm3_test.json");
    let (mut valid, mut invalid) = (0, 0);
    for group in &file.test_groups {
        for case in &group.tests {
            let tag = Hash::Sm3.hmac(&case.key, &[&case.msg]);
            let equal = tag.as_bytes()[..group.tag_size / 8] == *case.tag;
            assert_eq!(equal, case.result == "valid");
            *if equal { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert_eq!(valid + invalid, file.number_of_tests);
    assert!(valid > 50 && invalid > 50, "{valid} {invalid}");

    for (name, cases) in [("hitls/hmac_sm3.json", 5), ("tongsuo/hmac_sm3.json", 4)] {
        let file: Converted<MacCase> = load(name);
        assert_eq!(file.tests.len(), cases);
        for case in &file.tests {
            assert!(Hash::Sm3.hmac(&case.key, &[&case.msg]).ct_eq(&case.tag));
        }
    }
}

#[derive(Deserialize)]
struct HkdfFile {
    hkdf: Vec<HkdfCase>,
}

#[derive(Deserialize)]
struct HkdfCase {
    hash: String,
    salt: Hex,
    ikm: Hex,
    info: Hex,
    prk: Hex,
    okm: Hex,
}

#[test]
fn hkdf_of_the_independent_reference() {
    let file: HkdfFile = load("smrtc/hkdf.json");
    assert_eq!(file.hkdf.len(), 12);
    for case in &file.hkdf {
        let hash = match case.hash.as_str() {
            "SM3" => Hash::Sm3,
            "SHA-256" => Hash::Sha256,
            "SHA-512" => Hash::Sha512,
            other => unreachable!("{other}"),
        };
        let prk = hkdf::extract(hash, &case.salt, &case.ikm);
        assert_eq!(prk.expose(), &*case.prk);
        let mut okm = vec![0; case.okm.len()];
        hkdf::expand(hash, &prk, &[&case.info], &mut okm).unwrap();
        assert_eq!(okm, case.okm.0);
    }
}
