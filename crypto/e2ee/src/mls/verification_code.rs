//! Numbers for people to compare (`crypto/SPEC.md` §7.6).

use smrtc_crypto::hkdf;
use smrtc_crypto::secret::Secret;

use super::suite::Suite;

/// Six groups of five digits, equal for all members who are in one group and see one roster.
pub(super) fn verification_code(suite: Suite, epoch_authenticator: &[u8], roster: &[u8]) -> String {
    let prk = hkdf::extract(suite.hash(), CODE_SALT, epoch_authenticator);
    digits(suite, &prk, &[CODE_LABEL, roster], 6)
}

/// Nine groups of five digits for two identities; it does not depend on who computes it, nor on the
/// call.
pub(super) fn fingerprint(suite: Suite, one: (&str, &[u8]), other: (&str, &[u8])) -> String {
    let [mut first, mut second] = [one, other].map(|(user, key)| {
        let mut bytes = Vec::with_capacity(4 + user.len() + key.len());
        for part in [user.as_bytes(), key] {
            bytes.extend_from_slice(&(part.len() as u16).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    });
    if second < first {
        std::mem::swap(&mut first, &mut second);
    }
    let prk = hkdf::extract(suite.hash(), FINGERPRINT_SALT, &[first, second].concat());
    digits(suite, &prk, &[FINGERPRINT_LABEL], 9)
}

/// Five bytes of HKDF output for each group, as a big-endian number modulo 100,000.
fn digits(suite: Suite, prk: &Secret, info: &[&[u8]], groups: usize) -> String {
    let mut out = vec![0; 5 * groups];
    hkdf::expand(suite.hash(), prk, info, &mut out)
        .expect("some 45 bytes, of 8,160 that are allowed");
    let groups: Vec<_> = out
        .chunks(5)
        .map(|chunk| {
            let number = chunk.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
            format!("{:05}", number % 100_000)
        })
        .collect();
    groups.join(" ")
}

const CODE_SALT: &[u8] = b"smrtc 1 verification code";
const CODE_LABEL: &[u8] = b"smrtc 1 roster ";
const FINGERPRINT_SALT: &[u8] = b"smrtc 1 fingerprint";
const FINGERPRINT_LABEL: &[u8] = b"smrtc 1 identities";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_changes_with_the_epoch_and_with_the_roster() {
        let suite = Suite::P256Aes128GcmSha256;
        let code = verification_code(suite, &[1; 32], b"roster");
        assert_eq!(code.split(' ').map(str::len).collect::<Vec<_>>(), [5; 6]);
        assert_ne!(code, verification_code(suite, &[2; 32], b"roster"));
        assert_ne!(code, verification_code(suite, &[1; 32], b"Roster"));
    }

    #[test]
    fn a_fingerprint_is_the_same_from_both_sides_and_of_these_two_only() {
        let suite = Suite::P256Aes128GcmSha256;
        let (alice, bob) = (("alice", [1; 65].as_slice()), ("bob", [2; 65].as_slice()));
        let code = fingerprint(suite, alice, bob);
        assert_eq!(code, fingerprint(suite, bob, alice));
        assert_eq!(code.split(' ').map(str::len).collect::<Vec<_>>(), [5; 9]);
        assert_ne!(code, fingerprint(suite, alice, ("bob", &[3; 65])));
        assert_ne!(code, fingerprint(suite, alice, ("rob", &[2; 65])));
    }
}
