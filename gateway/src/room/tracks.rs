//! Publishing and subscribing.

use std::collections::BTreeMap;

use smrtc_engine::{
    LayerId, TrackId,
    control::v1::{self, MediaKind, StreamType, TrackChanged, TrackGone, server_message::Body},
};

use super::{
    Notification, Participant, ParticipantId, Published, Refusal, Room,
    limits::{MAX_CODEC_BYTES, MAX_SIDE},
};
use crate::auth::Role;

/// Layers are four bits on the wire; more means all.
const ALL_LAYERS: u8 = 15;

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
        out: &mut Vec<Notification>,
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
        let published = Published {
            track: track.clone(),
            subscribers: BTreeMap::new(),
        };
        participant.published.insert(number, published);
        self.notify_others(id, &Body::TrackPublished(changed(id, track)), out);
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
        out: &mut Vec<Notification>,
    ) -> Result<(), Refusal> {
        let (number, track) = check_track(track)?;
        let participant = self.participant(id)?;
        let published = participant
            .published
            .get_mut(&number)
            .ok_or(Refusal::NoSuchTrack)?;
        if published.track.kind != track.kind || published.track.stream != track.stream {
            return Err(Refusal::InvalidArgument(
                "kind and stream of a live track stay",
            ));
        }
        published.track = track.clone();
        self.notify_others(id, &Body::TrackUpdated(changed(id, track)), out);
        Ok(())
    }

    /// Ends a track of `id` and all subscriptions to it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchTrack`].
    pub fn unpublish(
        &mut self,
        id: ParticipantId,
        number: u32,
        out: &mut Vec<Notification>,
    ) -> Result<(), Refusal> {
        let number = track_number(number)?;
        let published = self
            .participant(id)?
            .published
            .remove(&number)
            .ok_or(Refusal::NoSuchTrack)?;
        for subscriber in published.subscribers.keys() {
            if let Some(participant) = self.participants.get_mut(subscriber) {
                participant.subscribed.remove(&TrackId::new(id, number));
            }
        }
        let gone = TrackGone {
            participant_id: id,
            number: number.into(),
        };
        self.notify_others(id, &Body::TrackUnpublished(gone), out);
        Ok(())
    }

    /// Makes `id` receive a track, or changes the layers it receives.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]; one's own track is an invalid argument.
    pub fn subscribe(
        &mut self,
        id: ParticipantId,
        request: &v1::Subscribe,
    ) -> Result<TrackId, Refusal> {
        let number = track_number(request.track)?;
        let track = TrackId::new(request.participant_id, number);
        if track.sender == id {
            return Err(Refusal::InvalidArgument("one's own track"));
        }
        let limit = self.limits.subscriptions;
        let highest = LayerId {
            spatial: layer(request.max_spatial_layer),
            temporal: layer(request.max_temporal_layer),
        };
        if self.track(track).is_none() {
            return Err(Refusal::NoSuchTrack);
        }
        let participant = self.participant(id)?;
        if !participant.subscribed.contains_key(&track) && participant.subscribed.len() >= limit {
            return Err(Refusal::LimitReached("subscriptions of a participant"));
        }
        participant.subscribed.insert(track, highest);
        if let Some(published) = self.published(track) {
            published.subscribers.insert(id, highest);
        }
        Ok(track)
    }

    /// Makes `id` no longer receive a track.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchTrack`] if it did not.
    pub fn unsubscribe(
        &mut self,
        id: ParticipantId,
        request: &v1::Unsubscribe,
    ) -> Result<TrackId, Refusal> {
        let track = TrackId::new(request.participant_id, track_number(request.track)?);
        self.participant(id)?
            .subscribed
            .remove(&track)
            .ok_or(Refusal::NoSuchTrack)?;
        if let Some(published) = self.published(track) {
            published.subscribers.remove(&id);
        }
        Ok(track)
    }

    fn participant(&mut self, id: ParticipantId) -> Result<&mut Participant, Refusal> {
        self.participants.get_mut(&id).ok_or(Refusal::NotJoined)
    }

    fn published(&mut self, track: TrackId) -> Option<&mut Published> {
        self.participants
            .get_mut(&track.sender)?
            .published
            .get_mut(&track.number)
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

fn track_number(number: u32) -> Result<u8, Refusal> {
    u8::try_from(number).map_err(|_| Refusal::InvalidArgument("track number above 255"))
}

fn layer(layer: u32) -> u8 {
    u8::try_from(layer).unwrap_or(ALL_LAYERS).min(ALL_LAYERS)
}
