// `make bench-weaknet`: the same call over RTCPeerConnection and over smrtc through the same bad
// path, side by side in one run. One JSON object on stdout, the table on stderr; both also under
// .build/bench-weaknet.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startChromium } from "../harness/browsers.js";
import { makeWebRoot, serveFolder } from "../harness/web_root.js";
import { repository, speechFile } from "../harness/workspace.js";
import { within } from "./open_call.js";
import { openSmrtc } from "./smrtc.js";
import { chosenPoints, POINTS } from "./weaknet/points.js";
import { report, table } from "./weaknet/report.js";
import { limitSeconds, runPoint } from "./weaknet/run.js";
import { canScoreSpeech, speechScore } from "./weaknet/speech.js";
import { openWebrtc } from "./webrtc.js";

const HELP = `make bench-weaknet OPTIONS="..."     (or node bench/weaknet.js [OPTION...] in wasm/e2e, once all is built)

  --points A,B      which paths (all): ${POINTS.map(({ name }) => name).join(", ")};
                    "loss", "rtt200" and "burst" stand for all of their kind
  --seconds N       how long is measured on a path that stays (25)
  --settle N        how long the path has been bad by then, in seconds (8)
  --repeats N       how often each path is measured; the table has medians (1)
  --leg LEG         where our path through the gateway is bad: sender or receiver (sender)
  --only ENGINE     webrtc or smrtc
  --seed N          of the path's losses (1)
  --profile NAME    of the gateway and the relay: debug or release (release)

All points once take about 28 minutes; one takes 80 s.

Page A sends a picture that carries the wall clock (640 x 360, 30 a second, VP8, at most 1 Mbit/s) and speech as Opus to page B in
the same browser. What B heard of the speech is judged by PESQ (P.862.2) and STOI, and kept under .build/bench-weaknet.
Both engines' packets go through one relay of the project with the whole of the delay, the loss (both ways)
and the bottleneck; ours go on through the gateway. STUN and DTLS are spared, and both calls begin on a clean path.
`;

const { values } = parseArgs({
  options: {
    points: { type: "string", default: "" },
    seconds: { type: "string", default: "25" },
    settle: { type: "string", default: "8" },
    repeats: { type: "string", default: "1" },
    leg: { type: "string", default: "sender" },
    only: { type: "string" },
    seed: { type: "string", default: "1" },
    profile: { type: "string", default: "release" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}

/** @type {import("./open_call.js").Settings} */
const settings = {
  width: 640,
  height: 360,
  fps: 30,
  bitrate: 1_000_000,
  oneWayDelayMs: 25,
  leg: values.leg === "receiver" ? "receiver" : "sender",
  seed: Number(values.seed),
  display: false,
  processing: false,
  profile: values.profile === "debug" ? "debug" : "release",
};
const times = { seconds: Number(values.seconds), settle: Number(values.settle) };
const repeats = Number(values.repeats);
const engines = { webrtc: openWebrtc, smrtc: openSmrtc };
const wanted = Object.keys(engines).filter((name) => !values.only || values.only === name);
const points = chosenPoints(values.points);

const microphone = speechFile();
if (!canScoreSpeech())
  throw new Error("what judges speech is not installed; run: tools/setup.sh bench");
const folder = join(repository, ".build/bench-weaknet");
mkdirSync(folder, { recursive: true });
const webRoot = makeWebRoot({ demo: wanted.includes("smrtc") });
const server = await serveFolder(webRoot);
const env = {
  startBrowser: (args) => startChromium({ args, microphone }),
  origin: server.origin,
  webRoot,
};
const measured = points.map((point) => ({
  point,
  runs: /** @type {Record<string, any[]>} */ (Object.fromEntries(wanted.map((name) => [name, []]))),
}));
try {
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [i, { point, runs }] of measured.entries()) {
      // Alternating who goes first: a machine that warms up or fills up favours neither.
      for (const name of (repeat + i) % 2 ? wanted.toReversed() : wanted)
        await one(repeat, point, name, runs[name]);
    }
  }
} finally {
  await server.stop();
}
publish(report({ ...settings, ...times, repeats }, measured));

/** A call that breaks is a result as well: it is noted, and the bench goes on. */
async function one(repeat, point, name, runs) {
  const seeded = { ...settings, seed: settings.seed + repeat };
  try {
    const { recorded, ...seen } = await within(
      limitSeconds(point, times),
      runPoint(engines[name], point, times, seeded, env),
    );
    const heard =
      recorded === undefined
        ? {}
        : await speechScore(
            recorded,
            microphone,
            join(folder, `${point.name}-${name}-${repeat}.wav`),
          );
    /** @type {Record<string, any>} */
    const run = { ...seen, ...heard };
    runs.push(run);
    const {
      frames_per_second: fps,
      gap_share: gaps,
      delay_ms_p50: p50,
      delay_ms_p95: p95,
      concealed_share: concealed,
      wire_kbps: wire,
      pesq = NaN,
    } = run;
    say(
      `${point.name} ${name}: ${fps.toFixed(1)} frames/s, ${(gaps * 100).toFixed(1)} % in gaps, ${p50}/${p95} ms, ${(concealed * 100).toFixed(2)} % concealed, PESQ ${pesq.toFixed(2)}, ${wire.toFixed(0)} kbit/s`,
    );
  } catch (error) {
    say(`${point.name} ${name} broke: ${error.message}`);
    runs.push({
      broke: error.message,
      frames_per_second: 0,
      gap_share: 1,
      longest_gap_ms: null,
      delay_ms_p50: null,
      delay_ms_p95: null,
      concealed_share: 1,
      pesq: 1.04,
      stoi: 0,
      full_quality_after_s: null,
      video_kbps: 0,
      wire_kbps: 0,
    });
    process.exitCode = 1;
  }
}

function publish(object) {
  const json = JSON.stringify(object);
  const markdown = table(object);
  writeFileSync(join(folder, "report.json"), `${json}\n`);
  writeFileSync(join(folder, "report.md"), markdown);
  console.log(json);
  console.error(`\n${markdown}`);
}

function say(text) {
  console.error(`bench-weaknet: ${text}`);
}
