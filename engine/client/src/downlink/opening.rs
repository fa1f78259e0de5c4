//! Opening, and what is known of each sender's keys.
//!
//! With group keys a frame opens only if its KID names a leaf of the user as whom the gateway
//! presents its sender. The group, not the gateway, says who speaks.
//!
//! Why a frame did not open is told to the engine, whose `DecryptState` decides when it is worth an
//! alarm. With group keys most frames that do not open are on the wrong side of a change, and the
//! KID alone cannot tell: it holds the low bits of an epoch, and a group that replaces another
//! counts from 0 again. So a tag that does not verify stands for a wrong key only if something has
//! been opened under its KID before; else it is an unknown key's, of a group that its sender is in
//! and we are not.

use serde::Serialize;
use smrtc_e2ee::sframe::{Kid, OpenError};
use smrtc_engine::recv::{DownlinkInput, OpenFailure};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::FrameHeader;

use super::{Decryption, DownlinkEvent, DownlinkHalf};
use crate::sealing;

/// How opening goes for one sender. Serializes to camelCase.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SenderStats {
    /// The participant.
    pub sender: u32,
    /// The KID of the last frame that opened, 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub kid: Option<String>,
    /// Whether frames open at present.
    pub state: OpeningState,
    /// Frames that opened.
    pub frames_opened: u64,
    /// Frames that did not.
    pub frames_rejected: u64,
    #[serde(skip)]
    last_kid: Option<u64>,
    #[serde(skip)]
    last_error: Option<OpenError>,
}

/// Whether the frames of a sender open. Serializes to kebab-case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum OpeningState {
    /// None has opened yet.
    #[default]
    Waiting,
    /// They open.
    Ok,
    /// They have not opened for so long that somebody should be told.
    CannotDecrypt,
}

impl OpeningState {
    /// The state after the engine said whether frames open.
    pub fn of(opens: bool) -> Self {
        if opens { Self::Ok } else { Self::CannotDecrypt }
    }
}

/// A frame that waits for its key.
pub(super) struct Held {
    pub(super) header: FrameHeader,
    pub(super) kid: Kid,
}

impl DownlinkHalf {
    /// Opens a frame where it lies. The engine carries it on as it is, and looks at none of its
    /// bytes. One whose key may still come waits for it.
    pub(super) fn open(&mut self, now: Instant, header: FrameHeader, mut frame: Vec<u8>) {
        let sender = header.sender;
        let opened = self
            .attribute(&header, &frame)
            .and_then(|()| sealing::open(&mut self.keys, &header, &mut frame));
        let input = match opened {
            Ok(kid) => {
                self.on_opened(sender, kid);
                DownlinkInput::Opened {
                    header,
                    plaintext: frame,
                }
            }
            Err(OpenError::UnknownKid(kid)) if self.keys.provider_mut().mls().is_some() => {
                // So that it is counted if it waits in vain, unless its sender is gone by then.
                self.sender(sender);
                let held = Held { header, kid };
                self.waiting.hold(now.as_micros(), kid, frame, held);
                self.fail_dropped(now);
                return;
            }
            Err(error) => {
                let reason = self.reason(sealing::kid_of(&frame), error);
                self.sender(sender);
                self.count_rejected(sender, reason, error);
                DownlinkInput::OpenFailed { header, reason }
            }
        };
        self.engine.handle_input(now, input);
    }

    /// Whether the group has the sender of a frame as the gateway presents it. Without a group
    /// there is nobody to ask.
    fn attribute(&mut self, header: &FrameHeader, frame: &[u8]) -> Result<(), OpenError> {
        let user = self.users.get(&header.sender);
        let (Some(group), Some(kid)) = (self.keys.provider_mut().mls(), sealing::kid_of(frame))
        else {
            return Ok(());
        };
        match (group.sender_of(kid), user) {
            (Some((_, member)), Some(user)) if member == user => Ok(()),
            (Some(_), Some(_)) => Err(OpenError::Authentication),
            _ => Err(OpenError::UnknownKid(kid)),
        }
    }

    /// Tells the engine of frames that have waited in vain.
    pub(super) fn fail_dropped(&mut self, now: Instant) {
        for held in self.waiting.take_dropped() {
            self.fail_held(now, held);
        }
    }

    pub(super) fn fail_held(&mut self, now: Instant, Held { header, kid }: Held) {
        let error = OpenError::UnknownKid(kid);
        let reason = self.reason(Some(kid), error);
        self.count_rejected(header.sender, reason, error);
        self.engine
            .handle_input(now, DownlinkInput::OpenFailed { header, reason });
    }

    /// The engine's word for why a frame under this KID did not open.
    fn reason(&mut self, kid: Option<Kid>, error: OpenError) -> OpenFailure {
        let has_opened = self.keys.kids().any(|known| Some(known) == kid);
        let has_epochs = self
            .keys
            .provider_mut()
            .mls()
            .map(|keys| !keys.epochs().is_empty());
        match (sealing::open_failure(error), has_epochs) {
            (OpenFailure::UnknownKey, Some(false)) => OpenFailure::NoKeys,
            (OpenFailure::Authentication, Some(_)) if !has_opened => OpenFailure::UnknownKey,
            (failure, _) => failure,
        }
    }

    fn count_rejected(&mut self, sender: u32, reason: OpenFailure, error: OpenError) {
        let Some(keys) = self.senders.get_mut(&sender) else {
            return;
        };
        keys.frames_rejected += 1;
        let says_nothing = matches!(
            reason,
            OpenFailure::NoKeys | OpenFailure::NotTried | OpenFailure::Replayed
        );
        if !says_nothing {
            keys.last_error = Some(error);
        }
    }

    fn on_opened(&mut self, sender: u32, kid: u64) {
        let keys = self.sender(sender);
        keys.frames_opened += 1;
        if keys.last_kid != Some(kid) {
            keys.last_kid = Some(kid);
            keys.kid = Some(format!("{kid:016x}"));
        }
        if keys.state == OpeningState::Waiting {
            self.set_opens(sender, true);
        }
    }

    fn sender(&mut self, sender: u32) -> &mut SenderStats {
        self.senders.entry(sender).or_insert_with(|| SenderStats {
            sender,
            ..SenderStats::default()
        })
    }

    /// The engine says when the state changes; the opener knows why.
    pub(super) fn set_opens(&mut self, sender: u32, opens: bool) {
        let keys = self.sender(sender);
        keys.state = OpeningState::of(opens);
        let error = keys.last_error.filter(|_| !opens);
        self.events.push_back(DownlinkEvent::Decryption(Decryption {
            sender,
            opens,
            error,
        }));
    }
}

#[cfg(test)]
impl DownlinkHalf {
    /// Frames of a sender that were opened, and that were not.
    pub(super) fn counts_of(&self, sender: u32) -> (u64, u64) {
        let keys = self.senders.get(&sender);
        keys.map_or((0, 0), |keys| (keys.frames_opened, keys.frames_rejected))
    }

    /// What was last said of a sender.
    pub(super) fn state_of(&self, sender: u32) -> OpeningState {
        let keys = self.senders.get(&sender);
        keys.map_or(OpeningState::Waiting, |keys| keys.state)
    }
}
