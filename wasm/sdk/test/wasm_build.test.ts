import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RtcError } from "../src/errors.ts";
import { chooseBuild, moduleUrl, probeBuilds } from "../src/internal/wasm_build.ts";

/** What a Node.js started with these flags finds. */
function probedWith(...flags: string[]): unknown {
  const script = `import(${JSON.stringify(fileURLToPath(import.meta.url))}).then((tests) => console.log(JSON.stringify(tests.probeBuilds())))`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "--eval", script], { encoding: "utf8", env: { ...process.env, SMRTC_PROBE: "1" } });
  try {
    return JSON.parse(stdout);
  } catch {
    return stderr;
  }
}
export { probeBuilds };

const NODE = Number(process.versions.node.split(".")[0]);

if (process.env.SMRTC_PROBE === undefined) {
  test("without WebAssembly there is no build", () => {
    const real = globalThis.WebAssembly;
    try {
      Reflect.deleteProperty(globalThis, "WebAssembly");
      assert.deepEqual(probeBuilds(), []);
    } finally {
      globalThis.WebAssembly = real;
    }
    assert.ok(probeBuilds().includes("simd128"), "and with it there is");
  });

  test("an engine without SIMD gets the scalar build", () => {
    // V8 needs SSE 4.1 for SIMD; on other processors there is no such switch.
    if (process.arch !== "x64") return;
    assert.deepEqual(probedWith("--no-enable-sse4-1"), ["scalar"]);
  });

  test("an engine without relaxed SIMD gets the simd128 build", () => {
    const real = WebAssembly.validate;
    try {
      // i8x16.relaxed_swizzle
      WebAssembly.validate = (bytes) => real(bytes) && !new Uint8Array(bytes as ArrayBuffer).toString().includes("253,128,2");
      assert.deepEqual(probeBuilds(), ["simd128", "scalar"]);
    } finally {
      WebAssembly.validate = real;
    }
    // Node.js 20 has it behind a flag; newer ones have it, and no such flag.
    if (NODE < 22) assert.deepEqual(probedWith(), ["simd128", "scalar"]);
  });

  test("an engine with relaxed SIMD gets that build", () => {
    assert.deepEqual(NODE < 22 ? probedWith("--experimental-wasm-relaxed-simd") : probeBuilds(), ["relaxed-simd", "simd128", "scalar"]);
  });

  test("a build that is asked for and does not run is refused in words", () => {
    assert.equal(chooseBuild("scalar"), "scalar");
    assert.throws(() => chooseBuild("mmx" as "scalar"), (thrown) => thrown instanceof RtcError && thrown.codeName === "NOT_SUPPORTED" && thrown.message.includes('mmx'));
  });

  test("each build has a file of its own", () => {
    const names = (["relaxed-simd", "simd128", "scalar"] as const).map((build) => moduleUrl(build, "https://example.com/sdk/").href);
    assert.deepEqual(names, ["relaxed_simd", "simd128", "scalar"].map((name) => `https://example.com/sdk/smrtc_wasm_${name}.wasm`));
  });
}
