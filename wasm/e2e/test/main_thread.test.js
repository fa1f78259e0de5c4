// A page that is busy for a while must not be heard: the main thread is not in the way of the media.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHIRP_SAMPLES, CHIRPS, findChirps, makeSignal, SAMPLE_RATE } from "../fixtures/sound.js";
import { startChromium } from "../harness/browsers.js";
import { startGateway } from "../harness/gateway.js";
import { Peer, UNPROCESSED } from "../harness/peer.js";
import { makeWebRoot } from "../harness/web_root.js";

let chromium;
let gateway;
let plainGateway;
before(async () => {
  const root = makeWebRoot();
  chromium = await startChromium();
  gateway = await startGateway(root);
  plainGateway = await startGateway(root, { args: ["--cross-origin-isolation", "off"] });
}, { timeout: 30_000 });
after(async () => {
  await chromium?.close();
  await gateway?.stop();
  await plainGateway?.stop();
});

for (const isolated of [true, false]) {
  test(`a main thread that is blocked for 200 ms does not break the sound (${isolated ? "" : "not "}cross-origin isolated)`, { timeout: 60_000 }, async () => {
    const at = isolated ? gateway : plainGateway;
    const [ada, bob] = await Promise.all(["ada", "bob"].map((user) => Peer.open(chromium.browser, user, at.origin)));
    try {
      for (const peer of [ada, bob]) await peer.join(at, "busy", { audioProcessing: UNPROCESSED });
      await ada.call("publish");
      await bob.pictures("ada", 60);
      const concealed = async () => {
        const { remoteAudio } = await bob.call("stats");
        return remoteAudio.ada;
      };
      const before = await concealed();
      const samples = await bob.recordSound(3, { block: 200 });
      const after = await concealed();
      // 0.2 s of silence would be 9,600 samples; the bound leaves room for what a busy test machine does anyhow.
      const missing = after.concealedSamples - before.concealedSamples;
      assert.ok(missing < 3_000, `${missing} samples were concealed around the block`);
      // The chirps around the blocked time are there, each in its place counted from the one that fits best.
      const found = findChirps(samples, makeSignal());
      const anchor = found.reduce((best, one) => (one.fit > best.fit ? one : best));
      const wanted = found
        .flatMap(({ chirp, at, fit }) => [-CHIRPS, 0, CHIRPS].map((loop) => ({ at, fit, expected: anchor.at + (chirp - anchor.chirp + loop) * CHIRP_SAMPLES })))
        .filter(({ expected }) => expected > 0.4 * SAMPLE_RATE && expected < 1.1 * SAMPLE_RATE);
      assert.ok(wanted.length >= 6, `only ${wanted.length} chirps belong to the time around the block`);
      const inPlace = wanted.filter(({ at, fit, expected }) => fit > 0.6 && Math.abs(at - expected) < 1_440);
      assert.ok(inPlace.length >= wanted.length - 1, `${inPlace.length} of ${wanted.length} chirps around the block are in their place: ${JSON.stringify(wanted)}`);
    } finally {
      await Promise.all([ada.close(), bob.close()]);
    }
  });
}
