//! Running a gateway: HTTP, certificates, slow clients, shutdown.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::{
    fs,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use common::{BOTH, Over, Packet, SECRET, Server, settings, token};
use smrtc_engine::{
    control::v1::{MediaKind, server_message::Body},
    wire::media::{MediaKind as WireKind, MediaPacket},
};
use smrtc_gateway::{
    auth::Signer,
    tls::{Lifetimes, PemFiles},
};

#[tokio::test]
async fn shutdown_tells_everybody_and_takes_nobody_in() {
    let server = Server::start(settings()).await;
    let mut clients = Vec::new();
    for (index, over) in BOTH.into_iter().enumerate() {
        clients.push(server.join(over, "room", &format!("user {index}")).await);
    }
    let mut waiting = server
        .open(
            Over::WebTransport,
            &format!("token={}", token("room", "late")),
        )
        .await;
    let address = server.address;
    let started = Instant::now();
    server.gateway.shutdown().await;
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "clients answered, so no deadline was needed"
    );
    for client in &mut clients {
        loop {
            match client.uplink.notification().await {
                Body::Closing(closing) => {
                    assert_eq!(closing.code, 4503);
                    break;
                }
                Body::PeerJoined(_) | Body::PeerLeft(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(client.uplink.closed().await, 4503);
        assert_eq!(client.downlink.closed().await, 4503);
    }
    assert_eq!(waiting.closed().await, 4503, "one that has not joined, too");
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "the port is free"
    );
}

#[tokio::test]
async fn shutdown_does_not_wait_for_the_dead() {
    let mut settings = settings();
    settings.shutdown_timeout = Duration::from_millis(500);
    let server = Server::start(settings).await;
    let client = server.join(Over::WebTransport, "room", "user").await;
    client.uplink.stall();
    client.downlink.stall();
    let started = Instant::now();
    server.gateway.shutdown().await;
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_subscriber_who_does_not_read_loses_pictures_first_and_slows_nobody() {
    let mut settings = settings();
    settings.limits.media.queue_bytes = 64 << 10;
    settings.limits.media.ingest = smrtc_engine::time::Bitrate::from_kbps(10_000_000);
    let server = Server::start(settings).await;
    let mut publisher = server.join(Over::WebSocket, "room", "publisher").await;
    let mut healthy = server.join(Over::WebTransport, "room", "healthy").await;
    let mut stalled = server.join(Over::WebSocket, "room", "stalled").await;
    publisher.publish(0, MediaKind::Audio).await;
    publisher.publish(1, MediaKind::Video).await;
    for subscriber in [&mut healthy, &mut stalled] {
        subscriber.subscribe(publisher.id(), 0).await;
        subscriber.subscribe(publisher.id(), 1).await;
    }
    stalled.downlink.stall();

    let sender = publisher.id();
    let mut seq = 0u16;
    for round in 0..600u32 {
        let mut expected = 1;
        publisher.uplink.send_datagram(
            &Packet {
                frame_id: round,
                ..Packet::audio(sender, seq)
            }
            .encode(),
        );
        for fragment in 0..20 {
            seq = seq.wrapping_add(1);
            let packet = Packet {
                frame_id: round,
                key: round == 0,
                fragment,
                fragments: 20,
                bytes: 1_100,
                ..Packet::video(sender, seq)
            };
            publisher.uplink.send_datagram(&packet.encode());
            expected += 1;
        }
        seq = seq.wrapping_add(1);
        for _ in 0..expected {
            healthy.downlink.datagram_of(1).await;
        }
    }
    let dropped = server.metric("smrtc_dropped_picture_packets_total").await;
    assert!(dropped > 1_000, "the subscriber was not slow: {dropped}");
    assert_eq!(server.metric("smrtc_dropped_audio_packets_total").await, 0);
    assert!(stalled.uplink.is_open());
}

#[tokio::test]
async fn a_self_signed_certificate_is_renewed_while_sessions_go_on() {
    let mut settings = settings();
    settings.lifetimes = Lifetimes {
        validity: Duration::from_secs(8),
        retire_before_end: Duration::from_secs(4),
        announce_before: Duration::from_secs(2),
        backdate: Duration::ZERO,
    };
    let server = Server::start(settings).await;
    let first = server.gateway.certificate_hashes();
    assert_eq!(first.len(), 1);
    let mut early = server.join(Over::WebTransport, "room", "early").await;
    let mut announced = Vec::new();
    let started = Instant::now();
    while server.gateway.certificate_hashes()[0] == first[0] {
        assert!(started.elapsed() < Duration::from_secs(20), "never renewed");
        announced = server.gateway.certificate_hashes();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let now = server.gateway.certificate_hashes();
    assert_eq!(announced[1], now[0], "announced before it was served");
    let config = server.get("/v1/config").await;
    assert!(config.contains(&BASE64_STANDARD.encode(now[0])), "{config}");
    let (_, time) = config.split_once("\"time\":").expect("the time of day");
    let digits: String = time.chars().take_while(char::is_ascii_digit).collect();
    let said = Duration::from_millis(digits.parse().expect("milliseconds"));
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(ours.abs_diff(said) < Duration::from_secs(60), "{config}");
    // The client trusts the announced hashes only, so this shows which certificate is served.
    let _late = server.join(Over::WebTransport, "room", "late").await;
    assert!(matches!(
        early.uplink.notification().await,
        Body::PeerJoined(_)
    ));
}

#[tokio::test]
async fn pem_files_are_served_over_tcp_too_and_read_again_when_they_change() {
    let directory = tempfile::tempdir().unwrap();
    let files = PemFiles {
        certificate: directory.path().join("certificate.pem"),
        key: directory.path().join("key.pem"),
    };
    let write = |files: &PemFiles| {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(&files.key, own.signing_key.serialize_pem()).unwrap();
        fs::write(&files.certificate, own.cert.pem()).unwrap();
        own.cert.der().to_vec()
    };
    let mut settings = settings();
    settings.pem_interval = Duration::from_millis(50);
    settings.pem = Some(files.clone());
    let first = write(&files);
    let server = Server::start(settings).await;
    assert_eq!(served(&server).await, first);

    // Half a renewal: the old certificate stays.
    fs::write(&files.key, "no key").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(served(&server).await, first);
    let second = write(&files);
    let started = Instant::now();
    while served(&server).await != second {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the new certificate was never served"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The certificate that a TLS handshake on TCP shows.
async fn served(server: &Server) -> Vec<u8> {
    use std::sync::Arc;
    use tokio_rustls::{TlsConnector, rustls};

    #[derive(Debug)]
    struct Anything;
    impl rustls::client::danger::ServerCertVerifier for Anything {
        fn verify_server_cert(
            &self,
            _: &rustls_pki_types::CertificateDer<'_>,
            _: &[rustls_pki_types::CertificateDer<'_>],
            _: &rustls_pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls_pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &rustls_pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &rustls_pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    let tcp = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let name = "localhost".try_into().unwrap();
    let tls = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .unwrap();
    tls.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn http_serves_health_configuration_and_files_with_the_headers_that_isolate() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("index.html"), "<h1>hello</h1>").unwrap();
    fs::write(root.path().join("module.wasm"), b"\0asm").unwrap();
    for isolated in [true, false] {
        let mut settings = settings();
        settings.web_root = Some(root.path().to_owned());
        settings.cross_origin_isolation = isolated;
        settings.advertised_port = Some(5555);
        let server = Server::start(settings).await;
        assert!(server.get("/healthz").await.ends_with("\r\n\r\nok\n"));
        let config = server.get("/v1/config").await;
        let json: serde_json::Value =
            serde_json::from_str(config.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(json["webtransport"]["port"], 5555);
        let hash = &json["webtransport"]["serverCertificateHashes"][0];
        assert_eq!(hash["algorithm"], "sha-256");
        assert_eq!(
            hash["value"],
            BASE64_STANDARD.encode(server.gateway.certificate_hashes()[0])
        );

        let page = server.get("/").await;
        assert!(
            page.contains("<h1>hello</h1>") && page.contains("content-type: text/html"),
            "{page}"
        );
        assert_eq!(
            page.contains("cross-origin-opener-policy: same-origin"),
            isolated
        );
        assert_eq!(
            page.contains("cross-origin-embedder-policy: require-corp"),
            isolated
        );
        assert!(
            server
                .get("/module.wasm")
                .await
                .contains("content-type: application/wasm")
        );
        for outside in [
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/..%2fCargo.toml",
            "/nothing",
        ] {
            assert!(
                server.get(outside).await.starts_with("HTTP/1.1 4"),
                "{outside}"
            );
        }
        let demo = server
            .http(
                "POST",
                "/v1/demo/token",
                "Content-Type: application/json\r\n",
                r#"{"room":"r","user":"u"}"#,
            )
            .await;
        assert!(demo.starts_with("HTTP/1.1 404"), "{demo}");
    }
}

#[tokio::test]
async fn the_demo_gives_tokens_to_pages_of_its_host_and_to_no_other() {
    let mut settings = settings();
    settings.demo_signer = Some(Signer::hs256(SECRET).unwrap());
    let server = Server::start(settings).await;
    let body = r#"{"room":"r","user":"u"}"#;
    let json = "Content-Type: application/json\r\n";
    let response = server.http("POST", "/v1/demo/token", json, body).await;
    let reply: serde_json::Value =
        serde_json::from_str(response.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let token = reply["token"].as_str().unwrap();
    let mut session = server
        .open(Over::WebSocket, &format!("token={token}"))
        .await;
    assert_eq!(session.join().await.room_id, "r");

    let foreign = format!("{json}Origin: https://evil.example\r\n");
    let response = server.http("POST", "/v1/demo/token", &foreign, body).await;
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    assert!(!response.contains("access-control-allow-origin"));
    let own = format!("{json}Origin: http://localhost:8080\r\n");
    let response = server.http("POST", "/v1/demo/token", &own, body).await;
    assert!(
        response.contains("access-control-allow-origin: http://localhost:8080"),
        "{response}"
    );
    let response = server
        .http("POST", "/v1/demo/token", json, r#"{"room":"","user":"u"}"#)
        .await;
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let server = Server::start(settings()).await;
    let mut second = settings();
    second.listen = vec![server.address];
    let error = smrtc_gateway::Gateway::start(second)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(&server.address.to_string()), "{error}");
}

#[tokio::test]
async fn audio_and_pictures_are_told_apart_by_their_published_kind() {
    let server = Server::start(settings()).await;
    let mut publisher = server.join(Over::WebTransport, "room", "publisher").await;
    let mut subscriber = server.join(Over::WebTransport, "room", "subscriber").await;
    publisher.publish(0, MediaKind::Audio).await;
    subscriber.subscribe(publisher.id(), 0).await;
    let sender = publisher.id();
    // Pictures on a track that was published as audio, and a track that was not published at all.
    publisher.uplink.send_datagram(
        &Packet {
            kind: WireKind::Video,
            ..Packet::audio(sender, 0)
        }
        .encode(),
    );
    publisher
        .uplink
        .send_datagram(&Packet::video(sender, 1).encode());
    publisher
        .uplink
        .send_datagram(&Packet::audio(sender, 2).encode());
    let received = subscriber.downlink.datagram_of(1).await;
    assert_eq!(MediaPacket::parse(&received).unwrap().transport_seq, 2);
    assert_eq!(server.metric("smrtc_unpublished_packets_total").await, 2);
}
