//! What one bot saw and heard.

use std::collections::BTreeMap;

use smrtc_native::CallStats;
use smrtc_native::client::{Decryption, GroupEvent, ParticipantEvent};

use super::distribution::Distribution;
use super::role::{BOT, Role};
use super::stamp::Stamp;

/// All times are microseconds on the bots' clock.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    pub(crate) role: Role,
    pub(crate) started: u64,
    /// When the gateway answered to Join, at first.
    pub(crate) joined: Option<u64>,
    /// When the first frame of video came that opened.
    pub(crate) first_video: Option<u64>,
    /// Each epoch of the group, in order.
    pub(crate) epochs: Vec<Epoch>,
    /// The number of the last frame of video that was sent.
    pub(crate) last_video_frame: u32,
    /// Frames of video and packets of audio that the engine took for sending, in the last session.
    pub(crate) video_sent: u64,
    pub(crate) audio_sent: u64,
    /// Video that came, by its sender's user.
    pub(crate) seen: BTreeMap<String, Seen>,
    /// Audio that came, by its sender's user, in the last session.
    pub(crate) heard: BTreeMap<String, Heard>,
    /// From a bot's engine to our decoder.
    pub(crate) video_transit: Distribution,
    /// From a bot's engine to when the frame is to be shown.
    pub(crate) video_delay: Distribution,
    /// From when a microphone would have captured the sample to when it is played.
    pub(crate) audio_delay: Distribution,
    pub(crate) freezes: u64,
    pub(crate) frames_rejected: u64,
    pub(crate) reconnections: u64,
    /// Frames that a bot of another room stamped.
    pub(crate) frames_of_other_rooms: u64,
    /// Sentences for a person.
    pub(crate) troubles: Vec<String>,
    /// Names by number, of all who were ever there: numbers are not used twice.
    users: BTreeMap<u32, String>,
}

/// An epoch of the group, as one member sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) at: u64,
    pub(crate) number: u64,
    pub(crate) verification_code: String,
}

/// Video of one sender.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) frames: u64,
    /// The number of the first frame, if a bot sent it.
    pub(crate) first_frame: Option<u32>,
}

/// Audio of one sender.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) packets: u64,
    pub(crate) lost: i64,
    pub(crate) samples: u64,
    pub(crate) concealed: u64,
    pub(crate) energy: f64,
}

impl Heard {
    pub(crate) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.lost += other.lost;
        self.samples += other.samples;
        self.concealed += other.concealed;
        self.energy += other.energy;
    }
}

impl Notes {
    pub(crate) fn new(role: Role, started: u64) -> Self {
        Self {
            role,
            started,
            joined: None,
            first_video: None,
            epochs: Vec::new(),
            last_video_frame: 0,
            video_sent: 0,
            audio_sent: 0,
            seen: BTreeMap::new(),
            heard: BTreeMap::new(),
            video_transit: Distribution::default(),
            video_delay: Distribution::default(),
            audio_delay: Distribution::default(),
            freezes: 0,
            frames_rejected: 0,
            reconnections: 0,
            frames_of_other_rooms: 0,
            troubles: Vec::new(),
            users: BTreeMap::new(),
        }
    }

    /// Whether the bot is in the room and has keys to seal with.
    pub(crate) fn is_in(&self) -> bool {
        self.joined.is_some() && !self.epochs.is_empty()
    }

    /// The user of a participant; its number if the gateway has not named it.
    pub(crate) fn user_of(&self, sender: u32) -> String {
        let user = self.users.get(&sender).cloned();
        user.unwrap_or_else(|| format!("participant {sender}"))
    }

    pub(crate) fn on_event(&mut self, now: u64, event: ParticipantEvent) {
        match event {
            ParticipantEvent::Joined { .. } => {
                self.reconnections += u64::from(self.joined.is_some());
                self.joined.get_or_insert(now);
            }
            ParticipantEvent::PeerJoined { id, user } => {
                self.users.insert(id, user);
            }
            ParticipantEvent::Group(GroupEvent::Epoch {
                epoch,
                verification_code,
            }) => self.epochs.push(Epoch {
                at: now,
                number: epoch,
                verification_code,
            }),
            ParticipantEvent::Group(GroupEvent::Split { user, epoch }) => {
                self.trouble(format!("{user} has other keys in epoch {epoch}"));
            }
            ParticipantEvent::Decryption(Decryption {
                sender,
                opens: false,
                error,
            }) => {
                let user = self.user_of(sender);
                self.trouble(format!("frames of {user} do not open: {error:?}"));
            }
            ParticipantEvent::Refused {
                what,
                code,
                message,
            } => self.trouble(format!("{what} was refused: {code:?}, {message}")),
            ParticipantEvent::NoKey(error) => self.trouble(error.to_string()),
            ParticipantEvent::Disconnected { code, ends } => {
                let then = if ends { "for good" } else { "for a while" };
                self.trouble(format!("disconnected {then}: {code:?}"));
            }
            _ => {}
        }
    }

    /// A frame came that is to be shown at `shown`; `stamp` is none if no bot sent it.
    pub(crate) fn on_video(&mut self, now: u64, shown: u64, sender: u32, stamp: Option<Stamp>) {
        self.first_video.get_or_insert(now);
        let user = self.user_of(sender);
        if let Some(stamp) = stamp {
            self.video_transit
                .add(now.saturating_sub(stamp.sent_micros));
            self.video_delay
                .add(shown.saturating_sub(stamp.sent_micros));
            self.frames_of_other_rooms += u64::from(stamp.room != self.role.room);
            if stamp.user() != user {
                self.trouble(format!("a frame of {} came as {user}'s", stamp.user()));
            }
        }
        let seen = self.seen.entry(user).or_default();
        seen.frames += 1;
        if let Some(stamp) = stamp {
            seen.first_frame.get_or_insert(stamp.frame);
        }
    }

    /// Takes the delay of audio from statistics under way. Only bots share our clock.
    pub(crate) fn on_stats(&mut self, now: u64, stats: &CallStats) {
        for audio in &stats.downlink.audio {
            let is_bot = self.user_of(audio.sender).starts_with(BOT);
            if let (true, Some(heard)) = (is_bot, audio.estimated_playout_timestamp) {
                let heard_micros = (heard * 1_000.0) as u64;
                self.audio_delay.add(now.saturating_sub(heard_micros));
            }
        }
    }

    /// Takes the last statistics; none if the call is over.
    pub(crate) fn finish(&mut self, stats: Option<CallStats>) {
        let Some(stats) = stats else {
            return self.trouble("the call ended before its time".to_owned());
        };
        for stream in stats.uplink.iter().flat_map(|uplink| &uplink.outbound) {
            match stream.kind {
                "audio" => self.audio_sent += stream.frames_encoded,
                _ => self.video_sent += stream.frames_encoded,
            }
        }
        for audio in &stats.downlink.audio {
            let heard = Heard {
                packets: audio.stats.packets_received,
                lost: audio.stats.packets_lost,
                samples: audio.stats.total_samples_received,
                concealed: audio.stats.concealed_samples,
                energy: audio.stats.total_audio_energy,
            };
            // Somebody who came back has two numbers.
            let user = self.user_of(audio.sender);
            self.heard.entry(user).or_default().add(heard);
        }
        let inbound = stats.downlink.engine.inbound.iter();
        self.freezes = inbound.map(|stream| stream.freeze_count).sum();
        let senders = stats.downlink.senders.iter();
        self.frames_rejected = senders.map(|sender| sender.frames_rejected).sum();
    }

    /// Notes a sentence; the first few tell what is wrong.
    pub(crate) fn trouble(&mut self, sentence: String) {
        if self.troubles.len() < MAX_TROUBLES {
            self.troubles.push(sentence);
        }
    }
}

const MAX_TROUBLES: usize = 20;
