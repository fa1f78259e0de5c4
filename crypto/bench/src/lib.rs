//! What the native peers of the bench share: one process per peer, told over lines of JSON what to
//! check and to time.
//!
//! It compares nothing and knows no other peer: `js/run.js` starts the processes, lets them take
//! turns, and compares.

mod serve;
mod timing;

pub use serve::serve;

/// Length of a key in bytes.
pub const KEY_BYTES: usize = 16;
/// Length of a nonce in bytes.
pub const NONCE_BYTES: usize = 12;
/// Length of a tag in bytes.
pub const TAG_BYTES: usize = 16;

/// An implementation of SM4-GCM that works in place.
///
/// A peer may panic when its library fails: the bench reports it as broken.
pub trait Peer {
    /// Name and version of what is measured, as its makers call it.
    fn version(&self) -> String;

    /// Sets the key up: schedule and tables.
    fn set_key(&mut self, key: &[u8; KEY_BYTES]);

    /// Encrypts `text` and returns the tag.
    fn seal(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES];

    /// Decrypts `text`, and says whether the tag verifies. If not, what is left in `text` has no
    /// meaning.
    fn open(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool;

    /// Seals frames of `frame_bytes` that lie one after the other in `frames`, by the call for many
    /// at once, if there is one; else does nothing and says so.
    fn seal_batch(&mut self, _first_nonce: u64, _frame_bytes: usize, _frames: &mut [u8]) -> bool {
        false
    }
}

/// The nonce of the call with this number.
pub fn nonce(number: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}
