//! The doors for several frames, and for a text in several chunks.

use smrtc_crypto::aead::Key;

use super::{Calls, DoorError, Doors, kind};

impl Doors<'_, '_, '_> {
    /// A batch of `lens.len()` frames of SM4-GCM under one key: sealed, then opened with one wrong
    /// tag.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn batch(&mut self, algorithm: u32, lens: &[usize]) -> Result<Calls, DoorError> {
        let door = "gcm_batch";
        let kind = kind(algorithm);
        let raw = self.secret(self.key, kind.key_bytes());
        let native = Key::new(kind, &raw).expect("its length");
        let key = self.call("gcm_new", &[algorithm, self.key])?;
        let table = self.aad + 30_000;
        let (mut at, mut frames) = (self.text, Vec::new());
        for (i, &len) in lens.iter().enumerate() {
            let i = i as u32;
            let row = [
                self.nonce + 12 * i,
                self.aad + 40 * i,
                i % 37,
                at + i % 5,
                len as u32,
                self.tag + 16 * i,
            ];
            let words: Vec<u8> = row.iter().flat_map(|word| word.to_le_bytes()).collect();
            self.machine
                .memory
                .write((table + 24 * i) as usize, &words)
                .expect("it was laid out");
            let nonce: [u8; 12] = self.public(row[0], 12).try_into().expect("12 bytes");
            let aad = self.public(row[1], row[2] as usize);
            let text = self.secret(row[3], len);
            let mut sealed = text.clone();
            let tag = native
                .seal_in_place(&nonce, &aad, &mut sealed)
                .expect("sealed");
            frames.push((row, text, sealed, tag.0));
            at += len as u32 + 8;
        }
        let count = frames.len() as u32;
        self.call(door, &[key, 0, table, count])?;
        for (row, _, sealed, tag) in &frames {
            self.expect(door, row[3], sealed)?;
            self.expect(door, row[5], tag)?;
        }
        let wrong = frames.len() / 2;
        for (i, (row, _, sealed, tag)) in frames.iter().enumerate() {
            self.set_secret(row[3], sealed);
            self.set_tag(row[5], tag, i == wrong);
        }
        let opened = self.call(door, &[key, 1, table, count])?;
        for (i, (row, text, ..)) in frames.iter().enumerate() {
            let expected = if i == wrong {
                vec![0; text.len()]
            } else {
                text.clone()
            };
            let left = self
                .machine
                .memory
                .read(row[3] as usize, text.len())
                .expect("it was laid out");
            if left != expected || (opened >> i & 1 == 1) == (i == wrong) {
                return Err(DoorError::Wrong {
                    door,
                    len: text.len(),
                });
            }
        }
        self.call("gcm_drop", &[key])?;
        Ok(Calls {
            calls: 2,
            bytes: 2 * lens.iter().sum::<usize>(),
            compared: 0,
        })
    }

    /// A text in chunks: sealed, opened, and refused with a wrong tag.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn chunks(&mut self, algorithm: u32, len: usize, chunk: usize) -> Result<Calls, DoorError> {
        let door = "gcm_chunks";
        let kind = kind(algorithm);
        let raw = self.secret(self.key, kind.key_bytes());
        let native = Key::new(kind, &raw).expect("its length");
        let key = self.call("gcm_new", &[algorithm, self.key])?;
        let nonce: [u8; 12] = self.public(self.nonce, 12).try_into().expect("12 bytes");
        let aad = self.public(self.aad, len % 23);
        let text = self.secret(self.text, len);
        let mut sealed = text.clone();
        let tag = native
            .seal_in_place(&nonce, &aad, &mut sealed)
            .expect("sealed")
            .0;
        let with = |open| {
            let (aad_len, len, chunk) = (aad.len() as u32, len as u32, chunk as u32);
            [
                key, open, self.nonce, self.aad, aad_len, self.text, len, self.tag, chunk,
            ]
        };
        let (seal, open) = (with(0), with(1));
        self.call(door, &seal)?;
        self.expect(door, self.text, &sealed)?;
        self.expect(door, self.tag, &tag)?;
        for (wrong, verdict) in [(true, 0), (false, 1)] {
            self.set_secret(self.text, &sealed);
            self.set_tag(self.tag, &tag, wrong);
            let opened = self.call(door, &open)?;
            let left = self
                .machine
                .memory
                .read(self.text as usize, len)
                .expect("it was laid out");
            // After a wrong tag nothing was decrypted.
            if opened != verdict || left != *(if wrong { &sealed } else { &text }) {
                return Err(DoorError::Wrong { door, len });
            }
        }
        self.call("gcm_drop", &[key])?;
        Ok(Calls {
            calls: 3,
            bytes: 3 * len,
            compared: len.div_ceil(chunk) + usize::from(len > 0),
        })
    }
}
