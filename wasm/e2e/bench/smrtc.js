// Our call: page A to page B in one browser, through the gateway, half of the path delay on each leg.
import { sleep, until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { startRelay } from "../harness/relay.js";
import { measure } from "./measure.js";
import { openPages } from "./webrtc.js";

/** @param {import("./call.js").Settings} settings */
export async function smrtcCall(settings, { startBrowser, webRoot }) {
  const chromium = await startBrowser([]);
  const gateway = await startGateway(webRoot, { profile: settings.profile });
  const relays = [];
  try {
    const pages = await openPages(chromium.browser, `${gateway.origin}/e2e/pages/bench/index.html`, "./smrtc.js");
    for (const [i, page] of pages.entries()) {
      const relay = await startRelay(gateway.port, { delay: `${settings.oneWayDelayMs / 2}ms`, profile: settings.profile });
      relays.push(relay);
      // The page learns the relay's port as the gateway's: its datagrams cannot go around it.
      await page.route("**/v1/config", async (route) => {
        const config = await (await route.fetch()).json();
        config.webtransport.port = relay.port;
        await route.fulfill({ json: config });
      });
      const role = i === 0 ? "send" : "receive";
      await page.evaluate((options) => globalThis.call.join(options), { ...settings, role, token: gateway.token("bench", role) });
    }
    const [a, b] = pages;
    await a.evaluate((options) => globalThis.call.publish(options), settings);
    await until("the first pictures", async () => (await b.evaluate(() => globalThis.call.drain())).ages.length > 0, { timeout: 15_000 });
    await sleep(settings.warmupSeconds * 1000);

    const before = await a.evaluate(() => globalThis.call.stats());
    await b.evaluate(() => globalThis.call.drain());
    const measured = await measure(chromium.pid, settings.seconds, {
      gateway: gateway.child.pid,
      relays: relays.map(({ child }) => child.pid),
    });
    const received = await b.evaluate(() => globalThis.call.drain());
    const after = await a.evaluate(() => globalThis.call.stats());
    const far = await b.evaluate(() => globalThis.call.stats());
    if (after.transport !== "webtransport" || far.transport !== "webtransport") throw new Error("not over WebTransport, so not through the relay");
    return {
      ...measured,
      received,
      videoKbps: ((after.videoBytes - before.videoBytes) * 8) / 1000 / measured.seconds,
      codec: after.codec,
      concealedShare: far.audioConcealed / far.audioSamples,
      audible: far.audioLevel > 0,
    };
  } finally {
    await chromium.close();
    for (const relay of relays) {
      const counted = await relay.stop();
      if (process.env.SMRTC_E2E_VERBOSE) console.error(JSON.stringify(counted));
    }
    await gateway.stop();
  }
}
