// Checks the crypto crate's Wasm builds against the oracle in Node, and prints how fast each is.
//
//   node crypto/primitives/tests/wasm.mjs FILE.wasm...
//
// Each FILE is the example `wasm_check` built for wasm32-unknown-unknown with the target features to try:
// none, +simd128, +simd128,+relaxed-simd.
import { readFile } from "node:fs/promises";

const NAMES = ["portable", "wasm_simd128", "wasm_relaxed_simd"];

/** Megabytes per second, the best of 60 runs of about 4 ms: the machine is rarely quiet for longer. */
function speed(run, bytes) {
  let count = 1;
  for (let elapsed = 0; elapsed < 4; count *= 2) {
    const start = performance.now();
    run(bytes, count);
    elapsed = performance.now() - start;
  }
  const rates = Array.from({ length: 60 }, () => {
    const start = performance.now();
    run(bytes, count);
    return (bytes * count) / (performance.now() - start) / 1e3;
  });
  return Math.max(...rates);
}

for (const file of process.argv.slice(2)) {
  const { instance } = await WebAssembly.instantiate(await readFile(file));
  const { refuse, backend, check, seal, seal_by_oracle, set_up } = instance.exports;
  const checked = check();
  const figures = [160, 1200, 16384].map((bytes) => `${bytes} B ${speed(seal, bytes).toFixed(0)} MB/s`);
  const ghash = speed(refuse, 1 << 16).toFixed(0);
  const oracle = speed(seal_by_oracle, 16384).toFixed(0);
  const microseconds = 1 / speed((_, count) => set_up(count), 1);
  console.log(
    `${NAMES[backend()]}: ${checked} lengths agree; seals ${figures.join(", ")}; GHASH alone ${ghash} MB/s; ` +
      `oracle ${oracle} MB/s; key set-up ${microseconds.toFixed(1)} µs`,
  );
}
