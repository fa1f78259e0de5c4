//! A member's side of a room's group, sans-IO: inputs and the time go in, requests, keys and events
//! come out.
//!
//! [`MlsSession`] holds the group, routes each input to the parts that it concerns, and puts
//! together what they ask for. Each part has a state of its own, and is tested alone:
//!
//! | part | knows |
//! |---|---|
//! | `room` | who is in the room, as the gateway says |
//! | `membership` | who is in the group, and whose turn it is |
//! | `joining` | how far an attempt to come into the group has got, and when the next one is |
//! | `restarting` | when a new group takes the place of one that we do not follow |
//! | `commit_schedule` | what is to be committed, by whom, and when |
//! | `submissions` | which of our commits are not answered |
//! | `heartbeats` | who agrees with our epoch, who does not, and who is silent |
//! | `certificate_reports` | which certificates the application was told of |
//!
//! `entering`, `committing` and `epochs` do with the group what the parts ask for.
//!
//! Nothing of a group is ever stored: whoever lost its memory joins anew, under a new leaf and in a
//! new epoch. So no state can be restored to seal under keys that have sealed before.

mod certificate_reports;
mod commit_schedule;
mod committing;
mod entering;
mod epochs;
mod heartbeats;
mod joining;
mod membership;
mod restarting;
mod room;
mod submissions;
#[cfg(test)]
mod tests;
mod types;

use std::collections::VecDeque;

use mls_rs::Group;

use self::certificate_reports::CertificateReports;
use self::commit_schedule::{CommitSchedule, Situation, Way};
use self::heartbeats::{Finding, Heartbeats, Received};
use self::joining::{Joining, KeptWelcome};
use self::membership::Membership;
use self::restarting::Restarting;
use self::room::Room;
use self::submissions::Submissions;
use super::admission::RefusedCertificate;
use super::commit_policy::room_extension;
use super::group::{Config, GroupClient, GroupError};
use super::provider::Provider;
use super::shared_rng::SharedRng;
use super::suite::Suite;
use crate::rng::Rng;

pub use types::{
    CommitRequest, Event, GroupSnapshot, Input, Now, Output, Refused, Request, RequestKind,
    RosterMember, SessionConfig, State, Timing,
};

/// One member of one room's group.
pub struct MlsSession {
    config: SessionConfig,
    rng: SharedRng,
    client: GroupClient,
    state: State,
    /// Whether our page was told that the policy does not take us.
    own_refused: bool,
    group: Option<Box<Group<Config>>>,
    room: Room,
    membership: Membership,
    joining: Joining<Box<Group<Config>>>,
    restarting: Restarting,
    schedule: CommitSchedule,
    submissions: Submissions,
    heartbeats: Heartbeats,
    certificates: CertificateReports,
    out: VecDeque<Output>,
}

impl MlsSession {
    /// A session that has not joined yet.
    pub fn new(config: SessionConfig, rng: Box<dyn Rng + Send>) -> Self {
        let provider = Provider::new(config.identity.suite(), rng);
        let rng = provider.rng();
        let room = room_extension(&config.room, config.sframe_suite);
        let client = GroupClient::new(&config.identity, provider, config.policy.clone(), room);
        Self {
            config,
            rng,
            client,
            state: State::Idle,
            own_refused: false,
            group: None,
            room: Room::default(),
            membership: Membership::default(),
            joining: Joining::default(),
            restarting: Restarting::default(),
            schedule: CommitSchedule::default(),
            submissions: Submissions::default(),
            heartbeats: Heartbeats::default(),
            certificates: CertificateReports::default(),
            out: VecDeque::new(),
        }
    }

    /// Applies one input; then drain [`Self::poll_output`]. No input is an error: what is not
    /// accepted is an event.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Joined { peers, .. } => self.joined_room(now, peers),
            Input::PeerJoined {
                participant_id,
                user,
            } => self.room.insert(participant_id, user),
            Input::PeerLeft { participant_id } => {
                self.room.remove(participant_id);
                self.schedule.forget(participant_id);
            }
            Input::Group(snapshot) => self.got_group(now, snapshot),
            Input::Outcome { accepted, epoch } => self.answered(now, Some((accepted, epoch))),
            Input::Committed {
                epoch,
                commit,
                created,
                ..
            } => self.committed(now, epoch, &commit, created),
            Input::Welcome {
                welcome,
                ratchet_tree,
                epoch,
            } => self.welcomed(
                now,
                KeptWelcome {
                    epoch,
                    welcome,
                    ratchet_tree,
                },
            ),
            Input::KeyPackage {
                participant_id,
                key_package,
            } => self.claimed(now, participant_id, key_package),
            Input::AddWanted { participant_id } => self.schedule.want(now.micros, participant_id),
            Input::KeyPackagesLow => self.upload_key_packages(now),
            Input::TreeWanted { epoch } => self.offer_tree(epoch),
            Input::Heartbeat {
                participant_id,
                heartbeat,
            } => self.heard(now, participant_id, &heartbeat),
            Input::Refused(kind) => self.refused(now, kind),
            Input::Disconnected => self.disconnected(),
            Input::Rotate => self.schedule.rotate(now.micros),
            Input::Timeout => {}
        }
        self.run_timers(now);
    }

    /// What to do next, until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to come back with [`Input::Timeout`], in microseconds.
    pub fn deadline(&self) -> Option<u64> {
        let timing = &self.config.timing;
        let heartbeat = self.group.as_ref().and(self.heartbeats.deadline());
        let commit = self.schedule.deadline(timing, self.situation().as_ref());
        [self.joining.deadline(timing), commit, heartbeat]
            .into_iter()
            .flatten()
            .min()
    }

    /// Where the session is.
    pub fn state(&self) -> State {
        self.state
    }

    /// The group's epoch, if we are in.
    pub fn epoch(&self) -> Option<u64> {
        self.group.as_ref().map(|group| group.current_epoch())
    }

    /// Everybody in the group.
    pub fn roster(&self) -> &[RosterMember] {
        self.membership.members()
    }

    /// The code of this epoch.
    pub fn verification_code(&self) -> Option<&str> {
        self.membership.verification_code()
    }

    fn suite(&self) -> Suite {
        self.config.identity.suite()
    }

    fn run_timers(&mut self, now: Now) {
        self.run_joining(now);
        self.show_which_side_we_are_on();
        self.run_schedule(now);
        self.run_heartbeats(now);
        let refused = self.client.take_refused_certificates();
        self.tell_certificates(refused);
    }

    /// A request was answered with an error.
    fn refused(&mut self, now: Now, kind: RequestKind) {
        match kind {
            RequestKind::Commit => self.answered(now, None),
            RequestKind::GetGroup => self.group_refused(now),
            RequestKind::Claim(participant) => self.claimed(now, participant, None),
            RequestKind::Other => {}
        }
    }

    /// While we do not follow the delivery service's group: we are in the group if it is the others
    /// who have gone astray.
    fn show_which_side_we_are_on(&mut self) {
        if self.restarting.has_parted() && self.joining.is_pausing() {
            self.set_state(if self.most_have_stayed() {
                State::InGroup
            } else {
                State::Healing
            });
        }
    }

    /// Whether more of the members who are in the room have stayed in our epoch than have left it.
    fn most_have_stayed(&self) -> bool {
        let others = self
            .membership
            .others()
            .filter(|member| self.room.has(&member.user));
        self.heartbeats
            .most_have_stayed(others.map(|member| member.leaf_index))
    }

    /// What the schedule of commits goes by.
    fn situation(&self) -> Option<Situation<'_>> {
        let epoch = self.epoch()?;
        let way = if self.joining.is_idle() {
            Way::Commit
        } else {
            // Until the next attempt to follow, if most are with us.
            let stays = self.joining.is_pausing() && self.most_have_stayed();
            let from = self.restarting.member_replaces_from();
            match from.filter(|_| stays) {
                Some(from) => Way::Replace { from },
                None => Way::Wait,
            }
        };
        Some(Situation {
            epoch,
            membership: &self.membership,
            room: &self.room,
            timing: &self.config.timing,
            parted: self.restarting.has_parted(),
            way,
        })
    }

    fn run_heartbeats(&mut self, now: Now) {
        let shortest = self.config.timing.heartbeat;
        if self.group.is_none() {
            return;
        }
        let due = self
            .heartbeats
            .on_timeout(now.micros, shortest, &self.membership, &mut self.rng);
        let Some(due) = due else { return };
        if let Some(users) = due.silent {
            self.tell(Event::Unconfirmed { users });
        }
        let signed = due.heartbeat.sign(
            self.suite(),
            self.heartbeats.group_id(),
            self.config.identity.secret().expose(),
            &mut self.rng,
        );
        match signed {
            Ok(bytes) => self.send(Request::Heartbeat(bytes)),
            Err(_) => self.tell(Event::refused(Refused::Own, &GroupError::Malformed)),
        }
    }

    /// Somebody's heartbeat.
    fn heard(&mut self, now: Now, participant: u32, bytes: &[u8]) {
        let (Some(epoch), Some(user)) = (self.epoch(), self.room.user(participant)) else {
            return;
        };
        let user = user.to_owned();
        let received = Received {
            user: &user,
            bytes,
            other_group: self.restarting.offered_group(),
        };
        let suite = self.config.identity.suite();
        let finding = self
            .heartbeats
            .on_received(now.micros, suite, &self.membership, received);
        match finding {
            Some(Finding::Confirmed) => self.tell(Event::Confirmed { user, epoch }),
            Some(Finding::Split(epoch)) => self.tell(Event::Split { user, epoch }),
            Some(Finding::Ahead) if self.state == State::InGroup => {
                self.joining.notice_ahead(now.micros);
            }
            Some(Finding::Ahead) | None => {}
        }
    }

    /// Tells of certificates, each once in an epoch, however often it is offered.
    fn tell_certificates(&mut self, refused: Vec<RefusedCertificate>) {
        let new = self.certificates.not_told_yet(refused);
        self.tell_of(new);
    }

    fn tell_of(&mut self, certificates: Vec<RefusedCertificate>) {
        for (user, why) in certificates {
            self.tell(Event::CertificateInvalid { user, why });
        }
    }

    fn offer_tree(&mut self, epoch: u64) {
        if let Some(group) = &self.group
            && group.current_epoch() == epoch
            && let Ok(ratchet_tree) = group.export_tree().to_bytes()
        {
            self.send(Request::PutTree {
                epoch,
                ratchet_tree,
            });
        }
    }

    fn send(&mut self, request: Request) {
        self.out.push_back(Output::Send(request));
    }

    fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.tell(Event::State { state });
        }
    }

    /// Whether the policy takes ourselves. If it does not, the others would not either: our page is
    /// told once, and nothing is sent.
    fn takes_ourselves(&mut self, now: Now) -> bool {
        match self.client.check_own(now.unix_seconds) {
            Ok(()) => {
                self.own_refused = false;
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.own_refused, true) {
                    self.tell(Event::refused(Refused::Own, &error));
                }
                false
            }
        }
    }

    /// Sends a commit; gives its number, by which its answer is known.
    fn submit(&mut self, commit: CommitRequest) -> u64 {
        self.send(Request::Commit(commit));
        self.submissions.submit()
    }
}

impl std::fmt::Debug for MlsSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MlsSession")
            .field("user", &self.config.identity.user())
            .field("state", &self.state)
            .field("epoch", &self.epoch())
            .field("roster", &self.roster())
            .finish_non_exhaustive()
    }
}

/// KeyPackages uploaded at a time.
const KEY_PACKAGES: usize = 4;

/// When to look again whether the policy takes ourselves.
const OWN_PAUSE_MICROS: u64 = 5_000_000;
