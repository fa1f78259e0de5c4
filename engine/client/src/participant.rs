//! A whole participant: both halves, who is in the room, and what happens on connect, loss and
//! return.
//!
//! ```text
//!  host: two transports, time          Participant
//!  ─────────────────────────           ─────────────────────────────────────────────
//!  Output::Connect(Uplink)   ◄──────── at first, and again after each loss
//!  Input::Connected(Uplink)  ────────► Join
//!  Output::Connect(Downlink) ◄──────── the answer to Join brings the ticket
//!  Input::Connected(Downlink) ───────► publishes and subscribes what is wanted
//!  Input::Lost               ────────► Output::Disconnect, a pause, Output::Connect
//! ```
//!
//! What the application wants (published tracks, subscriptions) is asked for again in each session.
//! Capture, group and keys outlive the connection.

mod connection;
mod gateway_messages;
mod requests;
mod types;
mod wanted;

use std::collections::VecDeque;

use smrtc_e2ee::KeyProvider;
use smrtc_engine::TrackId;
use smrtc_engine::control::v1::{self, client_message};
use smrtc_engine::send::{FrameParams, TrackConfig};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::CloseCode;

use crate::{
    DownlinkEvent, DownlinkHalf, DownlinkOptions, FrameBuffer, KeySource, Keys, Randomness,
    SetupError, UplinkHalf, UplinkOptions, VideoFrame,
};
use connection::{Connection, Loss};
use requests::Requests;
pub use types::{Input, Output, ParticipantEvent, RemoteTrack, Side};
use wanted::Wanted;

/// What a [`Participant`] is made of.
#[derive(Clone, Debug)]
pub struct ParticipantOptions {
    /// Keys and capture.
    pub uplink: UplinkOptions,
    /// Playout.
    pub downlink: DownlinkOptions,
    /// Video codecs that the host decodes, best first, as WebCodecs codec strings.
    pub decode_codecs: Vec<String>,
    /// Subscribes to every track of everybody, with all its layers; the alternative is
    /// [`Participant::subscribe`].
    pub auto_subscribe: bool,
}

/// One participant of a room.
#[derive(Debug)]
pub struct Participant {
    options: ParticipantOptions,
    uplink: UplinkHalf,
    downlink: DownlinkHalf,
    connection: Connection,
    requests: Requests,
    wanted: Wanted,
    outputs: VecDeque<Output>,
    now: Instant,
}

impl Participant {
    /// A participant that has not connected yet: poll it first.
    ///
    /// # Errors
    ///
    /// [`SetupError`], of the first option that cannot be used.
    pub fn new(options: ParticipantOptions, randomness: Randomness) -> Result<Self, SetupError> {
        let keys = match &options.uplink.keys {
            KeySource::External { suite, secret } => Keys::external(*suite, secret.expose())?,
            KeySource::Group(group) => Keys::group(group.sframe_suite),
        };
        Ok(Self {
            uplink: UplinkHalf::new(options.uplink.clone(), randomness.clone())?,
            downlink: DownlinkHalf::new(keys, options.downlink, randomness),
            connection: Connection::new(),
            requests: Requests::default(),
            wanted: Wanted::default(),
            outputs: VecDeque::new(),
            now: Instant::ZERO,
            options,
        })
    }

    /// Applies one input; then drain [`Self::poll_output`] until it yields [`Output::Timeout`].
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Connected(Side::Uplink) => self.on_uplink(),
            Input::Connected(Side::Downlink) => {}
            Input::Control(bytes) => self.uplink.control(now, bytes),
            Input::Datagram(Side::Uplink, bytes) => self.uplink.datagram(now, bytes),
            Input::Datagram(Side::Downlink, bytes) => self.downlink.datagram(now, bytes),
            // The gateway ends the downlink of a participant whose uplink is lost; that is no word
            // about the participant.
            Input::Lost(Side::Downlink, Some(CloseCode::Left)) => self.on_lost(None),
            Input::Lost(_, code) => self.on_lost(code),
            Input::Timeout => {
                self.uplink.timeout(now);
                self.downlink.timeout(now);
            }
        }
        self.settle();
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if let Some(bytes) = self.uplink.poll_control() {
            return Output::Control(bytes);
        }
        if let Some(datagram) = self.uplink.poll_datagram() {
            return Output::Datagram(Side::Uplink, datagram);
        }
        if let Some(datagram) = self.downlink.poll_datagram() {
            return Output::Datagram(Side::Downlink, datagram);
        }
        Output::Timeout(self.next_timeout())
    }

    /// Leaves the room for good. The host sends what is still polled and then closes both
    /// transports.
    pub fn leave(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.connection, Connection::Joined { .. }) {
            // Nobody waits for the answer.
            let _ = self
                .uplink
                .request(now, client_message::Body::Leave(v1::Leave {}));
        }
        self.end(None);
    }

    /// Publishes a track, now and in each session to come, until [`Self::unpublish`].
    /// `track.number` must be unique among the published ones. [`ParticipantEvent::Refused`] tells
    /// if the room does not take it.
    pub fn publish(&mut self, now: Instant, track: v1::Track, config: TrackConfig) {
        self.now = now;
        let number = track.number as u8;
        self.wanted.publish(number, track, config);
        if matches!(self.connection, Connection::Joined { .. }) {
            self.announce(number);
        }
        self.settle();
    }

    /// Ends a published track.
    pub fn unpublish(&mut self, now: Instant, number: u8) {
        self.now = now;
        if !self.wanted.unpublish(number) {
            return;
        }
        self.uplink.remove_track(number);
        self.ask(client_message::Body::Unpublish(v1::Unpublish {
            number: u32::from(number),
        }));
        self.settle();
    }

    /// Receives a track of somebody else's, with all its layers, now and in each session to come.
    /// [`ParticipantOptions::auto_subscribe`] does it for every track.
    pub fn subscribe(&mut self, now: Instant, track: &RemoteTrack) {
        self.now = now;
        if let Some(user) = self.user_of(track.sender) {
            self.wanted.subscribe(user, track.number);
        }
        self.receive(track);
        self.settle();
    }

    /// Seals one encoded frame of a published track and sends it; false while there is no session
    /// or no key.
    pub fn send_frame(
        &mut self,
        now: Instant,
        track: u8,
        params: FrameParams,
        frame: impl Into<FrameBuffer>,
    ) -> bool {
        self.now = now;
        let sent = self.uplink.send_frame(now, track, params, frame.into());
        self.settle();
        sent
    }

    /// The next frame for a decoder, in decoding order. Tell [`Self::video_decoded`].
    pub fn poll_video(&mut self) -> Option<VideoFrame> {
        self.downlink.poll_video()
    }

    /// A frame of a track was decoded.
    pub fn video_decoded(&mut self, now: Instant, track: TrackId) {
        self.downlink.video_decoded(now, track);
    }

    /// Fills `out`, 480 samples of 48 kHz, with the mix of everybody; `plays_at` is when its first
    /// sample is heard.
    pub fn render_audio(&mut self, now: Instant, out: &mut [f32], plays_at: Instant) {
        self.now = now;
        self.downlink.render_audio(now, out, plays_at);
        self.settle();
    }

    /// Our number in the room; none while we are not in it.
    pub fn id(&self) -> Option<u32> {
        match self.connection {
            Connection::Joined { id } => Some(id),
            _ => None,
        }
    }

    /// The epoch that we seal in; none while there is no key.
    pub fn epoch(&self) -> Option<u64> {
        self.uplink.kid().map(|_| self.uplink.keys().epoch())
    }

    /// The sending half.
    pub fn uplink(&self) -> &UplinkHalf {
        &self.uplink
    }

    /// The receiving half.
    pub fn downlink(&self) -> &DownlinkHalf {
        &self.downlink
    }

    fn next_timeout(&self) -> Instant {
        self.connection
            .deadline()
            .min(self.uplink.next_timeout())
            .min(self.downlink.next_timeout())
    }

    /// Dials when the pause is over, and hands everything on that the halves have for each other
    /// and for the application.
    fn settle(&mut self) {
        if self.connection.dials(self.now) {
            self.outputs.push_back(Output::Connect(Side::Uplink, None));
        }
        while let Some(message) = self.uplink.poll_key_message() {
            self.downlink.key_message(self.now, message);
        }
        while let Some(event) = self.uplink.poll_event() {
            self.on_uplink_event(event);
        }
        while let Some(event) = self.downlink.poll_event() {
            if let DownlinkEvent::Decryption(decryption) = event {
                self.tell(ParticipantEvent::Decryption(decryption));
            }
        }
    }

    fn on_uplink(&mut self) {
        if !matches!(self.connection, Connection::Joining { .. }) {
            return;
        }
        self.requests = Requests::default();
        if let Err(error) = self.uplink.open_session(self.now) {
            self.tell(ParticipantEvent::NoKey(error));
            return self.end(None);
        }
        self.downlink.open_session();
        self.ask(client_message::Body::Join(v1::Join {
            sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
            decode_codecs: self.options.decode_codecs.clone(),
        }));
    }

    /// Does not settle: it is called while events are handed on, one after the other.
    fn receive(&mut self, track: &RemoteTrack) {
        self.downlink
            .add_track(TrackId::new(track.sender, track.number), track.kind);
        self.ask(client_message::Body::Subscribe(v1::Subscribe {
            participant_id: track.sender,
            track: u32::from(track.number),
            max_spatial_layer: MAX_LAYER,
            max_temporal_layer: MAX_LAYER,
        }));
    }

    fn user_of(&self, sender: u32) -> Option<String> {
        let roster = self.uplink.roster()?;
        Some(roster.participant(sender)?.user_id.clone())
    }

    /// Tells the engine and the gateway of a published track.
    fn announce(&mut self, number: u8) {
        let Some((track, config)) = self.wanted.track(number) else {
            return;
        };
        // There is a session: Join was answered.
        let _ = self.uplink.set_track(number, config);
        self.ask(client_message::Body::Publish(v1::Publish {
            track: Some(track),
        }));
    }

    /// Sends a request if there is a session; a session to come asks again for what is wanted then.
    fn ask(&mut self, body: client_message::Body) {
        let what = requests::name(&body);
        if let Ok(id) = self.uplink.request(self.now, body) {
            self.requests.asked(id, what);
        }
    }

    /// A transport is gone, or the gateway does not answer.
    fn on_lost(&mut self, code: Option<CloseCode>) {
        match self.connection.lose(self.now, code) {
            Loss::None => {}
            Loss::End => self.end(code),
            Loss::Pause => {
                self.hang_up();
                self.tell(ParticipantEvent::Disconnected { code, ends: false });
            }
        }
    }

    fn end(&mut self, code: Option<CloseCode>) {
        if self.connection == Connection::Ended {
            return;
        }
        self.connection = Connection::Ended;
        // What was polled before goes out first: Leave is among it.
        while let Some(bytes) = self.uplink.poll_control() {
            self.outputs.push_back(Output::Control(bytes));
        }
        self.hang_up();
        self.tell(ParticipantEvent::Disconnected { code, ends: true });
    }

    fn hang_up(&mut self) {
        self.uplink.close_session(self.now);
        self.downlink.open_session();
        self.outputs.push_back(Output::Disconnect);
    }

    fn tell(&mut self, event: ParticipantEvent) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// All layers that a track may have.
const MAX_LAYER: u32 = smrtc_engine::wire::media::MAX_LAYER as u32;
