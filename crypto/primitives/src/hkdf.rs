//! HKDF, RFC 5869, over any [`enum@Hash`].

pub(crate) mod known_answers;

use crate::hash::Hash;
use crate::secret::Secret;

/// Why no key material was expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// More than 255 hash outputs were asked for (RFC 5869 §2.3).
    #[error("HKDF output longer than 255 hash outputs")]
    TooLong,
}

/// HKDF-Extract (RFC 5869 §2.2): a pseudorandom key of [`Hash::output_bytes`] bytes.
///
/// An empty `salt` is the same as a salt of zeros.
pub fn extract(hash: Hash, salt: &[u8], input_key_material: &[u8]) -> Secret {
    Secret::new(hash.hmac(salt, &[input_key_material]).as_bytes())
}

/// HKDF-Expand (RFC 5869 §2.3): fills `out` from `pseudorandom_key` and the concatenation of
/// `info`.
///
/// # Errors
///
/// [`ExpandError::TooLong`] if `out` is longer than 255 hash outputs; `out` is then unchanged.
pub fn expand(
    hash: Hash,
    pseudorandom_key: &Secret,
    info: &[&[u8]],
    out: &mut [u8],
) -> Result<(), ExpandError> {
    if out.len() > 255 * hash.output_bytes() {
        return Err(ExpandError::TooLong);
    }
    // `info` joined once: HMAC takes its parts as one list.
    let info = info.concat();
    let mut previous = None;
    for (chunk, counter) in out.chunks_mut(hash.output_bytes()).zip(1u8..=255) {
        let block = match &previous {
            None => hash.hmac(pseudorandom_key.expose(), &[&info, &[counter]]),
            Some(previous) => {
                let previous: &crate::hash::Digest = previous;
                hash.hmac(
                    pseudorandom_key.expose(),
                    &[previous.as_bytes(), &info, &[counter]],
                )
            }
        };
        chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        previous = Some(block);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expand_refuses_more_than_255_outputs() {
        let key = extract(Hash::Sm3, b"", b"ikm");
        let mut out = alloc::vec![0; 255 * 32 + 1];
        assert_eq!(
            expand(Hash::Sm3, &key, &[], &mut out),
            Err(ExpandError::TooLong)
        );
        assert_eq!(expand(Hash::Sm3, &key, &[], &mut out[1..]), Ok(()));
    }

    #[test]
    fn info_parts_are_concatenated() {
        let key = extract(Hash::Sha256, b"salt", b"ikm");
        let (mut whole, mut split) = ([0; 80], [0; 80]);
        expand(Hash::Sha256, &key, &[b"abcd"], &mut whole).unwrap();
        expand(Hash::Sha256, &key, &[b"ab", b"", b"cd"], &mut split).unwrap();
        assert_eq!(whole, split);
    }
}
