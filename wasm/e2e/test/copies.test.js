// How often a frame is copied on its way through the page: as often as the browser wants it, and
// once to cut it up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../harness/gateway.js";
import { assertSees } from "../harness/expect.js";
import { UNPROCESSED } from "../harness/peer.js";
import { Stage } from "../harness/stage.js";
import { tappedWebRoot } from "../harness/web_root.js";

const stage = Stage.use();

/** What the worker of this name counted in the page. */
const copies = (peer, worker) =>
  peer.page.evaluate(
    (name) =>
      new Promise((resolve) => {
        const channel = new BroadcastChannel("copies");
        channel.onmessage = ({ data }) => {
          if (data.worker !== name) return;
          channel.close();
          resolve(data);
        };
        channel.postMessage("report");
      }),
    worker,
  );

test(
  "a picture is sealed where the encoder put it, sent and decoded from where it lies, and copied nowhere else",
  { timeout: 120_000 },
  async () => {
    const gateway = await startGateway(
      tappedWebRoot("copies_tap.js", ["uplink_worker.js", "downlink_worker.js"]),
    );
    try {
      await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
        for (const peer of [ada, bob])
          await peer.join(gateway, "copies", {
            transport: "webtransport",
            audioProcessing: UNPROCESSED,
          });
        await ada.call("publish");
        await assertSees(bob, "ada", { pictures: 80 });

        const up = await copies(ada, "smrtc-uplink");
        assert.ok(up.chunksIntoWasm > 60, `${up.chunksIntoWasm} pictures were encoded`);
        assert.equal(
          up.chunksElsewhere,
          0,
          "the encoder's chunks went somewhere else than Wasm memory",
        );
        assert.equal(
          up.chunksLeftBehind,
          0,
          "eight bytes of plaintext in a row were still there once the frame was sealed",
        );
        assert.ok(up.datagramsAsViews > 120, `${up.datagramsAsViews} datagrams were sent`);
        assert.equal(up.datagramsCopied, 0, "datagrams were copied out of Wasm memory");
        // What is copied out is the control stream, and text for the log.
        assert.ok(
          up.bytesCopiedOut < 8_192,
          `${up.bytesCopiedOut} bytes were copied out, ${up.chunkBytes} were encoded`,
        );

        const down = await copies(bob, "smrtc-downlink");
        assert.ok(down.decodedFromWasm > 60, `${down.decodedFromWasm} pictures were decoded`);
        assert.equal(
          down.decodedFromElsewhere,
          0,
          "frames were copied on their way to the decoder",
        );
        const often = down.bytesCopiedIn / down.datagramBytesReceived;
        assert.ok(
          often > 0.9 && often < 1.1,
          `datagrams were copied ${often} times into Wasm memory`,
        );
        // The tap wrote over every datagram as soon as it was given away, and still all frames
        // open.
        const [sender] = (await bob.call("stats")).encryption.perSender;
        assert.ok(sender.framesOpened > 100, `${sender.framesOpened} frames opened`);
        assert.equal(sender.framesRejected, 0);
      });
    } finally {
      await gateway.stop();
    }
  },
);
