//! The boolean entropy encoder of RFC 6386, §7.3.

/// Writes bits of known probability.
#[derive(Debug)]
pub(super) struct BoolEncoder {
    out: Vec<u8>,
    range: u32,
    bottom: u32,
    /// Shifts until the next byte of `bottom` is complete.
    until_byte: u32,
}

impl Default for BoolEncoder {
    fn default() -> Self {
        Self {
            out: Vec::new(),
            range: 255,
            bottom: 0,
            until_byte: 24,
        }
    }
}

impl BoolEncoder {
    /// Writes a bit that is 0 with a probability of `probability` / 256.
    pub(super) fn bit(&mut self, bit: bool, probability: u8) {
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        if bit {
            self.bottom += split;
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.range <<= 1;
            self.shift();
        }
    }

    /// Writes the lowest `bits` bits of a number, the highest of them first, each as likely as not.
    pub(super) fn literal(&mut self, value: u32, bits: u32) {
        for place in (0..bits).rev() {
            self.bit(value >> place & 1 == 1, 128);
        }
    }

    /// All that was written.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for _ in 0..32 {
            self.shift();
        }
        self.out
    }

    fn shift(&mut self) {
        if self.bottom >> 31 == 1 {
            self.carry();
        }
        self.bottom <<= 1;
        self.until_byte -= 1;
        if self.until_byte == 0 {
            self.out.push((self.bottom >> 24) as u8);
            self.bottom &= 0x00ff_ffff;
            self.until_byte = 8;
        }
    }

    /// Adds one to the bytes that are out already.
    fn carry(&mut self) {
        for byte in self.out.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
}
