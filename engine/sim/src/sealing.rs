//! Frames are sealed as in a call; only the key is everybody's, and its randomness the seed's.

use smrtc_e2ee::sframe::{CipherSuite, KeyStore, Sealer};
use smrtc_e2ee::{ExternalKey, KeyProvider, Rng as KeyRng, RngError};

use crate::Rng;

/// No secret: whoever has this source has it.
const SECRET: [u8; 32] = [7; 32];

struct Seeded<'a>(&'a mut Rng);

impl KeyRng for Seeded<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        out.fill_with(|| self.0.next() as u8);
        Ok(())
    }
}

fn key() -> ExternalKey {
    ExternalKey::new(CipherSuite::Sm4GcmSm3, &SECRET).expect("32 bytes are a secret")
}

/// For one who sends.
pub(crate) fn sealer(rng: &mut Rng) -> Sealer {
    let mut provider: Box<dyn KeyProvider> = Box::new(key());
    Sealer::from_provider(&mut *provider, &mut Seeded(rng)).expect("the seed never runs dry")
}

/// For one who receives.
pub(crate) fn opener() -> KeyStore {
    KeyStore::new(Box::new(key()))
}
