// Checks the crypto crate's Wasm builds against the oracle in Chromium, headless.
//
//   node crypto/primitives/tests/wasm_browser.mjs FILE.wasm...     see wasm_support.mjs; needs the packages of wasm/
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { agreement, expectAll } from "./wasm_support.mjs";

const require = createRequire(new URL("../../../wasm/e2e/package.json", import.meta.url));
const { chromium } = require("playwright-core");

// As in wasm/e2e/harness/browsers.js: the binary itself rather than Debian's wrapper.
const PATHS = [
  process.env.SMRTC_CHROMIUM,
  "/usr/lib/chromium/chromium",
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
];
const executablePath = PATHS.find((path) => path && existsSync(path));
if (!executablePath) throw new Error("no Chromium found; install it or set SMRTC_CHROMIUM");

const browser = await chromium.launch({
  executablePath,
  headless: true,
  chromiumSandbox: false,
  args: [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  const results = [];
  for (const file of process.argv.slice(2)) {
    const base64 = (await readFile(file)).toString("base64");
    results.push(
      await page.evaluate(
        `(${agreement})(Uint8Array.from(atob("${base64}"), (byte) => byte.charCodeAt(0)))`,
      ),
    );
  }
  expectAll(results, `Chromium ${browser.version()}`);
} finally {
  await browser.close();
}
