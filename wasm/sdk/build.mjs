// Builds dist/: the page's module, the two workers and the audio worklet as separate ES modules,
// and the types in one file. The Wasm modules and their glue (smrtc_wasm.js, smrtc_wasm_*.wasm) are
// put there by `make wasm`.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";

/** Upper bounds, gzip, in bytes: raise one on purpose, in the commit that says why. */
const SIZE_LIMITS = {
  // Grew by what repairs calls: reconnection, devices that come and go, and errors that say what to
  // do.
  "index.js": 28_000,
  "uplink_worker.js": 16_000,
  "downlink_worker.js": 14_000,
  "audio_worklet.js": 3_000,
  // One of these three is fetched.
  "smrtc_wasm_relaxed_simd.wasm": 1_600_000,
  "smrtc_wasm_simd128.wasm": 1_600_000,
  "smrtc_wasm_scalar.wasm": 1_600_000,
};
const ENTRIES = {
  index: "src/index.ts",
  uplink_worker: "src/internal/uplink/worker.ts",
  downlink_worker: "src/internal/downlink/worker.ts",
  audio_worklet: "src/internal/audio_worklet.ts",
};

const here = new URL(".", import.meta.url).pathname;
process.chdir(here);
const debug = process.argv.includes("--debug");

/** `smrtc-wasm` is the glue that wasm-bindgen makes; it lies in dist/ beside what we build. */
const glueBesideUs = {
  name: "glue",
  setup(builder) {
    builder.onResolve({ filter: /^smrtc-wasm$/ }, () => ({
      path: "./smrtc_wasm.js",
      external: true,
    }));
  },
};

/** Declarations import each other by the names of the sources, as `.ts`. */
const besideAsTypes = {
  name: "beside-as-types",
  resolveId: (name, from) =>
    from !== undefined && name.endsWith(".ts")
      ? join(dirname(from), name.replace(/\.ts$/, ".d.ts"))
      : null,
};

if (!process.argv.includes("--check-size")) {
  await build({
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).filter(([, path]) => existsSync(path))),
    bundle: true,
    format: "esm",
    target: ["chrome124", "firefox128"],
    outdir: "dist",
    sourcemap: true,
    minify: !debug,
    keepNames: debug,
    plugins: [glueBesideUs],
    logLevel: "warning",
  });
  // The public types in one file: what is internal can neither be imported nor seen.
  const types = "node_modules/.cache/smrtc-types";
  rmSync(types, { recursive: true, force: true });
  execFileSync(
    "../node_modules/.bin/tsc",
    ["--emitDeclarationOnly", "--stripInternal", "--outDir", types],
    { stdio: "inherit" },
  );
  const bundle = await rollup({
    input: `${types}/index.d.ts`,
    plugins: [besideAsTypes, dts()],
    onLog: (_level, log) => {
      throw new Error(log.message);
    },
  });
  await bundle.write({ file: "dist/index.d.ts" });
  await bundle.close();
}

let tooLarge = false;
for (const [file, limit] of Object.entries(SIZE_LIMITS)) {
  const path = `dist/${file}`;
  if (!existsSync(path)) continue;
  const size = gzipSync(readFileSync(path)).length;
  const verdict = size <= limit ? "ok" : "TOO LARGE";
  tooLarge ||= size > limit;
  console.log(
    `${file.padEnd(28)} ${String(size).padStart(9)} bytes gzip, limit ${limit}: ${verdict}`,
  );
}
if (tooLarge && !debug) process.exit(1);
