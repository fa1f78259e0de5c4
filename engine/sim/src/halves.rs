//! The two halves of a simulated participant. Frames are sealed as in a call, but with a key that
//! everybody knows and with the randomness of the run's seed.

use std::sync::{Arc, Mutex};

use smrtc_client::{
    DownlinkHalf, DownlinkOptions, KeySource, Keys, Randomness, UplinkHalf, UplinkOptions,
};
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_e2ee::{Rng as KeyRng, RngError};
use smrtc_engine::Instant;
use smrtc_engine::control::encode_delimited;
use smrtc_engine::control::v1::{Join, Joined, ServerMessage, client_message, server_message};
use smrtc_engine::send::UplinkConfig;

use crate::Rng;

/// No secret: whoever has this source has it.
const SECRET: [u8; 32] = [7; 32];
const SUITE: CipherSuite = CipherSuite::Sm4GcmSm3;

/// A sending half that has joined a room as participant `id`. What names its key is drawn from
/// `rng`; all else that it draws comes from `seed`.
pub fn uplink(id: u32, engine: UplinkConfig, seed: u64, rng: &mut Rng) -> UplinkHalf {
    let name: [u8; 8] = std::array::from_fn(|_| rng.next() as u8);
    let randomness = stream(name.into_iter().chain(bytes(seed)));
    let keys = KeySource::External {
        suite: SUITE,
        secret: Secret::new(&SECRET),
    };
    let options = UplinkOptions {
        keys,
        capture: None,
        engine,
    };
    let mut uplink = UplinkHalf::new(options, randomness)
        .expect("the key has a good length, and there is no capture");
    join(&mut uplink, id);
    uplink
}

/// A receiving half that has no track yet.
pub fn downlink(options: DownlinkOptions, seed: u64) -> DownlinkHalf {
    let keys = Keys::external(SUITE, &SECRET).expect("32 bytes are a secret");
    DownlinkHalf::new(keys, options, stream(bytes(seed)))
}

/// Opens a session and answers its Join: the simulated paths carry media only.
fn join(uplink: &mut UplinkHalf, participant_id: u32) {
    let now = Instant::ZERO;
    uplink.open_session(now).expect("the seed never runs dry");
    let request = client_message::Body::Join(Join::default());
    let reply_to = uplink.request(now, request).expect("the session is open");
    while uplink.poll_control().is_some() {}
    let joined = Joined {
        participant_id,
        ..Joined::default()
    };
    let answer = ServerMessage {
        reply_to,
        body: Some(server_message::Body::Joined(joined)),
    };
    uplink.control(now, &encode_delimited(&answer));
}

fn bytes(seed: u64) -> impl Iterator<Item = u8> + Send {
    let mut rng = Rng::new(seed);
    std::iter::repeat_with(move || rng.next() as u8)
}

fn stream(bytes: impl Iterator<Item = u8> + Send + 'static) -> Randomness {
    let stream = Stream(Arc::new(Mutex::new(Box::new(bytes))));
    Randomness::new(move || stream.clone())
}

/// What all sources of one half draw from.
#[derive(Clone)]
struct Stream(Arc<Mutex<Box<dyn Iterator<Item = u8> + Send>>>);

impl KeyRng for Stream {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        let mut bytes = self.0.lock().map_err(|_| RngError)?;
        out.fill_with(|| bytes.next().expect("the stream has no end"));
        Ok(())
    }
}
