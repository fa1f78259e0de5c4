// The paths that are measured, and what we want to reach on them.

/**
 * @typedef {import("../../harness/relay.js").Impairment} Impairment
 * @typedef {object} Goal at least so many frames/s; at most the rest: shares 0 to 1, times in ms
 * @property {number} [frames_per_second]
 * @property {number} [gap_share]
 * @property {number} [delay_ms_p95]
 * @property {number} [concealed_share]
 * @property {number} [longest_gap_ms]
 * @property {number} [full_quality_after_s]
 */

/**
 * @typedef {object} Point
 * @property {string} name for `--points`
 * @property {string} label for the table
 * @property {"steady" | "step"} kind
 * @property {number} oneWayDelayMs
 * @property {number} bitrate greatest of the video, bit/s
 * @property {Impairment[]} path one after the other: one that stays, or the wide, the narrow and
 *   again the wide one
 * @property {number} [readyLanes] of our call, if not as many as by default
 * @property {Goal} goal
 */

/** Loss in percent → what we want at a round trip of 50 ms. @type {Record<number, Goal>} */
const GOALS = {
  0: { frames_per_second: 29, gap_share: 0, delay_ms_p95: 40, concealed_share: 0 },
  10: { frames_per_second: 29, gap_share: 0, delay_ms_p95: 90, concealed_share: 0.001 },
  20: { frames_per_second: 28, gap_share: 0.01, delay_ms_p95: 150, concealed_share: 0.002 },
  30: { frames_per_second: 25, gap_share: 0.02, delay_ms_p95: 200, concealed_share: 0.005 },
  50: { frames_per_second: 20, gap_share: 0.05, delay_ms_p95: 350, concealed_share: 0.02 },
  70: { frames_per_second: 12, gap_share: 0.15, delay_ms_p95: 600, concealed_share: 0.08 },
  80: { frames_per_second: 8, gap_share: 0.3, delay_ms_p95: 900, concealed_share: 0.15 },
};

/** @returns {Point} */
function steady(name, label, roundTripMs, impairment, goal = {}) {
  const oneWayDelayMs = roundTripMs / 2;
  return {
    name,
    label,
    kind: "steady",
    oneWayDelayMs,
    bitrate: 1_000_000,
    path: [{ delay: `${oneWayDelayMs}ms`, ...impairment }],
    goal,
  };
}

/**
 * A queue of 48 kB before the bottleneck: 192 ms at 2 Mbit/s, 1.28 s at 300 kbit/s. @returns
 * {Point}
 */
function step(name, label, loss) {
  const wide = { delay: "25ms", rate: "2mbit", queue: "192ms", loss };
  const narrow = { delay: "25ms", rate: "300kbit", queue: "1280ms", loss };
  const goal = { longest_gap_ms: 500, full_quality_after_s: 8 };
  return {
    name,
    label,
    kind: "step",
    oneWayDelayMs: 25,
    bitrate: 2_000_000,
    path: [wide, narrow, wide],
    goal,
  };
}

export const POINTS = [
  ...[0, 2, 5, 10, 20, 30, 50, 70, 80].map((percent) =>
    steady(`loss-${percent}`, `loss ${percent} %`, 50, { loss: percent / 100 }, GOALS[percent]),
  ),
  ...[70, 80].map((percent) => ({
    ...steady(
      `ready-${percent}`,
      `loss ${percent} %, 30 lanes ready`,
      50,
      { loss: percent / 100 },
      GOALS[percent],
    ),
    readyLanes: 30,
  })),
  ...[0, 10, 30, 50].map((percent) =>
    steady(`rtt200-${percent}`, `loss ${percent} %, round trip 200 ms`, 200, {
      loss: percent / 100,
    }),
  ),
  ...[5, 10, 20].map((percent) =>
    steady(`burst-${percent}`, `loss ${percent} % in bursts of 5`, 50, {
      loss: percent / 100,
      burst: 5,
    }),
  ),
  step("step", "2 M → 300 k → 2 Mbit/s", 0),
  step("step-loss", "the same with 5 % loss", 0.05),
];

/**
 * The points whose names are in the list, which has commas; a name without its number stands for
 * all of its kind. @returns {Point[]}
 */
export function chosenPoints(list) {
  if (!list) return POINTS;
  const names = list.split(",");
  const unknown = names.find((name) => !POINTS.some((point) => matches(point, name)));
  if (unknown !== undefined)
    throw new Error(
      `no point is called ${unknown}; there are ${POINTS.map(({ name }) => name).join(", ")}`,
    );
  return POINTS.filter((point) => names.some((name) => matches(point, name)));
}

const matches = (point, name) => point.name === name || point.name.replace(/-\d+$/, "") === name;
