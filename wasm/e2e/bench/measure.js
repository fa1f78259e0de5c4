// A stretch of a call, and the CPU and memory of a browser meanwhile.
import { sleep } from "../harness/child.js";
import { cpuBetween, processTree, pssBytes } from "../harness/procfs.js";

/**
 * @param {number} browser root of the browser's process tree
 * @param {number} wantedSeconds
 * @param {Record<string, number | number[]>} others processes to account for separately, by name
 */
export async function measure(browser, wantedSeconds, others = {}) {
  const begin = performance.now();
  const before = processTree(browser);
  const trees = (pids) => [pids].flat().flatMap((pid) => processTree(pid));
  const othersBefore = Object.fromEntries(
    Object.entries(others).map(([name, pids]) => [name, trees(pids)]),
  );
  let peakPssBytes = 0;
  const samples = Math.max(1, Math.floor(wantedSeconds / 2.5));
  for (let i = 1; i <= samples; i++) {
    await sleep(begin + (wantedSeconds * 1000 * i) / samples - performance.now());
    peakPssBytes = Math.max(
      peakPssBytes,
      processTree(browser).reduce((sum, { pid }) => sum + pssBytes(pid), 0),
    );
  }
  const seconds = (performance.now() - begin) / 1000;
  const cpu = cpuBetween(before, processTree(browser));
  const perMinute = (value) => (value * 60) / seconds;
  return {
    seconds,
    cpuSecondsPerMinute: perMinute(cpu.total),
    cpuSecondsPerMinuteByRole: Object.fromEntries(
      Object.entries(cpu.byRole).map(([role, value]) => [role, perMinute(value)]),
    ),
    othersCpuSecondsPerMinute: Object.fromEntries(
      Object.entries(others).map(([name, pids]) => [
        name,
        perMinute(cpuBetween(othersBefore[name], trees(pids)).total),
      ]),
    ),
    peakPssMiB: peakPssBytes / 2 ** 20,
  };
}

/**
 * Opens a call, lets it settle, measures a stretch of it and ends it.
 * @param {(settings: import("./open_call.js").Settings, env: object) =>
 *   Promise<import("./open_call.js").OpenCall>} open
 * @param {import("./open_call.js").Settings & { warmupSeconds: number, seconds: number }} settings
 */
export async function measureCall(open, settings, env) {
  const call = await open(settings, env);
  try {
    await sleep(settings.warmupSeconds * 1000);
    const before = await call.sender.evaluate(() => globalThis.call.stats());
    await call.receiver.evaluate(() => globalThis.call.drain());
    const measured = await measure(call.pid, settings.seconds, call.others);
    const received = await call.receiver.evaluate(() => globalThis.call.drain());
    const after = await call.sender.evaluate(() => globalThis.call.stats());
    const far = await call.receiver.evaluate(() => globalThis.call.stats());
    await call.checkPath();
    return {
      ...measured,
      received,
      videoKbps: ((after.videoBytes - before.videoBytes) * 8) / 1000 / measured.seconds,
      codec: after.codec,
      concealedShare: far.audioConcealed / far.audioSamples,
    };
  } finally {
    await call.close();
  }
}
