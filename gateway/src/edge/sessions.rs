//! Sessions of those who are here: coming in, the downlink, lanes, and what each is sent.

use std::time::Duration;

use smrtc_engine::{time::Instant, wire::CloseCode};

use super::{Edge, Local, Output, Shared, Side, downlink::Downlink};
use crate::{
    forward::{Datagram, Tolerance},
    room::ParticipantId,
};

/// Time in which requests and malformed datagrams are counted.
const TOLERANCE_WINDOW: Duration = Duration::from_secs(10);

/// Lanes of a participant: enough for what a browser may send where loss makes it slow, few enough
/// to be no burden.
const MAX_LANES: u32 = 64;

/// Why a downlink or a lane was not attached.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// No participant who is in has this ticket. Close code 4404.
    #[error("the attach ticket is unknown or its participant is gone")]
    UnknownTicket,
    /// This participant has 64 lanes already. Close code 4404.
    #[error("too many lanes")]
    TooManyLanes,
}

impl Edge {
    /// Serves a participant who has joined from now on. `ticket` opens the downlink and lanes.
    pub(crate) fn enter(
        &mut self,
        now: Instant,
        id: ParticipantId,
        ticket: &[u8],
        shared: &mut Shared,
    ) {
        let Some(uplink) = self.publishers.get(&id).copied() else {
            return;
        };
        let tolerance = |limit| Tolerance::new(limit, TOLERANCE_WINDOW, now);
        let downlink = Downlink::new(id, self.limits.media, now);
        let local = Local {
            uplink,
            downlink: self.downlinks.insert(downlink),
            ticket: shared.tickets.insert(ticket, self.member(id)),
            requests: tolerance(self.limits.requests),
            malformed: tolerance(self.limits.malformed_datagrams),
            lanes: 0,
        };
        self.locals.insert(id, local);
        shared.counters.joins += 1;
    }

    /// Counts a request; `false` if it is one too many.
    pub(crate) fn tolerates_request(&mut self, now: Instant, id: ParticipantId) -> bool {
        let local = self.locals.get_mut(&id);
        local.is_some_and(|local| local.requests.tolerates(now))
    }

    /// A downlink session begins; an earlier one ends. Returns the number for [`Self::detach`].
    pub(crate) fn attach(
        &mut self,
        now: Instant,
        id: ParticipantId,
        shared: &mut Shared,
    ) -> Option<u64> {
        let slot = self.locals.get(&id)?.downlink;
        let member = self.member(id);
        let downlink = &mut self.downlinks[slot];
        if downlink.is_attached {
            let (code, why) = (CloseCode::Left, "attached again");
            let close = Output::Close(member, Side::Downlink, code, why);
            shared.outputs.push(close);
        }
        downlink.is_attached = true;
        downlink.is_armed = false;
        downlink.attachments += 1;
        downlink.subscriber.restart(self.limits.media, now);
        let attachment = downlink.attachments;
        // The key frames of tracks subscribed to before there was a way down have gone by.
        let tracks: Vec<_> = downlink.subscriptions.keys().copied().collect();
        for track in tracks {
            self.begin_track(now, slot, track, shared);
        }
        Some(attachment)
    }

    /// A downlink session ended; the participant stays in.
    pub(crate) fn detach(&mut self, id: ParticipantId, attachment: u64) {
        let Some(local) = self.locals.get(&id) else {
            return;
        };
        let downlink = &mut self.downlinks[local.downlink];
        if downlink.attachments == attachment {
            downlink.is_attached = false;
            downlink.subscriber.queue.clear();
        }
    }

    /// Opens another way for media of a participant.
    ///
    /// # Errors
    ///
    /// [`AttachError`].
    pub(crate) fn open_lane(&mut self, id: ParticipantId) -> Result<(), AttachError> {
        let local = self.locals.get_mut(&id);
        let local = local.ok_or(AttachError::UnknownTicket)?;
        if local.lanes >= MAX_LANES {
            return Err(AttachError::TooManyLanes);
        }
        local.lanes += 1;
        Ok(())
    }

    /// A lane ended.
    pub(crate) fn close_lane(&mut self, id: ParticipantId) {
        if let Some(local) = self.locals.get_mut(&id) {
            local.lanes -= 1;
        }
    }

    /// Takes the flag of [`Output::Ready`] down, since the host is told now; `false` if the session
    /// is gone.
    pub(crate) fn take_ready(&mut self, id: ParticipantId, side: Side) -> bool {
        let Some(local) = self.locals.get(&id) else {
            return false;
        };
        let flag = match side {
            Side::Uplink => &mut self.uplinks[local.uplink].is_ready,
            Side::Downlink => &mut self.downlinks[local.downlink].is_ready,
        };
        std::mem::take(flag)
    }

    /// The next datagram for a session, best first.
    pub(crate) fn pop_datagram(
        &mut self,
        now: Instant,
        id: ParticipantId,
        side: Side,
        shared: &mut Shared,
    ) -> Option<Datagram> {
        let local = self.locals.get(&id)?;
        if side == Side::Uplink {
            return self.uplinks[local.uplink].queue.pop(now);
        }
        let downlink = &mut self.downlinks[local.downlink];
        let datagram = downlink.subscriber.pop(now);
        // Something is held back: the session has to know until when, once.
        if datagram.is_none() && !downlink.subscriber.queue.is_empty() && !downlink.is_armed {
            downlink.is_armed = true;
            shared.outputs.push(Output::Rearm(self.member(id), side));
        }
        datagram
    }

    /// Lets go of what a downlink has held back.
    pub(crate) fn send_due(&mut self, id: ParticipantId, shared: &mut Shared) {
        let Some(local) = self.locals.get(&id) else {
            return;
        };
        let member = self.member(id);
        let downlink = &mut self.downlinks[local.downlink];
        downlink.is_armed = false;
        if !downlink.subscriber.queue.is_empty() {
            let flag = &mut downlink.is_ready;
            shared.outputs.ready(flag, member, Side::Downlink);
        }
    }
}
