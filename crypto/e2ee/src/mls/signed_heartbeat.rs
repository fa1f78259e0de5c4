//! Signed statements of which epoch a member is in (`crypto/SPEC.md` §7.5), by which a split of the
//! group shows.
//!
//! ```text
//! version u8 = 1 | leaf u32 | epoch u64 | count u64 | tag (32) | signature, DER
//! ```
//!
//! The signature is SignWithLabel of RFC 9420 §5.1.2 with the label `smrtc heartbeat` over `group
//! id<V> ‖ everything before the signature`. The tag names the epoch's secrets and gives none away.
//! Members of two groups that were one know each other's keys, so they can tell a heartbeat of the
//! other group from a forgery.

use super::error::CipherError;
use super::suite::Suite;
use crate::rng::Rng;
use smrtc_crypto::hkdf;

/// Length of a tag.
pub(super) const TAG_BYTES: usize = 32;

/// What a heartbeat says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heartbeat {
    pub(super) leaf: u32,
    pub(super) epoch: u64,
    /// Grows with each heartbeat of a session, so that an old one shows as old.
    pub(super) count: u64,
    pub(super) tag: [u8; TAG_BYTES],
}

impl Heartbeat {
    pub(super) fn sign(
        &self,
        suite: Suite,
        group_id: &[u8],
        secret: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Vec<u8>, CipherError> {
        let mut bytes = self.encode();
        let signature = suite.curve().sign(secret, &signed(group_id, &bytes), rng)?;
        bytes.extend_from_slice(&signature);
        Ok(bytes)
    }

    /// The statement, unverified, and the signature.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (body, signature) = bytes.split_first_chunk::<BODY_BYTES>()?;
        let (&[VERSION], body) = body.split_first_chunk::<1>()? else {
            return None;
        };
        let (leaf, body) = body.split_first_chunk::<4>()?;
        let (epoch, body) = body.split_first_chunk::<8>()?;
        let (count, tag) = body.split_first_chunk::<8>()?;
        let heartbeat = Self {
            leaf: u32::from_be_bytes(*leaf),
            epoch: u64::from_be_bytes(*epoch),
            count: u64::from_be_bytes(*count),
            tag: tag.try_into().ok()?,
        };
        Some((heartbeat, signature))
    }

    pub(super) fn verify(
        &self,
        suite: Suite,
        group_id: &[u8],
        public: &[u8],
        signature: &[u8],
    ) -> Result<(), CipherError> {
        let content = signed(group_id, &self.encode());
        suite.curve().verify(public, signature, &content)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BODY_BYTES + 72);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.leaf.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes.extend_from_slice(&self.tag);
        bytes
    }
}

/// The tag of an epoch.
pub(super) fn tag(suite: Suite, epoch_authenticator: &[u8]) -> [u8; TAG_BYTES] {
    let prk = hkdf::extract(suite.hash(), b"smrtc 1 heartbeat", epoch_authenticator);
    let mut tag = [0; TAG_BYTES];
    hkdf::expand(suite.hash(), &prk, &[b"smrtc 1 tag"], &mut tag).expect("one hash output");
    tag
}

/// SignContent of RFC 9420 §5.1.2.
fn signed(group_id: &[u8], body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    put_vector(&mut content, group_id);
    content.extend_from_slice(body);
    let mut out = Vec::new();
    put_vector(&mut out, b"MLS 1.0 smrtc heartbeat");
    put_vector(&mut out, &content);
    out
}

/// `<V>` of RFC 9420 §2.1.2.
pub(super) fn put_vector(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        len @ 0..64 => out.push(len as u8),
        len @ 64..16384 => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
        len => out.extend_from_slice(&(len as u32 | 0x8000_0000).to_be_bytes()),
    }
    out.extend_from_slice(bytes);
}

const VERSION: u8 = 1;
const BODY_BYTES: usize = 1 + 4 + 8 + 8 + TAG_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mls::shared_rng::SharedRng;
    use crate::rng::tests::Counting;

    #[test]
    fn a_heartbeat_verifies_for_its_group_and_key_only_and_no_bit_can_change() {
        let suite = Suite::P256Aes128GcmSha256;
        let mut rng = SharedRng::new(Box::new(Counting(1)));
        let (secret, public) = suite.curve().generate(&mut rng).unwrap();
        let (_, other) = suite.curve().generate(&mut rng).unwrap();
        let heartbeat = Heartbeat {
            leaf: 3,
            epoch: 9,
            count: 1,
            tag: tag(suite, &[5; 32]),
        };
        let bytes = heartbeat.sign(suite, b"group", &secret, &mut rng).unwrap();
        let (parsed, signature) = Heartbeat::parse(&bytes).unwrap();
        assert_eq!(parsed, heartbeat);
        assert_eq!(parsed.verify(suite, b"group", &public, signature), Ok(()));
        assert!(parsed.verify(suite, b"other", &public, signature).is_err());
        assert!(parsed.verify(suite, b"group", &other, signature).is_err());
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let verified = Heartbeat::parse(&changed).is_some_and(|(it, signature)| {
                it.verify(suite, b"group", &public, signature).is_ok()
            });
            assert!(!verified, "bit {bit}");
        }
        for len in 0..BODY_BYTES {
            assert_eq!(Heartbeat::parse(&bytes[..len]), None);
        }
    }
}
