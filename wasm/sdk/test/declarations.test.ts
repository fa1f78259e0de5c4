/** The declarations that the SDK is checked against are those of the module that it runs. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const BUILT = "dist/smrtc_wasm.d.ts";
const COPY = "src/internal/generated/smrtc_wasm.d.ts";
const skip = existsSync(BUILT) ? false : "the module is not built: make wasm";

test("the declarations of the module are those that wasm-bindgen wrote", { skip }, () => {
  assert.equal(
    readFileSync(COPY, "utf8"),
    readFileSync(BUILT, "utf8"),
    `${COPY} is out of date; run in wasm/sdk: cp ${BUILT} ${COPY}`,
  );
});
