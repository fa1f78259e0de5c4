// Child processes that cannot outlive the test: they end with the handle, and the kernel ends them
// if this process dies.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const SETPRIV = "/usr/bin/setpriv";

/**
 * @typedef {object} Child
 * @property {number} pid of the program itself
 * @property {string[]} lines what it has printed, both streams, newest last
 * @property {(line: string) => void} write to its standard input, if it was started with one
 * @property {() => boolean} running
 * @property {(signal?: NodeJS.Signals) => Promise<number | null>} stop asks it to end, insists
 *   after 5 s; the exit code
 * @property {Promise<number | null>} exited
 */

/**
 * @param {string} path
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string, input?: boolean }} [options]
 * @returns {Child}
 */
export function start(path, args, { env = {}, cwd, input = false } = {}) {
  const guarded = existsSync(SETPRIV);
  const [program, all] = guarded ? [SETPRIV, ["--pdeathsig", "KILL", path, ...args]] : [path, args];
  const child = spawn(program, all, {
    stdio: [input ? "pipe" : "ignore", "pipe", "pipe"],
    cwd,
    env: { ...process.env, ...env },
  });
  const lines = [];
  child.stdin?.on("error", (error) => lines.push(String(error)));
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      if (lines.length > 2_000) lines.shift();
      if (process.env.SMRTC_E2E_VERBOSE) console.error(`[${child.pid}] ${line}`);
    });
  }
  let ended = false;
  const exited = new Promise((resolve) => {
    child.once("error", (error) => {
      ended = true;
      lines.push(String(error));
      resolve(null);
    });
    child.once("exit", (code) => {
      ended = true;
      resolve(code);
    });
  });
  const atExit = () => child.kill("SIGKILL");
  process.once("exit", atExit);
  exited.then(() => process.removeListener("exit", atExit));
  return {
    // setpriv replaces itself by the program, so the number stays.
    pid: child.pid ?? -1,
    lines,
    write: (line) => void child.stdin?.write(`${line}\n`),
    running: () => !ended,
    exited,
    async stop(signal = "SIGTERM") {
      if (!ended) child.kill(signal);
      const insist = setTimeout(() => child.kill("SIGKILL"), 5_000);
      const code = await exited;
      clearTimeout(insist);
      return code;
    },
  };
}

/** A port of 127.0.0.1 that is free for TCP and for UDP at this moment. */
export async function freePort() {
  for (let attempt = 0; attempt < 50; attempt++) {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    const udpFree = await new Promise((resolve) => {
      const socket = createSocket("udp4");
      socket.once("error", () => resolve(false));
      socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
    });
    await new Promise((resolve) => server.close(resolve));
    if (udpFree) return port;
  }
  throw new Error("no free port");
}

/**
 * Waits until `check` returns something true. The time is for a machine with much else to do; it
 * costs nothing elsewhere.
 */
export async function until(what, check, { timeout = 30_000, every = 50 } = {}) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(
        `waited ${timeout} ms for: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`,
      );
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
