// The package as npm has it, taken into an application by a bundler and served under a strict
// policy: nothing beside it is configured.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { before, test } from "node:test";
import { startChromium } from "../harness/browsers.js";
import { freePort, until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { serveFolder } from "../harness/web_root.js";
import { repository, scratchFolder } from "../harness/workspace.js";

const run = promisify(execFile);
const tools = join(repository, "wasm/e2e/package");
const app = join(scratchFolder(), "app");

/**
 * The policy that the SDK's README promises to run under, with the gateway of this test in the
 * place of the one there.
 */
function policy() {
  const [, written] =
    /Content-Security-Policy: (.*)/.exec(
      readFileSync(join(app, "node_modules/@smrtc/sdk/README.md"), "utf8"),
    ) ?? [];
  assert.match(
    written ?? "",
    /^script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' https:/,
  );
  return (
    written?.replace(
      "https://rtc.example.com:* wss://rtc.example.com:*",
      "https://127.0.0.1:* http://127.0.0.1:* ws://127.0.0.1:*",
    ) ?? ""
  );
}

/** @type {string[]} */
let packed;
before(
  async () => {
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", join(app, "..")], {
      cwd: join(repository, "wasm/sdk"),
    });
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf("[")));
    packed = files.map(({ path }) => path);
    cpSync(join(tools, "app"), app, { recursive: true });
    writeFileSync(
      join(app, "package.json"),
      JSON.stringify({
        name: "app",
        private: true,
        type: "module",
        dependencies: { "@smrtc/sdk": `file:../${filename}` },
      }),
    );
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts"], {
      cwd: app,
    });
  },
  { timeout: 90_000 },
);

test("the package holds what it needs, and nothing internal can be imported", async () => {
  for (const file of [
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "dist/index.js",
    "dist/index.d.ts",
    "dist/uplink_worker.js",
    "dist/downlink_worker.js",
    "dist/audio_worklet.js",
    "dist/smrtc_wasm.js",
    ...["relaxed_simd", "simd128", "scalar"].map((build) => `dist/smrtc_wasm_${build}.wasm`),
  ]) {
    assert.ok(packed.includes(file), `${file} is not in the package`);
  }
  assert.deepEqual(
    packed.filter((path) => path.endsWith(".d.ts")),
    ["dist/index.d.ts"],
  );
  for (const path of ["dist/uplink_worker.js", "dist/internal/emitter.js", "src/index.ts"]) {
    await assert.rejects(
      inNode(`await import("@smrtc/sdk/${path}")`),
      /ERR_PACKAGE_PATH_NOT_EXPORTED/,
    );
  }
});

test("on a server the package can be imported, and says what is missing instead of failing", async () => {
  const { devices, support, code, words } = await inNode(`
    const sdk = await import("@smrtc/sdk");
    const client = sdk.createClient({ gateway: "https://rtc.example.com", token: "x" });
    const error = await client.join().catch((thrown) => thrown);
    return { devices: await sdk.getDevices(), support: await sdk.checkSystemRequirements(), code: error.codeName, words: error.message };`);
  assert.deepEqual(devices, []);
  assert.equal(support.result, false);
  assert.ok(support.missing.length >= 2, JSON.stringify(support.missing));
  assert.equal(code, "NOT_SUPPORTED");
  assert.match(words, /secure context/);
});

test("TypeScript 5.4 takes the types, with those of libraries checked", async () => {
  await run(process.execPath, [join(tools, "node_modules/typescript/bin/tsc"), "-p", app]).catch(
    ({ stdout }) => assert.fail(stdout),
  );
});

test(
  "an application built by Vite and one in Vite's dev server call each other under a strict policy",
  { timeout: 120_000 },
  async () => {
    assert.ok(
      existsSync(join(tools, "node_modules/vite")),
      "wasm/e2e/package has no node_modules: run tools/setup.sh test",
    );
    const vite = await import(
      pathToFileURL(join(tools, "node_modules/vite/dist/node/index.js")).href
    );
    const headers = { "content-security-policy": policy() };
    await vite.build({ root: app, configFile: false, logLevel: "warn" });
    // Ended in the reverse order, also if one of them does not start.
    const running = [];
    const started = async (what, end) => {
      const it = await what;
      running.unshift(() => end(it));
      return it;
    };
    try {
      const built = await started(serveFolder(join(app, "dist"), { headers }), (it) => it.stop());
      const port = await freePort();
      const server = { host: "127.0.0.1", port, strictPort: true, headers };
      const dev = await started(
        vite.createServer({ root: app, configFile: false, logLevel: "warn", server }),
        (it) => it.close(),
      );
      await dev.listen();
      const origins = { ada: built.origin, bob: `http://127.0.0.1:${port}` };
      const gateway = await started(startGateway(app), (it) => it.stop());
      const chromium = await started(startChromium(), (it) => it.close());
      const people = await Promise.all(
        Object.entries(origins).map(async ([user, origin]) => {
          const context = await chromium.browser.newContext({
            permissions: ["camera", "microphone"],
          });
          const page = await context.newPage();
          /** @type {string[]} */
          const said = [];
          page.on("console", (message) => said.push(message.text()));
          page.on("pageerror", (error) => said.push(error.message));
          context.on("response", (answer) => {
            if (answer.status() >= 400 && !answer.url().endsWith("/favicon.ico"))
              said.push(`Refused: ${answer.status()} for ${answer.url()}`);
          });
          const response = await page.goto(`${origin}/index.html`);
          assert.equal(
            response?.headers()["content-security-policy"],
            headers["content-security-policy"],
          );
          await page.waitForFunction(() => "app" in globalThis);
          const state = await page.evaluate(
            ([at, token]) => globalThis.app.join(at, token),
            [gateway.origin, gateway.token("package", user)],
          );
          assert.equal(state, "CONNECTED", `${user}: ${said.join("\n")}`);
          return { user, page, said };
        }),
      );
      await Promise.all(people.map(({ page }) => page.evaluate(() => globalThis.app.publish())));
      await Promise.all(
        people.map(({ user, page }) => {
          const other = user === "ada" ? "bob" : "ada";
          return until(`${user} to see ${other}`, () =>
            page.evaluate((name) => globalThis.app.shown(name) > 10, other),
          );
        }),
      );
      for (const { user, said } of people)
        assert.deepEqual(
          said.filter((line) => /Content Security Policy|Refused/i.test(line)),
          [],
          user,
        );
    } finally {
      for (const end of running) await end();
    }
  },
);

/** What a module in the application's folder returns, as JSON. */
async function inNode(code) {
  const { stdout } = await run(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `const result = await (async () => { ${code} })(); console.log(JSON.stringify(result ?? null));`,
    ],
    { cwd: app },
  );
  return JSON.parse(stdout);
}
