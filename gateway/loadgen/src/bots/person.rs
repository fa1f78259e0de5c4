//! One native participant: joins, publishes, listens, and notes what happens.

use std::sync::Arc;
use std::time::Duration;

use smrtc_engine::control::v1;
use smrtc_engine::send::{FrameParams, TrackConfig};
use smrtc_engine::time::{Bitrate, MediaTime};
use smrtc_engine::wire::media::MediaKind;
use smrtc_native::client::{EncoderEvent, KeySource, ParticipantEvent, VideoFrame};
use smrtc_native::{Call, CallOptions, Event, Events};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::clock::Clock;
use super::gateway::Gateway;
use super::notes::Notes;
use super::recording::Recording;
use super::role::Role;
use super::speech::Speech;
use super::stamp::Stamp;
use super::test_card;
use super::vp8;

/// What all bots share.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) gateway: Gateway,
    pub(crate) keys: KeySource,
    pub(crate) clock: Clock,
    pub(crate) video: VideoPlan,
    pub(crate) speech: Speech,
    pub(crate) silence: Speech,
    pub(crate) record: Option<std::path::PathBuf>,
}

/// What a bot's video is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VideoPlan {
    /// Frames in a second, from 1.
    pub(crate) fps: u32,
    /// What a frame is filled up to, on average.
    pub(crate) bitrate: Bitrate,
    /// See [`test_card::size`].
    pub(crate) scale: u16,
}

/// How far a run is. All bots follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Media is sent.
    Running,
    /// Video is sent no longer; what is on its way still arrives.
    Draining,
    /// Everybody hands in what was noted, while all are still there.
    Reporting,
    /// Everybody leaves.
    Leaving,
}

/// What a bot tells the coordinator while it runs.
#[derive(Debug)]
pub(crate) enum Told {
    /// It is in the room and has the group's keys.
    IsIn,
    /// It will not get in.
    Failed(String),
    /// What it noted: in answer to [`Phase::Reporting`], or when its call was over before.
    Notes(Box<Notes>),
    /// It did not come as far as noting anything.
    HasNoNotes,
}

/// Runs one bot until [`Phase::Leaving`].
pub(crate) async fn run(
    plan: Arc<Plan>,
    role: Role,
    room: String,
    phase: watch::Receiver<Phase>,
    tell: mpsc::UnboundedSender<Told>,
) {
    match Person::start(plan, role, &room, tell.clone()).await {
        Ok(person) => person.run(phase).await,
        Err(error) => {
            let _ = tell.send(Told::Failed(format!("{}: {error:#}", role.user())));
            let _ = tell.send(Told::HasNoNotes);
        }
    }
}

struct Person {
    plan: Arc<Plan>,
    role: Role,
    call: Call,
    events: Events,
    notes: Notes,
    recording: Option<Recording>,
    tell: mpsc::UnboundedSender<Told>,
    /// Whether [`Told::IsIn`] was told.
    is_in: bool,
    has_reported: bool,
    /// What the engine wants of the video encoder; none before it said.
    video_target: Option<Bitrate>,
    key_frame_wanted: bool,
    video_frames: u32,
    audio_packets: u64,
    /// When the first packet of audio was due, on the shared clock.
    audio_began: Option<u64>,
}

impl Person {
    async fn start(
        plan: Arc<Plan>,
        role: Role,
        room: &str,
        tell: mpsc::UnboundedSender<Told>,
    ) -> anyhow::Result<Self> {
        let token = plan.gateway.token(room, &role.user()).await?;
        let recording = match &plan.record {
            Some(folder) => Some(Recording::new(&folder.join(room).join(role.user()))?),
            None => None,
        };
        let notes = Notes::new(role, plan.clock.now());
        let (call, events) = Call::start(CallOptions {
            address: plan.gateway.address.clone(),
            token,
            keys: plan.keys.clone(),
            decode_codecs: vec![VP8.to_owned()],
            audio: true,
        })?;
        if role.publishes {
            publish(&call, plan.video);
        }
        Ok(Self {
            plan,
            role,
            call,
            events,
            notes,
            recording,
            tell,
            is_in: false,
            has_reported: false,
            video_target: None,
            key_frame_wanted: true,
            video_frames: 0,
            audio_packets: 0,
            audio_began: None,
        })
    }

    async fn run(mut self, mut phases: watch::Receiver<Phase>) {
        let mut phase = *phases.borrow_and_update();
        let mut video = self.ticks(Duration::from_secs(1) / self.plan.video.fps);
        let mut audio = self.ticks(AUDIO_PACKET);
        let mut looks = self.ticks(LOOK_EVERY);
        while phase < Phase::Leaving {
            let publishes = self.role.publishes && self.is_in;
            let sends_video = publishes && phase == Phase::Running;
            // Audio goes on while others still listen: they would conceal its end.
            let sends_audio = publishes && phase <= Phase::Draining;
            tokio::select! {
                event = self.events.next() => match event {
                    Some(event) => self.on_event(event),
                    None => break,
                },
                // All ticks are taken: one that waits would be followed by all that it holds up.
                _ = video.tick() => if sends_video { self.send_video() },
                due = audio.tick() => if sends_audio { self.send_audio(due) },
                _ = looks.tick() => if phase == Phase::Running { self.look().await },
                changed = phases.changed() => {
                    phase = match changed {
                        Ok(()) => *phases.borrow_and_update(),
                        Err(_) => Phase::Leaving,
                    };
                    if phase == Phase::Reporting {
                        self.report().await;
                    }
                }
            }
        }
        if !self.has_reported {
            self.report().await;
        }
        self.call.leave().await;
    }

    /// Ticks that are not those of all other bots. One that comes late does not move the next ones.
    fn ticks(&self, period: Duration) -> Interval {
        let sixteenths = (self.role.room * 7 + self.role.person * 3) % 16;
        let first = tokio::time::Instant::now() + period * sixteenths / 16;
        let mut ticks = interval_at(first, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        ticks
    }

    fn on_event(&mut self, event: Event) {
        let now = self.plan.clock.now();
        match event {
            Event::Participant(event) => self.on_participant(now, event),
            Event::Video(frame) => self.on_video(now, &frame),
            Event::Audio(block) => {
                if let Some(recording) = &mut self.recording {
                    recording.audio(&block[..]);
                }
            }
        }
    }

    fn on_participant(&mut self, now: u64, event: ParticipantEvent) {
        match &event {
            ParticipantEvent::Encoder(EncoderEvent::TargetBitrate { layers, .. }) => {
                let video = layers.iter().find(|layer| layer.track == VIDEO);
                self.video_target = video.map(|layer| layer.bitrate);
            }
            ParticipantEvent::Encoder(EncoderEvent::KeyFrameRequested { track: VIDEO, .. }) => {
                self.key_frame_wanted = true;
            }
            ParticipantEvent::Disconnected { ends: true, code } if !self.is_in => {
                let why = match code {
                    Some(code) => format!("{}: closed with {code:?}", self.role.user()),
                    None => format!("{}: refused", self.role.user()),
                };
                let _ = self.tell.send(Told::Failed(why));
            }
            _ => {}
        }
        self.notes.on_event(now, event);
        if !self.is_in && self.notes.is_in() {
            self.is_in = true;
            let _ = self.tell.send(Told::IsIn);
        }
    }

    fn on_video(&mut self, now: u64, frame: &VideoFrame) {
        // The call's clock and the shared one differ by their origins only.
        let call_now = self.call.now();
        let wait = frame
            .render_at
            .as_micros()
            .saturating_sub(call_now.as_micros());
        let text = frame.text();
        self.notes
            .on_video(now, now + wait, frame.header.sender, Stamp::read(text));
        if let Some(recording) = &mut self.recording {
            let user = self.notes.user_of(frame.header.sender);
            recording.video(user, &frame.header, text);
        }
    }

    fn send_video(&mut self) {
        let plan = self.plan.video;
        let bitrate = match self.video_target {
            // Nobody wants it, or there is no room for it.
            Some(Bitrate::ZERO) => return,
            Some(target) => plan.bitrate.min(target),
            None => plan.bitrate,
        };
        let now = self.plan.clock.now();
        self.video_frames += 1;
        let frames_of_group = plan.fps * KEY_FRAME_SECONDS;
        let key = self.key_frame_wanted || self.video_frames.is_multiple_of(frames_of_group);
        self.key_frame_wanted = false;
        let card = test_card::draw(self.video_frames, unix_quarter_millis(), plan.scale);
        let mut frame = vp8::encode(&card, key);
        let written = Stamp {
            room: self.role.room,
            person: self.role.person,
            frame: self.video_frames,
            sent_micros: now,
        };
        let frame_bytes = bitrate.as_bps() / 8 / u64::from(plan.fps);
        written.append(&mut frame, frame_bytes as usize);
        let params = FrameParams {
            key,
            reference_distance: u16::from(!key),
            // As audio: one layer, and later frames may need it.
            ..FrameParams::audio(MediaTime::from_micros(now))
        };
        self.call.send_frame(VIDEO, params, frame);
        self.notes.last_video_frame = self.video_frames;
    }

    /// Sends the packet that was due at `due`. Packets follow each other by 20 ms of media time,
    /// however late the ticks come.
    fn send_audio(&mut self, due: tokio::time::Instant) {
        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        let due = self.plan.clock.now().saturating_sub(late);
        let began = *self.audio_began.get_or_insert(due);
        let speech = match self.role.speaks {
            true => &self.plan.speech,
            false => &self.plan.silence,
        };
        let packet = speech.packet(self.audio_packets).to_vec();
        let elapsed = self.audio_packets * AUDIO_PACKET.as_micros() as u64;
        // A packet is ready when the last of its samples has been captured.
        let captured = (began + elapsed).saturating_sub(AUDIO_PACKET.as_micros() as u64);
        let params = FrameParams::audio(MediaTime::from_micros(captured));
        self.call.send_frame(AUDIO, params, packet);
        self.audio_packets += 1;
    }

    /// Looks how late audio is heard.
    async fn look(&mut self) {
        if let Some(stats) = self.call.stats().await {
            self.notes.on_stats(self.plan.clock.now(), &stats);
        }
    }

    async fn report(&mut self) {
        self.has_reported = true;
        let stats = self.call.stats().await;
        self.notes.finish(stats);
        if let Some(recording) = self.recording.take()
            && let Err(error) = recording.finish()
        {
            self.notes.trouble(format!("the recording: {error:#}"));
        }
        // Nothing is noted after this.
        let notes = Box::new(self.notes.clone());
        let _ = self.tell.send(Told::Notes(notes));
    }
}

fn publish(call: &Call, plan: VideoPlan) {
    let (width, height) = test_card::size(plan.scale);
    let video = v1::Track {
        number: u32::from(VIDEO),
        kind: v1::MediaKind::Video.into(),
        codec: VP8.to_owned(),
        width: u32::from(width),
        height: u32::from(height),
        ..v1::Track::default()
    };
    let kind = MediaKind::Video;
    let max_bitrate = plan.bitrate;
    call.publish(video, TrackConfig { kind, max_bitrate });
    let audio = v1::Track {
        number: u32::from(AUDIO),
        kind: v1::MediaKind::Audio.into(),
        codec: "opus".to_owned(),
        ..v1::Track::default()
    };
    let kind = MediaKind::Audio;
    let max_bitrate = Bitrate::from_kbps(32);
    call.publish(audio, TrackConfig { kind, max_bitrate });
}

/// The clock of the code on the test card, which browsers have as well.
fn unix_quarter_millis() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| (since.as_micros() / 250) as u32)
}

const VP8: &str = "vp8";
const AUDIO: u8 = 0;
const VIDEO: u8 = 1;
const AUDIO_PACKET: Duration = Duration::from_millis(20);
/// A decoder that has lost its place gets a key frame by request; this one is for recorders.
const KEY_FRAME_SECONDS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(250);
