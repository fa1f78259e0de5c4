//! Opening, and what is known of each sender's keys.

use serde::Serialize;
use smrtc_e2ee::sframe::OpenError;
use smrtc_engine::recv::DownlinkInput;
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
    #[serde(skip)]
    last_kid: Option<u64>,
    #[serde(skip)]
    last_error: Option<OpenError>,
}

impl DownlinkEngine {
    /// Opens a frame where it lies. The engine carries it on as it is, and looks at none of its bytes.
    pub(super) fn open(&mut self, now: Instant, header: FrameHeader, mut frame: Vec<u8>) {
        let sender = header.sender;
        let input = match sealing::open(&mut self.keys, &header, &mut frame) {
            Ok(kid) => {
                self.on_opened(sender, kid);
                DownlinkInput::Opened {
                    header,
                    plaintext: frame,
                }
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

    fn on_opened(&mut self, sender: u32, kid: u64) {
        let keys = self.sender(sender);
        keys.frames_opened += 1;
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
