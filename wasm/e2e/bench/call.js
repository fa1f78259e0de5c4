// `make bench-call`: the same call over RTCPeerConnection and over smrtc, side by side. One JSON
// object on stdout.
//
//   node bench/call.js [--seconds 20] [--repeats 3] [--delay 5] [--display on|off] [--processing
//   on|off] [--only webrtc|smrtc]
//
// Page A sends video that carries the wall clock (640 × 360, 30 fps, VP8 at 1 Mbit/s) and the
// fake microphone as Opus to page B, in one browser, through the project's relay, which delays each
// packet. B plays the audio, shows the video and reads from each frame how old it is when the
// page has it. WebRTC goes peer to peer through one relay of `delay` each way; smrtc goes through
// the gateway, with half of the delay on each leg, so that both have the same path delay end to
// end.
import { parseArgs } from "node:util";
import { startChromium } from "../harness/browsers.js";
import { makeWebRoot, serveFolder } from "../harness/web_root.js";
import { measureCall } from "./measure.js";
import { within } from "./open_call.js";
import { report } from "./report.js";
import { openSmrtc } from "./smrtc.js";
import { openWebrtc } from "./webrtc.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    repeats: { type: "string", default: "3" },
    delay: { type: "string", default: "5" },
    display: { type: "string", default: "on" },
    processing: { type: "string", default: "on" },
    profile: { type: "string", default: "release" },
    only: { type: "string" },
  },
});

/**
 * @type {import("./open_call.js").Settings & { warmupSeconds: number, seconds: number, repeats: number }}
 */
const settings = {
  width: 640,
  height: 360,
  fps: 30,
  bitrate: 1_000_000,
  oneWayDelayMs: Number(values.delay),
  leg: "both",
  seed: 1,
  warmupSeconds: 10,
  seconds: Number(values.seconds),
  repeats: Number(values.repeats),
  display: values.display === "on",
  processing: values.processing === "on",
  profile: values.profile === "debug" ? "debug" : "release",
};

const calls = { webrtc: openWebrtc, smrtc: openSmrtc };
const wanted = Object.keys(calls).filter((name) => !values.only || values.only === name);
const webRoot = makeWebRoot({ demo: wanted.includes("smrtc") });
const server = await serveFolder(webRoot);
/** @type {Record<string, object[]>} */
const runs = Object.fromEntries(wanted.map((name) => [name, []]));
try {
  for (let repeat = 0; repeat < settings.repeats; repeat++) {
    // Alternating who goes first: a machine that warms up or fills up favours neither.
    for (const name of repeat % 2 ? wanted.toReversed() : wanted) {
      console.error(`run ${repeat + 1} of ${settings.repeats}: ${name}`);
      const env = {
        startBrowser: (args) => startChromium({ args }),
        origin: server.origin,
        webRoot,
      };
      runs[name].push(
        await within(
          settings.warmupSeconds + settings.seconds + 60,
          measureCall(calls[name], settings, env),
        ),
      );
    }
  }
} finally {
  await server.stop();
}

console.log(JSON.stringify(report(settings, runs), null, 2));
