// Medians over the repeats, what was missed, and the table.
import { cpus, loadavg } from "node:os";

const DIGITS = {
  frames_per_second: 1,
  gap_share: 4,
  longest_gap_ms: 0,
  delay_ms_p50: 0,
  delay_ms_p95: 0,
  concealed_share: 4,
  pesq: 2,
  stoi: 3,
  full_quality_after_s: 1,
  video_kbps: 0,
  wire_kbps: 0,
  wire_lost_share: 3,
  browser_cpu_seconds_per_minute: 1,
};

/** @param {{ point: import("./points.js").Point, runs: Record<string, any[]> }[]} measured */
export function report(settings, measured) {
  return {
    bench: "weaknet",
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? "unknown",
      load: loadavg().map((value) => round(value, 2)),
    },
    settings,
    points: measured.map(({ point, runs }) => {
      const engines = Object.fromEntries(
        Object.entries(runs).map(([name, list]) => [name, list.length ? summary(list) : null]),
      );
      return {
        ...point,
        ...engines,
        missed: engines.smrtc ? missed(point.goal, engines.smrtc) : null,
        runs,
      };
    }),
  };
}

function summary(runs) {
  return Object.fromEntries(
    Object.keys(DIGITS)
      .filter((key) => key in runs[0])
      .map((key) => [
        key,
        middle(
          runs.map((run) => run[key]),
          DIGITS[key],
        ),
      ]),
  );
}

/** Not to come back counts as the longest time. */
function middle(values, digits) {
  const sorted = values
    .map((value) => (value === null ? Infinity : value))
    .toSorted((a, b) => a - b);
  const found = sorted[(sorted.length - 1) >> 1];
  return Number.isFinite(found) ? round(found, digits) : null;
}

/** Names of the goals that were not reached. */
function missed(goal, ours) {
  return Object.entries(goal)
    .filter(([key, wanted]) =>
      key === "frames_per_second"
        ? !(ours[key] >= wanted)
        : !(ours[key] !== null && ours[key] <= wanted),
    )
    .map(([key]) => key);
}

const round = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;
const percent = (share) => `${round(share * 100, share < 0.1 ? 1 : 0)} %`;
const plain = (value) =>
  value === null || value === undefined || Number.isNaN(value) ? "–" : String(value);

/** Column → how it is written. */
const STEADY = {
  frames_per_second: ["frames/s", plain],
  gap_share: ["in gaps > 200 ms", percent],
  delay_ms_p50: ["delay p50, ms", plain],
  delay_ms_p95: ["p95, ms", plain],
  concealed_share: ["sound concealed", percent],
  pesq: ["PESQ", plain],
  stoi: ["STOI", plain],
  video_kbps: ["encoded, kbit/s", plain],
  wire_kbps: ["on the wire", plain],
};
const STEP = {
  longest_gap_ms: ["longest gap, ms", plain],
  full_quality_after_s: ["full quality again after, s", plain],
  frames_per_second: ["frames/s", plain],
  delay_ms_p95: ["delay p95, ms", plain],
  concealed_share: ["sound concealed", percent],
  wire_kbps: ["on the wire, kbit/s", plain],
};

export function table({ points }) {
  return [
    rows(
      points.filter(({ kind }) => kind === "steady"),
      STEADY,
    ),
    rows(
      points.filter(({ kind }) => kind === "step"),
      STEP,
    ),
  ]
    .filter(Boolean)
    .join("\n");
}

function rows(points, columns) {
  if (points.length === 0) return "";
  const lines = [
    ["path", ...Object.values(columns).map(([title]) => title), "goals missed"],
    ["---", ...Object.keys(columns).map(() => "---"), "---"],
  ];
  for (const { label, webrtc, smrtc, missed: names, goal } of points) {
    const cells = Object.entries(columns).map(([key, [, write]]) =>
      [webrtc, smrtc].flatMap((engine) => (engine ? [write(engine[key])] : [])).join(" → "),
    );
    const wrong = (names ?? []).map(
      (key) => `${columns[key]?.[0] ?? key} (${columns[key]?.[1](goal[key]) ?? goal[key]})`,
    );
    lines.push([
      label,
      ...cells,
      wrong.join(", ") || (names && Object.keys(goal).length ? "none" : ""),
    ]);
  }
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
