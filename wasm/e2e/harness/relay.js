// The project's impairing UDP relay as a child process.
import { freePort, start, until } from "./child.js";
import { program } from "./workspace.js";

/**
 * @param {number} to port of 127.0.0.1 that the relay forwards to
 * @param {{ delay?: string, jitter?: string, loss?: number, rate?: string, queue?: string, seed?: number, profile?: "debug" | "release" }} [options]
 */
export async function startRelay(to, { profile = "debug", ...impairment } = {}) {
  const port = await freePort();
  const args = ["impair", "--listen", `127.0.0.1:${port}`, "--to", `127.0.0.1:${to}`];
  for (const [name, value] of Object.entries(impairment)) args.push(`--${name}`, String(value));
  const child = start(program("smrtc-loadgen", profile), args);
  // The relay has no answer to ask for: it is up when its port is taken.
  await until("the relay to listen", async () => {
    if (!child.running()) throw new Error(`relay ended: ${child.lines.slice(-5).join(" | ")}`);
    return udpTaken(port);
  });
  return {
    port,
    child,
    /** Ends the relay; what it counted. */
    async stop() {
      await child.stop("SIGTERM");
      const json = child.lines.findLast((line) => line.startsWith("{"));
      return json ? JSON.parse(json) : null;
    },
  };
}

async function udpTaken(port) {
  const { createSocket } = await import("node:dgram");
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(true));
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(false)));
  });
}
