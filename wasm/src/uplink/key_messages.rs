//! Secrets on their way out of the uplink's Wasm memory: read where they lie, and wiped when the next is taken.

use smrtc_crypto::secret::Secret;
use wasm_bindgen::prelude::*;

use super::UplinkEngine;
use crate::js;

#[wasm_bindgen]
impl UplinkEngine {
    /// Takes the next message for the downlink worker in hand; its length in bytes, 0 if there is none. It is a secret.
    #[wasm_bindgen(js_name = nextKeyMessage)]
    pub fn next_key_message(&mut self) -> usize {
        let next = self
            .group
            .as_mut()
            .and_then(|group| group.messages.pop_front());
        self.key_message = next.map_or_else(|| Secret::zeroed(0), |message| message.to_bytes());
        self.key_message.expose().len()
    }

    /// Where the message in hand lies in Wasm memory, until the next is taken, which wipes it.
    #[wasm_bindgen(js_name = keyMessageAddress)]
    pub fn key_message_address(&self) -> usize {
        self.key_message.expose().as_ptr().addr()
    }

    /// Takes the signature key that we are known by in hand, as [`Self::next_key_message`] does. It is a secret.
    #[wasm_bindgen(js_name = takeIdentity)]
    pub fn take_identity(&mut self) -> usize {
        let identity = self.group.as_ref().and_then(|group| group.identity());
        self.key_message = identity.map_or_else(|| Secret::zeroed(0), Secret::clone);
        self.key_message.expose().len()
    }

    /// Asks the group for new keys; nothing happens with an external key.
    #[wasm_bindgen(js_name = rotateKeys)]
    pub fn rotate_keys(&mut self, now_us: f64) {
        self.now = js::instant(now_us);
        if let Some(group) = &mut self.group {
            group.rotate(self.now);
        }
        self.drain();
    }
}
