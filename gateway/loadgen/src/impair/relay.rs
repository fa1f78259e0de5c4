//! The relay: a thread that reads each socket, one that lets packets go when their time has come.
//!
//! Threads with plain blocking sockets and not an async runtime, because its timers have steps of a
//! millisecond, which is a fifth of the delays this is used to measure.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use super::link::{Counters, Link};
use super::options::{Options, Path};

/// What the threads that wait tell the one that decides.
enum Event {
    FromClient(SocketAddr, Vec<u8>),
    FromTarget(SocketAddr, Vec<u8>),
    Change(Path),
    Report,
    End,
}

/// One line of JSON.
#[derive(Serialize)]
struct Report<'a> {
    seed: u64,
    clients: usize,
    up: &'a Counters,
    down: &'a Counters,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
///
/// When the address cannot be listened on.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let front = UdpSocket::bind(options.listen)
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    // With port 0 the system has chosen; who starts a relay so reads it here.
    let listening = front.local_addr()?;
    let front = Arc::new(front);
    let (events, inbox) = mpsc::channel();
    watch_signals(events.clone())?;
    read_changes(events.clone());
    read_clients(Arc::clone(&front), events.clone());
    eprintln!(
        "impair: {listening} -> {}, seed {}",
        options.to, options.seed
    );
    Relay {
        front,
        target: options.to,
        clients: HashMap::new(),
        up: Link::new(options.path.up(), options.seed),
        down: Link::new(options.path.down(), options.seed.wrapping_add(1)),
        spare_setup: options.spare_setup,
        start: Instant::now(),
        events,
    }
    .run(&inbox, options.seed)
}

struct Relay {
    front: Arc<UdpSocket>,
    target: SocketAddr,
    /// The socket towards the target that stands for each client.
    clients: HashMap<SocketAddr, Arc<UdpSocket>>,
    up: Link<(SocketAddr, Vec<u8>)>,
    down: Link<(SocketAddr, Vec<u8>)>,
    spare_setup: bool,
    start: Instant,
    events: Sender<Event>,
}

impl Relay {
    fn run(mut self, inbox: &Receiver<Event>, seed: u64) -> anyhow::Result<()> {
        loop {
            let wait = self.wait();
            match inbox.recv_timeout(wait) {
                Ok(Event::FromClient(client, bytes)) => {
                    let (now, length) = (self.start.elapsed(), bytes.len());
                    let spared = self.spare_setup && is_setup(&bytes);
                    self.up.offer(now, (client, bytes), length, spared);
                }
                Ok(Event::FromTarget(client, bytes)) => {
                    let (now, length) = (self.start.elapsed(), bytes.len());
                    let spared = self.spare_setup && is_setup(&bytes);
                    self.down.offer(now, (client, bytes), length, spared);
                }
                Ok(Event::Change(path)) => {
                    let now = self.start.elapsed();
                    self.up.reconfigure(now, path.up());
                    self.down.reconfigure(now, path.down());
                    self.report(seed)?;
                }
                Ok(Event::Report) => self.report(seed)?,
                Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => return self.report(seed),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.deliver();
        }
    }

    /// Time until the next packet is due; long if none is on its way.
    fn wait(&self) -> Duration {
        let next = [self.up.next_arrival(), self.down.next_arrival()];
        match next.into_iter().flatten().min() {
            Some(at) => at.saturating_sub(self.start.elapsed()),
            None => Duration::from_secs(3600),
        }
    }

    /// Sends what has arrived. A packet that a socket refuses is lost, as on any network.
    fn deliver(&mut self) {
        let now = self.start.elapsed();
        while let Some((client, bytes)) = self.up.take(now) {
            match self.socket_of(client) {
                Ok(socket) => drop(socket.send(&bytes)),
                Err(error) => eprintln!("impair: no socket for {client}: {error}"),
            }
        }
        while let Some((client, bytes)) = self.down.take(now) {
            drop(self.front.send_to(&bytes, client));
        }
    }

    fn socket_of(&mut self, client: SocketAddr) -> io::Result<Arc<UdpSocket>> {
        if let Some(socket) = self.clients.get(&client) {
            return Ok(Arc::clone(socket));
        }
        let any: SocketAddr = match self.target {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        let socket = Arc::new(UdpSocket::bind(any)?);
        socket.connect(self.target)?;
        self.clients.insert(client, Arc::clone(&socket));
        read_target(Arc::clone(&socket), client, self.events.clone());
        Ok(socket)
    }

    fn report(&self, seed: u64) -> anyhow::Result<()> {
        let report = Report {
            seed,
            clients: self.clients.len(),
            up: self.up.counters(),
            down: self.down.counters(),
        };
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    }
}

/// Larger than any UDP payload.
const MAX_UDP_BYTES: usize = 65_536;

fn read_clients(socket: Arc<UdpSocket>, events: Sender<Event>) {
    thread::spawn(move || {
        let mut buffer = vec![0; MAX_UDP_BYTES];
        loop {
            // An error here is an earlier packet's ICMP answer; the socket goes on.
            let Ok((length, client)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let event = Event::FromClient(client, buffer[..length].to_vec());
            if events.send(event).is_err() {
                return;
            }
        }
    });
}

fn read_target(socket: Arc<UdpSocket>, client: SocketAddr, events: Sender<Event>) {
    thread::spawn(move || {
        let mut buffer = vec![0; MAX_UDP_BYTES];
        loop {
            let Ok(length) = socket.recv(&mut buffer) else {
                continue;
            };
            let event = Event::FromTarget(client, buffer[..length].to_vec());
            if events.send(event).is_err() {
                return;
            }
        }
    });
}

/// Whether a packet is STUN or DTLS; RTP, RTCP and QUIC begin with larger numbers (RFC 7983 §7, RFC
/// 9443 §3).
fn is_setup(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0..=3 | 20..=63))
}

/// Takes changes of the path from standard input, until it ends.
fn read_changes(events: Sender<Event>) {
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            match Path::parse(&line) {
                Ok(path) => {
                    if events.send(Event::Change(path)).is_err() {
                        return;
                    }
                }
                Err(error) => eprintln!("impair: {error}"),
            }
        }
    });
}

fn watch_signals(events: Sender<Event>) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])?;
    thread::spawn(move || {
        for signal in &mut signals {
            let event = match signal {
                SIGUSR1 => Event::Report,
                _ => Event::End,
            };
            if events.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}
