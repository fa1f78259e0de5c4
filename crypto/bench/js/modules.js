// Size of the Wasm modules, and how long they take to start.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { summary } from "./statistics.js";

const START_UP = fileURLToPath(new URL("start_up.js", import.meta.url));
const REPEATS = 15;

/**
 * @param {import("./roster.js").Entry[]} entries
 * @param {import("./roster.js").NodeRuntime[]} runtimes
 */
export function modules(entries, runtimes) {
  const files = [...new Set(entries.flatMap(({ module }) => module ?? []))];
  return files.map((file) => {
    const bytes = readFileSync(file);
    const startUpMs = Object.fromEntries(
      runtimes.map((runtime) => [runtime.name, startUp(runtime, file)]),
    );
    return {
      module: basename(file, ".wasm"),
      bytes: bytes.length,
      gzipBytes: gzipSync(bytes, { level: 9 }).length,
      startUpMs,
    };
  });
}

/** @param {import("./roster.js").NodeRuntime} runtime */
function startUp({ program, version }, file) {
  const flags = parseInt(version) < 21 ? ["--experimental-wasm-relaxed-simd"] : [];
  const runs = Array.from({ length: REPEATS }, () =>
    JSON.parse(execFileSync(program, [...flags, START_UP, file], { encoding: "utf8" })),
  );
  return Object.fromEntries(
    ["compile", "instantiate", "firstSeal"].map((lap) => [
      lap,
      summary(
        runs.map((run) => run[lap]),
        "least",
      ),
    ]),
  );
}
