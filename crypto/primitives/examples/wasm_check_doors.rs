//! The doors of `smrtc-crypto` as a Wasm module, for `audits/constant_time/wasm_taint` to follow
//! secrets through.
//!
//! Nothing but the crate under test is linked: what the module holds is what a product holds,
//! inlined as the compiler likes. `leak_…` are leaks planted on purpose, which must be found.
#![allow(
    unsafe_code,
    reason = "exported names and raw arguments; the caller lays out memory"
)]
#![allow(
    clippy::too_many_arguments,
    reason = "addresses and lengths, as Wasm passes them"
)]

use std::hint::black_box;

use smrtc_crypto::aead::{Algorithm, Frame, Key, Tag};
use smrtc_crypto::conformance::ccm::Sm4Ccm;
use smrtc_crypto::conformance::sm4_modes::{Sm4, Sm4Xts, XtsStandard};
use smrtc_crypto::hash::Hash;

#[path = "../tests/support/s_box.rs"]
mod s_box;

/// `len` bytes that stay.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(len: usize) -> *mut u8 {
    vec![0u8; len].leak().as_mut_ptr()
}

/// The bytes that the caller laid out at `start`.
///
/// # Safety
///
/// `start` is from [`allocate`] with at least `len` bytes, and no other slice of them is in use.
unsafe fn bytes<'a>(start: *mut u8, len: usize) -> &'a mut [u8] {
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(start, len) }
}

/// As [`bytes`], of a length that the type says.
///
/// # Safety
///
/// As for [`bytes`].
unsafe fn array<'a, const N: usize>(start: *mut u8) -> &'a mut [u8; N] {
    // SAFETY: as the caller promises.
    unsafe { &mut *start.cast() }
}

/// An expanded AEAD key: SM4-GCM (0), AES-128-GCM (1), AES-256-GCM (2), or SM4-GCM on the kernels
/// called `portable` (3).
///
/// # Safety
///
/// `key` holds as many bytes as the algorithm wants.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcm_new(algorithm: u32, key: *mut u8) -> *mut Key {
    let algorithm = match algorithm {
        0 => Algorithm::Sm4Gcm,
        1 => Algorithm::Aes128Gcm,
        2 => Algorithm::Aes256Gcm,
        _ => {
            // SAFETY: as the caller promises.
            let key = Key::sm4_with_backend("portable", unsafe { array(key) });
            return Box::into_raw(Box::new(key.expect("every module has it")));
        }
    };
    // SAFETY: as the caller promises.
    let key = unsafe { bytes(key, algorithm.key_bytes()) };
    Box::into_raw(Box::new(Key::new(algorithm, key).expect("its length")))
}

/// Wipes and frees a key of [`gcm_new`].
///
/// # Safety
///
/// `key` is from [`gcm_new`] and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcm_drop(key: *mut Key) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(key) });
}

/// Seals in place and writes the tag.
///
/// # Safety
///
/// The arguments are a key of [`gcm_new`] and areas of [`allocate`] that do not overlap; `tag` has
/// 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcm_seal(
    key: *const Key,
    nonce: *mut u8,
    nonce_len: usize,
    aad: *mut u8,
    aad_len: usize,
    text: *mut u8,
    len: usize,
    tag: *mut u8,
) {
    // SAFETY: as the caller promises.
    let (key, nonce, aad, text, tag) = unsafe {
        let (nonce, aad) = (bytes(nonce, nonce_len), bytes(aad, aad_len));
        (&*key, nonce, aad, bytes(text, len), array(tag))
    };
    *tag = key
        .seal_in_place_with_nonce(nonce, aad, text)
        .expect("sealed")
        .0;
}

/// Opens in place; 1 if the tag verified.
///
/// # Safety
///
/// As for [`gcm_seal`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcm_open(
    key: *const Key,
    nonce: *mut u8,
    nonce_len: usize,
    aad: *mut u8,
    aad_len: usize,
    text: *mut u8,
    len: usize,
    tag: *mut u8,
) -> u32 {
    // SAFETY: as the caller promises.
    let (key, nonce, aad, text, tag) = unsafe {
        let (nonce, aad) = (bytes(nonce, nonce_len), bytes(aad, aad_len));
        (&*key, nonce, aad, bytes(text, len), Tag(*array(tag)))
    };
    let opened = key.open_in_place_with_nonce(nonce, aad, text, &tag);
    u32::from(opened.is_ok())
}

/// Seals (0) or opens (1) a batch; bit i of the result says whether frame i was opened. `frames`
/// holds for each the addresses and lengths nonce, associated data, its length, text, its length,
/// tag.
///
/// # Safety
///
/// `key` is from [`gcm_new`], and `frames` has `count` rows of areas that do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcm_batch(
    key: *const Key,
    open: u32,
    frames: *const [usize; 6],
    count: usize,
) -> u32 {
    // SAFETY: as the caller promises.
    let (key, rows) = unsafe { (&*key, std::slice::from_raw_parts(frames, count)) };
    let at = |address: usize| address as *mut u8;
    let mut frames: Vec<Frame<'_>> = rows
        .iter()
        .map(|&[nonce, aad, aad_len, text, len, tag]| {
            // SAFETY: as the caller promises.
            unsafe {
                Frame {
                    nonce: array(at(nonce)),
                    aad: bytes(at(aad), aad_len),
                    buffer: bytes(at(text), len),
                    tag: Tag(*array(at(tag))),
                }
            }
        })
        .collect();
    if open == 1 {
        let opened = key.open_batch(&mut frames);
        let bits = opened.iter().zip(0..);
        return bits.fold(0, |bits, (opened, i)| bits | u32::from(opened.is_ok()) << i);
    }
    key.seal_batch(&mut frames).expect("sealed");
    for (frame, row) in frames.iter().zip(rows) {
        // SAFETY: as the caller promises.
        unsafe { *array(at(row[5])) = frame.tag.0 };
    }
    0
}

/// Seals (0) or opens (1) in chunks of `chunk` bytes; 1 if the tag verified.
///
/// # Safety
///
/// As for [`gcm_seal`]; the nonce has 12 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcm_chunks(
    key: *const Key,
    open: u32,
    nonce: *mut u8,
    aad: *mut u8,
    aad_len: usize,
    text: *mut u8,
    len: usize,
    tag: *mut u8,
    chunk: usize,
) -> u32 {
    // SAFETY: as the caller promises.
    let (key, nonce, aad, text, tag): (_, &[u8; 12], _, _, &mut [u8; 16]) = unsafe {
        (
            &*key,
            array(nonce),
            bytes(aad, aad_len),
            bytes(text, len),
            array(tag),
        )
    };
    if open == 0 {
        let mut sealing = key.start_sealing(nonce, aad).expect("started");
        for part in text.chunks_mut(chunk) {
            sealing.update(part).expect("sealed");
        }
        *tag = sealing.finish().0;
        return 1;
    }
    let mut verifying = key.start_opening(nonce, aad).expect("started");
    for part in text.chunks(chunk) {
        verifying.update(part).expect("within the limits");
    }
    let Ok(mut opening) = verifying.finish(&Tag(*tag)) else {
        return 0;
    };
    for part in text.chunks_mut(chunk) {
        opening.update(part).expect("as in the first pass");
    }
    opening.finish().expect("as in the first pass");
    1
}

/// SM4-CCM, key set-up included: seals and writes the tag.
///
/// # Safety
///
/// As for [`gcm_seal`]; `key` has 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ccm_seal(
    key: *mut u8,
    nonce: *mut u8,
    nonce_len: usize,
    aad: *mut u8,
    aad_len: usize,
    text: *mut u8,
    len: usize,
    tag: *mut u8,
) {
    // SAFETY: as the caller promises.
    let (key, nonce, aad, text, tag) = unsafe {
        let (nonce, aad) = (bytes(nonce, nonce_len), bytes(aad, aad_len));
        (array(key), nonce, aad, bytes(text, len), array(tag))
    };
    let sealed = Sm4Ccm::new(key).seal_in_place(nonce, aad, text);
    *tag = sealed.expect("sealed").0;
}

/// SM4-CCM, key set-up included: opens; 1 if the tag verified.
///
/// # Safety
///
/// As for [`ccm_seal`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ccm_open(
    key: *mut u8,
    nonce: *mut u8,
    nonce_len: usize,
    aad: *mut u8,
    aad_len: usize,
    text: *mut u8,
    len: usize,
    tag: *mut u8,
) -> u32 {
    // SAFETY: as the caller promises.
    let (key, nonce, aad, text, tag) = unsafe {
        let (nonce, aad) = (bytes(nonce, nonce_len), bytes(aad, aad_len));
        (array(key), nonce, aad, bytes(text, len), Tag(*array(tag)))
    };
    let opened = Sm4Ccm::new(key).open_in_place(nonce, aad, text, &tag);
    u32::from(opened.is_ok())
}

/// The modes of `conformance::sm4_modes`, key set-up included: CTR (0), ECB (1, back 2), CBC (3,
/// back 4), XTS (5, back 6; GB 7, back 8).
///
/// # Safety
///
/// As for [`gcm_seal`]; `key` has 32 bytes and `iv` 16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sm4_modes(
    mode: u32,
    key: *mut u8,
    iv: *mut u8,
    text: *mut u8,
    len: usize,
) {
    // SAFETY: as the caller promises.
    let (key, iv, text): (&[u8; 32], _, _) = unsafe { (array(key), array(iv), bytes(text, len)) };
    let cipher = Sm4::new(key[..16].try_into().expect("half of 32"));
    let xts = |standard| Sm4Xts::new(standard, key);
    match mode {
        0 => {
            cipher.apply_ctr(iv, text);
            Ok(())
        }
        1 => cipher.encrypt_ecb(text),
        2 => cipher.decrypt_ecb(text),
        3 => cipher.encrypt_cbc(iv, text),
        4 => cipher.decrypt_cbc(iv, text),
        5 => xts(XtsStandard::Ieee1619).encrypt(iv, text),
        6 => xts(XtsStandard::Ieee1619).decrypt(iv, text),
        7 => xts(XtsStandard::Gbt17964).encrypt(iv, text),
        _ => xts(XtsStandard::Gbt17964).decrypt(iv, text),
    }
    .expect("a length that the mode takes");
}

/// HMAC over SM3 (0), SHA-256 (1) or SHA-512 (2) into 64 bytes.
///
/// # Safety
///
/// As for [`gcm_seal`]; `out` has 64 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmac(
    hash: u32,
    key: *mut u8,
    key_len: usize,
    text: *mut u8,
    len: usize,
    out: *mut u8,
) {
    let hash = [Hash::Sm3, Hash::Sha256, Hash::Sha512][hash as usize];
    // SAFETY: as the caller promises.
    let (key, text, out) = unsafe { (bytes(key, key_len), bytes(text, len), bytes(out, 64)) };
    let digest = hash.hmac(key, &[text]);
    out[..hash.output_bytes()].copy_from_slice(digest.as_bytes());
}

/// A planted leak: one look-up in a table. The other leaks are in it, too, chosen by `kind`.
///
/// # Safety
///
/// `secret` has 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn leak(kind: u32, secret: *mut u8) -> u32 {
    // SAFETY: as the caller promises.
    let secret: &mut [u8; 16] = unsafe { array(secret) };
    let byte = secret[3];
    match kind {
        0 => u32::from(s_box::S_BOX[usize::from(byte)]),
        1 => {
            let mut out = [0u8; 256];
            black_box(&mut out)[usize::from(byte)] = 1;
            u32::from(black_box(out)[0])
        }
        2 => {
            // Calls that cannot be turned into arithmetic.
            if byte == 7 {
                black_box(1)
            } else {
                black_box(black_box(2) + 1)
            }
        }
        3 => {
            let functions: [fn(u32) -> u32; 2] = [|x| x + 1, |x| x ^ 5];
            black_box(functions)[usize::from(byte & 1)](9)
        }
        4 => 1000 / black_box(u32::from(byte) | 1),
        // The comparison of a tag that stops at the first difference.
        _ => {
            let mut same = 0;
            while same < 16 && secret[same] == black_box(same as u8) {
                same += 1;
            }
            same as u32
        }
    }
}
