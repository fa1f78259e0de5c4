//! The sending half: capture → seal → send, the control stream, and the session of the room's
//! group.
//!
//! Capture and group outlive sessions with the gateway: the echo canceller keeps what it has
//! learnt, and the member keeps its place, when a connection is lost. The engine of a session
//! exists from the answer to Join on, which names the participant.

mod event;
mod media;
mod session;

use std::collections::{BTreeMap, VecDeque};

use smrtc_audio::{AudioOptions, Capture, CaptureConfig};
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::KeyProvider;
use smrtc_e2ee::mls::Identity;
use smrtc_e2ee::sframe::{CipherSuite, Kid};
use smrtc_engine::control::v1::client_message;
use smrtc_engine::send::{LayerConfig, TrackConfig, Uplink, UplinkConfig, UplinkInput};
use smrtc_engine::signal::{Roster, SignalInput};
use smrtc_engine::stats::UplinkStats;
use smrtc_engine::time::Instant;

use crate::datagram_queue::DatagramQueue;
use crate::group::Group;
use crate::{FrameBuffer, GroupOptions, KeyMessage, Keys, NoSession, Randomness, SetupError};
pub use event::{EncoderEvent, LayerBitrate, UplinkEvent};
use session::Session;

/// Where the keys of an [`UplinkHalf`] come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A secret of the application's that all participants share.
    External {
        /// The suite of the frames.
        suite: CipherSuite,
        /// 16 to 64 random bytes.
        secret: Secret,
    },
    /// The MLS group of the room.
    Group(GroupOptions),
}

/// What an [`UplinkHalf`] is made of.
#[derive(Clone, Debug)]
pub struct UplinkOptions {
    /// Where its keys come from.
    pub keys: KeySource,
    /// Processing and encoding of the microphone. None for a host that sends Opus packets of its
    /// own with [`UplinkHalf::send_frame`]; it costs no echo canceller.
    pub capture: Option<CaptureConfig>,
    /// Sending: congestion control, pacing, protection against loss.
    pub engine: UplinkConfig,
}

/// Capture, sealing, sending and the control stream of a participant.
pub struct UplinkHalf {
    randomness: Randomness,
    keys: Keys,
    /// With group keys only.
    group: Option<Box<Group>>,
    /// Of the last call that told it.
    now: Instant,
    capture: Option<Capture>,
    config: UplinkConfig,
    samples_pushed: u64,
    session: Option<Session>,
    /// In how many sizes each video track is sent, to ask the engine for the bitrate of each.
    layers: BTreeMap<u8, u8>,
    control: VecDeque<Vec<u8>>,
    datagrams: DatagramQueue,
    events: VecDeque<UplinkEvent>,
}

impl UplinkHalf {
    /// A half without a session.
    ///
    /// # Errors
    ///
    /// [`SetupError`], of the first option that cannot be used.
    pub fn new(options: UplinkOptions, randomness: Randomness) -> Result<Self, SetupError> {
        let (keys, group) = key_source(options.keys, &randomness)?;
        let capture = options.capture.map(Capture::new).transpose();
        Ok(Self {
            randomness,
            keys,
            group,
            now: Instant::ZERO,
            capture: capture.map_err(|_| SetupError::Audio)?,
            config: options.engine,
            samples_pushed: 0,
            session: None,
            layers: BTreeMap::new(),
            control: VecDeque::new(),
            datagrams: DatagramQueue::default(),
            events: VecDeque::new(),
        })
    }

    /// Begins a session with the gateway: forgets the one before and takes a fresh sealing key, if
    /// there is one to take yet. A key and a counter never meet twice.
    ///
    /// # Errors
    ///
    /// [`SetupError::SenderKey`] without randomness for the key.
    pub fn open_session(&mut self, now: Instant) -> Result<(), SetupError> {
        self.close_session(now);
        let mut session = Session::default();
        session.follow(&mut self.keys, &self.randomness)?;
        self.session = Some(session);
        Ok(())
    }

    /// The connection is gone. Capture and group stay.
    pub fn close_session(&mut self, now: Instant) {
        self.now = now;
        self.session = None;
        self.layers.clear();
        self.control.clear();
        self.datagrams.clear();
        self.events.clear();
        if let Some(group) = &mut self.group {
            group.disconnected(self.now);
        }
    }

    /// The KID that the session seals under; none without a session or a key.
    pub fn kid(&self) -> Option<Kid> {
        Some(self.session.as_ref()?.sealer.as_ref()?.kid())
    }

    /// The epoch that the keys are in; 0 for an external key.
    pub fn epoch(&self) -> u64 {
        self.keys.epoch()
    }

    /// Where the keys come from.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The signature key that this member is known by, to keep for its next call; none before the
    /// first answer to Join.
    pub fn identity(&self) -> Option<&Secret> {
        self.group.as_ref()?.identity()
    }

    /// Who is in the room and what they publish; none without a session.
    pub fn roster(&self) -> Option<&Roster> {
        Some(self.session.as_ref()?.signal.roster())
    }

    /// Sends a request on the control stream; returns its number, by which [`UplinkEvent::Reply`]
    /// is known.
    ///
    /// # Errors
    ///
    /// [`NoSession`].
    pub fn request(&mut self, now: Instant, body: client_message::Body) -> Result<u32, NoSession> {
        self.now = now;
        let session = self.session.as_mut().ok_or(NoSession)?;
        let id = session.signal.request(now, body);
        self.drain();
        Ok(id)
    }

    /// Takes bytes of the control stream, split anywhere.
    pub fn control(&mut self, now: Instant, bytes: &[u8]) {
        self.now = now;
        let Some(session) = &mut self.session else {
            return;
        };
        if let Err(error) = session.signal.handle_input(now, SignalInput::Bytes(bytes)) {
            self.events.push_back(UplinkEvent::ControlStream(error));
        }
        self.drain();
    }

    /// Takes a datagram, exactly as it came off the transport.
    pub fn datagram(&mut self, now: Instant, bytes: &[u8]) {
        self.feed(now, UplinkInput::Datagram(bytes));
    }

    /// The time of [`Self::next_timeout`] has come.
    pub fn timeout(&mut self, now: Instant) {
        self.now = now;
        if let Some(group) = &mut self.group {
            group.timeout(now);
        }
        if let Some(session) = &mut self.session {
            // Only bytes can be malformed.
            let _ = session.signal.handle_input(now, SignalInput::Timeout);
        }
        self.feed(now, UplinkInput::Timeout);
    }

    /// When to call [`Self::timeout`]; [`Instant::FAR_FUTURE`] for never.
    pub fn next_timeout(&self) -> Instant {
        let Some(session) = &self.session else {
            return Instant::FAR_FUTURE;
        };
        let group = self.group.as_ref().and_then(|group| group.deadline());
        [group, self.keys.deadline()]
            .into_iter()
            .flatten()
            .map(Instant::from_micros)
            .fold(session.next_timeout(), Instant::min)
    }

    /// The next bytes for the control stream.
    pub fn poll_control(&mut self) -> Option<Vec<u8>> {
        self.control.pop_front()
    }

    /// The next datagram for the transport, oldest first.
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.datagrams.pop()
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<UplinkEvent> {
        self.events.pop_front()
    }

    /// The next message for the downlink half. With group keys it carries secrets.
    pub fn poll_key_message(&mut self) -> Option<KeyMessage> {
        self.group.as_mut()?.messages.pop_front()
    }

    /// Asks the group for new keys. Does nothing with an external key.
    pub fn rotate_keys(&mut self, now: Instant) {
        self.now = now;
        if let Some(group) = &mut self.group {
            group.rotate(now);
        }
        self.drain();
    }

    /// Adds a track, or changes its greatest bitrate.
    ///
    /// # Errors
    ///
    /// [`NoSession`] before Join was answered.
    pub fn set_track(&mut self, track: u8, config: TrackConfig) -> Result<(), NoSession> {
        let uplink = self.engine_mut().ok_or(NoSession)?;
        uplink.set_track(track, config);
        if !config.kind.is_audio() {
            self.layers.entry(track).or_insert(1);
        }
        self.drain();
        Ok(())
    }

    /// Sends a video track in several sizes, the smallest first; without any, in one again.
    ///
    /// # Errors
    ///
    /// [`NoSession`] before Join was answered.
    pub fn set_layers(&mut self, track: u8, layers: &[LayerConfig]) -> Result<(), NoSession> {
        let uplink = self.engine_mut().ok_or(NoSession)?;
        uplink.set_layers(track, layers);
        let count = u8::try_from(layers.len()).unwrap_or(u8::MAX);
        self.layers.insert(track, count.max(1));
        self.drain();
        Ok(())
    }

    /// Forgets a track. Packets of it that wait are not sent.
    pub fn remove_track(&mut self, track: u8) {
        self.layers.remove(&track);
        if let Some(uplink) = self.engine_mut() {
            uplink.remove_track(track);
        }
        self.drain();
    }

    /// Silences the microphone without a click; packets go on.
    pub fn set_audio_muted(&mut self, muted: bool) {
        if let Some(capture) = &mut self.capture {
            capture.set_muted(muted);
        }
    }

    /// Switches the stages of audio processing.
    pub fn set_audio_processing(&mut self, options: AudioOptions) {
        if let Some(capture) = &mut self.capture {
            capture.set_options(options);
        }
    }

    /// The microphone: its level and what is wrong with it; none without capture.
    pub fn capture(&self) -> Option<&Capture> {
        self.capture.as_ref()
    }

    /// The sending engine; none before Join was answered.
    pub fn engine(&self) -> Option<&Uplink> {
        self.session.as_ref()?.uplink.as_ref()
    }

    /// Statistics of sending; none before Join was answered.
    pub fn stats(&self, now: Instant) -> Option<UplinkStats> {
        Some(self.engine()?.stats(now))
    }

    /// Room for an encoded frame of `text_bytes`, so that sealing moves no byte of it.
    pub fn frame_buffer(&self, text_bytes: usize) -> FrameBuffer {
        let sealer = self
            .session
            .as_ref()
            .and_then(|session| session.sealer.as_ref());
        FrameBuffer::with_length(sealer, text_bytes)
    }

    fn engine_mut(&mut self) -> Option<&mut Uplink> {
        self.session.as_mut()?.uplink.as_mut()
    }

    fn feed(&mut self, now: Instant, input: UplinkInput<'_>) {
        self.now = now;
        if let Some(uplink) = self.engine_mut() {
            // The engine counts what does not parse; there is nobody to tell.
            let _ = uplink.handle_input(now, input);
        }
        self.drain();
    }
}

impl std::fmt::Debug for UplinkHalf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UplinkHalf")
            .field("keys", &self.keys)
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

fn key_source(
    source: KeySource,
    randomness: &Randomness,
) -> Result<(Keys, Option<Box<Group>>), SetupError> {
    let options = match source {
        KeySource::External { suite, secret } => {
            return Ok((Keys::external(suite, secret.expose())?, None));
        }
        KeySource::Group(options) => options,
    };
    // A key that cannot be used is told now, not at the first answer to Join.
    match &options.identity {
        Some(identity) => {
            Identity::from_secret(options.suite, "anybody", identity.expose())?;
        }
        None if !options.chain.is_empty() => return Err(SetupError::CertificateWithoutKey),
        None => {}
    }
    let keys = Keys::group(options.sframe_suite);
    let group = Group::new(options, randomness.clone());
    Ok((keys, Some(Box::new(group))))
}
