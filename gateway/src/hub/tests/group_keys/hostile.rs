//! One of a call means harm, and the others are sessions as in browsers.

use smrtc_engine::control::mls::GroupInfo;

use super::*;

/// `content` after its length (RFC 9420 §2.1.2), if that is below 64.
fn vector(content: &[u8]) -> Vec<u8> {
    [&[content.len() as u8], content].concat()
}

impl Call {
    /// Three who get on, and one who is about to do otherwise; what it would say of the group.
    fn with_eve() -> (Self, Member, v1::MlsGroup) {
        let mut call = Self::new();
        for user in ["ada", "bob", "cyd"] {
            call.join(user);
        }
        let eve = call.join("eve");
        call.run(Duration::from_secs(15));
        assert_eq!(call.agreed().expect("one group").1.len(), 4);
        call.pages.remove(&eve);
        let get = v1::MlsGetGroup { with_tree: true };
        let Body::MlsGroup(group) = call.says(eve, Request::MlsGetGroup(get)) else {
            panic!("no group");
        };
        (call, eve, group)
    }

    /// The gateway's answer to something that no session of ours would say; what it causes goes to
    /// the others.
    fn says(&mut self, who: Member, request: Request) -> Body {
        self.hub.request(self.now, who, 1, Some(request));
        let mut answer = None;
        let mut others = Vec::new();
        while let Some(output) = self.hub.poll_output() {
            if let Output::Message(to, message) = &output
                && *to == who
            {
                let message = message.clone().decode();
                if message.reply_to == 1 {
                    answer = message.body;
                    continue;
                }
            }
            others.push(output);
        }
        for other in others {
            self.hub.shared.outputs.push(other);
        }
        answer.expect("an answer")
    }
}

/// Well framed, and nothing that anybody can follow.
fn garbage(group: &v1::MlsGroup) -> v1::MlsCommit {
    let info = GroupInfo::parse(&group.group_info).unwrap();
    let commit = [
        &[0, 1, 0, 1][..],
        &vector(info.group_id),
        &group.epoch.to_be_bytes(),
        &[1, 0, 0, 0, 3],
        &vector(b""),
        &[3],
        &vector(b""),
        &[1],
        &vector(&[4; 33]),
        &vector(&[5; 33]),
        &[0, 1],
        &vector(b"eve"),
        &[0; 200],
    ];
    let front = [&[0, 1, 0, 4, 0, 1][..], &info.suite.to_be_bytes()].concat();
    let next = (group.epoch + 1).to_be_bytes();
    v1::MlsCommit {
        epoch: group.epoch,
        commit: commit.concat(),
        group_info: [&front[..], &vector(info.group_id), &next, &[0; 100]].concat(),
        ratchet_tree: vec![7; 500],
        ..v1::MlsCommit::default()
    }
}

#[test]
fn a_group_that_lives_is_not_replaced_by_one_who_would_have_another() {
    let (mut call, eve, group) = Call::with_eve();
    let before = call.agreed_by_three();
    let mut refused = 0;
    for _ in 0..60 {
        for _ in 0..3 {
            let get = v1::MlsGetGroup { with_tree: true };
            call.says(eve, Request::MlsGetGroup(get));
        }
        let info = GroupInfo::parse(&group.group_info).unwrap();
        let front = [&[0, 1, 0, 4, 0, 1][..], &info.suite.to_be_bytes()].concat();
        let create = v1::MlsCommit {
            epoch: group.epoch,
            group_info: [&front[..], &vector(b"of eve"), &[0; 8]].concat(),
            create: true,
            ..v1::MlsCommit::default()
        };
        match call.says(eve, Request::MlsCommit(create)) {
            Body::Error(error) => refused += u32::from(error.code() == v1::ErrorCode::NotAllowed),
            other => panic!("{other:?}"),
        }
        call.run(Duration::from_secs(1));
    }
    assert!(refused > 50, "{refused}");
    assert_eq!(
        call.agreed_by_three(),
        before,
        "nothing has happened to them"
    );
    assert_eq!(call.hub.counters().delivery.replaced, 0);
}

#[test]
fn a_group_that_nobody_can_follow_any_more_is_replaced_by_those_who_were_in_it() {
    let (mut call, eve, group) = Call::with_eve();
    match call.says(eve, Request::MlsCommit(garbage(&group))) {
        Body::MlsOutcome(outcome) => assert!(outcome.accepted, "the gateway cannot tell"),
        other => panic!("{other:?}"),
    }
    // Somebody wants to come in, which nobody can let happen in the old one. And eve stays.
    call.join("dan");
    call.run(Duration::from_secs(90));
    assert!(call.hub.counters().delivery.replaced >= 1);
    let (_, users) = call.agreed().expect("a new group");
    for user in ["ada", "bob", "cyd", "dan"] {
        assert!(users.iter().any(|it| it == user), "{users:?}");
    }
}

impl Call {
    /// Epoch and roster of those who still run, eve among the latter.
    fn agreed_by_three(&self) -> (u64, Vec<String>) {
        assert_eq!(self.pages.len(), 3);
        self.agreed().expect("one group")
    }
}
