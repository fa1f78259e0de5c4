// `make bench-downlink`: what receiving one call costs, by thread and by kind of code. One JSON
// object on stdout.
//
//   node bench/downlink.js [--seconds 20] [--width 1280] [--height 720] [--bitrate 2500]
//
// Page A sends 30 frames a second (VP8) and speech to page B through the gateway; B's downlink
// worker opens, buffers and conceals in Wasm, and the browser decodes. The profiler's samples of
// that worker say how much of a core the engine takes; /proc says it of B's threads.
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { startChromium } from "../harness/browsers.js";
import { sleep } from "../harness/child.js";
import { processTree, role } from "../harness/procfs.js";
import { makeWebRoot } from "../harness/web_root.js";
import { profileWorkers } from "../harness/worker_profile.js";
import { openSmrtc } from "./smrtc.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    width: { type: "string", default: "1280" },
    height: { type: "string", default: "720" },
    bitrate: { type: "string", default: "2500" },
  },
});
const seconds = Number(values.seconds);
/** @type {import("./open_call.js").Settings} */
const settings = {
  width: Number(values.width),
  height: Number(values.height),
  fps: 30,
  bitrate: 1000 * Number(values.bitrate),
  oneWayDelayMs: 5,
  leg: "both",
  seed: 1,
  display: false,
  processing: false,
  profile: "release",
};

const webRoot = makeWebRoot({ demo: true });
const call = await openSmrtc(settings, {
  startBrowser: (args) => startChromium({ args }),
  webRoot,
});
try {
  await sleep(8_000);
  await call.receiver.evaluate(() => globalThis.call.drain());
  const before = threads(call.pid);
  const begin = performance.now();
  await sleep(seconds * 1000);
  const elapsed = (performance.now() - begin) / 1000;
  const byThread = spent(before, threads(call.pid), elapsed);
  const { frames } = await call.receiver.evaluate(() => globalThis.call.drain());
  const worker = (await profileWorkers(call.receiver, seconds)).find(({ url }) =>
    url.includes("downlink_worker"),
  );
  if (!worker) throw new Error("the receiving page has no downlink worker");
  const share = (of) => Math.round((of / worker.seconds) * 10_000) / 10_000;
  console.log(
    JSON.stringify(
      {
        bench: "downlink",
        machine: { cpus: cpus().length, model: cpus()[0]?.model ?? "unknown" },
        settings: {
          width: settings.width,
          height: settings.height,
          fps: settings.fps,
          bitrate: settings.bitrate,
          seconds,
        },
        frames_per_second: Math.round((frames.length / elapsed) * 10) / 10,
        downlink_worker_share_of_core: {
          wasm: share(worker.wasm),
          script: share(worker.script),
          native: share(worker.native),
          garbage: share(worker.garbage),
        },
        // Chromium decodes in its thread pool.
        receiving_renderer_threads_share_of_core: byThread,
      },
      null,
      2,
    ),
  );
} finally {
  await call.close();
}

/** CPU seconds of each thread of the receiving page's renderer: the one that captures no audio. */
function threads(root) {
  const renderers = processTree(root).filter(({ pid }) => role(pid) === "renderer");
  const receiving = renderers
    .map(({ pid }) => threadsOf(pid))
    .filter((all) => ![...all.keys()].some((name) => name.startsWith("AudioInput")));
  return new Map(receiving.flatMap((all) => [...all]));
}

function threadsOf(pid) {
  /** @type {Map<string, number>} */
  const all = new Map();
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      all.set(`${name} ${tid}`, (Number(fields[11]) + Number(fields[12])) / 100);
    } catch {
      // It ended while we looked.
    }
  }
  return all;
}

/** Those that took any, the busiest first. */
function spent(before, after, elapsed) {
  const shares = [...after].map(([name, cpu]) => [name, (cpu - (before.get(name) ?? 0)) / elapsed]);
  const busy = shares.filter(([, share]) => share > 0.002).toSorted(([, a], [, b]) => b - a);
  return Object.fromEntries(busy.map(([name, share]) => [name, Math.round(share * 1000) / 1000]));
}
