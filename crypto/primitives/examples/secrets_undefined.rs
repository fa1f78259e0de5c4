//! Shows with valgrind that no branch and no address depends on a secret.
//!
//! ```sh
//! audits/constant_time/valgrind.sh
//! ```
//!
//! Memcheck reports a conditional jump on undefined bits, and an address made of them. So keys and texts
//! are marked undefined, and what it reports is a leak. Lengths and nonces stay defined; they are public.
//! `secrets_undefined KERNEL` seals with one kernel; the names `leak-branch` and `leak-table` are leaks
//! planted on purpose, and `crate-sm4` is a cipher with a table, to see that each is found. AVX-512 is
//! unknown to valgrind.
#![allow(
    unsafe_code,
    reason = "valgrind's client requests are instructions that do nothing elsewhere"
)]

use std::hint::black_box;
use std::process::ExitCode;

use smrtc_crypto::aead::{self, Key};

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
        "crate-sm4" => {
            black_box(oracle::oracle(&secret(), &[9; 12], b"", &[0x55; 100]));
        }
        backend => {
            // The self-test runs first, on its own published key.
            let Some(warm) = Key::sm4_with_backend(backend, &[1; 16]) else {
                eprintln!("no kernel {backend} on this machine");
                return ExitCode::FAILURE;
            };
            warm.seal_in_place(&[0; 12], b"", &mut []).expect("sealed");
            let key = Key::sm4_with_backend(backend, &secret()).expect("as before");
            for len in [0, 1, 15, 16, 160, 511, 1200, 5000] {
                let mut text = vec![0x55; len];
                mark_undefined(&mut text);
                let tag = key.seal_in_place(&[9; 12], b"associated data", &mut text);
                black_box(tag).expect("sealed");
                black_box(text);
            }
        }
    }
    ExitCode::SUCCESS
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
    // SAFETY: on a processor the four rotations cancel and the exchange does nothing; valgrind takes the
    // sequence for a request whose arguments `request` holds, and changes only what it thinks of `bytes`.
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
