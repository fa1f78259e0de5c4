// What the checks of the Wasm builds share.
//
// Each FILE is the example `wasm_check` built for wasm32-unknown-unknown; between them they must
// have all of BUILDS, so that a build that was skipped is not a pass.
export const BUILDS = ["portable", "wasm_simd128", "wasm_relaxed_simd"];

/** A module with one relaxed swizzle: valid where the engine has relaxed SIMD. */
const RELAXED = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  15,
  1,
  13,
  0,
  65,
  1,
  253,
  15,
  65,
  2,
  253,
  15,
  253,
  128,
  2,
  11,
);

export const hasRelaxedSimd = () => WebAssembly.validate(RELAXED);

/**
 * Runs the agreement suite of one module; runs in Node and, as source text, in a page.
 * @param {BufferSource} bytes
 */
export async function agreement(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes);
  const checks = instance.exports;
  const start = performance.now();
  return {
    build: checks.backend(),
    counts: {
      "lengths and alignments": checks.check_lengths_and_alignments(),
      "adversarial keys and texts": checks.check_adversarial(),
      "frames in batches": checks.check_batches(),
      "texts in chunks": checks.check_chunks(),
    },
    seconds: (performance.now() - start) / 1e3,
  };
}

/**
 * Throws unless the results are of every build, and of each check at least as many cases as there
 * are.
 */
export function expectAll(results, where) {
  const least = {
    "lengths and alignments": 16_404,
    "adversarial keys and texts": 1280,
    "frames in batches": 780,
    "texts in chunks": 63,
  };
  for (const { build, counts, seconds } of results) {
    for (const [name, count] of Object.entries(least)) {
      if (counts[name] < count)
        throw new Error(`${where}: ${BUILDS[build]} checked only ${counts[name]} ${name}`);
    }
    const list = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
    console.log(
      `${where}: ${BUILDS[build]} as the oracle: ${list.join(", ")} (${seconds.toFixed(1)} s)`,
    );
  }
  const ran = results.map(({ build }) => BUILDS[build]);
  const skipped = BUILDS.filter((name) => !ran.includes(name));
  if (skipped.length > 0) throw new Error(`${where}: not exercised: ${skipped.join(", ")}`);
}
