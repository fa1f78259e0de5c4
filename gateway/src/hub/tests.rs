//! Random inputs against what must always hold.

mod group_keys;

use std::collections::BTreeSet;

use proptest::prelude::*;
use smrtc_engine::{
    TrackId,
    control::v1::{
        Join, Leave, LeaveReason, MediaKind, Publish, Subscribe, Track, Unpublish,
        client_message::Body as Request, server_message::Body,
    },
    time::{Instant, MediaTime},
    wire::{
        CloseCode,
        media::{FrameHeader, MAX_FRAGMENTS, MediaKind as WireKind, MediaPacket},
        nack::{self, NackEntry},
    },
};

use super::*;
use crate::auth::{Permissions, Role};

#[derive(Clone, Debug)]
enum Input {
    Join {
        room: u8,
        user: u8,
    },
    Leave {
        who: u8,
    },
    Attach {
        who: u8,
    },
    Detach {
        who: u8,
    },
    Publish {
        who: u8,
        track: u32,
    },
    Unpublish {
        who: u8,
        track: u32,
    },
    Subscribe {
        who: u8,
        to: u32,
        track: u32,
    },
    Media {
        who: u8,
        sender: u32,
        track: u8,
        frame: u32,
        fragment: u16,
    },
    Nack {
        who: u8,
        sender: u32,
        track: u8,
        frame: u32,
    },
    Bytes {
        who: u8,
        down: bool,
        bytes: Vec<u8>,
    },
    Timeout {
        who: u8,
    },
}

fn input() -> impl Strategy<Value = Input> {
    let who = || 0u8..6;
    prop_oneof![
        3 => (0u8..2, 0u8..4).prop_map(|(room, user)| Input::Join { room, user }),
        1 => who().prop_map(|who| Input::Leave { who }),
        3 => who().prop_map(|who| Input::Attach { who }),
        1 => who().prop_map(|who| Input::Detach { who }),
        3 => (who(), 0u32..3).prop_map(|(who, track)| Input::Publish { who, track }),
        1 => (who(), 0u32..3).prop_map(|(who, track)| Input::Unpublish { who, track }),
        5 => (who(), 1u32..5, 0u32..3).prop_map(|(who, to, track)| Input::Subscribe { who, to, track }),
        8 => (who(), 1u32..5, 0u8..3, 0u32..20, 0u16..4)
            .prop_map(|(who, sender, track, frame, fragment)| Input::Media { who, sender, track, frame, fragment }),
        3 => (who(), 1u32..5, 0u8..3, 0u32..20).prop_map(|(who, sender, track, frame)| Input::Nack { who, sender, track, frame }),
        2 => (who(), any::<bool>(), 0u8..8, prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(who, down, kind, rest)| {
            Input::Bytes { who, down, bytes: [&[kind, 0x10], &rest[..]].concat() }
        }),
        2 => who().prop_map(|who| Input::Timeout { who }),
    ]
}

/// A packet of a video frame.
struct Packet<'a> {
    frame: u32,
    fragment_index: u16,
    fragment_count: u16,
    payload: &'a [u8],
}

impl Packet<'_> {
    fn datagram(&self, sender: u32, track: u8) -> Datagram {
        let header = FrameHeader {
            key: self.frame.is_multiple_of(10),
            discardable: false,
            reserved_flags: 0,
            media_kind: WireKind::Video,
            track,
            spatial: 0,
            temporal: 0,
            sender,
            frame_id: self.frame,
            reference_distance: 1,
            media_time: MediaTime::from_micros(0),
        };
        let mut out = Vec::new();
        MediaPacket {
            rtx: false,
            transport_seq: self.frame as u16 * 4 + self.fragment_index,
            fragment_index: self.fragment_index,
            fragment_count: self.fragment_count,
            header,
            metadata: header.metadata(),
            payload: self.payload,
        }
        .encode(&mut out);
        Datagram::copy_of(&out)
    }
}

fn media(sender: u32, track: u8, frame: u32, fragment_index: u16) -> Datagram {
    Packet {
        frame,
        fragment_index,
        fragment_count: 4,
        payload: &[7; 300],
    }
    .datagram(sender, track)
}

/// A publisher with a frame of `fragments` packets, and a viewer with a way down.
fn viewer_of_a_frame(fragments: u16) -> (Hub, Instant, Member, Member) {
    let mut hub = Hub::new(Limits::default());
    let now = Instant::from_millis(1_000);
    let mut join = |user: &str, ticket| {
        let permissions = Permissions::for_test("room", user, Role::Anchor);
        hub.join(now, &permissions, 1, &Join::default(), ticket)
            .unwrap()
    };
    let (publisher, viewer) = (join("ada", [1; 32]), join("bob", [2; 32]));
    hub.attach(now, &[2; 32]).unwrap();
    let track = Track {
        kind: MediaKind::Video.into(),
        codec: "vp8".into(),
        ..Track::default()
    };
    let publish = Request::Publish(Publish { track: Some(track) });
    hub.request(now, publisher, 2, Some(publish));
    let subscribe = Request::Subscribe(Subscribe {
        participant_id: publisher.participant,
        ..Subscribe::default()
    });
    hub.request(now, viewer, 2, Some(subscribe));
    for fragment_index in 0..fragments {
        let packet = Packet {
            frame: 0,
            fragment_index,
            fragment_count: fragments,
            payload: &[7; 40],
        };
        let datagram = packet.datagram(publisher.participant, 0);
        hub.datagram(now, publisher, Side::Uplink, &datagram);
    }
    assert_eq!(hub.counters().media_out, u64::from(fragments));
    while hub.pop_datagram(now, viewer, Side::Downlink).is_some() {}
    (hub, now, publisher, viewer)
}

fn ask(hub: &mut Hub, now: Instant, viewer: Member, entries: &[NackEntry]) -> u64 {
    let before = hub.counters();
    let mut bytes = Vec::new();
    nack::encode(entries, &mut bytes);
    hub.datagram(now, viewer, Side::Downlink, &Datagram::copy_of(&bytes));
    let after = hub.counters();
    // Each packet that is looked at is retransmitted, or counted as not retransmitted.
    after.retransmitted + after.not_retransmitted - before.retransmitted - before.not_retransmitted
}

#[test]
fn a_nack_is_no_more_work_than_the_longest_frame_however_often_it_says_the_same() {
    let (mut hub, now, publisher, viewer) = viewer_of_a_frame(MAX_FRAGMENTS);
    let whole = NackEntry::whole_frame(TrackId::new(publisher.participant, 0).stream(0).frame(0));
    let longest = u64::from(MAX_FRAGMENTS);
    let same = ask(&mut hub, now, viewer, &[whole; nack::MAX_ENTRIES]);
    assert_eq!(same, longest, "64 times the same");
    assert_eq!(hub.counters().nack_packets, longest);

    // A second later all that may be looked at for one NACK is there again.
    let now = now + std::time::Duration::from_secs(1);
    let masks: Vec<_> = (0..64u32)
        .map(|i| NackEntry {
            first_fragment: 0,
            mask: u32::MAX - i,
            ..whole
        })
        .collect();
    let overlapping = ask(&mut hub, now, viewer, &masks);
    // Entries beyond are counted once each.
    assert!(
        overlapping > 900 && overlapping <= longest + 64,
        "{overlapping}"
    );
    assert_eq!(hub.counters().nack_packets, 2 * longest);

    // And a flood of NACKs gets no more than the rate allows.
    for _ in 0..100 {
        ask(&mut hub, now, viewer, &[whole]);
    }
    assert_eq!(hub.counters().nack_packets, 2 * longest);
}

#[test]
fn a_message_for_many_is_encoded_once_and_its_bytes_are_shared() {
    let mut hub = Hub::new(Limits::default());
    let now = Instant::ZERO;
    let members: Vec<_> = (0..10u8)
        .map(|user| {
            let permissions = Permissions::for_test("room", &user.to_string(), Role::Anchor);
            hub.join(now, &permissions, 1, &Join::default(), [user; 32])
                .unwrap()
        })
        .collect();
    while hub.poll_output().is_some() {}
    let track = Track {
        kind: MediaKind::Video.into(),
        codec: "vp8".into(),
        ..Track::default()
    };
    let publish = Request::Publish(Publish { track: Some(track) });
    hub.request(now, members[0], 2, Some(publish));

    let (mut told, mut places) = (Vec::new(), BTreeSet::new());
    while let Some(output) = hub.poll_output() {
        let Output::Message(member, message) = output else {
            continue;
        };
        if matches!(message.clone().decode().body, Some(Body::TrackPublished(_))) {
            told.push(member);
            places.extend(message.into_pieces().map(|piece| piece.as_ptr() as usize));
        }
    }
    assert_eq!(told, members[1..]);
    assert_eq!(places.len(), 1, "one copy of the bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn outputs_name_only_those_who_are_in_and_everything_goes_when_they_do(inputs in prop::collection::vec(input(), 1..200)) {
        let mut limits = Limits::default();
        limits.media.queue_bytes = 2_000;
        let mut hub = Hub::new(limits);
        let mut now = Instant::ZERO;
        let mut tickets: Vec<(Member, [u8; 32])> = Vec::new();
        let mut attachments: Vec<(Member, u64)> = Vec::new();
        let mut joins = 0u8;
        for input in inputs {
            now += std::time::Duration::from_millis(7);
            let members: Vec<_> = hub.members().collect();
            let pick = |index: u8| members.get(usize::from(index)).copied().unwrap_or(Member { room: RoomKey(99), participant: 9 });
            match input {
                Input::Join { room, user } => {
                    let permissions = Permissions::for_test(&room.to_string(), &user.to_string(), Role::Anchor);
                    joins = joins.wrapping_add(1);
                    let ticket = [joins; 32];
                    let member = hub.join(now, &permissions, 1, &Join::default(), ticket).unwrap();
                    tickets.push((member, ticket));
                }
                Input::Leave { who } => hub.request(now, pick(who), 2, Some(Request::Leave(Leave {}))),
                Input::Attach { who } => {
                    let ticket = tickets.iter().rev().find(|(member, _)| *member == pick(who));
                    if let Some((member, ticket)) = ticket {
                        let (attached, attachment) = hub.attach(now, ticket).unwrap();
                        prop_assert_eq!(attached, *member);
                        attachments.push((attached, attachment));
                    }
                    prop_assert!(hub.attach(now, b"nobody's").is_err());
                }
                Input::Detach { who } => {
                    for (member, attachment) in attachments.iter().filter(|(member, _)| *member == pick(who)) {
                        hub.detach(*member, *attachment);
                    }
                }
                Input::Publish { who, track } => {
                    let track = Track { number: track, kind: MediaKind::Video.into(), codec: "vp8".into(), ..Track::default() };
                    hub.request(now, pick(who), 3, Some(Request::Publish(Publish { track: Some(track) })));
                }
                Input::Unpublish { who, track } => {
                    hub.request(now, pick(who), 4, Some(Request::Unpublish(Unpublish { number: track })));
                }
                Input::Subscribe { who, to, track } => {
                    let subscribe = Subscribe { participant_id: to, track, ..Subscribe::default() };
                    hub.request(now, pick(who), 5, Some(Request::Subscribe(subscribe)));
                }
                Input::Media { who, sender, track, frame, fragment } => {
                    hub.datagram(now, pick(who), Side::Uplink, &media(sender, track, frame, fragment));
                }
                Input::Nack { who, sender, track, frame } => {
                    let mut bytes = Vec::new();
                    nack::encode(&[NackEntry::whole_frame(TrackId::new(sender, track).stream(0).frame(frame))], &mut bytes);
                    hub.datagram(now, pick(who), Side::Downlink, &Datagram::copy_of(&bytes));
                }
                Input::Bytes { who, down, bytes } => {
                    let side = if down { Side::Downlink } else { Side::Uplink };
                    hub.datagram(now, pick(who), side, &Datagram::copy_of(&bytes));
                }
                Input::Timeout { who } => hub.timeout(now, pick(who)),
            }

            let mut closed = BTreeSet::new();
            while let Some(output) = hub.poll_output() {
                match output {
                    Output::Message(member, message) => {
                        // One who leaves hears the answer to that, and one who is replaced nothing
                        // more.
                        let message = message.decode();
                        let done = matches!(message.body, Some(Body::Done(_)));
                        prop_assert!(hub.is_in(member) || done, "{:?} to one who is out", message);
                        prop_assert!(!closed.contains(&member), "after the end");
                    }
                    Output::Ready(member, side) => {
                        prop_assert!(hub.is_in(member));
                        while let Some(datagram) = hub.pop_datagram(now, member, side) {
                            if let Ok(packet) = MediaPacket::parse(datagram.payload()) {
                                prop_assert_eq!(side, Side::Downlink);
                                prop_assert!(packet.header.sender != member.participant, "one's own media");
                            }
                        }
                    }
                    Output::Rearm(member, _) => prop_assert!(hub.is_in(member)),
                    Output::Close(member, ..) => {
                        closed.insert(member);
                    }
                }
            }
        }
        let members: Vec<_> = hub.members().collect();
        for member in members {
            hub.leave(now, member, LeaveReason::Disconnected, CloseCode::Left, "test");
        }
        prop_assert_eq!((hub.rooms(), hub.participants(), hub.shared.tickets.len(), hub.names.len()), (0, 0, 0, 0));
        prop_assert_eq!(hub.counters().joins, hub.counters().leaves);
    }
}
