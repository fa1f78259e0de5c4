//! What the targets of participants share: halves and participants from a fixed seed, and inputs
//! that are lists of steps.

use smrtc_client::{KeySource, Keys, Randomness, UplinkEvent, UplinkHalf, UplinkOptions};
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_e2ee::{Rng, RngError};
use smrtc_engine::control::encode_delimited;
use smrtc_engine::control::v1::{ServerMessage, client_message, server_message};
use smrtc_engine::send::{TrackConfig, UplinkConfig};
use smrtc_engine::wire::media::MediaKind;
use smrtc_engine::{Bitrate, Instant};

/// The participant that sends.
pub const SENDER: u32 = 1;
/// Its tracks.
pub const AUDIO: u8 = 0;
/// See [`AUDIO`].
pub const VIDEO: u8 = 1;

const SUITE: CipherSuite = CipherSuite::Sm4GcmSm3;
const SECRET: [u8; 32] = [7; 32];

/// A generator no two of whose draws are equal; more is not asked of it here.
pub struct Counting(pub u64);

impl Rng for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(8) {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            chunk.copy_from_slice(&self.0.to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// The same in each run.
pub fn randomness() -> Randomness {
    Randomness::new(|| Counting(2))
}

/// Keys that all participants share.
pub fn keys() -> Keys {
    Keys::external(SUITE, &SECRET).expect("32 bytes are a secret")
}

/// A message from the gateway, as bytes of the control stream.
pub fn message(reply_to: u32, body: server_message::Body) -> Vec<u8> {
    let body = Some(body);
    encode_delimited(&ServerMessage { reply_to, body })
}

/// A sending half without a session.
pub fn uplink() -> UplinkHalf {
    let options = UplinkOptions {
        keys: KeySource::External {
            suite: SUITE,
            secret: Secret::new(&SECRET),
        },
        capture: None,
        engine: UplinkConfig::default(),
    };
    UplinkHalf::new(options, randomness()).expect("the key has a good length")
}

/// Opens a session, as after a loss, and joins the room with one track of audio and one of video.
pub fn join(uplink: &mut UplinkHalf, now: Instant) {
    uplink.open_session(now).expect("the generator does not fail");
    let join = client_message::Body::Join(Default::default());
    let request = uplink.request(now, join).expect("there is a session");
    let joined = smrtc_engine::control::v1::Joined {
        participant_id: SENDER,
        ..Default::default()
    };
    uplink.control(now, &message(request, server_message::Body::Joined(joined)));
    for (track, kind, kbps) in [(AUDIO, MediaKind::Audio, 32), (VIDEO, MediaKind::Video, 1_000)] {
        let max_bitrate = Bitrate::from_kbps(kbps);
        let config = TrackConfig { kind, max_bitrate };
        uplink.set_track(track, config).expect("Join was answered");
    }
}

/// Whether the control stream can be read no further, so that a host would end the session.
pub fn has_failed(uplink: &mut UplinkHalf) -> bool {
    let mut failed = false;
    while let Some(event) = uplink.poll_event() {
        failed |= matches!(event, UplinkEvent::ControlStream(_));
    }
    failed
}

/// An input as a list of steps: a byte says what is done, another how long or how much.
pub struct Steps<'a>(pub &'a [u8]);

impl<'a> Steps<'a> {
    /// So many of the bytes behind a step, or as many as there are.
    pub fn bytes(&mut self, length: u8) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(usize::from(length).min(self.0.len()));
        self.0 = rest;
        taken
    }
}

impl Iterator for Steps<'_> {
    type Item = (u8, u8);

    fn next(&mut self) -> Option<(u8, u8)> {
        let [step, value, rest @ ..] = self.0 else {
            return None;
        };
        self.0 = rest;
        Some((*step, *value))
    }
}
