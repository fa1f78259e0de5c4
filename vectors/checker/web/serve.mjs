#!/usr/bin/env node
// Serves the page on the loopback interface: a browser loads no module from a file:// address.
//
//   node vectors/checker/web/serve.mjs [PORT]        0, or none: any free port
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};
const root = fileURLToPath(new URL(".", import.meta.url));

/** Starts the server; gives it and its address. */
export function serve(port = 0) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = normalize(join(root, pathname === "/" ? "index.html" : decodeURIComponent(pathname)));
    const type = TYPES[extname(path)];
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep) || !type || !isFile(path)) {
      response.writeHead(404).end("not here\n");
      return;
    }
    response.writeHead(200, {
      "content-type": type,
      "cache-control": "no-cache",
      // The page needs nothing from elsewhere and sends nothing anywhere.
      "content-security-policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'",
    });
    createReadStream(path).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const found = address !== null && typeof address === "object" ? address.port : port;
      resolve({ server, origin: `http://127.0.0.1:${found}` });
    });
  });
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { origin } = await serve(Number(process.argv[2] ?? 0));
  console.log(`${origin}  (Ctrl-C ends it)`);
}
