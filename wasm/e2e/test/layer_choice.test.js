// Each viewer gets the small stream or the big one, as it wants or as its path bears, and frames
// go on through every change.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertInOrder } from "../harness/expect.js";
import { behindRelay, startRelay } from "../harness/relay.js";
import { BIG, heights, layersOf, longestGap, SMALL, untilSeen } from "../harness/sizes.js";
import { Stage } from "../harness/stage.js";

const stage = Stage.use("isolated");

/**
 * A viewer calls it a freeze (webrtc-stats: three times the average and 150 ms more, at 15 a
 * second).
 */
const LONGEST_GAP_MS = 500;

for (const [codec, transport] of [
  ["vp8", "websocket"],
  ["h264", "webtransport"],
]) {
  test(
    `one viewer has the small stream and another the big one, and both change under way (${codec}, ${transport})`,
    { timeout: 240_000 },
    () =>
      stage.withPeers(stage.gateway(), ["ada", "bob", "cas"], async (ada, bob, cas) => {
        const at = stage.gateway();
        for (const peer of [ada, bob, cas])
          await peer.join(at, `layers-${codec}`, { transport, videoCodecs: [codec] });
        await bob.call("setStreamType", "ada", "small");
        await ada.call("publish", { profile: BIG, small: SMALL });
        const first = await untilSeen(bob, "ada", SMALL.height);
        assert.deepEqual(
          heights(first),
          [SMALL.height],
          "who asked for the small stream beforehand never gets the big one",
        );
        await untilSeen(cas, "ada", BIG.height);

        // What the page is told fits what it is shown.
        const [seenByBob, seenByCas] = await Promise.all(
          [bob, cas].map(async (peer) => (await peer.call("stats")).remoteVideo.ada),
        );
        assert.deepEqual(
          [seenByBob.spatialLayer, seenByBob.frameWidth, seenByBob.frameHeight],
          [0, SMALL.width, SMALL.height],
        );
        assert.deepEqual(
          [seenByCas.spatialLayer, seenByCas.frameWidth, seenByCas.frameHeight],
          [1, BIG.width, BIG.height],
        );
        const [small, big, ...none] = await layersOf(ada);
        assert.deepEqual(none, []);
        assert.deepEqual(
          [small.rid, small.frameWidth, small.frameHeight],
          ["small", SMALL.width, SMALL.height],
        );
        assert.deepEqual(
          [big.rid, big.frameWidth, big.frameHeight],
          ["big", BIG.width, BIG.height],
        );
        assert.ok(
          small.framesEncoded > 10 && big.framesEncoded > 20,
          `${small.framesEncoded} small and ${big.framesEncoded} big pictures`,
        );
        assert.ok(
          small.framesPerSecond <= SMALL.frameRate + 2,
          `${small.framesPerSecond} small pictures a second`,
        );
        assert.ok(
          small.targetBitrate <= SMALL.bitrate * 1_000 && small.bytesSent < big.bytesSent / 2,
          `${small.bytesSent} small and ${big.bytesSent} big bytes`,
        );

        // A machine that is busy with other things makes gaps as well, so a bad round is followed
        // by another.
        let gap = Infinity;
        for (let round = 0; round < 4 && gap > LONGEST_GAP_MS; round++) {
          const before = await Promise.all([
            untilSeen(bob, "ada", SMALL.height),
            untilSeen(cas, "ada", BIG.height),
          ]);
          await Promise.all([
            bob.call("setStreamType", "ada", "big"),
            cas.call("setStreamType", "ada", "small"),
          ]);
          const after = await Promise.all([
            untilSeen(bob, "ada", BIG.height),
            untilSeen(cas, "ada", SMALL.height),
          ]);
          const [bobUp, casDown] = after.map((codes, i) => [...before[i], ...codes]);
          await Promise.all([
            bob.call("setStreamType", "ada", "small"),
            cas.call("setStreamType", "ada", "auto"),
          ]);
          const [bobDown, casUp] = await Promise.all([
            untilSeen(bob, "ada", SMALL.height),
            untilSeen(cas, "ada", BIG.height),
          ]);
          for (const codes of [
            [...bobUp, ...bobDown],
            [...casDown, ...casUp],
          ])
            assertInOrder(codes);
          const [began, became] = [bobUp, casDown]
            .map(heights)
            .map((seen) => [seen[0], seen.at(-1)]);
          assert.deepEqual(
            [began, became],
            [
              [SMALL.height, BIG.height],
              [BIG.height, SMALL.height],
            ],
          );
          gap = Math.max(longestGap([...bobUp, ...bobDown]), longestGap([...casDown, ...casUp]));
        }
        assert.ok(gap <= LONGEST_GAP_MS, `the picture stood still for ${gap} ms while it changed`);
        for (const peer of [bob, cas]) {
          const { encryption } = await peer.call("stats");
          assert.equal(encryption.perSender[0].framesRejected, 0, "a frame did not open");
        }

        // One stream again: it is layer 0 then, and everybody sees it.
        await bob.call("setStreamType", "ada", "small");
        await ada.call("ofLocal", "disableSmallStream");
        await Promise.all([untilSeen(bob, "ada", BIG.height), untilSeen(cas, "ada", BIG.height)]);
        const [only, ...others] = await layersOf(ada);
        assert.deepEqual([only.rid, only.spatialLayer, others.length], ["big", 0, 0]);
        await ada.call("ofLocal", "enableSmallStream");
        await Promise.all([untilSeen(bob, "ada", SMALL.height), untilSeen(cas, "ada", BIG.height)]);
      }),
  );
}

test(
  "a viewer whose path narrows is given the small stream, and the big one when it is wide again; the others notice nothing",
  { timeout: 240_000 },
  async () => {
    const at = stage.gateway();
    const relay = await startRelay(at.port, { delay: "10ms", seed: 7 });
    try {
      await stage.withPeers(at, ["ada", "bob", "cas"], async (ada, bob, cas) => {
        await behindRelay(bob.page, relay);
        for (const peer of [ada, bob, cas])
          await peer.join(at, "narrow", { transport: "webtransport" });
        await ada.call("publish", { profile: BIG, small: SMALL });
        await Promise.all([bob, cas].map((peer) => untilSeen(peer, "ada", BIG.height)));

        await relay.change({ delay: "10ms", rate: "200kbit", queue: "200ms" });
        const narrow = await untilSeen(bob, "ada", SMALL.height, { inRow: 30, timeout: 60_000 });
        assertInOrder(narrow);
        const { down } = await relay.counters();
        assert.ok(
          down.queue_overflows > 0 || down.packets_in > 100,
          "nothing went through the relay; the test proves nothing",
        );

        await relay.change({ delay: "10ms" });
        assertInOrder(await untilSeen(bob, "ada", BIG.height, { inRow: 30, timeout: 90_000 }));
        // A busy machine may look like a narrow path for a moment; but not for as long as bob's
        // was.
        const undisturbed = await untilSeen(cas, "ada", BIG.height);
        const big = undisturbed.filter(({ height }) => height === BIG.height).length;
        assert.ok(
          big > 0.8 * undisturbed.length,
          `the other viewer had ${big} big pictures of ${undisturbed.length}`,
        );
      });
    } finally {
      await relay.stop();
    }
  },
);
