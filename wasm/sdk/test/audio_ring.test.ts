import assert from "node:assert/strict";
import { test } from "node:test";
import { AudioRing, ringBytes } from "../src/internal/audio_ring.ts";

function ramp(from: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => from + i);
}

test("samples come out in order across many wraps of the buffer", () => {
  const ring = AudioRing.allocate(256, 2);
  const left = new Float32Array(128);
  const right = new Float32Array(128);
  let written = 0;
  let read = 0;
  // Sizes that do not divide the capacity, so that every split of a block is met.
  for (let round = 0; round < 500; round++) {
    const count = 1 + ((round * 37) % 128);
    if (ring.write([ramp(written, count), ramp(written, count)], count)) written += count;
    const wanted = Math.min(1 + ((round * 53) % 128), ring.filled);
    const got = ring.read([left, right], wanted);
    assert.equal(got, wanted);
    assert.deepEqual(left.subarray(0, got), ramp(read, got));
    assert.deepEqual(right.subarray(0, got), ramp(read, got));
    read += got;
  }
  assert.ok(read > 20 * ring.capacity, "the test never wrapped the buffer");
});

test("both channels of a ring keep their own samples", () => {
  const ring = AudioRing.allocate(8, 2);
  ring.write([Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(-1, -2, -3, -4, -5, -6)], 6);
  ring.read([new Float32Array(5), new Float32Array(5)], 5);
  ring.write([Float32Array.of(7, 8, 9, 10, 11), Float32Array.of(-7, -8, -9, -10, -11)], 5);
  const left = new Float32Array(6);
  const right = new Float32Array(6);
  assert.equal(ring.read([left, right], 6), 6);
  assert.deepEqual([...left], [6, 7, 8, 9, 10, 11]);
  assert.deepEqual([...right], [-6, -7, -8, -9, -10, -11]);
});

test("what is discarded is counted, and what comes after it is read", () => {
  const ring = AudioRing.allocate(8, 1);
  ring.write([ramp(0, 5)], 5);
  assert.equal(ring.discard(), 5);
  assert.equal(ring.discard(), 0);
  ring.write([ramp(5, 8)], 8);
  const samples = new Float32Array(8);
  assert.equal(ring.read([samples], 8), 8);
  assert.deepEqual(samples, ramp(5, 8));
});

test("a full ring takes nothing, counts what it dropped, and keeps what it had", () => {
  const ring = AudioRing.allocate(256, 1);
  assert.ok(ring.write([ramp(0, 256)], 256));
  assert.equal(ring.write([ramp(1000, 128)], 128), false);
  assert.equal(ring.dropped, 128);
  assert.equal(ring.filled, 256);
  const out = new Float32Array(256);
  assert.equal(ring.read([out], 256), 256);
  assert.deepEqual(out, ramp(0, 256));
});

test("an empty ring gives what it has and counts what is missing", () => {
  const ring = AudioRing.allocate(256, 1);
  ring.write([ramp(5, 100)], 100);
  const out = new Float32Array(128);
  assert.equal(ring.read([out], 128), 100);
  assert.equal(ring.missed, 28);
  assert.equal(ring.filled, 0);
  assert.deepEqual(out.subarray(0, 100), ramp(5, 100));
});

test("positions survive the wrap of their 32-bit counters", () => {
  const buffer = new SharedArrayBuffer(ringBytes(256, 1));
  const header = new Int32Array(buffer, 0, 8);
  header[0] = header[1] = -100; // 2^32 − 100 samples written and read
  const ring = new AudioRing(buffer, 1);
  const out = new Float32Array(128);
  for (let block = 0; block < 4; block++) {
    assert.ok(ring.write([ramp(block * 128, 128)], 128));
    assert.equal(ring.filled, 128);
    assert.equal(ring.read([out], 128), 128);
    assert.deepEqual(out, ramp(block * 128, 128));
  }
  assert.ok((header[0] ?? 0) > 0, "the counter never wrapped");
});

test("a waiter wakes at once if the other end was faster", async () => {
  const ring = AudioRing.allocate(256, 1);
  const ticket = ring.ticket();
  ring.wake();
  const started = performance.now();
  if (!("waitAsync" in Atomics)) return;
  await ring.wait(ticket, 5_000);
  assert.ok(performance.now() - started < 1_000);
});

test("a ring whose size is no power of two is refused", () => {
  assert.throws(() => new AudioRing(new SharedArrayBuffer(ringBytes(100, 1)), 1), RangeError);
});
