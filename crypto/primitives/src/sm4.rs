//! SM4, GB/T 32907-2016: the key schedule, and the cipher in bit planes.
//!
//! No table, no branch and no address depends on a key or a block: the S-box is a circuit of gates
//! ([`circuit`]), in the key schedule too. Modes of operation are elsewhere.

pub(crate) mod bitslice;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
pub(crate) mod byte_planes;
pub(crate) mod circuit;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
pub(crate) mod field;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
pub(crate) mod tower;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Block length in bytes.
pub(crate) const BLOCK_BYTES: usize = 16;

/// A block.
pub(crate) type Block = [u8; BLOCK_BYTES];

/// Rounds of the cipher.
pub(crate) const ROUNDS: usize = 32;

/// The round keys rk_0 to rk_31, as the standard defines them.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct RoundKeys(pub(crate) [u32; ROUNDS]);

impl RoundKeys {
    /// Expands `key` (GB/T 32907-2016 §7.3).
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        let mut round_keys = Self([0; ROUNDS]);
        let mut k = FK;
        for (word, bytes) in k.iter_mut().zip(key.as_chunks::<4>().0) {
            *word ^= u32::from_be_bytes(*bytes);
        }
        for (i, rk) in round_keys.0.iter_mut().enumerate() {
            *rk = k[0] ^ l_prime(tau(k[1] ^ k[2] ^ k[3] ^ ck(i)));
            k = [k[1], k[2], k[3], *rk];
        }
        k.zeroize();
        round_keys
    }

    /// The round keys for a cipher whose S-box leaves out its two constants.
    ///
    /// Such a cipher works on Y_n = X_n ⊕ o_n instead of X_n. Leaving out the output constant 0xD3
    /// changes a new word by L(0xD3D3D3D3) = 0x4F4F4F4F, so o_{n+4} = o_n ⊕ 0x4F4F4F4F with
    /// o_0 = … = o_3 = 0; what the S-box must be given beyond Y_{n+1} ⊕ Y_{n+2} ⊕ Y_{n+3} is then
    /// rk_n ⊕ o_{n+1} ⊕ o_{n+2} ⊕ o_{n+3} ⊕ 0x75757575. After 32 rounds the offsets are 0 again.
    pub(crate) fn with_constants_folded(&self) -> Self {
        let mut folded = Self(self.0);
        let mut o = [0u8; ROUNDS + 4];
        for (n, rk) in folded.0.iter_mut().enumerate() {
            o[n + 4] = o[n] ^ circuit::OUTPUT_CONSTANT.rotate_left(2);
            *rk ^= each_byte(circuit::INPUT_CONSTANT ^ o[n + 1] ^ o[n + 2] ^ o[n + 3]);
        }
        debug_assert_eq!(o[ROUNDS..], [0; 4]);
        folded
    }
}

impl RoundKeys {
    /// Encrypts one block, by word and not by batch: for modes that chain block after block.
    pub(crate) fn encrypt_block(&self, block: &mut [u8; BLOCK_BYTES]) {
        crypt_block(block, self.0.iter());
    }

    /// Decrypts one block: the round keys the other way round (GB/T 32907-2016 §7.2).
    pub(crate) fn decrypt_block(&self, block: &mut [u8; BLOCK_BYTES]) {
        crypt_block(block, self.0.iter().rev());
    }
}

fn crypt_block<'k>(block: &mut [u8; BLOCK_BYTES], round_keys: impl Iterator<Item = &'k u32>) {
    let words = block.as_chunks_mut::<4>().0;
    let mut x: [u32; 4] = core::array::from_fn(|i| u32::from_be_bytes(words[i]));
    for rk in round_keys {
        let new = x[0] ^ l(tau(x[1] ^ x[2] ^ x[3] ^ rk));
        x = [x[1], x[2], x[3], new];
    }
    for (word, x) in words.iter_mut().zip(x.into_iter().rev()) {
        *word = x.to_be_bytes();
    }
}

/// The linear map of the rounds.
fn l(word: u32) -> u32 {
    [2, 10, 18, 24]
        .into_iter()
        .fold(word, |sum, n| sum ^ word.rotate_left(n))
}

/// The nonlinear map: the S-box on each byte. Plane b holds bit b of the four bytes.
fn tau(word: u32) -> u32 {
    const LOW_BITS: u32 = 0x0101_0101;
    let word = word ^ each_byte(circuit::INPUT_CONSTANT);
    let planes = core::array::from_fn(|b| (word >> b) & LOW_BITS);
    let substituted = circuit::inverse_map(planes)
        .into_iter()
        .zip(0..)
        .fold(0, |word, (plane, b)| word | plane << b);
    substituted ^ each_byte(circuit::OUTPUT_CONSTANT)
}

/// The linear map of the key schedule.
fn l_prime(word: u32) -> u32 {
    word ^ word.rotate_left(13) ^ word.rotate_left(23)
}

/// CK_i: byte j is (4i + j) · 7 mod 256.
fn ck(i: usize) -> u32 {
    u32::from_be_bytes(core::array::from_fn(|j| ((4 * i + j) * 7) as u8))
}

fn each_byte(byte: u8) -> u32 {
    u32::from_be_bytes([byte; 4])
}

/// The system parameter FK.
const FK: [u32; 4] = [0xA3B1_BAC6, 0x56AA_3350, 0x677D_9197, 0xB270_22DC];

#[cfg(test)]
#[path = "../tests/support/s_box.rs"]
mod published;

#[cfg(test)]
mod tests {
    use super::*;
    use sm4::cipher::{BlockCipherEncrypt, KeyInit};

    #[test]
    fn the_circuit_is_the_published_s_box() {
        for x in 0..=255u8 {
            assert_eq!(tau(u32::from(x)) as u8, published::S_BOX[usize::from(x)]);
        }
    }

    /// GB/T 32907-2016 annex A.1.
    #[test]
    fn the_round_keys_of_the_standard() {
        let key = [
            0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54,
            0x32, 0x10,
        ];
        let round_keys = RoundKeys::new(&key);
        assert_eq!(round_keys.0[0], 0xF121_86F9);
        assert_eq!(round_keys.0[31], 0x9124_A012);
    }

    #[test]
    fn a_word_of_four_different_bytes_is_substituted_byte_by_byte() {
        let word = tau(0x00ef_ff01);
        assert_eq!(word.to_be_bytes(), [0xd6, 0x84, 0x48, 0x90]);
        // The oracle is linked and is SM4.
        let mut block = [0; 16].into();
        sm4::Sm4::new(&[0; 16].into()).encrypt_block(&mut block);
        assert_eq!(block[..2], [0x9f, 0x1f]);
    }
}
