// Checks the crypto crate's Wasm builds against the oracle in Node, and prints how fast each is.
//
//   node crypto/primitives/tests/wasm.mjs FILE.wasm...     see wasm_support.mjs; wasm/tools/test-crypto.sh makes them
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { agreement, BUILDS, expectAll, hasRelaxedSimd } from "./wasm_support.mjs";

// Node 20 has relaxed SIMD behind a flag, later ones without.
if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");
if (!hasRelaxedSimd()) throw new Error(`Node ${process.version} has no relaxed SIMD`);

/**
 * Megabytes per second, the best of 30 runs of about 4 ms: the machine is rarely quiet for longer.
 */
function speed(run, bytes) {
  let count = 1;
  for (let elapsed = 0; elapsed < 4; count *= 2) {
    const start = performance.now();
    run(bytes, count);
    elapsed = performance.now() - start;
  }
  const rates = Array.from({ length: 30 }, () => {
    const start = performance.now();
    run(bytes, count);
    return (bytes * count) / (performance.now() - start) / 1e3;
  });
  return Math.max(...rates);
}

const results = [];
for (const file of process.argv.slice(2)) results.push(await agreement(await readFile(file)));
expectAll(results, `Node ${process.version}`);

for (const file of process.argv.slice(2)) {
  const { instance } = await WebAssembly.instantiate(await readFile(file));
  const { refuse, backend, seal, seal_by_oracle, set_up } = instance.exports;
  const figures = [160, 1200, 16384].map(
    (bytes) => `${bytes} B ${speed(seal, bytes).toFixed(0)} MB/s`,
  );
  const ghash = speed(refuse, 1 << 16).toFixed(0);
  const oracle = speed(seal_by_oracle, 16384).toFixed(0);
  const microseconds = 1 / speed((_, count) => set_up(count), 1);
  console.log(
    `${BUILDS[backend()]}: seals ${figures.join(", ")}; GHASH alone ${ghash} MB/s; oracle ${oracle} MB/s; ` +
      `key set-up ${microseconds.toFixed(1)} µs`,
  );
}
