/** A session with the gateway as the engine's driver sees it, whatever it goes over. */
import { RtcError } from "../errors.ts";
import type { TransportChoice } from "../options.ts";
import type { GatewayAddress } from "./gateway_config.ts";
import type { Handshakes } from "./handshakes.ts";

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

/**
 * What a failure to reach the gateway is for the application; a close code says more than words.
 */
export function asRtcError(thrown: unknown, earlier: RtcError | undefined): RtcError {
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
