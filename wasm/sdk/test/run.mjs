// Bundles each test with what it imports (Node 20 does not run TypeScript) and hands all to node's
// own runner.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const here = new URL(".", import.meta.url).pathname;
const out = new URL("../node_modules/.cache/smrtc-tests/", import.meta.url).pathname;
const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
await build({
  entryPoints: tests.map((name) => here + name),
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  outdir: out,
  outExtension: { ".js": ".mjs" },
  sourcemap: "inline",
  logLevel: "warning",
});
const { status } = spawnSync(
  process.execPath,
  [
    "--enable-source-maps",
    "--test",
    "--test-timeout=20000",
    "--test-force-exit",
    ...tests.map((name) => out + name.replace(/\.ts$/, ".mjs")),
  ],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
