//! Published vectors of RFC 9605, and ours for the private suite and the external key.

use serde::Deserialize;
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::sframe::{BaseKey, CipherSuite, Ctr, Header, KeyStore, Kid, Opened, Sealer};
use smrtc_e2ee::{ExternalKey, KeyProvider, Rng, RngError, SenderKeyError};
use smrtc_vectors::{Hex, load};

#[derive(Deserialize)]
struct SframeFile {
    #[serde(default)]
    header: Vec<HeaderCase>,
    sframe: Vec<SframeCase>,
}

#[derive(Deserialize)]
struct HeaderCase {
    kid: u64,
    ctr: u64,
    encoded: Hex,
}

#[derive(Deserialize)]
struct SframeCase {
    cipher_suite: u16,
    kid: u64,
    ctr: u64,
    base_key: Hex,
    metadata: Hex,
    pt: Hex,
    ct: Hex,
}

#[derive(Deserialize)]
struct ExternalFile {
    external_key: Vec<ExternalCase>,
}

#[derive(Deserialize)]
struct ExternalCase {
    cipher_suite: u16,
    kid: u64,
    secret: Hex,
    base_key: Hex,
    frame: Hex,
}

#[test]
fn headers_of_rfc_9605() {
    let file: SframeFile = load("sframe/rfc9605-test-vectors.json");
    assert_eq!(file.header.len(), 289);
    for case in &file.header {
        let header = Header {
            kid: Kid(case.kid),
            ctr: Ctr(case.ctr),
        };
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, case.encoded.0);
        assert_eq!(Header::parse(&encoded), Ok((header, encoded.len())));
    }
}

#[test]
fn frames_of_rfc_9605_in_the_suites_we_have() {
    let file: SframeFile = load("sframe/rfc9605-test-vectors.json");
    let ours: Vec<_> = file
        .sframe
        .iter()
        .filter(|case| CipherSuite::try_from(case.cipher_suite).is_ok())
        .collect();
    assert_eq!(ours.len(), 2, "suites 0x0004 and 0x0005");
    ours.into_iter().for_each(check_frame);
}

#[test]
fn frames_of_sm4_gcm_sm3_from_the_independent_reference() {
    let file: SframeFile = load("smrtc/sframe_sm4_gcm_sm3.json");
    assert_eq!(file.sframe.len(), 67);
    file.sframe.iter().for_each(check_frame);
}

/// Opens the published frame; seals it too when its counter can be reached by counting.
fn check_frame(case: &SframeCase) {
    let suite = CipherSuite::try_from(case.cipher_suite).expect("a suite of ours");
    let base_key = BaseKey::new(&case.base_key);

    let mut store = KeyStore::new(Box::new(OneKey(suite, Kid(case.kid), base_key.clone())));
    let mut frame = case.ct.0.clone();
    assert_eq!(
        store.open(&case.metadata, &mut frame),
        Ok(Opened {
            kid: Kid(case.kid),
            ctr: Ctr(case.ctr),
            plaintext: &mut case.pt.0.clone(),
        })
    );

    if case.ctr < 1 << 16 {
        let mut sealer = Sealer::new(suite, Kid(case.kid), &base_key);
        for _ in 0..case.ctr {
            sealer.seal(b"", b"", &mut Vec::new()).expect("sealed");
        }
        let mut sealed = Vec::new();
        sealer
            .seal(&case.metadata, &case.pt, &mut sealed)
            .expect("sealed");
        assert_eq!(sealed, case.ct.0);
    }
}

#[test]
fn base_keys_of_the_external_key() {
    let file: ExternalFile = load("smrtc/external_key.json");
    assert_eq!(file.external_key.len(), 36);
    for case in &file.external_key {
        let suite = CipherSuite::try_from(case.cipher_suite).expect("a suite of ours");
        let mut provider = ExternalKey::new(suite, &case.secret).unwrap();
        let expected = BaseKey::from(Secret::new(&case.base_key));
        assert_eq!(provider.receiver_key(Kid(case.kid)), Some(expected.clone()));
        assert_eq!(
            provider.sender_key(&mut FixedRng(case.kid)),
            Ok((Kid(case.kid), expected))
        );

        let mut frame = case.frame.0.clone();
        let mut store = KeyStore::new(Box::new(provider));
        let opened = store.open(b"metadata", &mut frame).unwrap();
        assert_eq!(opened.plaintext, b"plaintext");
    }
}

/// A provider of one key.
struct OneKey(CipherSuite, Kid, BaseKey);

impl KeyProvider for OneKey {
    fn suite(&self) -> CipherSuite {
        self.0
    }

    fn epoch(&self) -> u64 {
        0
    }

    fn sender_key(&mut self, _: &mut dyn Rng) -> Result<(Kid, BaseKey), SenderKeyError> {
        Err(SenderKeyError::NoKey)
    }

    fn receiver_key(&mut self, kid: Kid) -> Option<BaseKey> {
        (kid == self.1).then(|| self.2.clone())
    }
}

/// Yields the KID of the vector.
struct FixedRng(u64);

impl Rng for FixedRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        out.copy_from_slice(&self.0.to_be_bytes());
        Ok(())
    }
}
