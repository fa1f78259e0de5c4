// The small stream beside the big one: what is sent with it and without it, and under which keys.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { KEY } from "../harness/peer.js";
import { assembleFrames, readDatagrams } from "../harness/recording.js";
import { behindRelay, startRelay } from "../harness/relay.js";
import { externalBaseKey, makeOpener } from "../harness/sframe.js";
import { BIG, layersOf, longestGap, SMALL, untilSeen } from "../harness/sizes.js";
import { Stage } from "../harness/stage.js";
import { scratchFolder } from "../harness/workspace.js";

const stage = Stage.use("isolated");

test(
  "without a small stream there is one layer, 0, whatever a viewer asks for",
  { timeout: 120_000 },
  () =>
    stage.withPeers(stage.gateway(), ["ada", "bob"], async (ada, bob) => {
      for (const peer of [ada, bob])
        await peer.join(stage.gateway(), "one-layer", { transport: "webtransport" });
      await bob.call("setDefaultStreamType", "small");
      await ada.call("publish", { profile: BIG });
      await untilSeen(bob, "ada", BIG.height);
      const { remoteVideo } = await bob.call("stats");
      assert.equal(remoteVideo.ada.spatialLayer, 0);
      const layers = await layersOf(ada);
      assert.deepEqual(
        layers.map(({ rid, spatialLayer }) => [rid, spatialLayer]),
        [["big", 0]],
      );
    }),
);

test(
  "both sizes are sealed under one key, and no counter serves twice",
  { timeout: 120_000 },
  async () => {
    const recording = join(scratchFolder(), "media.bin");
    const gateway = await startGateway(stage.root, { args: ["--record-media", recording] });
    try {
      await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
        for (const peer of [ada, bob])
          await peer.join(gateway, "sealed", { transport: "webtransport" });
        await ada.call("publish", { profile: BIG, small: SMALL });
        await bob.pictures("ada", 20);
        await until(
          "pictures of both sizes",
          async () => (await layersOf(ada)).every(({ framesEncoded }) => framesEncoded > 30),
          { timeout: 60_000 },
        );
      });
    } finally {
      await gateway.stop();
    }
    const pictures = assembleFrames(readDatagrams(recording)).filter(
      ({ kind }) => kind === "video",
    );
    const open = makeOpener((kid) => externalBaseKey(KEY, kid));
    const sealed = pictures.map(({ metadata, sealed: bytes }) => ({
      layer: metadata[3] >> 4,
      opened: open(metadata, bytes),
    }));
    assert.deepEqual([...new Set(sealed.map(({ layer }) => layer))].sort(), [0, 1]);
    for (const layer of [0, 1])
      assert.ok(
        sealed.filter((one) => one.layer === layer).length > 20,
        `few pictures of layer ${layer}`,
      );
    assert.ok(
      sealed.every(({ opened }) => opened !== null),
      "a recorded picture does not open",
    );
    assert.equal(new Set(sealed.map(({ opened }) => opened?.kid)).size, 1);
    assert.equal(
      new Set(sealed.map(({ opened }) => opened?.ctr)).size,
      sealed.length,
      "two pictures have the same counter",
    );
  },
);

test(
  "a viewer whose path does not bear all pictures of the only size is given every second one; the other has all",
  { timeout: 180_000 },
  async () => {
    const recording = join(scratchFolder(), "media.bin");
    const gateway = await startGateway(stage.root, { args: ["--record-media", recording] });
    const relay = await startRelay(gateway.port, {
      delay: "10ms",
      rate: "620kbit",
      queue: "300ms",
      seed: 3,
    });
    try {
      await stage.withPeers(gateway, ["ada", "bob", "cas"], async (ada, bob, cas) => {
        await behindRelay(bob.page, relay);
        for (const peer of [ada, bob, cas])
          await peer.join(gateway, "half", { transport: "webtransport", videoCodecs: ["vp8"] });
        await ada.call("publish", { profile: { ...BIG, bitrate: 700 } });
        for (const peer of [bob, cas]) await untilSeen(peer, "ada", BIG.height);
        const seconds = 5;
        // The publisher learns of bob's path first; a busy machine may look like a narrower one for
        // a while.
        await until(
          "every second picture without gaps",
          async () => {
            await Promise.all([bob, cas].map((peer) => peer.call("pictures", "ada")));
            await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
            const [half, all] = await Promise.all(
              [bob, cas].map(async (peer) => (await peer.call("pictures", "ada")).codes),
            );
            const perSecond = [half, all].map((codes) => codes.length / seconds);
            return (
              perSecond[0] > 11 && perSecond[0] < 19 && perSecond[1] > 22 && longestGap(half) < 400
            );
          },
          { timeout: 120_000, every: 10 },
        );
        const { down } = await relay.counters();
        assert.ok(down.packets_in > 500, "nothing went through the relay; the test proves nothing");
      });
    } finally {
      await relay.stop();
      await gateway.stop();
    }
    const pictures = assembleFrames(readDatagrams(recording))
      .filter(({ kind }) => kind === "video")
      .map(({ frameId, key, metadata }) => ({
        frameId,
        key,
        discardable: (metadata[0] & 2) !== 0,
        temporal: metadata[3] & 15,
        distance: metadata.readUInt16BE(12),
      }));
    const byId = new Map(pictures.map((picture) => [picture.frameId, picture]));
    assert.ok(
      pictures.filter(({ discardable }) => discardable).length > 30,
      "hardly any can be left out",
    );
    assert.ok(
      pictures.slice(0, 30).every(({ temporal }) => temporal === 0),
      "layers that nobody needed yet",
    );
    for (const { frameId, key, discardable, temporal, distance } of pictures) {
      assert.deepEqual([temporal, key && distance], [discardable ? 1 : 0, key && 0]);
      const to = byId.get(frameId - distance);
      assert.ok(
        key || (to !== undefined && !to.discardable),
        `picture ${frameId} refers to ${frameId - distance}`,
      );
    }
  },
);

// The order of references that the SDK tells gateways of is that of the standard's L1T2; whether
// encoders keep to it, their decoders show.
test(
  "an encoder of two temporal layers makes pictures that come out the same without every second one",
  { timeout: 120_000 },
  async (t) => {
    const page = await stage.browser.newPage();
    try {
      await page.goto(`${stage.gateway().origin}/e2e/pages/call.html`);
      const results = await page.evaluate(async () =>
        (await import(new URL("./two_layers.js", location.href).href)).tryAll(),
      );
      t.diagnostic(JSON.stringify(results));
      assert.ok(
        results.some(({ codec }) => codec === "vp8"),
        "this browser encodes no layers at all",
      );
      for (const { codec, all, sent, left, same } of results) {
        assert.ok(
          all > 30 && sent < 0.7 * all,
          `${codec}: ${sent} of ${all} pictures are of the lower layer`,
        );
        assert.deepEqual(
          [left, same],
          [sent, sent],
          `${codec}: pictures that came out, and that came out the same`,
        );
      }
    } finally {
      await page.close();
    }
  },
);
