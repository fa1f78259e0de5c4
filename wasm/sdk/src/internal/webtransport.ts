/** A session over WebTransport: a bidirectional stream for control, datagrams for media. */
import { RtcError, fromCloseCode } from "../errors.ts";
import { sleep } from "./sleep.ts";
import { asRtcError } from "./transport.ts";
import type { DialOptions, Transport, TransportHandler } from "./transport.ts";

/** Opens a session; aborted, it closes what it opened. */
export async function dialWebTransport(
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
