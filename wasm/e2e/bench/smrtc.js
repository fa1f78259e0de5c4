// Our call: page A to page B in one browser, through the gateway and a relay on one leg or on both.
import { until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { behindRelay, startRelay } from "../harness/relay.js";
import { openPages } from "./webrtc.js";

/**
 * @param {import("./open_call.js").Settings} settings
 * @returns {Promise<import("./open_call.js").OpenCall>}
 */
export async function openSmrtc(settings, { startBrowser, webRoot }) {
  const chromium = await startBrowser([]);
  const gateway = await startGateway(webRoot, { profile: settings.profile });
  const relays = [];
  const close = async () => {
    await chromium.close();
    for (const relay of relays) {
      const counted = await relay.stop();
      if (process.env.SMRTC_E2E_VERBOSE) console.error(JSON.stringify(counted));
    }
    await gateway.stop();
  };
  try {
    const pages = await openPages(
      chromium.browser,
      `${gateway.origin}/e2e/pages/bench/index.html`,
      "./smrtc.js",
    );
    const [sender, receiver] = pages;
    const legs = { both: pages, sender: [sender], receiver: [receiver] }[settings.leg];
    for (const page of legs) {
      const relay = await startRelay(gateway.port, {
        delay: `${settings.oneWayDelayMs / legs.length}ms`,
        seed: settings.seed,
        profile: settings.profile,
      });
      relays.push(relay);
      await behindRelay(page, relay);
    }
    for (const page of pages) {
      const role = page === sender ? "send" : "receive";
      await page.evaluate((options) => globalThis.call.join(options), {
        ...settings,
        role,
        token: gateway.token("bench", role),
      });
    }
    await sender.evaluate((options) => globalThis.call.publish(options), settings);
    await until(
      "the first pictures",
      async () => (await receiver.evaluate(() => globalThis.call.drain())).frames.length > 0,
      { timeout: 15_000 },
    );
    return {
      pid: chromium.pid,
      sender,
      receiver,
      relays,
      mediaDirection: settings.leg === "receiver" ? "down" : "up",
      others: { gateway: gateway.child.pid, relays: relays.map(({ child }) => child.pid) },
      async checkPath() {
        for (const page of pages) {
          const { transport } = await page.evaluate(() => globalThis.call.stats());
          if (transport !== "webtransport")
            throw new Error("not over WebTransport, so not through the relay");
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
