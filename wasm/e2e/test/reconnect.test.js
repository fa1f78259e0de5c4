// A gateway that is away for a while: the call comes back by itself, soon after the gateway does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep, until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { agreed } from "../harness/group.js";
import { Stage } from "../harness/stage.js";

const stage = Stage.use();

/**
 * What a page does by itself in two seconds takes longer where three pages and a gateway begin
 * again at once. The bound itself is proved in virtual time, by `sdk/test/reconnection.test.ts`.
 */
const SLACK_MS = 8_000;

test(
  "after five seconds without a gateway both transports are back within two of its answering, and the picture with them",
  { timeout: 180_000 },
  async (t) => {
    let gateway = await startGateway(stage.root);
    try {
      await stage.withPeers(gateway, ["ada", "bob", "cyd"], async (ada, bob, cyd) => {
        const peers = [ada, bob, cyd];
        for (const [i, peer] of peers.entries())
          await peer.join(gateway, "away", {
            group: {},
            transport: i === 1 ? "websocket" : "webtransport",
          });
        await ada.call("publish", { audio: false });
        const { code } = await agreed(peers);
        for (const peer of [bob, cyd]) await peer.pictures("ada", 15);
        await gateway.child.stop("SIGKILL");
        await sleep(5_000);
        gateway = await startGateway(stage.root, { port: gateway.port });
        const answered = performance.now();
        for (const peer of [bob, cyd]) await peer.call("pictures", "ada");
        const since = await Promise.all(
          peers.map(async (peer) => {
            await until(
              `${peer.user} to be connected`,
              async () => (await peer.call("connectionState")) === "CONNECTED",
            );
            return Math.round(performance.now() - answered);
          }),
        );
        const { code: newCode } = await agreed(peers, { not: code });
        assert.notEqual(newCode, code);
        for (const peer of [bob, cyd]) await peer.pictures("ada", 15);
        t.diagnostic(
          JSON.stringify({
            connectedMs: since,
            pictureMs: Math.round(performance.now() - answered),
          }),
        );
        assert.ok(Math.max(...since) <= 2_000 + SLACK_MS, `connected after ${since.join(", ")} ms`);
        assert.deepEqual(
          (await Promise.all([ada, bob].map((peer) => peer.call("stats")))).map(
            ({ transport }) => transport.transport,
          ),
          ["webtransport", "websocket"],
        );
      });
    } finally {
      await gateway.stop();
    }
  },
);
