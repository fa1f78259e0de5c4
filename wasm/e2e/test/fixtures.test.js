// The tests' own tools: if the code in the video or the search in the audio could not fail,
// nothing below would mean anything.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeClip } from "../fixtures/clip.js";
import { ageMilliseconds, readCode, writeLuma } from "../fixtures/picture_code.js";
import { externalBaseKey, makeOpener, parseHeader } from "../harness/sframe.js";
import {
  CHIRPS,
  CHIRP_SAMPLES,
  findChirps,
  heardShare,
  makeSignal,
  seeded,
} from "../fixtures/sound.js";

test("a code written into luma reads back, and does not after damage to a block", () => {
  const [width, height] = [640, 360];
  const luma = new Uint8Array(width * height).fill(90);
  const code = { counter: 0xabcdef, time: 0xdeadbeef };
  writeLuma(luma, width, height, code);
  const read = () => readCode((x, y) => luma[y * width + x], width, height);
  assert.deepEqual(read(), code);
  for (let y = 0; y < 20; y++)
    luma.fill(luma[y * width] > 126 ? 16 : 235, y * width, y * width + 20);
  assert.equal(read(), null);
});

test("a black, a grey and a white picture carry no code", () => {
  for (const level of [0, 16, 128, 235, 255])
    assert.equal(
      readCode(() => level, 640, 360),
      null,
    );
});

test("the age of a code survives the wrap of its clock", () => {
  assert.equal(ageMilliseconds(2 ** 32 - 4, 4), 2);
});

test("the clip's frames carry their counter and their time", () => {
  const folder = mkdtempSync(join(tmpdir(), "smrtc-clip-"));
  try {
    const path = join(folder, "clip.y4m");
    writeClip(path, { frames: 3 });
    const bytes = readFileSync(path);
    const header = bytes.indexOf("\n") + 1;
    const frameBytes = 6 + (640 * 360 * 3) / 2;
    assert.equal(bytes.length, header + 3 * frameBytes);
    const start = header + 2 * frameBytes + 6;
    assert.deepEqual(
      readCode((x, y) => bytes[start + y * 640 + x], 640, 360),
      { counter: 2, time: 267 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the signal is found in a noisy, late and slightly stretched copy, and not in another signal or in noise", () => {
  const signal = makeSignal(1);
  const random = seeded(7);
  const received = new Float32Array(signal.length + 9_000);
  for (let i = 0; i < signal.length; i++) {
    received[Math.floor(4_321 + i * 1.0005)] = 0.4 * signal[i] + 0.02 * (random() - 0.5);
  }
  assert.ok(heardShare(findChirps(received, signal)) > 0.95);
  assert.ok(heardShare(findChirps(received, makeSignal(2))) < 0.2);
  assert.ok(
    heardShare(
      findChirps(
        received.map(() => random() - 0.5),
        signal,
      ),
    ) < 0.1,
  );
  assert.equal(signal.length, CHIRPS * CHIRP_SAMPLES);
});

test("the independent SFrame opener agrees with the published vectors, and refuses a changed frame", () => {
  const vectors = (name) =>
    JSON.parse(
      readFileSync(new URL(`../../../vectors/smrtc/${name}.json`, import.meta.url), "utf8"),
    );
  const hex = (text) => Buffer.from(text, "hex");
  const { sframe } = vectors("sframe_sm4_gcm_sm3");
  assert.ok(sframe.length > 5);
  for (const vector of sframe) {
    const open = makeOpener(() => hex(vector.base_key));
    const opened = open(hex(vector.metadata), hex(vector.ct));
    assert.deepEqual(opened?.plaintext, hex(vector.pt));
    // JSON numbers round above 2^53, so the comparison rounds too.
    assert.deepEqual([Number(opened?.kid), Number(opened?.ctr)], [vector.kid, vector.ctr]);
    const changed = hex(vector.ct);
    changed[changed.length - 20] ^= 1;
    assert.equal(open(hex(vector.metadata), changed), null);
  }
  const derived = vectors("external_key").external_key.filter(
    ({ cipher_suite: suite }) => suite === 0xf001,
  );
  assert.ok(derived.length > 0);
  for (const { secret, frame, base_key: expected } of derived) {
    assert.equal(
      externalBaseKey(hex(secret), parseHeader(hex(frame)).kid).toString("hex"),
      expected,
    );
  }
});
