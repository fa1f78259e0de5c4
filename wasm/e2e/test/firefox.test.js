// Firefox joins a call with Chromium. It has no MediaStreamTrackProcessor and encodes VP8 only; the
// SDK has to cope.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { haveFirefox, startChromium, startFirefox } from "../harness/browsers.js";
import { assertHears, assertSees } from "../harness/expect.js";
import { startGateway } from "../harness/gateway.js";
import { Peer, UNPROCESSED } from "../harness/peer.js";
import { makeWebRoot } from "../harness/web_root.js";
import { until } from "../harness/child.js";

const skip = haveFirefox() ? false : "no Firefox or no PulseAudio on this machine";
let chromium;
let firefox;
let gateway;
before(
  async () => {
    if (skip) return;
    gateway = await startGateway(makeWebRoot());
    [chromium, firefox] = await Promise.all([startChromium(), startFirefox()]);
  },
  { timeout: 90_000 },
);
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await gateway?.stop();
});

test("Firefox and Chromium see and hear each other", { skip, timeout: 180_000 }, async () => {
  const ada = await Peer.open(chromium.browser, "ada", gateway.origin);
  const fox = await Peer.open(firefox.browser, "fox", gateway.origin);
  try {
    await ada.join(gateway, "firefox", { audioProcessing: UNPROCESSED });
    await fox.join(gateway, "firefox", { audioProcessing: UNPROCESSED });
    await Promise.all([ada.call("publish"), fox.call("publish")]);
    // Chromium's clip arrives in Firefox.
    await assertSees(fox, "ada", { startUp: 20, timeout: 45_000 });
    await assertHears(fox, { atLeast: 0.5 });
    // Firefox's own fake camera has no code in it: its frames come, and its tone of 1 kHz is
    // heard.
    await until(
      "ada to see Firefox's pictures",
      async () => (await ada.call("pictures", "fox")).frames >= 20,
      { timeout: 45_000, every: 2_000 },
    );
    // A busy machine makes holes in it; a stretch without many is enough to know what it is.
    await until(
      "ada to hear Firefox's 1 kHz tone in more than half of the sound's energy",
      async () => toneShare(await ada.recordSound(2), 1_000) > 0.5,
    );
    assert.equal((await fox.call("stats")).transport.transport, "webtransport");
  } catch (error) {
    error.message += `\n${await ada.trouble()}\n${await fox.trouble()}`;
    throw error;
  } finally {
    await Promise.all([ada.close(), fox.close()]);
  }
});

/**
 * Share of the energy within 30 Hz of a frequency, from windows of a tenth of a second (the
 * median).
 */
function toneShare(samples, frequency) {
  const window = 4_800;
  const shares = [];
  for (let start = 0; start + window <= samples.length; start += window) {
    let energy = 0;
    let best = 0;
    const piece = samples.subarray(start, start + window);
    for (const sample of piece) energy += sample * sample;
    for (let f = frequency - 30; f <= frequency + 30; f += 5) {
      let re = 0;
      let im = 0;
      piece.forEach((sample, i) => {
        re += sample * Math.cos((2 * Math.PI * f * i) / 48_000);
        im += sample * Math.sin((2 * Math.PI * f * i) / 48_000);
      });
      best = Math.max(best, (2 * (re * re + im * im)) / window);
    }
    shares.push(energy > 1e-6 ? best / energy : 0);
  }
  return shares.sort((a, b) => a - b)[shares.length >> 1] ?? 0;
}
