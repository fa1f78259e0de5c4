// The project's impairing UDP relay as a child process.
import { freePort, start, until } from "./child.js";
import { program } from "./workspace.js";

/**
 * @typedef {object} Impairment what the path does to packets; see `smrtc-loadgen impair --help`
 * @property {string} [delay] one way
 * @property {string} [jitter]
 * @property {number} [loss] 0 to 1
 * @property {number} [burst] mean number of packets lost in a row
 * @property {string} [rate]
 * @property {string} [queue] longest wait before the bottleneck
 */

/**
 * @typedef {object} Counters of one direction, as the relay prints them
 * @property {number} packets_in
 * @property {number} bytes_in
 * @property {number} packets_out
 * @property {number} bytes_out
 * @property {number} lost
 * @property {number} queue_overflows
 */

/**
 * The page learns the relay's port as the gateway's: its datagrams cannot go around it. @param
 * {any} page @param {{ port: number }} relay
 */
export const behindRelay = (page, relay) =>
  page.route("**/v1/config", async (route) => {
    const config = await (await route.fetch()).json();
    config.webtransport.port = relay.port;
    await route.fulfill({ json: config });
  });

/**
 * @param {number} to port of 127.0.0.1 that the relay forwards to
 * @param {Impairment & { seed?: number, "spare-setup"?: boolean, profile?: "debug" | "release" }}
 *   [options]
 */
export async function startRelay(to, { profile = "debug", ...options } = {}) {
  const port = await freePort();
  const args = [
    "impair",
    "--listen",
    `127.0.0.1:${port}`,
    "--to",
    `127.0.0.1:${to}`,
    ...asArguments(options),
  ];
  const child = start(program("smrtc-loadgen", profile), args, { input: true });
  // The relay has no answer to ask for: it is up when its port is taken.
  await until("the relay to listen", async () => {
    if (!child.running()) throw new Error(`relay ended: ${child.lines.slice(-5).join(" | ")}`);
    return udpTaken(port);
  });
  /**
   * Asks, and waits for the counters that come in answer. @returns {Promise<{ up: Counters, down:
   * Counters }>}
   */
  const answered = async (ask) => {
    const answers = () => child.lines.filter((line) => line.startsWith("{")).length;
    const before = answers();
    ask();
    await until("the relay to answer", () => answers() > before, { timeout: 5_000, every: 5 });
    return JSON.parse(child.lines.findLast((line) => line.startsWith("{")) ?? "null");
  };
  return {
    port,
    child,
    /**
     * Changes the path under way; what `impairment` does not name is as if there were no relay.
     * @param {Impairment} impairment
     */
    change: (impairment) => answered(() => child.write(asArguments(impairment).join(" "))),
    counters: () => answered(() => process.kill(child.pid, "SIGUSR1")),
    /** Ends the relay; what it counted. */
    async stop() {
      await child.stop("SIGTERM");
      const json = child.lines.findLast((line) => line.startsWith("{"));
      return json ? JSON.parse(json) : null;
    },
  };
}

function asArguments(options) {
  return Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
}

async function udpTaken(port) {
  const { createSocket } = await import("node:dgram");
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(true));
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(false)));
  });
}
