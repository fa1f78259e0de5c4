//! What needs the key of a member that means harm.

use super::*;
use crate::mls::signed_heartbeat::Heartbeat;
use crate::mls::{Identity, Policy};
use crate::rng::RngError;
use crate::sframe::CipherSuite;

pub(super) const SUITE: Suite = Suite::P256Aes128GcmSha256;

/// No two draws are equal.
pub(super) struct Counting(pub(super) u64);

impl Rng for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = SUITE.hash().digest(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(super) fn at(micros: u64) -> Now {
    Now {
        micros,
        unix_seconds: 1_800_000_000,
    }
}

/// A member on a leaf, with bytes that are no key.
pub(super) fn member(leaf_index: u16, user: &str) -> RosterMember {
    RosterMember {
        leaf_index,
        user: user.to_owned(),
        public_key: vec![leaf_index as u8; 65],
        fingerprint: String::new(),
        own: false,
        expires: None,
    }
}

fn session(user: &str, seed: u64) -> MlsSession {
    let mut rng = Counting(seed << 32);
    let config = SessionConfig {
        identity: Identity::generate(SUITE, user, &mut rng).expect("a key"),
        sframe_suite: CipherSuite::Sm4GcmSm3,
        room: "room".into(),
        policy: Policy::Everyone,
        timing: Timing::default(),
    };
    MlsSession::new(config, Box::new(rng))
}

fn requests(session: &mut MlsSession) -> Vec<Request> {
    std::iter::from_fn(|| session.poll_output())
        .filter_map(|output| match output {
            Output::Send(request) => Some(request),
            _ => None,
        })
        .collect()
}

fn commit(session: &mut MlsSession) -> CommitRequest {
    let sent = requests(session);
    let mut commits = sent.into_iter().filter_map(|request| match request {
        Request::Commit(commit) => Some(commit),
        _ => None,
    });
    commits.next_back().expect("a commit")
}

/// Alice, number 1, in a group with Eve, number 2; and the group's public state.
fn pair() -> (MlsSession, MlsSession, GroupSnapshot) {
    let (mut alice, mut eve) = (session("alice", 1), session("eve", 2));
    let joined = |participant_id, peers| Input::Joined {
        participant_id,
        peers,
    };
    alice.handle_input(at(0), joined(1, vec![(2, "eve".into())]));
    alice.handle_input(at(0), Input::Group(None));
    let (accepted, epoch) = (true, 0);
    alice.handle_input(at(0), Input::Outcome { accepted, epoch });
    eve.handle_input(at(0), joined(2, vec![(1, "alice".into())]));
    let packages = requests(&mut eve).into_iter().find_map(|it| match it {
        Request::KeyPackages(packages) => packages.into_iter().next(),
        _ => None,
    });
    let claimed = Input::KeyPackage {
        participant_id: 2,
        key_package: packages,
    };
    alice.handle_input(at(0), claimed);
    let commit = commit(&mut alice);
    let (accepted, epoch) = (true, 1);
    alice.handle_input(at(0), Input::Outcome { accepted, epoch });
    let (_, welcome) = commit.welcomes.into_iter().next().expect("a Welcome");
    let ratchet_tree = commit.ratchet_tree.clone();
    eve.handle_input(
        at(0),
        Input::Welcome {
            epoch,
            welcome,
            ratchet_tree,
        },
    );
    assert_eq!((alice.epoch(), eve.epoch()), (Some(1), Some(1)));
    let snapshot = GroupSnapshot {
        epoch,
        group_info: commit.group_info,
        ratchet_tree: None,
    };
    requests(&mut alice);
    (alice, eve, snapshot)
}

/// A heartbeat of Eve's, signed by her, that says what she likes.
fn claim(eve: &mut MlsSession, epoch: u64, count: u64) -> Input {
    let heartbeat = Heartbeat {
        leaf: 1,
        epoch,
        count,
        tag: [7; 32],
    };
    let secret = eve.config.identity.secret().expose().to_vec();
    let group_id = eve.group.as_ref().expect("she is in").group_id().to_vec();
    let signed = heartbeat.sign(SUITE, &group_id, &secret, &mut Counting(99));
    Input::Heartbeat {
        participant_id: 2,
        heartbeat: signed.expect("a signature"),
    }
}

#[test]
fn a_claim_to_be_ahead_makes_a_member_look_once_and_fetch_no_tree() {
    let (mut alice, mut eve, snapshot) = pair();
    let mut looks = Vec::new();
    for second in 1..=10 {
        let now = at(second * 2_000_000);
        let heard = claim(&mut eve, u64::MAX, 100 + second);
        alice.handle_input(now, heard);
        // After the time that a commit may be on its way.
        alice.handle_input(at(second * 2_000_000 + 1_500_000), Input::Timeout);
        for request in requests(&mut alice) {
            if let Request::GetGroup { with_tree } = request {
                looks.push(with_tree);
                alice.handle_input(now, Input::Group(Some(snapshot.clone())));
            }
        }
        assert_eq!(alice.state(), State::InGroup);
    }
    assert_eq!(looks, [false]);
}

#[test]
fn a_member_that_says_it_is_elsewhere_counts_as_gone_until_it_has_shown_to_be_here() {
    let (mut alice, mut eve, snapshot) = pair();
    let heard = claim(&mut eve, 9, 100);
    alice.handle_input(at(1_000_000), heard);
    assert!(!alice.most_have_stayed(), "one against one");
    alice.handle_input(at(3_000_000), Input::Timeout);
    alice.handle_input(at(3_000_000), Input::Group(Some(snapshot)));
    assert!(alice.most_have_stayed(), "nobody is ahead");
}
