//! Every kernel of the machine seals as the oracle does, and opens what it sealed: in one piece, in
//! a batch, by chunks.
#![no_main]

use smrtc_crypto::aead::{self, Frame, Key, Tag};

#[path = "../../tests/support/oracle.rs"]
#[allow(dead_code, reason = "its random source is for tests")]
mod oracle;

// key ‖ nonce ‖ length of the associated data ‖ where to cut, twice ‖ associated data ‖ text
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((key, rest)) = bytes.split_first_chunk::<16>() else {
        return;
    };
    let Some((nonce, rest)) = rest.split_first_chunk::<12>() else {
        return;
    };
    let Some((&[aad_bytes, first, second], rest)) = rest.split_first_chunk() else {
        return;
    };
    let (aad, text) = rest.split_at(rest.len().min(aad_bytes.into()));
    let (expected, expected_tag) = oracle::oracle(key, nonce, aad, text);
    for backend in aead::sm4_backends() {
        let key_here = Key::sm4_with_backend(backend, key).expect("it is listed");
        let mut buffer = text.to_vec();
        let tag = key_here
            .seal_in_place(nonce, aad, &mut buffer)
            .expect("short");
        assert!(buffer == expected && tag.0 == expected_tag, "{backend}");
        key_here
            .open_in_place(nonce, aad, &mut buffer, &tag)
            .expect("ours");
        assert!(buffer == text);

        batch(&key_here, key, nonce, aad, text, [first, second]);
        chunks(
            &key_here,
            nonce,
            aad,
            text,
            [first, second],
            (&expected, &tag),
        );
    }
});

/// Three frames that share batches: the text, and two of its starts under other nonces.
fn batch(key: &Key, secret: &[u8; 16], nonce: &[u8; 12], aad: &[u8], text: &[u8], cuts: [u8; 2]) {
    let nonces: [[u8; 12]; 3] = std::array::from_fn(|i| {
        let mut other = *nonce;
        other[0] = other[0].wrapping_add(i as u8);
        other
    });
    let texts = [
        text,
        &text[..text.len().min(cuts[0].into())],
        &text[..text.len().min(cuts[1].into())],
    ];
    let mut buffers = texts.map(<[u8]>::to_vec);
    let mut frames: Vec<Frame<'_>> = nonces
        .iter()
        .zip(&mut buffers)
        .map(|(nonce, buffer)| Frame {
            nonce,
            aad,
            buffer,
            tag: Tag([0; 16]),
        })
        .collect();
    key.seal_batch(&mut frames).expect("short");
    for (frame, text) in frames.iter().zip(texts) {
        let (expected, tag) = oracle::oracle(secret, frame.nonce, aad, text);
        assert!(*frame.buffer == expected && frame.tag.0 == tag);
    }
    // The second is spoilt; it alone must not open.
    frames[1].tag.0[usize::from(cuts[0] % 16)] ^= 1 << (cuts[1] % 8);
    let opened = key.open_batch(&mut frames);
    assert!(opened[0].is_ok() && opened[1].is_err() && opened[2].is_ok());
    assert!(buffers[0] == texts[0] && buffers[2] == texts[2]);
    assert!(buffers[1].iter().all(|&byte| byte == 0));
}

/// The text in chunks of two lengths in turns.
fn chunks(
    key: &Key,
    nonce: &[u8; 12],
    aad: &[u8],
    text: &[u8],
    cuts: [u8; 2],
    sealed: (&[u8], &Tag),
) {
    let lengths = cuts.map(|cut| usize::from(cut) + 1);
    let cut = |mut rest: usize| {
        lengths.into_iter().cycle().map_while(move |len| {
            let now = len.min(rest);
            rest -= now;
            (now > 0).then_some(now)
        })
    };
    let mut buffer = text.to_vec();
    let mut sealing = key.start_sealing(nonce, aad).expect("short");
    let mut start = 0;
    for len in cut(text.len()) {
        sealing
            .update(&mut buffer[start..start + len])
            .expect("short");
        start += len;
    }
    assert!(sealing.finish() == *sealed.1 && buffer == sealed.0);

    let mut verifying = key.start_opening(nonce, aad).expect("short");
    start = 0;
    for len in cut(text.len()) {
        verifying
            .update(&buffer[start..start + len])
            .expect("short");
        start += len;
    }
    let mut opening = verifying.finish(sealed.1).expect("ours");
    start = 0;
    for len in cut(text.len()) {
        opening
            .update(&mut buffer[start..start + len])
            .expect("unchanged");
        start += len;
    }
    opening.finish().expect("all of it");
    assert!(buffer == text);
}
