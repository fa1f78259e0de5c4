//! The key source of a half, and how the keys of a group get from the uplink half to the downlink
//! half.
//!
//! The group lives in the uplink half, which has the control stream. What the downlink half needs
//! of it travels as [`KeyMessage`]s. In a browser they cross a `MessageChannel` between two
//! workers, never the page's main thread.

use smrtc_crypto::secret::Secret;
use smrtc_e2ee::mls::{EpochKeys, MlsKeys};
use smrtc_e2ee::sframe::{BaseKey, CipherSuite, Kid};
use smrtc_e2ee::{ExternalKey, KeyProvider, Rng, SenderKeyError};

use crate::SetupError;

/// Where the keys of a half come from.
#[derive(Debug)]
pub enum Keys {
    /// A secret that the application hands over.
    External(ExternalKey),
    /// The room's MLS group.
    Mls(MlsKeys),
}

impl Keys {
    /// Keys derived from a secret of the application's that all participants share, 16 to 64 random
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`SetupError::KeyLength`].
    pub fn external(suite: CipherSuite, secret: &[u8]) -> Result<Self, SetupError> {
        ExternalKey::new(suite, secret)
            .map(Self::External)
            .map_err(|_| SetupError::KeyLength)
    }

    /// The keys of a group, of which none has come yet.
    pub fn group(suite: CipherSuite) -> Self {
        Self::Mls(MlsKeys::new(suite))
    }

    /// `mls` or `external`.
    pub fn source(&self) -> &'static str {
        match self {
            Self::External(_) => "external",
            Self::Mls(_) => "mls",
        }
    }

    /// The group's keys; none with an external key.
    pub(crate) fn mls(&mut self) -> Option<&mut MlsKeys> {
        match self {
            Self::External(_) => None,
            Self::Mls(keys) => Some(keys),
        }
    }

    /// The epoch to seal in; none while there is no key. An external key has epoch 0 for ever.
    pub(crate) fn sealing_epoch(&self) -> Option<u64> {
        let can_seal = match self {
            Self::External(_) => true,
            Self::Mls(keys) => !keys.epochs().is_empty(),
        };
        can_seal.then(|| self.epoch())
    }

    /// When [`MlsKeys::advance`] is due.
    pub(crate) fn deadline(&self) -> Option<u64> {
        match self {
            Self::External(_) => None,
            Self::Mls(keys) => keys.deadline(),
        }
    }

    fn provider(&self) -> &dyn KeyProvider {
        match self {
            Self::External(key) => key,
            Self::Mls(keys) => keys,
        }
    }

    fn provider_mut(&mut self) -> &mut dyn KeyProvider {
        match self {
            Self::External(key) => key,
            Self::Mls(keys) => keys,
        }
    }
}

impl KeyProvider for Keys {
    fn suite(&self) -> CipherSuite {
        self.provider().suite()
    }

    fn epoch(&self) -> u64 {
        self.provider().epoch()
    }

    fn sender_key(&mut self, rng: &mut dyn Rng) -> Result<(Kid, BaseKey), SenderKeyError> {
        self.provider_mut().sender_key(rng)
    }

    fn receiver_key(&mut self, kid: Kid) -> Option<BaseKey> {
        self.provider_mut().receiver_key(kid)
    }

    fn receiver_epoch(&self, kid: Kid) -> Option<u64> {
        self.provider().receiver_epoch(kid)
    }
}

/// What the uplink half tells the downlink half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMessage {
    /// The keys of a new epoch.
    Epoch(EpochKeys),
    /// We are out of the group, or another took its place: wipe all keys.
    Stop,
    /// The gateway says that the participant of this number is this user.
    Participant(u32, String),
    /// The participant of this number is gone.
    Gone(u32),
}

impl KeyMessage {
    /// Bytes for a half that runs elsewhere: a secret, to be overwritten once it has arrived.
    pub fn to_bytes(&self) -> Secret {
        let with = |tag: u8, parts: &[&[u8]]| {
            let length = parts.iter().map(|part| part.len()).sum::<usize>();
            let mut out = Secret::zeroed(1 + length);
            let (head, mut rest) = out.expose_mut().split_at_mut(1);
            head[0] = tag;
            for part in parts {
                let (to, after) = rest.split_at_mut(part.len());
                to.copy_from_slice(part);
                rest = after;
            }
            out
        };
        match self {
            Self::Epoch(keys) => with(EPOCH, &[keys.to_bytes().expose()]),
            Self::Stop => with(STOP, &[]),
            Self::Participant(id, user) => with(PARTICIPANT, &[&id.to_be_bytes(), user.as_bytes()]),
            Self::Gone(id) => with(GONE, &[&id.to_be_bytes()]),
        }
    }

    /// Reads what [`Self::to_bytes`] wrote; none for anything else. The caller keeps the duty to
    /// wipe `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&tag, rest) = bytes.split_first()?;
        let id = || Some(u32::from_be_bytes(*rest.first_chunk()?));
        match tag {
            EPOCH => EpochKeys::from_bytes(rest).ok().map(Self::Epoch),
            STOP if rest.is_empty() => Some(Self::Stop),
            PARTICIPANT => {
                let user = std::str::from_utf8(rest.get(4..)?).ok()?;
                Some(Self::Participant(id()?, user.to_owned()))
            }
            GONE if rest.len() == 4 => Some(Self::Gone(id()?)),
            _ => None,
        }
    }
}

const EPOCH: u8 = 1;
const STOP: u8 = 2;
const PARTICIPANT: u8 = 3;
const GONE: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn messages() -> [KeyMessage; 4] {
        [
            KeyMessage::Epoch(EpochKeys {
                epoch: 7,
                own_leaf: 1,
                at_once: true,
                members: BTreeMap::from([(0, "ada".to_owned()), (1, "鲍勃".to_owned())]),
                base_key: BaseKey::new(&[9; 16]),
            }),
            KeyMessage::Stop,
            KeyMessage::Participant(0x0102_0304, "鲍勃".to_owned()),
            KeyMessage::Gone(5),
        ]
    }

    #[test]
    fn a_key_message_arrives_as_it_was_sent_and_never_in_part() {
        for message in messages() {
            let bytes = message.to_bytes();
            assert_eq!(
                KeyMessage::from_bytes(bytes.expose()),
                Some(message.clone())
            );
            for length in 0..bytes.expose().len() {
                let part = KeyMessage::from_bytes(&bytes.expose()[..length]);
                assert_ne!(part, Some(message.clone()));
            }
        }
        assert_eq!(KeyMessage::from_bytes(&[99]), None);
    }

    #[test]
    fn a_key_message_prints_no_key() {
        assert!(format!("{:?}", messages()[0]).contains("[redacted]"));
    }
}
