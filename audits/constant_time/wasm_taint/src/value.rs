//! A value and what is secret of it, bit by bit, in the manner of memcheck.
//!
//! A value has its bits and, beside them, a mask of those that depend on a secret. The rules only
//! ever say too much: a bit that the mask leaves out is the same whatever the secrets are.

/// What the Wasm value types have in common: an i32 is the low 32 bits, an i64 the low 64, a v128
/// all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// What it is in this run.
    pub bits: u128,
    /// Which bits could be others under other secrets.
    pub secret: u128,
    /// Which bytes of a received tag it depends on.
    pub tag: Tag,
}

/// A set of bytes of a received tag; bit i stands for byte i.
pub type Tag = u16;

/// All sixteen bytes of a tag.
pub const WHOLE_TAG: Tag = u16::MAX;

/// The number of bits of a value type.
pub type Width = u32;

/// As many ones as `width` says.
pub const fn ones(width: Width) -> u128 {
    if width == 128 { !0 } else { (1 << width) - 1 }
}

impl Value {
    /// A value that depends on no secret.
    pub const fn public(bits: u128) -> Self {
        Self {
            bits,
            secret: 0,
            tag: 0,
        }
    }

    /// An i32 that depends on no secret.
    pub const fn i32(bits: u32) -> Self {
        Self::public(bits as u128)
    }

    /// The value as an i32.
    pub const fn as_u32(self) -> u32 {
        self.bits as u32
    }

    /// Whether a bit of it depends on a secret.
    pub const fn is_secret(self) -> bool {
        self.secret != 0
    }

    /// Whether it depends on each byte of the received tag, as only the answer to "does the tag
    /// verify" does.
    pub const fn is_verdict(self) -> bool {
        self.tag == WHOLE_TAG
    }

    /// What comes of `self` and `other`, with the bits and the mask as computed.
    pub const fn with(self, other: Self, bits: u128, secret: u128) -> Self {
        Self {
            bits,
            secret,
            tag: self.tag | other.tag,
        }
    }

    /// What comes of `self`, with the bits and the mask as computed.
    pub const fn to(self, bits: u128, secret: u128) -> Self {
        Self {
            bits,
            secret,
            tag: self.tag,
        }
    }

    /// Bitwise and: a public zero hides what it meets.
    pub const fn and(self, other: Self) -> Self {
        let secret =
            (self.secret | other.secret) & (self.bits | self.secret) & (other.bits | other.secret);
        self.with(other, self.bits & other.bits, secret)
    }

    /// Bitwise or: a public one hides what it meets.
    pub const fn or(self, other: Self) -> Self {
        let secret = (self.secret | other.secret)
            & (!self.bits | self.secret)
            & (!other.bits | other.secret);
        self.with(other, self.bits | other.bits, secret)
    }

    /// Bitwise exclusive or.
    pub const fn xor(self, other: Self) -> Self {
        self.with(other, self.bits ^ other.bits, self.secret | other.secret)
    }

    /// Bitwise not, of `width` bits.
    pub const fn not(self, width: Width) -> Self {
        self.to(self.bits ^ ones(width), self.secret)
    }

    /// Sum modulo 2^width: carries spread a secret upwards.
    pub const fn add(self, other: Self, width: Width) -> Self {
        let bits = self.bits.wrapping_add(other.bits) & ones(width);
        self.with(other, bits, upwards(self.secret | other.secret, width))
    }

    /// Difference modulo 2^width.
    pub const fn sub(self, other: Self, width: Width) -> Self {
        let bits = self.bits.wrapping_sub(other.bits) & ones(width);
        self.with(other, bits, upwards(self.secret | other.secret, width))
    }

    /// Product modulo 2^width.
    pub const fn mul(self, other: Self, width: Width) -> Self {
        let bits = self.bits.wrapping_mul(other.bits) & ones(width);
        self.with(other, bits, upwards(self.secret | other.secret, width))
    }

    /// Shifted left by `other` modulo `width`.
    pub const fn shl(self, other: Self, width: Width) -> Self {
        let by = (other.bits as u32) % width;
        let secret = self.shifted_mask((self.secret << by) & ones(width), other, width);
        self.with(other, (self.bits << by) & ones(width), secret)
    }

    /// Shifted right by `other` modulo `width`, zeros coming in.
    pub const fn shr_u(self, other: Self, width: Width) -> Self {
        let by = (other.bits as u32) % width;
        let secret = self.shifted_mask(self.secret >> by, other, width);
        self.with(other, self.bits >> by, secret)
    }

    /// Shifted right by `other` modulo `width`, the sign coming in.
    pub const fn shr_s(self, other: Self, width: Width) -> Self {
        let by = (other.bits as u32) % width;
        let secret = (signed(self.secret, width) >> by) as u128 & ones(width);
        let bits = (signed(self.bits, width) >> by) as u128 & ones(width);
        self.with(other, bits, self.shifted_mask(secret, other, width))
    }

    /// Rotated left by `other` modulo `width`.
    pub const fn rotl(self, other: Self, width: Width) -> Self {
        let by = (other.bits as u32) % width;
        let secret = self.shifted_mask(rotate(self.secret, by, width), other, width);
        self.with(other, rotate(self.bits, by, width), secret)
    }

    /// Rotated right by `other` modulo `width`.
    pub const fn rotr(self, other: Self, width: Width) -> Self {
        let by = (width - (other.bits as u32) % width) % width;
        let secret = self.shifted_mask(rotate(self.secret, by, width), other, width);
        self.with(other, rotate(self.bits, by, width), secret)
    }

    /// The mask after a shift by `by`: if that is secret, so is every bit.
    const fn shifted_mask(self, mask: u128, by: Self, width: Width) -> u128 {
        if by.is_secret() { ones(width) } else { mask }
    }

    /// A bit that depends on all of both.
    pub const fn compare(self, other: Self, holds: bool) -> Self {
        let secret = self.is_secret() || other.is_secret();
        self.with(other, holds as u128, secret as u128)
    }

    /// The low `from` bits with their sign spread over `width`.
    pub const fn sign_extend(self, from: Width, width: Width) -> Self {
        self.to(
            (signed(self.bits, from) as u128) & ones(width),
            (signed(self.secret, from) as u128) & ones(width),
        )
    }

    /// The low `width` bits.
    pub const fn truncate(self, width: Width) -> Self {
        self.to(self.bits & ones(width), self.secret & ones(width))
    }

    /// A count of bits: all of it depends on all bits.
    pub const fn count(self, count: u32) -> Self {
        let secret = if self.is_secret() { 0xff } else { 0 };
        self.to(count as u128, secret)
    }
}

/// The low `width` bits as a signed number.
pub const fn signed(x: u128, width: Width) -> i128 {
    let unused = 128 - width;
    ((x << unused) as i128) >> unused
}

/// The bits that a carry out of `mask` can reach.
const fn upwards(mask: u128, width: Width) -> u128 {
    (mask | mask.wrapping_neg()) & ones(width)
}

const fn rotate(x: u128, by: u32, width: Width) -> u128 {
    if by == 0 {
        return x;
    }
    ((x << by) | (x >> (width - by))) & ones(width)
}
