//! The doors for several frames and for chunks give what the door for one whole text gives, on every back end.

use std::vec::Vec;

use super::*;
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
