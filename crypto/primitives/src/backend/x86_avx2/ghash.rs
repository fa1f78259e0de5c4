//! GHASH by carry-less multiplication, up to 32 blocks to a reduction.

use core::arch::x86_64::{
    _mm_clmulepi64_si128, _mm_setzero_si128, _mm_shuffle_epi8, _mm_xor_si128,
};

use zeroize::ZeroizeOnDrop;

use super::cpu::Avx2;
use crate::backend::x86_clmul::{self, load};
use crate::gcm;
use crate::gcm::hash_input::{HashInput, QUAD_BYTES};
use crate::sm4::BLOCK_BYTES;

/// Quads added up before a reduction.
const GROUP_QUADS: usize = 8;

/// H^32 to H.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Ghash {
    #[zeroize(skip)]
    _cpu: Avx2,
    powers: [[u8; QUAD_BYTES]; GROUP_QUADS],
}

impl gcm::Ghash for Ghash {
    fn new(h: &[u8; BLOCK_BYTES]) -> Self {
        Self {
            _cpu: Avx2::detect().expect("the cipher of this key was made with the features"),
            powers: x86_clmul::powers(h),
        }
    }

    fn hash(&self, input: &HashInput<'_>) -> [u8; BLOCK_BYTES] {
        // SAFETY: a `Ghash` is made with the proof that the features are there.
        unsafe { hash(&self.powers, input) }
    }
}

#[target_feature(enable = "avx2,pclmulqdq,ssse3")]
fn hash(powers: &[[u8; QUAD_BYTES]; GROUP_QUADS], input: &HashInput<'_>) -> [u8; BLOCK_BYTES] {
    let reversal = x86_clmul::reversal();
    let quads = input.quads();
    let mut scratch = [0; QUAD_BYTES];
    let mut y = _mm_setzero_si128();
    let mut done = 0;
    while done < quads {
        // The short group comes first, so that the others are whole.
        let count = match (quads - done) % GROUP_QUADS {
            0 => GROUP_QUADS,
            rest => rest,
        };
        let zero = _mm_setzero_si128();
        let (mut low, mut middle, mut high) = (zero, zero, zero);
        for (k, powers) in powers[GROUP_QUADS - count..].iter().enumerate() {
            let quad = input.quad(done + k, &mut scratch);
            let blocks = quad.as_chunks::<BLOCK_BYTES>().0;
            for (i, (block, power)) in blocks.iter().zip(powers.as_chunks().0).enumerate() {
                let mut a = _mm_shuffle_epi8(load(block), reversal);
                if k == 0 && i == 0 {
                    a = _mm_xor_si128(a, y);
                }
                let b = load(power);
                low = _mm_xor_si128(low, _mm_clmulepi64_si128::<0x00>(a, b));
                high = _mm_xor_si128(high, _mm_clmulepi64_si128::<0x11>(a, b));
                middle = _mm_xor_si128(middle, _mm_clmulepi64_si128::<0x01>(a, b));
                middle = _mm_xor_si128(middle, _mm_clmulepi64_si128::<0x10>(a, b));
            }
        }
        y = x86_clmul::reduce(low, middle, high);
        done += count;
    }
    x86_clmul::to_bytes(y)
}
