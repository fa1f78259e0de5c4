// Timing of the Wasm builds in Node, in the manner of dudect: does one fixed key, or text, take
// another time than random ones?
//
//   node audits/constant_time/timing.mjs FILE.wasm...     the example wasm_check; `make audit-ct` builds and calls
//
// Two classes in random order. Samples above a percentile are dropped, at a hundred percentiles,
// since noise only ever adds; Welch's t of what is left (Reparaz, Balasch, Verbauwhede, "dude, is
// my code constant time?", §3). A line for each test, tab separated: where, build, what, classes,
// samples, greatest |t|, verdict. Fails above CERTAIN, and if the planted leak is not found.
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { BUILDS, hasRelaxedSimd } from "../../crypto/primitives/tests/wasm_support.mjs";

const SAMPLES = Number(process.env.SAMPLES ?? 100_000);
const WARM_UP = 5_000;
/** A |t| that noise does not make, and one below which dudect sees nothing. */
const CERTAIN = 10;
const NOTHING = 4.5;

if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");

/** Numbers of `measure` and the bit of `prepare` that fixes the class. */
const TESTS = [
  { what: "key set-up", operation: 0, bit: 1, of: "key" },
  { what: "seal", operation: 1, bit: 1, of: "key" },
  { what: "seal", operation: 1, bit: 2, of: "text" },
  { what: "open", operation: 2, bit: 1, of: "key" },
  { what: "open", operation: 2, bit: 2, of: "text" },
  { what: "planted leak", operation: 3, bit: 1, of: "key", planted: true },
];

function collect({ prepare, measure }, operation, bit, count) {
  const times = new Float64Array(count);
  const fixed = new Uint8Array(count);
  let seed = 1;
  for (let i = -WARM_UP; i < count; i += 1) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const chosen = (seed >>> 16) & 1;
    prepare(chosen * bit, seed);
    const start = process.hrtime.bigint();
    measure(operation);
    const time = Number(process.hrtime.bigint() - start);
    if (i >= 0) [times[i], fixed[i]] = [time, chosen];
  }
  return { times, fixed };
}

function welch({ times, fixed }, limit) {
  const count = [0, 0];
  const mean = [0, 0];
  const squares = [0, 0];
  for (let i = 0; i < times.length; i += 1) {
    if (times[i] > limit) continue;
    const c = fixed[i];
    const from = times[i] - mean[c];
    count[c] += 1;
    mean[c] += from / count[c];
    squares[c] += from * (times[i] - mean[c]);
  }
  if (Math.min(...count) < 1000) return 0;
  const [a, b] = [0, 1].map((c) => squares[c] / (count[c] - 1) / count[c]);
  return a + b > 0 ? (mean[0] - mean[1]) / Math.sqrt(a + b) : mean[0] === mean[1] ? 0 : Infinity;
}

/** The greatest |t| over dudect's percentiles, 1 − 2^(−10 i / 100), and over all samples. */
function worst(samples) {
  const sorted = samples.times.slice().sort();
  let most = Math.abs(welch(samples, Infinity));
  for (let i = 1; i <= 100; i += 1) {
    const limit = sorted[Math.floor((1 - 2 ** ((-10 * i) / 100)) * (sorted.length - 1))];
    most = Math.max(most, Math.abs(welch(samples, limit)));
  }
  return most;
}

for (const file of process.argv.slice(2)) {
  const { instance } = await WebAssembly.instantiate(await readFile(file));
  const build = BUILDS[instance.exports.backend()];
  for (const { what, operation, bit, of, planted } of TESTS) {
    const t = worst(collect(instance.exports, operation, bit, SAMPLES));
    const found = t > CERTAIN;
    const verdict = planted
      ? found
        ? "found, as it should be"
        : "MISSED"
      : found
        ? "LEAK"
        : t > NOTHING
          ? "unclear"
          : "nothing found";
    if (found !== Boolean(planted)) process.exitCode = 1;
    console.log(
      [
        `Node ${process.version}`,
        build,
        what,
        `fixed or random ${of}`,
        SAMPLES,
        t.toFixed(1),
        verdict,
      ].join("\t"),
    );
  }
}
