// What "they see and hear each other" means, in one place.
import assert from "node:assert/strict";
import { LOOP_FRAMES } from "../fixtures/clip.js";
import { findChirps, heardShare, makeSignal } from "../fixtures/sound.js";

/** The pictures are the camera's, in order, and nearly all of them. */
export function assertClip(codes, { maxSkipShare = 0.15 } = {}) {
  assert.ok(codes.length > 20, "too few pictures to judge");
  let skipped = 0;
  for (let i = 1; i < codes.length; i++) {
    const step = (codes[i].counter - codes[i - 1].counter + LOOP_FRAMES) % LOOP_FRAMES;
    assert.ok(step < LOOP_FRAMES / 2, `the counter went from ${codes[i - 1].counter} back to ${codes[i].counter}`);
    skipped += Math.max(0, step - 1);
    // The time in the picture belongs to its counter: nothing was pieced together from two frames.
    assert.equal(codes[i].time, Math.round((codes[i].counter * 4000) / 30), `time of frame ${codes[i].counter}`);
  }
  const advanced = skipped + codes.length - 1;
  assert.ok(skipped / advanced <= maxSkipShare, `${skipped} of ${advanced} frames were skipped`);
}

/** The sound is the microphone's: its chirps, in their order, and not those of another seed. */
export function assertSignal(samples, { atLeast = 0.7 } = {}) {
  assert.ok(samples.length > 48_000, `only ${samples.length} samples were recorded`);
  const share = heardShare(findChirps(samples, makeSignal()));
  const other = heardShare(findChirps(samples, makeSignal(99)));
  assert.ok(share >= atLeast, `found ${(share * 100).toFixed(0)} % of the signal (loudest sample ${Math.max(...samples.map(Math.abs)).toFixed(3)})`);
  assert.ok(other < share / 2, `a signal that was never sent is "found" as well: ${other} against ${share}`);
  return share;
}
