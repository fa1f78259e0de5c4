// Two pages call each other through the real gateway: what one camera and microphone give, the other page shows and plays.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startChromium } from "../harness/browsers.js";
import { assertClip, assertHears } from "../harness/expect.js";
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

async function twoPeopleCall(at, { transport, isolated }) {
  const [ada, bob] = await Promise.all(["ada", "bob"].map((user) => Peer.open(chromium.browser, user, at.origin)));
  try {
    for (const peer of [ada, bob]) {
      assert.equal(await peer.call("isolated"), isolated);
      await peer.join(at, `room-${transport}-${isolated}`, { transport, audioProcessing: UNPROCESSED });
    }
    await Promise.all([ada.call("publish"), bob.call("publish")]);
    const [seenByAda, seenByBob] = await Promise.all([ada.pictures("bob", 60), bob.pictures("ada", 60)]);
    // The first pictures come while both sides still start up.
    assertClip(seenByAda.slice(15));
    assertClip(seenByBob.slice(15));
    await Promise.all([assertHears(ada), assertHears(bob)]);

    const [statsOfAda, statsOfBob] = await Promise.all([ada.call("stats"), bob.call("stats")]);
    for (const [stats, other] of [[statsOfAda, "bob"], [statsOfBob, "ada"]]) {
      assert.equal(stats.transport.transport, transport);
      assert.equal(stats.encryption.suite, "SM4_GCM_SM3");
      assert.equal(stats.encryption.mode, "external");
      const [sender] = stats.encryption.perSender;
      assert.equal(sender.userId, other);
      assert.equal(sender.state, "ok");
      assert.ok(sender.framesOpened > 100, `${sender.framesOpened} frames opened`);
      assert.equal(sender.framesRejected, 0);
    }
    assert.notEqual(statsOfAda.encryption.kid, statsOfBob.encryption.kid, "each session seals under a key id of its own");
    assert.equal(statsOfAda.encryption.perSender[0].kid, statsOfBob.encryption.kid);
  } finally {
    await Promise.all([ada.close(), bob.close()]);
  }
}

test("two pages see and hear each other over WebTransport", { timeout: 60_000 }, () => twoPeopleCall(gateway, { transport: "webtransport", isolated: true }));

test("two pages see and hear each other over WebSocket", { timeout: 60_000 }, () => twoPeopleCall(gateway, { transport: "websocket", isolated: true }));

test("two pages that are not cross-origin isolated see and hear each other", { timeout: 60_000 }, () => twoPeopleCall(plainGateway, { transport: "webtransport", isolated: false }));

test("mute stops the picture and is told to the other; leaving is told too", { timeout: 60_000 }, async () => {
  const [ada, bob] = await Promise.all(["ada", "bob"].map((user) => Peer.open(chromium.browser, user, gateway.origin)));
  try {
    for (const peer of [ada, bob]) await peer.join(gateway, "mute");
    await ada.call("publish");
    await bob.pictures("ada", 20);
    await ada.call("mute", "Video", true);
    await bob.page.waitForTimeout(700);
    await bob.call("pictures", "ada");
    await bob.page.waitForTimeout(700);
    assert.equal((await bob.call("pictures", "ada")).frames, 0, "pictures came while the camera was muted");
    await ada.call("mute", "Video", false);
    await bob.pictures("ada", 20);
    await ada.call("leave");
    await bob.page.waitForTimeout(500);
    const names = (await bob.call("eventsSoFar")).filter(({ user }) => user === "ada").map(({ name }) => name);
    assert.deepEqual(["mute-video", "unmute-video", "peer-leave"].filter((name) => !names.includes(name)), [], `bob heard only of ${names}`);
  } finally {
    await Promise.all([ada.close(), bob.close()]);
  }
});
