// Builds dist/, a whole web root: the page, its one script, its style, and the SDK's files beside
// them.
//
// The SDK is not bundled: it starts its workers from the files beside its own module, and the page
// uses it the way a customer's page would.
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "dist");
const sdk = join(here, "../sdk/dist");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  entryPoints: [join(here, "src/main.ts")],
  outfile: join(out, "main.js"),
  bundle: true,
  format: "esm",
  target: ["chrome120", "firefox128"],
  sourcemap: true,
  minify: true,
  logLevel: "warning",
  plugins: [
    {
      name: "sdk-beside-the-page",
      setup(bundle) {
        bundle.onResolve({ filter: /^@smrtc\/sdk$/ }, () => ({
          path: "./sdk/index.js",
          external: true,
        }));
      },
    },
  ],
});
for (const file of ["index.html", "style.css", "favicon.svg"])
  cpSync(join(here, "src", file), join(out, file));
if (existsSync(sdk)) cpSync(sdk, join(out, "sdk"), { recursive: true });
else
  console.error(
    "wasm/sdk/dist is missing: the page will load but cannot call. Build the SDK first.",
  );
