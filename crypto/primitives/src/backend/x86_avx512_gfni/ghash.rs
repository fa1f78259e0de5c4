//! GHASH by carry-less multiplication, up to 64 blocks to a reduction.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128,
    _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128, _mm_storeu_si128,
    _mm_xor_si128, _mm512_broadcast_i32x4, _mm512_clmulepi64_epi128, _mm512_extracti32x4_epi32,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_ternarylogic_epi32, _mm512_xor_si512,
    _mm512_zextsi128_si512,
};

use zeroize::ZeroizeOnDrop;

use super::{Avx512Gfni, load};
use crate::backend::bmul::{self, Element};
use crate::gcm;
use crate::hash_input::{HashInput, QUAD_BYTES};
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
        let h = Element::from_bytes(h);
        let mut powers = [[0; QUAD_BYTES]; GROUP_QUADS];
        let mut power = h;
        let slots = powers.as_flattened_mut().as_chunks_mut::<BLOCK_BYTES>().0;
        for slot in slots.iter_mut().rev() {
            *slot = power.times_x().to_bytes();
            slot.reverse();
            power = bmul::multiply(power, h);
        }
        Self {
            _cpu: Avx512Gfni::detect().expect("the cipher of this key was made with the features"),
            powers,
        }
    }

    fn hash(&self, aad: &[u8], text: &[u8]) -> [u8; BLOCK_BYTES] {
        // SAFETY: a `Ghash` is made with the proof that the features are there.
        unsafe { hash(&self.powers, &HashInput::new(aad, text)) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,pclmulqdq,ssse3,vpclmulqdq")]
fn hash(powers: &[[u8; QUAD_BYTES]; GROUP_QUADS], input: &HashInput<'_>) -> [u8; BLOCK_BYTES] {
    let reversal = reversal();
    let reversals = _mm512_broadcast_i32x4(reversal);
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
    let mut hash = [0; BLOCK_BYTES];
    // SAFETY: the array covers the 16 bytes that are written; no alignment is asked for.
    unsafe { _mm_storeu_si128(hash.as_mut_ptr().cast(), _mm_shuffle_epi8(y, reversal)) };
    hash
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

    /// Adds the lanes and folds the low half upward, 64 bits at a time (`docs/ghash.md`).
    #[inline]
    #[target_feature(enable = "avx512f,pclmulqdq,ssse3")]
    fn reduce(self) -> __m128i {
        let (low, middle, high) = (sum(self.low), sum(self.middle), sum(self.high));
        let polynomial = _mm_set_epi64x(0, 0xC200_0000_0000_0000_u64 as i64);
        let mut low = _mm_xor_si128(low, _mm_slli_si128::<8>(middle));
        let high = _mm_xor_si128(high, _mm_srli_si128::<8>(middle));
        for _ in 0..2 {
            let folded = _mm_clmulepi64_si128::<0x00>(low, polynomial);
            low = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), folded);
        }
        _mm_xor_si128(low, high)
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

/// Reverses the bytes of a block.
#[inline]
#[target_feature(enable = "ssse3")]
fn reversal() -> __m128i {
    const REVERSED: [u8; 16] = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    // SAFETY: the array covers the 16 bytes that are read; no alignment is asked for.
    unsafe { _mm_loadu_si128(REVERSED.as_ptr().cast()) }
}
