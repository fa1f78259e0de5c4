import assert from "node:assert/strict";
import { test } from "node:test";
import { References } from "../src/internal/uplink/references.ts";

/** Distances of frames given as K (key frame), 0 and 1 (temporal layers). */
function distances(pictures: string): number[] {
  const references = new References();
  return Array.from(pictures, (one) => references.next(one === "K", one === "1" ? 1 : 0).distance);
}

test("without layers each picture refers to the one before", () => {
  assert.deepEqual(distances("K000K00"), [0, 1, 1, 1, 0, 1, 1]);
});

test("with two, both layers refer to the last picture of the lower one, and the upper can be left out", () => {
  assert.deepEqual(distances("K1010101"), [0, 1, 2, 1, 2, 1, 2, 1]);
  // Encoders may make two of a layer in a row, as after a frame that they dropped.
  assert.deepEqual(distances("K110010"), [0, 1, 2, 3, 1, 1, 2]);
  const references = new References();
  assert.deepEqual(references.next(true, 0), { temporal: 0, discardable: false, distance: 0 });
  assert.deepEqual(references.next(false, 1), { temporal: 1, discardable: true, distance: 1 });
  assert.deepEqual(references.next(false, 0), { temporal: 0, discardable: false, distance: 2 });
});

test("a key frame in the upper layer's turn is no picture to leave out", () => {
  const references = new References();
  references.next(true, 0);
  assert.deepEqual(references.next(true, 1), { temporal: 0, discardable: false, distance: 0 });
  assert.deepEqual(references.next(false, 1), { temporal: 1, discardable: true, distance: 1 });
});
