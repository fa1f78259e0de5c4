//! Frames that pages seal and open, and who hears whom.

use smrtc_e2ee::KeyProvider;
use smrtc_e2ee::mls::MlsKeys;
use smrtc_e2ee::sframe::{Header, KeyStore, OpenError, Sealer};

use super::{Worker, World};

impl World {
    /// Seals a frame as `id`, if it has a key; notes key and counter.
    pub(crate) fn seal(&mut self, id: u32, text: &[u8]) -> Option<Vec<u8>> {
        self.seal_with(id, 0, b"metadata", text)
    }

    /// The same in a worker of that page.
    pub(crate) fn seal_with(
        &mut self,
        id: u32,
        worker: usize,
        metadata: &[u8],
        text: &[u8],
    ) -> Option<Vec<u8>> {
        let now = self.now;
        let page = self.pages.get_mut(&id)?;
        let Worker { keys, sealer } = &mut page.workers[worker];
        keys.advance(now);
        let epoch = keys.epochs().last().map(|_| keys.epoch())?;
        if sealer.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let fresh = Sealer::from_provider(keys, &mut self.rng).ok()?;
            *sealer = Some((epoch, fresh));
        }
        let (_, sealer) = sealer.as_mut()?;
        let mut frame = Vec::new();
        sealer.seal(metadata, text, &mut frame).ok()?;
        // As the wire has it: the key of a frame follows from the epoch's base key and the KID, the
        // nonce from those and CTR.
        let (header, _) = Header::parse(&frame).expect("a frame of ours");
        let base_key = page.base_keys.get(&epoch)?.clone();
        let fresh = self.sealed.insert((base_key, header.kid, header.ctr.0));
        assert!(
            fresh,
            "a key and nonce twice: {} in epoch {epoch}",
            page.user
        );
        Some(frame)
    }

    /// Opens a frame as `id`: whose it is, and its text.
    pub(crate) fn open(&mut self, id: u32, frame: &[u8]) -> Result<(String, Vec<u8>), OpenError> {
        let page = self.pages.get_mut(&id).expect("in the room");
        open_with(&mut page.store, frame)
    }

    /// Every page hears every other, and knows who it is.
    pub(crate) fn assert_all_hear_all(&mut self) {
        let all: Vec<u32> = self.pages.keys().copied().collect();
        self.assert_hear_each_other(&all);
    }

    /// Each of these pages hears every other of them, and knows who it is.
    pub(crate) fn assert_hear_each_other(&mut self, pages: &[u32]) {
        for from in pages.iter().copied() {
            let user = self.pages[&from].user.clone();
            let frame = self
                .seal(from, user.as_bytes())
                .expect("a key to seal with");
            for to in pages.iter().copied() {
                if to != from {
                    let opened = self.open(to, &frame);
                    assert_eq!(opened, Ok((user.clone(), user.clone().into_bytes())));
                }
            }
        }
    }
}

/// Opens a frame with keys that may be those of a page that is gone.
pub(crate) fn open_with(
    store: &mut KeyStore<MlsKeys>,
    frame: &[u8],
) -> Result<(String, Vec<u8>), OpenError> {
    let mut frame = frame.to_vec();
    let opened = store.open(b"metadata", &mut frame)?;
    let (kid, text) = (opened.kid, opened.plaintext.to_vec());
    let (_, user) = store.provider().sender_of(kid).expect("a member's leaf");
    Ok((user.to_owned(), text))
}
