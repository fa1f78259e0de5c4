//! A participant in the room, and its application: it sends numbered frames, and keeps the numbers
//! of those that it sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smrtc_client::{
    Decryption, DownlinkOptions, GroupEvent, GroupOptions, KeySource, Participant,
    ParticipantEvent, ParticipantOptions, Randomness, UplinkOptions, WallClock,
};
use smrtc_e2ee::mls::{Policy, Suite};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_e2ee::{Rng as Source, RngError};
use smrtc_engine::control::Framer;
use smrtc_engine::control::v1::{self, ClientMessage, client_message};
use smrtc_engine::send::{TrackConfig, UplinkConfig};
use smrtc_engine::wire::media::MediaKind;
use smrtc_engine::{Bitrate, Instant};
use smrtc_gateway::auth::{Permissions, Role, Signer, Verifier, random_secret};
use smrtc_gateway::hub::{Hub, Member};
use smrtc_sim::Rng;

use super::network::Way;

pub(crate) const VIDEO: u8 = 1;
/// What a frame holds behind its number.
pub(crate) const FILLER: u8 = 7;

/// Bytes from a seed; each part of a participant has a stream of its own.
struct Seeded(u64);

impl Source for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        let mut rng = Rng::new(self.0);
        self.0 = rng.next();
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&rng.next().to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(crate) struct Guest {
    pub(crate) user: String,
    pub(crate) participant: Participant,
    pub(crate) to_gateway: Way,
    pub(crate) from_gateway: Way,
    /// At the gateway.
    pub(crate) member: Option<Member>,
    pub(crate) framer: Framer,
    /// Numbers of the frames that came, by user.
    pub(crate) seen: BTreeMap<String, BTreeSet<u32>>,
    users: BTreeMap<u32, String>,
    /// The verification code of the latest epoch.
    pub(crate) code: String,
    pub(crate) log: Vec<String>,
}

impl Guest {
    /// As the gateway's sessions do: Join makes a member, everything else is for the hub.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        hub: &mut Hub,
        message: ClientMessage,
        ticket: u64,
    ) {
        match (message.body, self.member) {
            (Some(client_message::Body::Join(join)), None) => {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&ticket.to_be_bytes());
                let permissions = permissions(&self.user);
                let id = message.request_id;
                self.member = hub.join(now, &permissions, id, &join, bytes).ok();
            }
            (body, Some(member)) => hub.request(now, member, message.request_id, body),
            (_, None) => {}
        }
    }

    /// Frames of a user that this guest opened.
    pub(crate) fn opened(&self, now: Instant, user: &str) -> u64 {
        let senders = self.participant.downlink().stats(now).senders;
        let of_user = senders
            .iter()
            .filter(|sender| self.users.get(&sender.sender).is_some_and(|it| it == user));
        of_user.map(|sender| sender.frames_opened).sum()
    }

    /// Frames that this guest could not open, of the senders that are here.
    pub(crate) fn rejected(&self, now: Instant) -> u64 {
        let senders = self.participant.downlink().stats(now).senders;
        senders.iter().map(|sender| sender.frames_rejected).sum()
    }

    pub(crate) fn take_frames(&mut self, now: Instant) {
        while let Some(frame) = self.participant.poll_video() {
            let (number, rest) = frame.text().split_first_chunk().expect("a number");
            let intact = rest.iter().all(|&byte| byte == FILLER);
            assert!(intact, "another frame than was sent");
            let user = self.users[&frame.header.sender].clone();
            let seen = self.seen.entry(user).or_default();
            seen.insert(u32::from_be_bytes(*number));
            self.participant.video_decoded(now, frame.header.track_id());
        }
    }

    pub(crate) fn on_event(&mut self, now: Instant, event: ParticipantEvent) {
        self.log.push(format!("{now:?} {}: {event:?}", self.user));
        match event {
            ParticipantEvent::PeerJoined { id, user } => drop(self.users.insert(id, user)),
            ParticipantEvent::Group(GroupEvent::Epoch {
                verification_code, ..
            }) => self.code = verification_code,
            // Its publisher has left meanwhile.
            ParticipantEvent::Refused {
                code: v1::ErrorCode::NoSuchTrack,
                ..
            } => {}
            ParticipantEvent::Refused { what, message, .. } => panic!("{what}: {message}"),
            ParticipantEvent::Decryption(Decryption { opens: false, .. }) => {
                panic!("{}: {event:?}", self.user)
            }
            _ => {}
        }
    }
}

pub(crate) fn guest(user: &str, seed: u64) -> Guest {
    let streams = Arc::new(AtomicU64::new(seed));
    let next = move || Seeded(streams.fetch_add(0x9e37_79b9, Ordering::Relaxed));
    let options = ParticipantOptions {
        uplink: UplinkOptions {
            keys: KeySource::Group(GroupOptions {
                suite: Suite::P256Aes128GcmSha256,
                sframe_suite: CipherSuite::Sm4GcmSm3,
                policy: Policy::Everyone,
                identity: None,
                chain: Vec::new(),
                wall_clock: WallClock::new(|| 1_800_000_000),
            }),
            capture: None,
            engine: UplinkConfig::default(),
        },
        downlink: DownlinkOptions::default(),
        decode_codecs: Vec::new(),
        auto_subscribe: true,
    };
    let mut participant = Participant::new(options, Randomness::new(next)).unwrap();
    let track = v1::Track {
        number: u32::from(VIDEO),
        kind: v1::MediaKind::Video.into(),
        codec: "any".to_owned(),
        ..v1::Track::default()
    };
    let config = TrackConfig {
        kind: MediaKind::Video,
        max_bitrate: Bitrate::from_kbps(800),
    };
    participant.publish(Instant::ZERO, track, config);
    Guest {
        user: user.to_owned(),
        participant,
        to_gateway: Way::default(),
        from_gateway: Way::default(),
        member: None,
        framer: Framer::new(),
        seen: BTreeMap::new(),
        users: BTreeMap::new(),
        code: String::new(),
        log: Vec::new(),
    }
}

fn permissions(user: &str) -> Permissions {
    let secret = random_secret();
    let signer = Signer::hs256(&secret).unwrap();
    let lifetime = Duration::from_secs(1 << 40);
    let token = signer
        .sign("room", user, Role::Anchor, Duration::ZERO, lifetime)
        .unwrap();
    Verifier::hs256(&secret).unwrap().verify(&token).unwrap()
}
