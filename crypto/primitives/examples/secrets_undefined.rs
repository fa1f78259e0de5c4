//! Shows with valgrind that no branch and no address depends on a secret.
//!
//! ```sh
//! make audit-ct
//! ```
//!
//! Memcheck reports a conditional jump on undefined bits, and an address made of them. So keys,
//! texts and received tags are marked undefined, and what it reports is a leak. Lengths and nonces
//! stay defined; they are public. Whether a tag verifies is public too, but comes of undefined
//! bits: `audits/constant_time/valgrind.mjs` lets pass what is reported at a line that compares by
//! `ct_eq`, and nothing else.
//!
//! `secrets_undefined KERNEL` calls all functions with one kernel; the names `leak-…` are leaks
//! planted on purpose, and `crate-sm4` is a cipher with a table, to see that each is found.
//! Valgrind knows no AVX-512 and no GFNI.
#![allow(
    unsafe_code,
    reason = "valgrind's client requests are instructions that do nothing elsewhere"
)]

use std::hint::black_box;
use std::process::ExitCode;

use smrtc_crypto::aead::{self, Frame, Key, Tag};
use smrtc_crypto::conformance::ccm::Sm4Ccm;
use smrtc_crypto::conformance::sm4_modes::Sm4;

#[path = "../tests/support/oracle.rs"]
#[allow(dead_code, reason = "its random source is for tests")]
mod oracle;
#[path = "../tests/support/s_box.rs"]
mod s_box;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        println!("{}", aead::sm4_backends().join("\n"));
        return ExitCode::SUCCESS;
    };
    match name.as_str() {
        "leak-branch" => {
            let secret = secret::<1>();
            if secret[0] == 7 {
                println!("seven");
            }
        }
        "leak-table" => {
            let secret = secret::<1>();
            black_box(s_box::S_BOX[usize::from(secret[0])]);
        }
        "leak-tag" => {
            // A comparison that stops at the first difference.
            let tag = secret::<16>();
            let mut same = 0;
            while same < 16 && tag[same] == black_box(0x33) {
                same += 1;
            }
            black_box(same);
        }
        "crate-sm4" => {
            black_box(oracle::oracle(&secret(), &[9; 12], b"", &[0x55; 100]));
        }
        "ccm-ctr" => ccm_and_ctr(),
        backend => {
            // The self-test runs first, on its own published key.
            let Some(warm) = Key::sm4_with_backend(backend, &[1; 16]) else {
                eprintln!("no kernel {backend} on this machine");
                return ExitCode::FAILURE;
            };
            warm.seal_in_place(&[0; 12], b"", &mut []).expect("sealed");
            let key = Key::sm4_with_backend(backend, &secret()).expect("as before");
            whole(&key);
            batches(&key);
            chunks(&key);
        }
    }
    ExitCode::SUCCESS
}

const LENGTHS: [usize; 12] = [0, 1, 15, 16, 100, 160, 255, 511, 512, 1200, 2500, 5000];

fn whole(key: &Key) {
    for len in LENGTHS {
        let mut text = undefined(len);
        let sealed = key.seal_in_place(&[9; 12], b"associated data", &mut text);
        let mut tag = sealed.expect("sealed");
        mark_undefined(&mut tag.0);
        let opened = key.open_in_place(&[9; 12], b"associated data", &mut text, &tag);
        opened.expect("the right tag");
        tag.0[7] ^= 1;
        let opened = key.open_in_place(&[9; 12], b"associated data", &mut text, &tag);
        assert!(opened.is_err());
        black_box(text);
    }
}

fn batches(key: &Key) {
    let mut buffers: Vec<Vec<u8>> = (0..9).map(|i| undefined(70 * i)).collect();
    let mut tags = [Tag([0; 16]); 9];
    for (opening, wrong) in [(false, false), (true, false), (true, true)] {
        if wrong {
            tags.iter_mut().for_each(|tag| tag.0[7] ^= 1);
        }
        let mut frames: Vec<Frame<'_>> = buffers
            .iter_mut()
            .zip(&tags)
            .map(|(buffer, &tag)| Frame {
                nonce: &[9; 12],
                aad: b"associated data",
                buffer,
                tag,
            })
            .collect();
        if opening {
            let opened = key.open_batch(&mut frames);
            assert!(opened.iter().all(|opened| opened.is_ok() != wrong));
        } else {
            key.seal_batch(&mut frames).expect("sealed");
            for (tag, frame) in tags.iter_mut().zip(&frames) {
                *tag = frame.tag;
                mark_undefined(&mut tag.0);
            }
        }
    }
    black_box(buffers);
}

fn chunks(key: &Key) {
    for len in LENGTHS {
        let mut text = undefined(len);
        let mut sealing = key.start_sealing(&[9; 12], b"aad").expect("started");
        for part in text.chunks_mut(500) {
            sealing.update(part).expect("sealed");
        }
        let mut tag = sealing.finish();
        mark_undefined(&mut tag.0);
        let mut verifying = key.start_opening(&[9; 12], b"aad").expect("started");
        for part in text.chunks(500) {
            verifying.update(part).expect("read");
        }
        let mut opening = verifying.finish(&tag).expect("the right tag");
        for part in text.chunks_mut(500) {
            opening.update(part).expect("as before");
        }
        opening.finish().expect("as before");
        black_box(text);
    }
}

fn ccm_and_ctr() {
    Sm4Ccm::new(&[1; 16])
        .seal_in_place(&[9; 12], b"", &mut [])
        .expect("sealed");
    let (ccm, sm4) = (Sm4Ccm::new(&secret()), Sm4::new(&secret()));
    for len in [0, 1, 16, 100, 1200] {
        let mut text = undefined(len);
        let mut tag = ccm
            .seal_in_place(&[9; 12], b"aad", &mut text)
            .expect("sealed");
        mark_undefined(&mut tag.0);
        ccm.open_in_place(&[9; 12], b"aad", &mut text, &tag)
            .expect("the right tag");
        tag.0[7] ^= 1;
        assert!(
            ccm.open_in_place(&[9; 12], b"aad", &mut text, &tag)
                .is_err()
        );
        sm4.apply_ctr(&[9; 16], &mut text);
        black_box(text);
    }
}

fn undefined(len: usize) -> Vec<u8> {
    let mut text = vec![0x55; len];
    mark_undefined(&mut text);
    text
}

/// Bytes that memcheck holds to be undefined.
fn secret<const N: usize>() -> [u8; N] {
    let mut bytes = [0x33; N];
    mark_undefined(&mut bytes);
    black_box(bytes)
}

#[cfg(target_arch = "x86_64")]
fn mark_undefined(bytes: &mut [u8]) {
    /// `VG_USERREQ__MAKE_MEM_UNDEFINED` of valgrind/memcheck.h.
    const MAKE_MEM_UNDEFINED: u64 = ((b'M' as u64) << 24 | (b'C' as u64) << 16) + 1;
    let request: [u64; 6] = [
        MAKE_MEM_UNDEFINED,
        bytes.as_mut_ptr() as u64,
        bytes.len() as u64,
        0,
        0,
        0,
    ];
    // SAFETY: on a processor the four rotations cancel and the exchange does nothing; valgrind
    // takes the sequence for a request whose arguments `request` holds, and changes only what it
    // thinks of `bytes`.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") request.as_ptr(),
            inout("rdx") 0u64 => _,
            inout("rdi") 0u64 => _,
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn mark_undefined(_: &mut [u8]) {
    panic!("the marking request of memcheck is written for x86-64 only");
}
