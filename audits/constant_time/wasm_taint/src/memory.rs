//! Linear memory, with what is secret of each byte beside it.

use crate::value::{Tag, Value, Width};

/// Bytes in a page of Wasm memory.
pub const PAGE_BYTES: usize = 1 << 16;

/// An access outside of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access outside of memory")]
pub struct OutOfBounds;

/// A byte and its shadow.
#[derive(Clone, Copy, Debug, Default)]
struct Byte {
    bits: u8,
    secret: u8,
    tag: Tag,
}

/// Linear memory.
#[derive(Debug, Default)]
pub struct Memory(Vec<Byte>);

impl Memory {
    /// The size in pages.
    pub fn pages(&self) -> usize {
        self.0.len() / PAGE_BYTES
    }

    /// Adds pages of public zeros.
    pub fn grow(&mut self, pages: usize) {
        self.0
            .resize(self.0.len() + pages * PAGE_BYTES, Byte::default());
    }

    /// The value of `width` bits at `address`, least significant byte first.
    pub fn load(&self, address: usize, width: Width) -> Result<Value, OutOfBounds> {
        let mut value = Value::default();
        for byte in self.slice(address, width as usize / 8)?.iter().rev() {
            value.bits = value.bits << 8 | u128::from(byte.bits);
            value.secret = value.secret << 8 | u128::from(byte.secret);
            value.tag |= byte.tag;
        }
        Ok(value)
    }

    /// Writes the low `width` bits of `value`.
    pub fn store(&mut self, address: usize, value: Value, width: Width) -> Result<(), OutOfBounds> {
        let (mut bits, mut secret) = (value.bits, value.secret);
        for byte in self.slice_mut(address, width as usize / 8)? {
            *byte = Byte {
                bits: bits as u8,
                secret: secret as u8,
                tag: value.tag,
            };
            bits >>= 8;
            secret >>= 8;
        }
        Ok(())
    }

    /// `memory.copy`, shadows included.
    pub fn copy(&mut self, to: usize, from: usize, len: usize) -> Result<(), OutOfBounds> {
        self.slice(to, len)?;
        self.slice(from, len)?;
        self.0.copy_within(from..from + len, to);
        Ok(())
    }

    /// `memory.fill`.
    pub fn fill(&mut self, to: usize, value: Value, len: usize) -> Result<(), OutOfBounds> {
        let byte = Byte {
            bits: value.bits as u8,
            secret: value.secret as u8,
            tag: value.tag,
        };
        self.slice_mut(to, len)?.fill(byte);
        Ok(())
    }

    /// Writes public bytes.
    pub fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let to = self.slice_mut(address, bytes.len())?;
        for (byte, &bits) in to.iter_mut().zip(bytes) {
            *byte = Byte {
                bits,
                secret: 0,
                tag: 0,
            };
        }
        Ok(())
    }

    /// What the bytes are in this run.
    pub fn read(&self, address: usize, len: usize) -> Result<Vec<u8>, OutOfBounds> {
        Ok(self
            .slice(address, len)?
            .iter()
            .map(|byte| byte.bits)
            .collect())
    }

    /// Marks bytes as secret.
    pub fn mark_secret(&mut self, address: usize, len: usize) -> Result<(), OutOfBounds> {
        for byte in self.slice_mut(address, len)? {
            byte.secret = 0xff;
        }
        Ok(())
    }

    /// Marks the sixteen bytes of a received tag: secret, and each traced.
    pub fn mark_tag(&mut self, address: usize) -> Result<(), OutOfBounds> {
        for (i, byte) in self.slice_mut(address, 16)?.iter_mut().enumerate() {
            byte.secret = 0xff;
            byte.tag = 1 << i;
        }
        Ok(())
    }

    /// Whether each of the bytes depends on a secret.
    pub fn all_secret(&self, address: usize, len: usize) -> Result<bool, OutOfBounds> {
        Ok(self
            .slice(address, len)?
            .iter()
            .all(|byte| byte.secret != 0))
    }

    fn slice(&self, address: usize, len: usize) -> Result<&[Byte], OutOfBounds> {
        let end = address.checked_add(len).ok_or(OutOfBounds)?;
        self.0.get(address..end).ok_or(OutOfBounds)
    }

    fn slice_mut(&mut self, address: usize, len: usize) -> Result<&mut [Byte], OutOfBounds> {
        let end = address.checked_add(len).ok_or(OutOfBounds)?;
        self.0.get_mut(address..end).ok_or(OutOfBounds)
    }
}
