//! Messages of the delivery service on the control stream ⇄ inputs and requests of the MLS session.

use smrtc_e2ee::mls::{GroupSnapshot, Input, Request, RequestKind};
use smrtc_engine::control::v1::{self, client_message, server_message};

/// The control message of a request, and what to remember it by.
pub(super) fn request(request: Request) -> (RequestKind, client_message::Body) {
    use client_message::Body;
    match request {
        Request::KeyPackages(key_packages) => (
            RequestKind::Other,
            Body::MlsKeyPackages(v1::MlsKeyPackages { key_packages }),
        ),
        Request::Claim(participant_id) => (
            RequestKind::Claim(participant_id),
            Body::MlsClaim(v1::MlsClaim { participant_id }),
        ),
        Request::Commit(commit) => (
            RequestKind::Commit,
            Body::MlsCommit(v1::MlsCommit {
                epoch: commit.epoch,
                commit: commit.commit,
                group_info: commit.group_info,
                ratchet_tree: commit.ratchet_tree,
                welcomes: commit
                    .welcomes
                    .into_iter()
                    .map(|(participant_id, welcome)| v1::mls_commit::Welcome {
                        participant_id,
                        welcome,
                    })
                    .collect(),
                create: commit.create,
            }),
        ),
        Request::GetGroup { with_tree } => (
            RequestKind::GetGroup,
            Body::MlsGetGroup(v1::MlsGetGroup { with_tree }),
        ),
        Request::PutTree {
            epoch,
            ratchet_tree,
        } => (
            RequestKind::Other,
            Body::MlsPutTree(v1::MlsPutTree {
                epoch,
                ratchet_tree,
            }),
        ),
        Request::Heartbeat(heartbeat) => (
            RequestKind::Other,
            Body::MlsHeartbeat(v1::MlsHeartbeat {
                participant_id: 0,
                heartbeat,
            }),
        ),
    }
}

/// Whether a message concerns the group and nobody else.
pub(super) fn is_for_group(body: &server_message::Body) -> bool {
    use server_message::Body;
    matches!(
        body,
        Body::MlsKeyPackage(_)
            | Body::MlsOutcome(_)
            | Body::MlsGroup(_)
            | Body::MlsCommitted(_)
            | Body::MlsWelcome(_)
            | Body::MlsTreeWanted(_)
            | Body::MlsHeartbeat(_)
            | Body::MlsAddWanted(_)
            | Body::MlsKeyPackagesLow(_)
    )
}

/// What a message from the gateway is for the session; `asked` is the request of the session's that
/// it answers.
pub(super) fn input(body: &server_message::Body, asked: Option<RequestKind>) -> Option<Input> {
    use server_message::Body;
    let some = |bytes: &[u8]| Some(bytes.to_vec()).filter(|bytes| !bytes.is_empty());
    Some(match body {
        Body::Joined(joined) => Input::Joined {
            participant_id: joined.participant_id,
            peers: joined
                .peers
                .iter()
                .map(|peer| (peer.participant_id, peer.user_id.clone()))
                .collect(),
        },
        Body::PeerJoined(peer) => Input::PeerJoined {
            participant_id: peer.participant_id,
            user: peer.user_id.clone(),
        },
        Body::PeerLeft(left) => Input::PeerLeft {
            participant_id: left.participant_id,
        },
        Body::Error(_) => Input::Refused(asked?),
        Body::MlsKeyPackage(package) => Input::KeyPackage {
            participant_id: package.participant_id,
            key_package: some(&package.key_package),
        },
        Body::MlsOutcome(outcome) => Input::Outcome {
            accepted: outcome.accepted,
            epoch: outcome.epoch,
        },
        Body::MlsGroup(group) => Input::Group(group.exists.then(|| GroupSnapshot {
            epoch: group.epoch,
            group_info: group.group_info.to_vec(),
            ratchet_tree: some(&group.ratchet_tree),
        })),
        Body::MlsCommitted(committed) => Input::Committed {
            epoch: committed.epoch,
            participant_id: committed.participant_id,
            commit: committed.commit.to_vec(),
            created: committed.created,
        },
        Body::MlsWelcome(welcome) => Input::Welcome {
            epoch: welcome.epoch,
            welcome: welcome.welcome.clone(),
            ratchet_tree: welcome.ratchet_tree.to_vec(),
        },
        Body::MlsTreeWanted(wanted) => Input::TreeWanted {
            epoch: wanted.epoch,
        },
        Body::MlsHeartbeat(heartbeat) => Input::Heartbeat {
            participant_id: heartbeat.participant_id,
            heartbeat: heartbeat.heartbeat.clone(),
        },
        Body::MlsAddWanted(wanted) => Input::AddWanted {
            participant_id: wanted.participant_id,
        },
        Body::MlsKeyPackagesLow(_) => Input::KeyPackagesLow,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use server_message::Body;

    #[test]
    fn empty_blobs_of_the_gateway_are_none() {
        let package = |key_package| {
            Body::MlsKeyPackage(v1::MlsKeyPackage {
                participant_id: 3,
                key_package,
            })
        };
        for (bytes, expected) in [(vec![], None), (vec![1], Some(vec![1]))] {
            let Some(Input::KeyPackage { key_package, .. }) = input(&package(bytes), None) else {
                panic!("a KeyPackage is an input");
            };
            assert_eq!(key_package, expected);
        }
        let none = input(&Body::MlsGroup(v1::MlsGroup::default()), None);
        assert!(matches!(none, Some(Input::Group(None))));
    }

    #[test]
    fn an_error_is_an_input_only_as_an_answer_to_the_session() {
        let error = Body::Error(v1::Error::default());
        assert!(input(&error, None).is_none());
        let refused = input(&error, Some(RequestKind::Commit));
        assert!(matches!(refused, Some(Input::Refused(RequestKind::Commit))));
    }
}
