//! [`KeyProvider`] over the epochs of a group (RFC 9605 §5.2).
//!
//! It holds the newest epoch and, for [`OLD_EPOCH_MICROS`], those before it, so that frames under way at a change still
//! open. What this is not: the group. It is told of each epoch by [`MlsKeys::install`], and may live in another worker.

use std::collections::{BTreeMap, BTreeSet};

use super::epoch_keys::EpochKeys;
use super::kid::{CONTEXT_BYTES, KidParts};
use crate::key_provider::{KeyProvider, SenderKeyError};
use crate::rng::Rng;
use crate::sframe::{BaseKey, CipherSuite, Kid};

/// How long frames of an epoch open after the next began: 10 s.
pub const OLD_EPOCH_MICROS: u64 = 10_000_000;

/// How long sealing goes on in the epoch before, when nobody was removed: 200 ms, so that a receiver whose commit is on its
/// way does not have to hold frames.
pub const SWITCH_MICROS: u64 = 200_000;

/// Most epochs held at a time; more are not lived through in 10 s unless somebody floods the group.
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

    /// Takes the keys of a new epoch at `now`, in microseconds. An epoch that is not newer than the newest is ignored.
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

    /// Lets time pass: wipes epochs that are over, and moves on to the newest that may be sealed in. Whether either changed;
    /// then sweep the key store, and take a new sealer if [`KeyProvider::epoch`] is another.
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

    /// The leaf that a KID names, and its user, in the KID's epoch. None if there is no such epoch or member.
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
        // A source that repeats itself is broken; a chance of 2^-40 looks the same and is refused too.
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
