//! Opening, and what is known of each sender's keys.
//!
//! With group keys a frame opens only if its KID names a leaf of the user as whom the gateway presents its sender: it is the
//! group, not the gateway, that says who speaks.

use serde::Serialize;
use smrtc_e2ee::sframe::OpenError;
use smrtc_engine::recv::{DownlinkInput, OpenFailure};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::FrameHeader;

use super::{DownlinkEngine, Event};
use crate::sealing;

/// How opening goes for one sender.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SenderKeys {
    sender: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    state: &'static str,
    frames_opened: u64,
    frames_rejected: u64,
    /// When the last one was opened, in microseconds.
    #[serde(skip)]
    opened_at: u64,
    #[serde(skip)]
    last_kid: Option<u64>,
    #[serde(skip)]
    last_error: Option<OpenError>,
}

/// A frame that waits for its key.
pub(super) struct Held {
    pub(super) header: FrameHeader,
    pub(super) since: u64,
}

impl DownlinkEngine {
    /// Opens a frame where it lies. The engine carries it on as it is, and looks at none of its bytes. One whose key may
    /// still come waits for it.
    pub(super) fn open(&mut self, now: Instant, header: FrameHeader, mut frame: Vec<u8>) {
        let sender = header.sender;
        let opened = self
            .attribute(&header, &frame)
            .and_then(|()| sealing::open(&mut self.keys, &header, &mut frame));
        let input = match opened {
            Ok(kid) => {
                self.on_opened(now, sender, kid);
                DownlinkInput::Opened {
                    header,
                    plaintext: frame,
                }
            }
            Err(OpenError::UnknownKid(kid)) if self.keys.provider_mut().mls().is_some() => {
                let since = now.as_micros();
                self.waiting.hold(since, kid, frame, Held { header, since });
                self.fail_dropped(now);
                return;
            }
            Err(error) => {
                let keys = self.sender(sender);
                keys.frames_rejected += 1;
                keys.last_error = Some(error);
                let reason = sealing::open_failure(error);
                DownlinkInput::OpenFailed { header, reason }
            }
        };
        self.downlink.handle_input(now, input);
    }

    /// Whether the group has the sender of a frame as the gateway presents it. Without a group there is nobody to ask.
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
        for Held { header, since } in self.waiting.take_dropped() {
            self.fail_held(now, header, since);
        }
    }

    pub(super) fn fail_held(&mut self, now: Instant, header: FrameHeader, since: u64) {
        let keys = self.sender(header.sender);
        keys.frames_rejected += 1;
        // Of an epoch before ours, or withheld: no word against a sender whose other frames open.
        let reason = if keys.opened_at >= since && keys.frames_opened > 0 {
            OpenFailure::Replayed
        } else {
            OpenFailure::UnknownKey
        };
        self.downlink
            .handle_input(now, DownlinkInput::OpenFailed { header, reason });
    }

    fn on_opened(&mut self, now: Instant, sender: u32, kid: u64) {
        let keys = self.sender(sender);
        keys.frames_opened += 1;
        keys.opened_at = now.as_micros();
        if keys.last_kid != Some(kid) {
            keys.last_kid = Some(kid);
            keys.kid = Some(format!("{kid:016x}"));
        }
        if keys.state == WAITING {
            self.set_state(sender, "ok");
        }
    }

    fn sender(&mut self, sender: u32) -> &mut SenderKeys {
        self.senders.entry(sender).or_insert_with(|| SenderKeys {
            sender,
            state: WAITING,
            ..SenderKeys::default()
        })
    }

    /// The engine says when; the words for why are the opener's.
    pub(super) fn set_state(&mut self, sender: u32, state: &'static str) {
        let keys = self.sender(sender);
        keys.state = state;
        let reason = match keys.last_error {
            Some(error) if state == CANNOT_DECRYPT => error.to_string(),
            _ => String::new(),
        };
        self.events.push_back(Event::Decryption {
            sender,
            state,
            reason,
        });
    }
}

const WAITING: &str = "waiting";
pub(super) const CANNOT_DECRYPT: &str = "cannot-decrypt";

#[cfg(test)]
impl DownlinkEngine {
    /// Frames of a sender that were opened, and that were not.
    pub(super) fn counts_of(&self, sender: u32) -> (u64, u64) {
        let keys = self.senders.get(&sender);
        keys.map_or((0, 0), |keys| (keys.frames_opened, keys.frames_rejected))
    }
}
