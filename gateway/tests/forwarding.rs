//! Media from publishers to those who subscribed, over both transports and from one to the other.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::Duration;

use common::{BOTH, Over, Packet, Server, settings};
use smrtc_engine::{
    TrackId,
    control::v1::{
        Leave, LeaveReason, MediaKind, client_message::Body as Request, server_message::Body,
    },
    wire::{
        feedback::Feedback,
        keyframe::{self, KeyFrameEntry, KeyFrameRequest},
        media::MediaPacket,
        nack::{self, Nack, NackEntry},
    },
};

const QUIET: Duration = Duration::from_millis(300);

#[tokio::test]
async fn media_reaches_subscribers_and_nobody_else_over_any_mix_of_transports() {
    for publisher_over in BOTH {
        for subscriber_over in BOTH {
            let server = Server::start(settings()).await;
            let mut publisher = server.join(publisher_over, "room", "publisher").await;
            let mut subscriber = server.join(subscriber_over, "room", "subscriber").await;
            let mut bystander = server.join(Over::WebTransport, "room", "bystander").await;
            let mut stranger = server
                .join(Over::WebTransport, "other room", "stranger")
                .await;
            publisher.publish(1, MediaKind::Video).await;
            let Body::TrackPublished(published) = bystander.uplink.notification().await else {
                panic!("not told of the track");
            };
            assert_eq!(published.participant_id, publisher.id());
            subscriber.subscribe(publisher.id(), 1).await;

            let sent: Vec<_> = (0..50)
                .map(|seq| Packet::video(publisher.id(), seq).encode())
                .collect();
            for datagram in &sent {
                publisher.uplink.send_datagram(datagram);
            }
            let mut received = Vec::new();
            while received.len() < sent.len() {
                received.push(subscriber.downlink.datagram_of(1).await);
            }
            received.sort_by_key(|datagram| MediaPacket::parse(datagram).unwrap().transport_seq);
            assert_eq!(
                received, sent,
                "{publisher_over:?} to {subscriber_over:?}: bytes as they are"
            );
            for other in [&mut bystander, &mut stranger, &mut publisher] {
                assert_eq!(
                    other.downlink.datagrams_of(1, QUIET).await,
                    Vec::<Vec<u8>>::new()
                );
            }

            let feedback = publisher.uplink.datagram_of(2).await;
            let feedback = Feedback::parse(&feedback).unwrap();
            let reported: usize = feedback
                .groups()
                .map(|group| usize::from(group.count))
                .sum();
            assert!(
                reported > 0
                    && feedback
                        .groups()
                        .all(|group| group.sender == publisher.id())
            );
        }
    }
}

#[tokio::test]
async fn a_nack_is_answered_from_the_cache_and_only_to_a_subscriber() {
    let server = Server::start(settings()).await;
    let mut publisher = server.join(Over::WebTransport, "room", "publisher").await;
    let mut subscriber = server.join(Over::WebTransport, "room", "subscriber").await;
    let mut bystander = server.join(Over::WebTransport, "room", "bystander").await;
    publisher.publish(1, MediaKind::Video).await;
    subscriber.subscribe(publisher.id(), 1).await;
    let sender = publisher.id();
    for fragment in 0..3 {
        let packet = Packet {
            frame_id: 0,
            key: true,
            fragment,
            fragments: 3,
            ..Packet::video(sender, fragment)
        };
        publisher.uplink.send_datagram(&packet.encode());
        subscriber.downlink.datagram_of(1).await;
    }

    let ask = |entry: NackEntry| {
        let mut datagram = Vec::new();
        nack::encode(&[entry], &mut datagram);
        datagram
    };
    let one = NackEntry {
        sender,
        track: 1,
        spatial: 0,
        frame_id: 0,
        first_fragment: 1,
        mask: 1,
    };
    subscriber.downlink.send_datagram(&ask(one));
    let repeated = subscriber.downlink.datagram_of(1).await;
    let repeated = MediaPacket::parse(&repeated).unwrap();
    assert!(repeated.rtx && repeated.fragment_index == 1 && repeated.transport_seq == 1);
    let original = Packet {
        frame_id: 0,
        key: true,
        fragment: 1,
        fragments: 3,
        ..Packet::video(sender, 1)
    }
    .encode();
    assert_eq!(
        repeated.payload,
        MediaPacket::parse(&original).unwrap().payload
    );

    // Longer than the time in which the same packet is not repeated again.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let all = NackEntry::whole_frame(TrackId::new(sender, 1).stream(0).frame(0));
    subscriber.downlink.send_datagram(&ask(all));
    assert_eq!(subscriber.downlink.at_least(3, 1, QUIET).await.len(), 3);
    bystander.downlink.send_datagram(&ask(all));
    assert_eq!(bystander.downlink.datagrams_of(1, QUIET).await.len(), 0);
    assert_eq!(server.metric("smrtc_packets_repeated_total").await, 4);
}

#[tokio::test]
async fn a_gap_in_what_a_publisher_sends_is_asked_for_and_closed_for_everybody() {
    let server = Server::start(settings()).await;
    let mut publisher = server.join(Over::WebTransport, "room", "publisher").await;
    let mut subscriber = server.join(Over::WebTransport, "room", "subscriber").await;
    publisher.publish(1, MediaKind::Video).await;
    subscriber.subscribe(publisher.id(), 1).await;
    let sender = publisher.id();
    for seq in [0, 1, 3, 4, 5, 6, 7] {
        publisher
            .uplink
            .send_datagram(&Packet::video(sender, seq).encode());
    }
    let datagram = publisher.uplink.datagram_of(3).await;
    let wanted: Vec<_> = Nack::parse(&datagram).unwrap().entries().collect();
    assert_eq!(
        wanted,
        [NackEntry::whole_frame(
            TrackId::new(sender, 1).stream(0).frame(2)
        )]
    );

    let again = Packet {
        frame_id: 2,
        ..Packet::video(sender, 8)
    }
    .encode();
    publisher.uplink.send_datagram(&again);
    // Once more by mistake: it must not be forwarded twice.
    publisher.uplink.send_datagram(&again);
    let mut frames: Vec<_> = subscriber
        .downlink
        .at_least(8, 1, QUIET)
        .await
        .iter()
        .map(|datagram| MediaPacket::parse(datagram).unwrap().header.frame_id)
        .collect();
    frames.sort_unstable();
    assert_eq!(frames, [0, 1, 2, 3, 4, 5, 6, 7]);
    server
        .wait_for("smrtc_repetitions_total", |count| count == 1)
        .await;
}

#[tokio::test]
async fn key_frame_requests_of_a_crowd_reach_the_publisher_few_times() {
    let server = Server::start(settings()).await;
    let mut publisher = server.join(Over::WebTransport, "room", "publisher").await;
    publisher.publish(1, MediaKind::Video).await;
    let mut crowd = Vec::new();
    for index in 0..3 {
        let mut subscriber = server
            .join(Over::WebSocket, "room", &format!("subscriber {index}"))
            .await;
        subscriber.subscribe(publisher.id(), 1).await;
        crowd.push(subscriber);
    }
    let entry = KeyFrameEntry {
        sender: publisher.id(),
        track: 1,
        spatial: 0,
    };
    let mut request = Vec::new();
    keyframe::encode(&[entry], &mut request);
    for _ in 0..20 {
        for subscriber in &crowd {
            subscriber.downlink.send_datagram(&request);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let requests = publisher
        .uplink
        .at_least(1, 4, Duration::from_millis(700))
        .await;
    server
        .wait_for("smrtc_key_frame_requests_total", |count| count >= 60)
        .await;
    // On subscribing, at once, and once more after the interval: at most one in 300 ms.
    assert!(
        (1..=6).contains(&requests.len()),
        "{} requests",
        requests.len()
    );
    let entries: Vec<_> = KeyFrameRequest::parse(&requests[0])
        .unwrap()
        .entries()
        .collect();
    assert_eq!(entries, [entry]);
}

#[tokio::test]
async fn a_user_who_joins_again_replaces_the_earlier_session() {
    for over in BOTH {
        let server = Server::start(settings()).await;
        let mut witness = server.join(over, "room", "witness").await;
        let mut first = server.join(over, "room", "user").await;
        let second = server.join(over, "room", "user").await;
        assert_ne!(first.id(), second.id());
        assert_eq!(first.uplink.closed().await, 4409);
        assert_eq!(first.downlink.closed().await, 4409);
        assert!(
            matches!(witness.uplink.notification().await, Body::PeerJoined(peer) if peer.participant_id == first.id())
        );
        let Body::PeerLeft(left) = witness.uplink.notification().await else {
            panic!("not told")
        };
        assert_eq!(
            (left.participant_id, left.reason()),
            (first.id(), LeaveReason::Replaced)
        );
        assert!(
            matches!(witness.uplink.notification().await, Body::PeerJoined(peer) if peer.participant_id == second.id())
        );
        assert_eq!(second.joined.peers.len(), 1);
    }
}

#[tokio::test]
async fn losing_the_uplink_ends_the_participant_and_losing_the_downlink_does_not() {
    for over in BOTH {
        let server = Server::start(settings()).await;
        let mut witness = server.join(over, "room", "witness").await;
        let leaver = server.join(over, "room", "leaver").await;
        let id = leaver.id();
        witness.uplink.notification().await;

        drop(leaver.downlink);
        let ticket = {
            use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
            BASE64_URL_SAFE_NO_PAD.encode(&leaver.joined.attach_ticket)
        };
        let mut again = server.open(over, &format!("attach={ticket}")).await;
        again.send_datagram(&[5, 0x10, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(again.datagram().await, [6, 0x10, 0, 0, 0, 0, 0, 0, 0, 9]);

        drop(leaver.uplink);
        let Body::PeerLeft(left) = witness.uplink.notification().await else {
            panic!("not told")
        };
        assert_eq!(
            (left.participant_id, left.reason()),
            (id, LeaveReason::Disconnected)
        );
        assert_eq!(again.closed().await, 4000);
    }
}

#[tokio::test]
async fn media_of_a_lane_is_its_participants_reports_come_back_on_three_and_a_lane_ends_with_it() {
    let server = Server::start(settings()).await;
    let mut publisher = server.join(Over::WebTransport, "room", "publisher").await;
    let mut subscriber = server.join(Over::WebTransport, "room", "subscriber").await;
    publisher.publish(1, MediaKind::Video).await;
    subscriber.subscribe(publisher.id(), 1).await;
    let query = format!("attach={}&lane=1", publisher.ticket());
    let mut lanes = Vec::new();
    for _ in 0..64 {
        lanes.push(server.open(Over::WebTransport, &query).await);
    }
    for (seq, lane) in (0..).zip(&lanes) {
        lane.send_datagram(&Packet::video(publisher.id(), seq).encode());
    }
    let mut sequence = Vec::new();
    while sequence.len() < lanes.len() {
        let datagram = subscriber.downlink.datagram_of(1).await;
        sequence.push(MediaPacket::parse(&datagram).unwrap().transport_seq);
    }
    sequence.sort_unstable();
    assert!(sequence.into_iter().eq(0..64));
    for lane in &mut lanes[..3] {
        lane.datagram_of(2).await;
    }
    assert!(
        publisher.downlink.is_open(),
        "a lane takes no downlink's place"
    );

    let mut another = server.open(Over::WebTransport, &query).await;
    assert_eq!(another.closed().await, 4404);
    publisher.uplink.request(Request::Leave(Leave {})).await;
    for lane in &mut lanes {
        assert_eq!(lane.closed().await, 4000);
    }
}

#[tokio::test]
async fn a_lane_that_nothing_comes_up_on_is_sent_nothing() {
    let server = Server::start(settings()).await;
    let mut publisher = server.join(Over::WebTransport, "room", "publisher").await;
    publisher.publish(1, MediaKind::Video).await;
    let query = format!("attach={}&lane=1", publisher.ticket());
    let mut lane = server.open(Over::WebTransport, &query).await;
    for seq in 0..5 {
        let packet = Packet::video(publisher.id(), seq).encode();
        publisher.uplink.send_datagram(&packet);
        publisher.uplink.datagram_of(2).await;
    }
    let idle = lane.datagrams_of(2, Duration::from_millis(100)).await;
    assert_eq!(idle.len(), 0, "reports on an idle lane");
    lane.send_datagram(&Packet::video(publisher.id(), 5).encode());
    lane.datagram_of(2).await;
}

#[tokio::test]
async fn who_loses_much_is_answered_on_every_lane_that_is_used_as_long_as_it_sends() {
    const PONG: u8 = 6;
    let server = Server::start(settings()).await;
    let mut publisher = server.join(Over::WebTransport, "room", "publisher").await;
    publisher.publish(1, MediaKind::Video).await;
    let query = format!("attach={}&lane=1", publisher.ticket());
    let mut lanes = Vec::new();
    for _ in 0..5 {
        lanes.push(server.open(Over::WebTransport, &query).await);
    }
    let mut idle = server.open(Over::WebTransport, &query).await;
    let ways = || std::iter::once(&publisher.uplink).chain(&lanes).cycle();
    // Three of four are missing, and for some seconds.
    for (seq, way) in (0..8_000).step_by(4).zip(ways()) {
        way.send_datagram(&Packet::video(publisher.id(), seq).encode());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for lane in &mut lanes {
        // They end, or this would not.
        let answers = lane.at_least(20, PONG, Duration::from_millis(500)).await;
        assert!(
            answers.len() < 2_000,
            "{} in ten seconds at most",
            answers.len()
        );
    }
    let unasked = idle.datagrams_of(PONG, Duration::from_millis(10)).await;
    assert_eq!(unasked.len(), 0);
    assert!(server.metric("smrtc_answers_total").await >= 100);

    // Of one whose packets all come nothing is repeated.
    let mut other = server.join(Over::WebTransport, "room", "other").await;
    other.publish(1, MediaKind::Video).await;
    for seq in 0..200 {
        let packet = Packet::video(other.id(), seq).encode();
        other.uplink.send_datagram(&packet);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let answers = other
        .uplink
        .datagrams_of(PONG, Duration::from_millis(100))
        .await;
    assert_eq!(answers.len(), 0, "nothing was lost");
}
