//! SM4-CCM (NIST SP 800-38C, GB/T 36624-2018, RFC 8998), with a tag of 16 bytes.
//!
//! CBC-MAC chains block after block, so this runs on single blocks and is slow: for talking to
//! those who have nothing else, and for conformance. Constant time as all of SM4 here.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::aead::known_answers::SM4;
use crate::aead_types::{OpenError, SealError, TAG_BYTES, Tag};
use crate::known_answer::KnownAnswer;
use crate::sm4::{BLOCK_BYTES, RoundKeys};

/// Shortest and longest nonce in bytes. A long nonce leaves fewer bytes for the length of the text.
pub const NONCE_BYTES: core::ops::RangeInclusive<usize> = 7..=13;

/// An SM4-CCM key, wiped on drop.
pub struct Sm4Ccm(RoundKeys);

impl Sm4Ccm {
    /// Expands `key`; the caller keeps the duty to wipe the original.
    pub fn new(key: &[u8; 16]) -> Self {
        Self(RoundKeys::new(key))
    }

    /// Encrypts `buffer` in place and returns the tag. The nonce must be unique for the key.
    ///
    /// # Errors
    ///
    /// [`SealError::NonceLength`] outside of [`NONCE_BYTES`]; [`SealError::TextTooLong`] if the
    /// text's length does not fit into the 15 − n bytes that a nonce of n leaves;
    /// [`SealError::AadTooLong`] from 2^32 bytes on. The buffer is then unchanged.
    pub fn seal_in_place(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<Tag, SealError> {
        KNOWN_ANSWER.ensure().map_err(|_| SealError::SelfTest)?;
        check(nonce, aad, buffer)?;
        Ok(self.seal_untested(nonce, aad, buffer))
    }

    /// Decrypts `buffer` in place and verifies `tag`.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; the buffer then holds zeros, never plaintext.
    pub fn open_in_place(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        let opened = if KNOWN_ANSWER.ensure().is_err() {
            Err(OpenError::SelfTest)
        } else if check(nonce, aad, buffer).is_err() {
            Err(OpenError::Authentication)
        } else {
            self.apply_keystream(nonce, buffer);
            let expected = self.tag(nonce, aad, buffer);
            let equal = bool::from(expected.0.ct_eq(&tag.0));
            equal.then_some(()).ok_or(OpenError::Authentication)
        };
        if opened.is_err() {
            buffer.zeroize();
        }
        opened
    }

    fn seal_untested(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        let tag = self.tag(nonce, aad, buffer);
        self.apply_keystream(nonce, buffer);
        tag
    }

    /// Counter blocks 1, 2, … (SP 800-38C appendix A.3).
    fn apply_keystream(&self, nonce: &[u8], text: &mut [u8]) {
        for (chunk, counter) in text.chunks_mut(BLOCK_BYTES).zip(1u64..) {
            let mut keystream = counter_block(nonce, 0, counter);
            self.0.encrypt_block(&mut keystream);
            xor(chunk, &keystream);
            keystream.zeroize();
        }
    }

    /// CBC-MAC of the formatted input (appendix A.2), masked by counter block 0.
    fn tag(&self, nonce: &[u8], aad: &[u8], text: &[u8]) -> Tag {
        let has_aad = if aad.is_empty() { 0 } else { 0x40 };
        let tag_length = (((TAG_BYTES - 2) / 2) << 3) as u8;
        let mut mac = counter_block(nonce, has_aad | tag_length, text.len() as u64);
        self.0.encrypt_block(&mut mac);
        if !aad.is_empty() {
            self.absorb(&mut mac, aad_prefix(aad.len()).iter().flatten().chain(aad));
        }
        self.absorb(&mut mac, text.iter());

        let mut mask = counter_block(nonce, 0, 0);
        self.0.encrypt_block(&mut mask);
        xor(&mut mac, &mask);
        Tag(mac)
    }

    /// XORs `bytes`, padded with zeros, into the chain, block by block.
    fn absorb<'b>(&self, mac: &mut [u8; BLOCK_BYTES], bytes: impl Iterator<Item = &'b u8>) {
        let mut filled = 0;
        for byte in bytes {
            mac[filled] ^= byte;
            filled += 1;
            if filled == BLOCK_BYTES {
                self.0.encrypt_block(mac);
                filled = 0;
            }
        }
        if filled > 0 {
            self.0.encrypt_block(mac);
        }
    }
}

impl fmt::Debug for Sm4Ccm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sm4Ccm([redacted])")
    }
}

pub(crate) static KNOWN_ANSWER: KnownAnswer = KnownAnswer::new(&[&SM4], known_answer);

/// Whether this gives the known answer of RFC 8998 appendix A.2, cut to what is new here beside
/// GCM's: the chain and the counters. `fault` is added to the tag, by tests of the test.
fn known_answer(fault: u8) -> bool {
    let key = [
        0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32,
        0x10,
    ];
    let nonce = [
        0x00, 0x00, 0x12, 0x34, 0x56, 0x78, 0x00, 0x00, 0x00, 0x00, 0xab, 0xcd,
    ];
    let aad = [
        0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe,
        0xef, 0xab, 0xad, 0xda, 0xd2,
    ];
    let mut text = [0; 64];
    for (eight, byte) in text
        .chunks_mut(8)
        .zip([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xee, 0xaa])
    {
        eight.fill(byte);
    }
    let mut tag = Sm4Ccm::new(&key).seal_untested(&nonce, &aad, &mut text);
    tag.0[0] ^= fault;
    tag.0
        == [
            0x16, 0x84, 0x2d, 0x4f, 0xa1, 0x86, 0xf5, 0x6a, 0xb3, 0x32, 0x56, 0x97, 0x1f, 0xa1,
            0x10, 0xf4,
        ]
}

/// The encoding of the length of the associated data (appendix A.2.2): two bytes, or 0xFFFE and
/// four.
fn aad_prefix(len: usize) -> [Option<u8>; 6] {
    let [a, b, c, d] = (len as u32).to_be_bytes();
    match len {
        0..0xFF00 => [Some(c), Some(d), None, None, None, None],
        _ => [0xFF, 0xFE, a, b, c, d].map(Some),
    }
}

/// flags ‖ nonce ‖ number, the number in what the nonce leaves; the flags hold how many bytes that
/// is.
fn counter_block(nonce: &[u8], flags: u8, number: u64) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[BLOCK_BYTES - 8..].copy_from_slice(&number.to_be_bytes());
    // A number fits: `check` compared it with what the nonce leaves.
    block[0] = flags | (BLOCK_BYTES - 1 - nonce.len() - 1) as u8;
    block[1..=nonce.len()].copy_from_slice(nonce);
    block
}

fn check(nonce: &[u8], aad: &[u8], text: &[u8]) -> Result<(), SealError> {
    if !NONCE_BYTES.contains(&nonce.len()) {
        return Err(SealError::NonceLength);
    }
    let length_bits = 8 * (BLOCK_BYTES - 1 - nonce.len()) as u32;
    if (text.len() as u64).checked_shr(length_bits).unwrap_or(0) != 0 {
        return Err(SealError::TextTooLong);
    }
    u32::try_from(aad.len()).map_err(|_| SealError::AadTooLong)?;
    Ok(())
}

fn xor(text: &mut [u8], keystream: &[u8]) {
    for (byte, key) in text.iter_mut().zip(keystream) {
        *byte ^= key;
    }
}
