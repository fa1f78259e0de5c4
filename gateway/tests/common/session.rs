use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use smrtc_engine::control::{
    Framer, encode_delimited,
    v1::{
        ClientMessage, Join, Joined, ServerMessage, client_message::Body as Request,
        server_message::Body,
    },
};
use tokio::{
    sync::mpsc,
    time::{error::Elapsed, timeout},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use wtransport::{ClientConfig, Endpoint, endpoint::ConnectOptions, tls::Sha256Digest};

use super::{PATIENCE, Server};

/// One session, and everything that came on it.
pub struct Session {
    out: mpsc::UnboundedSender<Out>,
    events: mpsc::UnboundedReceiver<Event>,
    framer: Framer,
    notifications: Vec<Body>,
    datagrams: Vec<Vec<u8>>,
    closed: Option<u16>,
    next_request: u32,
}

enum Out {
    Control(Vec<u8>),
    Datagram(Vec<u8>),
    Text,
    /// Stop reading from the network.
    Stall,
}

enum Event {
    Control(Vec<u8>),
    Datagram(Vec<u8>),
    /// With the close code, 0 if there was none.
    Closed(u16),
}

impl Session {
    fn new(out: mpsc::UnboundedSender<Out>, events: mpsc::UnboundedReceiver<Event>) -> Self {
        Self {
            out,
            events,
            framer: Framer::new(),
            notifications: Vec::new(),
            datagrams: Vec::new(),
            closed: None,
            next_request: 1,
        }
    }

    pub fn send_control(&self, bytes: Vec<u8>) {
        let _ = self.out.send(Out::Control(bytes));
    }

    pub fn send_datagram(&self, bytes: &[u8]) {
        let _ = self.out.send(Out::Datagram(bytes.to_vec()));
    }

    /// A text message; WebSocket only.
    pub fn send_text(&self) {
        let _ = self.out.send(Out::Text);
    }

    pub fn stall(&self) {
        let _ = self.out.send(Out::Stall);
    }

    pub async fn join(&mut self) -> Joined {
        match self.request(Request::Join(Join::default())).await {
            Body::Joined(joined) => joined,
            other => panic!("not joined: {other:?}"),
        }
    }

    pub async fn request(&mut self, body: Request) -> Body {
        let request_id = self.next_request;
        self.next_request += 1;
        let message = ClientMessage {
            request_id,
            body: Some(body),
        };
        self.send_control(encode_delimited(&message));
        self.reply(request_id).await
    }

    pub async fn reply(&mut self, request_id: u32) -> Body {
        loop {
            while let Some(message) = self.framer.next_message::<ServerMessage>().unwrap() {
                let body = message.body.unwrap();
                if message.reply_to == request_id {
                    return body;
                }
                assert_eq!(message.reply_to, 0, "a reply to nothing: {body:?}");
                self.notifications.push(body);
            }
            self.step()
                .await
                .unwrap_or_else(|_| panic!("no reply; closed: {:?}", self.closed));
        }
    }

    /// The next notification.
    pub async fn notification(&mut self) -> Body {
        loop {
            while let Some(message) = self.framer.next_message::<ServerMessage>().unwrap() {
                self.notifications.push(message.body.unwrap());
            }
            if !self.notifications.is_empty() {
                return self.notifications.remove(0);
            }
            self.step().await.expect("a notification");
        }
    }

    /// The next datagram.
    pub async fn datagram(&mut self) -> Vec<u8> {
        while self.datagrams.is_empty() {
            self.step()
                .await
                .unwrap_or_else(|_| panic!("no datagram; closed: {:?}", self.closed));
        }
        self.datagrams.remove(0)
    }

    /// The next datagram of a kind; others are thrown away.
    pub async fn datagram_of(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let datagram = self.datagram().await;
            if datagram[0] == kind {
                return datagram;
            }
        }
    }

    /// Waits for `least` datagrams of a kind, and then for more until there are none for `quiet`: a
    /// busy machine delays what comes, and what should not come has its time too.
    pub async fn at_least(&mut self, least: usize, kind: u8, quiet: Duration) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while all.len() < least {
            all.push(self.datagram_of(kind).await);
        }
        all.extend(self.datagrams_of(kind, quiet).await);
        all
    }

    /// All datagrams of a kind that come before there are none for `quiet`. Only to show that none
    /// or few come.
    pub async fn datagrams_of(&mut self, kind: u8, quiet: Duration) -> Vec<Vec<u8>> {
        while let Ok(Some(event)) = timeout(quiet, self.events.recv()).await {
            self.take(event);
        }
        let all = std::mem::take(&mut self.datagrams);
        all.into_iter()
            .filter(|datagram| datagram[0] == kind)
            .collect()
    }

    /// The close code, 0 if the transport ended without one.
    pub async fn closed(&mut self) -> u16 {
        while self.closed.is_none() {
            self.step().await.expect("the session to close");
        }
        self.closed.unwrap()
    }

    pub fn is_open(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.closed.is_none()
    }

    async fn step(&mut self) -> Result<(), Elapsed> {
        match timeout(PATIENCE, self.events.recv()).await? {
            Some(event) => self.take(event),
            None => self.closed = self.closed.or(Some(0)),
        }
        Ok(())
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Control(bytes) => self.framer.push(&bytes),
            Event::Datagram(bytes) => self.datagrams.push(bytes),
            Event::Closed(code) => self.closed = Some(code),
        }
    }
}

pub async fn open_webtransport(server: &Server, query: &str, origin: Option<&str>) -> Session {
    let hashes = server.gateway.certificate_hashes();
    let config = ClientConfig::builder()
        .with_bind_default()
        .with_server_certificate_hashes(hashes.into_iter().map(Sha256Digest::new))
        .build();
    let mut options =
        ConnectOptions::builder(format!("https://{}/v1/session?{query}", server.address));
    if let Some(origin) = origin {
        options = options.add_header("origin", origin);
    }
    let endpoint = Endpoint::client(config).unwrap();
    let connection = endpoint
        .connect(options.build())
        .await
        .expect("sessions are accepted before they are refused");
    let (out, mut outgoing) = mpsc::unbounded_channel();
    let (incoming, events) = mpsc::unbounded_channel();
    let has_control = query.starts_with("token");
    tokio::spawn(async move {
        let _endpoint = endpoint;
        let stream = async {
            if !has_control {
                return None;
            }
            connection.open_bi().await.ok()?.await.ok()
        };
        let Some((mut send, mut recv)) = stream
            .await
            .map(|(send, recv)| (Some(send), Some(recv)))
            .or((!has_control).then_some((None, None)))
        else {
            let _ = incoming.send(Event::Closed(code_of(&connection).await));
            return;
        };
        let mut buffer = vec![0; 16 << 10];
        loop {
            let control = async {
                match &mut recv {
                    Some(recv) => recv.read(&mut buffer).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = control => match read {
                    Ok(Some(length)) => drop(incoming.send(Event::Control(buffer[..length].to_vec()))),
                    _ => recv = None,
                },
                datagram = connection.receive_datagram() => match datagram {
                    Ok(datagram) => drop(incoming.send(Event::Datagram(datagram.to_vec()))),
                    Err(error) => {
                        let _ = incoming.send(Event::Closed(error_code(&error)));
                        return;
                    }
                },
                command = outgoing.recv() => match command {
                    Some(Out::Control(bytes)) => if let Some(send) = &mut send {
                        let _ = send.write_all(&bytes).await;
                    },
                    Some(Out::Datagram(bytes)) => drop(connection.send_datagram(bytes)),
                    Some(Out::Text) => unreachable!("no text here"),
                    Some(Out::Stall) => std::future::pending().await,
                    // Dropped: the session ends.
                    None => return,
                },
            }
        }
    });
    Session::new(out, events)
}

async fn code_of(connection: &wtransport::Connection) -> u16 {
    loop {
        if let Err(error) = connection.receive_datagram().await {
            return error_code(&error);
        }
    }
}

fn error_code(error: &wtransport::error::ConnectionError) -> u16 {
    match error {
        wtransport::error::ConnectionError::ApplicationClosed(close) => {
            close.code().into_inner() as u16
        }
        _ => 0,
    }
}

pub async fn open_websocket(address: SocketAddr, query: &str, origin: Option<&str>) -> Session {
    let mut request = format!("ws://{address}/v1/session?{query}")
        .into_client_request()
        .unwrap();
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
    let (socket, _) = tokio_tungstenite::connect_async(request)
        .await
        .expect("sessions are accepted before they are refused");
    let (mut sink, mut stream) = socket.split();
    let (out, mut outgoing) = mpsc::unbounded_channel();
    let (incoming, events) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(Message::Binary(bytes))) => {
                        let event = match bytes[0] {
                            0 => Event::Control(bytes[1..].to_vec()),
                            1 => Event::Datagram(bytes[1..].to_vec()),
                            other => panic!("channel {other}"),
                        };
                        let _ = incoming.send(event);
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let _ = incoming.send(Event::Closed(frame.map_or(0, |frame| frame.code.into())));
                        return;
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => {
                        let _ = incoming.send(Event::Closed(0));
                        return;
                    }
                },
                command = outgoing.recv() => {
                    let message = match command {
                        Some(Out::Control(bytes)) => Message::Binary([&[0], &bytes[..]].concat().into()),
                        Some(Out::Datagram(bytes)) => Message::Binary([&[1], &bytes[..]].concat().into()),
                        Some(Out::Text) => Message::Text("hello".into()),
                        Some(Out::Stall) => std::future::pending().await,
                        None => return,
                    };
                    let _ = sink.send(message).await;
                }
            }
        }
    });
    Session::new(out, events)
}
