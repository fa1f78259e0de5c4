// A page that is busy for a while must not be heard: the main thread is not in the way of the media.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findChirps, makeSignal, CHIRP_SAMPLES } from "../fixtures/sound.js";
import { startChromium } from "../harness/browsers.js";
import { startGateway } from "../harness/gateway.js";
import { Peer } from "../harness/peer.js";
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
      for (const peer of [ada, bob]) await peer.join(at, "busy", { audioProcessing: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
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
      // Every chirp that falls into the blocked time is there, in its place.
      const found = findChirps(samples, makeSignal()).filter(({ at, fit }) => at >= 0 && fit > 0.6).sort((a, b) => a.at - b.at);
      const around = found.filter(({ at }) => at > 0.35 * 48_000 && at < 1.1 * 48_000);
      assert.ok(around.length >= 6, `only ${around.length} chirps around the block`);
      for (let i = 1; i < around.length; i++) {
        assert.ok(Math.abs(around[i].at - around[i - 1].at - CHIRP_SAMPLES) < 960, `a gap of ${around[i].at - around[i - 1].at} samples between chirps ${around[i - 1].chirp} and ${around[i].chirp}`);
      }
    } finally {
      await Promise.all([ada.close(), bob.close()]);
    }
  });
}
