//! A call: a task that owns the participant, and the two ends that the application holds.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use smrtc_client::{
    DownlinkOptions, DownlinkStats, FrameBuffer, GroupOptions, Input, KeySource, Output,
    Participant, ParticipantEvent, ParticipantOptions, Randomness, SetupError, Side, UplinkOptions,
    VideoFrame, WallClock,
};
use smrtc_e2ee::OsRng;
use smrtc_e2ee::mls::{Policy, Suite};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_engine::control::v1;
use smrtc_engine::send::{FrameParams, TrackConfig, UplinkConfig};
use smrtc_engine::stats::UplinkStats;
use smrtc_engine::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Address;
use crate::link::{FromLink, Incoming, Link, Outgoing};

/// What a call is made of.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// The gateway.
    pub address: Address,
    /// The join token: names room, user and role.
    pub token: String,
    /// Where keys come from; [`group_keys`] is the usual choice.
    pub keys: KeySource,
    /// Video codecs that the application decodes, best first, as WebCodecs codec strings.
    pub decode_codecs: Vec<String>,
    /// Whether to decode and mix audio: [`Event::Audio`] then comes every 10 ms.
    pub audio: bool,
}

/// What happens in a call.
#[derive(Debug)]
pub enum Event {
    /// Of the participant.
    Participant(ParticipantEvent),
    /// An encoded frame, in decoding order, when it came; `render_at` says when to show it.
    Video(VideoFrame),
    /// The mix of everybody: 480 samples of 48 kHz, ±1.
    Audio(Box<[f32; BLOCK]>),
}

/// The events of a call, oldest first. They wait without a bound: read them.
#[derive(Debug)]
pub struct Events(mpsc::UnboundedReceiver<Event>);

impl Events {
    /// The next event; none once the call is over.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

/// Statistics of the present session with the gateway, under the names of W3C webrtc-stats; they
/// begin anew after a loss. Serializes to camelCase, as [`smrtc_engine::stats`] does.
#[derive(Debug, Serialize)]
pub struct CallStats {
    /// What was sent; none before the room was joined.
    pub uplink: Option<UplinkStats>,
    /// What was received, opened and played.
    pub downlink: DownlinkStats,
}

/// The application's end of a call. Dropped, the call leaves.
#[derive(Debug)]
pub struct Call {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
    started: std::time::Instant,
}

enum Command {
    Publish(Box<v1::Track>, TrackConfig),
    Unpublish(u8),
    Frame(u8, FrameParams, FrameBuffer),
    Stats(oneshot::Sender<CallStats>),
    Leave,
}

/// Keys of the room's MLS group, over SM2, SM3 and SM4-GCM, with a new identity and everybody
/// admitted.
pub fn group_keys() -> KeySource {
    let unix_seconds = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    };
    KeySource::Group(GroupOptions {
        suite: Suite::Sm2Sm4GcmSm3,
        sframe_suite: CipherSuite::Sm4GcmSm3,
        policy: Policy::Everyone,
        identity: None,
        chain: Vec::new(),
        wall_clock: WallClock::new(unix_seconds),
    })
}

impl Call {
    /// Connects and joins in the background; comes back by itself after a loss. Must be called
    /// inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the keys cannot be used.
    pub fn start(options: CallOptions) -> Result<(Self, Events), SetupError> {
        let participant = Participant::new(
            ParticipantOptions {
                uplink: UplinkOptions {
                    keys: options.keys.clone(),
                    capture: None,
                    engine: UplinkConfig::default(),
                },
                downlink: DownlinkOptions::default(),
                decode_codecs: options.decode_codecs.clone(),
                auto_subscribe: true,
            },
            Randomness::new(|| OsRng),
        )?;
        let (commands, to_do) = mpsc::unbounded_channel();
        let (events, told) = mpsc::unbounded_channel();
        let (incoming, from_links) = mpsc::unbounded_channel();
        let started = std::time::Instant::now();
        let driver = Driver {
            options,
            participant,
            started,
            commands: to_do,
            events,
            incoming,
            from_links,
            links: [None, None],
            closing: Vec::new(),
            last_link: 0,
        };
        let call = Self {
            commands,
            task: tokio::spawn(driver.run()),
            started,
        };
        Ok((call, Events(told)))
    }

    /// Publishes a track, now and after each return.
    pub fn publish(&self, track: v1::Track, config: TrackConfig) {
        self.command(Command::Publish(Box::new(track), config));
    }

    /// Ends a track.
    pub fn unpublish(&self, number: u8) {
        self.command(Command::Unpublish(number));
    }

    /// Seals and sends one encoded frame of a published track. Without a connection or a key it is
    /// dropped.
    pub fn send_frame(&self, track: u8, params: FrameParams, encoded: Vec<u8>) {
        self.command(Command::Frame(track, params, encoded.into()));
    }

    /// The statistics; none once the call is over.
    pub async fn stats(&self) -> Option<CallStats> {
        let (answer, stats) = oneshot::channel();
        self.command(Command::Stats(answer));
        stats.await.ok()
    }

    /// The time on the clock of this call, for [`FrameParams::media_time`] and
    /// [`VideoFrame::render_at`].
    pub fn now(&self) -> Instant {
        since(self.started)
    }

    /// Leaves, and waits until the gateway knows.
    pub async fn leave(self) {
        self.command(Command::Leave);
        // A task that panicked has left as well.
        let _ = self.task.await;
    }

    /// A call that is over takes no commands.
    fn command(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

struct Driver {
    options: CallOptions,
    participant: Participant,
    started: std::time::Instant,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::UnboundedSender<Event>,
    incoming: mpsc::UnboundedSender<FromLink>,
    from_links: mpsc::UnboundedReceiver<FromLink>,
    /// Uplink and downlink.
    links: [Option<Link>; 2],
    /// Sessions that still send what they were given.
    closing: Vec<JoinHandle<()>>,
    last_link: u64,
}

impl Driver {
    async fn run(mut self) {
        let mut blocks = tokio::time::interval(BLOCK_TIME);
        self.participant.handle_input(self.now(), Input::Timeout);
        while let Some(deadline) = self.drain() {
            let now = self.now();
            let wait = Duration::from_micros(
                deadline
                    .as_micros()
                    .saturating_sub(now.as_micros())
                    .min(LONGEST_WAIT_MICROS),
            );
            tokio::select! {
                Some(from) = self.from_links.recv() => self.on_link(from),
                command = self.commands.recv() => {
                    self.on_command(command.unwrap_or(Command::Leave));
                }
                () = tokio::time::sleep(wait) => {
                    self.participant.handle_input(self.now(), Input::Timeout);
                }
                _ = blocks.tick(), if self.options.audio => self.render(),
            }
        }
        for session in self.closing {
            let _ = timeout(CLOSE_TIMEOUT, session).await;
        }
    }

    /// Carries out what the participant wants; none once it is over, the next deadline otherwise.
    fn drain(&mut self) -> Option<Instant> {
        let mut over = false;
        let deadline = loop {
            match self.participant.poll_output() {
                Output::Connect(side, ticket) => self.dial(side, ticket.as_deref()),
                Output::Disconnect => self.hang_up(),
                Output::Control(bytes) => self.send(Side::Uplink, Outgoing::Control(bytes)),
                Output::Datagram(side, bytes) => self.send(side, Outgoing::Datagram(bytes)),
                Output::Event(event) => {
                    over |= matches!(event, ParticipantEvent::Disconnected { ends: true, .. });
                    self.tell(Event::Participant(event));
                }
                Output::Timeout(at) => break at,
            }
        };
        while let Some(frame) = self.participant.poll_video() {
            let now = self.now();
            self.participant.video_decoded(now, frame.header.track_id());
            self.tell(Event::Video(frame));
        }
        (!over).then_some(deadline)
    }

    fn hang_up(&mut self) {
        self.closing.retain(|session| !session.is_finished());
        let links = self.links.iter_mut().filter_map(Option::take);
        self.closing.extend(links.map(Link::close));
    }

    fn dial(&mut self, side: Side, ticket: Option<&[u8]>) {
        let query = match ticket {
            Some(ticket) => format!("attach={}", URL_SAFE_NO_PAD.encode(ticket)),
            None => format!("token={}", self.options.token),
        };
        self.last_link += 1;
        let incoming = self.incoming.clone();
        let link = Link::dial(
            self.last_link,
            side,
            &self.options.address,
            &query,
            incoming,
        );
        self.links[side as usize] = Some(link);
    }

    fn send(&self, side: Side, outgoing: Outgoing) {
        if let Some(link) = &self.links[side as usize] {
            link.send(outgoing);
        }
    }

    fn on_link(&mut self, FromLink { link, side, what }: FromLink) {
        let current = self.links[side as usize].as_ref();
        // An older session of this side may still speak.
        if current.is_none_or(|current| current.number() != link) {
            return;
        }
        let input = match &what {
            Incoming::Connected => Input::Connected(side),
            Incoming::Control(bytes) => Input::Control(bytes),
            Incoming::Datagram(bytes) => Input::Datagram(side, bytes),
            Incoming::Lost(code) => Input::Lost(side, *code),
        };
        self.participant.handle_input(self.now(), input);
    }

    fn on_command(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Publish(track, config) => self.participant.publish(now, *track, config),
            Command::Unpublish(number) => self.participant.unpublish(now, number),
            Command::Frame(track, params, frame) => {
                self.participant.send_frame(now, track, params, frame);
            }
            Command::Stats(answer) => {
                let stats = CallStats {
                    uplink: self.participant.uplink().stats(now),
                    downlink: self.participant.downlink().stats(now),
                };
                // Whoever asked may have given up.
                let _ = answer.send(stats);
            }
            Command::Leave => self.participant.leave(now),
        }
    }

    fn render(&mut self) {
        let now = self.now();
        let mut block = Box::new([0.0; BLOCK]);
        self.participant.render_audio(now, &mut *block, now);
        self.tell(Event::Audio(block));
    }

    /// The application may have stopped listening.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn now(&self) -> Instant {
        since(self.started)
    }
}

fn since(started: std::time::Instant) -> Instant {
    let micros = started.elapsed().as_micros();
    Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// How long a session may take to send what it was given before the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Samples of 10 ms.
const BLOCK: usize = 480;
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// Timers of years are cut to this; waking up for nothing once a minute costs nothing.
const LONGEST_WAIT_MICROS: u64 = 60_000_000;
