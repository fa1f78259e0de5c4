// Where a page's workers spend their time, by the browser's own sampling profiler.

/** Microseconds between two samples. */
const INTERVAL_US = 200;

/**
 * Profiles the page's workers for a while.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<{ url: string, seconds: number, wasm: number, script: number, native: number,
 *   garbage: number }[]>} seconds of each kind, by worker
 */
export async function profileWorkers(page, seconds) {
  const cdp = await page.context().newCDPSession(page);
  /** @type {{ url: string, call: (method: string, params?: object) => Promise<any> }[]} */
  const workers = [];
  const pending = new Map();
  cdp.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result, error } = JSON.parse(message);
    const waiting = pending.get(id);
    pending.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result);
  });
  cdp.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
    if (targetInfo.type !== "worker") return;
    const call = (method, params = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        pending.set(id, { resolve, reject });
        cdp
          .send("Target.sendMessageToTarget", {
            sessionId,
            message: JSON.stringify({ id, method, params }),
          })
          .catch(reject);
      });
    workers.push({ url: targetInfo.url, call });
  });
  let lastId = 0;
  await cdp.send("Target.setAutoAttach", {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  if (workers.length === 0) throw new Error("the page has no workers");
  for (const { call } of workers) {
    await call("Profiler.enable");
    await call("Profiler.setSamplingInterval", { interval: INTERVAL_US });
    await call("Profiler.start");
  }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const profiles = [];
  for (const { url, call } of workers)
    profiles.push({ url, ...summary((await call("Profiler.stop")).profile) });
  await cdp.detach();
  return profiles;
}

/** Self time by kind of code. */
function summary({ nodes, samples, timeDeltas, startTime, endTime }) {
  const kinds = new Map(nodes.map((node) => [node.id, kind(node.callFrame)]));
  const spent = { wasm: 0, script: 0, native: 0, garbage: 0, idle: 0 };
  samples.forEach((id, i) => (spent[kinds.get(id) ?? "native"] += timeDeltas[i] / 1e6));
  const { wasm, script, native, garbage } = spent;
  return { seconds: (endTime - startTime) / 1e6, wasm, script, native, garbage };
}

function kind({ functionName, url }) {
  if (functionName === "(idle)") return "idle";
  if (functionName === "(garbage collector)") return "garbage";
  if (url.startsWith("wasm:") || url.endsWith(".wasm")) return "wasm";
  return url === "" ? "native" : "script";
}
