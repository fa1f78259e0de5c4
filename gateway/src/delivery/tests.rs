//! Well-framed messages without keys in them: the delivery service reads no further than the frame.

mod messages;
mod recipients;
mod replace;

use proptest::prelude::*;

use super::*;
use messages::*;

/// What one participant is sent.
#[derive(Clone, Debug, PartialEq)]
struct Post {
    to: ParticipantId,
    reply_to: u32,
    body: Body,
}

fn posts(notices: Vec<Notice>) -> Vec<Post> {
    let each = |notice: Notice| {
        let (reply_to, body) = (notice.reply_to, notice.body);
        let to = match notice.to {
            Recipients::One(id) => vec![id],
            Recipients::These(ids) => ids,
            Recipients::AllBut(_) => panic!("not all of a room are in its group"),
        };
        to.into_iter().map(move |to| Post {
            to,
            reply_to,
            body: body.clone(),
        })
    };
    notices.into_iter().flat_map(each).collect()
}

struct Room {
    delivery: Delivery,
    now: Instant,
    counters: Counters,
}

impl Room {
    /// Users "1" to "4" as participants 1 to 4.
    fn new() -> Self {
        let mut room = Self {
            delivery: Delivery::new(Limits::default()),
            now: Instant::ZERO,
            counters: Counters::default(),
        };
        for id in 1..=4 {
            room.join(id, Role::Anchor);
        }
        room
    }

    fn join(&mut self, id: ParticipantId, role: Role) {
        self.delivery.join(self.now, id, &id.to_string(), role);
    }

    /// `id` uploads a KeyPackage; who is told that it wants to be added.
    fn upload(&mut self, id: ParticipantId, number: u8) -> Vec<ParticipantId> {
        let packages = v1::MlsKeyPackages {
            key_packages: vec![key_package(&id.to_string(), number)],
        };
        let (reply, posts) = self.ask(id, Request::MlsKeyPackages(packages));
        assert_eq!(reply, Ok(Some(Body::Done(Done {}))));
        posts.iter().map(|post| post.to).collect()
    }

    /// The KeyPackage that `id` is given of another; empty if none.
    fn claim(&mut self, id: ParticipantId, of: ParticipantId) -> Vec<u8> {
        let claim = v1::MlsClaim { participant_id: of };
        match self.ask(id, Request::MlsClaim(claim)).0 {
            Ok(Some(Body::MlsKeyPackage(package))) => package.key_package,
            other => panic!("{other:?}"),
        }
    }

    /// What `by` needs to add each of these.
    fn claimed(
        &mut self,
        by: ParticipantId,
        of: &[ParticipantId],
    ) -> Vec<(ParticipantId, Vec<u8>)> {
        let claim = |of: &ParticipantId| {
            self.upload(*of, *of as u8);
            (*of, self.claim(by, *of))
        };
        of.iter().map(claim).collect()
    }

    fn members(&self) -> Vec<ParticipantId> {
        let group = self.delivery.group.iter();
        group.flat_map(|group| group.members.clone()).collect()
    }

    fn heartbeat(&mut self, id: ParticipantId, epoch: u64) -> Vec<Post> {
        let heartbeat = [&[1, 0, 0, 0, 0][..], &epoch.to_be_bytes(), &[7; 100]].concat();
        let heartbeat = v1::MlsHeartbeat {
            participant_id: id,
            heartbeat,
        };
        let (reply, posts) = self.ask(id, Request::MlsHeartbeat(heartbeat));
        assert_eq!(reply, Ok(Some(Body::Done(Done {}))));
        posts
    }

    fn ask(
        &mut self,
        id: ParticipantId,
        request: Request,
    ) -> (Result<Option<Body>, Refusal>, Vec<Post>) {
        self.now += Duration::from_secs(1);
        let mut out = Vec::new();
        let reply = self
            .delivery
            .request(self.now, id, 77, request, &mut self.counters, &mut out);
        (reply, posts(out))
    }

    fn timeout(&mut self, at: Instant, id: ParticipantId) -> Vec<Post> {
        let mut out = Vec::new();
        self.delivery.timeout(at, id, &mut out);
        posts(out)
    }

    fn leave(&mut self, id: ParticipantId) -> Vec<Post> {
        let mut out = Vec::new();
        self.delivery.leave(id, &mut out);
        posts(out)
    }

    fn commit(&mut self, id: ParticipantId, commit: v1::MlsCommit) -> Result<(bool, u64), Refusal> {
        match self.ask(id, Request::MlsCommit(commit)).0? {
            Some(Body::MlsOutcome(outcome)) => Ok((outcome.accepted, outcome.epoch)),
            other => panic!("{other:?}"),
        }
    }

    fn get(&mut self, id: ParticipantId) -> (Option<v1::MlsGroup>, Vec<Post>) {
        let get = v1::MlsGetGroup { with_tree: true };
        match self.ask(id, Request::MlsGetGroup(get)) {
            (Ok(None), posts) => (None, posts),
            (Ok(Some(Body::MlsGroup(group))), posts) => (Some(group), posts),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_first_commit_of_an_epoch_wins_and_the_loser_is_told_the_epoch() {
    let mut room = Room::new();
    assert_eq!(room.commit(1, create()), Ok((true, 0)));
    assert_eq!(room.commit(2, create()), Err(Refusal::GroupLives));
    assert_eq!(room.commit(1, ends(0, Some("1"))), Ok((true, 1)));
    assert_eq!(room.commit(2, ends(0, None)), Ok((false, 1)));
    assert_eq!(room.commit(3, create()), Ok((false, 1)));
    assert_eq!((room.counters.commits, room.counters.conflicts), (2, 2));
}

#[test]
fn a_commit_goes_to_those_who_were_in_and_a_welcome_to_those_who_come() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    room.commit(2, ends(0, Some("2"))).unwrap();
    let three = room.claimed(1, &[3]);
    let (reply, posts) = room.ask(1, Request::MlsCommit(adds(1, &three)));
    assert!(matches!(reply, Ok(Some(Body::MlsOutcome(outcome))) if outcome.accepted));
    let to: Vec<_> = posts.iter().map(|post| (post.to, post.reply_to)).collect();
    assert_eq!(to, [(3, 0), (2, 0)]);
    assert!(
        matches!(&posts[0].body, Body::MlsWelcome(w) if w.epoch == 2 && *w.ratchet_tree == [9])
    );
    assert!(
        matches!(&posts[1].body, Body::MlsCommitted(c) if c.epoch == 1 && c.participant_id == 1)
    );
    assert_eq!(room.commit(3, ends(2, None)), Ok((true, 3)), "3 is in");
    assert_eq!(room.commit(4, ends(3, None)), Err(Refusal::NotAllowed));
}

#[test]
fn what_cannot_be_right_is_refused_and_changes_nothing() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    let with = |change: fn(&mut v1::MlsCommit)| {
        let mut commit = ends(0, None);
        change(&mut commit);
        commit
    };
    for (what, bad) in [
        (
            "another epoch inside",
            with(|c| c.commit = commit(b"room", 1, None)),
        ),
        (
            "another group",
            with(|c| c.commit = commit(b"moor", 0, None)),
        ),
        (
            "a GroupInfo of another epoch",
            with(|c| c.group_info = group_info(b"room", 2)),
        ),
        (
            "a GroupInfo of another group",
            with(|c| c.group_info = group_info(b"moor", 1)),
        ),
        (
            "a commit that is none",
            with(|c| c.commit = key_package("1", 1)),
        ),
        ("no GroupInfo", with(|c| c.group_info.clear())),
        (
            "a foreign name",
            with(|c| c.commit = commit(b"room", 0, Some("2"))),
        ),
        ("too long", with(|c| c.commit.resize((512 << 10) + 1, 0))),
        (
            "a Welcome without tree",
            with(|c| c.welcomes = vec![welcome(2)]),
        ),
        (
            "a Welcome for itself",
            with(|c| {
                c.welcomes = vec![welcome(1)];
                c.ratchet_tree = vec![1];
            }),
        ),
        ("a new group in company", with(|c| c.create = true)),
    ] {
        assert!(room.commit(1, bad).is_err(), "{what}");
    }
    assert_eq!(room.counters.refused, 11);
    assert_eq!(room.commit(1, ends(0, None)), Ok((true, 1)));
}

#[test]
fn a_key_package_is_handed_out_once_and_only_to_those_in_the_group() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    let upload = |user: &str, count| {
        Request::MlsKeyPackages(v1::MlsKeyPackages {
            key_packages: vec![key_package(user, 1); count],
        })
    };
    assert!(room.ask(2, upload("1", 1)).0.is_err(), "a foreign name");
    let (reply, posts) = room.ask(2, upload("2", 2));
    assert_eq!(reply, Ok(Some(Body::Done(Done {}))));
    assert!(
        matches!(&posts[..], [Post { to: 1, body: Body::MlsAddWanted(w), .. }] if w.participant_id == 2)
    );

    let claim = || Request::MlsClaim(v1::MlsClaim { participant_id: 2 });
    assert_eq!(room.ask(3, claim()).0, Err(Refusal::NotAllowed));
    let mut got = Vec::new();
    for _ in 0..3 {
        let (Ok(Some(Body::MlsKeyPackage(package))), _) = room.ask(1, claim()) else {
            panic!("no answer");
        };
        got.push(!package.key_package.is_empty());
    }
    assert_eq!(got, [true, true, false]);
    assert_eq!(
        room.ask(2, upload("2", 17)).0,
        Err(Refusal::LimitReached("KeyPackages"))
    );
}

#[test]
fn a_tree_that_is_missing_is_asked_of_the_members_in_turn() {
    let mut room = Room::new();
    assert!(!room.get(4).0.unwrap().exists);
    room.commit(1, create()).unwrap();
    room.commit(2, ends(0, Some("2"))).unwrap();
    let (answer, posts) = room.get(4);
    assert_eq!(answer, None);
    assert!(
        matches!(&posts[..], [Post { to: 1, body: Body::MlsTreeWanted(w), .. }] if w.epoch == 1)
    );

    let next = room.delivery.next_timeout(4);
    assert_eq!(next, room.now + TREE_PATIENCE);
    let posts = room.timeout(next, 4);
    assert!(matches!(
        &posts[..],
        [Post {
            to: 2,
            body: Body::MlsTreeWanted(_),
            ..
        }]
    ));

    let put = |epoch| {
        Request::MlsPutTree(v1::MlsPutTree {
            epoch,
            ratchet_tree: vec![8; 100],
        })
    };
    assert_eq!(room.ask(2, put(0)).1, [], "of an epoch that is over");
    assert_eq!(room.ask(3, put(1)).1, [], "from one who is not in");
    let (_, posts) = room.ask(2, put(1));
    assert!(
        matches!(&posts[..], [Post { to: 4, reply_to: 77, body: Body::MlsGroup(g) }] if g.ratchet_tree.len() == 100)
    );
    assert_eq!(room.get(3).0.unwrap().ratchet_tree.len(), 100, "kept");
}

#[test]
fn one_who_waits_for_a_tree_that_nobody_gives_gets_the_group_without_it() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    assert_eq!(room.get(4).0, None);
    let mut posts = Vec::new();
    for _ in 0..TREE_ATTEMPTS {
        let next = room.delivery.next_timeout(4);
        posts.extend(room.timeout(next, 4));
    }
    let Some(Post {
        to: 4,
        reply_to: 77,
        body: Body::MlsGroup(group),
    }) = posts.last()
    else {
        panic!("{posts:?}");
    };
    assert!(group.exists && group.ratchet_tree.is_empty());
    assert_eq!(room.delivery.next_timeout(4), Instant::FAR_FUTURE);
}

#[test]
fn the_group_goes_with_its_last_member_and_those_who_wait_are_told() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    assert_eq!(room.get(4).0, None);
    let posts = room.leave(1);
    assert!(
        matches!(&posts[..], [Post { to: 4, reply_to: 77, body: Body::MlsGroup(g) }] if !g.exists)
    );
    assert_eq!(room.commit(2, create()), Ok((true, 0)));
}

#[test]
fn heartbeats_reach_the_others_in_the_group_under_their_senders_number() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    room.commit(2, ends(0, Some("2"))).unwrap();
    let heartbeat = |claimed| {
        Request::MlsHeartbeat(v1::MlsHeartbeat {
            participant_id: claimed,
            heartbeat: vec![1, 2],
        })
    };
    let (_, posts) = room.ask(2, heartbeat(3));
    assert!(
        matches!(&posts[..], [Post { to: 1, body: Body::MlsHeartbeat(h), .. }] if h.participant_id == 2)
    );
    assert_eq!(room.ask(3, heartbeat(3)).0, Err(Refusal::NotAllowed));
}

#[test]
fn a_message_for_the_group_is_one_notice_however_many_it_goes_to() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    for (epoch, id) in (2..=4).enumerate() {
        let user = id.to_string();
        room.commit(id, ends(epoch as u64, Some(&user))).unwrap();
    }
    let (heartbeat, mut out) = (vec![1, 2], Vec::new());
    let heartbeat = v1::MlsHeartbeat {
        participant_id: 1,
        heartbeat,
    };
    let request = Request::MlsHeartbeat(heartbeat);
    let (now, counters) = (room.now, &mut room.counters);
    let reply = room
        .delivery
        .request(now, 1, 7, request, counters, &mut out);
    assert_eq!(reply, Ok(Some(Body::Done(Done {}))));
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].to, Recipients::These(vec![2, 3, 4]));
}

#[test]
fn a_flood_is_held_to_the_rate() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    let mut refused = 0;
    for _ in 0..50 {
        let mut posts = Vec::new();
        let request = Request::MlsCommit(ends(9, None));
        let reply = room
            .delivery
            .request(room.now, 1, 1, request, &mut room.counters, &mut posts);
        refused += u32::from(matches!(reply, Err(Refusal::LimitReached(_))));
    }
    assert_eq!(refused, 43, "eight at once, one of them the creation");
    assert_eq!(room.counters.over_rate, 43);
}

proptest! {
    #[test]
    fn every_epoch_is_ended_once_and_all_members_hear_of_it_in_order(
        steps in prop::collection::vec((1u32..=4, 0u64..3, any::<bool>(), 0u8..8), 1..120)
    ) {
        let mut room = Room::new();
        let mut epoch = None;
        for (id, back, new, what) in steps {
            if what == 0 {
                room.leave(id);
                room.join(id, Role::Anchor);
                epoch = room.delivery.group.as_ref().map(Group::epoch);
                continue;
            }
            let at = epoch.unwrap_or(0u64).saturating_sub(back);
            let user = id.to_string();
            let request = if epoch.is_none() { create() } else { ends(at, new.then_some(user.as_str())) };
            let before: Vec<_> = room.delivery.group.iter().flat_map(|group| group.members.clone()).collect();
            let (reply, posts) = room.ask(id, Request::MlsCommit(request));
            let accepted = matches!(&reply, Ok(Some(Body::MlsOutcome(outcome))) if outcome.accepted);
            if accepted {
                prop_assert!(epoch.is_none() || epoch == Some(at), "only the current epoch ends");
                epoch = Some(epoch.map_or(0, |epoch| epoch + 1));
                let told: Vec<_> = posts.iter().map(|post| post.to).collect();
                let others: Vec<_> = before.into_iter().filter(|member| *member != id).collect();
                prop_assert_eq!(told, others);
            } else {
                prop_assert_eq!(posts.len(), 0, "nobody hears of what was not accepted");
            }
            prop_assert_eq!(room.delivery.group.as_ref().map(Group::epoch), epoch);
        }
    }
}
