//! The room's MLS group behind the control stream.
//!
//! What the gateway says goes into the MLS session. What the session asks for goes to the gateway.
//! Each epoch's keys go to the sealer of this half and, as [`KeyMessage`]s, to the downlink half.

mod messages;

use std::collections::{BTreeMap, VecDeque};

use smrtc_crypto::secret::Secret;
use smrtc_e2ee::mls::{
    Event, Identity, IdentityError, Input, MlsSession, Now, Output, Policy, RequestKind,
    SessionConfig, Suite, Timing,
};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_engine::control::v1::{self, client_message, server_message};
use smrtc_engine::signal::Signal;
use smrtc_engine::time::Instant;

use crate::keys::{KeyMessage, Keys};
use crate::{Randomness, WallClock};

/// What a member of a group chooses before there is a room.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    /// The suite of the group; all its members use the same.
    pub suite: Suite,
    /// The suite of the frames; pinned in the group.
    pub sframe_suite: CipherSuite,
    /// Who may be in the group.
    pub policy: Policy,
    /// The signature key that the application keeps; a new one if there is none.
    pub identity: Option<Secret>,
    /// The certificate of that key and those of its issuers, in DER. Empty for a basic credential.
    pub chain: Vec<Vec<u8>>,
    /// The time of day, for lifetimes of credentials.
    pub wall_clock: WallClock,
}

/// One member of the room's group, over as many sessions with the gateway as it takes.
pub(crate) struct Group {
    options: GroupOptions,
    randomness: Randomness,
    /// From the first answer to Join on, which names the user and the room.
    member: Option<Member>,
    /// Requests of ours that the gateway has not answered.
    asked: BTreeMap<u32, RequestKind>,
    pub(crate) events: VecDeque<Event>,
    /// For the downlink half.
    pub(crate) messages: VecDeque<KeyMessage>,
    /// The member that was is no more, and its keys are to go with it.
    forsaken: bool,
}

struct Member {
    session: MlsSession,
    identity: Identity,
    room: String,
    participants: Vec<u32>,
}

impl Group {
    pub(crate) fn new(options: GroupOptions, randomness: Randomness) -> Self {
        Self {
            options,
            randomness,
            member: None,
            asked: BTreeMap::new(),
            events: VecDeque::new(),
            messages: VecDeque::new(),
            forsaken: false,
        }
    }

    fn now(&self, now: Instant) -> Now {
        Now {
            micros: now.as_micros(),
            unix_seconds: self.options.wall_clock.unix_seconds(),
        }
    }

    /// Something came from the gateway. Whether it was meant for the group alone.
    pub(crate) fn received(
        &mut self,
        now: Instant,
        request_id: u32,
        body: &server_message::Body,
    ) -> Result<bool, IdentityError> {
        if let server_message::Body::Joined(joined) = body {
            self.joined(joined)?;
        }
        self.tell_participants(body);
        let asked = self.asked.remove(&request_id);
        let for_us = asked.is_some() || messages::is_for_group(body);
        if let Some(input) = messages::input(body, asked) {
            self.input(now, input);
        }
        Ok(for_us)
    }

    /// A request was not answered. Whether it was the group's; its session has timers of its own.
    pub(crate) fn timed_out(&mut self, request_id: u32) -> bool {
        self.asked.remove(&request_id).is_some()
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self, now: Instant) {
        self.asked.clear();
        self.input(now, Input::Disconnected);
    }

    /// New keys, wanted by the application.
    pub(crate) fn rotate(&mut self, now: Instant) {
        self.input(now, Input::Rotate);
    }

    pub(crate) fn timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now.as_micros()) {
            self.input(now, Input::Timeout);
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.member.as_ref()?.session.deadline()
    }

    /// The signature key that we are known by, to keep for the next call.
    pub(crate) fn identity(&self) -> Option<&Secret> {
        self.member.as_ref().map(|member| member.identity.secret())
    }

    fn input(&mut self, now: Instant, input: Input) {
        let now = self.now(now);
        if let Some(member) = &mut self.member {
            member.session.handle_input(now, input);
        }
    }

    /// The gateway says who we are and where; another user or room is another group.
    fn joined(&mut self, joined: &v1::Joined) -> Result<(), IdentityError> {
        let stays = self.member.as_ref().is_some_and(|member| {
            member.identity.user() == joined.user_id && member.room == joined.room_id
        });
        if stays {
            return Ok(());
        }
        self.forsaken = self.member.take().is_some();
        let (suite, user) = (self.options.suite, &joined.user_id);
        let chain = &self.options.chain;
        let identity = match &self.options.identity {
            Some(secret) if !chain.is_empty() => {
                Identity::with_chain(suite, user, secret.expose(), chain)?
            }
            Some(secret) => Identity::from_secret(suite, user, secret.expose())?,
            None => Identity::generate(suite, user, &mut *self.randomness.source())?,
        };
        let config = SessionConfig {
            identity: identity.clone(),
            sframe_suite: self.options.sframe_suite,
            room: joined.room_id.clone(),
            policy: self.options.policy.clone(),
            timing: Timing::default(),
        };
        self.member = Some(Member {
            session: MlsSession::new(config, self.randomness.source()),
            identity,
            room: joined.room_id.clone(),
            participants: Vec::new(),
        });
        Ok(())
    }

    /// Tells the downlink half as whom the gateway presents each participant; it compares that with
    /// the group.
    fn tell_participants(&mut self, body: &server_message::Body) {
        let Some(member) = &mut self.member else {
            return;
        };
        let (gone, come): (Vec<u32>, Vec<&v1::Peer>) = match body {
            server_message::Body::Joined(joined) => (
                std::mem::take(&mut member.participants),
                joined.peers.iter().collect(),
            ),
            server_message::Body::PeerJoined(peer) => (Vec::new(), vec![peer]),
            server_message::Body::PeerLeft(left) => (vec![left.participant_id], Vec::new()),
            _ => return,
        };
        member.participants.retain(|id| !gone.contains(id));
        for id in gone {
            self.messages.push_back(KeyMessage::Gone(id));
        }
        for peer in come {
            member.participants.push(peer.participant_id);
            let user = peer.user_id.clone();
            self.messages
                .push_back(KeyMessage::Participant(peer.participant_id, user));
        }
    }

    /// Carries out what the session wants. Whether all keys until now are gone, and with them the
    /// right to seal.
    pub(crate) fn drain(&mut self, now: Instant, signal: &mut Signal, keys: &mut Keys) -> bool {
        let mut stopped = std::mem::take(&mut self.forsaken);
        if stopped {
            self.stop(keys);
        }
        while let Some(output) = self
            .member
            .as_mut()
            .and_then(|member| member.session.poll_output())
        {
            match output {
                Output::Send(request) => {
                    let (kind, body): (_, client_message::Body) = messages::request(request);
                    let id = signal.request(now, body);
                    self.asked.insert(id, kind);
                }
                Output::Keys(epoch) => {
                    if let Some(keys) = keys.mls() {
                        keys.install(now.as_micros(), epoch.clone());
                    }
                    self.messages.push_back(KeyMessage::Epoch(epoch));
                }
                Output::Stop => {
                    stopped = true;
                    self.stop(keys);
                }
                Output::Event(event) => self.events.push_back(event),
            }
        }
        if let Some(keys) = keys.mls() {
            keys.advance(now.as_micros());
        }
        stopped
    }

    fn stop(&mut self, keys: &mut Keys) {
        if let Some(keys) = keys.mls() {
            keys.clear();
        }
        self.messages.push_back(KeyMessage::Stop);
    }
}
