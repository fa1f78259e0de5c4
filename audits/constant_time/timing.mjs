// Timing of the Wasm build in Node, in the manner of dudect: does a key and text of zeros take another time
// than random ones?
//
//   node audits/constant_time/timing.mjs FILE.wasm        # the example wasm_check; see wasm/tools/test-crypto.sh
//
// Two classes in random order; samples above a percentile are dropped, at several percentiles, since noise
// only ever adds; Welch's t of what is left. |t| > 10 at any percentile is a leak for certain, below 4.5 nothing was
// found. A planted leak must be found, or the test proves nothing.
import { readFile } from "node:fs/promises";

const SAMPLES = 60_000;

const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]));
const { prepare, measure, measure_leak } = instance.exports;

function collect(run) {
  const samples = [];
  let seed = 1;
  for (let i = 0; i < 3000; i += 1) {
    prepare(i & 1, i);
    run();
  }
  for (let i = 0; i < SAMPLES; i += 1) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const fixed = (seed >>> 16) & 1;
    prepare(fixed, seed);
    const start = process.hrtime.bigint();
    run();
    samples.push({ fixed, time: Number(process.hrtime.bigint() - start) });
  }
  return samples;
}

function welch(samples) {
  const [a, b] = [0, 1].map((fixed) => {
    const times = samples.filter((sample) => sample.fixed === fixed).map((sample) => sample.time);
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
    const squares = times.reduce((sum, time) => sum + (time - mean) ** 2, 0);
    return { mean, variance: squares / (times.length - 1) / times.length };
  });
  return (a.mean - b.mean) / Math.sqrt(a.variance + b.variance);
}

function worst(samples) {
  const sorted = samples.map((sample) => sample.time).sort((a, b) => a - b);
  return [0.2, 0.4, 0.6, 0.8, 0.9, 0.99]
    .map((percentile) => sorted[Math.floor(percentile * (sorted.length - 1))])
    .map((limit) => welch(samples.filter((sample) => sample.time <= limit)))
    .reduce((most, t) => (Math.abs(t) > Math.abs(most) ? t : most), 0);
}

const sealing = worst(collect(measure));
const planted = worst(collect(measure_leak));
console.log(`key set-up and sealing: |t| ≤ ${Math.abs(sealing).toFixed(1)}; planted leak: ${Math.abs(planted).toFixed(1)}`);
if (Math.abs(planted) < 10) {
  console.log("the planted leak was not found: this run proves nothing");
  process.exitCode = 2;
} else if (Math.abs(sealing) > 10) {
  console.log("LEAK");
  process.exitCode = 1;
}
