//! Who receives what. Only the edge of the subscriber knows; the room's owner does not.

use smrtc_engine::{Instant, LayerId, TrackId, control::v1};

use super::{Edge, Shared, uplink::Receiver};
use crate::room::{ParticipantId, Refusal, track_number};

/// Layers are four bits on the wire; more means all.
const ALL_LAYERS: u8 = 15;

/// A track that a downlink receives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    /// Where its publisher is.
    pub(super) uplink: usize,
    /// The highest layer that is wanted.
    pub(super) highest: LayerId,
}

impl Edge {
    /// Makes a participant receive a track, or changes the layers it receives.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]; one's own track is an invalid argument.
    pub(crate) fn subscribe(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request: &v1::Subscribe,
        shared: &mut Shared,
    ) -> Result<(), Refusal> {
        let track = TrackId::new(request.participant_id, track_number(request.track)?);
        if track.sender == id {
            return Err(Refusal::InvalidArgument("one's own track"));
        }
        let highest = LayerId {
            spatial: layer(request.max_spatial_layer),
            temporal: layer(request.max_temporal_layer),
        };
        let slot = self.publishers.get(&track.sender).copied();
        let slot = slot.ok_or(Refusal::NoSuchTrack)?;
        let published = self.uplinks[slot].tracks.get_mut(&track.number);
        let published = published.ok_or(Refusal::NoSuchTrack)?;
        let at = self.locals.get(&id).ok_or(Refusal::NotJoined)?.downlink;
        let downlink = &mut self.downlinks[at];
        let is_new = !downlink.subscriptions.contains_key(&track);
        if is_new && downlink.subscriptions.len() >= self.limits.subscriptions {
            return Err(Refusal::LimitReached("subscriptions of a participant"));
        }
        let subscription = Subscription {
            uplink: slot,
            highest,
        };
        downlink.subscriptions.insert(track, subscription);
        published.set_receiver(Receiver {
            participant: id,
            downlink: at,
            highest,
        });
        // Audio has no layers and no key frames. Without a session there is nothing to begin yet.
        if published.kind.is_audio() || !downlink.is_attached {
            return Ok(());
        }
        if is_new {
            self.begin_track(now, at, track, shared);
        } else {
            self.change_track(now, at, track, shared);
        }
        Ok(())
    }

    /// Makes a participant no longer receive a track.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchTrack`] if it did not.
    pub(crate) fn unsubscribe(
        &mut self,
        id: ParticipantId,
        request: &v1::Unsubscribe,
    ) -> Result<(), Refusal> {
        let track = TrackId::new(request.participant_id, track_number(request.track)?);
        let local = self.locals.get(&id).ok_or(Refusal::NotJoined)?;
        let downlink = &mut self.downlinks[local.downlink];
        let subscription = downlink.subscriptions.remove(&track);
        let subscription = subscription.ok_or(Refusal::NoSuchTrack)?;
        self.uplinks[subscription.uplink].remove_receiver(track.number, local.downlink);
        Ok(())
    }

    /// Those who receive a track, with the highest layer that they want.
    #[cfg(test)]
    pub(crate) fn receivers(&self, track: TrackId) -> Vec<(ParticipantId, LayerId)> {
        let slot = self.publishers.get(&track.sender);
        let published = slot.and_then(|slot| self.uplinks[*slot].tracks.get(&track.number));
        let receivers = published.into_iter().flat_map(|it| &it.receivers);
        receivers.map(|it| (it.participant, it.highest)).collect()
    }

    /// The tracks that a participant receives, with the highest layer that it wants.
    #[cfg(test)]
    pub(crate) fn subscriptions(&self, id: ParticipantId) -> Vec<(TrackId, LayerId)> {
        let downlink = self.downlink(id).into_iter();
        let subscriptions = downlink.flat_map(|it| &it.subscriptions);
        subscriptions
            .map(|(track, it)| (*track, it.highest))
            .collect()
    }
}

fn layer(layer: u32) -> u8 {
    u8::try_from(layer).unwrap_or(ALL_LAYERS).min(ALL_LAYERS)
}
