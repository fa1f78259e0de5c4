//! Which doors are called, with what lengths: enough that all instructions of the kernels run.

use crate::doors::{AES_128_GCM, AES_256_GCM, Calls, DoorError, Doors, SM4_GCM, SM4_GCM_PORTABLE};
use crate::machine::{Leak, Machine};

const ALL: [u32; 4] = [SM4_GCM, SM4_GCM_PORTABLE, AES_128_GCM, AES_256_GCM];

/// GCM by chunks. Its second pass compares each chunk with what the first has seen, which is public
/// but no verdict on a tag: so many branches, and no more, may be secret.
///
/// # Errors
///
/// [`DoorError`].
pub fn follow_chunks(machine: &mut Machine<'_, '_>) -> Result<Calls, DoorError> {
    let mut doors = Doors::new(machine)?;
    let mut total = Calls::default();
    for algorithm in ALL {
        for (chunk, len) in [
            (1, 0),
            (1, 40),
            (15, 100),
            (16, 1),
            (16, 160),
            (17, 100),
            (500, 700),
            (512, 1030),
            (600, 1200),
        ] {
            total += doors.chunks(algorithm, len, chunk)?;
        }
    }
    let is_branch = |leak: Leak| leak == Leak::Branch;
    let branches = machine.findings.iter();
    let decided: u64 = branches
        .filter(|((_, leak), _)| is_branch(*leak))
        .map(|(_, count)| count)
        .sum();
    if decided == total.compared as u64 {
        machine.findings.retain(|(_, leak), _| !is_branch(*leak));
    }
    Ok(total)
}

/// All other doors.
///
/// # Errors
///
/// [`DoorError`].
pub fn follow(machine: &mut Machine<'_, '_>) -> Result<Calls, DoorError> {
    let mut doors = Doors::new(machine)?;
    let mut total = Calls::default();
    // In a build without SIMD both are the same kernels.
    for (algorithm, step) in [(SM4_GCM, 1), (SM4_GCM_PORTABLE, 13)] {
        let short = (0..=272).step_by(step).map(|len| (len, len % 37, len % 19));
        let blocks = (0..36).map(|n| (16 * (n % 6), 16 * (n / 6), 0));
        let long =
            [511, 512, 513, 1023, 1024, 1025, 1200, 2049, 4097].map(|len| (len, 20, len % 16));
        let long_aad = [(0, 0, 0), (3, 700, 1), (700, 3, 2), (16, 4099, 3)];
        let cases: Vec<_> = short.chain(blocks).chain(long).chain(long_aad).collect();
        total += doors.gcm(algorithm, 12, &cases)?;
    }
    // Such a nonce is hashed under the key, so the first counter is secret.
    for algorithm in [SM4_GCM, SM4_GCM_PORTABLE] {
        for nonce_len in [1, 8, 11, 13, 16, 40, 160] {
            let cases = [(0, 3, 0), (100, 0, 1), (1000, 20, 5)];
            total += doors.gcm(algorithm, nonce_len, &cases)?;
        }
    }
    for mode in 5..=8 {
        for len in 16..=80 {
            total += doors.sm4_modes(mode, len)?;
        }
    }
    for algorithm in ALL {
        total += doors.batch(algorithm, &[])?;
        for frames in [1, 2, 3, 5, 8, 13] {
            let lens: Vec<usize> = (0..frames).map(|i| (37 * i + 13 * frames) % 331).collect();
            total += doors.batch(algorithm, &lens)?;
        }
        total += doors.batch(algorithm, &[160; 16])?;
        total += doors.batch(algorithm, &[1200, 0, 600, 1])?;
    }
    for algorithm in [AES_128_GCM, AES_256_GCM] {
        let lens = (0..=40).chain([64, 100, 128, 160, 511]);
        let cases: Vec<_> = lens.map(|len| (len, len % 37, len % 19)).collect();
        total += doors.gcm(algorithm, 12, &cases)?;
    }
    for nonce_len in 7..=13 {
        total += doors.ccm(nonce_len, 3 * (nonce_len - 7), 17 * (nonce_len - 6))?;
    }
    for len in 0..=40 {
        total += doors.ccm(12, len / 2, len)?;
    }
    total += doors.ccm(12, 0xff01, 33)?;
    for len in [16, 32, 48, 160] {
        for mode in 0..=4 {
            total += doors.sm4_modes(mode, len)?;
        }
    }
    for len in 0..=48 {
        total += doors.sm4_modes(0, len)?;
    }
    for hash in 0..3 {
        for (key_len, len) in [(1, 0), (16, 20), (32, 200), (64, 55), (128, 56), (140, 300)] {
            total += doors.hmac(hash, key_len, len)?;
        }
    }
    Ok(total)
}
