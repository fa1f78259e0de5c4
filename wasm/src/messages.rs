//! Control messages ⇄ plain objects; the TypeScript side is
//! `wasm/sdk/src/internal/engine_events.ts`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use smrtc_client::{EncoderEvent, UplinkEvent};
use smrtc_engine::control::v1::{self, client_message, server_message};

use crate::group_events::GroupEvent;

/// A published track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrackInfo {
    number: u32,
    kind: Kind,
    codec: String,
    stream: Stream,
    muted: bool,
    width: u32,
    height: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Audio,
    Video,
    Screen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stream {
    Main,
    Auxiliary,
}

/// Somebody else in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeerInfo {
    participant_id: u32,
    user_id: String,
    role: &'static str,
    decode_codecs: Vec<String>,
    tracks: Vec<TrackInfo>,
}

/// The answer to Join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinedInfo {
    participant_id: u32,
    attach_ticket: String,
    room_id: String,
    user_id: String,
    role: &'static str,
    peers: Vec<PeerInfo>,
}

/// A request beside Join.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Request {
    Leave,
    Publish {
        track: TrackInfo,
    },
    UpdateTrack {
        track: TrackInfo,
    },
    Unpublish {
        number: u32,
    },
    Subscribe {
        participant_id: u32,
        track: u32,
        max_spatial_layer: u32,
        max_temporal_layer: u32,
    },
    Unsubscribe {
        participant_id: u32,
        track: u32,
    },
}

/// What the uplink worker is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event {
    Joined {
        request_id: u32,
        joined: JoinedInfo,
    },
    Done {
        request_id: u32,
    },
    Refused {
        request_id: u32,
        code: String,
        message: String,
    },
    RequestTimedOut {
        request_id: u32,
    },
    PeerJoined {
        peer: PeerInfo,
    },
    PeerLeft {
        participant_id: u32,
        reason: &'static str,
    },
    TrackPublished {
        participant_id: u32,
        track: TrackInfo,
    },
    TrackUpdated {
        participant_id: u32,
        track: TrackInfo,
    },
    TrackUnpublished {
        participant_id: u32,
        number: u32,
    },
    Closing {
        code: u32,
        reason: String,
    },
    TargetBitrate {
        audio: f64,
        /// Of each size of each video and screen track.
        layers: Vec<LayerBitrate>,
    },
    KeyFrameRequested {
        track: u8,
        spatial: u8,
    },
    SealFailed {
        reason: String,
    },
    Group {
        event: GroupEvent,
    },
    Log {
        level: &'static str,
        message: String,
    },
}

/// What an encoder should produce, in bit/s; zero if the layer is not to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct LayerBitrate {
    track: u8,
    spatial: u8,
    bitrate: f64,
}

impl From<smrtc_client::LayerBitrate> for LayerBitrate {
    fn from(layer: smrtc_client::LayerBitrate) -> Self {
        Self {
            track: layer.track,
            spatial: layer.spatial,
            bitrate: layer.bitrate.as_bps() as f64,
        }
    }
}

impl From<Request> for client_message::Body {
    fn from(request: Request) -> Self {
        match request {
            Request::Leave => Self::Leave(v1::Leave {}),
            Request::Publish { track } => Self::Publish(v1::Publish {
                track: Some(track.into()),
            }),
            Request::UpdateTrack { track } => Self::UpdateTrack(v1::UpdateTrack {
                track: Some(track.into()),
            }),
            Request::Unpublish { number } => Self::Unpublish(v1::Unpublish { number }),
            Request::Subscribe {
                participant_id,
                track,
                max_spatial_layer,
                max_temporal_layer,
            } => Self::Subscribe(v1::Subscribe {
                participant_id,
                track,
                max_spatial_layer,
                max_temporal_layer,
            }),
            Request::Unsubscribe {
                participant_id,
                track,
            } => Self::Unsubscribe(v1::Unsubscribe {
                participant_id,
                track,
            }),
        }
    }
}

impl Event {
    /// The event as the SDK gets it; none for one that only a later version knows.
    pub(crate) fn from_client(event: UplinkEvent) -> Option<Self> {
        Some(match event {
            UplinkEvent::Reply { request_id, body } => reply(request_id, body),
            UplinkEvent::RequestTimedOut { request_id } => Self::RequestTimedOut { request_id },
            UplinkEvent::Notification(body) => return notification(body),
            UplinkEvent::Encoder(EncoderEvent::TargetBitrate { audio, layers }) => {
                Self::TargetBitrate {
                    audio: audio.as_bps() as f64,
                    layers: layers.into_iter().map(LayerBitrate::from).collect(),
                }
            }
            UplinkEvent::Encoder(EncoderEvent::KeyFrameRequested { track, spatial }) => {
                Self::KeyFrameRequested { track, spatial }
            }
            UplinkEvent::Group(event) => Self::Group {
                event: event.into(),
            },
            UplinkEvent::IdentityRefused(error) => Self::Group {
                event: GroupEvent::own_refused(error.to_string()),
            },
            UplinkEvent::NotSent(error) => Self::SealFailed {
                reason: error.to_string(),
            },
            UplinkEvent::NoKey(error) => Self::SealFailed {
                reason: error.to_string(),
            },
            UplinkEvent::ControlStream(error) => Self::Log {
                level: "warn",
                message: format!("control stream: {error}"),
            },
        })
    }
}

/// The event that a reply is for the SDK.
fn reply(request_id: u32, body: server_message::Body) -> Event {
    match body {
        server_message::Body::Joined(joined) => Event::Joined {
            request_id,
            joined: joined.into(),
        },
        server_message::Body::Error(error) => Event::Refused {
            request_id,
            code: error.code().as_str_name().to_owned(),
            message: error.message,
        },
        _ => Event::Done { request_id },
    }
}

/// The event that a notification is for the SDK; `None` for one that only a later version knows.
fn notification(body: server_message::Body) -> Option<Event> {
    use server_message::Body;
    Some(match body {
        Body::PeerJoined(peer) => Event::PeerJoined { peer: peer.into() },
        Body::PeerLeft(left) => Event::PeerLeft {
            participant_id: left.participant_id,
            reason: match left.reason() {
                v1::LeaveReason::Disconnected => "disconnected",
                v1::LeaveReason::Replaced => "replaced",
                v1::LeaveReason::Left | v1::LeaveReason::Unspecified => "left",
            },
        },
        Body::TrackPublished(change) => Event::TrackPublished {
            participant_id: change.participant_id,
            track: change.track?.into(),
        },
        Body::TrackUpdated(change) => Event::TrackUpdated {
            participant_id: change.participant_id,
            track: change.track?.into(),
        },
        Body::TrackUnpublished(gone) => Event::TrackUnpublished {
            participant_id: gone.participant_id,
            number: gone.number,
        },
        Body::Closing(closing) => Event::Closing {
            code: closing.code,
            reason: closing.reason,
        },
        // Answers, and what is for the group's keys.
        _ => return None,
    })
}

impl From<v1::Joined> for JoinedInfo {
    fn from(joined: v1::Joined) -> Self {
        let role = role(joined.role());
        Self {
            participant_id: joined.participant_id,
            attach_ticket: URL_SAFE_NO_PAD.encode(&joined.attach_ticket),
            room_id: joined.room_id,
            user_id: joined.user_id,
            role,
            peers: joined.peers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::Peer> for PeerInfo {
    fn from(peer: v1::Peer) -> Self {
        let role = role(peer.role());
        Self {
            participant_id: peer.participant_id,
            user_id: peer.user_id,
            role,
            decode_codecs: peer.decode_codecs,
            tracks: peer.tracks.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::Track> for TrackInfo {
    fn from(track: v1::Track) -> Self {
        let kind = match track.kind() {
            v1::MediaKind::Audio => Kind::Audio,
            v1::MediaKind::Screen => Kind::Screen,
            v1::MediaKind::Video | v1::MediaKind::Unspecified => Kind::Video,
        };
        let stream = match track.stream() {
            v1::StreamType::Main => Stream::Main,
            v1::StreamType::Auxiliary => Stream::Auxiliary,
        };
        Self {
            number: track.number,
            kind,
            codec: track.codec,
            stream,
            muted: track.muted,
            width: track.width,
            height: track.height,
        }
    }
}

impl From<TrackInfo> for v1::Track {
    fn from(track: TrackInfo) -> Self {
        let kind = match track.kind {
            Kind::Audio => v1::MediaKind::Audio,
            Kind::Video => v1::MediaKind::Video,
            Kind::Screen => v1::MediaKind::Screen,
        };
        let stream = match track.stream {
            Stream::Main => v1::StreamType::Main,
            Stream::Auxiliary => v1::StreamType::Auxiliary,
        };
        Self {
            number: track.number,
            kind: kind.into(),
            codec: track.codec,
            stream: stream.into(),
            muted: track.muted,
            width: track.width,
            height: track.height,
        }
    }
}

fn role(role: v1::Role) -> &'static str {
    match role {
        v1::Role::Audience => "audience",
        v1::Role::Anchor | v1::Role::Unspecified => "anchor",
    }
}
