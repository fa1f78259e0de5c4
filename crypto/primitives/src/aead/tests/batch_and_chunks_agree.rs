//! To seal and open several frames at once, or a text in chunks, gives what it gives for each
//! whole text, on every back end.

use std::vec::Vec;

use crate::aead::*;
use crate::oracle::Random;

/// Every algorithm, and SM4 on each kernel that this machine can run.
fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    for name in sm4_backends() {
        std::println!("back end {name}");
        keys.push(Key::sm4_with_backend(name, &[7; 16]).expect("it is listed"));
    }
    keys.push(Key::new(Algorithm::Aes128Gcm, &[7; 16]).unwrap());
    keys.push(Key::new(Algorithm::Aes256Gcm, &[7; 32]).unwrap());
    keys
}

struct Message {
    nonce: [u8; 12],
    aad: Vec<u8>,
    text: Vec<u8>,
    sealed: Vec<u8>,
    tag: Tag,
}

fn messages(random: &mut Random, key: &Key, lengths: &[usize]) -> Vec<Message> {
    let message = |&len: &usize| {
        let nonce = random.array();
        let (aad, text) = (random.bytes(len % 41), random.bytes(len));
        let mut sealed = text.clone();
        let tag = key.seal_in_place(&nonce, &aad, &mut sealed).unwrap();
        Message {
            nonce,
            aad,
            text,
            sealed,
            tag,
        }
    };
    lengths.iter().map(message).collect()
}

/// Frames over copies of the texts.
fn frames<'a>(messages: &'a [Message], buffers: &'a mut [Vec<u8>], sealed: bool) -> Vec<Frame<'a>> {
    let frame = |(message, buffer): (&'a Message, &'a mut Vec<u8>)| Frame {
        nonce: &message.nonce,
        aad: &message.aad,
        buffer,
        tag: if sealed { message.tag } else { Tag([0xee; 16]) },
    };
    messages.iter().zip(buffers).map(frame).collect()
}

fn mixtures() -> Vec<Vec<usize>> {
    let mut mixtures: Vec<Vec<usize>> = [
        &[][..],
        &[0],
        &[160; 8],
        &[160; 40],
        &[0; 200],
        &[1008, 1007, 1009, 0, 16, 1024, 15, 17],
        &[16_384, 160, 160, 1200, 5000, 3],
    ]
    .map(<[usize]>::to_vec)
    .to_vec();
    let mut random = Random(11);
    for _ in 0..30 {
        let count = usize::from(random.array::<1>()[0] % 24);
        let length = |_| usize::from(u16::from_le_bytes(random.array()) % 1500);
        mixtures.push((0..count).map(length).collect());
        let length = |_| usize::from(random.array::<1>()[0]);
        mixtures.push((0..count).map(length).collect());
    }
    mixtures
}

#[test]
fn a_batch_is_sealed_and_opened_as_its_frames_are() {
    let mut random = Random(12);
    for key in keys() {
        for lengths in mixtures() {
            let messages = messages(&mut random, &key, &lengths);
            let mut buffers: Vec<_> = messages.iter().map(|m| m.text.clone()).collect();
            let mut batch = frames(&messages, &mut buffers, false);
            key.seal_batch(&mut batch).unwrap();
            for (frame, message) in batch.iter().zip(&messages) {
                assert_eq!((&*frame.buffer, frame.tag), (&*message.sealed, message.tag));
            }
            let opened = key.open_batch(&mut batch);
            assert_eq!(opened, std::vec![Ok(()); lengths.len()]);
            for (buffer, message) in buffers.iter().zip(&messages) {
                assert_eq!(*buffer, message.text, "{lengths:?}");
            }
        }
    }
}

#[test]
fn a_wrong_frame_of_a_batch_holds_zeros_and_the_others_open() {
    let mut random = Random(13);
    for key in keys() {
        let lengths = [160, 2000, 33, 160, 16, 1];
        let messages = messages(&mut random, &key, &lengths);
        for wrong in 0..lengths.len() {
            let mut buffers: Vec<_> = messages.iter().map(|m| m.sealed.clone()).collect();
            buffers[wrong][0] ^= 1;
            let opened = key.open_batch(&mut frames(&messages, &mut buffers, true));
            for (i, message) in messages.iter().enumerate() {
                if i == wrong {
                    assert_eq!(opened[i], Err(OpenError::Authentication));
                    assert!(buffers[i].iter().all(|&byte| byte == 0));
                } else {
                    assert_eq!((opened[i], &buffers[i]), (Ok(()), &message.text));
                }
            }
        }
    }
}

/// Cuts `bytes` after each of `lengths`, cycled.
fn chunks<'b>(mut bytes: &'b mut [u8], lengths: &[usize]) -> Vec<&'b mut [u8]> {
    let mut chunks = Vec::new();
    for &len in lengths.iter().cycle() {
        let (chunk, rest) = bytes.split_at_mut(len.min(bytes.len()));
        chunks.push(chunk);
        bytes = rest;
        if bytes.is_empty() {
            return chunks;
        }
    }
    chunks
}

/// Seals and opens `message` in the same chunks.
fn check_chunks(key: &Key, message: &Message, lengths: &[usize]) {
    let mut buffer = message.text.clone();
    let mut sealing = key.start_sealing(&message.nonce, &message.aad).unwrap();
    for chunk in chunks(&mut buffer, lengths) {
        sealing.update(chunk).unwrap();
    }
    assert_eq!(sealing.finish(), message.tag, "{lengths:?}");
    assert_eq!(buffer, message.sealed);

    let mut verifying = key.start_opening(&message.nonce, &message.aad).unwrap();
    for chunk in chunks(&mut buffer, lengths) {
        verifying.update(chunk).unwrap();
    }
    assert_eq!(buffer, message.sealed);
    let mut opening = verifying.finish(&message.tag).unwrap();
    for chunk in chunks(&mut buffer, lengths) {
        opening.update(chunk).unwrap();
    }
    opening.finish().unwrap();
    assert_eq!(buffer, message.text);
}

#[test]
fn chunks_are_sealed_and_opened_as_the_whole_at_every_split() {
    let mut random = Random(14);
    for key in keys() {
        for len in [0, 1, 15, 16, 17, 100, 257] {
            let message = &messages(&mut random, &key, &[len])[0];
            for first in 0..=len {
                check_chunks(&key, message, &[first, len - first + 1]);
            }
        }
        let message = &messages(&mut random, &key, &[5000])[0];
        for lengths in [&[1][..], &[0, 7], &[16], &[1023, 1, 65], &[1024], &[4999]] {
            check_chunks(&key, message, lengths);
        }
    }
}

/// Verifies `message` by 64 bytes and gives its buffer.
fn verified<'k>(key: &'k Key, message: &Message) -> (Opening<'k>, Vec<u8>) {
    let mut buffer = message.sealed.clone();
    let mut verifying = key.start_opening(&message.nonce, &message.aad).unwrap();
    for chunk in chunks(&mut buffer, &[64]) {
        verifying.update(chunk).unwrap();
    }
    (verifying.finish(&message.tag).unwrap(), buffer)
}

#[test]
fn chunks_that_changed_after_they_were_verified_are_not_decrypted() {
    let mut random = Random(15);
    for key in keys() {
        let message = &messages(&mut random, &key, &[200])[0];

        let (mut opening, mut buffer) = verified(&key, message);
        buffer[70] ^= 1;
        let mut chunks_again = chunks(&mut buffer, &[64]).into_iter();
        opening.update(chunks_again.next().unwrap()).unwrap();
        for chunk in chunks_again {
            assert_eq!(opening.update(chunk), Err(OpenError::Authentication));
        }
        assert_eq!(opening.finish(), Err(OpenError::Authentication));
        assert_eq!(buffer[..64], message.text[..64]);
        assert_eq!(buffer[64..], [0; 136]);

        // A chunk that ends elsewhere than in the first pass.
        let (mut opening, mut buffer) = verified(&key, message);
        assert!(opening.update(&mut buffer[..65]).is_err());
        assert_eq!(buffer[..65], [0; 65]);

        // A text that ends early, and one that goes on after its end.
        let (mut opening, mut buffer) = verified(&key, message);
        opening.update(&mut buffer[..64]).unwrap();
        assert_eq!(opening.finish(), Err(OpenError::Authentication));
        let (mut opening, mut buffer) = verified(&key, message);
        for chunk in chunks(&mut buffer, &[64]) {
            opening.update(chunk).unwrap();
        }
        assert_eq!(opening.update(&mut [5]), Err(OpenError::Authentication));
    }
}

#[test]
fn a_wrong_tag_over_chunks_is_refused() {
    for key in keys() {
        let message = &messages(&mut Random(16), &key, &[100])[0];
        for bit in 0..128 {
            let mut verifying = key.start_opening(&message.nonce, &message.aad).unwrap();
            verifying.update(&message.sealed).unwrap();
            let mut tag = message.tag;
            tag.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verifying.finish(&tag).unwrap_err(),
                OpenError::Authentication
            );
        }
    }
}
