//! The group's keys in the downlink half: they come from the uplink half, and end with their epoch.

use smrtc_e2ee::sframe::Kid;
use smrtc_engine::time::Instant;

use super::DownlinkHalf;
use crate::KeyMessage;

impl DownlinkHalf {
    /// Takes a message of the uplink half.
    pub fn key_message(&mut self, now: Instant, message: KeyMessage) {
        self.apply(now, message);
        self.drain(now);
    }

    pub(super) fn apply(&mut self, now: Instant, message: KeyMessage) {
        match message {
            KeyMessage::Participant(id, user) => {
                self.users.insert(id, user);
                self.retry(now, false);
            }
            KeyMessage::Gone(id) => {
                self.users.remove(&id);
            }
            KeyMessage::Stop => {
                if let Some(keys) = self.keys.provider_mut().mls() {
                    keys.clear();
                }
                self.keys.sweep();
            }
            KeyMessage::Epoch(epoch) => {
                let Some(keys) = self.keys.provider_mut().mls() else {
                    return;
                };
                let first = keys.epochs().is_empty();
                keys.install(now.as_micros(), epoch);
                self.keys.sweep();
                self.retry(now, first);
            }
        }
    }

    /// Opens frames that have waited for a key that is there now. A frame that was held before our
    /// first epoch and is not of it belongs to an earlier one, whose keys never come.
    fn retry(&mut self, now: Instant, first: bool) {
        let Some(keys) = self.keys.provider_mut().mls() else {
            return;
        };
        let known = |kid| first || keys.sender_of(kid).is_some();
        for (frame, held) in self.waiting.take_ready(known) {
            if first && !self.has_key(held.kid) {
                self.fail_held(now, held);
            } else {
                self.open(now, held.header, frame);
            }
        }
    }

    fn has_key(&mut self, kid: Kid) -> bool {
        let keys = self.keys.provider_mut().mls();
        keys.is_some_and(|keys| keys.sender_of(kid).is_some())
    }

    /// Wipes epochs that are over, and gives up frames that have waited long enough.
    pub(super) fn run_keys(&mut self, now: Instant) {
        let advanced = self
            .keys
            .provider_mut()
            .mls()
            .is_some_and(|keys| keys.advance(now.as_micros()));
        if advanced {
            self.keys.sweep();
        }
        self.waiting.expire(now.as_micros());
        self.fail_dropped(now);
    }

    pub(super) fn keys_deadline(&self) -> Option<u64> {
        let waiting = self.waiting.deadline();
        let epochs = self.keys.provider().deadline();
        waiting.into_iter().chain(epochs).min()
    }
}
