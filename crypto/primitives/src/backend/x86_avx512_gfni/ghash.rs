//! GHASH by carry-less multiplication, up to 64 blocks to a reduction.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_setzero_si128, _mm_xor_si128, _mm512_broadcast_i32x4,
    _mm512_clmulepi64_epi128, _mm512_extracti32x4_epi32, _mm512_setzero_si512, _mm512_shuffle_epi8,
    _mm512_ternarylogic_epi32, _mm512_xor_si512, _mm512_zextsi128_si512,
};

use zeroize::ZeroizeOnDrop;

use super::cpu::Avx512Gfni;
use super::vector::load;
use crate::backend::x86_clmul;
use crate::gcm;
use crate::gcm::hash_input::{HashInput, QUAD_BYTES};
use crate::sm4::BLOCK_BYTES;

/// Quads added up before a reduction.
const GROUP_QUADS: usize = 16;

/// H^64 to H, each times x, least significant byte first.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Ghash {
    #[zeroize(skip)]
    _cpu: Avx512Gfni,
    powers: [[u8; QUAD_BYTES]; GROUP_QUADS],
}

impl gcm::Ghash for Ghash {
    fn new(h: &[u8; BLOCK_BYTES]) -> Self {
        Self {
            _cpu: Avx512Gfni::detect().expect("the cipher of this key was made with the features"),
            powers: x86_clmul::powers(h),
        }
    }

    fn hash(&self, input: &HashInput<'_>) -> [u8; BLOCK_BYTES] {
        // SAFETY: a `Ghash` is made with the proof that the features are there.
        unsafe { hash(&self.powers, input) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,pclmulqdq,ssse3,vpclmulqdq")]
fn hash(powers: &[[u8; QUAD_BYTES]; GROUP_QUADS], input: &HashInput<'_>) -> [u8; BLOCK_BYTES] {
    let reversals = _mm512_broadcast_i32x4(x86_clmul::reversal());
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
        let mut sum = Product::zero();
        for (k, power) in powers[GROUP_QUADS - count..].iter().enumerate() {
            let quad = load(input.quad(done + k, &mut scratch));
            let mut factor = _mm512_shuffle_epi8(quad, reversals);
            if k == 0 {
                factor = _mm512_xor_si512(factor, _mm512_zextsi128_si512(y));
            }
            sum.add(factor, load(power));
        }
        y = sum.reduce();
        done += count;
    }
    x86_clmul::to_bytes(y)
}

/// Sums of 128-bit products by halves, in four lanes.
struct Product {
    low: __m512i,
    middle: __m512i,
    high: __m512i,
}

impl Product {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn zero() -> Self {
        let zero = _mm512_setzero_si512();
        Self {
            low: zero,
            middle: zero,
            high: zero,
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq")]
    fn add(&mut self, a: __m512i, b: __m512i) {
        self.low = _mm512_xor_si512(self.low, _mm512_clmulepi64_epi128::<0x00>(a, b));
        self.high = _mm512_xor_si512(self.high, _mm512_clmulepi64_epi128::<0x11>(a, b));
        self.middle = _mm512_ternarylogic_epi32::<0x96>(
            self.middle,
            _mm512_clmulepi64_epi128::<0x01>(a, b),
            _mm512_clmulepi64_epi128::<0x10>(a, b),
        );
    }

    /// Adds the lanes and reduces.
    #[inline]
    #[target_feature(enable = "avx512f,pclmulqdq,ssse3")]
    fn reduce(self) -> __m128i {
        x86_clmul::reduce(sum(self.low), sum(self.middle), sum(self.high))
    }
}

/// The sum of the four lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum(v: __m512i) -> __m128i {
    _mm_xor_si128(
        _mm_xor_si128(
            _mm512_extracti32x4_epi32::<0>(v),
            _mm512_extracti32x4_epi32::<1>(v),
        ),
        _mm_xor_si128(
            _mm512_extracti32x4_epi32::<2>(v),
            _mm512_extracti32x4_epi32::<3>(v),
        ),
    )
}
