use super::*;
use proptest::prelude::*;

fn vector(content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let prefix = match length {
        0..64 => vec![length as u8],
        64..16_384 => (0x4000 | length as u16).to_be_bytes().to_vec(),
        _ => (0x8000_0000 | length as u32).to_be_bytes().to_vec(),
    };
    [prefix, content.to_vec()].concat()
}

fn leaf(identity: &[u8]) -> Vec<u8> {
    [
        vector(&[4; 65]),
        vector(&[5; 65]),
        vec![0, 1],
        vector(identity),
    ]
    .concat()
}

fn key_package(identity: &[u8]) -> Vec<u8> {
    let front = [vec![0, 1, 0xf0, 1], vector(&[3; 65]), leaf(identity)];
    let capabilities = vector(&[0, 1]).repeat(5);
    let rest = [
        vec![LEAF_OF_KEY_PACKAGE],
        vec![0; 16],
        vector(b"").repeat(4),
    ];
    [front.concat(), capabilities, rest.concat()].concat()
}

fn commit(sender: &[u8], proposals: &[u8], identity: &[u8]) -> Vec<u8> {
    [
        vec![0, 1, 0, 1],
        vector(b"room"),
        7u64.to_be_bytes().to_vec(),
        sender.to_vec(),
        vector(b""),
        vec![CONTENT_COMMIT],
        vector(proposals),
        vec![1],
        leaf(identity),
    ]
    .concat()
}

fn external_commit(identity: &[u8]) -> Vec<u8> {
    let init = [vec![PROPOSAL_BY_VALUE, 0, 6], vector(&[9; 300])].concat();
    commit(&[SENDER_NEW_MEMBER_COMMIT], &init, identity)
}

#[test]
fn a_key_package_tells_its_suite_and_identity() {
    let message = [vec![0, 1, 0, 5], key_package(b"ada")].concat();
    let parsed = KeyPackage::parse(&message).unwrap();
    assert_eq!(parsed.suite, 0xf001);
    assert_eq!(parsed.credential, Credential::Basic(b"ada"));
}

#[test]
fn a_commit_tells_its_epoch_and_who_comes_in_by_it() {
    let message = external_commit(b"bob");
    let parsed = Commit::parse(&message).unwrap();
    assert_eq!((parsed.group_id, parsed.epoch), (&b"room"[..], 7));
    assert_eq!(parsed.sender, CommitSender::New);
    assert_eq!(parsed.credential, Credential::Basic(b"bob"));
    assert_eq!(parsed.adds, []);

    let remove = [PROPOSAL_BY_VALUE, 0, 3, 0, 0, 0, 2];
    let add = |user: &[u8]| [&[PROPOSAL_BY_VALUE, 0, 1], &*key_package(user)].concat();
    let proposals = [&remove[..], &add(b"cyd"), &add(b"dan")].concat();
    let of_a_member = commit(&[SENDER_MEMBER, 0, 0, 0, 5], &proposals, b"ada");
    let parsed = Commit::parse(&of_a_member).unwrap();
    assert_eq!(parsed.sender, CommitSender::Member(5));
    assert_eq!(parsed.credential, Credential::Basic(b"ada"));
    let of = |user: &[u8]| {
        let message = [vec![0, 1, 0, 5], key_package(user)].concat();
        KeyPackage::parse(&message).unwrap().known_by.to_vec()
    };
    let added: Vec<_> = parsed
        .adds
        .iter()
        .map(|add| add.known_by.to_vec())
        .collect();
    assert_eq!(added, [of(b"cyd"), of(b"dan")]);
}

#[test]
fn a_commit_that_rooms_do_not_take_is_refused() {
    let member = &[SENDER_MEMBER, 0, 0, 0, 5][..];
    let by_reference = [&[2][..], &vector(&[0; 32])].concat();
    for proposals in [
        &by_reference[..],
        &[PROPOSAL_BY_VALUE, 0, 2],
        &[PROPOSAL_BY_VALUE, 0, 5],
    ] {
        let refused = Commit::parse(&commit(member, proposals, b"ada")).unwrap_err();
        assert_eq!(refused, FramingError::Value, "{proposals:?}");
    }
    let mut pathless = commit(member, b"", b"ada");
    pathless.truncate(pathless.len() - leaf(b"ada").len());
    *pathless.last_mut().unwrap() = 0;
    assert_eq!(Commit::parse(&pathless), Err(FramingError::Value));
}

#[test]
fn a_heartbeat_tells_its_epoch() {
    let heartbeat = [&[1, 0, 0, 0, 9][..], &77u64.to_be_bytes(), &[5; 40]].concat();
    assert_eq!(heartbeat_epoch(&heartbeat), Some(77));
    assert_eq!(heartbeat_epoch(&heartbeat[..12]), None);
    assert_eq!(heartbeat_epoch(&[&[2], &heartbeat[1..]].concat()), None);
}

#[test]
fn every_shorter_message_is_refused() {
    let message = external_commit(b"bob");
    for length in 0..message.len() {
        assert_eq!(
            Commit::parse(&message[..length]),
            Err(FramingError::Truncated),
            "{length} bytes"
        );
    }
}

#[test]
fn a_length_has_one_form() {
    let read = |bytes: &[u8]| Input(bytes).vector().map(<[u8]>::to_vec);
    assert_eq!(read(&[1, 7]), Ok(vec![7]));
    assert_eq!(read(&[0x40, 1, 7]), Err(FramingError::Length));
    assert_eq!(read(&[0x80, 0, 0, 1, 7]), Err(FramingError::Length));
    assert_eq!(read(&[0xc0, 7]), Err(FramingError::Length));
}

#[test]
fn another_version_and_another_kind_are_refused() {
    let message = external_commit(b"bob");
    let with = |index: usize, byte: u8| {
        let mut message = message.clone();
        message[index] = byte;
        Commit::parse(&message).map(|_| ())
    };
    assert_eq!(with(1, 2), Err(FramingError::Version));
    assert_eq!(with(3, 2), Err(FramingError::Kind));
    assert_eq!(welcome_suite(&message), Err(FramingError::Kind));
    assert_eq!(welcome_suite(&[0, 1, 0, 3, 0xf0, 1, 0]), Ok(0xf001));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in 1u8..6) {
        let message = [&[0, 1, 0, kind][..], &bytes].concat();
        let _ = (KeyPackage::parse(&message), Commit::parse(&message), GroupInfo::parse(&message), welcome_suite(&message));
    }
}
