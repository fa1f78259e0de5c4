// The real gateway as a child process, and tokens for it.
import { createHmac } from "node:crypto";
import { freePort, start, until } from "./child.js";
import { program } from "./workspace.js";

const SECRET = "a secret that only the tests know, 32+ bytes";

/**
 * @typedef {object} Gateway
 * @property {string} origin `http://127.0.0.1:port`
 * @property {number} port
 * @property {import("./child.js").Child} child
 * @property {(room: string, user: string, changes?: object) => string} token
 * @property {string} secret of its join tokens
 * @property {() => Promise<string>} metrics
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} webRoot
 * @param {{ args?: string[], profile?: "debug" | "release", env?: Record<string, string>, port?:
 *   number }} [options]
 *   `port`: that of a gateway which was stopped, to take its place
 * @returns {Promise<Gateway>}
 */
export async function startGateway(
  webRoot,
  { args = [], profile = "debug", env = {}, port: wanted } = {},
) {
  const port = wanted ?? (await freePort());
  const child = start(
    program("smrtc-gateway", profile),
    // Without a drain: SIGTERM ends it at once, though pages are still there.
    [
      "serve",
      "--listen",
      `127.0.0.1:${port}`,
      "--web-root",
      webRoot,
      "--token-secret",
      SECRET,
      "--drain-timeout",
      "0s",
      ...args,
    ],
    { env },
  );
  const origin = `http://127.0.0.1:${port}`;
  try {
    await until("the gateway to be healthy", async () => {
      if (!child.running()) throw new Error(`gateway ended: ${child.lines.slice(-5).join(" | ")}`);
      return (await fetch(`${origin}/healthz`)).ok;
    });
  } catch (error) {
    await child.stop("SIGKILL");
    throw error;
  }
  return {
    origin,
    port,
    child,
    secret: SECRET,
    token: (room, user, changes = {}) => signToken({ room, user, ...changes }),
    metrics: async () => (await fetch(`${origin}/metrics`)).text(),
    stop: async () => void (await child.stop()),
  };
}

/** A join token as `smrtc-gateway token` makes it, so that a test can also make wrong ones. */
export function signToken({
  room,
  user,
  role = "anchor",
  expires = Math.floor(Date.now() / 1000) + 3600,
  secret = SECRET,
}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ room, sub: user, role, exp: expires })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

/** The sum of a counter over its labels that contain `label`, from Prometheus text. */
export function counter(metrics, name, label = "") {
  return metrics
    .split("\n")
    .filter(
      (line) =>
        line.startsWith(name) && /[ {]/.test(line[name.length] ?? "") && line.includes(label),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
