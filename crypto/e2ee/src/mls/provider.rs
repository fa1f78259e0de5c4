//! The suites as `mls-rs` wants them.

use mls_rs_core::crypto::{
    CipherSuite, CipherSuiteProvider, CryptoProvider, HpkeCiphertext, HpkePsk, HpkePublicKey,
    HpkeSecretKey, SignaturePublicKey, SignatureSecretKey,
};
use mls_rs_core::error::IntoAnyError;
use mls_rs_crypto_hpke::context::{ContextR, ContextS};
use mls_rs_crypto_hpke::hpke::HpkeError;
use mls_rs_crypto_traits::{AeadType, KdfType};
use zeroize::Zeroizing;

use super::error::CipherError;
use super::hpke::{Aead, Hpke, Kdf, hpke};
use super::shared_rng::SharedRng;
use super::suite::Suite;
use crate::rng::Rng;

/// Offers one suite and no other: nobody can bring a room to use one that it did not choose.
#[derive(Clone)]
pub struct Provider {
    suite: Suite,
    rng: SharedRng,
}

impl Provider {
    /// A provider of `suite` that draws from `rng`.
    pub fn new(suite: Suite, rng: Box<dyn Rng + Send>) -> Self {
        Self {
            suite,
            rng: SharedRng::new(rng),
        }
    }

    /// The suite's operations.
    pub fn ciphers(&self) -> Ciphers {
        Ciphers {
            suite: self.suite,
            hpke: hpke(self.suite, &self.rng),
            rng: self.rng.clone(),
        }
    }

    pub(super) fn rng(&self) -> SharedRng {
        self.rng.clone()
    }
}

impl CryptoProvider for Provider {
    type CipherSuiteProvider = Ciphers;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![self.suite.into()]
    }

    fn cipher_suite_provider(&self, cipher_suite: CipherSuite) -> Option<Ciphers> {
        (cipher_suite == self.suite.into()).then(|| self.ciphers())
    }
}

/// The operations of one suite.
#[derive(Clone)]
pub struct Ciphers {
    suite: Suite,
    hpke: Hpke,
    rng: SharedRng,
}

/// Why an operation for `mls-rs` failed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// In one of our algorithms.
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// In HPKE.
    #[error("HPKE: {0}")]
    Hpke(#[from] HpkeError),
}

impl IntoAnyError for ProviderError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

impl CipherSuiteProvider for Ciphers {
    type Error = ProviderError;
    type HpkeContextS = ContextS<Kdf, Aead>;
    type HpkeContextR = ContextR<Kdf, Aead>;

    fn cipher_suite(&self) -> CipherSuite {
        self.suite.into()
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, ProviderError> {
        Ok(self.suite.hash().digest(&[data]).as_bytes().to_vec())
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, ProviderError> {
        Ok(self.suite.hash().hmac(key, &[data]).as_bytes().to_vec())
    }

    fn aead_seal(
        &self,
        key: &[u8],
        data: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, ProviderError> {
        Ok(Aead(self.suite).seal(key, data, aad, nonce)?)
    }

    fn aead_open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let opened = Aead(self.suite).open(key, ciphertext, aad, nonce)?;
        Ok(Zeroizing::new(opened))
    }

    fn aead_key_size(&self) -> usize {
        Aead(self.suite).key_size()
    }

    fn aead_nonce_size(&self) -> usize {
        Aead(self.suite).nonce_size()
    }

    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        Ok(Zeroizing::new(Kdf(self.suite).extract(salt, ikm)?))
    }

    fn kdf_expand(
        &self,
        prk: &[u8],
        info: &[u8],
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        Ok(Zeroizing::new(Kdf(self.suite).expand(prk, info, len)?))
    }

    fn kdf_extract_size(&self) -> usize {
        Kdf(self.suite).extract_size()
    }

    fn hpke_seal(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
    ) -> Result<HpkeCiphertext, ProviderError> {
        Ok(self.hpke.seal(remote_key, info, None, aad, pt)?)
    }

    fn hpke_seal_psk(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, ProviderError> {
        Ok(self.hpke.seal(remote_key, info, Some(psk), aad, pt)?)
    }

    fn hpke_open(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let hpke = &self.hpke;
        Ok(hpke.open(ciphertext, local_secret, local_public, info, None, aad)?)
    }

    fn hpke_open_psk(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        psk: HpkePsk<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let hpke = &self.hpke;
        Ok(hpke.open(ciphertext, local_secret, local_public, info, Some(psk), aad)?)
    }

    fn hpke_setup_s(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
    ) -> Result<(Vec<u8>, Self::HpkeContextS), ProviderError> {
        Ok(self.hpke.setup_sender(remote_key, info, None)?)
    }

    fn hpke_setup_r(
        &self,
        kem_output: &[u8],
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
    ) -> Result<Self::HpkeContextR, ProviderError> {
        let hpke = &self.hpke;
        Ok(hpke.setup_receiver(kem_output, local_secret, local_public, info, None)?)
    }

    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), ProviderError> {
        Ok(self.hpke.derive(ikm)?)
    }

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), ProviderError> {
        Ok(self.hpke.generate()?)
    }

    fn kem_public_key_validate(&self, key: &HpkePublicKey) -> Result<(), ProviderError> {
        Ok(self.suite.curve().check_public(key)?)
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), ProviderError> {
        Ok(self.rng.clone().fill(out).map_err(CipherError::from)?)
    }

    fn signature_key_generate(
        &self,
    ) -> Result<(SignatureSecretKey, SignaturePublicKey), ProviderError> {
        let (secret, public) = self.suite.curve().generate(&mut self.rng.clone())?;
        Ok((secret.to_vec().into(), Vec::from(public).into()))
    }

    fn signature_key_derive_public(
        &self,
        secret_key: &SignatureSecretKey,
    ) -> Result<SignaturePublicKey, ProviderError> {
        Ok(Vec::from(self.suite.curve().public_of(secret_key)?).into())
    }

    fn sign(&self, secret_key: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, ProviderError> {
        let curve = self.suite.curve();
        Ok(curve.sign(secret_key, data, &mut self.rng.clone())?)
    }

    fn verify(
        &self,
        public_key: &SignaturePublicKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<(), ProviderError> {
        Ok(self.suite.curve().verify(public_key, signature, data)?)
    }
}
