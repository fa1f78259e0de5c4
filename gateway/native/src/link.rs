//! One transport session with the gateway: WebTransport, or WebSocket where UDP is blocked. The
//! same messages over either (`engine/WIRE.md`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use smrtc_client::{MAX_WAITING_DATAGRAMS, Side};
use smrtc_engine::wire::CloseCode;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use wtransport::error::ConnectionError;
use wtransport::tls::Sha256Digest;
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream, SendStream};

/// Where the gateway is.
#[derive(Clone, Debug)]
pub struct Address {
    /// Host and port, as in a URL: `meet.example:4433`, `127.0.0.1:4433`, `[::1]:4433`.
    pub authority: String,
    /// How to get there.
    pub transport: Transport,
}

/// The kind of a session.
#[derive(Clone, Debug)]
pub enum Transport {
    /// WebTransport over HTTP/3, with a certificate that the system's authorities vouch for.
    WebTransport,
    /// WebTransport with a self-signed certificate of one of these SHA-256 hashes, as `/v1/config`
    /// lists them.
    WebTransportPinned(Vec<[u8; 32]>),
    /// WebSocket over TLS.
    WebSocketTls,
    /// WebSocket without TLS, for gateways on the same machine. Media stays sealed; the join token
    /// is readable.
    WebSocket,
}

/// What comes from a session, with its number, since an old session may still speak.
#[derive(Debug)]
pub(crate) struct FromLink {
    pub(crate) link: u64,
    pub(crate) side: Side,
    pub(crate) what: Incoming,
}

#[derive(Debug)]
pub(crate) enum Incoming {
    Connected,
    Control(Vec<u8>),
    Datagram(Vec<u8>),
    Lost(Option<CloseCode>),
}

#[derive(Debug)]
pub(crate) enum Outgoing {
    Control(Vec<u8>),
    Datagram(Vec<u8>),
}

/// A session. Dropped, it sends what it was given before and closes.
#[derive(Debug)]
pub(crate) struct Link {
    number: u64,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    /// Datagrams that wait for the transport.
    waiting: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Link {
    /// Begins to dial. `query` is `token=…` or `attach=…`.
    pub(crate) fn dial(
        number: u64,
        side: Side,
        address: &Address,
        query: &str,
        incoming: mpsc::UnboundedSender<FromLink>,
    ) -> Self {
        let (outgoing, commands) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let dialing = Dialing {
            url: format!("{}/v1/session?{query}", address.authority),
            transport: address.transport.clone(),
            commands: Commands {
                queue: commands,
                waiting: waiting.clone(),
            },
            sink: Sink {
                number,
                side,
                incoming,
            },
        };
        Self {
            number,
            outgoing,
            waiting,
            task: tokio::spawn(dialing.run()),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Sends; a session that is gone tells so by [`Incoming::Lost`]. A datagram that finds
    /// [`MAX_WAITING_DATAGRAMS`] others waiting is dropped: the transport stands still, and it would
    /// be late.
    pub(crate) fn send(&self, outgoing: Outgoing) {
        if matches!(outgoing, Outgoing::Datagram(_)) {
            if self.waiting.load(Ordering::Relaxed) >= MAX_WAITING_DATAGRAMS {
                return;
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        let _ = self.outgoing.send(outgoing);
    }

    /// Ends the session once it has sent what it was given; the handle tells when.
    pub(crate) fn close(self) -> JoinHandle<()> {
        self.task
    }
}

/// What the session is to send.
struct Commands {
    queue: mpsc::UnboundedReceiver<Outgoing>,
    waiting: Arc<AtomicUsize>,
}

impl Commands {
    /// None once the [`Link`] was dropped.
    async fn next(&mut self) -> Option<Outgoing> {
        let next = self.queue.recv().await;
        if let Some(Outgoing::Datagram(_)) = &next {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        next
    }
}

struct Sink {
    number: u64,
    side: Side,
    incoming: mpsc::UnboundedSender<FromLink>,
}

impl Sink {
    /// The participant may be gone; its sessions then end by themselves.
    fn tell(&self, what: Incoming) {
        let _ = self.incoming.send(FromLink {
            link: self.number,
            side: self.side,
            what,
        });
    }
}

struct Dialing {
    url: String,
    transport: Transport,
    commands: Commands,
    sink: Sink,
}

impl Dialing {
    async fn run(mut self) {
        let code = match self.transport.clone() {
            Transport::WebTransport => {
                let config = ClientConfig::builder().with_bind_default();
                self.webtransport(config.with_native_certs()).await
            }
            Transport::WebTransportPinned(hashes) => {
                let config = ClientConfig::builder().with_bind_default();
                let hashes = hashes.into_iter().map(Sha256Digest::new);
                self.webtransport(config.with_server_certificate_hashes(hashes))
                    .await
            }
            Transport::WebSocketTls => self.websocket("wss").await,
            Transport::WebSocket => self.websocket("ws").await,
        };
        self.sink.tell(Incoming::Lost(code));
    }

    async fn webtransport(
        &mut self,
        config: wtransport::config::ClientConfigBuilder<
            wtransport::config::states::WantsTransportConfigClient,
        >,
    ) -> Option<CloseCode> {
        let config = config.keep_alive_interval(Some(KEEP_ALIVE)).build();
        let endpoint = Endpoint::client(config).ok()?;
        let dial = endpoint.connect(format!("https://{}", self.url));
        let connection = timeout(DIAL_TIMEOUT, dial).await.ok()?.ok()?;
        let stream = match self.sink.side {
            Side::Uplink => {
                let opening = async { connection.open_bi().await.ok()?.await.ok() };
                match opening.await {
                    Some(stream) => Some(stream),
                    None => return reason(&connection).await,
                }
            }
            Side::Downlink => None,
        };
        self.sink.tell(Incoming::Connected);
        let code = self.carry(&connection, stream).await;
        endpoint.wait_idle().await;
        code
    }

    async fn carry(
        &mut self,
        connection: &Connection,
        stream: Option<(SendStream, RecvStream)>,
    ) -> Option<CloseCode> {
        let (mut send, mut recv) = stream.unzip();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            tokio::select! {
                read = read(&mut recv, &mut buffer) => match read {
                    Some(length) => {
                        self.sink.tell(Incoming::Control(buffer[..length].to_vec()));
                    }
                    None => recv = None,
                },
                datagram = connection.receive_datagram() => match datagram {
                    Ok(datagram) => self.sink.tell(Incoming::Datagram(datagram.to_vec())),
                    Err(error) => return close_code(&error),
                },
                command = self.commands.next() => match (command, &mut send) {
                    (Some(Outgoing::Control(bytes)), Some(send)) => {
                        if send.write_all(&bytes).await.is_err() {
                            return reason(connection).await;
                        }
                    }
                    (Some(Outgoing::Control(_)), None) => {}
                    // What does not fit is lost, as on the network.
                    (Some(Outgoing::Datagram(bytes)), _) => drop(connection.send_datagram(bytes)),
                    (None, send) => {
                        if let Some(send) = send {
                            // The gateway closes once it has read Leave.
                            let _ = send.finish().await;
                            let _ = timeout(CLOSE_TIMEOUT, connection.closed()).await;
                        }
                        connection.close(CloseCode::Left.code().into(), b"left");
                        return None;
                    }
                },
            }
        }
    }

    async fn websocket(&mut self, scheme: &str) -> Option<CloseCode> {
        let dial = tokio_tungstenite::connect_async(format!("{scheme}://{}", self.url));
        let (socket, _) = timeout(DIAL_TIMEOUT, dial).await.ok()?.ok()?;
        let (mut sink, mut stream) = socket.split();
        self.sink.tell(Incoming::Connected);
        let mut silent_at = Instant::now() + SILENCE;
        loop {
            tokio::select! {
                () = sleep_until(silent_at) => return None,
                message = stream.next() => match message {
                    Some(Ok(Message::Binary(bytes))) => {
                        silent_at = Instant::now() + SILENCE;
                        match bytes.split_first() {
                            Some((&CONTROL, rest)) => {
                                self.sink.tell(Incoming::Control(rest.to_vec()));
                            }
                            Some((&DATAGRAM, rest)) => {
                                self.sink.tell(Incoming::Datagram(rest.to_vec()));
                            }
                            // A channel of a later version.
                            _ => {}
                        }
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let code = u16::from(frame?.code);
                        return CloseCode::from_code(code.into());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                },
                command = self.commands.next() => {
                    let message = match command {
                        Some(Outgoing::Control(bytes)) => framed(CONTROL, &bytes),
                        Some(Outgoing::Datagram(bytes)) => framed(DATAGRAM, &bytes),
                        None => {
                            let _ = timeout(CLOSE_TIMEOUT, sink.close()).await;
                            return None;
                        }
                    };
                    if !matches!(timeout(SILENCE, sink.send(message)).await, Ok(Ok(()))) {
                        return None;
                    }
                }
            }
        }
    }
}

fn framed(channel: u8, bytes: &[u8]) -> Message {
    Message::Binary([&[channel], bytes].concat().into())
}

/// None at the end of the stream; never without a stream.
async fn read(stream: &mut Option<RecvStream>, buffer: &mut [u8]) -> Option<usize> {
    match stream {
        Some(stream) => stream.read(buffer).await.ok().flatten(),
        None => std::future::pending().await,
    }
}

/// Why the gateway closed a session that is on its way out. Its code comes in a capsule, which only
/// the reader of datagrams is told of.
async fn reason(connection: &Connection) -> Option<CloseCode> {
    let read_to_the_end = async {
        loop {
            if let Err(error) = connection.receive_datagram().await {
                return close_code(&error);
            }
        }
    };
    timeout(CLOSE_TIMEOUT, read_to_the_end).await.ok().flatten()
}

fn close_code(error: &ConnectionError) -> Option<CloseCode> {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            CloseCode::from_code(u32::try_from(close.code().into_inner()).ok()?)
        }
        _ => None,
    }
}

/// The gateway answers a ping each second, and takes so much silence for the end itself.
const SILENCE: Duration = Duration::from_secs(15);
/// Channels of a WebSocket.
const CONTROL: u8 = 0;
const DATAGRAM: u8 = 1;
const READ_BYTES: usize = 16 << 10;
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// The gateway ends sessions after 30 s of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
