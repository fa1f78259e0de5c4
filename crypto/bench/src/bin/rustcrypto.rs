//! Peer: `aes_gcm::AesGcm` over the crate `sm4`.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};
use smrtc_crypto_bench::{KEY_BYTES, NONCE_BYTES, Peer, TAG_BYTES, serve};

struct RustCrypto(AesGcm<sm4::Sm4, U12>);

impl Peer for RustCrypto {
    fn version(&self) -> String {
        "RustCrypto aes-gcm 0.11, sm4 0.6".into()
    }

    fn set_key(&mut self, key: &[u8; KEY_BYTES]) {
        self.0 = AesGcm::new(key.into());
    }

    fn seal(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        self.0
            .encrypt_inout_detached(nonce.into(), aad, text.into())
            .expect("the lengths are allowed")
            .into()
    }

    fn open(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        self.0
            .decrypt_inout_detached(nonce.into(), aad, text.into(), tag.into())
            .is_ok()
    }
}

fn main() -> std::io::Result<()> {
    serve(RustCrypto(AesGcm::new(&[0; KEY_BYTES].into())))
}
