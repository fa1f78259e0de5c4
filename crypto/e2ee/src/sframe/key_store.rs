//! Opening (RFC 9605 §4.4.4): keys by KID, replay windows, and bounds on what strangers can cost.
//!
//! A KID is 64 bits that anybody may write into a header. So a key is derived for it on demand, but
//! remembered only once a frame under it has authenticated; and derivations that came to nothing
//! are rationed by the frames presented, not by a clock, which this crate has not.

use std::collections::BTreeMap;

use smrtc_crypto::aead::{self, TAG_BYTES, Tag};

use super::header::{Ctr, Header, HeaderError, Kid};
use super::key_provider::KeyProvider;
use super::key_schedule::SframeKey;
use super::known_answers;
use super::replay::ReplayWindow;

/// Why a received SFrame ciphertext was not opened. The frame is dropped.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The header is truncated or not minimally encoded (§4.3), or no room is left for a tag.
    #[error("malformed SFrame frame")]
    Malformed,
    /// The provider has no key for this KID; usually its epoch is not there yet.
    #[error("no key for KID {0}")]
    UnknownKid(Kid),
    /// The frame was opened before, or is too old to know.
    #[error("replayed frame")]
    Replayed,
    /// The tag did not verify: another key, or bytes that were changed. Carries nothing else, on
    /// purpose.
    #[error("authentication failed")]
    Authentication,
    /// Not tried: too many frames under KIDs that no frame has proved yet did not authenticate.
    #[error("too many failures under unknown KIDs")]
    Throttled,
    /// [`KeyStoreLimits::max_retired_kids`] KIDs have come and gone; new ones are refused.
    #[error("too many KIDs")]
    TooManyKids,
    /// The suite gave a wrong known answer; it refuses to work until the process ends.
    #[error("self-test failed")]
    SelfTest,
}

impl From<HeaderError> for OpenError {
    fn from(_: HeaderError) -> Self {
        Self::Malformed
    }
}

/// An opened frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Whose key opened it.
    pub kid: Kid,
    /// Its counter.
    pub ctr: Ctr,
    /// The encoded frame, within the buffer that held the ciphertext.
    pub plaintext: &'a mut [u8],
}

/// Bounds of a [`KeyStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStoreLimits {
    /// Keys held at a time; default 256. Beyond it the one that opened a frame longest ago is
    /// retired: its key is wiped, its greatest counter is kept, and a later frame brings it back.
    /// Worst-case memory is about 20 KiB each (SM4-GCM in Wasm keeps tables).
    pub max_kids: usize,
    /// Retired KIDs whose greatest counter is kept, so that nothing of theirs can be replayed;
    /// default 16,384 (about 400 KiB). When they are full, new KIDs are refused.
    pub max_retired_kids: usize,
    /// Derivations that may fail in a row before throttling begins; default 64. Then one in
    /// [`Self::frames_per_wasted_derivation`] frames is tried.
    pub wasted_derivations: u32,
    /// Frames presented for each further derivation that may fail; default 4.
    pub frames_per_wasted_derivation: u32,
}

impl Default for KeyStoreLimits {
    fn default() -> Self {
        Self {
            max_kids: 256,
            max_retired_kids: 16_384,
            wasted_derivations: 64,
            frames_per_wasted_derivation: 4,
        }
    }
}

/// Opens the frames of all senders.
pub struct KeyStore<P: KeyProvider = Box<dyn KeyProvider>> {
    provider: P,
    limits: KeyStoreLimits,
    receivers: BTreeMap<Kid, Receiver>,
    /// Epoch and greatest counter of each KID whose key was wiped to make room.
    retired: BTreeMap<Kid, (u64, Ctr)>,
    ration: Ration,
    /// Counts opened frames; orders receivers by last use.
    opened_frames: u64,
    /// Header ‖ metadata of the frame in hand; kept for its allocation.
    aad: Vec<u8>,
}

/// What is known of a KID under which a frame has authenticated.
struct Receiver {
    /// The epoch that the key was derived in.
    epoch: u64,
    key: SframeKey,
    window: ReplayWindow,
    last_used: u64,
}

impl KeyStore {
    /// A store over any provider, with the default [`KeyStoreLimits`].
    pub fn new(provider: Box<dyn KeyProvider>) -> Self {
        Self::with_limits(provider, KeyStoreLimits::default())
    }

    /// A store with bounds of the caller's; `max_kids` of 0 counts as 1.
    pub fn with_limits(provider: Box<dyn KeyProvider>, limits: KeyStoreLimits) -> Self {
        Self::over(provider, limits)
    }
}

impl<P: KeyProvider> KeyStore<P> {
    /// A store over a provider of one type, which [`Self::provider_mut`] gives back as what it is.
    pub fn over(provider: P, limits: KeyStoreLimits) -> Self {
        Self {
            provider,
            limits,
            receivers: BTreeMap::new(),
            retired: BTreeMap::new(),
            ration: Ration::new(limits),
            opened_frames: 0,
            aad: Vec::new(),
        }
    }

    /// The key source.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// The key source, to install what arrives from elsewhere.
    pub fn provider_mut(&mut self) -> &mut P {
        &mut self.provider
    }

    /// KIDs whose key is held: those under which a frame has authenticated.
    pub fn kids(&self) -> impl Iterator<Item = Kid> {
        self.receivers.keys().copied()
    }

    /// Wipes all that is known of the KIDs for which `ended` holds, replay windows included.
    ///
    /// Only for KIDs whose key the provider will never return again, such as those of an MLS epoch
    /// that is over.
    pub fn forget(&mut self, ended: impl Fn(Kid) -> bool) {
        self.receivers.retain(|&kid, _| !ended(kid));
        self.retired.retain(|&kid, _| !ended(kid));
    }

    /// Wipes what is known of KIDs whose epoch is over, by what the provider says of them now.
    ///
    /// A key of an epoch that is over opens nothing even before this is called; only its wiping
    /// waits for the call.
    pub fn sweep(&mut self) {
        let provider = &self.provider;
        self.receivers
            .retain(|&kid, receiver| provider.receiver_epoch(kid) == Some(receiver.epoch));
        self.retired
            .retain(|&kid, (epoch, _)| provider.receiver_epoch(kid) == Some(*epoch));
    }

    /// Opens one SFrame ciphertext in place.
    ///
    /// `frame` is header ‖ ciphertext ‖ tag, as in §4.2; the plaintext returned borrows its middle.
    /// `metadata` is authenticated but not encrypted (§4.4.3) and may be empty. The replay window
    /// advances only after the tag verifies.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownKid`] is recoverable: keep a copy of the frame for a moment and retry
    /// when the provider has changed. All others mean that the frame is dropped; after
    /// [`OpenError::Authentication`] its bytes are zeros.
    pub fn open<'a>(
        &mut self,
        metadata: &[u8],
        frame: &'a mut [u8],
    ) -> Result<Opened<'a>, OpenError> {
        let suite = self.provider.suite();
        known_answers::ensure(suite).map_err(|_| OpenError::SelfTest)?;
        self.ration.frame_presented();

        let (Header { kid, ctr }, header_bytes) = Header::parse(frame)?;
        let (header, sealed) = frame.split_at_mut(header_bytes);
        let text_bytes = sealed
            .len()
            .checked_sub(TAG_BYTES)
            .ok_or(OpenError::Malformed)?;
        let (plaintext, tag) = sealed.split_at_mut(text_bytes);
        let tag = Tag((&*tag).try_into().map_err(|_| OpenError::Malformed)?);

        self.aad.clear();
        self.aad.extend_from_slice(header);
        self.aad.extend_from_slice(metadata);

        let epoch = self
            .provider
            .receiver_epoch(kid)
            .ok_or(OpenError::UnknownKid(kid))?;
        match self.receivers.get_mut(&kid) {
            Some(receiver) if receiver.epoch == epoch => {
                if !receiver.window.accepts(ctr) {
                    return Err(OpenError::Replayed);
                }
                verify(&receiver.key, ctr, &self.aad, plaintext, &tag)?;
                receiver.window.advance(ctr);
            }
            _ => self.open_first(kid, ctr, epoch, plaintext, &tag)?,
        }

        self.opened_frames += 1;
        if let Some(receiver) = self.receivers.get_mut(&kid) {
            receiver.last_used = self.opened_frames;
        }
        Ok(Opened {
            kid,
            ctr,
            plaintext,
        })
    }

    /// Opens a frame under a KID whose key is not held, and holds it if the tag verifies.
    fn open_first(
        &mut self,
        kid: Kid,
        ctr: Ctr,
        epoch: u64,
        text: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        // What is known of the same number in an epoch that is over says nothing about this one.
        let retired = self.retired.get(&kid).copied();
        let retired = retired.filter(|(of, _)| *of == epoch).map(|(_, ctr)| ctr);
        if retired.is_some_and(|highest| ctr <= highest) {
            return Err(OpenError::Replayed);
        }
        let full = self.receivers.len() >= self.limits.max_kids.max(1)
            && !self.receivers.contains_key(&kid);
        if full && retired.is_none() && self.retired.len() >= self.limits.max_retired_kids {
            return Err(OpenError::TooManyKids);
        }
        if self.ration.is_used_up() {
            return Err(OpenError::Throttled);
        }
        let base_key = self
            .provider
            .receiver_key(kid)
            .ok_or(OpenError::UnknownKid(kid))?;
        let key = SframeKey::derive(self.provider.suite(), kid, &base_key);
        verify(&key, ctr, &self.aad, text, tag).inspect_err(|_| self.ration.derivation_wasted())?;

        if full {
            self.retire_least_recently_used();
        }
        self.retired.remove(&kid);
        let window = match retired {
            Some(highest) => {
                let mut window = ReplayWindow::closed_up_to(highest);
                window.advance(ctr);
                window
            }
            None => ReplayWindow::starting_with(ctr),
        };
        self.receivers.insert(
            kid,
            Receiver {
                epoch,
                key,
                window,
                last_used: 0,
            },
        );
        Ok(())
    }

    fn retire_least_recently_used(&mut self) {
        let oldest = self
            .receivers
            .iter()
            .min_by_key(|(_, receiver)| receiver.last_used)
            .map(|(&kid, receiver)| (kid, (receiver.epoch, receiver.window.highest())));
        if let Some((kid, known)) = oldest {
            self.receivers.remove(&kid);
            self.retired.insert(kid, known);
        }
    }
}

impl<P: KeyProvider> std::fmt::Debug for KeyStore<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyStore")
            .field("suite", &self.provider.suite())
            .field("kids", &self.receivers.len())
            .field("retired", &self.retired.len())
            .finish_non_exhaustive()
    }
}

fn verify(
    key: &SframeKey,
    ctr: Ctr,
    aad: &[u8],
    text: &mut [u8],
    tag: &Tag,
) -> Result<(), OpenError> {
    key.aead
        .open_in_place(&key.nonce(ctr), aad, text, tag)
        .map_err(|error| match error {
            aead::OpenError::SelfTest => OpenError::SelfTest,
            _ => OpenError::Authentication,
        })
}

/// How many derivations may still come to nothing, in parts of a frame.
struct Ration {
    cost: u32,
    full: u32,
    left: u32,
}

impl Ration {
    fn new(limits: KeyStoreLimits) -> Self {
        let cost = limits.frames_per_wasted_derivation.max(1);
        let full = cost.saturating_mul(limits.wasted_derivations.max(1));
        Self {
            cost,
            full,
            left: full,
        }
    }

    fn frame_presented(&mut self) {
        self.left = self.left.saturating_add(1).min(self.full);
    }

    fn is_used_up(&self) -> bool {
        self.left < self.cost
    }

    fn derivation_wasted(&mut self) {
        self.left = self.left.saturating_sub(self.cost);
    }
}
