// What "they see and hear each other" means, in one place.
import assert from "node:assert/strict";
import { LOOP_FRAMES } from "../fixtures/clip.js";
import { findChirps, heardShare, makeSignal } from "../fixtures/sound.js";

/**
 * The frames are the camera's and in order: none comes late, mixed up or put together from two.
 * @returns {number} which share of the camera's frames was skipped
 */
export function assertInOrder(codes) {
  assert.ok(codes.length > 20, "too few pictures to judge");
  let skipped = 0;
  for (let i = 1; i < codes.length; i++) {
    const step = (codes[i].counter - codes[i - 1].counter + LOOP_FRAMES) % LOOP_FRAMES;
    assert.ok(
      step < LOOP_FRAMES / 2,
      `the counter went from ${codes[i - 1].counter} back to ${codes[i].counter}`,
    );
    skipped += Math.max(0, step - 1);
    // The time in the video belongs to its counter: nothing was pieced together from two frames.
    assert.equal(
      codes[i].time,
      Math.round((codes[i].counter * 4000) / 30),
      `time of frame ${codes[i].counter}`,
    );
  }
  return skipped / (skipped + codes.length - 1);
}

/**
 * A page sees what `user`'s camera gives, in order, and most of it.
 *
 * A busy machine skips some at the camera or before the encoder, so a stretch with many gaps is
 * watched again, a few times; what is out of order fails at once.
 * @param {import("./peer.js").Peer} peer
 * @param {string} user
 * @param {{ pictures?: number, startUp?: number, maxSkipShare?: number, tries?: number, timeout?:
 *   number }} [options]
 *   `startUp`: the first frames come while both sides still start up
 */
export async function assertSees(
  peer,
  user,
  { pictures = 60, startUp = 15, maxSkipShare = 0.4, tries = 4, timeout = 30_000 } = {},
) {
  let last = 1;
  for (let attempt = 0; attempt < tries; attempt++) {
    const codes = await peer.pictures(user, pictures, timeout);
    last = assertInOrder(codes.slice(startUp));
    if (last <= maxSkipShare) return;
  }
  assert.fail(`${peer.user} does not see ${(last * 100).toFixed(0)} % of the pictures of ${user}`);
}

/**
 * The audio that a page plays is the microphone's: its chirps, in their order, and not those of
 * another seed.
 *
 * A busy machine makes holes in what its own browsers play, so a bad stretch is listened to again,
 * a few times.
 * @param {{ user: string, recordSound: (seconds: number) => Promise<Float32Array> }} peer
 * @param {{ signal?: Float32Array, atLeast?: number, seconds?: number, tries?: number }} [options]
 *   `signal`: of another microphone than the browsers'
 */
export async function assertHears(
  peer,
  { signal = makeSignal(), atLeast = 0.6, seconds = 4.5, tries = 5 } = {},
) {
  let last = "";
  for (let attempt = 0; attempt < tries; attempt++) {
    const samples = await peer.recordSound(seconds);
    assert.ok(samples.length > 48_000, `only ${samples.length} samples were recorded`);
    const found = findChirps(samples, signal);
    const share = heardShare(found);
    if (share >= atLeast) {
      const other = heardShare(findChirps(samples, makeSignal(99, 10)));
      assert.ok(
        other < 0.2,
        `a signal that was never sent is "found" as well: ${other} against ${share}`,
      );
      return share;
    }
    last = `${(share * 100).toFixed(0)} % of the signal; fits ${found.map(({ fit }) => fit.toFixed(1)).join(" ")}`;
  }
  return assert.fail(`${peer.user} hears only ${last}`);
}
