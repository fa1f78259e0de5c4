// How long a call takes to come back after its gateway was away. One page sends, another sees; the
// time counts from when the gateway answers again until the other sees a frame that was sent
// since. Prints one JSON object.
//
//   node bench/reconnect.js [--outages 1,5,20,60] [--transports webtransport,websocket] [--repeats
//   1] [--audio]
import { parseArgs } from "node:util";
import { startChromium } from "../harness/browsers.js";
import { sleep, until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { agreed } from "../harness/group.js";
import { Peer } from "../harness/peer.js";
import { makeWebRoot } from "../harness/web_root.js";

const { values } = parseArgs({
  options: {
    outages: { type: "string", default: "1,5,20,60" },
    transports: { type: "string", default: "webtransport,websocket" },
    repeats: { type: "string", default: "1" },
    audio: { type: "boolean", default: false },
  },
});
const root = makeWebRoot();
const results = [];
for (const transport of values.transports.split(",")) {
  for (const outage of values.outages.split(",").map(Number)) {
    for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
      const result = { transport, outage_s: outage, ...(await run(transport, outage)) };
      console.error(JSON.stringify(result));
      results.push(result);
    }
  }
}
console.log(JSON.stringify({ bench: "reconnect", results }));

async function run(transport, outage) {
  const chromium = await startChromium();
  let gateway = await startGateway(root);
  try {
    const peers = await Promise.all(
      ["ada", "bob"].map((user) => Peer.open(chromium.browser, user, gateway.origin)),
    );
    const [ada, bob] = peers;
    for (const peer of peers) await peer.join(gateway, "outage", { group: {}, transport });
    await ada.call("publish", { audio: values.audio });
    await agreed(peers);
    await bob.pictures("ada", 30);
    // As long as it takes until all lanes stand ready.
    await sleep(3_000);
    await gateway.child.stop("SIGKILL");
    await sleep(outage * 1_000);
    gateway = await startGateway(root, { port: gateway.port });
    const answered = performance.now();
    await bob.call("pictures", "ada");
    await until("pictures to be back", async () => (await bob.call("pictures", "ada")).frames > 0, {
      timeout: 120_000,
      every: 20,
    });
    const seen_ms = Math.round(performance.now() - answered);
    const logs = await Promise.all(peers.map((peer) => peer.call("logs")));
    if (process.env.SMRTC_E2E_VERBOSE) console.error(logs.join("\n-----\n"));
    return {
      seen_ms,
      log: logs.map((log) => /reconnected after \d+ ms/.exec(log)?.[0] ?? "not reconnected"),
    };
  } finally {
    await chromium.close();
    await gateway.stop();
  }
}
