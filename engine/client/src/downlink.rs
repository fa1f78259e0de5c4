//! The receiving half: receive → open → jitter buffer, and the playout of audio.
//!
//! A datagram's payload is copied once, to where its frame is put together. There the frame is
//! opened, there it waits in the jitter buffer, and there the decoder reads it.
//!
//! Keys outlive sessions, and with them the replay windows: a frame that was opened before a
//! reconnection is not opened again.

mod key_messages;
mod opening;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;
use smrtc_audio::{AudioReceiveStats, Playout, PlayoutConfig, SourceId};
use smrtc_e2ee::sframe::{KeyStore, KeyStoreLimits, OpenError, Waiting, WaitingLimits};
use smrtc_engine::TrackId;
use smrtc_engine::recv::{
    Downlink, DownlinkConfig, DownlinkEvent as EngineEvent, DownlinkInput,
    DownlinkOutput as EngineOutput,
};
use smrtc_engine::stats::DownlinkStats as EngineStats;
use smrtc_engine::time::{Instant, MediaTime};
use smrtc_engine::wire::media::{FrameHeader, MediaKind};

use crate::datagram_queue::DatagramQueue;
use crate::{Keys, Randomness, sealing};
use opening::Held;
pub use opening::{OpeningState, SenderStats};

/// What a [`DownlinkHalf`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct DownlinkOptions {
    /// Receiving: requests for packets, assembly of frames, the jitter buffer of video.
    pub engine: DownlinkConfig,
    /// The jitter buffer of audio.
    pub playout: PlayoutConfig,
}

impl DownlinkOptions {
    /// Holds audio back at least for `min`, and video at most for `max`. Audio may wait longer than
    /// `max` if its own default is more.
    pub fn with_playout_delay(min: Duration, max: Duration) -> Self {
        let mut engine = DownlinkConfig::default();
        engine.video.playout.max = max;
        let audio = PlayoutConfig::default();
        let playout = PlayoutConfig {
            min_delay: audio.min_delay.max(min),
            max_delay: audio.max_delay.max(max),
            ..audio
        };
        Self { engine, playout }
    }
}

/// Leaves the delay to the jitter buffers, up to 500 ms.
impl Default for DownlinkOptions {
    fn default() -> Self {
        Self::with_playout_delay(Duration::ZERO, Duration::from_millis(500))
    }
}

/// What the host of a [`DownlinkHalf`] should know.
#[derive(Clone, Debug, PartialEq)]
pub enum DownlinkEvent {
    /// Whether the frames of a participant open has changed.
    Decryption(Decryption),
    /// Something of the engine's, for the log.
    Engine(EngineEvent),
}

/// Whether the frames of a participant open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decryption {
    /// The participant.
    pub sender: u32,
    /// Whether they open now.
    pub opens: bool,
    /// Why the last one did not, if they do not.
    pub error: Option<OpenError>,
}

/// An encoded frame for a decoder, in decoding order.
#[derive(Debug)]
pub struct VideoFrame {
    /// Its header, authenticated.
    pub header: FrameHeader,
    /// When to show it.
    pub render_at: Instant,
    /// As it was opened: SFrame's header and tag are still around the text.
    opened: Vec<u8>,
}

impl VideoFrame {
    /// What the encoder made.
    pub fn text(&self) -> &[u8] {
        &self.opened[sealing::text_of(&self.opened)]
    }
}

/// Statistics of receiving. Serializes to camelCase, as [`smrtc_engine::stats`] does.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DownlinkStats {
    /// The engine's.
    #[serde(flatten)]
    pub engine: EngineStats,
    /// Of each track of audio.
    pub audio: Vec<AudioStats>,
    /// Of each participant whose frames came.
    pub senders: Vec<SenderStats>,
}

/// Statistics of one track of audio.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AudioStats {
    /// The participant.
    pub sender: u32,
    /// The track.
    pub track: u8,
    /// The media time that is heard now, in milliseconds on the sender's clock (webrtc-stats counts
    /// from 1900 there). Less than the sender's present time by the delay from mouth to ear.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub estimated_playout_timestamp: Option<f64>,
    /// The playout's.
    #[serde(flatten)]
    pub stats: AudioReceiveStats,
}

/// Receiving, opening, and the playout of audio of a participant.
pub struct DownlinkHalf {
    randomness: Randomness,
    keys: KeyStore<Keys>,
    /// Frames that came before their key.
    waiting: Waiting<Held>,
    /// As whom the gateway presents each participant; with group keys the group must agree.
    users: BTreeMap<u32, String>,
    playout: Playout,
    config: DownlinkConfig,
    engine: Downlink,
    audio_tracks: BTreeMap<SourceId, TrackId>,
    /// When the audio that was rendered so far has all been heard.
    audio_ends: Instant,
    senders: BTreeMap<u32, SenderStats>,
    engine_timeout: Instant,
    datagrams: DatagramQueue,
    videos: VecDeque<VideoFrame>,
    events: VecDeque<DownlinkEvent>,
}

impl DownlinkHalf {
    /// A half that receives nothing yet. With [`Keys::group`], keys come by [`Self::key_message`].
    pub fn new(keys: Keys, options: DownlinkOptions, randomness: Randomness) -> Self {
        Self {
            keys: KeyStore::over(keys, KeyStoreLimits::default()),
            waiting: Waiting::new(WaitingLimits::default()),
            users: BTreeMap::new(),
            playout: Playout::new(options.playout),
            engine: Downlink::new(options.engine, randomness.seed()),
            config: options.engine,
            audio_tracks: BTreeMap::new(),
            audio_ends: Instant::ZERO,
            senders: BTreeMap::new(),
            engine_timeout: Instant::FAR_FUTURE,
            datagrams: DatagramQueue::default(),
            videos: VecDeque::new(),
            events: VecDeque::new(),
            randomness,
        }
    }

    /// Begins a session with the gateway: forgets tracks and what was learnt of the network; keeps
    /// keys and replay windows.
    pub fn open_session(&mut self) {
        self.engine = Downlink::new(self.config, self.randomness.seed());
        self.waiting = Waiting::new(WaitingLimits::default());
        for (source, _) in std::mem::take(&mut self.audio_tracks) {
            self.playout.remove(source);
        }
        self.senders.clear();
        self.engine_timeout = Instant::FAR_FUTURE;
        self.datagrams.clear();
        self.videos.clear();
        self.events.clear();
    }

    /// Takes a datagram, exactly as it came off the transport.
    pub fn datagram(&mut self, now: Instant, bytes: &[u8]) {
        self.feed(now, DownlinkInput::Datagram(bytes));
    }

    /// The time of [`Self::next_timeout`] has come.
    pub fn timeout(&mut self, now: Instant) {
        self.run_keys(now);
        self.feed(now, DownlinkInput::Timeout);
    }

    /// When to call [`Self::timeout`]; [`Instant::FAR_FUTURE`] for never.
    pub fn next_timeout(&self) -> Instant {
        self.keys_deadline()
            .into_iter()
            .map(Instant::from_micros)
            .fold(self.engine_timeout, Instant::min)
    }

    /// The next datagram for the transport, oldest first.
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.datagrams.pop()
    }

    /// The next frame for a decoder, in decoding order.
    pub fn poll_video(&mut self) -> Option<VideoFrame> {
        self.videos.pop_front()
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<DownlinkEvent> {
        self.events.pop_front()
    }

    /// Receives a track from now on.
    pub fn add_track(&mut self, track: TrackId, kind: MediaKind) {
        self.engine.add_track(track, kind);
        if kind.is_audio() {
            self.audio_tracks.insert(source(track), track);
        }
    }

    /// Receives a track no longer.
    pub fn remove_track(&mut self, track: TrackId) {
        self.engine.remove_track(track);
        let source = source(track);
        if self.audio_tracks.remove(&source).is_some() {
            self.playout.remove(source);
        }
    }

    /// A track's source pauses on purpose, or goes on: its pause is no freeze.
    pub fn set_paused(&mut self, track: TrackId, paused: bool) {
        self.engine.set_paused(track, paused);
    }

    /// A frame was decoded.
    pub fn video_decoded(&mut self, now: Instant, track: TrackId) {
        self.engine
            .handle_input(now, DownlinkInput::VideoDecoded { track });
    }

    /// The decoder of a track failed and waits for a key frame.
    pub fn video_decode_failed(&mut self, now: Instant, track: TrackId) {
        self.feed(now, DownlinkInput::VideoDecodeFailed { track });
    }

    /// Forgets a participant.
    pub fn remove_sender(&mut self, sender: u32) {
        self.engine.remove_sender(sender);
        self.senders.remove(&sender);
        let playout = &mut self.playout;
        self.audio_tracks.retain(|&source, track| {
            if track.sender == sender {
                playout.remove(source);
            }
            track.sender != sender
        });
    }

    /// Fills `out`, 480 samples of 48 kHz, with the mix of everybody; `plays_at` is when its first
    /// sample is heard.
    pub fn render_audio(&mut self, now: Instant, out: &mut [f32], plays_at: Instant) {
        self.playout.render(now, out);
        self.audio_ends = plays_at + BLOCK;
        for (&source, &TrackId { sender, .. }) in &self.audio_tracks {
            let Some(media_time) = self.heard_at(source, now) else {
                continue;
            };
            self.engine
                .handle_input(now, DownlinkInput::AudioPlayout { sender, media_time });
            let target = self.playout.target_delay(source).unwrap_or_default();
            let hold = self.engine.audio_sync_delay(now, sender, target);
            self.playout.set_sync_delay(source, hold);
        }
        self.drain(now);
    }

    /// Whether there is anybody to hear.
    pub fn has_audio(&self) -> bool {
        !self.audio_tracks.is_empty()
    }

    /// How loud a track is mixed, 0 to 2; 1 leaves it as it came.
    pub fn set_volume(&mut self, track: TrackId, volume: f32) {
        self.playout.set_volume(source(track), volume);
    }

    /// Statistics of receiving.
    pub fn stats(&self, now: Instant) -> DownlinkStats {
        let audio = self.audio_tracks.iter();
        let audio = audio.filter_map(|(&source, track)| {
            Some(AudioStats {
                sender: track.sender,
                track: track.number,
                estimated_playout_timestamp: self
                    .heard_at(source, now)
                    .map(|heard| heard.as_micros() as f64 / 1_000.0),
                stats: self.playout.stats(source)?,
            })
        });
        DownlinkStats {
            engine: self.engine.stats(now),
            audio: audio.collect(),
            senders: self.senders.values().cloned().collect(),
        }
    }

    /// The media time of a track that is heard at `now`: what was rendered last, less what of it
    /// is still to be played.
    fn heard_at(&self, source: SourceId, now: Instant) -> Option<MediaTime> {
        let rendered = self.playout.position(source)?.as_micros();
        let ahead = self.audio_ends.as_micros().saturating_sub(now.as_micros());
        Some(MediaTime::from_micros(rendered.saturating_sub(ahead)))
    }

    fn feed(&mut self, now: Instant, input: DownlinkInput<'_>) {
        self.engine.handle_input(now, input);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.engine.poll_output() {
                EngineOutput::Transmit(bytes) => self.datagrams.push(bytes),
                EngineOutput::Sealed { header, frame } => self.open(now, header, frame),
                EngineOutput::Audio {
                    header,
                    copies,
                    opus,
                } => {
                    let source = source(header.track_id());
                    let opus = &opus[sealing::text_of(&opus)];
                    self.playout
                        .insert(source, now, header.frame_id, header.media_time, opus);
                    self.playout.expect_redundancy(source, now, copies);
                }
                EngineOutput::Video {
                    header,
                    frame: opened,
                    render_at,
                } => self.videos.push_back(VideoFrame {
                    header,
                    render_at,
                    opened,
                }),
                EngineOutput::Event(event) => self.on_engine_event(event),
                EngineOutput::Timeout(at) => {
                    self.engine_timeout = at;
                    break;
                }
                // The engine may learn to say more.
                _ => {}
            }
        }
    }

    fn on_engine_event(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::CannotDecrypt { sender } => self.set_opens(sender, false),
            EngineEvent::DecryptOk { sender } => self.set_opens(sender, true),
            other => self.events.push_back(DownlinkEvent::Engine(other)),
        }
    }
}

impl std::fmt::Debug for DownlinkHalf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DownlinkHalf")
            .field("keys", &self.keys)
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}

/// A participant's track as a source of audio.
fn source(track: TrackId) -> SourceId {
    SourceId(u64::from(track.sender) << 8 | u64::from(track.number))
}

/// What one call of [`DownlinkHalf::render_audio`] makes.
const BLOCK: Duration = Duration::from_millis(10);
