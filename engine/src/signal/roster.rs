//! Who is in the room, and what they publish, as far as the gateway has said.

use std::collections::BTreeMap;

use crate::control::v1::{Peer, Role, Track, server_message::Body};

/// One of the others in the room.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Who it is.
    pub user_id: String,
    /// What it may do.
    pub role: Role,
    /// The video codecs it can decode, best first, as WebCodecs codec strings.
    pub decode_codecs: Vec<String>,
    /// What it publishes, by track number.
    pub tracks: BTreeMap<u8, Track>,
}

/// The others in the room, by participant number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    own_id: Option<u32>,
    participants: BTreeMap<u32, Participant>,
}

impl Roster {
    /// Our own number; `None` before we have joined.
    pub fn own_id(&self) -> Option<u32> {
        self.own_id
    }

    /// The others, in the order of their numbers.
    pub fn participants(&self) -> impl Iterator<Item = (u32, &Participant)> {
        self.participants
            .iter()
            .map(|(&id, participant)| (id, participant))
    }

    /// One of the others.
    pub fn participant(&self, participant_id: u32) -> Option<&Participant> {
        self.participants.get(&participant_id)
    }

    /// One of the others' tracks.
    pub fn track(&self, participant_id: u32, number: u8) -> Option<&Track> {
        self.participants.get(&participant_id)?.tracks.get(&number)
    }

    /// The video codecs that everybody else can decode, in the order of `preferred`.
    pub fn common_codecs<'a>(&self, preferred: &'a [String]) -> Vec<&'a str> {
        let everybody = |codec: &&String| {
            self.participants
                .values()
                .all(|other| other.decode_codecs.contains(codec))
        };
        preferred
            .iter()
            .filter(everybody)
            .map(String::as_str)
            .collect()
    }

    /// Takes over what a message says. Tracks of participants that are not known, and numbers out
    /// of range, are ignored.
    pub(super) fn apply(&mut self, body: &Body) {
        match body {
            Body::Joined(joined) => {
                self.own_id = Some(joined.participant_id);
                self.participants.clear();
                joined.peers.iter().for_each(|peer| self.insert(peer));
            }
            Body::PeerJoined(peer) => self.insert(peer),
            Body::PeerLeft(left) => {
                self.participants.remove(&left.participant_id);
            }
            Body::TrackPublished(change) | Body::TrackUpdated(change) => {
                if let (Some(participant), Some(track)) = (
                    self.participants.get_mut(&change.participant_id),
                    &change.track,
                ) && let Ok(number) = u8::try_from(track.number)
                {
                    participant.tracks.insert(number, track.clone());
                }
            }
            Body::TrackUnpublished(gone) => {
                if let Some(participant) = self.participants.get_mut(&gone.participant_id)
                    && let Ok(number) = u8::try_from(gone.number)
                {
                    participant.tracks.remove(&number);
                }
            }
            // The rest says nothing of who publishes what. Whom a group of keys holds, its members
            // know, not the gateway.
            _ => {}
        }
    }

    fn insert(&mut self, peer: &Peer) {
        if self.own_id == Some(peer.participant_id) {
            return;
        }
        let tracks = peer
            .tracks
            .iter()
            .filter_map(|track| Some((u8::try_from(track.number).ok()?, track.clone())));
        let participant = Participant {
            user_id: peer.user_id.clone(),
            role: peer.role(),
            decode_codecs: peer.decode_codecs.clone(),
            tracks: tracks.collect(),
        };
        self.participants.insert(peer.participant_id, participant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::v1::{Joined, PeerLeft, TrackChanged, TrackGone};

    fn peer(participant_id: u32, codecs: &[&str]) -> Peer {
        Peer {
            participant_id,
            user_id: format!("user{participant_id}"),
            role: Role::Anchor.into(),
            decode_codecs: codecs.iter().map(ToString::to_string).collect(),
            tracks: vec![],
        }
    }

    fn published(participant_id: u32, number: u32, muted: bool) -> Body {
        let track = Some(Track {
            number,
            muted,
            ..Track::default()
        });
        Body::TrackPublished(TrackChanged {
            participant_id,
            track,
        })
    }

    #[test]
    fn the_roster_follows_the_room() {
        let mut roster = Roster::default();
        roster.apply(&Body::Joined(Joined {
            participant_id: 1,
            peers: vec![peer(2, &["vp8"]), peer(1, &[])],
            ..Joined::default()
        }));
        roster.apply(&Body::PeerJoined(peer(3, &["vp8", "av01"])));
        assert_eq!(roster.own_id(), Some(1));
        assert_eq!(
            roster.participants().map(|(id, _)| id).collect::<Vec<_>>(),
            [2, 3]
        );

        roster.apply(&published(2, 5, false));
        roster.apply(&published(2, 256, false));
        roster.apply(&published(9, 5, false));
        assert_eq!(roster.participant(2).unwrap().tracks.len(), 1);
        let Body::TrackPublished(change) = published(2, 5, true) else {
            unreachable!()
        };
        roster.apply(&Body::TrackUpdated(change));
        assert!(roster.track(2, 5).unwrap().muted);
        roster.apply(&Body::TrackUnpublished(TrackGone {
            participant_id: 2,
            number: 5,
        }));
        assert_eq!(roster.track(2, 5), None);

        roster.apply(&Body::PeerLeft(PeerLeft {
            participant_id: 2,
            reason: 1,
        }));
        assert_eq!(
            roster.participants().map(|(id, _)| id).collect::<Vec<_>>(),
            [3]
        );
    }

    #[test]
    fn a_codec_is_common_if_everybody_else_decodes_it() {
        let mut roster = Roster::default();
        let preferred = ["av01".to_string(), "vp8".to_string()];
        assert_eq!(roster.common_codecs(&preferred), ["av01", "vp8"]);
        roster.apply(&Body::PeerJoined(peer(3, &["vp8", "av01"])));
        roster.apply(&Body::PeerJoined(peer(4, &["vp8"])));
        assert_eq!(roster.common_codecs(&preferred), ["vp8"]);
    }
}
