//! Publishing.

use smrtc_engine::control::v1::{
    self, MediaKind, StreamType, TrackChanged, TrackGone, server_message::Body,
};

use super::{
    Notice, Participant, ParticipantId, Refusal, Room,
    limits::{MAX_CODEC_BYTES, MAX_SIDE},
    notice_of,
};
use crate::auth::Role;

impl Room {
    /// Announces a track of `id`.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]; a number that is live already is an invalid argument.
    pub fn publish(
        &mut self,
        id: ParticipantId,
        track: Option<v1::Track>,
        out: &mut Vec<Notice>,
    ) -> Result<(), Refusal> {
        let (number, track) = check_track(track)?;
        let limit = self.limits.tracks;
        let participant = self.participant(id)?;
        if participant.role != Role::Anchor {
            return Err(Refusal::NotAllowed);
        }
        if participant.published.contains_key(&number) {
            return Err(Refusal::InvalidArgument("track.number is live already"));
        }
        if participant.published.len() >= limit {
            return Err(Refusal::LimitReached("tracks of a participant"));
        }
        participant.published.insert(number, track.clone());
        out.push(notice_of(id, Body::TrackPublished(changed(id, track))));
        Ok(())
    }

    /// Replaces what is known of a live track of `id`.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchTrack`], and [`Refusal::InvalidArgument`] if its kind or stream would
    /// change.
    pub fn update_track(
        &mut self,
        id: ParticipantId,
        track: Option<v1::Track>,
        out: &mut Vec<Notice>,
    ) -> Result<(), Refusal> {
        let (number, track) = check_track(track)?;
        let participant = self.participant(id)?;
        let known = participant
            .published
            .get_mut(&number)
            .ok_or(Refusal::NoSuchTrack)?;
        if known.kind != track.kind || known.stream != track.stream {
            return Err(Refusal::InvalidArgument(
                "kind and stream of a live track stay",
            ));
        }
        known.clone_from(&track);
        out.push(notice_of(id, Body::TrackUpdated(changed(id, track))));
        Ok(())
    }

    /// Ends a track of `id`.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchTrack`].
    pub fn unpublish(
        &mut self,
        id: ParticipantId,
        number: u32,
        out: &mut Vec<Notice>,
    ) -> Result<(), Refusal> {
        let number = track_number(number)?;
        self.participant(id)?
            .published
            .remove(&number)
            .ok_or(Refusal::NoSuchTrack)?;
        let gone = TrackGone {
            participant_id: id,
            number: number.into(),
        };
        out.push(notice_of(id, Body::TrackUnpublished(gone)));
        Ok(())
    }

    fn participant(&mut self, id: ParticipantId) -> Result<&mut Participant, Refusal> {
        self.participants.get_mut(&id).ok_or(Refusal::NotJoined)
    }
}

fn changed(id: ParticipantId, track: v1::Track) -> TrackChanged {
    TrackChanged {
        participant_id: id,
        track: Some(track),
    }
}

fn check_track(track: Option<v1::Track>) -> Result<(u8, v1::Track), Refusal> {
    let track = track.ok_or(Refusal::InvalidArgument("track is missing"))?;
    let number = track_number(track.number)?;
    match MediaKind::try_from(track.kind) {
        Ok(MediaKind::Audio | MediaKind::Video | MediaKind::Screen) => {}
        _ => return Err(Refusal::InvalidArgument("track.kind")),
    }
    StreamType::try_from(track.stream).map_err(|_| Refusal::InvalidArgument("track.stream"))?;
    if track.codec.is_empty() || track.codec.len() > MAX_CODEC_BYTES {
        return Err(Refusal::InvalidArgument("track.codec"));
    }
    if track.width > MAX_SIDE || track.height > MAX_SIDE {
        return Err(Refusal::InvalidArgument("track.width or track.height"));
    }
    Ok((number, track))
}

/// A track's number as it stands in a packet.
pub(crate) fn track_number(number: u32) -> Result<u8, Refusal> {
    u8::try_from(number).map_err(|_| Refusal::InvalidArgument("track number above 255"))
}
