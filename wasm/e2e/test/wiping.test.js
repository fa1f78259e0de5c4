// After `leave` no key of the call is in the Wasm memory of either worker, nor in any log.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startGateway } from "../harness/gateway.js";
import { agreed, epochKeys, wasmMemory } from "../harness/group.js";
import { UNPROCESSED } from "../harness/peer.js";
import { PLANES, exporterSecretIn, roundKeys, secretsOf } from "../harness/secrets.js";
import { Stage } from "../harness/stage.js";
import { tappedWebRoot } from "../harness/web_root.js";
import { repository } from "../harness/workspace.js";

const stage = Stage.use();

test("the search for an exporter secret and round keys knows them when it sees them", () => {
  const [{ epochs }] = JSON.parse(
    readFileSync(join(repository, "vectors/mls/sm_suites.json"), "utf8"),
  );
  for (const epoch of epochs) {
    const memory = Buffer.concat([
      Buffer.alloc(4096),
      Buffer.from(epoch.exporter_secret, "hex"),
      Buffer.alloc(100, "text"),
    ]);
    assert.equal(exporterSecretIn(memory, Buffer.from(epoch.base_key, "hex")), 4096);
    assert.equal(exporterSecretIn(memory, Buffer.alloc(16, 1)), -1);
  }
  // GB/T 32907-2016, example 1.
  const words = roundKeys(Buffer.from("0123456789abcdeffedcba9876543210", "hex"));
  assert.deepEqual([words[0], words[31]], [0xf12186f9, 0x9124a012]);
});
const WORKERS = /** @type {const} */ (["smrtc-uplink", "smrtc-downlink"]);

test(
  "what leave leaves in Wasm memory and in the logs has no key, salt, round key or exporter secret of the call in it",
  { timeout: 240_000 },
  async () => {
    const gateway = await startGateway(
      tappedWebRoot(
        "keys_tap.js",
        WORKERS.map((name) => `${name.slice(6)}_worker.js`),
      ),
    );
    try {
      await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
        // The workers outlive `leave` here, to be looked at; the SDK ends them.
        await bob.page.evaluate(() => {
          Worker.prototype.terminate = () => undefined;
        });
        for (const peer of [ada, bob])
          await peer.join(gateway, "wiped", { group: {}, audioProcessing: UNPROCESSED });
        await ada.call("publish");
        await bob.call("publish", { video: false });
        const { code } = await agreed([ada, bob]);
        await bob.pictures("ada", 30);
        const kids = new Set();
        const noteKids = async () => {
          const { kid, perSender } = await bob.call("encryption");
          for (const one of [kid, ...perSender.map((sender) => sender.kid)])
            if (one) kids.add(BigInt(`0x${one}`));
        };
        await noteKids();
        await bob.call("rotateKeys");
        await agreed([ada, bob], { not: code });
        await bob.pictures("ada", 30);
        await noteKids();
        assert.ok(kids.size >= 4, `${kids.size} KIDs`);

        const epochs = await epochKeys(bob);
        assert.ok(epochs.length >= 2, `${epochs.length} epochs`);
        const secrets = epochs.flatMap(({ baseKey }) => secretsOf(baseKey, [...kids]));
        const found = (memory) =>
          secrets.filter(({ bytes }) => memory.includes(bytes)).map(({ what }) => what);
        // That the search finds what is there: while the call goes on both workers have the keys of
        // its epoch.
        for (const worker of WORKERS) {
          const there = found(await wasmMemory(bob, worker));
          for (const what of ["base key", "sframe_salt", PLANES])
            assert.ok(
              there.includes(what),
              `${worker}: no ${what} to find, but ${there.join(", ")}`,
            );
        }

        await bob.call("leave");
        for (const worker of WORKERS) {
          const memory = await wasmMemory(bob, worker);
          assert.ok(memory.length > 1 << 20, `${worker}: ${memory.length} bytes`);
          assert.deepEqual(found(memory), [], `left behind in ${worker}`);
          for (const { baseKey } of epochs)
            assert.equal(
              exporterSecretIn(memory, baseKey),
              -1,
              `an exporter secret is left behind in ${worker}`,
            );
        }
        const logs = [
          await bob.call("logs"),
          await ada.call("logs"),
          ...bob.console,
          ...ada.console,
          ...gateway.child.lines,
        ]
          .join("\n")
          .toLowerCase();
        for (const { what, bytes } of secrets) {
          for (const text of [
            bytes.toString("hex"),
            bytes.toString("base64").replaceAll("=", ""),
            [...bytes].join(","),
            [...bytes].join(", "),
          ]) {
            assert.ok(!logs.includes(text.toLowerCase()), `${what} is in a log`);
          }
        }
      });
    } finally {
      await gateway.stop();
    }
  },
);
