// From samples to the printed object: speeds, ratios of peers measured in the same round, goals.
import { ratioGoals, timeGoals } from "./goals.js";
import { machine } from "./machine.js";
import { summary } from "./statistics.js";

/** Frames in a batch, as in src/timing.rs. */
const BATCH = 16;

export function report({ settings, runtimes, peers, absent, samples, modules, load }) {
  const list = [...peers].map(([id, { entry, version }]) => ({
    id,
    label: entry.label,
    algorithm: entry.algorithm,
    version,
    // By what is done and how many bytes it takes: MB/s, or microseconds where nothing has a
    // length.
    ...cells(samples, id),
  }));
  const nodes = runtimes.map(({ name }) => name);
  const [before, after] = load;
  const share = (part) => round((after[part] - before[part]) / (after.all - before.all), 3);
  return {
    bench: "crypto",
    machine: machine(),
    nodes: Object.fromEntries(runtimes.map(({ name, version }) => [name, version])),
    settings,
    // Our own share of the busy time is one core: one peer at a time.
    load: {
      before: before.average,
      after: after.average,
      busyShare: share("busy"),
      stolenShare: share("steal"),
    },
    goals: [
      ...ratioGoals(nodes).map((goal) => ratioResult(goal, samples)),
      ...timeGoals(nodes).map((goal) => timeResult(goal, samples)),
    ],
    peers: list,
    batch: batches(samples),
    modules: modules.map(({ startUpMs, ...module }) => ({
      ...module,
      startUpMs: Object.fromEntries(
        Object.entries(startUpMs).map(([node, laps]) => [
          node,
          mapValues(laps, (lap) => rounded(lap, 3)),
        ]),
      ),
    })),
    absent,
  };
}

function cells(samples, id) {
  /** @type {Record<string, Record<string, object>>} */
  const result = { seal: {}, open: {} };
  for (const [cell, byPeer] of samples) {
    const times = present(byPeer.get(id) ?? []);
    if (!times.length) continue;
    const [what, bytes] = cell.split(" ");
    if (what === "setKey")
      result.setKeyMicroseconds = rounded(
        summary(
          times.map((ns) => ns / 1e3),
          "least",
        ),
        2,
      );
    else if (what in result)
      result[what][bytes] = rounded(summary(times.map((ns) => (Number(bytes) / ns) * 1e3)), 1);
  }
  return result;
}

/** How many times as fast `ours` is as `other`, in each round that measured both. */
function ratios(byPeer, ours, other) {
  const [mine, theirs] = [byPeer?.get(ours) ?? [], byPeer?.get(other) ?? []];
  return mine.flatMap((time, round) =>
    time > 0 && theirs[round] > 0 ? [theirs[round] / time] : [],
  );
}

function ratioResult({ says, ours, against, bytes, atLeast }, samples) {
  const of = (what) => {
    const byPeer = samples.get(`${what} ${bytes}`);
    const all = against.map((other) => ratios(byPeer, ours, other)).filter((list) => list.length);
    // The fastest rival is the one that leaves the least ratio.
    return all.map((list) => rounded(summary(list), 2)).toSorted((a, b) => a.median - b.median)[0];
  };
  const [seal, open] = [of("seal"), of("open")];
  return { says, bytes, atLeast, seal, open, met: seal ? seal.median >= atLeast : undefined };
}

function timeResult({ says, ours, what, belowMicroseconds }, samples) {
  const times = present(samples.get(`${what} 0`)?.get(ours) ?? []);
  const microseconds =
    times.length &&
    rounded(
      summary(
        times.map((ns) => ns / 1e3),
        "least",
      ),
      2,
    );
  return {
    says,
    belowMicroseconds,
    microseconds,
    met: microseconds ? microseconds.median < belowMicroseconds : undefined,
  };
}

/** Sealing many small frames in one call, against one call for each. */
function batches(samples) {
  return [...samples].flatMap(([cell, byPeer]) => {
    const [what, bytes] = cell.split(" ");
    if (what !== "sealBatch") return [];
    const single = samples.get(`seal ${bytes}`);
    return [...byPeer].map(([id, samplesOf]) => {
      const times = present(samplesOf);
      const perFrame = times.map((ns) => ns / BATCH);
      const gain = ratios(
        new Map([
          ["batch", samplesOf.map((ns) => ns / BATCH)],
          ["one", single?.get(id) ?? []],
        ]),
        "batch",
        "one",
      );
      return {
        id,
        frames: BATCH,
        frameBytes: Number(bytes),
        mbPerSecond: rounded(summary(perFrame.map((ns) => (Number(bytes) / ns) * 1e3)), 1),
        // Not in the same moment, but in the same round.
        timesOneByOne: gain.length ? rounded(summary(gain), 2) : undefined,
      };
    });
  });
}

/** Rounds that were skipped have left holes. */
const present = (times) => times.filter((time) => time > 0);
const round = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;
const mapValues = (record, change) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
const rounded = (record, digits) => mapValues(record, (value) => round(value, digits));
