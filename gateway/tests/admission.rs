//! Who is refused, with which close code, and that nobody else notices.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::Duration;

use common::{BOTH, Over, Packet, Server, now, settings, token, token_at};
use smrtc_engine::control::{
    encode_delimited,
    v1::{
        ClientMessage, ErrorCode, Join, Leave, MediaKind, Subscribe,
        client_message::Body as Request, server_message::Body,
    },
};
use smrtc_gateway::auth::{Role, Signer};

#[tokio::test]
async fn every_refusal_has_its_close_code_over_both_transports() {
    let server = Server::start(settings()).await;
    let hour = Duration::from_secs(3600);
    let foreign = Signer::hs256(b"another secret of thirty-two bytes!!").unwrap();
    let foreign = foreign
        .sign("room", "user", Role::Anchor, now(), hour)
        .unwrap();
    let no_ticket = "A".repeat(43);
    let cases = [
        (String::new(), 4401),
        ("token=".to_owned(), 4401),
        ("token=a.b.c".to_owned(), 4401),
        (format!("token={foreign}"), 4401),
        (
            format!("token={}", token_at("room", "user", now() - 2 * hour)),
            4402,
        ),
        (
            format!("token={}", token_at("room", "user", now() + 2 * hour)),
            4402,
        ),
        ("attach=x".to_owned(), 4404),
        (format!("attach={no_ticket}"), 4404),
        (
            format!("attach={no_ticket}&token={}", token("room", "user")),
            4404,
        ),
    ];
    for over in BOTH {
        for (query, code) in &cases {
            let mut session = server.open(over, query).await;
            assert_eq!(session.closed().await, *code, "{over:?} {query}");
        }
        let good = format!("token={}", token("room", "user"));
        let mut foreign = server
            .open_from(over, &good, Some("https://evil.example"))
            .await;
        assert_eq!(foreign.closed().await, 4403, "{over:?}");
        let mut own = server
            .open_from(over, &good, Some("http://127.0.0.1:8080"))
            .await;
        own.join().await;
    }
    let metrics = server.get("/metrics").await;
    for code in [4401, 4402, 4403, 4404] {
        assert!(
            metrics.contains(&format!("smrtc_sessions_refused_total{{code=\"{code}\"}}")),
            "{metrics}"
        );
    }
    assert_eq!(
        server.metric("smrtc_joins_total").await,
        2,
        "only the allowed ones got near a room"
    );
}

#[tokio::test]
async fn a_list_of_origins_replaces_the_default() {
    let mut settings = settings();
    settings.allow_origins = vec!["https://app.example".to_owned()];
    let server = Server::start(settings).await;
    let query = format!("token={}", token("room", "user"));
    for over in BOTH {
        server
            .open_from(over, &query, Some("https://app.example"))
            .await
            .join()
            .await;
        let mut own = server
            .open_from(over, &query, Some("http://127.0.0.1:8080"))
            .await;
        assert_eq!(own.closed().await, 4403);
    }
}

#[tokio::test]
async fn a_control_stream_that_cannot_be_read_ends_its_session_alone() {
    for over in BOTH {
        let server = Server::start(settings()).await;
        let mut bystander = server.join(over, "room", "bystander").await;
        let cases: [(&[u8], u16); 3] = [
            // A length of 1,048,577.
            (&[0x81, 0x80, 0x40], 4413),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], 4413),
            // A Join whose text is cut off.
            (&[4, 0x12, 0x02, 0x0a, 0x09], 4400),
        ];
        for (index, (bytes, code)) in cases.into_iter().enumerate() {
            let mut bad = server.join(over, "room", &format!("bad {index}")).await;
            bad.uplink.send_control(bytes.to_vec());
            assert_eq!(bad.uplink.closed().await, code, "{over:?} {bytes:?}");
            assert_eq!(bad.downlink.closed().await, 4000);
            assert!(matches!(
                bystander.uplink.notification().await,
                Body::PeerJoined(_)
            ));
            assert!(matches!(
                bystander.uplink.notification().await,
                Body::PeerLeft(_)
            ));
        }
        // Who has not joined has no use for long messages: 65,537 bytes.
        let query = format!("token={}", token("room", "early"));
        let mut early = server.open(over, &query).await;
        early.send_control(vec![0x81, 0x80, 0x04]);
        assert_eq!(early.closed().await, 4413, "{over:?} before Join");

        if over == Over::WebSocket {
            let mut bad = server.join(over, "room", "text").await;
            bad.uplink.send_text();
            assert_eq!(bad.uplink.closed().await, 4400);
        }
        assert!(bystander.uplink.is_open() && bystander.downlink.is_open());
    }
}

#[tokio::test]
async fn requests_are_answered_with_reasons_and_unknown_ones_do_not_end_the_session() {
    for over in BOTH {
        let server = Server::start(settings()).await;
        let mut session = server
            .open(over, &format!("token={}", token("room", "user")))
            .await;
        let error = |body: Body| match body {
            Body::Error(error) => error.code(),
            other => panic!("{other:?}"),
        };
        let subscribe = Subscribe {
            participant_id: 7,
            track: 0,
            ..Subscribe::default()
        };
        assert_eq!(
            error(session.request(Request::Subscribe(subscribe)).await),
            ErrorCode::NotJoined
        );
        session.join().await;
        assert_eq!(
            error(session.request(Request::Subscribe(subscribe)).await),
            ErrorCode::NoSuchTrack
        );
        assert_eq!(
            error(session.request(Request::Join(Join::default())).await),
            ErrorCode::AlreadyJoined
        );
        // Field 40 is of the future.
        session.send_control(vec![6, 0x08, 99, 0xc2, 0x02, 1, 0]);
        assert_eq!(error(session.reply(99).await), ErrorCode::UnknownMessage);
        assert!(matches!(
            session.request(Request::Leave(Leave {})).await,
            Body::Done(_)
        ));
        assert_eq!(session.closed().await, 4000);
    }
}

#[tokio::test]
async fn a_session_that_does_not_join_is_closed() {
    let server = Server::start(settings()).await;
    for over in BOTH {
        let mut session = server
            .open(over, &format!("token={}", token("room", "user")))
            .await;
        assert_eq!(session.closed().await, 4408);
    }
}

#[tokio::test]
async fn garbage_ends_who_sends_it_and_harms_nobody_else() {
    for over in BOTH {
        let server = Server::start(settings()).await;
        let mut publisher = server.join(over, "room", "publisher").await;
        let mut subscriber = server.join(over, "room", "subscriber").await;
        let mut vandal = server.join(over, "room", "vandal").await;
        publisher.publish(1, MediaKind::Video).await;
        subscriber.subscribe(publisher.id(), 1).await;
        vandal.publish(1, MediaKind::Video).await;

        let mut sent = 0u16;
        let garbage: Vec<Vec<u8>> = (0..400u32)
            .map(|seed| match seed % 4 {
                // Media that is cut off, media in the publisher's name, feedback that goes the
                // wrong way, noise.
                0 => vec![1, 0x10, 0, 1, 0],
                1 => Packet::video(publisher.id(), seed as u16).encode(),
                2 => vec![2, 0x10, 0, 1, 0, 0, 0, 0],
                _ => (0..seed)
                    .map(|byte| (byte.wrapping_mul(2_654_435_761) >> 11) as u8)
                    .collect(),
            })
            .collect();
        for datagram in &garbage {
            vandal.uplink.send_datagram(datagram);
            publisher
                .uplink
                .send_datagram(&Packet::video(publisher.id(), sent).encode());
            sent += 1;
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        assert_eq!(vandal.uplink.closed().await, 4429, "{over:?}");
        assert_eq!(vandal.downlink.closed().await, 4429);
        let received = subscriber
            .downlink
            .at_least(sent.into(), 1, Duration::from_millis(300))
            .await;
        assert_eq!(received.len(), usize::from(sent), "{over:?}");
        assert!(publisher.uplink.is_open() && subscriber.uplink.is_open());
        assert!(server.metric("smrtc_malformed_datagrams_total").await > 100);
        assert!(server.metric("smrtc_foreign_sender_packets_total").await > 10);
    }
}

#[tokio::test]
async fn too_many_requests_end_the_session() {
    let server = Server::start(settings()).await;
    let mut session = server
        .open(
            Over::WebTransport,
            &format!("token={}", token("room", "user")),
        )
        .await;
    session.join().await;
    let request = ClientMessage {
        request_id: 1000,
        body: None,
    };
    session.send_control(encode_delimited(&request).repeat(2_000));
    assert_eq!(session.closed().await, 4429);
}

#[tokio::test]
async fn one_user_who_takes_many_sessions_keeps_nobody_else_out() {
    let mut settings = settings();
    settings.max_sessions = 20;
    let server = Server::start(settings).await;
    let of_one = format!("token={}", token("room", "one"));
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(server.open(Over::WebSocket, &of_one).await);
    }
    for over in BOTH {
        let mut refused = server.open(over, &of_one).await;
        assert_eq!(refused.closed().await, 4503, "{over:?}");
    }
    server.join(Over::WebTransport, "room", "another").await;
}

#[tokio::test]
async fn a_full_gateway_says_so() {
    let mut settings = settings();
    settings.max_sessions = 2;
    let server = Server::start(settings).await;
    let first = server.join(Over::WebTransport, "room", "first").await;
    for over in BOTH {
        let mut refused = server
            .open(over, &format!("token={}", token("room", "second")))
            .await;
        assert_eq!(refused.closed().await, 4503);
    }
    drop(first);
    server
        .wait_for("smrtc_sessions", |sessions| sessions == 0)
        .await;
    server.join(Over::WebTransport, "room", "second").await;
}
