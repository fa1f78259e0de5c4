// How a peer in JavaScript is timed: as src/timing.rs does it.
import { readFileSync } from "node:fs";

/**
 * @param {import("./peer.js").Repeat} repeat
 * @param {number} milliseconds
 */
export async function measure(repeat, milliseconds) {
  // Woken from sleep: caches, and the clock of the core. One call of a slow peer is enough of it.
  const first = await until(repeat, milliseconds / 10);
  const { running, calls } =
    first.running >= milliseconds ? first : await until(repeat, milliseconds);
  return { nanosecondsPerCall: (running * 1e6) / calls, calls };
}

async function until(repeat, milliseconds) {
  const start = clocks();
  for (let calls = 0, step = 1; ;) {
    const pending = repeat(calls, calls + step);
    if (pending) await pending;
    calls += step;
    const elapsed = performance.now() - start.now;
    if (elapsed >= milliseconds) {
      const end = clocks();
      return { running: Math.max(end.now - start.now - (end.waited - start.waited), 0), calls };
    }
    // So many more as the time left is likely to hold, but never more than doubling.
    const left = (milliseconds - elapsed) / Math.max(elapsed, 1e-3);
    step = Math.min(Math.max(Math.ceil(calls * left), 1), calls);
  }
}

/**
 * The time, and how long the main thread has waited until then for a processor that others had, in
 * milliseconds.
 */
function clocks() {
  for (;;) {
    const before = waited();
    const now = performance.now();
    if (waited() === before) return { now, waited: before };
  }
}

/** The second number that Linux counts here; elsewhere nothing is known. */
function waited() {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** The nonce of the call with this number. */
export function nonce(number) {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setUint32(8, number);
  return bytes;
}
