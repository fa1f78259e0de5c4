//! Traces of bandwidth that nobody recorded: small models of what a radio does to a rate, drawn
//! once with a fixed seed.
//!
//! They are in `scenarios/traces`; `cargo run -p smrtc-sim --example traces` writes them anew. Each
//! model makes a rate for every millisecond, and says in which of them the radio has its turn;
//! whenever [`OPPORTUNITY_BYTES`] have come together, that is an opportunity. Only sums and
//! products, so that every machine makes the same. The numbers are round ones, in the range of what
//! is published of such links (for cellular ones see Winstein et al., *Stochastic forecasts achieve
//! high throughput and low delay over cellular networks*, NSDI 2013); none is fitted to a
//! measurement.

use std::fmt::Write as _;

use crate::Rng;
use crate::bandwidth::OPPORTUNITY_BYTES;

/// How a trace is made: its text.
pub type Make = fn() -> String;

/// Of each file: its name, and how it is made.
pub const MADE: [(&str, Make); 3] = [("cellular", cellular), ("wifi", wifi), ("train", train)];

/// A cellular link at walking pace: every 100 ms the rate takes a step up or down a ladder, or
/// stays. One minute.
fn cellular() -> String {
    const LADDER_KBPS: [u64; 6] = [200, 400, 700, 1_100, 1_700, 2_600];
    const STEP_MS: u64 = 100;
    /// Of a step, in each direction.
    const STEPS: f64 = 0.1;
    /// The scheduler has others to serve.
    const TURN: u64 = 4;
    let mut rng = Rng::new(1);
    let mut rung = LADDER_KBPS.len() / 2;
    draw(60_000, |ms| {
        if ms % STEP_MS == 0 {
            let chance = rng.fraction();
            if chance < STEPS {
                rung = rung.saturating_sub(1);
            } else if chance > 1.0 - STEPS {
                rung = (rung + 1).min(LADDER_KBPS.len() - 1);
            }
        }
        grant(&mut rng, LADDER_KBPS[rung], TURN)
    })
}

/// Wi-Fi far from its access point: a clear channel, one that neighbours fill, and now and then
/// none. Times in each are memoryless. Forty seconds.
fn wifi() -> String {
    /// What is left of the channel in kbit/s, how long that lasts on average, in milliseconds.
    const STATES: [(u64, f64); 3] = [(2_400, 4_000.0), (700, 1_500.0), (0, 250.0)];
    /// From clear or busy to nothing, and not to the other.
    const LOST: f64 = 0.4;
    const TURN: u64 = 6;
    let mut rng = Rng::new(2);
    let mut state = 0;
    draw(40_000, |_| {
        if rng.fraction() < 1.0 / STATES[state].1 {
            state = match state {
                2 => rng.below(2) as usize,
                _ if rng.fraction() < LOST => 2,
                now => 1 - now,
            };
        }
        grant(&mut rng, STATES[state].0, TURN)
    })
}

/// On a train: the rate rises towards each mast and falls behind it, and between two cells there is
/// nothing. One minute.
fn train() -> String {
    const FAR_KBPS: f64 = 200.0;
    const NEAR_KBPS: f64 = 2_200.0;
    const CELL_MS: (u64, u64) = (8_000, 14_000);
    const HANDOVER_MS: (u64, u64) = (150, 900);
    const TURN: u64 = 4;
    let mut rng = Rng::new(3);
    let mut between = |(least, most): (u64, u64)| least + rng.below(most - least);
    let mut cells = Vec::new();
    let mut end = 0;
    while end < 60_000 {
        let (begin, length) = (end + between(HANDOVER_MS), between(CELL_MS));
        end = begin + length;
        cells.push((begin, length));
    }
    let mut rng = Rng::new(4);
    draw(60_000, |ms| {
        let cell = cells
            .iter()
            .find(|(begin, length)| (*begin..begin + length).contains(&ms));
        let Some(&(begin, length)) = cell else {
            return 0;
        };
        // 0 at the borders, 1 at the mast.
        let place = (ms - begin) as f64 / length as f64;
        let near = 4.0 * place * (1.0 - place);
        let kbps = FAR_KBPS + (NEAR_KBPS - FAR_KBPS) * near * near;
        grant(&mut rng, kbps as u64, TURN)
    })
}

/// Bits of this millisecond: nothing, or in one of `turn` on average that many times as much.
fn grant(rng: &mut Rng, kbps: u64, turn: u64) -> u64 {
    if rng.below(turn) == 0 { kbps * turn } else { 0 }
}

/// The opportunities of a model that says how many bits each millisecond lets through. Ends with
/// one, for a trace cannot end otherwise.
fn draw(length_ms: u64, mut bits: impl FnMut(u64) -> u64) -> String {
    let mut text = String::new();
    let mut gathered = 0;
    for ms in 0..length_ms {
        gathered += bits(ms);
        while gathered >= OPPORTUNITY_BYTES * 8 {
            gathered -= OPPORTUNITY_BYTES * 8;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{ms}");
        }
    }
    let _ = writeln!(text, "{length_ms}");
    text
}
