//! Key bytes: wiped on drop, printed as `[redacted]`, compared in constant time.
//!
//! Not a guard against swapping, core dumps or a debugger; it shortens the life of a secret in
//! memory and keeps it out of logs.

use alloc::boxed::Box;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Secret bytes of a length fixed at creation.
///
/// The bytes never move to a larger allocation, so no copy stays behind.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Copies `bytes`; the caller keeps the duty to wipe the original.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// `len` zero bytes, to be filled through [`Self::expose_mut`].
    pub fn zeroed(len: usize) -> Self {
        Self(alloc::vec![0; len].into_boxed_slice())
    }

    /// The bytes. The name is what a reviewer searches for.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to fill or change in place.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Time depends on the lengths only.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn debug_shows_no_byte() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2")), "[redacted]");
    }

    #[test]
    fn equality_compares_length_and_content() {
        assert_eq!(Secret::new(b"ab"), Secret::new(b"ab"));
        assert_ne!(Secret::new(b"ab"), Secret::new(b"aB"));
        assert_ne!(Secret::new(b"ab"), Secret::new(b"abc"));
    }
}
