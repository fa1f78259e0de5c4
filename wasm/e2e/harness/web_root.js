// The folder that the gateway serves in the tests: the demo page as it is built, and the tests' own
// pages beside it.
import {
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { repository, scratchFolder } from "./workspace.js";

const demo = join(repository, "wasm/demo/dist");
const e2e = join(repository, "wasm/e2e");

/** @param {{ demo?: boolean }} [options] whether the built demo page and SDK must be there */
export function makeWebRoot({ demo: needed = true } = {}) {
  const root = join(scratchFolder(), "web");
  mkdirSync(root);
  if (existsSync(demo)) cpSync(demo, root, { recursive: true });
  else if (needed)
    throw new Error(`${demo} is missing: build the demo page first (npm run build in wasm/demo)`);
  for (const folder of ["pages", "fixtures"])
    cpSync(join(e2e, folder), join(root, "e2e", folder), { recursive: true });
  return root;
}

/**
 * A web root in which a tap of `pages/` runs before the SDK's workers: what a test has to see there
 * needs no door in the product.
 */
export function tappedWebRoot(tap, workers) {
  const root = makeWebRoot();
  for (const name of workers) {
    const worker = join(root, "sdk", name);
    writeFileSync(
      worker,
      `${readFileSync(join(root, "e2e/pages", tap), "utf8")}\n${readFileSync(worker, "utf8")}`,
    );
  }
  return root;
}

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

/**
 * Serves a web root without a gateway, cross-origin isolated: for the half of the bench that has
 * none, and for applications of others.
 * @param {string} root @param {{ headers?: Record<string, string> }} [options]
 */
export async function serveFolder(root, { headers = {} } = {}) {
  const server = createServer((request, response) => {
    const path = join(root, normalize(new URL(request.url ?? "/", "http://x").pathname));
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (!path.startsWith(root) || !existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
    createReadStream(path).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
