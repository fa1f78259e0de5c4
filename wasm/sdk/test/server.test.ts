/**
 * On a server, in a page without HTTPS and in old browsers there is less than the SDK needs: that
 * is said, not thrown as a TypeError.
 */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  RtcError,
  checkSystemRequirements,
  createClient,
  getCameras,
  getDevices,
  getMicrophones,
  getSpeakers,
  isScreenShareSupported,
} from "../src/index.ts";
import { startWorker } from "../src/internal/assets.ts";

const globals = globalThis as unknown as Record<string, unknown>;
const canParse = URL.canParse.bind(URL);
afterEach(() => {
  URL.canParse = canParse;
  delete globals.Worker;
});

test("a server has no devices and lacks what a call needs", async () => {
  for (const list of [getDevices, getCameras, getMicrophones, getSpeakers])
    assert.deepEqual(await list(), [], list.name);
  assert.equal(isScreenShareSupported(), false);
  const { result, missing, detail } = await checkSystemRequirements();
  assert.equal(result, false);
  assert.equal(detail.isSecureContext, false);
  assert.equal(detail.isOffscreenCanvasSupported, false);
  assert.ok(
    missing.some((words) => words.includes("secure context")),
    missing.join(" "),
  );
  await assert.rejects(createClient({ gateway: "https://rtc.example.com", token: "x" }).join(), {
    name: "RtcError",
    codeName: "NOT_SUPPORTED",
    message: /secure context/,
  });
});

test("a browser without URL.canParse comes as far as being told what it lacks", () => {
  delete (URL as { canParse?: unknown }).canParse;
  assert.ok(createClient({ gateway: "https://rtc.example.com", token: "x" }));
  for (const gateway of ["rtc.example.com", "ftp://rtc.example.com", ""]) {
    assert.throws(
      () => createClient({ gateway, token: "x" }),
      { codeName: "INVALID_PARAMETER" },
      gateway,
    );
  }
});

test("a worker of another origin is refused in words that say where it belongs", () => {
  globals.Worker = class {
    constructor(url: URL) {
      throw new DOMException(
        `Failed to construct 'Worker': Script at '${url.href}' cannot be accessed from origin 'https://app.example.com'.`,
        "SecurityError",
      );
    }
  };
  assert.throws(
    () =>
      startWorker("uplink_worker.js", "smrtc-uplink", "https://cdn.example.com/smrtc/", () =>
        assert.fail("not beside the module"),
      ),
    (thrown) => {
      assert.ok(thrown instanceof RtcError);
      assert.equal(thrown.codeName, "NOT_SUPPORTED");
      assert.match(
        thrown.message,
        /uplink_worker\.js in https:\/\/cdn\.example\.com\/smrtc\/ did not start: .*cannot be accessed from origin.*page's own origin/,
      );
      assert.equal((thrown.cause as DOMException).name, "SecurityError");
      return true;
    },
  );
});
