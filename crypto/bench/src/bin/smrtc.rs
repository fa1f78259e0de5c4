//! Peer: our own kernels. `peer_smrtc BACK_END`; without one it lists those that this machine runs.

use smrtc_crypto::aead::{Frame, Key, Tag, sm4_backends};
use smrtc_crypto_bench::{KEY_BYTES, NONCE_BYTES, Peer, TAG_BYTES, nonce, serve};

struct Smrtc {
    backend: String,
    key: Key,
}

impl Peer for Smrtc {
    fn version(&self) -> String {
        format!("smrtc-crypto {}", self.backend)
    }

    fn set_key(&mut self, key: &[u8; KEY_BYTES]) {
        self.key = new_key(&self.backend, key);
    }

    fn seal(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        self.key
            .seal_in_place(nonce, aad, text)
            .expect("the lengths are allowed")
            .0
    }

    fn open(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        self.key.open_in_place(nonce, aad, text, &Tag(*tag)).is_ok()
    }

    fn seal_batch(&mut self, first_nonce: u64, frame_bytes: usize, frames: &mut [u8]) -> bool {
        let nonces: Vec<_> = (first_nonce..)
            .map(nonce)
            .take(frames.len() / frame_bytes)
            .collect();
        let buffers = frames.chunks_exact_mut(frame_bytes);
        let mut batch: Vec<_> = std::iter::zip(buffers, &nonces)
            .map(|(buffer, nonce)| Frame {
                nonce,
                aad: &[],
                buffer,
                tag: Tag([0; TAG_BYTES]),
            })
            .collect();
        self.key.seal_batch(&mut batch).is_ok()
    }
}

fn new_key(backend: &str, key: &[u8; KEY_BYTES]) -> Key {
    Key::sm4_with_backend(backend, key).expect("this machine has this back end")
}

fn main() -> std::io::Result<()> {
    let Some(backend) = std::env::args().nth(1) else {
        println!("{}", sm4_backends().join("\n"));
        return Ok(());
    };
    let key = new_key(&backend, &[0; KEY_BYTES]);
    serve(Smrtc { backend, key })
}
