//! What an implementation is asked to do, and how that is written on the pipe.
//!
//! The names of the fields are those of Wycheproof's schemas and of RFC 9605's vectors; bytes are
//! lower-case hexadecimal. `vectors/README.md` documents the same for implementers.

use serde::{Serialize, Serializer};
use smrtc_vectors::Hex;

/// One operation with all its inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "op",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case"
)]
#[allow(missing_docs, reason = "the fields are named as in the schemas")]
pub enum Request {
    /// → `ct`, `tag`.
    AeadSeal {
        algorithm: String,
        key: Hex,
        iv: Hex,
        aad: Hex,
        msg: Hex,
        tag_bytes: usize,
    },
    /// → `msg`; refused if the tag does not verify.
    AeadOpen {
        algorithm: String,
        key: Hex,
        iv: Hex,
        aad: Hex,
        ct: Hex,
        tag: Hex,
    },
    /// → `ct`. `iv` is the first counter block of CTR, the tweak of XTS.
    Encrypt {
        algorithm: String,
        padding: Padding,
        key: Hex,
        iv: Hex,
        msg: Hex,
    },
    /// → `msg`; refused if the padding is wrong.
    Decrypt {
        algorithm: String,
        padding: Padding,
        key: Hex,
        iv: Hex,
        ct: Hex,
    },
    /// → `md`.
    Hash { algorithm: String, msg: Hex },
    /// → `tag`, the first `tag_bytes` of it.
    Mac {
        algorithm: String,
        key: Hex,
        msg: Hex,
        tag_bytes: usize,
    },
    /// → nothing; refused if the tag is wrong.
    MacVerify {
        algorithm: String,
        key: Hex,
        msg: Hex,
        tag: Hex,
    },
    /// → `prk`.
    HkdfExtract {
        algorithm: String,
        ikm: Hex,
        salt: Hex,
    },
    /// Extract and expand → `okm`; refused if `size` is too large.
    Hkdf {
        algorithm: String,
        ikm: Hex,
        salt: Hex,
        info: Hex,
        size: usize,
    },
    /// → `encoded`.
    SframeHeaderEncode { kid: Number, ctr: Number },
    /// → `kid`, `ctr`.
    SframeHeaderParse { encoded: Hex },
    /// → `ct`: header, ciphertext and tag.
    SframeSeal {
        cipher_suite: u16,
        kid: Number,
        ctr: Number,
        base_key: Hex,
        metadata: Hex,
        pt: Hex,
    },
    /// → `ctr`, `pt`; refused if the frame does not open under the key of `kid`.
    SframeOpen {
        cipher_suite: u16,
        kid: Number,
        base_key: Hex,
        metadata: Hex,
        ct: Hex,
    },
    /// As `SframeOpen`, with the base key that the external key of `crypto/SPEC.md` §4 gives to the
    /// frame's KID → `kid`, `ctr`, `pt`.
    ExternalKeyOpen {
        cipher_suite: u16,
        secret: Hex,
        metadata: Hex,
        ct: Hex,
    },
    /// → nothing; refused if the signature is wrong. `public_key` is a point, uncompressed or
    /// compressed, `sig` DER.
    SignatureVerify {
        algorithm: String,
        public_key: Hex,
        distinguishing_id: Hex,
        msg: Hex,
        sig: Hex,
    },
    /// → `sig` in DER; refused if this nonce gives none. `nonce` is k of GB/T 32918.2.
    SignatureSign {
        algorithm: String,
        private_key: Hex,
        distinguishing_id: Hex,
        msg: Hex,
        nonce: Hex,
    },
    /// → `public_key`, uncompressed; refused if there is none for this private key.
    PublicKey { algorithm: String, private_key: Hex },
    /// Plain Diffie-Hellman → `shared`, the x coordinate.
    Ecdh {
        algorithm: String,
        private_key: Hex,
        public_key: Hex,
    },
    /// → `ct`; refused if this nonce gives none. `nonce` is k of GB/T 32918.4.
    PkeEncrypt {
        algorithm: String,
        encoding: Encoding,
        public_key: Hex,
        msg: Hex,
        nonce: Hex,
    },
    /// → `msg`.
    PkeDecrypt {
        algorithm: String,
        encoding: Encoding,
        private_key: Hex,
        ct: Hex,
    },
    /// One side of GB/T 32918.3 with both confirmations → `ephemeral` (own point), `confirmation`
    /// (own), `shared` (the key); refused if the peer's confirmation is not right.
    KeyExchange {
        algorithm: String,
        role: Role,
        private_key: Hex,
        ephemeral_private_key: Hex,
        distinguishing_id: Hex,
        peer_public_key: Hex,
        peer_ephemeral: Hex,
        peer_distinguishing_id: Hex,
        peer_confirmation: Hex,
        size: usize,
    },
}

impl Request {
    /// What is exercised, for messages: an algorithm or an SFrame suite.
    pub fn algorithm(&self) -> String {
        match self {
            Self::AeadSeal { algorithm, .. }
            | Self::AeadOpen { algorithm, .. }
            | Self::Encrypt { algorithm, .. }
            | Self::Decrypt { algorithm, .. }
            | Self::Hash { algorithm, .. }
            | Self::Mac { algorithm, .. }
            | Self::MacVerify { algorithm, .. }
            | Self::HkdfExtract { algorithm, .. }
            | Self::Hkdf { algorithm, .. }
            | Self::SignatureVerify { algorithm, .. }
            | Self::SignatureSign { algorithm, .. }
            | Self::PublicKey { algorithm, .. }
            | Self::Ecdh { algorithm, .. }
            | Self::PkeEncrypt { algorithm, .. }
            | Self::PkeDecrypt { algorithm, .. }
            | Self::KeyExchange { algorithm, .. } => algorithm.clone(),
            Self::SframeHeaderEncode { .. } | Self::SframeHeaderParse { .. } => {
                "SFrame header".into()
            }
            Self::SframeSeal { cipher_suite, .. } | Self::SframeOpen { cipher_suite, .. } => {
                format!("SFrame 0x{cipher_suite:04x}")
            }
            Self::ExternalKeyOpen { cipher_suite, .. } => {
                format!("external key 0x{cipher_suite:04x}")
            }
        }
    }

    /// The verb, as on the pipe.
    pub fn op(&self) -> &'static str {
        match self {
            Self::AeadSeal { .. } => "aead-seal",
            Self::AeadOpen { .. } => "aead-open",
            Self::Encrypt { .. } => "encrypt",
            Self::Decrypt { .. } => "decrypt",
            Self::Hash { .. } => "hash",
            Self::Mac { .. } => "mac",
            Self::MacVerify { .. } => "mac-verify",
            Self::HkdfExtract { .. } => "hkdf-extract",
            Self::Hkdf { .. } => "hkdf",
            Self::SframeHeaderEncode { .. } => "sframe-header-encode",
            Self::SframeHeaderParse { .. } => "sframe-header-parse",
            Self::SframeSeal { .. } => "sframe-seal",
            Self::SframeOpen { .. } => "sframe-open",
            Self::ExternalKeyOpen { .. } => "external-key-open",
            Self::SignatureVerify { .. } => "signature-verify",
            Self::SignatureSign { .. } => "signature-sign",
            Self::PublicKey { .. } => "public-key",
            Self::Ecdh { .. } => "ecdh",
            Self::PkeEncrypt { .. } => "pke-encrypt",
            Self::PkeDecrypt { .. } => "pke-decrypt",
            Self::KeyExchange { .. } => "key-exchange",
        }
    }
}

/// How a block mode fills its last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// Not at all: the text is whole blocks, or the mode needs none.
    None,
    /// PKCS#7.
    Pkcs7,
}

/// How a ciphertext of SM2 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// C1 ‖ C3 ‖ C2, C1 uncompressed.
    Raw,
    /// `SM2Cipher` of GM/T 0009 in DER.
    Der,
}

/// A side of a key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A of GB/T 32918.3: sends the first point.
    Initiator,
    /// B.
    Responder,
}

/// A 64-bit number, written as a decimal string: a JSON number loses its low bits in JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Lower-case hexadecimal of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_verb_and_writes_numbers_as_strings() {
        let request = Request::SframeHeaderEncode {
            kid: Number(u64::MAX),
            ctr: Number(0),
        };
        let written = serde_json::to_value(&request).unwrap();
        assert_eq!(
            written,
            serde_json::json!({"op": request.op(), "kid": "18446744073709551615", "ctr": "0"})
        );
    }
}
