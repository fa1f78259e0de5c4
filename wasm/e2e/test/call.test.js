// Two pages call each other through the real gateway: what one camera and microphone give, the
// other page shows and plays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../harness/child.js";
import { assertHears, assertSees } from "../harness/expect.js";
import { startGateway } from "../harness/gateway.js";
import { UNPROCESSED } from "../harness/peer.js";
import { Stage } from "../harness/stage.js";
import { tappedWebRoot } from "../harness/web_root.js";

const stage = Stage.use("isolated", "plain");

const twoPeopleCall = (at, { transport, isolated }) =>
  stage.withPeers(at, ["ada", "bob"], async (ada, bob) => {
    for (const peer of [ada, bob]) {
      assert.equal(await peer.call("isolated"), isolated);
      await peer.join(at, `room-${transport}-${isolated}`, {
        transport,
        audioProcessing: UNPROCESSED,
      });
    }
    await Promise.all([ada.call("publish"), bob.call("publish")]);
    await Promise.all([assertSees(ada, "bob"), assertSees(bob, "ada")]);
    await Promise.all([assertHears(ada), assertHears(bob)]);

    const [statsOfAda, statsOfBob] = await Promise.all([ada.call("stats"), bob.call("stats")]);
    for (const [stats, other] of [
      [statsOfAda, "bob"],
      [statsOfBob, "ada"],
    ]) {
      assert.equal(stats.transport.transport, transport);
      assert.equal(stats.encryption.suite, "SM4_GCM_SM3");
      assert.equal(stats.encryption.mode, "external");
      const [sender] = stats.encryption.perSender;
      assert.equal(sender.userId, other);
      assert.equal(sender.state, "ok");
      assert.ok(sender.framesOpened > 100, `${sender.framesOpened} frames opened`);
      assert.equal(sender.framesRejected, 0);
    }
    assert.notEqual(
      statsOfAda.encryption.kid,
      statsOfBob.encryption.kid,
      "each session seals under a key id of its own",
    );
    assert.equal(statsOfAda.encryption.perSender[0].kid, statsOfBob.encryption.kid);
  });

test("two pages see and hear each other over WebTransport", { timeout: 180_000 }, () =>
  twoPeopleCall(stage.gateway(), { transport: "webtransport", isolated: true }),
);

test("two pages see and hear each other over WebSocket", { timeout: 180_000 }, () =>
  twoPeopleCall(stage.gateway(), { transport: "websocket", isolated: true }),
);

test(
  "two pages that are not cross-origin isolated see and hear each other",
  { timeout: 180_000 },
  () => twoPeopleCall(stage.gateway("plain"), { transport: "webtransport", isolated: false }),
);

test(
  "a browser whose datagrams have createWritable() alone is in a call over WebTransport",
  { timeout: 90_000 },
  async () => {
    const gateway = await startGateway(
      tappedWebRoot("create_writable_tap.js", ["uplink_worker.js", "downlink_worker.js"]),
    );
    try {
      await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
        for (const peer of [ada, bob])
          await peer.join(gateway, "writable", { transport: "webtransport" });
        await ada.call("publish");
        await bob.pictures("ada", 20);
        // Both workers of both pages went the new way, and there was no other.
        for (const { page } of [ada, bob]) {
          const workers = await Promise.all(
            page
              .workers()
              .map((worker) =>
                worker.evaluate(() => [
                  globalThis.createdWritables,
                  "writable" in WebTransportDatagramDuplexStream.prototype,
                ]),
              ),
          );
          assert.equal(workers.length, 2);
          for (const [created, attribute] of workers)
            assert.ok(created > 0 && attribute === false, JSON.stringify(workers));
        }
      });
    } finally {
      await gateway.stop();
    }
  },
);

test(
  "mute stops the picture and is told to the other; leaving is told too",
  { timeout: 180_000 },
  () =>
    stage.withPeers(stage.gateway(), ["ada", "bob"], async (ada, bob) => {
      const heardOf = async (name) =>
        (await bob.call("eventsSoFar")).some(
          (event) => event.user === "ada" && event.name === name,
        );
      for (const peer of [ada, bob]) await peer.join(stage.gateway(), "mute");
      await ada.call("publish");
      await bob.pictures("ada", 20);
      await ada.call("mute", "Video", true);
      await until("bob to be told of the mute", () => heardOf("mute-video"));
      // What was on its way at that moment may still come, for as long as it likes; then there is a
      // second without a frame.
      await until(
        "a second without pictures",
        async () => (await bob.call("pictures", "ada")).frames === 0,
        { every: 1_000 },
      );
      await ada.call("mute", "Video", false);
      await until("bob to be told of the end of the mute", () => heardOf("unmute-video"));
      await bob.pictures("ada", 20);
      await ada.call("leave");
      await until("bob to be told that ada left", () => heardOf("peer-leave"));
    }),
);
