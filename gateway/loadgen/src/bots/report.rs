//! What a run has shown, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::distribution::{Distribution, Summary};
use super::notes::{Heard, Notes};
use super::process::Cost;

/// Names are those of webrtc-stats where it has one. Times are in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) run: Run,
    /// From the start of a bot until the gateway had answered to Join.
    join_ms: Option<Summary>,
    /// From the start of a bot until it had the group's keys.
    keys_ms: Option<Summary>,
    /// From the start of a bot until the first frame of somebody's video had come and opened.
    first_video_ms: Option<Summary>,
    video: VideoReport,
    audio: AudioReport,
    rooms: Vec<RoomReport>,
    /// What bots did not get of what bots published.
    missing: Vec<Missing>,
    frames_of_other_rooms: u64,
    /// Frames that did not open.
    frames_rejected: u64,
    reconnections: u64,
    /// In words, by bot.
    troubles: BTreeMap<String, Vec<String>>,
    /// What the gateway's process used while media was sent; null if nobody tells.
    gateway_process: Option<Cost>,
    people: Vec<PersonReport>,
}

/// What was asked for, and how it went as a whole.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) gateway: String,
    pub(crate) transport: super::gateway::TransportName,
    pub(crate) suite: super::options::SuiteName,
    /// People in each room.
    pub(crate) people_per_room: u32,
    /// Those of them who publish.
    pub(crate) publishers_per_room: u32,
    pub(crate) people_joined: usize,
    /// For how long media was sent once everybody was in.
    pub(crate) seconds: f64,
    /// Whether somebody ended the run early.
    pub(crate) interrupted: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VideoReport {
    frames_sent: u64,
    /// Between each two people of a room: from the first frame that came to the last that was sent.
    frames_expected: u64,
    frames_received: u64,
    /// From the sender's engine to the receiver's decoder.
    transit_ms: Option<Summary>,
    /// From the sender's engine to when the frame is to be shown.
    delay_ms: Option<Summary>,
    freeze_count: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AudioReport {
    packets_sent: u64,
    packets_expected: u64,
    packets_received: u64,
    /// From the sender's engine to when the sample is played.
    delay_ms: Option<Summary>,
    concealed_samples: u64,
    total_samples_received: u64,
    /// The first as a share of the second; null without any.
    concealed_share: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomReport {
    room: String,
    people: usize,
    /// How many epochs of the group its people saw.
    epochs: usize,
    /// The epoch in the end, and the digits that all members see; null if they do not agree.
    epoch: Option<u64>,
    verification_code: Option<String>,
    /// From the start of the first bot until all had the same keys; null if they never had.
    agreed_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Missing {
    kind: &'static str,
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PersonReport {
    room: String,
    user: String,
    /// Frames of video by sender.
    frames_received: BTreeMap<String, u64>,
    /// Packets of audio by sender.
    packets_received: BTreeMap<String, u64>,
    /// Energy of the audio by sender, as webrtc-stats integrates it: 0 is silence.
    total_audio_energy: BTreeMap<String, f64>,
}

impl Report {
    /// Puts together what the bots noted. `room_name` names a room by its number.
    pub(crate) fn new(
        run: Run,
        room_name: impl Fn(u32) -> String,
        notes: &[Notes],
        gateway_process: Option<Cost>,
    ) -> Self {
        let by_room = |room: u32| notes.iter().filter(move |notes| notes.role.room == room);
        let rooms: BTreeSet<u32> = notes.iter().map(|notes| notes.role.room).collect();
        let room_reports = rooms
            .iter()
            .map(|room| room_report(room_name(*room), &by_room(*room).collect::<Vec<_>>()));
        let since_start = |until: fn(&Notes) -> Option<u64>| {
            let mut times = Distribution::default();
            for notes in notes {
                if let Some(until) = until(notes) {
                    times.add(until.saturating_sub(notes.started));
                }
            }
            times.summary()
        };
        let sum = |what: fn(&Notes) -> u64| notes.iter().map(what).sum();
        Self {
            run,
            join_ms: since_start(|notes| notes.joined),
            keys_ms: since_start(|notes| notes.epochs.first().map(|epoch| epoch.at)),
            first_video_ms: since_start(|notes| notes.first_video),
            video: video_report(notes),
            audio: audio_report(notes),
            rooms: room_reports.collect(),
            missing: rooms
                .iter()
                .flat_map(|room| missing(&by_room(*room).collect::<Vec<_>>()))
                .collect(),
            frames_of_other_rooms: sum(|notes| notes.frames_of_other_rooms),
            frames_rejected: sum(|notes| notes.frames_rejected),
            reconnections: sum(|notes| notes.reconnections),
            troubles: notes
                .iter()
                .filter(|notes| !notes.troubles.is_empty())
                .map(|notes| (notes.role.user(), notes.troubles.clone()))
                .collect(),
            gateway_process,
            people: notes
                .iter()
                .map(|notes| person_report(room_name(notes.role.room), notes))
                .collect(),
        }
    }
}

fn video_report(notes: &[Notes]) -> VideoReport {
    let (mut transit, mut delay) = (Distribution::default(), Distribution::default());
    for notes in notes {
        transit.extend(&notes.video_transit);
        delay.extend(&notes.video_delay);
    }
    let last_sent: BTreeMap<String, u32> = notes
        .iter()
        .map(|notes| (notes.role.user(), notes.last_video_frame))
        .collect();
    let (mut expected, mut received) = (0, 0);
    for (sender, seen) in notes.iter().flat_map(|notes| &notes.seen) {
        // The video of others has no numbers to go by.
        if let (Some(first), Some(last)) = (seen.first_frame, last_sent.get(sender)) {
            expected += u64::from((last + 1).saturating_sub(first));
            received += seen.frames;
        }
    }
    VideoReport {
        frames_sent: notes.iter().map(|notes| notes.video_sent).sum(),
        frames_expected: expected,
        frames_received: received,
        transit_ms: transit.summary(),
        delay_ms: delay.summary(),
        freeze_count: notes.iter().map(|notes| notes.freezes).sum(),
    }
}

fn audio_report(notes: &[Notes]) -> AudioReport {
    let mut delay = Distribution::default();
    let mut all = Heard::default();
    for notes in notes {
        delay.extend(&notes.audio_delay);
        for heard in notes.heard.values() {
            all.add(*heard);
        }
    }
    AudioReport {
        packets_sent: notes.iter().map(|notes| notes.audio_sent).sum(),
        packets_expected: all.packets.saturating_add_signed(all.lost),
        packets_received: all.packets,
        delay_ms: delay.summary(),
        concealed_samples: all.concealed,
        total_samples_received: all.samples,
        concealed_share: (all.samples > 0).then(|| all.concealed as f64 / all.samples as f64),
    }
}

fn room_report(room: String, notes: &[&Notes]) -> RoomReport {
    let numbers = notes.iter().flat_map(|notes| &notes.epochs);
    let epochs: BTreeSet<u64> = numbers.map(|epoch| epoch.number).collect();
    let mut last = notes.iter().map(|notes| notes.epochs.last());
    // All are compared with the first.
    let first = last.next().flatten();
    let agreed = first.filter(|first| {
        last.all(|epoch| {
            epoch.is_some_and(|epoch| epoch.verification_code == first.verification_code)
        })
    });
    RoomReport {
        room,
        people: notes.len(),
        epochs: epochs.len(),
        epoch: agreed.map(|epoch| epoch.number),
        verification_code: agreed.map(|epoch| epoch.verification_code.clone()),
        agreed_ms: agreed_ms(notes),
    }
}

/// When all members were first in one epoch, since the first of them started.
fn agreed_ms(notes: &[&Notes]) -> Option<f64> {
    let mut changes: Vec<_> = notes
        .iter()
        .enumerate()
        .flat_map(|(member, notes)| {
            notes
                .epochs
                .iter()
                .map(move |epoch| (epoch.at, member, epoch))
        })
        .collect();
    changes.sort_by_key(|(at, member, _)| (*at, *member));
    let started = notes.iter().map(|notes| notes.started).min()?;
    let mut codes: BTreeMap<usize, &str> = BTreeMap::new();
    for (at, member, epoch) in changes {
        codes.insert(member, &epoch.verification_code);
        if codes.len() == notes.len() && codes.values().all(|code| *code == epoch.verification_code)
        {
            return Some(at.saturating_sub(started) as f64 / 1_000.0);
        }
    }
    None
}

/// Audio and video of each publisher that somebody else in the room got nothing of.
fn missing(notes: &[&Notes]) -> Vec<Missing> {
    let mut missing = Vec::new();
    for from in notes.iter().filter(|notes| notes.role.publishes) {
        let sender = from.role.user();
        for to in notes.iter().filter(|to| to.role.user() != sender) {
            let mut is_missing = |kind| {
                missing.push(Missing {
                    kind,
                    from: sender.clone(),
                    to: to.role.user(),
                });
            };
            if !to.seen.contains_key(&sender) {
                is_missing("video");
            }
            if to.heard.get(&sender).is_none_or(|heard| heard.packets == 0) {
                is_missing("audio");
            }
        }
    }
    missing
}

fn person_report(room: String, notes: &Notes) -> PersonReport {
    let heard = notes.heard.iter();
    let packets = heard
        .clone()
        .map(|(user, heard)| (user.clone(), heard.packets));
    let energy = heard.map(|(user, heard)| (user.clone(), heard.energy));
    let seen = notes.seen.iter();
    let frames = seen.map(|(user, seen)| (user.clone(), seen.frames));
    PersonReport {
        room,
        user: notes.role.user(),
        frames_received: frames.collect(),
        packets_received: packets.collect(),
        total_audio_energy: energy.collect(),
    }
}

#[cfg(test)]
mod tests;
