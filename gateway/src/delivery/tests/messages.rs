//! Well-framed messages without keys in them.

use smrtc_engine::control::v1;

use crate::room::ParticipantId;

pub(super) const SUITE: u16 = 0xf001;

pub(super) fn vector(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let prefix = if length < 64 {
        vec![length as u8]
    } else {
        (0x4000 | length).to_be_bytes().to_vec()
    };
    [prefix, content.to_vec()].concat()
}

pub(super) fn leaf(identity: &str) -> Vec<u8> {
    let keys = [vector(&[4; 65]), vector(&[5; 65])].concat();
    [keys, vec![0, 1], vector(identity.as_bytes())].concat()
}

/// The `number`th of its user.
pub(super) fn key_package(identity: &str, number: u8) -> Vec<u8> {
    let front = [&[0, 1, 0, 5, 0, 1][..], &SUITE.to_be_bytes()].concat();
    let capabilities = vector(&[0, 1]).repeat(5);
    let rest = [vec![1], vec![0; 16], vector(b"").repeat(4)].concat();
    [
        front,
        vector(&[number; 65]),
        leaf(identity),
        capabilities,
        rest,
    ]
    .concat()
}

pub(super) fn group_info(group: &[u8], epoch: u64) -> Vec<u8> {
    let front = [&[0, 1, 0, 4, 0, 1][..], &SUITE.to_be_bytes()].concat();
    [front, vector(group), epoch.to_be_bytes().to_vec()].concat()
}

/// By a member, whose leaf has a certificate; or by one who comes in under this name.
pub(super) fn commit(group: &[u8], epoch: u64, new: Option<&str>) -> Vec<u8> {
    commit_of(group, epoch, new, &[])
}

pub(super) fn commit_of(group: &[u8], epoch: u64, new: Option<&str>, adds: &[Vec<u8>]) -> Vec<u8> {
    let front = [
        vec![0, 1, 0, 1],
        vector(group),
        epoch.to_be_bytes().to_vec(),
    ]
    .concat();
    let proposals = adds.iter().map(|it| [&[1, 0, 1], &it[4..]].concat());
    let proposals = vector(&proposals.collect::<Vec<_>>().concat());
    let sender = match new {
        None => vec![1, 0, 0, 0, 0, 0, 3],
        Some(_) => vec![4, 0, 3],
    };
    let leaf = match new {
        None => [vector(&[4; 65]), vector(&[5; 65]), vec![0, 2], vector(b"")].concat(),
        Some(identity) => leaf(identity),
    };
    [front, sender, proposals, vec![1], leaf].concat()
}

pub(super) fn welcome(to: ParticipantId) -> v1::mls_commit::Welcome {
    v1::mls_commit::Welcome {
        participant_id: to,
        welcome: [&[0, 1, 0, 3][..], &SUITE.to_be_bytes()].concat(),
    }
}

pub(super) fn create() -> v1::MlsCommit {
    v1::MlsCommit {
        group_info: group_info(b"room", 0),
        create: true,
        ..v1::MlsCommit::default()
    }
}

/// Ends `epoch`, by a member or by one who comes in.
pub(super) fn ends(epoch: u64, new: Option<&str>) -> v1::MlsCommit {
    v1::MlsCommit {
        epoch,
        commit: commit(b"room", epoch, new),
        group_info: group_info(b"room", epoch + 1),
        ..v1::MlsCommit::default()
    }
}

/// Ends `epoch` by adding participants by these KeyPackages.
pub(super) fn adds(epoch: u64, added: &[(ParticipantId, Vec<u8>)]) -> v1::MlsCommit {
    let packages: Vec<_> = added.iter().map(|(_, package)| package.clone()).collect();
    v1::MlsCommit {
        commit: commit_of(b"room", epoch, None, &packages),
        welcomes: added.iter().map(|(to, _)| welcome(*to)).collect(),
        ratchet_tree: vec![9],
        ..ends(epoch, None)
    }
}
