//! A real gateway in the test's process, and real clients of both transports.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file uses a part"
)]

mod packet;
mod session;

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use smrtc_engine::control::v1::{
    Joined, MediaKind, Publish, Subscribe, Track, client_message::Body as Request,
    server_message::Body,
};
use smrtc_gateway::{
    Gateway, Settings,
    auth::{Role, Signer, Verifier},
};
use tokio::time::{Instant, timeout};

pub use packet::Packet;
use session::open_webtransport;
pub use session::{Session, open_websocket};

pub const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

/// Longer than anything here takes on a busy machine. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    WebTransport,
    WebSocket,
}

pub const BOTH: [Over; 2] = [Over::WebTransport, Over::WebSocket];

pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

pub fn token(room: &str, user: &str) -> String {
    token_at(room, user, now())
}

pub fn token_at(room: &str, user: &str, from: Duration) -> String {
    let signer = Signer::hs256(SECRET).unwrap();
    signer
        .sign(room, user, Role::Anchor, from, Duration::from_secs(3600))
        .unwrap()
}

pub fn settings() -> Settings {
    Settings::new(
        vec!["127.0.0.1:0".parse().unwrap()],
        Verifier::hs256(SECRET).unwrap(),
    )
}

pub struct Server {
    pub gateway: Gateway,
    pub address: SocketAddr,
}

impl Server {
    pub async fn start(settings: Settings) -> Self {
        let gateway = Gateway::start(settings).await.unwrap();
        let address = gateway.addresses()[0];
        Self { gateway, address }
    }

    pub async fn open(&self, over: Over, query: &str) -> Session {
        self.open_from(over, query, None).await
    }

    pub async fn open_from(&self, over: Over, query: &str, origin: Option<&str>) -> Session {
        match over {
            Over::WebTransport => open_webtransport(self, query, origin).await,
            Over::WebSocket => open_websocket(self.address, query, origin).await,
        }
    }

    /// Joins and attaches a downlink.
    pub async fn join(&self, over: Over, room: &str, user: &str) -> Client {
        let mut uplink = self
            .open(over, &format!("token={}", token(room, user)))
            .await;
        let joined = uplink.join().await;
        let ticket = BASE64_URL_SAFE_NO_PAD.encode(&joined.attach_ticket);
        let downlink = self.open(over, &format!("attach={ticket}")).await;
        let mut client = Client {
            uplink,
            downlink,
            joined,
        };
        // A pong shows that the downlink is attached, so that nothing sent from now on is lost.
        client
            .downlink
            .send_datagram(&[5, 0x10, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(client.downlink.datagram().await[0], 6);
        client
    }

    pub async fn get(&self, path: &str) -> String {
        self.http("GET", path, "", "").await
    }

    /// A plain HTTP request; the whole response as text.
    pub async fn http(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut response))
            .await
            .unwrap()
            .unwrap();
        response
    }

    /// The value of a counter or gauge.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await;
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Waits until a metric satisfies a condition.
    pub async fn wait_for(&self, name: &str, condition: impl Fn(u64) -> bool) -> u64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name).await;
            if condition(value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{name} never got there: {value}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub struct Client {
    pub uplink: Session,
    pub downlink: Session,
    pub joined: Joined,
}

impl Client {
    /// Of the downlink and the lanes, as it goes into a URL.
    pub fn ticket(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.joined.attach_ticket)
    }

    pub fn id(&self) -> u32 {
        self.joined.participant_id
    }

    pub async fn publish(&mut self, number: u32, kind: MediaKind) {
        let track = Track {
            number,
            kind: kind.into(),
            codec: "any".into(),
            ..Track::default()
        };
        let reply = self
            .uplink
            .request(Request::Publish(Publish { track: Some(track) }))
            .await;
        assert!(matches!(reply, Body::Done(_)), "{reply:?}");
    }

    pub async fn subscribe(&mut self, participant_id: u32, track: u32) {
        let subscribe = Subscribe {
            participant_id,
            track,
            ..Subscribe::default()
        };
        let reply = self.uplink.request(Request::Subscribe(subscribe)).await;
        assert!(matches!(reply, Body::Done(_)), "{reply:?}");
    }
}
