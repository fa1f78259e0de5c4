// The small stream beside the big one: what is sent with it and without it, and under which keys.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { KEY } from "../harness/peer.js";
import { assembleFrames, readDatagrams } from "../harness/recording.js";
import { externalBaseKey, makeOpener } from "../harness/sframe.js";
import { BIG, layersOf, SMALL, untilSeen } from "../harness/sizes.js";
import { Stage } from "../harness/stage.js";
import { scratchFolder } from "../harness/workspace.js";

const stage = Stage.use("isolated");

test("without a small stream there is one layer, 0, whatever a viewer asks for", { timeout: 120_000 }, () => stage.withPeers(stage.gateway(), ["ada", "bob"], async (ada, bob) => {
  for (const peer of [ada, bob]) await peer.join(stage.gateway(), "one-layer", { transport: "webtransport" });
  await bob.call("setDefaultStreamType", "small");
  await ada.call("publish", { profile: BIG });
  await untilSeen(bob, "ada", BIG.height);
  const { remoteVideo } = await bob.call("stats");
  assert.equal(remoteVideo.ada.spatialLayer, 0);
  const layers = await layersOf(ada);
  assert.deepEqual(layers.map(({ rid, spatialLayer }) => [rid, spatialLayer]), [["big", 0]]);
}));

test("both sizes are sealed under one key, and no counter serves twice", { timeout: 120_000 }, async () => {
  const recording = join(scratchFolder(), "media.bin");
  const gateway = await startGateway(stage.root, { args: ["--record-media", recording] });
  try {
    await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
      for (const peer of [ada, bob]) await peer.join(gateway, "sealed", { transport: "webtransport" });
      await ada.call("publish", { profile: BIG, small: SMALL });
      await bob.pictures("ada", 20);
      await until("pictures of both sizes", async () => (await layersOf(ada)).every(({ framesEncoded }) => framesEncoded > 30), { timeout: 60_000 });
    });
  } finally {
    await gateway.stop();
  }
  const pictures = assembleFrames(readDatagrams(recording)).filter(({ kind }) => kind === "video");
  const open = makeOpener((kid) => externalBaseKey(KEY, kid));
  const sealed = pictures.map(({ metadata, sealed: bytes }) => ({ layer: metadata[3] >> 4, opened: open(metadata, bytes) }));
  assert.deepEqual([...new Set(sealed.map(({ layer }) => layer))].sort(), [0, 1]);
  for (const layer of [0, 1]) assert.ok(sealed.filter((one) => one.layer === layer).length > 20, `few pictures of layer ${layer}`);
  assert.ok(sealed.every(({ opened }) => opened !== null), "a recorded picture does not open");
  assert.equal(new Set(sealed.map(({ opened }) => opened?.kid)).size, 1);
  assert.equal(new Set(sealed.map(({ opened }) => opened?.ctr)).size, sealed.length, "two pictures have the same counter");
});
