//! Rooms whose members have certificates: who gets in, who does not, and what the others are told.
#![allow(
    clippy::unwrap_used,
    reason = "a room that does not agree fails the test"
)]

#[path = "mls_certificates/own_certificate.rs"]
mod own_certificate;
mod support;

use std::sync::Arc;

use smrtc_e2ee::mls::{
    CertificateError, CertificatePolicy, Event, Identity, Input, Policy, Request, State, Suite,
    TrustAnchors,
};
use support::certificates::{certified, made};
use support::world::{World, open_with};
use support::{SeededRng, world::UNIX};

const SECOND: u64 = 1_000_000;
const SM2: Suite = Suite::Sm2Sm4GcmSm3;

fn policy(anchors: TrustAnchors, admits_basic: bool) -> Policy {
    Policy::Certificates(Arc::new(CertificatePolicy {
        anchors,
        admits_basic,
        users: None,
    }))
}

fn root() -> TrustAnchors {
    TrustAnchors::new(SM2, &[made("root")]).unwrap()
}

/// A room that asks for certificates, in which Alice and Bob are.
fn room(policy: Policy) -> World {
    let mut world = World::new(SM2, 21);
    world.policy = policy;
    for user in ["alice", "bob"] {
        let identity = certified(SM2, user, user, &["inter"]);
        world.identities.insert(user.into(), identity);
        world.join(user);
        world.run(SECOND);
    }
    world.agreed().unwrap();
    world
}

fn users(world: &World, id: u32) -> Vec<String> {
    let roster = world.pages[&id].session.roster();
    let mut users: Vec<_> = roster.iter().map(|member| member.user.clone()).collect();
    users.sort();
    users
}

fn told(world: &World, id: u32, user: Option<&str>, why: CertificateError) -> bool {
    let told = Event::CertificateInvalid {
        user: user.map(str::to_owned),
        why,
    };
    world.pages[&id].events.contains(&told)
}

#[test]
fn members_with_certificates_come_and_go_in_every_suite() {
    for (suite, anchor, prefix, rest) in [
        (SM2, "root", "", &["inter"][..]),
        (Suite::Sm2PkeSm4GcmSm3, "root", "", &["inter", "root"]),
        (Suite::P256Aes128GcmSha256, "p256_root", "p256_", &[]),
    ] {
        let mut world = World::new(suite, 22);
        world.policy = policy(TrustAnchors::new(suite, &[made(anchor)]).unwrap(), false);
        for user in ["alice", "bob"] {
            let identity = certified(suite, user, &format!("{prefix}{user}"), rest);
            world.identities.insert(user.into(), identity);
            world.join(user);
            world.run(SECOND);
        }
        world.agreed().unwrap();
        world.assert_all_hear_all();
        // A reload, by external commit over the old leaf.
        world.leave(2);
        world.join("bob");
        world.run(5 * SECOND);
        world.agreed().unwrap();
        world.assert_all_hear_all();
        let roster = world.pages[&1].session.roster();
        assert!(roster.iter().all(|member| member.expires.is_some()));
    }
}

#[test]
fn whoever_has_no_valid_certificate_is_let_in_by_nobody_and_all_are_told_why() {
    for (user, certificate, rest, why) in [
        (
            "mallory",
            Some("mallory_expired"),
            vec![],
            CertificateError::Expired,
        ),
        (
            "mallory",
            Some("mallory_stranger"),
            vec!["stranger"],
            CertificateError::UnknownAuthority,
        ),
        // Her own certificate is good; the authority has taken it back.
        (
            "carol",
            Some("carol"),
            vec!["inter"],
            CertificateError::Revoked,
        ),
        ("mallory", None, vec![], CertificateError::Missing),
    ] {
        let anchors = root().with_revocation_list(&made("inter_crl")).unwrap();
        let mut world = room(policy(anchors, false));
        // Her own policy takes herself, and a certificate of anybody; the others' does not.
        let theirs = TrustAnchors::new(SM2, &[made("root"), made("stranger")]).unwrap();
        world.policy = policy(theirs, true);
        let identity = match certificate {
            Some(name) => certified(SM2, user, name, &rest),
            None => Identity::generate(SM2, user, &mut SeededRng::new(9)).unwrap(),
        };
        world.identities.insert(user.into(), identity);
        let (commits, replaced) = (world.service.commits, world.service.replacements);
        let she = world.join(user);
        for _ in 0..40 {
            world.run(SECOND / 2);
            world.assert_hear_each_other(&[1, 2]);
        }
        if why == CertificateError::Expired {
            // By her own policy too, which she asks first.
            assert!(told(&world, she, Some(user), why));
            assert_eq!(world.service.commits, commits);
            assert!(!world.service.key_packages.contains_key(&she));
        } else if why != CertificateError::Missing {
            // Her commit was accepted, for the service cannot check it. (Without a certificate she
            // cannot make one: no leaf lists the type.)
            assert!(world.service.commits > commits);
            assert!(world.pages[&she].session.roster().len() == 3);
        }
        world.leave(she);
        for _ in 0..60 {
            world.run(SECOND / 2);
            world.assert_hear_each_other(&[1, 2]);
        }
        world.agreed().unwrap();
        for id in [1, 2] {
            assert_eq!(users(&world, id), ["alice", "bob"]);
            assert!(
                why == CertificateError::Expired || told(&world, id, Some(user), why),
                "{why:?} {:?}",
                world.pages[&id].events
            );
        }
        world.assert_all_hear_all();
        assert_eq!(world.service.replacements, replaced);
    }
}

#[test]
fn members_hear_each_other_throughout_while_one_whose_certificate_has_run_out_comes_in() {
    let mut world = room(policy(root(), false));
    for id in [1, 2] {
        // So that her clock finds no leaf that is not valid yet.
        world.deliver(id, Input::Rotate);
        world.run(3 * SECOND);
    }
    // Hers has ended 120 s after the start; by her own clock it is good, so that she does not stop
    // herself.
    world.run(200 * SECOND);
    let identity = certified(SM2, "brief", "brief", &[]);
    world.identities.insert("brief".into(), identity);
    world.slow.insert("brief".into(), 600);
    let commits = world.service.commits;
    let she = world.join("brief");
    for _ in 0..60 {
        world.run(SECOND / 2);
        world.assert_hear_each_other(&[1, 2]);
    }
    assert!(
        world.service.commits > commits,
        "her external commit was accepted"
    );
    assert_eq!(
        world.pages[&she].session.roster().len(),
        3,
        "and she believes it"
    );
    for id in [1, 2] {
        assert_eq!(users(&world, id), ["alice", "bob"]);
        assert_eq!(world.pages[&id].session.state(), State::InGroup);
        assert!(told(&world, id, Some("brief"), CertificateError::Expired));
    }
    let frame = world.seal(1, b"not for her").unwrap();
    assert!(world.open(she, &frame).is_err());
    world.leave(she);
    for _ in 0..60 {
        world.run(SECOND / 2);
        world.assert_hear_each_other(&[1, 2]);
    }
    world.agreed().unwrap();
    assert_eq!(world.service.replacements, 0);
}

#[test]
fn a_member_that_leaves_while_a_refused_one_is_in_gets_no_later_keys_and_the_others_stay_together()
{
    let mut world = room(policy(root(), false));
    let identity = certified(SM2, "carol", "carol", &["inter"]);
    world.identities.insert("carol".into(), identity);
    let carol = world.join("carol");
    world.run(2 * SECOND);
    world.agreed().unwrap();
    // Mallory's policy takes herself, and the others; theirs does not take her. She stays and comes
    // again each time.
    let theirs = TrustAnchors::new(SM2, &[made("root"), made("stranger")]).unwrap();
    world.policy = policy(theirs, false);
    let identity = certified(SM2, "mallory", "mallory_stranger", &["stranger"]);
    world.identities.insert("mallory".into(), identity);
    let mallory = world.join("mallory");
    world.run(10 * SECOND);
    assert_eq!(
        world.pages[&mallory].session.roster().len(),
        4,
        "she is in alone"
    );
    let mut gone = world.leave(carol);
    let mut apart = 0;
    for _ in 0..600 {
        world.run(SECOND / 10);
        let frame = world.seal(1, b"text").unwrap();
        apart += u32::from(world.open(2, &frame).is_err());
    }
    // At the change of groups alone.
    assert!(apart <= 2, "{apart}");
    assert_eq!(world.service.replacements, 1);
    world.assert_hear_each_other(&[1, 2]);
    for id in [1, 2] {
        assert_eq!(users(&world, id), ["alice", "bob"]);
        let frame = world.seal(id, b"after").unwrap();
        assert!(open_with(&mut gone.store, &frame).is_err());
        assert!(world.open(mallory, &frame).is_err());
    }
}

#[test]
fn one_whose_certificate_has_run_out_commits_nothing_that_the_others_would_refuse() {
    let mut world = room(policy(root(), false));
    let identity = certified(SM2, "brief", "brief", &[]);
    world.identities.insert("brief".into(), identity);
    let brief = world.join("brief");
    world.run(2 * SECOND);
    world.agreed().unwrap();
    world.run((UNIX + 119 - world.clock().unix_seconds) * SECOND);
    // Whatever the others would commit now is held up, so that the turn comes to it.
    world.tamper_request = Some(Box::new(move |_, from, request| match request {
        Request::Commit(_) if from != brief => Vec::new(),
        other => vec![other],
    }));
    world.deliver(brief, Input::Rotate);
    world.run(SECOND);
    let commits = world.service.commits;
    for _ in 0..20 {
        world.run(SECOND / 2);
        world.deliver(brief, Input::Rotate);
        world.assert_hear_each_other(&[1, 2]);
    }
    assert_eq!(world.service.commits, commits);
    assert!(told(
        &world,
        brief,
        Some("brief"),
        CertificateError::Expired
    ));
    world.tamper_request = None;
    world.run(20 * SECOND);
    for id in [1, 2] {
        assert_eq!(users(&world, id), ["alice", "bob"]);
    }
    world.assert_hear_each_other(&[1, 2]);
}

#[test]
fn a_certificate_of_another_user_or_key_gets_nobody_in() {
    let mut world = room(policy(root(), false));
    // The gateway brings somebody in as Carol whose certificate is Carol's, under another
    // participant's name.
    let identity = certified(SM2, "carol", "carol", &["inter"]);
    world.identities.insert("dave".into(), identity);
    world.join("dave");
    world.run(20 * SECOND);
    for id in [1, 2] {
        let roster = users(&world, id);
        assert!(!roster.contains(&"dave".to_owned()), "{roster:?}");
    }
}

#[test]
fn a_certified_leaf_is_not_replaced_by_one_that_is_not() {
    // A room that takes both: Bob is certified, and somebody comes in under his name without a
    // certificate.
    let mut world = room(policy(root(), true));
    let key = world.pages[&2].session.roster()[1].public_key.clone();
    world.leave(2);
    let imposed = Identity::generate(SM2, "bob", &mut SeededRng::new(8)).unwrap();
    world.identities.insert("bob".into(), imposed);
    world.tamper_request = Some(Box::new(|_, _, request| match request {
        // No KeyPackages: only an external commit over Bob's leaf would get her in.
        smrtc_e2ee::mls::Request::KeyPackages(_) => Vec::new(),
        other => vec![other],
    }));
    let she = world.join("bob");
    world.run(150_000);
    let roster = world.pages[&1].session.roster();
    assert!(
        roster
            .iter()
            .all(|member| member.user != "bob" || member.public_key == key)
    );
    world.run(30 * SECOND);
    // Once his leaf is gone for good she may come in, and everybody sees that nobody vouches for
    // her.
    let seen = world.pages[&1].session.roster();
    for member in seen.iter().filter(|member| member.user == "bob") {
        assert!(member.expires.is_none() || member.public_key == key);
    }
    assert!(world.pages.contains_key(&she));
}

#[test]
fn a_name_that_comes_back_without_its_certificate_is_told_to_those_who_knew_it() {
    let mut world = room(policy(root(), true));
    world.leave(2);
    world.run(10 * SECOND);
    let basic = Identity::generate(SM2, "bob", &mut SeededRng::new(9)).unwrap();
    world.identities.insert("bob".into(), basic);
    let bob = world.join("bob");
    world.run(10 * SECOND);
    world.agreed().unwrap();
    let seen = world.pages[&1].session.roster();
    let member = seen.iter().find(|member| member.user == "bob").unwrap();
    assert_eq!(member.expires, None, "the room takes both");
    assert!(told(&world, 1, Some("bob"), CertificateError::Lost));
    assert!(!told(&world, bob, Some("bob"), CertificateError::Lost));
}

#[test]
fn a_certificate_that_runs_out_takes_its_member_out() {
    let mut world = room(policy(root(), false));
    let identity = certified(SM2, "brief", "brief", &[]);
    world.identities.insert("brief".into(), identity);
    let brief = world.join("brief");
    world.run(2 * SECOND);
    world.agreed().unwrap();
    assert_eq!(users(&world, 1).len(), 3);
    // It ends 120 s after the start.
    world.run((UNIX + 110 - world.clock().unix_seconds) * SECOND);
    assert_eq!(users(&world, 1).len(), 3);
    world.run(40 * SECOND);
    for id in [1, 2] {
        assert_eq!(users(&world, id), ["alice", "bob"]);
        assert!(told(&world, id, Some("brief"), CertificateError::Expired));
    }
    assert!(
        world.pages[&brief]
            .events
            .iter()
            .any(|it| matches!(it, Event::Removed { .. }))
    );
    let frame = world.seal(1, b"after").unwrap();
    assert!(world.open(2, &frame).is_ok() && world.open(brief, &frame).is_err());
}
