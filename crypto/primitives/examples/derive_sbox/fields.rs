//! Fields of 256 elements, and matrices over GF(2).

/// The modulus of the S-box of SM4, and that of AES.
pub(crate) const SM4_FIELD: u32 = 0x1F5;
pub(crate) const AES_FIELD: u32 = 0x11B;

pub(crate) fn multiply(a: u8, b: u8, field: u32) -> u8 {
    (0..8).rev().fold(0u32, |product, i| {
        let doubled = product << 1;
        let reduced = if doubled & 0x100 != 0 {
            doubled ^ field
        } else {
            doubled
        };
        reduced ^ if b >> i & 1 == 1 { u32::from(a) } else { 0 }
    }) as u8
}

/// x^254, so 0 has 0.
pub(crate) fn invert(x: u8, field: u32) -> u8 {
    (0..254).fold(1, |y, _| multiply(y, x, field))
}

/// A linear map of bytes: the images of the eight unit bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matrix(pub(crate) [u8; 8]);

impl Matrix {
    pub(crate) fn of(f: impl Fn(u8) -> u8) -> Self {
        Self(std::array::from_fn(|k| f(1 << k)))
    }

    pub(crate) fn apply(&self, x: u8) -> u8 {
        (0..8)
            .filter(|k| x >> k & 1 == 1)
            .fold(0, |y, k| y ^ self.0[k])
    }

    /// First `other`, then `self`.
    pub(crate) fn after(&self, other: &Self) -> Self {
        Self(other.0.map(|column| self.apply(column)))
    }

    pub(crate) fn inverse(&self) -> Option<Self> {
        let mut preimages = [None; 256];
        for x in 0..=255u8 {
            preimages[usize::from(self.apply(x))] = Some(x);
        }
        let columns: Option<Vec<u8>> = (0..8).map(|k| preimages[1 << k]).collect();
        columns?.try_into().ok().map(Self)
    }

    /// The linear form `form` (a mask of input bits) of this map's output, as a form of its input.
    pub(crate) fn pull_back(&self, form: u8) -> u8 {
        (0..8).fold(0, |pulled, k| {
            pulled | ((self.0[k] & form).count_ones() as u8 & 1) << k
        })
    }
}
