//! What the uplink worker is told, as plain objects. Messages of the gateway and events of the
//! group pass through as their own types serialize.

use serde::Serialize;
use smrtc_client::{EncoderEvent, GroupEvent, UplinkEvent};
use smrtc_e2ee::mls::Refused;
use smrtc_engine::control::v1::{self, server_message};

/// Something that the uplink worker should know.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "UplinkEvent"))]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event {
    /// The answer to Join.
    Joined { request_id: u32, joined: v1::Joined },
    /// Another request was granted.
    Done { request_id: u32 },
    /// A request was not.
    Refused {
        request_id: u32,
        code: String,
        message: String,
    },
    /// A request was not answered in time.
    RequestTimedOut { request_id: u32 },
    /// Something happened in the room.
    Notification { notification: server_message::Body },
    /// The encoders should change what they produce.
    Encoder { event: EncoderEvent },
    /// Frames are not sealed, and so not sent.
    SealFailed { reason: String },
    /// Something happened in the group.
    Group { event: GroupEvent },
    /// A line for the log.
    Log { level: LogLevel, message: String },
}

/// Levels of the log that the module writes.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "EngineLogLevel"))]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Trace,
    Debug,
    Warn,
}

impl Event {
    /// The event as the SDK gets it; none for one that only a later version knows.
    pub(crate) fn from_client(event: UplinkEvent) -> Option<Self> {
        Some(match event {
            UplinkEvent::Reply { request_id, body } => reply(request_id, body),
            UplinkEvent::RequestTimedOut { request_id } => Self::RequestTimedOut { request_id },
            UplinkEvent::Notification(notification) if is_known(&notification) => {
                Self::Notification { notification }
            }
            UplinkEvent::Notification(_) => return None,
            UplinkEvent::Encoder(event) => Self::Encoder { event },
            UplinkEvent::Group(event) => Self::Group { event },
            UplinkEvent::IdentityRefused(error) => Self::Group {
                event: GroupEvent::Refused {
                    what: Refused::Own,
                    why: error.to_string(),
                },
            },
            UplinkEvent::NotSent(error) => Self::SealFailed {
                reason: error.to_string(),
            },
            UplinkEvent::NoKey(error) => Self::SealFailed {
                reason: error.to_string(),
            },
            UplinkEvent::ControlStream(error) => Self::Log {
                level: LogLevel::Warn,
                message: format!("control stream: {error}"),
            },
        })
    }
}

/// The event that a reply is for the SDK.
fn reply(request_id: u32, body: server_message::Body) -> Event {
    match body {
        server_message::Body::Joined(joined) => Event::Joined { request_id, joined },
        server_message::Body::Error(error) => Event::Refused {
            request_id,
            code: error.code().as_str_name().to_owned(),
            message: error.message,
        },
        _ => Event::Done { request_id },
    }
}

/// Whether the SDK knows a notification and what it needs is there. The others are answers, and
/// messages for the group's keys.
fn is_known(notification: &server_message::Body) -> bool {
    use server_message::Body;
    match notification {
        Body::TrackPublished(change) | Body::TrackUpdated(change) => change.track.is_some(),
        Body::PeerJoined(_) | Body::PeerLeft(_) | Body::TrackUnpublished(_) | Body::Closing(_) => {
            true
        }
        _ => false,
    }
}
