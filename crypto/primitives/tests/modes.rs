//! SM4 in CCM and in the modes of `conformance::sm4_modes`, with published vectors, both ways.

use serde::Deserialize;
use smrtc_crypto::aead::{Algorithm, Key, OpenError, SealError, Tag};
use smrtc_crypto::conformance::ccm::Sm4Ccm;
use smrtc_crypto::conformance::sm4_modes::{InvalidLength, Sm4, Sm4Xts, XtsStandard};
use smrtc_vectors::{Converted, Hex, load};

#[derive(Deserialize)]
struct Case {
    mode: String,
    key: Hex,
    iv: Hex,
    aad: Hex,
    msg: Hex,
    ct: Hex,
    tag: Hex,
    comment: String,
}

#[test]
fn modes_of_tongsuo() {
    let file: Converted<Case> = load("tongsuo/sm4_modes.json");
    let mut seen = 0;
    for case in &file.tests {
        let (mut there, mut back) = (case.msg.0.clone(), case.ct.0.clone());
        match case.mode.as_str() {
            "SM4-ECB" => {
                let sm4 = sm4(case);
                sm4.encrypt_ecb(&mut there).unwrap();
                sm4.decrypt_ecb(&mut back).unwrap();
            }
            "SM4-CBC" => {
                // These cases are padded (PKCS #7) where the text is no multiple of a block.
                let (sm4, iv) = (sm4(case), case.iv[..].try_into().unwrap());
                sm4.encrypt_cbc(&iv, &mut there).unwrap();
                sm4.decrypt_cbc(&iv, &mut back).unwrap();
            }
            "SM4-CTR" => {
                let (sm4, iv) = (sm4(case), case.iv[..].try_into().unwrap());
                sm4.apply_ctr(&iv, &mut there);
                sm4.apply_ctr(&iv, &mut back);
            }
            "SM4-CCM" => {
                let ccm = Sm4Ccm::new(case.key[..].try_into().unwrap());
                let tag = ccm.seal_in_place(&case.iv, &case.aad, &mut there);
                assert_eq!(tag.unwrap().0, case.tag[..]);
                let tag = Tag(case.tag[..].try_into().unwrap());
                ccm.open_in_place(&case.iv, &case.aad, &mut back, &tag)
                    .unwrap();
            }
            "SM4-XTS" => {
                // The file says in words which of the two it is; exactly one must fit.
                let fits = [XtsStandard::Ieee1619, XtsStandard::Gbt17964].map(|standard| {
                    let xts = Sm4Xts::new(standard, case.key[..].try_into().unwrap());
                    let (mut there, mut back) = (case.msg.0.clone(), case.ct.0.clone());
                    let tweak = case.iv[..].try_into().unwrap();
                    xts.encrypt(&tweak, &mut there).unwrap();
                    xts.decrypt(&tweak, &mut back).unwrap();
                    there == case.ct.0 && back == case.msg.0
                });
                let ambiguous = case.msg.len() == 16;
                assert!(
                    fits[0] != fits[1] || ambiguous && fits[0],
                    "{}",
                    case.comment
                );
                (there, back) = (case.ct.0.clone(), case.msg.0.clone());
            }
            // GCM is checked elsewhere; CFB and OFB we have not.
            _ => continue,
        }
        assert_eq!((&there, &back), (&case.ct.0, &case.msg.0), "{}", case.mode);
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

fn sm4(case: &Case) -> Sm4 {
    Sm4::new(case.key[..].try_into().expect("16 bytes"))
}

#[derive(Deserialize)]
struct XtsCase {
    key: Hex,
    tweak: Hex,
    plaintext: Hex,
    ciphertext: Hex,
}

#[test]
fn xts_of_the_national_standard() {
    let file: Converted<XtsCase> = load("gmsm/sm4_xts_gb_sample.json");
    assert_eq!(file.tests.len(), 17);
    for case in &file.tests {
        let xts = Sm4Xts::new(XtsStandard::Gbt17964, case.key[..].try_into().unwrap());
        let tweak = case.tweak[..].try_into().unwrap();
        let mut buffer = case.plaintext.0.clone();
        xts.encrypt(&tweak, &mut buffer).unwrap();
        assert_eq!(buffer, case.ciphertext.0);
        xts.decrypt(&tweak, &mut buffer).unwrap();
        assert_eq!(buffer, case.plaintext.0);
    }
}

#[derive(Deserialize)]
struct CtrCase {
    key: Hex,
    iv: Hex,
    r#in: Hex,
    out: Hex,
}

#[test]
fn ctr_of_gmsm() {
    let file: Converted<CtrCase> = load("gmsm/sm4_ctr.json");
    assert_eq!(file.tests.len(), 5);
    for case in &file.tests {
        let mut buffer = case.r#in.0.clone();
        Sm4::new(case.key[..].try_into().unwrap())
            .apply_ctr(case.iv[..].try_into().unwrap(), &mut buffer);
        assert_eq!(buffer, case.out.0);
    }
}

#[test]
fn ccm_refuses_what_was_changed_and_lengths_it_does_not_take() {
    let ccm = Sm4Ccm::new(&[5; 16]);
    for nonce_bytes in 7..=13 {
        let nonce = vec![9; nonce_bytes];
        for len in [0, 1, 16, 100] {
            let text: Vec<u8> = (0..len).collect();
            let mut buffer = text.clone();
            let tag = ccm.seal_in_place(&nonce, b"aad", &mut buffer).unwrap();
            let sealed = buffer.clone();
            assert!(ccm.open_in_place(&nonce, b"aad", &mut buffer, &tag).is_ok());
            assert_eq!(buffer, text);
            buffer = sealed;
            let opened = ccm.open_in_place(&nonce, b"AAD", &mut buffer, &tag);
            assert_eq!(opened, Err(OpenError::Authentication));
            assert!(buffer.iter().all(|&byte| byte == 0));
        }
    }
    for nonce in [&[0; 6][..], &[0; 14], &[]] {
        assert_eq!(
            ccm.seal_in_place(nonce, b"", &mut []),
            Err(SealError::NonceLength)
        );
    }
    let too_long = ccm.seal_in_place(&[0; 13], b"", &mut vec![0; 1 << 16]);
    assert_eq!(too_long, Err(SealError::TextTooLong));
}

#[test]
fn modes_of_whole_blocks_refuse_others() {
    let sm4 = Sm4::new(&[1; 16]);
    for len in [1, 15, 17] {
        let mut buffer = vec![0; len];
        assert_eq!(sm4.encrypt_ecb(&mut buffer), Err(InvalidLength));
        assert_eq!(sm4.decrypt_cbc(&[0; 16], &mut buffer), Err(InvalidLength));
    }
    let xts = Sm4Xts::new(XtsStandard::Ieee1619, &[1; 32]);
    assert_eq!(xts.encrypt(&[0; 16], &mut [0; 15]), Err(InvalidLength));
}

#[test]
fn gcm_takes_other_nonces_for_sm4_and_refuses_the_empty_one() {
    let sm4 = Key::new(Algorithm::Sm4Gcm, &[1; 16]).unwrap();
    let aes = Key::new(Algorithm::Aes128Gcm, &[1; 16]).unwrap();
    for nonce in [&[3; 1][..], &[3; 11], &[3; 12], &[3; 16], &[3; 257]] {
        let mut buffer = *b"some text";
        let tag = sm4
            .seal_in_place_with_nonce(nonce, b"aad", &mut buffer)
            .unwrap();
        sm4.open_in_place_with_nonce(nonce, b"aad", &mut buffer, &tag)
            .unwrap();
        assert_eq!(buffer, *b"some text");
        let sealed = aes.seal_in_place_with_nonce(nonce, b"aad", &mut buffer);
        assert_eq!(sealed.is_ok(), nonce.len() == 12);
    }
    assert_eq!(
        sm4.seal_in_place_with_nonce(&[], b"", &mut []),
        Err(SealError::NonceLength)
    );
    let mut buffer = *b"ciphertext";
    let opened = sm4.open_in_place_with_nonce(&[], b"", &mut buffer, &Tag([0; 16]));
    assert_eq!(opened, Err(OpenError::Authentication));
    assert_eq!(buffer, [0; 10]);
}
