// Which size of a user's video a page is shown, for tests of the small stream beside the big one.
import { until } from "./child.js";

// Low rates, so that a busy machine, whose packets come late, does not look like a path with room
// for the small one alone.
export const BIG = { width: 640, height: 360, frameRate: 30, bitrate: 400 };
export const SMALL = { width: 320, height: 180, frameRate: 15, bitrate: 60 };

/**
 * Waits until the last frames that came have this height; all that came since the call before.
 * @param {import("./peer.js").Peer} peer
 */
export async function untilSeen(peer, user, height, { inRow = 12, timeout = 60_000 } = {}) {
  /** @type {any[]} */
  const codes = [];
  try {
    await until(
      `${peer.user} to see ${user} at a height of ${height}`,
      async () => {
        codes.push(...(await peer.call("pictures", user)).codes);
        return codes.length >= inRow && codes.slice(-inRow).every((code) => code.height === height);
      },
      { timeout, every: 100 },
    );
  } catch (error) {
    throw new Error(
      `${error.message}; ${JSON.stringify(heights(codes))}\n${await peer.trouble()}`,
      { cause: error },
    );
  }
  return codes;
}

/** Heights that followed each other. */
export const heights = (codes) =>
  codes.map(({ height }) => height).filter((height, i, all) => height !== all[i - 1]);

/** Of the streams that a page sends, by its statistics. @param {import("./peer.js").Peer} peer */
export const layersOf = async (peer) => (await peer.call("stats")).localVideo.layers;

/** Milliseconds between two frames at most; `at` counts quarters. */
export const longestGap = (codes) =>
  Math.max(...codes.slice(1).map(({ at }, i) => (at - codes[i].at) / 4));
