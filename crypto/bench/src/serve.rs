//! The lines: a request on standard input, its answer on standard output.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::timing::{Work, measure};
use crate::{KEY_BYTES, NONCE_BYTES, Peer};

/// What `js/processes.js` asks. Bytes are hexadecimal.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Request {
    Describe,
    /// Seal and open once, and refuse a wrong tag.
    Check {
        key: String,
        nonce: String,
        aad: String,
        text: String,
    },
    /// Repeat the work for about so long.
    Measure {
        what: Work,
        bytes: usize,
        milliseconds: f64,
    },
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Answer {
    Described {
        version: String,
    },
    Checked {
        text: String,
        tag: String,
    },
    Measured {
        nanoseconds_per_call: f64,
        calls: u64,
    },
    Unsupported {
        unsupported: bool,
    },
}

/// Answers requests until standard input ends.
///
/// # Errors
///
/// What reading or writing fails with, or a line that is no request.
pub fn serve(mut peer: impl Peer) -> std::io::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Describe => Answer::Described {
                version: peer.version(),
            },
            Request::Check {
                key,
                nonce,
                aad,
                text,
            } => check(&mut peer, &key, &nonce, &aad, &text),
            Request::Measure {
                what,
                bytes,
                milliseconds,
            } => match measure(&mut peer, what, bytes, milliseconds) {
                Some((nanoseconds_per_call, calls)) => Answer::Measured {
                    nanoseconds_per_call,
                    calls,
                },
                None => Answer::Unsupported { unsupported: true },
            },
        };
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &answer)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

fn check(peer: &mut impl Peer, key: &str, nonce: &str, aad: &str, text: &str) -> Answer {
    let key: [u8; KEY_BYTES] = unhex(key).try_into().expect("a key has 16 bytes");
    let nonce: [u8; NONCE_BYTES] = unhex(nonce).try_into().expect("a nonce has 12 bytes");
    let (aad, text) = (unhex(aad), unhex(text));
    peer.set_key(&key);
    let mut sealed = text.clone();
    let tag = peer.seal(&nonce, &aad, &mut sealed);
    let mut opened = sealed.clone();
    assert!(peer.open(&nonce, &aad, &mut opened, &tag), "does not open");
    assert!(opened == text, "opens to another text");
    let mut wrong = tag;
    wrong[15] ^= 1;
    assert!(
        !peer.open(&nonce, &aad, &mut sealed.clone(), &wrong),
        "a wrong tag opens"
    );
    Answer::Checked {
        text: hex(&sealed),
        tag: hex(&tag),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    assert!(digits.remainder().is_empty(), "two digits make a byte");
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits.map(|pair| byte(pair).expect("digits")).collect()
}
