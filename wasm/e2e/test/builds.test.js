// The engine's three builds: which one a browser gets, what it says of itself, and that all of them
// understand each other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startChromium } from "../harness/browsers.js";
import { assertHears, assertSees } from "../harness/expect.js";
import { Peer, UNPROCESSED } from "../harness/peer.js";
import { Stage } from "../harness/stage.js";

const stage = Stage.use("isolated");

/** The kernels that each build names as its own. */
const BACKENDS = {
  "relaxed-simd": "wasm_relaxed_simd",
  simd128: "wasm_simd128",
  scalar: "portable",
};

/** The modules that a page has fetched. */
const fetched = (peer) =>
  peer.page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .flatMap(({ name }) => name.match(/smrtc_wasm_\w+\.wasm$/) ?? []),
  );

const fileOf = (build) => `smrtc_wasm_${build.replace("-", "_")}.wasm`;

/**
 * A sealed call between two builds; `undefined` is the browser's choice, which is `expected`.
 * @param {(string | undefined)[]} wanted
 * @param {string[]} expected
 * @param {(ada: Peer) => Promise<void>} before
 */
const callBetween = (wanted, expected, before = async () => {}) =>
  stage.withPeers(stage.gateway(), ["ada", "bob"], async (ada, bob) => {
    await before(ada);
    for (const [i, peer] of [ada, bob].entries()) {
      await peer.join(stage.gateway(), `builds-${expected.join("-")}`, {
        audioProcessing: UNPROCESSED,
        ...(wanted[i] ? { wasmBuild: wanted[i] } : {}),
      });
    }
    await Promise.all([ada.call("publish"), bob.call("publish")]);
    await Promise.all([
      assertSees(ada, "bob", { pictures: 40 }),
      assertSees(bob, "ada", { pictures: 40 }),
    ]);
    await Promise.all([assertHears(ada), assertHears(bob)]);
    for (const [i, peer] of [ada, bob].entries()) {
      const { encryption } = await peer.call("stats");
      assert.equal(encryption.wasmBuild, expected[i]);
      assert.equal(
        encryption.sm4Backend,
        BACKENDS[expected[i]],
        "the module itself says what it runs on",
      );
      assert.deepEqual(
        await fetched(peer),
        [fileOf(expected[i])],
        "one module is fetched, and no other",
      );
      const [sender] = encryption.perSender;
      assert.ok(sender.framesOpened > 100, `${sender.framesOpened} frames opened`);
      assert.equal(sender.framesRejected, 0);
    }
  });

test(
  "a page with the scalar build and one with relaxed SIMD see and hear each other",
  { timeout: 180_000 },
  () => callBetween(["scalar", undefined], ["scalar", "relaxed-simd"]),
);

test(
  "a browser without relaxed SIMD falls back to the simd128 build, and calls one that has it",
  { timeout: 180_000 },
  () =>
    callBetween([undefined, "relaxed-simd"], ["simd128", "relaxed-simd"], async (ada) => {
      // Chromium no longer has a switch for it. i8x16.relaxed_swizzle is 0xfd 0x80 0x02.
      await ada.page.addInitScript(() => {
        const { validate } = WebAssembly;
        WebAssembly.validate = (/** @type {any} */ bytes) =>
          !new Uint8Array(bytes).toString().includes("253,128,2") && validate(bytes);
      });
      await ada.load(stage.gateway().origin);
      const { detail } = await ada.call("systemRequirements");
      assert.deepEqual(
        [
          detail.wasmBuild,
          detail.isWebAssemblySimdSupported,
          detail.isWebAssemblyRelaxedSimdSupported,
        ],
        ["simd128", true, false],
      );
    }),
);

test(
  "a browser without SIMD is told that it will be slower, and calls all the same",
  {
    skip:
      process.arch === "x64"
        ? false
        : "V8 needs SSE 4.1 for SIMD; other processors have no such switch",
    timeout: 180_000,
  },
  async () => {
    const old = await startChromium({ args: ["--js-flags=--no-enable-sse4-1"] });
    try {
      const ada = await Peer.open(old.browser, "ada", stage.gateway().origin);
      const { result, detail, warnings } = await ada.call("systemRequirements");
      assert.deepEqual(
        [result, detail.wasmBuild, detail.isWebAssemblySimdSupported],
        [true, "scalar", false],
      );
      assert.ok(
        warnings.some((warning) => warning.includes("SIMD")),
        warnings.join(" "),
      );
      const refused = await ada.call("join", {
        token: stage.gateway().token("builds-old", "ada"),
        key: Array(32).fill(1),
        wasmBuild: "simd128",
      });
      assert.deepEqual(
        [refused.joined, refused.code],
        [false, "NOT_SUPPORTED"],
        JSON.stringify(refused),
      );
      await ada.join(stage.gateway(), "builds-old");
      await ada.call("publish");
      assert.equal((await ada.call("stats")).encryption.sm4Backend, "portable");
      assert.deepEqual(await fetched(ada), [fileOf("scalar")]);
    } finally {
      await old.close();
    }
  },
);
