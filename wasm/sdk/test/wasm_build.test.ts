import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RtcError } from "../src/errors.ts";
import { chooseBuilds, loadModule, moduleUrl, probeBuilds } from "../src/internal/wasm_build.ts";

/** What a Node.js started with these flags finds. */
function probedWith(...flags: string[]): unknown {
  const script = `import(${JSON.stringify(fileURLToPath(import.meta.url))}).then((tests) => console.log(JSON.stringify(tests.probeBuilds())))`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "--eval", script], {
    encoding: "utf8",
    env: { ...process.env, SMRTC_PROBE: "1" },
  });
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
      WebAssembly.validate = (bytes) =>
        real(bytes) && !new Uint8Array(bytes as ArrayBuffer).toString().includes("253,128,2");
      assert.deepEqual(probeBuilds(), ["simd128", "scalar"]);
    } finally {
      WebAssembly.validate = real;
    }
    // Node.js 20 has it behind a flag; newer ones have it, and no such flag.
    if (NODE < 22) assert.deepEqual(probedWith(), ["simd128", "scalar"]);
  });

  test("an engine with relaxed SIMD gets that build", () => {
    assert.deepEqual(NODE < 22 ? probedWith("--experimental-wasm-relaxed-simd") : probeBuilds(), [
      "relaxed-simd",
      "simd128",
      "scalar",
    ]);
  });

  test("a build that is asked for and does not run is refused in words", () => {
    assert.deepEqual(chooseBuilds("scalar"), ["scalar"]);
    assert.throws(
      () => chooseBuilds("mmx" as "scalar"),
      (thrown) =>
        thrown instanceof RtcError &&
        thrown.codeName === "NOT_SUPPORTED" &&
        thrown.message.includes("mmx"),
    );
  });

  test("without a wish, every build that runs here is tried, best first", () => {
    assert.deepEqual(chooseBuilds(), probeBuilds());
  });

  /** Serves the empty module under `names`, and `status` for the rest; tells what was asked for. */
  async function served(names: string[], status: number, load: (base: string) => Promise<void>) {
    const asked: string[] = [];
    const server = createServer(({ url = "" }, response) => {
      const name = url.replace("/smrtc_wasm_", "").replace(".wasm", "");
      asked.push(name);
      const page = { "content-type": "text/html; charset=utf-8" };
      if (!names.includes(name)) return response.writeHead(status, page).end("<!doctype html>");
      response.writeHead(200, { "content-type": "application/wasm" });
      return response.end(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      await load(`http://127.0.0.1:${port}/`);
    } finally {
      server.close();
    }
    return asked;
  }
  const ALL = ["relaxed-simd", "simd128", "scalar"] as const;
  const isNotSupported = (words: RegExp) => (thrown: unknown) =>
    thrown instanceof RtcError && thrown.codeName === "NOT_SUPPORTED" && words.test(thrown.message);

  test("the best build is fetched, and no other", async () => {
    const asked = await served(["relaxed_simd", "simd128", "scalar"], 404, async (base) => {
      const { build, module } = await loadModule(ALL, base);
      assert.equal(build, "relaxed-simd");
      assert.ok(module instanceof WebAssembly.Module);
    });
    assert.deepEqual(asked, ["relaxed_simd"]);
  });

  test("a server with one build serves every browser that runs it", async () => {
    // 200: servers of single-page applications send their page for every file they do not have.
    for (const status of [200, 403, 404, 410]) {
      const asked = await served(["simd128"], status, async (base) => {
        assert.equal((await loadModule(ALL, base)).build, "simd128");
      });
      assert.deepEqual(asked, ["relaxed_simd", "simd128"]);
    }
  });

  test("a server without any build, or without the wanted one, is an error that names the file", async () => {
    await served([], 404, async (base) => {
      await assert.rejects(
        loadModule(ALL, base),
        isNotSupported(/smrtc_wasm_scalar.wasm: HTTP 404/),
      );
    });
    await served(["scalar"], 404, async (base) => {
      const loading = loadModule(["simd128"], base);
      await assert.rejects(loading, isNotSupported(/smrtc_wasm_simd128.wasm: HTTP 404/));
    });
  });

  test("a server that fails is not asked for a lesser build", async () => {
    const asked = await served(["scalar"], 500, async (base) => {
      await assert.rejects(loadModule(ALL, base), isNotSupported(/relaxed_simd.wasm: HTTP 500/));
    });
    assert.deepEqual(asked, ["relaxed_simd"]);
  });

  test("each build has a file of its own", () => {
    const names = (["relaxed-simd", "simd128", "scalar"] as const).map(
      (build) => moduleUrl(build, "https://example.com/sdk/").href,
    );
    assert.deepEqual(
      names,
      ["relaxed_simd", "simd128", "scalar"].map(
        (name) => `https://example.com/sdk/smrtc_wasm_${name}.wasm`,
      ),
    );
  });
}
