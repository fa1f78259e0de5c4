//! SM4-GCM out of the crates `sm4` and `ghash`: the oracle, which is not constant time.

use std::vec::Vec;

use ghash::universal_hash::UniversalHash;
use sm4::cipher::{BlockCipherEncrypt, KeyInit};

/// SM4-GCM with a nonce of 12 bytes.
pub(crate) fn oracle(
    key: &[u8; 16],
    nonce: &[u8; 12],
    aad: &[u8],
    text: &[u8],
) -> (Vec<u8>, [u8; 16]) {
    let cipher = sm4::Sm4::new(key.into());
    let encrypt = |mut block: [u8; 16]| {
        cipher.encrypt_block((&mut block).into());
        block
    };
    let counter_block = |counter: u32| {
        let mut block = [0; 16];
        block[..12].copy_from_slice(nonce);
        block[12..].copy_from_slice(&counter.to_be_bytes());
        block
    };
    let mut out = text.to_vec();
    for (chunk, counter) in out.chunks_mut(16).zip(2..) {
        for (byte, key) in chunk.iter_mut().zip(encrypt(counter_block(counter))) {
            *byte ^= key;
        }
    }
    let mut ghash = ghash::GHash::new((&encrypt([0; 16])).into());
    ghash.update_padded(aad);
    ghash.update_padded(&out);
    let bits = |part: &[u8]| (part.len() as u64 * 8).to_be_bytes();
    let lengths: Vec<u8> = [bits(aad), bits(text)].concat();
    ghash.update_padded(&lengths);
    let s = ghash.finalize();
    let mask = encrypt(counter_block(1));
    (out, core::array::from_fn(|i| s[i] ^ mask[i]))
}

/// xorshift64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// As many bytes as the type says.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 32) as u8
        })
    }

    /// `len` bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.array::<1>()[0]).collect()
    }
}
