//! [`KeyProvider`] over the epochs of a group (RFC 9605 §5.2).
//!
//! It holds the newest epoch and, for [`OLD_EPOCH_MICROS`], those before it, so that frames that
//! are under way at a change still open. It is not the group: [`MlsKeys::install`] tells it of each
//! epoch, and it may live in another worker.

use std::collections::{BTreeMap, BTreeSet};

use super::epoch_keys::EpochKeys;
use super::kid::{CONTEXT_BYTES, KidParts};
use crate::rng::Rng;
use crate::sframe::key_provider::{KeyProvider, SenderKeyError};
use crate::sframe::{BaseKey, CipherSuite, Kid};

/// How long frames of an epoch open after the next began: 10 s.
pub const OLD_EPOCH_MICROS: u64 = 10_000_000;

/// How long sealing goes on in the epoch before, when nobody was removed: 200 ms, so that a
/// receiver whose commit is on its way does not have to hold frames.
pub const SWITCH_MICROS: u64 = 200_000;

/// Most epochs held at a time. A group has more within 10 s only if somebody floods it.
const MAX_EPOCHS: usize = 64;

/// The keys of a group's recent epochs.
#[derive(Debug)]
pub struct MlsKeys {
    suite: CipherSuite,
    /// By the low bits of the epoch, which name it in a KID.
    epochs: BTreeMap<u8, Held>,
    newest: Option<u64>,
    /// The epoch that we seal in.
    sending: Option<u64>,
    /// Contexts given out in the epoch that we seal in.
    contexts: BTreeSet<u64>,
}

#[derive(Debug)]
struct Held {
    keys: EpochKeys,
    /// When sealing in it begins, in microseconds.
    sends_from: u64,
    /// When it is wiped, in microseconds; not set for the newest.
    ends_at: Option<u64>,
}

impl MlsKeys {
    /// No epochs yet.
    pub fn new(suite: CipherSuite) -> Self {
        Self {
            suite,
            epochs: BTreeMap::new(),
            newest: None,
            sending: None,
            contexts: BTreeSet::new(),
        }
    }

    /// Takes the keys of a new epoch at `now`, in microseconds. An epoch that is not newer than the
    /// newest is ignored.
    ///
    /// A group that replaced another begins at epoch 0 again: [`Self::clear`] first.
    pub fn install(&mut self, now: u64, keys: EpochKeys) {
        if self.newest.is_some_and(|newest| keys.epoch <= newest) {
            return;
        }
        for held in self.epochs.values_mut() {
            held.ends_at
                .get_or_insert(now.saturating_add(OLD_EPOCH_MICROS));
        }
        let sends_from = match self.newest {
            Some(_) if !keys.at_once => now.saturating_add(SWITCH_MICROS),
            _ => now,
        };
        self.newest = Some(keys.epoch);
        while self.epochs.len() >= MAX_EPOCHS {
            let oldest = self.epochs.iter().min_by_key(|(_, held)| held.keys.epoch);
            let Some((&low, _)) = oldest else { break };
            self.epochs.remove(&low);
        }
        // An older epoch with the same low bits goes: its KIDs would name this one (RFC 9605 §5.2).
        self.epochs.insert(
            keys.epoch as u8,
            Held {
                keys,
                sends_from,
                ends_at: None,
            },
        );
        self.advance(now);
    }

    /// Lets time pass: wipes epochs that are over, and moves on to the newest that may be sealed
    /// in. Whether either changed; then sweep the key store, and take a new sealer if
    /// [`KeyProvider::epoch`] is another.
    pub fn advance(&mut self, now: u64) -> bool {
        let held = self.epochs.len();
        self.epochs
            .retain(|_, held| held.ends_at.is_none_or(|end| now < end));
        let sending = self
            .epochs
            .values()
            .filter(|held| held.sends_from <= now)
            .map(|held| held.keys.epoch)
            .max();
        let moved = sending != self.sending;
        if moved {
            self.sending = sending;
            self.contexts.clear();
        }
        moved || held != self.epochs.len()
    }

    /// When to call [`Self::advance`] next, in microseconds.
    pub fn deadline(&self) -> Option<u64> {
        let ends = self.epochs.values().filter_map(|held| held.ends_at);
        let begins = self
            .epochs
            .values()
            .filter(|held| self.sending.is_none_or(|sending| held.keys.epoch > sending))
            .map(|held| held.sends_from);
        ends.chain(begins).min()
    }

    /// Wipes everything: we are out of the group, or the group was replaced.
    pub fn clear(&mut self) {
        *self = Self::new(self.suite);
    }

    /// The leaf that a KID names, and its user, in the KID's epoch. None if there is no such epoch
    /// or member.
    pub fn sender_of(&self, kid: Kid) -> Option<(u16, &str)> {
        let parts = KidParts::from(kid);
        let members = &self.epochs.get(&parts.epoch)?.keys.members;
        let user = members.get(&parts.leaf_index)?;
        Some((parts.leaf_index, user))
    }

    /// The epochs held, ascending.
    pub fn epochs(&self) -> Vec<u64> {
        let mut epochs: Vec<_> = self.epochs.values().map(|held| held.keys.epoch).collect();
        epochs.sort_unstable();
        epochs
    }
}

impl KeyProvider for MlsKeys {
    fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// The epoch that we seal in; 0 before there is one.
    fn epoch(&self) -> u64 {
        self.sending.unwrap_or(0)
    }

    fn sender_key(&mut self, rng: &mut dyn Rng) -> Result<(Kid, BaseKey), SenderKeyError> {
        let held = self
            .sending
            .and_then(|epoch| self.epochs.get(&(epoch as u8)))
            .ok_or(SenderKeyError::NoKey)?;
        let mut bytes = [0; 8];
        rng.fill(&mut bytes[8 - CONTEXT_BYTES..])?;
        let context = u64::from_be_bytes(bytes);
        // A source that repeats itself is broken; a chance of 2^-40 looks the same and is refused
        // too.
        if !self.contexts.insert(context) {
            return Err(SenderKeyError::Random(crate::rng::RngError));
        }
        let kid = Kid::from(KidParts {
            context,
            leaf_index: held.keys.own_leaf,
            epoch: held.keys.epoch as u8,
        });
        Ok((kid, held.keys.base_key.clone()))
    }

    fn receiver_key(&mut self, kid: Kid) -> Option<BaseKey> {
        self.sender_of(kid)?;
        let held = self.epochs.get(&KidParts::from(kid).epoch)?;
        Some(held.keys.base_key.clone())
    }

    fn receiver_epoch(&self, kid: Kid) -> Option<u64> {
        let held = self.epochs.get(&KidParts::from(kid).epoch)?;
        Some(held.keys.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{RngError, tests::Counting};
    use crate::sframe::{KeyStore, KeyStoreLimits, OpenError, Sealer};

    const SUITE: CipherSuite = CipherSuite::Sm4GcmSm3;

    struct Stuck;

    impl Rng for Stuck {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
            out.fill(1);
            Ok(())
        }
    }

    fn epoch(epoch: u64, at_once: bool) -> EpochKeys {
        EpochKeys {
            epoch,
            own_leaf: 1,
            at_once,
            members: BTreeMap::from([(0, "alice".into()), (1, "bob".into())]),
            base_key: BaseKey::new(&[epoch as u8 ^ (epoch >> 8) as u8; 16]),
        }
    }

    fn frame(keys: &mut MlsKeys) -> Vec<u8> {
        let mut frame = Vec::new();
        let mut sealer = Sealer::from_provider(keys, &mut Counting(0)).unwrap();
        sealer.seal(b"", b"text", &mut frame).unwrap();
        frame
    }

    #[test]
    fn an_epoch_that_comes_round_in_the_kid_replaces_the_old_one() {
        let mut keys = MlsKeys::new(SUITE);
        keys.install(0, epoch(3, true));
        let old = frame(&mut keys);
        let mut store = KeyStore::over(MlsKeys::new(SUITE), KeyStoreLimits::default());
        store.provider_mut().install(0, epoch(3, true));
        assert!(store.open(b"", &mut old.clone()).is_ok());
        // 256 epochs on, within the ten seconds: the same KID, another key.
        keys.install(1, epoch(3 + 256, true));
        store.provider_mut().install(1, epoch(3 + 256, true));
        let new = frame(&mut keys);
        assert_eq!(old[..9], new[..9], "the same header");
        assert!(store.open(b"", &mut new.clone()).is_ok());
        let opened = store.open(b"", &mut old.clone()).map(|_| ());
        assert!(opened.is_err(), "{opened:?}");
        assert_eq!(store.provider().epochs(), [259]);
    }

    #[test]
    fn sealing_moves_on_at_once_after_a_removal_and_a_little_later_else() {
        let mut keys = MlsKeys::new(SUITE);
        keys.install(0, epoch(1, false));
        assert_eq!(keys.epoch(), 1);
        keys.install(1000, epoch(2, false));
        assert_eq!(
            (keys.epoch(), keys.deadline()),
            (1, Some(1000 + SWITCH_MICROS))
        );
        assert!(keys.advance(1000 + SWITCH_MICROS));
        assert_eq!(keys.epoch(), 2);
        keys.install(2_000_000, epoch(3, true));
        assert_eq!(keys.epoch(), 3);
        // An epoch that is over does not come back.
        keys.install(2_000_001, epoch(2, true));
        assert_eq!((keys.epoch(), keys.epochs()), (3, vec![1, 2, 3]));
        assert!(keys.advance(2_000_000 + OLD_EPOCH_MICROS));
        assert_eq!(keys.epochs(), [3]);
    }

    #[test]
    fn a_kid_of_no_member_has_no_key_and_a_stuck_source_gives_no_second_one() {
        let mut keys = MlsKeys::new(SUITE);
        assert!(matches!(
            keys.sender_key(&mut Stuck),
            Err(SenderKeyError::NoKey)
        ));
        keys.install(0, epoch(1, true));
        let (kid, _) = keys.sender_key(&mut Stuck).unwrap();
        assert!(keys.sender_key(&mut Stuck).is_err());
        assert_eq!(keys.sender_of(kid), Some((1, "bob")));
        let stranger = Kid(kid.0 & !0xffff00 | 2 << 8);
        assert!(keys.receiver_key(stranger).is_none() && keys.receiver_key(kid).is_some());
        let mut store = KeyStore::over(keys, KeyStoreLimits::default());
        let mut sealer = Sealer::new(SUITE, stranger, &epoch(1, true).base_key);
        let mut frame = Vec::new();
        sealer.seal(b"", b"text", &mut frame).unwrap();
        // What a member may seal under a leaf that is nobody's is refused, though it has the key.
        let opened = store.open(b"", &mut frame).map(|_| ());
        // The header leaves out a leading zero byte, not the KID.
        assert!(
            matches!(opened, Err(OpenError::UnknownKid(_))),
            "{opened:?}"
        );
    }
}
