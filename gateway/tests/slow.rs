//! Peers that are slow, silent or many, on TCP: none of them keeps others out.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::{fs, net::Ipv4Addr, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::{Over, Packet, Server, settings, token};
use futures_util::SinkExt;
use smrtc_engine::control::v1::{
    Leave, MediaKind, Subscribe, client_message::Body as Request, server_message::Body,
};
use smrtc_gateway::TcpLimits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite::Message;

/// Longer than anything here takes on a busy machine. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn with(tcp: TcpLimits) -> smrtc_gateway::Settings {
    let mut settings = settings();
    settings.tcp = tcp;
    settings
}

/// A connection from one of the many addresses of this machine.
async fn connect_from(address: Ipv4Addr, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// Reads to the end, which the gateway makes.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("the gateway to close the connection");
    bytes
}

#[tokio::test]
async fn thousands_of_silent_connections_keep_nobody_out() {
    let server = Server::start(settings()).await;
    let mut call = server.join(Over::WebSocket, "room", "user").await;
    let one = |_: u16| Ipv4Addr::LOCALHOST;
    let many = |number: u16| Ipv4Addr::new(127, 1, (number >> 8) as u8, number as u8);
    for (name, address_of) in [("one", &one as &dyn Fn(u16) -> Ipv4Addr), ("many", &many)] {
        let mut silent = Vec::new();
        for number in 0..4_200 {
            silent.push(connect_from(address_of(number), &server).await);
        }
        let asked = Instant::now();
        assert!(
            server.get("/healthz").await.ends_with("\r\n\r\nok\n"),
            "{name}"
        );
        assert!(asked.elapsed() < Duration::from_secs(10), "{name}");
        let open = server.metric("smrtc_tcp_connections").await;
        assert!(open <= 1_024, "{name}: {open}");
    }
    assert!(server.metric("smrtc_tcp_connections_evicted_total").await > 6_000);
    server.join(Over::WebSocket, "room", "another").await;
    assert!(
        call.uplink.is_open() && call.downlink.is_open(),
        "a session does not count"
    );
}

#[tokio::test]
async fn who_does_not_finish_a_request_is_let_go() {
    let server = Server::start(with(TcpLimits {
        header_timeout: Duration::from_millis(300),
        request_timeout: Duration::from_millis(300),
        ..TcpLimits::default()
    }))
    .await;
    let cases: [(&str, &str); 5] = [
        ("", ""),
        ("GET /heal", ""),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n", ""),
        (
            "POST /v1/certificate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
            "HTTP/1.1 4",
        ),
        // Idle after an answer.
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"),
    ];
    for (request, answer) in cases {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let bytes = String::from_utf8(read_to_end(&mut stream).await).unwrap();
        assert!(bytes.starts_with(answer), "{request:?}: {bytes}");
    }
    server
        .wait_for("smrtc_tcp_connections", |open| open <= 1)
        .await;
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_let_go() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("large"), vec![0; 32 << 20]).unwrap();
    let mut settings = with(TcpLimits {
        write_timeout: Duration::from_millis(500),
        ..TcpLimits::default()
    });
    settings.web_root = Some(root.path().to_owned());
    let server = Server::start(settings).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // The one that asks is a connection too.
    server
        .wait_for("smrtc_tcp_connections", |open| open == 1)
        .await;
    let taken = read_to_end(&mut stream).await.len();
    assert!(taken < 32 << 20, "it was cut off");
}

#[tokio::test]
async fn a_viewer_over_websocket_who_reads_nothing_is_let_go() {
    let server = Server::start(with(TcpLimits {
        write_timeout: Duration::from_millis(500),
        ..TcpLimits::default()
    }))
    .await;
    let mut publisher = server.join(Over::WebSocket, "room", "publisher").await;
    publisher.publish(1, MediaKind::Video).await;
    let mut viewer = server
        .open(
            Over::WebSocket,
            &format!("token={}", token("room", "viewer")),
        )
        .await;
    let joined = viewer.join().await;
    let subscribe = Subscribe {
        participant_id: publisher.id(),
        track: 1,
        ..Subscribe::default()
    };
    let reply = viewer.request(Request::Subscribe(subscribe)).await;
    assert!(matches!(reply, Body::Done(_)), "{reply:?}");

    // Little room, so that the gateway notices soon.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let ticket = BASE64_URL_SAFE_NO_PAD.encode(&joined.attach_ticket);
    let url = format!("ws://{}/v1/session?attach={ticket}", server.address);
    let (mut downlink, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    server
        .wait_for("smrtc_sessions", |sessions| sessions == 4)
        .await;

    let sender = publisher.id();
    let started = Instant::now();
    let mut seq = 0;
    while server.metric("smrtc_sessions").await == 4 {
        assert!(started.elapsed() < PATIENCE, "never let go");
        for _ in 0..20 {
            let packet = Packet {
                bytes: 1_100,
                ..Packet::video(sender, seq)
            };
            publisher.uplink.send_datagram(&packet.encode());
            seq = seq.wrapping_add(1);
        }
        // It does give signs of life, so that silence is not what ends it.
        let _ = downlink.send(Message::Ping(Vec::new().into())).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(viewer.is_open(), "the participant is still there");
    assert!(publisher.uplink.is_open() && publisher.downlink.is_open());
}

#[tokio::test]
async fn made_up_tickets_take_no_places() {
    let mut settings = settings();
    settings.max_sessions = 2;
    let server = Server::start(settings).await;
    let query = format!("attach={}", "A".repeat(43));
    let mut refused = Vec::new();
    for _ in 0..4 {
        refused.push(server.open(Over::WebSocket, &query).await);
        assert_eq!(server.metric("smrtc_sessions").await, 0);
    }
    server.join(Over::WebTransport, "room", "user").await;
    for session in &mut refused {
        assert_eq!(session.closed().await, 4404);
    }
}

#[tokio::test]
async fn what_the_system_grants_to_udp_and_what_it_drops_is_told() {
    for (asked, is_dropped) in [(8 << 10, true), (0, false)] {
        let mut settings = settings();
        settings.udp_buffer_bytes = asked;
        let server = Server::start(settings).await;
        let of = |name: &str| format!("smrtc_{name}{{address=\"{}\"}}", server.address);
        if asked > 0 {
            for name in ["udp_receive_buffer_bytes", "udp_send_buffer_bytes"] {
                assert_eq!(server.metric(&of(name)).await, asked as u64, "{name}");
            }
        }
        let drops = of("udp_dropped_datagrams_total");
        assert_eq!(server.metric(&drops).await, 0);
        // Without a pause, so that the gateway, which runs on this thread, reads none of them
        // meanwhile.
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..50 {
            sender.send_to(&[0; 1_000], server.address).unwrap();
        }
        assert_eq!(server.metric(&drops).await > 0, is_dropped);
    }
}

#[tokio::test]
async fn a_lane_that_goes_on_sending_ends_with_its_participant() {
    let server = Server::start(settings()).await;
    for over in [Over::WebTransport, Over::WebSocket] {
        let mut user = server.join(over, "room", "user").await;
        let query = format!("attach={}&lane=1", user.ticket());
        let mut lane = server.open(over, &query).await;
        server.wait_for("smrtc_sessions", |open| open == 3).await;
        user.uplink.request(Request::Leave(Leave {})).await;
        let started = Instant::now();
        while lane.is_open() {
            assert!(started.elapsed() < PATIENCE, "{over:?}: still there");
            lane.send_datagram(&Packet::audio(user.id(), 0).encode());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(lane.closed().await, 4000, "{over:?}");
        server.wait_for("smrtc_sessions", |open| open == 0).await;
    }
}
