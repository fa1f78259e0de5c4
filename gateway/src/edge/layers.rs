//! Which layers each subscriber gets, and the key frames that this takes.

use std::collections::BTreeMap;

use smrtc_engine::{Bitrate, Instant, StreamId, TrackId};

use super::{Edge, Output, Shared, Side};
use crate::forward::{Need, Point};

impl Edge {
    /// A subscriber can start with a key frame only; asking now saves the round trip in which it
    /// would find out.
    pub(super) fn begin_track(
        &mut self,
        now: Instant,
        slot: usize,
        track: TrackId,
        shared: &mut Shared,
    ) {
        self.choose(now, slot, shared);
        let downlink = &self.downlinks[slot];
        let Some(subscription) = downlink.subscriptions.get(&track).copied() else {
            return;
        };
        let stream = track.stream(downlink.subscriber.spatial(track));
        self.want_key_frame(now, subscription.uplink, stream, Need::Urgent, shared);
    }

    /// Other layers of a track that is received already may be forwarded from now on. The video
    /// goes on until one of them begins.
    pub(super) fn change_track(
        &mut self,
        now: Instant,
        slot: usize,
        track: TrackId,
        shared: &mut Shared,
    ) {
        self.downlinks[slot].subscriber.choose_anew(track);
        self.choose(now, slot, shared);
    }

    /// Chooses a subscriber's layers anew, from what its publishers send now.
    pub(super) fn choose(&mut self, now: Instant, slot: usize, shared: &mut Shared) {
        let downlink = &mut self.downlinks[slot];
        let mut audio = Bitrate::ZERO;
        let mut video: BTreeMap<TrackId, Vec<Point>> = BTreeMap::new();
        for (&track, subscription) in &downlink.subscriptions {
            let uplink = &self.uplinks[subscription.uplink];
            let rates = uplink.publisher.rates();
            if !uplink.is_video(track.number) {
                audio = audio + rates.track(now, track.number);
                continue;
            }
            let highest = subscription.highest;
            let mut points = rates.points(now, track.number);
            points.retain(|point| {
                point.spatial <= highest.spatial && point.temporal <= highest.temporal
            });
            video.insert(track, points);
        }
        let before = downlink.subscriber.switches();
        let wanted = downlink.subscriber.tick(now, audio, &video);
        shared.counters.layer_switches += downlink.subscriber.switches() - before;
        for (stream, need) in wanted {
            let track = stream.track_id();
            if let Some(subscription) = self.downlinks[slot].subscriptions.get(&track).copied() {
                self.want_key_frame(now, subscription.uplink, stream, need, shared);
            }
        }
    }

    /// Asks a publisher for a key frame, now or when the limit allows it.
    pub(super) fn want_key_frame(
        &mut self,
        now: Instant,
        slot: usize,
        stream: StreamId,
        need: Need,
        shared: &mut Shared,
    ) {
        let uplink = &mut self.uplinks[slot];
        if !uplink.is_video(stream.track) {
            return;
        }
        uplink.publisher.request_key_frame(stream, need);
        self.report(now, slot, shared);
        let member = self.member(stream.sender);
        shared.outputs.push(Output::Rearm(member, Side::Uplink));
    }
}
