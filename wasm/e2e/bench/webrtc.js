// The call that ours is compared with: RTCPeerConnection, page A to page B in one browser, through
// the relay.
import { until } from "../harness/child.js";
import { startRelay } from "../harness/relay.js";

const CHROMIUM_ARGS = [
  "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

/**
 * @param {import("./open_call.js").Settings} settings
 * @returns {Promise<import("./open_call.js").OpenCall>}
 */
export async function openWebrtc(settings, { startBrowser, origin }) {
  const chromium = await startBrowser(CHROMIUM_ARGS);
  let relay;
  const close = async () => {
    await chromium.close();
    await relay?.stop();
  };
  try {
    const [a, b] = await openPages(
      chromium.browser,
      `${origin}/e2e/pages/bench/index.html`,
      "./webrtc.js",
    );
    const offer = await a.evaluate((options) => globalThis.call.offer(options), settings);
    // Connections would not come about through much loss, and not stay: that is spared them.
    relay = await startRelay(loopbackPort(offer), {
      delay: `${settings.oneWayDelayMs}ms`,
      seed: settings.seed,
      "spare-setup": true,
      profile: settings.profile,
    });
    // B knows only the relay, and A learns B's address from what the relay forwards: no packet can
    // go around it.
    const toB = startBitrate(onlyCandidate(offer, relay.port), settings.bitrate);
    const answer = await b.evaluate(
      ([sdp, options]) => globalThis.call.answer(sdp, options),
      [toB, settings],
    );
    await a.evaluate(
      (sdp) => globalThis.call.accept(sdp),
      startBitrate(withoutCandidates(answer), settings.bitrate),
    );
    await until(
      "the peers to connect",
      async () => (await b.evaluate(() => globalThis.call.stats())).connected,
    );
    const { port, child } = relay;
    return {
      pid: chromium.pid,
      sender: a,
      receiver: b,
      relays: [relay],
      mediaDirection: "down",
      others: { relays: child.pid },
      async checkPath() {
        const { remotePort } = await b.evaluate(() => globalThis.call.stats());
        if (remotePort !== port) throw new Error(`B talks to port ${remotePort}, not to the relay`);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Two pages with the module of their end of the call as `globalThis.call`. */
export async function openPages(browser, url, module) {
  const context = await browser.newContext({ permissions: ["camera", "microphone"] });
  const pages = [await context.newPage(), await context.newPage()];
  for (const page of pages) {
    page.on("pageerror", (error) => console.error(`page: ${error.message}`));
    if (process.env.SMRTC_E2E_VERBOSE)
      page.on("console", (message) => console.error(`page: ${message.text()}`));
    await page.goto(url);
    await page.evaluate(async (path) => {
      globalThis.call = await import(new URL(path, location.href).href);
    }, module);
  }
  return pages;
}

const CANDIDATE = /^a=candidate:(\S+) (\d) (\w+) (\d+) (\S+) (\d+) typ (\w+).*$/i;

function loopbackPort(sdp) {
  for (const line of sdp.split("\r\n")) {
    const [, , , protocol, , address, port] = line.match(CANDIDATE) ?? [];
    if (protocol?.toLowerCase() === "udp" && address === "127.0.0.1") return Number(port);
  }
  throw new Error("the offer has no UDP candidate on 127.0.0.1");
}

/** Keeps one candidate per section and makes it the relay's port. */
function onlyCandidate(sdp, port) {
  return sdp
    .split("\r\n")
    .filter(
      (line) => !line.startsWith("a=candidate:") || line.match(CANDIDATE)?.[5] === "127.0.0.1",
    )
    .filter(
      (line) =>
        !line.startsWith("a=candidate:") || line.match(CANDIDATE)?.[3].toLowerCase() === "udp",
    )
    .map((line) => line.replace(/^(a=candidate:\S+ \d \w+ \d+ \S+) \d+ /, `$1 ${port} `))
    .join("\r\n");
}

function withoutCandidates(sdp) {
  return sdp
    .split("\r\n")
    .filter((line) => !line.startsWith("a=candidate:"))
    .join("\r\n");
}

/** Lets the estimator start where the call will end, so that the warm-up stays short. */
function startBitrate(sdp, bitrate) {
  const vp8 = sdp.match(/^a=rtpmap:(\d+) VP8\//m)?.[1];
  const line = `a=fmtp:${vp8} x-google-start-bitrate=${Math.round(bitrate / 1000)}`;
  return sdp.replace(new RegExp(`^(a=rtpmap:${vp8} VP8/90000)\r$`, "m"), `$1\r\n${line}\r`);
}
