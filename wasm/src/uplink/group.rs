//! The room's MLS group behind the control stream: what the gateway says goes into the session, what the session wants goes
//! to the gateway, and each epoch's keys go to the sealer here and to the downlink worker.

use std::collections::{BTreeMap, VecDeque};

use smrtc_crypto::secret::Secret;
use smrtc_e2ee::mls::{
    Identity, IdentityError, Input, MlsSession, Now, Output, Policy, RequestKind, SessionConfig,
    Suite, Timing,
};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_e2ee::{KeyProvider, OsRng};
use smrtc_engine::control::v1::{self, client_message, server_message};
use smrtc_engine::signal::Signal;
use smrtc_engine::time::Instant;

use crate::group_messages::{self, GroupEvent};
use crate::keys::{KeyMessage, Keys};

/// What is chosen before there is a room.
pub(super) struct GroupOptions {
    pub(super) suite: Suite,
    pub(super) sframe_suite: CipherSuite,
    pub(super) policy: Policy,
    /// The signature key that the application keeps; a new one if there is none.
    pub(super) identity: Option<Secret>,
    /// Of that key: its certificate and those of its issuers, in DER. Empty for a basic credential.
    pub(super) chain: Vec<Vec<u8>>,
}

/// One member of the room's group, over as many sessions with the gateway as it takes.
pub(super) struct Group {
    options: GroupOptions,
    /// From the first answer to Join on, which names the user and the room.
    member: Option<Member>,
    /// Requests of ours that the gateway has not answered.
    asked: BTreeMap<u32, RequestKind>,
    pub(super) events: VecDeque<GroupEvent>,
    /// For the downlink worker.
    pub(super) messages: VecDeque<KeyMessage>,
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
    pub(super) fn new(options: GroupOptions) -> Self {
        Self {
            options,
            member: None,
            asked: BTreeMap::new(),
            events: VecDeque::new(),
            messages: VecDeque::new(),
            forsaken: false,
        }
    }

    /// The time of day is asked for anew each time: the worker's own clock stands still while the machine sleeps, and
    /// nobody's key package would be valid by one that lags.
    fn now(now: Instant) -> Now {
        Now {
            micros: now.as_micros(),
            unix_seconds: (js_sys::Date::now() / 1e3).max(0.0) as u64,
        }
    }

    /// Something came from the gateway. Whether it was meant for the group alone.
    pub(super) fn received(
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
        let for_us = asked.is_some() || group_messages::is_for_group(body);
        if let Some(input) = group_messages::input(body, asked) {
            self.input(now, input);
        }
        Ok(for_us)
    }

    /// A request was not answered. Whether it was the group's; its session has timers of its own.
    pub(super) fn timed_out(&mut self, request_id: u32) -> bool {
        self.asked.remove(&request_id).is_some()
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self, now: Instant) {
        self.asked.clear();
        self.input(now, Input::Disconnected);
    }

    /// New keys, wanted by the application.
    pub(super) fn rotate(&mut self, now: Instant) {
        self.input(now, Input::Rotate);
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now.as_micros()) {
            self.input(now, Input::Timeout);
        }
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.member.as_ref()?.session.deadline()
    }

    /// The signature key that we are known by, to keep for the next call.
    pub(super) fn identity(&self) -> Option<&Secret> {
        self.member.as_ref().map(|member| member.identity.secret())
    }

    fn input(&mut self, now: Instant, input: Input) {
        let now = Self::now(now);
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
            None => Identity::generate(suite, user, &mut OsRng)?,
        };
        let config = SessionConfig {
            identity: identity.clone(),
            sframe_suite: self.options.sframe_suite,
            room: joined.room_id.clone(),
            policy: self.options.policy.clone(),
            timing: Timing::default(),
        };
        self.member = Some(Member {
            session: MlsSession::new(config, Box::new(OsRng)),
            identity,
            room: joined.room_id.clone(),
            participants: Vec::new(),
        });
        Ok(())
    }

    /// The downlink worker is told as whom the gateway presents each participant, to compare it with the group.
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

    /// Carries out what the session wants. Whether all keys until now are gone, and with them the right to seal.
    pub(super) fn drain(&mut self, now: Instant, signal: &mut Signal, keys: &mut Keys) -> bool {
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
                    let (kind, body): (_, client_message::Body) = group_messages::request(request);
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
                Output::Event(event) => self.events.push_back(event.into()),
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

/// The epoch that the keys seal in.
pub(super) fn sealing_epoch(keys: &Keys) -> Option<u64> {
    keys.can_seal().then(|| keys.epoch())
}
