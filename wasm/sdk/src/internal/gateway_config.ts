/** What the gateway says of itself at `/v1/config`, before anybody dials. */
import { RtcError } from "../errors.ts";
import { DIAL_TIMEOUT_MS } from "./dial.ts";
import { field, fromBase64 } from "./json.ts";
import { asRtcError } from "./transport.ts";

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
