/** Opens sessions: over WebTransport, or over WebSocket where that is slow or cannot be. */
import { RtcError } from "../errors.ts";
import { sleep } from "./sleep.ts";
import { asRtcError } from "./transport.ts";
import type { DialOptions, Transport, TransportHandler } from "./transport.ts";
import { dialWebSocket } from "./websocket.ts";
import { dialWebTransport } from "./webtransport.ts";

/** WebTransport gets this long before WebSocket starts as well. */
const HEAD_START_MS = 400;
/**
 * Then WebSocket may win only after this long in total, since what is slow to start is often best
 * once started.
 */
const PREFER_WEBTRANSPORT_MS = 1_500;
/** How long a session may take to open. */
export const DIAL_TIMEOUT_MS = 15_000;

/** Opens a session, racing both transports if the choice is open. */
export async function dial(options: DialOptions, handler: TransportHandler): Promise<Transport> {
  const { address, choice } = options;
  const canWebTransport = typeof WebTransport !== "undefined" && address.webtransport !== undefined;
  if (choice === "webtransport" && !canWebTransport) {
    throw new RtcError(
      "NOT_SUPPORTED",
      "WebTransport is asked for, but the browser or the gateway lacks it",
    );
  }
  if (choice === "websocket" || !canWebTransport) return dialOne(dialWebSocket, options, handler);
  if (choice === "webtransport") return dialOne(dialWebTransport, options, handler);
  return race(options, handler);
}

/** A dial in progress: cancelled, it closes what it opened. */
type Dialer = (
  options: DialOptions,
  handler: TransportHandler,
  signal: AbortSignal,
) => Promise<Transport>;

async function dialOne(
  dialer: Dialer,
  options: DialOptions,
  handler: TransportHandler,
): Promise<Transport> {
  const abort = new AbortController();
  return attempt(dialer, options, handler, abort);
}

async function race(options: DialOptions, handler: TransportHandler): Promise<Transport> {
  const abortWebTransport = new AbortController();
  const abortWebSocket = new AbortController();
  const first = attempt(dialWebTransport, options, handler, abortWebTransport);
  const outcome = first.then(
    (transport) => ({ transport }),
    (error: unknown) => ({ error }),
  );
  const early = await Promise.race([outcome, sleep(HEAD_START_MS)]);
  if (early !== undefined && "transport" in early) return early.transport;
  const second = attempt(dialWebSocket, options, handler, abortWebSocket);
  const lateOutcome = second.then(
    (transport) => ({ transport }),
    (error: unknown) => ({ error }),
  );
  // WebTransport still wins if it is up before the preference ends.
  const preferred = await Promise.race([
    outcome,
    Promise.all([lateOutcome, sleep(PREFER_WEBTRANSPORT_MS - HEAD_START_MS)]).then(() => undefined),
  ]);
  if (preferred !== undefined && "transport" in preferred) {
    abortWebSocket.abort();
    return preferred.transport;
  }
  const socket = await lateOutcome;
  if ("transport" in socket) {
    abortWebTransport.abort();
    return socket.transport;
  }
  const last = await outcome;
  if ("transport" in last) return last.transport;
  throw asRtcError(last.error, asRtcError(socket.error, undefined));
}

async function attempt(
  dialer: Dialer,
  options: DialOptions,
  handler: TransportHandler,
  abort: AbortController,
): Promise<Transport> {
  const timer = setTimeout(() => abort.abort(), DIAL_TIMEOUT_MS);
  const giveUp = (): void => abort.abort();
  options.signal?.addEventListener("abort", giveUp);
  const started = performance.now();
  const took = (): string => `after ${Math.round(performance.now() - started)} ms`;
  try {
    options.signal?.throwIfAborted();
    const open = (): Promise<Transport> => dialer(options, handler, abort.signal);
    const transport = await (dialer === dialWebTransport && options.handshakes !== undefined
      ? options.handshakes.count(open)
      : open());
    options.log("debug", `${transport.kind} is up ${took()}`);
    return transport;
  } catch (thrown) {
    options.log(
      "info",
      `${dialer === dialWebSocket ? "websocket" : "webtransport"} failed ${took()}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
    throw thrown;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", giveUp);
  }
}
