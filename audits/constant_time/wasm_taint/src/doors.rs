//! The doors of the example `wasm_check_doors`, called with secrets: keys, texts and tags.
//!
//! Each result is compared with that of the same crate built for this machine, so that a wrong
//! decoding, a wrong instruction or a lost byte shows; and it must still be marked as secret, so
//! that a lost mark shows, too.

mod many;

use smrtc_crypto::aead::{Algorithm, Key};
use smrtc_crypto::conformance::ccm::Sm4Ccm;
use smrtc_crypto::conformance::sm4_modes::{Sm4, Sm4Xts, XtsStandard};
use smrtc_crypto::hash::Hash;

use crate::machine::{Machine, Trap};

/// SM4-GCM on the kernels that the module prefers. The numbers are those of `wasm_check_doors`.
pub const SM4_GCM: u32 = 0;
/// AES-128-GCM.
pub const AES_128_GCM: u32 = 1;
/// AES-256-GCM.
pub const AES_256_GCM: u32 = 2;
/// SM4-GCM on the kernels called `portable`, whatever the module has.
pub const SM4_GCM_PORTABLE: u32 = 3;

/// Longest text that is laid out, in bytes.
const ROOM: usize = 70_000;

/// Why the doors were not all followed.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The module did not run.
    #[error("{door}: {trap}")]
    Trap {
        /// Which.
        door: &'static str,
        /// Why.
        trap: Trap,
    },
    /// The module ran and gave something else than the crate on this machine.
    #[error("{door} of {len} bytes: another result than natively")]
    Wrong {
        /// Which.
        door: &'static str,
        /// Length of the text.
        len: usize,
    },
    /// A result that depends on a secret is not marked so: this program has lost track.
    #[error("{door} of {len} bytes: the result is not marked as secret")]
    Lost {
        /// Which.
        door: &'static str,
        /// Length of the text.
        len: usize,
    },
}

/// Where the arguments lie in the module's memory.
pub struct Doors<'x, 'm, 'a> {
    machine: &'x mut Machine<'m, 'a>,
    key: u32,
    nonce: u32,
    aad: u32,
    text: u32,
    tag: u32,
    random: Random,
}

/// What was called.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    /// Calls of a door with secrets.
    pub calls: usize,
    /// Bytes of text in them.
    pub bytes: usize,
    /// Comparisons in [`Doors::chunks`] whose answer is public: that a chunk is that of the first
    /// pass, and that all came.
    pub compared: usize,
}

impl std::ops::AddAssign for Calls {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.bytes += other.bytes;
        self.compared += other.compared;
    }
}

impl<'x, 'm, 'a> Doors<'x, 'm, 'a> {
    /// Lays out memory.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn new(machine: &'x mut Machine<'m, 'a>) -> Result<Self, DoorError> {
        let mut area = |len: usize| -> Result<u32, DoorError> {
            let result = machine.call_export("allocate", &[len as u32]);
            let pointer = result.map_err(|trap| DoorError::Trap {
                door: "allocate",
                trap,
            })?;
            Ok(pointer.expect("it returns a pointer").as_u32())
        };
        let [key, nonce, tag] = [area(160)?, area(400)?, area(512)?];
        let [aad, text] = [area(ROOM)?, area(ROOM)?];
        Ok(Self {
            machine,
            key,
            nonce,
            aad,
            text,
            tag,
            random: Random(0x5eed),
        })
    }

    /// SM4-GCM and AES-GCM: key set-up, sealing, opening with the right and with a wrong tag,
    /// wiping. `cases` are lengths of text and of associated data and the text's offset in memory.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn gcm(
        &mut self,
        algorithm: u32,
        nonce_len: usize,
        cases: &[(usize, usize, usize)],
    ) -> Result<Calls, DoorError> {
        let kind = kind(algorithm);
        let key = self.secret(self.key, kind.key_bytes());
        let native = Key::new(kind, &key).expect("its length");
        let key = self.call("gcm_new", &[algorithm, self.key])?;
        let mut calls = Calls {
            calls: 2,
            bytes: 0,
            compared: 0,
        };
        for &(len, aad_len, offset) in cases {
            let start = self.text + offset as u32;
            let nonce = self.public(self.nonce, nonce_len);
            let aad = self.public(self.aad, aad_len);
            let mut expected = self.secret(start, len);
            let text = expected.clone();
            let tag = native.seal_in_place_with_nonce(&nonce, &aad, &mut expected);
            let tag = tag.expect("sealed").0;
            let arguments = [
                key,
                self.nonce,
                nonce_len as u32,
                self.aad,
                aad_len as u32,
                start,
                len as u32,
                self.tag,
            ];
            self.call("gcm_seal", &arguments)?;
            self.expect("gcm_seal", start, &expected)?;
            self.expect("gcm_seal", self.tag, &tag)?;
            self.open("gcm_open", &arguments, &expected, &text, tag)?;
            self.secret(start, len);
            let no_nonce = [key, self.nonce, 0, self.aad, 0, start, len as u32, self.tag];
            if self.call("gcm_open", &no_nonce)? != 0 {
                return Err(DoorError::Wrong {
                    door: "gcm_open without a nonce",
                    len,
                });
            }
            calls.calls += 4;
            calls.bytes += 4 * len;
        }
        self.call("gcm_drop", &[key])?;
        Ok(calls)
    }

    /// SM4-CCM: sealing, opening with the right and with a wrong tag.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn ccm(
        &mut self,
        nonce_len: usize,
        aad_len: usize,
        len: usize,
    ) -> Result<Calls, DoorError> {
        let key: [u8; 16] = self.secret(self.key, 16).try_into().expect("16 bytes");
        let nonce = self.public(self.nonce, nonce_len);
        let aad = self.public(self.aad, aad_len);
        let mut expected = self.secret(self.text, len);
        let text = expected.clone();
        let tag = Sm4Ccm::new(&key).seal_in_place(&nonce, &aad, &mut expected);
        let tag = tag.expect("sealed").0;
        let arguments = [
            self.key,
            self.nonce,
            nonce_len as u32,
            self.aad,
            aad_len as u32,
            self.text,
            len as u32,
            self.tag,
        ];
        self.call("ccm_seal", &arguments)?;
        self.expect("ccm_seal", self.text, &expected)?;
        self.expect("ccm_seal", self.tag, &tag)?;
        self.open("ccm_open", &arguments, &expected, &text, tag)?;
        Ok(Calls {
            calls: 3,
            bytes: 3 * len,
            compared: 0,
        })
    }

    /// A mode of `conformance::sm4_modes`, numbered as there.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn sm4_modes(&mut self, mode: u32, len: usize) -> Result<Calls, DoorError> {
        let key: [u8; 32] = self.secret(self.key, 32).try_into().expect("32 bytes");
        let iv: [u8; 16] = self.public(self.nonce, 16).try_into().expect("16 bytes");
        let mut expected = self.secret(self.text, len);
        let text = expected.as_mut_slice();
        let cipher = Sm4::new(key[..16].try_into().expect("half of 32"));
        let xts = |standard| Sm4Xts::new(standard, &key);
        match mode {
            0 => {
                cipher.apply_ctr(&iv, text);
                Ok(())
            }
            1 => cipher.encrypt_ecb(text),
            2 => cipher.decrypt_ecb(text),
            3 => cipher.encrypt_cbc(&iv, text),
            4 => cipher.decrypt_cbc(&iv, text),
            5 => xts(XtsStandard::Ieee1619).encrypt(&iv, text),
            6 => xts(XtsStandard::Ieee1619).decrypt(&iv, text),
            7 => xts(XtsStandard::Gbt17964).encrypt(&iv, text),
            _ => xts(XtsStandard::Gbt17964).decrypt(&iv, text),
        }
        .expect("a length that the mode takes");
        self.call(
            "sm4_modes",
            &[mode, self.key, self.nonce, self.text, len as u32],
        )?;
        self.expect("sm4_modes", self.text, &expected)?;
        Ok(Calls {
            calls: 1,
            bytes: len,
            compared: 0,
        })
    }

    /// HMAC over each hash; key and text are secret.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn hmac(&mut self, hash: u32, key_len: usize, len: usize) -> Result<Calls, DoorError> {
        let kind = [Hash::Sm3, Hash::Sha256, Hash::Sha512][hash as usize];
        let key = self.secret(self.key, key_len);
        let text = self.secret(self.text, len);
        let expected = kind.hmac(&key, &[&text]);
        let arguments = [
            hash,
            self.key,
            key_len as u32,
            self.text,
            len as u32,
            self.tag,
        ];
        self.call("hmac", &arguments)?;
        self.expect("hmac", self.tag, expected.as_bytes())?;
        Ok(Calls {
            calls: 1,
            bytes: len,
            compared: 0,
        })
    }

    /// Opens what was sealed, with the right tag and with one that differs in a bit.
    fn open(
        &mut self,
        door: &'static str,
        arguments: &[u32; 8],
        sealed: &[u8],
        text: &[u8],
        tag: [u8; 16],
    ) -> Result<(), DoorError> {
        for (wrong, opens) in [(false, 1), (true, 0)] {
            self.set_secret(arguments[5], sealed);
            self.set_tag(self.tag, &tag, wrong);
            let verdict = self.call(door, arguments)?;
            let left = self.machine.memory.read(arguments[5] as usize, text.len());
            let left = left.expect("it was laid out");
            let right = if opens == 1 {
                left == text
            } else {
                left.iter().all(|&byte| byte == 0)
            };
            if verdict != opens || !right {
                return Err(DoorError::Wrong {
                    door,
                    len: text.len(),
                });
            }
        }
        Ok(())
    }

    fn call(&mut self, door: &'static str, arguments: &[u32]) -> Result<u32, DoorError> {
        let result = self.machine.call_export(door, arguments);
        let value = result.map_err(|trap| DoorError::Trap { door, trap })?;
        Ok(value.map_or(0, |value| value.as_u32()))
    }

    /// The bytes at `start` are `expected` and marked as secret.
    fn expect(&self, door: &'static str, start: u32, expected: &[u8]) -> Result<(), DoorError> {
        let (start, len) = (start as usize, expected.len());
        let memory = &self.machine.memory;
        if memory.read(start, len).ok().as_deref() != Some(expected) {
            return Err(DoorError::Wrong { door, len });
        }
        if memory.all_secret(start, len) != Ok(true) {
            return Err(DoorError::Lost { door, len });
        }
        Ok(())
    }

    fn secret(&mut self, start: u32, len: usize) -> Vec<u8> {
        let bytes = self.random.bytes(len);
        self.set_secret(start, &bytes);
        bytes
    }

    fn set_secret(&mut self, start: u32, bytes: &[u8]) {
        let memory = &mut self.machine.memory;
        memory
            .write(start as usize, bytes)
            .expect("it was laid out");
        memory
            .mark_secret(start as usize, bytes.len())
            .expect("it was laid out");
    }

    /// A received tag, or one that differs in a bit.
    fn set_tag(&mut self, start: u32, tag: &[u8; 16], wrong: bool) {
        let mut tag = *tag;
        tag[15] ^= u8::from(wrong);
        self.set_secret(start, &tag);
        self.machine
            .memory
            .mark_tag(start as usize)
            .expect("it was laid out");
    }

    fn public(&mut self, start: u32, len: usize) -> Vec<u8> {
        let bytes = self.random.bytes(len);
        self.machine
            .memory
            .write(start as usize, &bytes)
            .expect("it was laid out");
        bytes
    }
}

fn kind(algorithm: u32) -> Algorithm {
    match algorithm {
        AES_128_GCM => Algorithm::Aes128Gcm,
        AES_256_GCM => Algorithm::Aes256Gcm,
        _ => Algorithm::Sm4Gcm,
    }
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 32) as u8
        };
        (0..len).map(|_| next()).collect()
    }
}
