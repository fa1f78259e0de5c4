//! What an edge has for its host, and the names of those it is for.

use std::collections::VecDeque;

use smrtc_engine::wire::CloseCode;

use crate::room::{EncodedMessage, ParticipantId};

/// A room's number within a node; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey(pub(crate) u64);

/// A participant of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The room.
    pub room: RoomKey,
    /// The number in it.
    pub participant: ParticipantId,
}

/// Which of a participant's two sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Control stream, media up.
    Uplink,
    /// Media down.
    Downlink,
}

/// What the host has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this on the member's control stream.
    Message(Member, EncodedMessage),
    /// Datagrams wait: [`crate::hub::Hub::pop_datagram`].
    Ready(Member, Side),
    /// [`crate::hub::Hub::next_timeout`], or of a downlink [`crate::hub::Hub::next_send`], of this
    /// member has moved closer.
    Rearm(Member, Side),
    /// End this session after what was sent to it before.
    Close(Member, Side, CloseCode, &'static str),
}

/// All outputs of a node that the host has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    first: VecDeque<Output>,
    /// Sessions for which datagrams wait, each once while its flag is up.
    ready: VecDeque<(Member, Side)>,
}

impl Outputs {
    pub(crate) fn push(&mut self, output: Output) {
        self.first.push_back(output);
    }

    /// Sends a message that may go to others as well: its bytes are shared.
    pub(crate) fn tell(&mut self, member: Member, message: &EncodedMessage) {
        self.push(Output::Message(member, message.clone()));
    }

    /// Datagrams wait for a session. `flag` is the session's: it stays up until the host is told.
    pub(crate) fn ready(&mut self, flag: &mut bool, member: Member, side: Side) {
        if !*flag {
            *flag = true;
            self.ready.push_back((member, side));
        }
    }

    /// The next output but [`Output::Ready`]. These come first, so that what a message announces is
    /// on its way when the media comes.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.first.pop_front()
    }

    /// The next session for which datagrams wait, unless it ended meanwhile.
    pub(crate) fn pop_ready(&mut self) -> Option<(Member, Side)> {
        self.ready.pop_front()
    }
}
