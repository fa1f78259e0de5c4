//! SFrame, and the external key beside it.

use smrtc_e2ee::sframe::{BaseKey, CipherSuite, Ctr, Header, KeyStore, Kid, Sealer};
use smrtc_e2ee::{ExternalKey, KeyProvider, Rng, SenderKeyError};

use crate::implementation::Answer;
use crate::request::{Request, hex};

/// A sealer counts from 0 and cannot be set, so a counter is reached by sealing that many frames.
const REACHABLE_CTR: u64 = 1 << 16;

pub(super) fn answer(request: &Request) -> Answer {
    match request {
        Request::SframeHeaderEncode { kid, ctr } => {
            let mut encoded = Vec::new();
            Header {
                kid: Kid(kid.0),
                ctr: Ctr(ctr.0),
            }
            .encode(&mut encoded);
            Answer::done([("encoded", hex(&encoded))])
        }
        Request::SframeHeaderParse { encoded } => match Header::parse(encoded) {
            Ok((header, length)) if length == encoded.len() => Answer::done([
                ("kid", header.kid.0.to_string()),
                ("ctr", header.ctr.0.to_string()),
            ]),
            Ok(_) => Answer::Refused("bytes after the header".into()),
            Err(error) => Answer::Refused(error.to_string()),
        },
        Request::SframeSeal {
            cipher_suite,
            kid,
            ctr,
            base_key,
            metadata,
            pt,
        } => with_suite(*cipher_suite, |suite| {
            if ctr.0 >= REACHABLE_CTR {
                return Answer::Unsupported(
                    "a sealer counts by itself, and this counter is too far from 0".into(),
                );
            }
            let mut sealer = Sealer::new(suite, Kid(kid.0), &BaseKey::new(base_key));
            let mut sealed = Vec::new();
            for _ in 0..ctr.0 {
                sealed.clear();
                if let Err(error) = sealer.seal(b"", b"", &mut sealed) {
                    return Answer::Refused(error.to_string());
                }
            }
            sealed.clear();
            match sealer.seal(metadata, pt, &mut sealed) {
                Ok(()) => Answer::done([("ct", hex(&sealed))]),
                Err(error) => Answer::Refused(error.to_string()),
            }
        }),
        Request::SframeOpen {
            cipher_suite,
            kid,
            base_key,
            metadata,
            ct,
        } => with_suite(*cipher_suite, |suite| {
            let key = OneKey(suite, Kid(kid.0), BaseKey::new(base_key));
            open(Box::new(key), metadata, ct)
        }),
        Request::ExternalKeyOpen {
            cipher_suite,
            secret,
            metadata,
            ct,
        } => with_suite(*cipher_suite, |suite| {
            match ExternalKey::new(suite, secret) {
                Ok(key) => open(Box::new(key), metadata, ct),
                Err(error) => Answer::Refused(error.to_string()),
            }
        }),
        _ => Answer::Unsupported("not an SFrame request".into()),
    }
}

fn open(key: Box<dyn KeyProvider>, metadata: &[u8], frame: &[u8]) -> Answer {
    let mut frame = frame.to_vec();
    match KeyStore::new(key).open(metadata, &mut frame) {
        Ok(opened) => Answer::done([
            ("kid", opened.kid.0.to_string()),
            ("ctr", opened.ctr.0.to_string()),
            ("pt", hex(opened.plaintext)),
        ]),
        Err(error) => Answer::Refused(error.to_string()),
    }
}

fn with_suite(id: u16, then: impl FnOnce(CipherSuite) -> Answer) -> Answer {
    match CipherSuite::try_from(id) {
        Ok(suite) => then(suite),
        Err(_) => Answer::Unsupported(format!("SFrame suite 0x{id:04x} is not in smrtc-e2ee")),
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
