//! A hub with its rooms: from requests and datagrams to outputs.

mod group_keys;
mod random_inputs;

use std::collections::BTreeSet;

use smrtc_engine::{
    TrackId,
    control::v1::{
        Join, LeaveReason, MediaKind, Publish, Subscribe, Track, client_message::Body as Request,
        server_message::Body,
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
