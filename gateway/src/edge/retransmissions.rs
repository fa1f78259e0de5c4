//! NACKs of subscribers, answered from what is kept of publishers' packets.

use smrtc_engine::{
    Instant,
    wire::{
        media::{self, MediaPacket},
        nack::{Nack, NackEntry},
    },
};

use super::{Edge, Shared, Side, datagrams::Rejected};
use crate::forward::{Class, Datagram, accepted};

impl Edge {
    pub(super) fn on_nack(
        &mut self,
        now: Instant,
        slot: usize,
        bytes: &[u8],
        shared: &mut Shared,
    ) -> Result<(), Rejected> {
        let nack = Nack::parse(bytes)?;
        let allowed = self.downlinks[slot].subscriber.nack_allowance(now);
        let mut left = allowed;
        for entry in nack.distinct() {
            self.retransmit(now, slot, &entry, &mut left, shared);
        }
        let looked_at = allowed - left;
        shared.counters.nack_packets += looked_at as u64;
        let subscriber = &mut self.downlinks[slot].subscriber;
        subscriber.charge_nack(now, looked_at);
        Ok(())
    }

    /// Queues again what is kept of the packets that an entry asks for. `left` is how many kept
    /// packets may still be looked at.
    fn retransmit(
        &mut self,
        now: Instant,
        slot: usize,
        wanted: &NackEntry,
        left: &mut usize,
        shared: &mut Shared,
    ) {
        let member = self.member(self.downlinks[slot].participant);
        let downlink = &mut self.downlinks[slot];
        let subscriber = &mut downlink.subscriber;
        // Only what is subscribed: a NACK is no way around the room's rules.
        let Some(subscription) = downlink.subscriptions.get(&wanted.track_id()) else {
            return;
        };
        // Packets of another layer were never sent here, so they were not lost.
        if !subscriber.forwards(wanted.stream_id()) {
            shared.counters.not_retransmitted += 1;
            return;
        }
        let publisher = &self.uplinks[subscription.uplink].publisher;
        let kept = publisher.answer(wanted, left);
        if kept.is_empty() {
            shared.counters.not_retransmitted += 1;
        }
        let frame = wanted.frame();
        for (fragment, datagram) in kept {
            let Ok(packet) = MediaPacket::parse(datagram.payload()) else {
                continue;
            };
            let bytes = datagram.payload().len();
            if !subscriber.admit_retransmission(now, frame, fragment, bytes) {
                shared.counters.not_retransmitted += 1;
                continue;
            }
            // It comes late: nothing is given up for it, nor what builds on it with it.
            let class = match accepted(&packet.header).class {
                Class::KeyFrame(of) | Class::DeltaFrame(of) => Class::Discardable(of),
                other => other,
            };
            let mut bytes = datagram.payload().to_vec();
            media::mark_rtx(&mut bytes, None);
            subscriber.queue.push(now, class, Datagram::copy_of(&bytes));
            shared.counters.retransmitted += 1;
            let flag = &mut downlink.is_ready;
            shared.outputs.ready(flag, member, Side::Downlink);
        }
    }
}
