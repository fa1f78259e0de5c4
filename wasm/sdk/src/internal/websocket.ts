/** A session over WebSocket: each message begins with a byte that names its channel. */
import { RtcError, fromCloseCode } from "../errors.ts";
import type { DialOptions, Transport, TransportHandler } from "./transport.ts";

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

/** Opens a session; aborted, it closes what it opened. */
export function dialWebSocket(
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
