// A shared screen: sharp, in its full size, with few frames.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep, until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { Stage } from "../harness/stage.js";
import { tappedWebRoot } from "../harness/web_root.js";

const stage = Stage.use("isolated");

test(
  "a screen is encoded for sharp text at 1080p and no more than 15 pictures a second, and is seen so",
  { timeout: 180_000 },
  async () => {
    const gateway = await startGateway(
      tappedWebRoot("encoder_config_tap.js", ["uplink_worker.js"]),
    );
    try {
      await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
        for (const peer of [ada, bob])
          await peer.join(gateway, "screen", { transport: "webtransport" });
        const configs = async () => ada.page.evaluate(() => globalThis.encoderConfigs);
        await ada.page.evaluate(() => {
          globalThis.encoderConfigs = [];
          new BroadcastChannel("encoder-configs").onmessage = ({ data }) =>
            globalThis.encoderConfigs.push(data);
        });
        await ada.call("publishScreen", { width: 1920, height: 1080, fps: 20 });
        const seen = await bob.pictures("ada", 20, 60_000);
        for (const { width, height } of seen) assert.deepEqual([width, height], [1920, 1080]);
        for (let i = 1; i < seen.length; i++)
          assert.ok(seen[i].counter > seen[i - 1].counter, "pictures came out of order");

        const [config] = (await configs()).slice(-1);
        assert.deepEqual(
          [config.width, config.height, config.contentHint, config.bitrateMode, config.latencyMode],
          [1920, 1080, "detail", "variable", "realtime"],
        );
        assert.match(
          config.codec,
          /^vp09\./,
          "every page here decodes VP9, which knows screens best",
        );
        assert.ok(
          config.bitrate <= 2_000_000 && config.framerate <= 15 && config.framerate >= 5,
          `${config.framerate} pictures a second at ${config.bitrate} bit/s`,
        );

        // The source gives 20 a second: some are left out before the encoder.
        const measured = async () => (await ada.call("stats")).localAuxiliary;
        const before = await measured();
        await until(
          "two seconds of screen",
          async () => (await measured()).framesEncoded >= before.framesEncoded + 10,
          { timeout: 30_000 },
        );
        const { framesPerSecond, frameWidth, frameHeight, layers } = await measured();
        assert.ok(framesPerSecond <= 16, `${framesPerSecond} pictures a second`);
        assert.deepEqual([frameWidth, frameHeight, layers.length], [1920, 1080, 1]);
        assert.equal((await bob.call("stats")).remoteAuxiliary.ada.frameHeight, 1080);

        // A film on the screen is another matter.
        await ada.call("ofLocal", "setVideoContentHint", "motion");
        await until("an encoder for motion", async () => {
          const last = (await configs()).at(-1);
          return (
            last.contentHint === "motion" &&
            last.bitrateMode === "constant" &&
            last.framerate === 15
          );
        });
        await bob.call("pictures", "ada");
        await bob.pictures("ada", 5);
        await assert.rejects(ada.call("ofLocal", "enableSmallStream"), /one size/);
      });
    } finally {
      await gateway.stop();
    }
  },
);

test(
  "who comes late sees a picture that stands still, in each size and after it was muted for a while",
  { timeout: 120_000 },
  async (t) => {
    const at = stage.gateway();
    await stage.withPeers(at, ["ada", "bob", "cyd"], async (ada, bob, cyd) => {
      for (const peer of [ada, bob]) await peer.join(at, "still");
      await ada.call("publishStill", {
        small: { width: 320, height: 180, frameRate: 15, bitrate: 150 },
      });
      await bob.pictures("ada", 1);
      // The source gives nothing any more: whatever comes later was made from its last frame.
      await sleep(2_000);
      const late = {};
      const seen = async (peer, what) => {
        const began = performance.now();
        const pictures = await peer.pictures("ada", 1);
        late[what] = Math.round(performance.now() - began);
        assert.equal(pictures[0].counter, 7);
        return pictures;
      };
      await cyd.join(at, "still");
      await seen(cyd, "joined");
      for (const [type, height] of [
        ["big", 360],
        ["small", 180],
        ["big", 360],
      ]) {
        await cyd.call("pictures", "ada");
        await cyd.call("setStreamType", "ada", type);
        const began = performance.now();
        await until(`the ${type} picture`, async () =>
          (await cyd.call("pictures", "ada")).codes.some((code) => code.height === height),
        );
        late[type] = Math.round(performance.now() - began);
      }
      await ada.call("mute", "Video", true);
      await until("cyd to hear that it is muted", async () =>
        (await cyd.call("eventsSoFar")).some(({ name }) => name === "mute-video"),
      );
      // What was sent before is on its way for a moment.
      await sleep(500);
      await cyd.call("pictures", "ada");
      await sleep(500);
      assert.equal((await cyd.call("pictures", "ada")).frames, 0, "a muted picture is sent");
      await ada.call("mute", "Video", false);
      await seen(cyd, "unmuted");
      t.diagnostic(JSON.stringify(late));
    });
  },
);
