//! The client's side of the control stream: requests out, replies matched to them, and who is in
//! the room.
//!
//! Sans-IO: the bytes go on whatever carries the control stream. Decides nothing about whom to
//! subscribe to or what to do when a request fails.

mod roster;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::control::v1::{
    ClientMessage, Error, ErrorCode, ServerMessage, client_message, server_message,
};
use crate::control::{Framer, FramerError, encode_delimited};
use crate::time::Instant;

pub use roster::{Participant, Roster};

/// How long a reply may take. A gateway answers within a round trip; five seconds are two
/// retransmissions of a lost packet on a bad path.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What happens to the control stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalInput<'a> {
    /// Bytes that came off the stream, split anywhere.
    Bytes(&'a [u8]),
    /// The deadline last returned has passed.
    Timeout,
}

/// What the control stream wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalOutput {
    /// Write these bytes to the stream.
    Transmit(Vec<u8>),
    /// Tell the application.
    Event(SignalEvent),
    /// Nothing more now; call with [`SignalInput::Timeout`] at this time at the latest.
    Timeout(Instant),
}

/// What the application should know.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalEvent {
    /// A request was answered; an [`server_message::Body::Error`] is an answer too.
    Reply {
        /// What [`Signal::request`] returned.
        request_id: u32,
        /// The answer.
        body: server_message::Body,
    },
    /// A request was not answered in time; an answer that comes later is dropped.
    RequestTimedOut {
        /// What [`Signal::request`] returned.
        request_id: u32,
    },
    /// Something happened in the room. The roster shows it already.
    Notification(server_message::Body),
}

/// The client's side of one control stream.
#[derive(Debug, Default)]
pub struct Signal {
    framer: Framer,
    failed: Option<FramerError>,
    last_request_id: u32,
    pending: BTreeMap<u32, Instant>,
    outputs: VecDeque<SignalOutput>,
    roster: Roster,
}

impl Signal {
    /// A stream on which nothing has been said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a request and returns its number, by which the reply is known.
    pub fn request(&mut self, now: Instant, body: client_message::Body) -> u32 {
        let request_id = self.last_request_id.checked_add(1).unwrap_or(1);
        self.last_request_id = request_id;
        self.pending.insert(request_id, now + REQUEST_TIMEOUT);
        let message = ClientMessage {
            request_id,
            body: Some(body),
        };
        self.outputs
            .push_back(SignalOutput::Transmit(encode_delimited(&message)));
        request_id
    }

    /// Applies one input; then drain [`Self::poll_output`] until it yields
    /// [`SignalOutput::Timeout`].
    ///
    /// # Errors
    ///
    /// [`FramerError`] if the stream cannot be read any further, now and at every later call with
    /// bytes: the session is to be closed. What was read before is still handed out.
    pub fn handle_input(
        &mut self,
        now: Instant,
        input: SignalInput<'_>,
    ) -> Result<(), FramerError> {
        let result = match input {
            SignalInput::Bytes(bytes) => self.read(bytes),
            SignalInput::Timeout => Ok(()),
        };
        self.expire(now);
        result
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> SignalOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            SignalOutput::Timeout(
                self.pending
                    .values()
                    .copied()
                    .min()
                    .unwrap_or(Instant::FAR_FUTURE),
            )
        })
    }

    /// Who is in the room, and what they publish.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), FramerError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.framer.push(bytes);
        loop {
            match self.framer.next_message() {
                Ok(Some(message)) => self.on_message(message),
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.failed = Some(error);
                    return Err(error);
                }
            }
        }
    }

    fn on_message(&mut self, ServerMessage { reply_to, body }: ServerMessage) {
        let event = if reply_to == 0 {
            // A notification of a later version; it means nothing to this one.
            let Some(body) = body else { return };
            self.roster.apply(&body);
            SignalEvent::Notification(body)
        } else {
            if self.pending.remove(&reply_to).is_none() {
                return;
            }
            let body = body.unwrap_or_else(unknown_reply);
            self.roster.apply(&body);
            SignalEvent::Reply {
                request_id: reply_to,
                body,
            }
        };
        self.outputs.push_back(SignalOutput::Event(event));
    }

    fn expire(&mut self, now: Instant) {
        let outputs = &mut self.outputs;
        self.pending.retain(|&request_id, &mut deadline| {
            let waiting = now < deadline;
            if !waiting {
                outputs.push_back(SignalOutput::Event(SignalEvent::RequestTimedOut {
                    request_id,
                }));
            }
            waiting
        });
    }
}

/// What an answer is taken for whose body this version does not know.
fn unknown_reply() -> server_message::Body {
    server_message::Body::Error(Error {
        code: ErrorCode::UnknownMessage.into(),
        message: "the gateway's answer is of a kind this client does not know".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::v1::{Done, Join, Joined, Leave, Peer, PeerLeft};
    use server_message::Body;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn server(reply_to: u32, body: Option<Body>) -> Vec<u8> {
        encode_delimited(&ServerMessage { reply_to, body })
    }

    fn drain(signal: &mut Signal) -> (Vec<SignalEvent>, Vec<Vec<u8>>, Instant) {
        let (mut events, mut sent) = (Vec::new(), Vec::new());
        loop {
            match signal.poll_output() {
                SignalOutput::Event(event) => events.push(event),
                SignalOutput::Transmit(bytes) => sent.push(bytes),
                SignalOutput::Timeout(next) => return (events, sent, next),
            }
        }
    }

    #[test]
    fn a_reply_finds_its_request_however_the_stream_is_split() {
        let mut signal = Signal::new();
        let join = signal.request(at(0), client_message::Body::Join(Join::default()));
        let leave = signal.request(at(1), client_message::Body::Leave(Leave {}));
        assert_ne!(join, leave);
        let (_, sent, next) = drain(&mut signal);
        assert_eq!(sent.len(), 2);
        assert_eq!(next, at(5_000));
        let mut framer = Framer::new();
        framer.push(&sent.concat());
        assert_eq!(
            framer
                .next_message::<ClientMessage>()
                .unwrap()
                .unwrap()
                .request_id,
            join
        );

        let joined = Joined {
            participant_id: 3,
            peers: vec![Peer {
                participant_id: 2,
                ..Peer::default()
            }],
            ..Joined::default()
        };
        let bytes = [
            server(leave, Some(Body::Done(Done {}))),
            server(join, Some(Body::Joined(joined.clone()))),
        ]
        .concat();
        for byte in bytes {
            signal
                .handle_input(at(20), SignalInput::Bytes(&[byte]))
                .unwrap();
        }
        let (events, _, next) = drain(&mut signal);
        assert_eq!(
            events,
            [
                SignalEvent::Reply {
                    request_id: leave,
                    body: Body::Done(Done {})
                },
                SignalEvent::Reply {
                    request_id: join,
                    body: Body::Joined(joined)
                },
            ]
        );
        assert_eq!(next, Instant::FAR_FUTURE);
        assert!(signal.roster().participant(2).is_some());
    }

    #[test]
    fn a_request_without_reply_times_out_once_and_its_late_reply_is_dropped() {
        let mut signal = Signal::new();
        let id = signal.request(at(10), client_message::Body::Leave(Leave {}));
        signal
            .handle_input(at(5_009), SignalInput::Timeout)
            .unwrap();
        assert_eq!(drain(&mut signal).0, []);
        signal
            .handle_input(at(5_010), SignalInput::Timeout)
            .unwrap();
        assert_eq!(
            drain(&mut signal).0,
            [SignalEvent::RequestTimedOut { request_id: id }]
        );
        signal
            .handle_input(
                at(5_011),
                SignalInput::Bytes(&server(id, Some(Body::Done(Done {})))),
            )
            .unwrap();
        assert_eq!(drain(&mut signal).0, []);
    }

    #[test]
    fn messages_of_a_later_version_do_no_harm() {
        let mut signal = Signal::new();
        let id = signal.request(at(0), client_message::Body::Leave(Leave {}));
        drain(&mut signal);
        signal
            .handle_input(at(1), SignalInput::Bytes(&server(0, None)))
            .unwrap();
        assert_eq!(drain(&mut signal).0, []);
        signal
            .handle_input(at(1), SignalInput::Bytes(&server(id, None)))
            .unwrap();
        let (events, ..) = drain(&mut signal);
        let [
            SignalEvent::Reply {
                body: Body::Error(error),
                ..
            },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(error.code(), ErrorCode::UnknownMessage);
    }

    #[test]
    fn a_broken_stream_stays_broken_and_what_came_before_is_kept() {
        let mut signal = Signal::new();
        let left = Body::PeerLeft(PeerLeft {
            participant_id: 2,
            reason: 1,
        });
        let bytes = [server(0, Some(left.clone())), vec![0xff; 4]].concat();
        assert_eq!(
            signal.handle_input(at(0), SignalInput::Bytes(&bytes)),
            Err(FramerError::TooLong)
        );
        assert_eq!(
            drain(&mut signal).0,
            [SignalEvent::Notification(left.clone())]
        );
        let good = server(0, Some(left));
        assert_eq!(
            signal.handle_input(at(0), SignalInput::Bytes(&good)),
            Err(FramerError::TooLong)
        );
        assert_eq!(drain(&mut signal).0, []);
    }
}
