//! HPKE (RFC 9180) of a suite: KEM, KDF and AEAD for `mls-rs-crypto-hpke`.

use mls_rs_core::crypto::{HpkePublicKey, HpkeSecretKey};
use mls_rs_crypto_hpke::{dhkem::DhKem, hpke};
use mls_rs_crypto_traits::{AeadType, DhType, KdfType, KemResult, KemType, SamplingMethod};
use smrtc_crypto::aead::{Key, NONCE_BYTES, TAG_BYTES, Tag};
use smrtc_crypto::secret::Secret;
use smrtc_crypto::{hkdf, sm2};
use zeroize::Zeroizing;

use super::curve::{PUBLIC_BYTES, SECRET_BYTES, sm2_public, sm2_secret};
use super::error::CipherError;
use super::shared_rng::SharedRng;
use super::suite::{Curve, Suite};

/// HPKE of one suite.
pub(super) type Hpke = hpke::Hpke<Kem, Kdf, Aead>;

pub(super) fn hpke(suite: Suite, rng: &SharedRng) -> Hpke {
    let dh = Dh {
        curve: suite.curve(),
        rng: rng.clone(),
    };
    let kem = Kem {
        suite,
        dh: DhKem::new(dh, Kdf(suite), suite.kem_id(), SHARED_SECRET_BYTES),
        rng: rng.clone(),
    };
    hpke::Hpke::new(kem, Kdf(suite), Some(Aead(suite)))
}

/// HKDF with the suite's hash, for the HPKE contexts of `mls-rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kdf(pub(super) Suite);

impl KdfType for Kdf {
    type Error = CipherError;

    fn kdf_id(&self) -> u16 {
        self.0.kdf_id()
    }

    fn expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Vec<u8>, CipherError> {
        let mut out = vec![0; len];
        hkdf::expand(self.0.hash(), &Secret::new(prk), &[info], &mut out)
            .map_err(|_| CipherError::Length)?;
        Ok(out)
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok(hkdf::extract(self.0.hash(), salt, ikm).expose().to_vec())
    }

    fn extract_size(&self) -> usize {
        self.0.hash().output_bytes()
    }
}

/// The suite's AEAD, ciphertext ‖ tag, for the HPKE contexts of `mls-rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aead(pub(super) Suite);

impl AeadType for Aead {
    type Error = CipherError;

    fn aead_id(&self) -> u16 {
        self.0.aead_id()
    }

    fn seal(
        &self,
        key: &[u8],
        data: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let (key, nonce) = self.key(key, nonce)?;
        let mut sealed = Vec::with_capacity(data.len() + TAG_BYTES);
        sealed.extend_from_slice(data);
        let tag = key
            .seal_in_place(&nonce, aad.unwrap_or_default(), &mut sealed)
            .map_err(|_| CipherError::SelfTest)?;
        sealed.extend_from_slice(&tag.0);
        Ok(sealed)
    }

    fn open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let (key, nonce) = self.key(key, nonce)?;
        let (text, tag) = ciphertext
            .split_last_chunk::<TAG_BYTES>()
            .ok_or(CipherError::Authentication)?;
        let mut text = text.to_vec();
        key.open_in_place(&nonce, aad.unwrap_or_default(), &mut text, &Tag(*tag))
            .map_err(|_| CipherError::Authentication)?;
        Ok(text)
    }

    fn key_size(&self) -> usize {
        self.0.aead().key_bytes()
    }

    fn nonce_size(&self) -> usize {
        NONCE_BYTES
    }
}

impl Aead {
    fn key(self, key: &[u8], nonce: &[u8]) -> Result<(Key, [u8; NONCE_BYTES]), CipherError> {
        let nonce = nonce.try_into().map_err(|_| CipherError::Length)?;
        let key = Key::new(self.0.aead(), key).map_err(|_| CipherError::Length)?;
        Ok((key, nonce))
    }
}

/// Diffie-Hellman for DHKEM.
#[derive(Clone, Debug)]
pub(super) struct Dh {
    curve: Curve,
    rng: SharedRng,
}

impl DhType for Dh {
    type Error = CipherError;

    fn dh(&self, secret: &HpkeSecretKey, public: &HpkePublicKey) -> Result<Vec<u8>, CipherError> {
        Ok(self.curve.agree(secret, public)?.expose().to_vec())
    }

    fn generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), CipherError> {
        self.curve.generate(&mut self.rng.clone())
    }

    fn to_public(&self, secret: &HpkeSecretKey) -> Result<HpkePublicKey, CipherError> {
        self.curve.public_of(secret)
    }

    fn bitmask_for_rejection_sampling(&self) -> SamplingMethod {
        SamplingMethod::HpkeWithBitmask(0xff)
    }

    fn secret_key_size(&self) -> usize {
        SECRET_BYTES
    }

    fn public_key_size(&self) -> usize {
        PUBLIC_BYTES
    }

    fn public_key_validate(&self, key: &HpkePublicKey) -> Result<(), CipherError> {
        self.curve.check_public(key)
    }
}

/// The suite's KEM: DHKEM, or SM2 public-key encryption of a random secret.
#[derive(Clone)]
pub(super) struct Kem {
    suite: Suite,
    /// Makes the key pairs of both kinds.
    dh: DhKem<Dh, Kdf>,
    rng: SharedRng,
}

impl KemType for Kem {
    type Error = CipherError;

    fn kem_id(&self) -> u16 {
        self.suite.kem_id()
    }

    fn generate_deterministic(
        &self,
        seed: &[u8],
    ) -> Result<(HpkeSecretKey, HpkePublicKey), CipherError> {
        self.dh
            .generate_deterministic(seed)
            .map_err(|_| CipherError::SecretKey)
    }

    fn generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), CipherError> {
        self.suite.curve().generate(&mut self.rng.clone())
    }

    fn public_key_validate(&self, key: &HpkePublicKey) -> Result<(), CipherError> {
        self.suite.curve().check_public(key)
    }

    fn encap(&self, remote_key: &HpkePublicKey) -> Result<KemResult, CipherError> {
        if self.suite != Suite::Sm2PkeSm4GcmSm3 {
            return self
                .dh
                .encap(remote_key)
                .map_err(|_| CipherError::PublicKey);
        }
        let to = sm2_public(remote_key)?;
        let mut rng = self.rng.clone();
        let mut random = Secret::zeroed(SHARED_SECRET_BYTES);
        crate::rng::Rng::fill(&mut rng, random.expose_mut())?;
        let enc =
            sm2::pke::encrypt(&to, random.expose(), &mut rng).map_err(|error| match error {
                sm2::pke::EncryptError::Random(error) => error.into(),
                _ => CipherError::SelfTest,
            })?;
        let shared = self.bind(random.expose(), &enc, remote_key)?;
        Ok(KemResult::new(shared, enc))
    }

    fn decap(
        &self,
        enc: &[u8],
        secret_key: &HpkeSecretKey,
        local_public: &HpkePublicKey,
    ) -> Result<Vec<u8>, CipherError> {
        if self.suite != Suite::Sm2PkeSm4GcmSm3 {
            return self
                .dh
                .decap(enc, secret_key, local_public)
                .map_err(|_| CipherError::Authentication);
        }
        if enc.len() != SM2_ENC_BYTES {
            return Err(CipherError::Authentication);
        }
        let random = sm2::pke::decrypt(&sm2_secret(secret_key)?, enc)
            .map_err(|_| CipherError::Authentication)?;
        self.bind(random.expose(), enc, local_public)
    }

    fn seed_length_for_derive(&self) -> usize {
        SHARED_SECRET_BYTES
    }
}

impl Kem {
    /// ExtractAndExpand of RFC 9180 §4.1 over the random secret, with `kem_context = enc ‖ pkR` as
    /// DHKEM has it, so that the secret is bound to what was sent and to whom.
    fn bind(&self, random: &[u8], enc: &[u8], public: &[u8]) -> Result<Vec<u8>, CipherError> {
        let suite_id = [b"KEM".as_slice(), &self.kem_id().to_be_bytes()].concat();
        let kdf = Kdf(self.suite);
        let ikm = Zeroizing::new([b"HPKE-v1", suite_id.as_slice(), b"eae_prk", random].concat());
        let eae_prk = Zeroizing::new(kdf.extract(b"", &ikm)?);
        let length = u16::try_from(SHARED_SECRET_BYTES).map_err(|_| CipherError::Length)?;
        let info = [
            length.to_be_bytes().as_slice(),
            b"HPKE-v1",
            &suite_id,
            b"shared_secret",
            enc,
            public,
        ]
        .concat();
        kdf.expand(&eae_prk, &info, SHARED_SECRET_BYTES)
    }
}

/// Nsecret of RFC 9180 §7.1.
const SHARED_SECRET_BYTES: usize = 32;

/// C1 ‖ C3 ‖ C2 of 32 bytes: a point, a hash, the masked secret.
const SM2_ENC_BYTES: usize = 65 + 32 + SHARED_SECRET_BYTES;
