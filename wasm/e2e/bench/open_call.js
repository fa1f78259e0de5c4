// What the benches know of a call, whichever engine carries it.

/**
 * @typedef {object} Settings
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} bitrate greatest of the video, bit/s
 * @property {number} oneWayDelayMs of the whole path
 * @property {"both" | "sender" | "receiver"} leg which leg of our path through the gateway has the
 *   relay; on both, each has half of the delay
 * @property {number} seed of the relays
 * @property {number} [readyLanes] of our call; the SDK's default if it is not given
 * @property {boolean} display B shows the video
 * @property {boolean} processing echo cancellation, noise suppression and gain control at A
 * @property {"debug" | "release"} profile of the gateway and the relay
 */

/**
 * @typedef {object} OpenCall
 * @property {number} pid root of the browser's process tree
 * @property {any} sender page A, with its end of the call as `globalThis.call`
 * @property {any} receiver page B
 * @property {Awaited<ReturnType<typeof import("../harness/relay.js").startRelay>>[]} relays
 * @property {"up" | "down"} mediaDirection in which media goes through the relays
 * @property {Record<string, number | number[]>} others processes beside the browser's, by name
 * @property {() => Promise<void>} checkPath throws if the call goes around the relays
 * @property {() => Promise<void>} close
 */

/**
 * A run that hangs ends the bench: its children die with this process. @template T @param
 * {Promise<T>} run
 */
export async function within(seconds, run) {
  const late = setTimeout(() => {
    console.error(`a run took more than ${seconds} s`);
    process.exit(1);
  }, seconds * 1000);
  try {
    return await run;
  } finally {
    clearTimeout(late);
  }
}
