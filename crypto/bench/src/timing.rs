//! How a peer is timed: enough calls to fill the time asked for, by the wall clock less the time
//! that the thread waited for a processor.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::{KEY_BYTES, Peer, nonce};

/// What is repeated.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Work {
    /// One seal, each with a nonce of its own.
    Seal,
    /// One copy of a sealed text and its opening.
    Open,
    /// One set-up of another key.
    SetKey,
    /// [`BATCH`] frames of the given length in one call.
    SealBatch,
}

/// Frames in a batch.
const BATCH: usize = 16;

/// Nanoseconds per call and number of calls; nothing if the peer has no such call.
pub(crate) fn measure(
    peer: &mut impl Peer,
    work: Work,
    bytes: usize,
    milliseconds: f64,
) -> Option<(f64, u64)> {
    let budget = Duration::from_secs_f64(milliseconds / 1e3);
    peer.set_key(&[7; KEY_BYTES]);
    let mut text = vec![1; bytes];
    Some(match work {
        Work::Seal => repeat(budget, |number| {
            black_box(peer.seal(&nonce(number), &[], black_box(&mut text)));
        }),
        Work::Open => {
            let tag = peer.seal(&nonce(0), &[], &mut text);
            let sealed = text.clone();
            repeat(budget, |_| {
                text.copy_from_slice(black_box(&sealed));
                assert!(peer.open(&nonce(0), &[], black_box(&mut text), &tag));
            })
        }
        Work::SetKey => repeat(budget, |number| {
            let mut key = [7; KEY_BYTES];
            key[..8].copy_from_slice(&number.to_be_bytes());
            peer.set_key(black_box(&key));
        }),
        Work::SealBatch => {
            let mut frames = vec![1; BATCH * bytes];
            if !peer.seal_batch(0, bytes, &mut frames) {
                return None;
            }
            repeat(budget, |number| {
                assert!(peer.seal_batch(number * BATCH as u64, bytes, black_box(&mut frames)));
            })
        }
    })
}

fn repeat(budget: Duration, mut call: impl FnMut(u64)) -> (f64, u64) {
    // Woken from sleep: caches, and the clock of the core. One call of a slow peer is enough of it.
    let (first, calls) = until(budget / 10, &mut call);
    let (running, calls) = if first >= budget {
        (first, calls)
    } else {
        until(budget, &mut call)
    };
    (running.as_nanos() as f64 / calls as f64, calls)
}

/// Time on the processor, and number of calls.
fn until(budget: Duration, call: &mut impl FnMut(u64)) -> (Duration, u64) {
    // The clock is read after each doubling only: a call may take less time than reading it.
    let (mut calls, mut step) = (0, 1);
    let (start, waited_before) = clocks();
    loop {
        for number in calls..calls + step {
            call(number);
        }
        calls += step;
        let elapsed = start.elapsed();
        if elapsed >= budget {
            let (end, waited) = clocks();
            return ((end - start).saturating_sub(waited - waited_before), calls);
        }
        // So many more as the budget is likely to hold, but never more than doubling.
        let left = (budget - elapsed).as_secs_f64() / elapsed.as_secs_f64();
        step = ((calls as f64 * left).ceil() as u64).clamp(1, calls);
    }
}

/// The time, and how long this thread has waited until then for a processor that others had.
fn clocks() -> (Instant, Duration) {
    loop {
        let before = waited();
        let now = Instant::now();
        if waited() == before {
            return (now, before);
        }
    }
}

/// The second number that Linux counts here; elsewhere nothing is known.
fn waited() -> Duration {
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
