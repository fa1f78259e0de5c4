import { RtcError, fromCloseCode } from "../errors.ts";
import type { TransportChoice } from "../options.ts";
import type { Handshakes } from "./handshakes.ts";
import { field, fromBase64 } from "./json.ts";
import { sleep } from "./sleep.ts";

/** What the session above a transport is told. */
export interface TransportHandler {
  /** A piece of the control stream; pieces may split anywhere. Uplink sessions only. */
  onControl(bytes: Uint8Array): void;
  onDatagram(bytes: Uint8Array): void;
  /**
   * The next datagram to send, if there is one. It may be a view of Wasm memory that holds until
   * anything else is called there: whoever asks has it read before it does anything else.
   */
  nextDatagram(): Uint8Array | undefined;
  /** Called once, unless `close` was called. */
  onClosed(error: RtcError): void;
}

/** One session with the gateway; the same messages over either kind (`engine/WIRE.md`). */
export interface Transport {
  readonly kind: "webtransport" | "websocket";
  /** `bytes` must not lie in Wasm memory: the browser reads them later. */
  sendControl(bytes: Uint8Array): void;
  /** Sends what `nextDatagram` gives, until it gives nothing. */
  flushDatagrams(): void;
  /** Whether this session shares its datagrams with others: then it takes no more than it sends. */
  share(shared: boolean): void;
  close(code: number, reason: string): void;
}

/** Where the gateway is, from its `/v1/config` and its base URL. */
export interface GatewayAddress {
  /** `https://host:port`, absent if the gateway does not serve WebTransport. */
  readonly webtransport?: string;
  /** SHA-256 hashes of self-signed certificates; empty where a public authority signed. */
  readonly certificateHashes: readonly Uint8Array<ArrayBuffer>[];
  /** `ws://` or `wss://host:port`. */
  readonly websocket: string;
}

/** What the gateway says of itself before anybody dials. */
export interface GatewayAnswer {
  readonly address: GatewayAddress;
  /**
   * Milliseconds since 1970 by the gateway's clock and by ours, of the same moment; absent if it
   * does not say its time.
   */
  readonly clocks: { readonly gateway: number; readonly ours: number } | undefined;
}

/** How a session is opened. `query` is `token=…` or `attach=…`. */
export interface DialOptions {
  readonly address: GatewayAddress;
  readonly query: string;
  readonly control: boolean;
  readonly choice: TransportChoice;
  /** Hears how it goes; never the query, which is secret. */
  readonly log: (level: "debug" | "info", message: string) => void;
  /** Gives the dial up, which closes what it has opened. */
  readonly signal?: AbortSignal;
  /**
   * Counts the WebTransport handshakes that are under way or have failed, unless the caller does so
   * itself.
   */
  readonly handshakes?: Handshakes;
}

/** WebTransport gets this long before WebSocket starts as well. */
const HEAD_START_MS = 400;
/**
 * Then WebSocket may win only after this long in total, since what is slow to start is often best
 * once started.
 */
const PREFER_WEBTRANSPORT_MS = 1_500;
const DIAL_TIMEOUT_MS = 15_000;

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

async function dialWebTransport(
  options: DialOptions,
  handler: TransportHandler,
  signal: AbortSignal,
): Promise<Transport> {
  const { address, query } = options;
  let session: WebTransport | undefined;
  try {
    session = new WebTransport(`${address.webtransport ?? ""}/v1/session?${query}`, {
      congestionControl: "low-latency",
      ...(address.certificateHashes.length === 0
        ? {}
        : {
            serverCertificateHashes: address.certificateHashes.map((value) => ({
              algorithm: "sha-256",
              value,
            })),
          }),
    });
    const { datagrams } = session;
    // The default of 1 drops all but the newest datagram that arrives while we are busy. Firefox
    // knows the limit by the name that the standard gave it first.
    datagrams[
      "incomingMaxBufferedDatagrams" in datagrams
        ? "incomingMaxBufferedDatagrams"
        : "incomingHighWaterMark"
    ] = 2_000;
    datagrams.outgoingMaxBufferedDatagrams = ALONE;
    // What the browser's controller held back for longer is late, and would hold up what comes
    // after it.
    datagrams.outgoingMaxAge = OUTGOING_MAX_AGE_MS;
    const transport = new WebTransportSession(session, outgoingDatagrams(datagrams), handler);
    signal.addEventListener("abort", () => transport.close(4000, "not needed"));
    await transport.open(options.control);
    return transport;
  } catch (thrown) {
    // A browser that lacks something throws on the way, with the session open: the gateway would
    // wait for it until it times out.
    if (session !== undefined) closeSession(session, 4000, "not needed");
    throw asRtcError(thrown, undefined);
  }
}

/**
 * Where datagrams are written: the standard's `createWritable` took the place of the attribute
 * `writable`, which newer browsers lack.
 */
function outgoingDatagrams(
  datagrams: WebTransportDatagramDuplexStream,
): WritableStreamDefaultWriter<Uint8Array> {
  const writable =
    (datagrams.writable as WritableStream<Uint8Array> | undefined) ?? datagrams.createWritable?.();
  if (writable === undefined)
    throw new RtcError("NOT_SUPPORTED", "the WebTransport of this browser cannot send datagrams");
  return writable.getWriter();
}

function closeSession(session: WebTransport, closeCode: number, reason: string): void {
  try {
    session.close({ closeCode, reason });
  } catch {
    // Not open yet or gone already; nothing is left to close.
  }
}

/**
 * Datagrams that the browser may hold: a burst at once, or next to none where several sessions send
 * what each can.
 */
const ALONE = 64;
const SHARED = 1;
const OUTGOING_MAX_AGE_MS = 60;

/** Newer than the DOM library's types. */
declare global {
  interface WebTransportDatagramDuplexStream {
    incomingMaxBufferedDatagrams: number;
    outgoingMaxBufferedDatagrams: number;
    outgoingMaxAge: number | null;
    createWritable?: () => WritableStream<Uint8Array>;
  }
}

class WebTransportSession implements Transport {
  readonly kind = "webtransport";
  readonly #session: WebTransport;
  readonly #handler: TransportHandler;
  readonly #datagrams: WritableStreamDefaultWriter<Uint8Array>;
  #control: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #state: "opening" | "open" | "closed" = "opening";
  #flushing = false;

  constructor(
    session: WebTransport,
    datagrams: WritableStreamDefaultWriter<Uint8Array>,
    handler: TransportHandler,
  ) {
    this.#session = session;
    this.#handler = handler;
    this.#datagrams = datagrams;
    this.#datagrams.closed.catch(() => undefined);
  }

  async open(control: boolean): Promise<void> {
    try {
      await this.#session.ready;
      this.#session.closed.then(
        (info) => this.#fail(fromCloseCode(info.closeCode ?? 0, info.reason ?? "")),
        (thrown: unknown) => this.#fail(asRtcError(thrown, undefined)),
      );
      if (control) {
        const stream = await this.#session.createBidirectionalStream();
        this.#control = (stream.writable as WritableStream<Uint8Array>).getWriter();
        this.#control.closed.catch(() => undefined);
        void this.#read(stream.readable as ReadableStream<Uint8Array>, (bytes) =>
          this.#handler.onControl(bytes),
        );
      }
      void this.#read(this.#session.datagrams.readable as ReadableStream<Uint8Array>, (bytes) =>
        this.#handler.onDatagram(bytes),
      );
      this.#state = "open";
    } catch (thrown) {
      this.#state = "closed";
      // A session that the gateway refused is accepted and closed at once; the close code says why.
      const info = await Promise.race([this.#session.closed.catch(() => undefined), sleep(50)]);
      throw info?.closeCode === undefined || info.closeCode === 0
        ? asRtcError(thrown, undefined)
        : fromCloseCode(info.closeCode, info.reason ?? "");
    }
  }

  async #read(
    readable: ReadableStream<Uint8Array>,
    deliver: (bytes: Uint8Array) => void,
  ): Promise<void> {
    const reader = readable.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        deliver(value);
      }
    } catch {
      // `closed` tells why, once, for all streams.
    }
  }

  sendControl(bytes: Uint8Array): void {
    this.#control?.write(bytes).catch(() => undefined);
  }

  flushDatagrams(): void {
    if (!this.#flushing) void this.#flush();
  }

  share(shared: boolean): void {
    this.#session.datagrams.outgoingMaxBufferedDatagrams = shared ? SHARED : ALONE;
  }

  /**
   * With no write under way the stream hands the bytes to the transport within `write`, and that
   * copies them there and then (WebTransport §4.3, “writeDatagrams”). So the next one is asked for
   * only once a write has ended.
   */
  async #flush(): Promise<void> {
    this.#flushing = true;
    try {
      for (
        let bytes = this.#handler.nextDatagram();
        bytes !== undefined;
        bytes = this.#handler.nextDatagram()
      ) {
        await this.#datagrams.write(bytes);
      }
    } catch {
      // `closed` tells why.
    } finally {
      this.#flushing = false;
    }
  }

  close(code: number, reason: string): void {
    this.#state = "closed";
    closeSession(this.#session, code, reason);
  }

  #fail(error: RtcError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#handler.onClosed(error);
  }
}

/**
 * More than this waiting in the socket means TCP is stalled; later datagrams would be late anyway.
 */
const WEBSOCKET_BUFFER_BYTES = 256 * 1024;
/**
 * A connection that is cut without a word is noticed by TCP after minutes. The gateway answers a
 * ping each second, so that such a silence is the end; it takes ours of so many seconds for the
 * same. Ticks are counted, not time: a page that was frozen has not listened.
 */
const SILENT_TICKS = 15;
const TICK_MS = 1_000;
const CONTROL_CHANNEL = 0;
const DATAGRAM_CHANNEL = 1;

function dialWebSocket(
  options: DialOptions,
  handler: TransportHandler,
  signal: AbortSignal,
): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${options.address.websocket}/v1/session?${options.query}`);
    socket.binaryType = "arraybuffer";
    const transport = new WebSocketSession(socket, handler);
    let opened = false;
    let silentTicks = 0;
    const watch = setInterval(() => {
      if (transport.closed) clearInterval(watch);
      if (transport.closed || !opened || ++silentTicks < SILENT_TICKS) return;
      transport.close(4000, "no sign of life");
      handler.onClosed(
        new RtcError(
          "SIGNAL_CHANNEL_SETUP_FAILED",
          `nothing came over the WebSocket for ${SILENT_TICKS} s`,
        ),
      );
    }, TICK_MS);
    signal.addEventListener("abort", () => {
      transport.close(4000, "not needed");
      reject(new RtcError("SIGNAL_CHANNEL_SETUP_FAILED", "the WebSocket did not open in time"));
    });
    socket.onopen = () => {
      opened = true;
      resolve(transport);
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      silentTicks = 0;
      if (!(data instanceof ArrayBuffer) || data.byteLength === 0) return;
      const bytes = new Uint8Array(data);
      if (bytes[0] === CONTROL_CHANNEL) handler.onControl(bytes.subarray(1));
      else if (bytes[0] === DATAGRAM_CHANNEL) handler.onDatagram(bytes.subarray(1));
    };
    socket.onclose = ({ code, reason }) => {
      const error =
        code >= 4000
          ? fromCloseCode(code, reason)
          : new RtcError("SIGNAL_CHANNEL_SETUP_FAILED", `the WebSocket closed (${String(code)})`, {
              closeCode: code,
            });
      if (!opened) reject(error);
      else if (!transport.closed) handler.onClosed(error);
      transport.closed = true;
      clearInterval(watch);
    };
  });
}

class WebSocketSession implements Transport {
  readonly kind = "websocket";
  closed = false;
  /** `send` copies at once, so one buffer serves all messages. */
  #message = new Uint8Array(2_048);

  constructor(
    readonly socket: WebSocket,
    readonly handler: TransportHandler,
  ) {}

  sendControl(bytes: Uint8Array): void {
    this.#send(CONTROL_CHANNEL, bytes);
  }

  flushDatagrams(): void {
    for (
      let bytes = this.handler.nextDatagram();
      bytes !== undefined;
      bytes = this.handler.nextDatagram()
    ) {
      if (this.socket.bufferedAmount <= WEBSOCKET_BUFFER_BYTES) this.#send(DATAGRAM_CHANNEL, bytes);
    }
  }

  share(): void {
    // A socket has no lanes beside it: its loss is TCP's to mend.
  }

  /** The channel's byte has to be in front of the bytes: a message is one piece of memory. */
  #send(channel: number, bytes: Uint8Array): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.#message.length <= bytes.length) this.#message = new Uint8Array(2 * bytes.length + 1);
    this.#message[0] = channel;
    this.#message.set(bytes, 1);
    this.socket.send(this.#message.subarray(0, bytes.length + 1));
  }

  close(code: number, reason: string): void {
    this.closed = true;
    this.socket.close(code, reason);
  }
}

function asRtcError(thrown: unknown, earlier: RtcError | undefined): RtcError {
  if (
    thrown instanceof RtcError &&
    (thrown.closeCode !== undefined || earlier?.closeCode === undefined)
  )
    return thrown;
  if (earlier?.closeCode !== undefined) return earlier;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RtcError(
    "SIGNAL_CHANNEL_SETUP_FAILED",
    `the gateway could not be reached: ${message}`,
    { cause: thrown },
  );
}

/** Reads `/v1/config` and says where to dial. Within 15 s, or until the signal ends. */
export async function resolveGateway(
  base: string,
  signal = AbortSignal.timeout(DIAL_TIMEOUT_MS),
): Promise<GatewayAnswer> {
  const url = new URL(base);
  const before = Date.now();
  const config = await fetchConfig(new URL("/v1/config", url), signal);
  const ours = (before + Date.now()) / 2;
  // Chromium resolves localhost to ::1 and does not fall back, while a gateway often listens on
  // 127.0.0.1 alone.
  const host = url.hostname === "localhost" ? "127.0.0.1" : url.hostname;
  const websocket = `${url.protocol === "https:" ? "wss" : "ws"}://${url.host}`;
  const address = {
    websocket,
    certificateHashes: config.hashes,
    ...(config.port === undefined
      ? {}
      : { webtransport: `https://${host}:${String(config.port)}` }),
  };
  return {
    address,
    clocks: config.time === undefined ? undefined : { gateway: config.time, ours },
  };
}

async function fetchConfig(url: URL, signal: AbortSignal): Promise<ReturnType<typeof parseConfig>> {
  try {
    const response = await fetch(url, { cache: "no-store", signal });
    if (!response.ok)
      throw new RtcError(
        "SIGNAL_CHANNEL_SETUP_FAILED",
        `the gateway answered ${String(response.status)} to /v1/config`,
      );
    return parseConfig(await response.json());
  } catch (thrown) {
    throw asRtcError(thrown, undefined);
  }
}

/** Reads the parts of `/v1/config` that dialling needs; unknown fields are ignored. */
export function parseConfig(json: unknown): {
  port: number | undefined;
  hashes: Uint8Array<ArrayBuffer>[];
  time: number | undefined;
} {
  const webtransport = field(json, "webtransport");
  const port = field(webtransport, "port");
  const hashes = field(webtransport, "serverCertificateHashes");
  const time = field(json, "time");
  return {
    time: typeof time === "number" && time > 0 ? time : undefined,
    port: typeof port === "number" && port > 0 && port < 65536 ? port : undefined,
    hashes: (Array.isArray(hashes) ? hashes : [])
      .map((hash) => field(hash, "value"))
      .filter((value) => typeof value === "string")
      .map((value) => fromBase64(value)),
  };
}
