//! What the media needs of one epoch, in a form that can go from worker to worker.

use std::collections::BTreeMap;

use smrtc_crypto::secret::Secret;

use crate::sframe::BaseKey;

/// The SFrame base key of an epoch and who holds which leaf in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochKeys {
    /// The epoch, in full.
    pub epoch: u64,
    /// Our leaf.
    pub own_leaf: u16,
    /// Whether to seal under it at once: somebody was removed who must not hear on.
    pub at_once: bool,
    /// User of each leaf.
    pub members: BTreeMap<u16, String>,
    /// `MLS-Exporter("SFrame 1.0 Base Key", "", Nk)`.
    pub base_key: BaseKey,
}

/// The bytes are not [`EpochKeys::to_bytes`] of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed epoch keys")]
pub struct InvalidEpochKeys;

impl EpochKeys {
    /// Bytes for another worker: a secret, to be overwritten once it has arrived.
    pub fn to_bytes(&self) -> Secret {
        let names: usize = self.members.values().map(|user| 4 + user.len()).sum();
        let key = self.base_key.expose();
        // The whole length beforehand: a buffer that grows leaves a copy of the key behind.
        let mut out = Secret::zeroed(8 + 2 + 1 + 1 + key.len() + names);
        let mut rest = out.expose_mut();
        let mut put = |bytes: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
            rest = tail;
        };
        put(&self.epoch.to_be_bytes());
        put(&self.own_leaf.to_be_bytes());
        put(&[u8::from(self.at_once)]);
        put(&[key.len() as u8]);
        put(key);
        for (leaf, user) in &self.members {
            put(&leaf.to_be_bytes());
            put(&(user.len() as u16).to_be_bytes());
            put(user.as_bytes());
        }
        out
    }

    /// What [`Self::to_bytes`] wrote; the caller keeps the duty to wipe `bytes`.
    ///
    /// # Errors
    ///
    /// [`InvalidEpochKeys`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidEpochKeys> {
        let mut rest = bytes;
        let epoch = u64::from_be_bytes(take(&mut rest)?);
        let own_leaf = u16::from_be_bytes(take(&mut rest)?);
        let [at_once, key_bytes] = take(&mut rest)?;
        let (key, mut rest) = rest
            .split_at_checked(key_bytes.into())
            .ok_or(InvalidEpochKeys)?;
        let mut members = BTreeMap::new();
        while !rest.is_empty() {
            let leaf = u16::from_be_bytes(take(&mut rest)?);
            let length = u16::from_be_bytes(take(&mut rest)?);
            let (user, after) = rest
                .split_at_checked(length.into())
                .ok_or(InvalidEpochKeys)?;
            let user = std::str::from_utf8(user).map_err(|_| InvalidEpochKeys)?;
            members.insert(leaf, user.to_owned());
            rest = after;
        }
        Ok(Self {
            epoch,
            own_leaf,
            at_once: at_once != 0,
            members,
            base_key: BaseKey::new(key),
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], InvalidEpochKeys> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(InvalidEpochKeys)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_carry_everything_and_no_truncation_parses_to_it() {
        let keys = EpochKeys {
            epoch: 0x0102_0304_0506_0708,
            own_leaf: 513,
            at_once: true,
            members: BTreeMap::from([(0, "alice".to_owned()), (513, "鲍勃".to_owned())]),
            base_key: BaseKey::new(&[7; 16]),
        };
        let bytes = keys.to_bytes();
        assert_eq!(EpochKeys::from_bytes(bytes.expose()), Ok(keys.clone()));
        for len in 0..bytes.expose().len() {
            assert_ne!(
                EpochKeys::from_bytes(&bytes.expose()[..len]),
                Ok(keys.clone())
            );
        }
        assert!(format!("{keys:?}").contains("[redacted]"), "{keys:?}");
    }
}
