//! The interceptor that other tests use: what it records, and what it spoils.
#![cfg(feature = "_test_support")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::{fs, time::Duration};

use common::{Over, Packet, Server, settings};
use smrtc_engine::control::v1::MediaKind;
use smrtc_gateway::interceptor::{Interceptor, Rule};

#[tokio::test]
async fn media_is_recorded_as_it_came_and_spoilt_as_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("media");
    let mut settings = settings();
    let rules = vec![Rule::Flip { every: 4 }, Rule::Replay { every: 10, back: 3 }];
    settings.interceptor = Interceptor::open(Some(&file), rules).unwrap();
    let server = Server::start(settings).await;
    let mut publisher = server.join(Over::WebSocket, "room", "publisher").await;
    let mut subscriber = server.join(Over::WebSocket, "room", "subscriber").await;
    publisher.publish(1, MediaKind::Video).await;
    subscriber.subscribe(publisher.id(), 1).await;
    let sent: Vec<_> = (0..40)
        .map(|seq| Packet::video(publisher.id(), seq).encode())
        .collect();
    for datagram in &sent {
        publisher.uplink.send_datagram(datagram);
    }
    let received = subscriber
        .downlink
        .at_least(44, 1, Duration::from_millis(500))
        .await;

    let recorded = fs::read(&file).unwrap();
    let expected: Vec<u8> = sent
        .iter()
        .flat_map(|datagram| [&(datagram.len() as u32).to_be_bytes()[..], datagram].concat())
        .collect();
    assert_eq!(recorded, expected);

    assert_eq!(received.len(), 44, "40 and every tenth time one more");
    assert_eq!(
        received[9], received[6],
        "the tenth is preceded by the one three before it"
    );
    let differing =
        |a: &[u8], b: &[u8]| -> u32 { a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum() };
    let spoilt: Vec<_> = received
        .iter()
        .filter(|datagram| !sent.contains(datagram))
        .collect();
    assert!(spoilt.len() >= 10);
    assert_eq!(
        differing(&received[3], &sent[3]),
        1,
        "one bit of the fourth"
    );
    assert_ne!(
        received[3][8], sent[3][8],
        "of the authenticated header's first byte"
    );
    assert_eq!(server.metric("smrtc_tamper_flipped_total").await, 10);
    assert_eq!(server.metric("smrtc_tamper_replayed_total").await, 4);
}
