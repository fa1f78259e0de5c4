// The checker's page in Chromium: real files in, the counts of the table out, for every build of
// the module that was made (vectors/checker/web/build.sh).
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BUILDS, modulePath } from "../../../vectors/checker/web/builds.mjs";
import { serve } from "../../../vectors/checker/web/serve.mjs";
import { startChromium } from "../harness/browsers.js";
import { buildFolder } from "../harness/workspace.js";

const vectors = fileURLToPath(new URL("../../../vectors", import.meta.url));
const screenshots = join(buildFolder, "screenshots");
const scratch = mkdtempSync(join(tmpdir(), "smrtc-vectors-"));
const FILES = [
  "wycheproof/sm4_gcm_test.json",
  "smrtc/sm2_pke_edges_test.json",
  "hitls/sm2_sign_test.json",
  "hitls/sm9_raw.json",
];
const COUNTS = "396 passed, 0 failed, 36 not run";

let chromium;
let page;
let server;
const trouble = [];
before(
  async () => {
    mkdirSync(screenshots, { recursive: true });
    let origin;
    ({ server, origin } = await serve());
    chromium = await startChromium({ camera: false });
    const context = await chromium.browser.newContext({
      viewport: { width: 1280, height: 900 },
      acceptDownloads: true,
    });
    page = await context.newPage();
    page.on("pageerror", (error) => trouble.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") trouble.push(message.text());
    });
    await page.goto(origin);
    await page.waitForSelector("body[data-ready]:not([data-ready=''])", { timeout: 30_000 });
  },
  { timeout: 60_000 },
);
after(async () => {
  await chromium?.close();
  server?.close();
  rmSync(scratch, { recursive: true });
});

const summary = () => page.textContent("#summary");

async function run() {
  await page.click("#run");
  await page.waitForSelector("#run:not([disabled])", { timeout: 120_000 });
}

test(
  "every build that Chromium runs passes real files, and names itself and its back end",
  { timeout: 120_000 },
  async () => {
    await page.setInputFiles(
      "#files",
      FILES.map((name) => join(vectors, name)),
    );
    const builds = await page.$$eval("#build option", (options) =>
      options.map(({ value }) => value),
    );
    assert.deepEqual(builds, BUILDS, "this Chromium runs them all");
    const made = BUILDS.filter((build) =>
      existsSync(join(vectors, "checker/web", modulePath(build))),
    );
    assert.ok(made.includes("relaxed_simd"), "run vectors/checker/web/build.sh");
    for (const build of made) {
      await page.selectOption("#build", build);
      await page.waitForSelector(`body[data-ready=${build}]`, { timeout: 30_000 });
      await run();
      assert.equal(await summary(), COUNTS);
      assert.ok(
        (await page.textContent("#about")).includes(build.replace("_", "-")),
        await page.textContent("#about"),
      );
      const backend = {
        relaxed_simd: "wasm_relaxed_simd",
        simd128: "wasm_simd128",
        scalar: "portable",
      }[build];
      assert.ok((await page.textContent("tr.ok:has-text('SM4-GCM')")).includes(backend));
      assert.ok((await page.textContent("tr.none + tr.why")).includes("SM9"));
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.screenshot({ path: join(screenshots, "vectors-light.png"), fullPage: true });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.screenshot({ path: join(screenshots, "vectors-dark.png"), fullPage: true });
  },
);

test(
  "the folder of all vectors passes, without the programs and schemas in it",
  { timeout: 180_000 },
  async () => {
    await page.click("#clear");
    await page.selectOption("#build", "relaxed_simd");
    await page.waitForSelector("body[data-ready=relaxed_simd]", { timeout: 30_000 });
    await page.setInputFiles("#folder", vectors);
    await page.waitForSelector("#run:not([disabled])");
    await run();
    assert.equal(await page.textContent("#trouble"), "");
    const [, passed, failed] = /^(\d+) passed, (\d+) failed/.exec((await summary()) ?? "") ?? [];
    assert.equal(failed, "0");
    assert.ok(Number(passed) > 4600, `only ${passed} passed`);
    await page.click("#clear");
    await page.setInputFiles(
      "#files",
      FILES.map((name) => join(vectors, name)),
    );
    await run();
  },
);

test("the reports that are downloaded hold every case", { timeout: 60_000 }, async () => {
  const saved = async (button) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    const path = join(scratch, download.suggestedFilename());
    await download.saveAs(path);
    return readFileSync(path, "utf8");
  };
  const { runs } = JSON.parse(await saved("#json"));
  assert.deepEqual(runs[0].counts, { passed: 396, failed: 0, unsupported: 36 });
  assert.equal((await saved("#junit")).match(/<testcase /g)?.length, 396 + 36);
});

test(
  "a wrong vector is shown as failed, and a file that is none as trouble",
  { timeout: 60_000 },
  async () => {
    await page.click("#clear");
    const wrong = JSON.parse(readFileSync(join(vectors, FILES[0]), "utf8"));
    wrong.testGroups[0].tests[0].tag = "00".repeat(16);
    const path = join(scratch, "wrong.json");
    writeFileSync(path, JSON.stringify(wrong));
    await page.setInputFiles("#files", path);
    await run();
    assert.equal(await summary(), "103 passed, 1 failed, 0 not run");
    assert.match(await page.textContent("tr.why.bad"), /case 1: aead-(seal|open): /);
    await page.screenshot({ path: join(screenshots, "vectors-failed.png"), fullPage: true });

    writeFileSync(path, "{");
    await page.setInputFiles("#files", path);
    await run();
    assert.match(await page.textContent("#trouble"), /wrong\.json: not JSON/);
    assert.deepEqual(trouble, []);
  },
);
