//! SM4 in modes that authenticate nothing: CTR, ECB, CBC and XTS. **For conformance tests only.**
//!
//! What these encrypt, anybody can change, and ECB shows equal blocks. Applications want
//! [`crate::aead`]. Nothing is padded here, and single blocks make it slow; constant time as all of
//! SM4 here.

use core::{fmt, hint::black_box};

use crate::sm4::{BLOCK_BYTES, RoundKeys};

/// The buffer is not made of whole blocks, or is too short for the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a length that this mode takes")]
pub struct InvalidLength;

/// SM4 under one key, wiped on drop.
pub struct Sm4(RoundKeys);

impl Sm4 {
    /// Expands `key`; the caller keeps the duty to wipe the original.
    pub fn new(key: &[u8; 16]) -> Self {
        Self(RoundKeys::new(key))
    }

    /// CTR: XORs E(counter), E(counter + 1), … to `buffer` of any length; the counter has 128 bits
    /// and wraps.
    pub fn apply_ctr(&self, counter: &[u8; BLOCK_BYTES], buffer: &mut [u8]) {
        let mut counter = u128::from_be_bytes(*counter);
        for chunk in buffer.chunks_mut(BLOCK_BYTES) {
            let mut keystream = counter.to_be_bytes();
            self.0.encrypt_block(&mut keystream);
            xor(chunk, &keystream);
            counter = counter.wrapping_add(1);
        }
    }

    /// ECB.
    ///
    /// # Errors
    ///
    /// [`InvalidLength`] unless `buffer` is whole blocks.
    pub fn encrypt_ecb(&self, buffer: &mut [u8]) -> Result<(), InvalidLength> {
        whole_blocks(buffer)?
            .iter_mut()
            .for_each(|block| self.0.encrypt_block(block));
        Ok(())
    }

    /// ECB, back.
    ///
    /// # Errors
    ///
    /// [`InvalidLength`] unless `buffer` is whole blocks.
    pub fn decrypt_ecb(&self, buffer: &mut [u8]) -> Result<(), InvalidLength> {
        whole_blocks(buffer)?
            .iter_mut()
            .for_each(|block| self.0.decrypt_block(block));
        Ok(())
    }

    /// CBC from `iv` on.
    ///
    /// # Errors
    ///
    /// [`InvalidLength`] unless `buffer` is whole blocks.
    pub fn encrypt_cbc(
        &self,
        iv: &[u8; BLOCK_BYTES],
        buffer: &mut [u8],
    ) -> Result<(), InvalidLength> {
        let mut previous = *iv;
        for block in whole_blocks(buffer)? {
            xor(block, &previous);
            self.0.encrypt_block(block);
            previous = *block;
        }
        Ok(())
    }

    /// CBC, back.
    ///
    /// # Errors
    ///
    /// [`InvalidLength`] unless `buffer` is whole blocks.
    pub fn decrypt_cbc(
        &self,
        iv: &[u8; BLOCK_BYTES],
        buffer: &mut [u8],
    ) -> Result<(), InvalidLength> {
        let mut previous = *iv;
        for block in whole_blocks(buffer)? {
            let ciphertext = *block;
            self.0.decrypt_block(block);
            xor(block, &previous);
            previous = ciphertext;
        }
        Ok(())
    }
}

impl fmt::Debug for Sm4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sm4([redacted])")
    }
}

/// Whose XTS it is: the two number the bits of a tweak in opposite directions when they double it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XtsStandard {
    /// IEEE 1619: as little-endian numbers.
    Ieee1619,
    /// GB/T 17964-2021: as GHASH has them, the first bit the lowest.
    Gbt17964,
}

/// SM4-XTS, with a key for the text and one for tweaks.
pub struct Sm4Xts {
    text: RoundKeys,
    tweak: RoundKeys,
    standard: XtsStandard,
}

impl Sm4Xts {
    /// Expands both halves of `key`: that for the text, that for tweaks.
    pub fn new(standard: XtsStandard, key: &[u8; 32]) -> Self {
        let (text, tweak) = key.split_at(16);
        let half = |bytes: &[u8]| RoundKeys::new(bytes.try_into().expect("half of 32 bytes"));
        Self {
            text: half(text),
            tweak: half(tweak),
            standard,
        }
    }

    /// Encrypts a data unit of any length from one block on, stealing for a last partial block.
    ///
    /// # Errors
    ///
    /// [`InvalidLength`] for less than a block.
    pub fn encrypt(
        &self,
        tweak: &[u8; BLOCK_BYTES],
        buffer: &mut [u8],
    ) -> Result<(), InvalidLength> {
        self.crypt(tweak, buffer, RoundKeys::encrypt_block, false)
    }

    /// Back.
    ///
    /// # Errors
    ///
    /// [`InvalidLength`] for less than a block.
    pub fn decrypt(
        &self,
        tweak: &[u8; BLOCK_BYTES],
        buffer: &mut [u8],
    ) -> Result<(), InvalidLength> {
        self.crypt(tweak, buffer, RoundKeys::decrypt_block, true)
    }

    fn crypt(
        &self,
        tweak: &[u8; BLOCK_BYTES],
        buffer: &mut [u8],
        cipher: fn(&RoundKeys, &mut [u8; BLOCK_BYTES]),
        decrypting: bool,
    ) -> Result<(), InvalidLength> {
        if buffer.len() < BLOCK_BYTES {
            return Err(InvalidLength);
        }
        let crypt = |block: &mut [u8; BLOCK_BYTES], tweak: &[u8; BLOCK_BYTES]| {
            xor(block, tweak);
            cipher(&self.text, block);
            xor(block, tweak);
        };
        let mut tweak = *tweak;
        self.tweak.encrypt_block(&mut tweak);
        let (blocks, rest) = buffer.as_chunks_mut::<BLOCK_BYTES>();
        let (last, blocks) = blocks.split_last_mut().ok_or(InvalidLength)?;
        for block in blocks {
            crypt(block, &tweak);
            tweak = self.double(tweak);
        }
        if rest.is_empty() {
            crypt(last, &tweak);
            return Ok(());
        }
        // Stealing: the last whole block lends its tail to the partial one. Its two tweaks change
        // places when decrypting.
        let next = self.double(tweak);
        let (first, second) = if decrypting {
            (next, tweak)
        } else {
            (tweak, next)
        };
        crypt(last, &first);
        let (head, _) = last.split_at_mut(rest.len());
        head.swap_with_slice(rest);
        crypt(last, &second);
        Ok(())
    }

    fn double(&self, tweak: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
        match self.standard {
            XtsStandard::Ieee1619 => {
                let t = u128::from_le_bytes(tweak);
                ((t << 1) ^ (mask(t >> 127) & 0x87)).to_le_bytes()
            }
            XtsStandard::Gbt17964 => {
                let t = u128::from_be_bytes(tweak);
                ((t >> 1) ^ (mask(t & 1) & (0xE1 << 120))).to_be_bytes()
            }
        }
    }
}

impl fmt::Debug for Sm4Xts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sm4Xts({:?}, [redacted])", self.standard)
    }
}

/// All ones for a secret 1, zero for 0. A product with the bit, or this without the barrier, is
/// compiled to a choice.
fn mask(bit: u128) -> u128 {
    black_box(bit).wrapping_neg()
}

fn whole_blocks(buffer: &mut [u8]) -> Result<&mut [[u8; BLOCK_BYTES]], InvalidLength> {
    let (blocks, rest) = buffer.as_chunks_mut();
    rest.is_empty().then_some(blocks).ok_or(InvalidLength)
}

fn xor(text: &mut [u8], keystream: &[u8]) {
    for (byte, key) in text.iter_mut().zip(keystream) {
        *byte ^= key;
    }
}
