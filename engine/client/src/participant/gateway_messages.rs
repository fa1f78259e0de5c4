//! What the gateway says on the control stream, and what follows from it.

use smrtc_engine::TrackId;
use smrtc_engine::control::v1::{self, server_message};

use super::{Connection, Output, Participant, ParticipantEvent, RemoteTrack, Side};
use crate::UplinkEvent;

impl Participant {
    /// Takes an event of the uplink half, which reads the control stream.
    pub(super) fn on_uplink_event(&mut self, event: UplinkEvent) {
        match event {
            UplinkEvent::Reply { request_id, body } => self.on_reply(request_id, body),
            UplinkEvent::RequestTimedOut { .. } => self.on_lost(None),
            UplinkEvent::Notification(body) => self.on_notification(body),
            UplinkEvent::Encoder(event) => self.tell(ParticipantEvent::Encoder(event)),
            UplinkEvent::Group(event) => self.tell(ParticipantEvent::Group(event)),
            UplinkEvent::IdentityRefused(error) => {
                self.tell(ParticipantEvent::NoKey(error.into()));
            }
            UplinkEvent::NoKey(error) => self.tell(ParticipantEvent::NoKey(error)),
            // The sender sees it by `send_frame`.
            UplinkEvent::NotSent(_) => {}
            UplinkEvent::ControlStream(_) => self.on_lost(None),
        }
    }

    fn on_reply(&mut self, request_id: u32, body: server_message::Body) {
        let asked = self.requests.answered(request_id);
        match body {
            server_message::Body::Joined(joined) => self.on_joined(joined),
            server_message::Body::Error(error) => {
                let event = ParticipantEvent::Refused {
                    what: asked.unwrap_or("request"),
                    code: error.code(),
                    message: error.message.clone(),
                };
                self.tell(event);
                if matches!(self.connection, Connection::Joining { .. }) {
                    // A full room may have a place in a moment; any other refusal of Join stays.
                    match error.code() {
                        v1::ErrorCode::LimitReached => self.on_lost(None),
                        _ => self.end(None),
                    }
                }
            }
            _ => {}
        }
    }

    fn on_joined(&mut self, joined: v1::Joined) {
        let id = joined.participant_id;
        self.connection = Connection::Joined { id };
        self.outputs.push_back(Output::Connect(
            Side::Downlink,
            Some(joined.attach_ticket.clone()),
        ));
        self.tell(ParticipantEvent::Joined {
            id,
            user: joined.user_id,
            room: joined.room_id,
        });
        for number in self.wanted.published() {
            self.announce(number);
        }
        for peer in joined.peers {
            self.on_peer(peer);
        }
    }

    fn on_peer(&mut self, peer: v1::Peer) {
        let id = peer.participant_id;
        self.tell(ParticipantEvent::PeerJoined {
            id,
            user: peer.user_id,
        });
        for track in peer.tracks {
            self.on_track(id, track);
        }
    }

    fn on_notification(&mut self, body: server_message::Body) {
        use server_message::Body;
        match body {
            Body::PeerJoined(peer) => self.on_peer(peer),
            Body::PeerLeft(left) => {
                self.downlink.remove_sender(left.participant_id);
                self.tell(ParticipantEvent::PeerLeft {
                    id: left.participant_id,
                });
            }
            Body::TrackPublished(change) => {
                if let Some(track) = change.track {
                    self.on_track(change.participant_id, track);
                }
            }
            Body::TrackUpdated(change) => {
                if let Some(track) = change.track
                    && let Ok(number) = u8::try_from(track.number)
                {
                    self.downlink
                        .set_paused(TrackId::new(change.participant_id, number), track.muted);
                }
            }
            Body::TrackUnpublished(gone) => {
                if let Ok(number) = u8::try_from(gone.number) {
                    self.downlink
                        .remove_track(TrackId::new(gone.participant_id, number));
                    self.tell(ParticipantEvent::TrackGone {
                        sender: gone.participant_id,
                        number,
                    });
                }
            }
            // Others are for the group, or of a later version; the close code says what Closing
            // does.
            _ => {}
        }
    }

    fn on_track(&mut self, sender: u32, track: v1::Track) {
        let Some(track) = RemoteTrack::new(sender, track) else {
            return;
        };
        let user = self.user_of(sender);
        let is_wanted = |user| self.wanted.is_subscribed(user, track.number);
        if self.options.auto_subscribe || user.is_some_and(is_wanted) {
            self.receive(&track);
        }
        self.tell(ParticipantEvent::Track(track));
    }
}
