/**
 * How a session is opened in browsers whose WebTransport differs. Node has none, so what stands for
 * the browser's is the only part here that is not real; a call over `createWritable` between real
 * browsers is in wasm/e2e.
 */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { RtcError } from "../src/errors.ts";
import { dial } from "../src/internal/dial.ts";
import type { DialOptions, TransportHandler } from "../src/internal/transport.ts";

/**
 * What the browser's `WebTransport` gives; `writable` before the standard changed, `createWritable`
 * after, or neither.
 */
class Session {
  static last: Session | undefined;
  static kind: "writable" | "createWritable" | "neither" = "writable";
  static refusesStreams = false;
  static limit = "incomingMaxBufferedDatagrams";
  readonly sent: number[] = [];
  readonly closedWith: { closeCode: number }[] = [];
  readonly ready = Promise.resolve();
  readonly closed = new Promise<never>(() => undefined);
  readonly datagrams: Record<string, unknown>;

  constructor() {
    Session.last = this;
    const open = (): WritableStream<Uint8Array> =>
      new WritableStream({ write: (bytes: Uint8Array) => void this.sent.push(bytes[0] ?? -1) });
    this.datagrams = {
      readable: new ReadableStream(),
      [Session.limit]: 1,
      ...(Session.kind === "writable" ? { writable: open() } : {}),
      ...(Session.kind === "createWritable" ? { createWritable: open } : {}),
    };
  }
  createBidirectionalStream(): Promise<unknown> {
    if (Session.refusesStreams) return Promise.reject(new TypeError("no stream to be had"));
    return Promise.resolve({ readable: new ReadableStream(), writable: new WritableStream() });
  }
  close(info: { closeCode: number }): void {
    this.closedWith.push(info);
  }
}

const browser: Record<string, unknown> = globalThis;
const nodesWebSocket = globalThis.WebSocket;
afterEach(() => {
  delete browser.WebTransport;
  browser.WebSocket = nodesWebSocket;
  Session.last = undefined;
  Session.refusesStreams = false;
});

const told: { level: string; message: string }[] = [];
function options(choice: DialOptions["choice"]): DialOptions {
  told.length = 0;
  browser.WebTransport = Session;
  return {
    address: {
      webtransport: "https://gateway.test:4433",
      certificateHashes: [],
      websocket: "wss://gateway.test",
    },
    query: "token=x",
    control: true,
    choice,
    log: (level, message) => void told.push({ level, message }),
  };
}

function handler(datagrams: Uint8Array[] = []): TransportHandler {
  return {
    onControl: () => undefined,
    onDatagram: () => undefined,
    nextDatagram: () => datagrams.shift(),
    onClosed: () => undefined,
  };
}

for (const kind of ["writable", "createWritable"] as const) {
  test(`datagrams go out where the browser has \`${kind}\``, async () => {
    Session.kind = kind;
    const transport = await dial(
      options("webtransport"),
      handler([Uint8Array.of(1), Uint8Array.of(2)]),
    );
    transport.flushDatagrams();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(transport.kind, "webtransport");
    assert.deepEqual(Session.last?.sent, [1, 2]);
    assert.deepEqual(Session.last?.closedWith, []);
  });
}

for (const limit of ["incomingMaxBufferedDatagrams", "incomingHighWaterMark"]) {
  test(`what arrives while we are busy is kept where the browser has \`${limit}\``, async () => {
    Session.limit = limit;
    await dial(options("webtransport"), handler());
    assert.equal(Session.last?.datagrams[limit], 2_000);
    Session.limit = "incomingMaxBufferedDatagrams";
  });
}

test("a browser whose datagrams cannot be written is told so, and its session is closed", async () => {
  Session.kind = "neither";
  await assert.rejects(dial(options("webtransport"), handler()), {
    name: "RtcError",
    codeName: "NOT_SUPPORTED",
    message: /cannot send datagrams/,
  });
  assert.deepEqual(
    Session.last?.closedWith.map(({ closeCode }) => closeCode),
    [4000],
  );
  const [line] = told;
  assert.equal(told.length, 1);
  assert.equal(line?.level, "info", "the log that users send holds it");
  assert.match(line?.message ?? "", /^webtransport failed after \d+ ms: .*cannot send datagrams/);
});

test("a session whose control stream cannot be opened is closed", async () => {
  Session.kind = "createWritable";
  Session.refusesStreams = true;
  await assert.rejects(dial(options("webtransport"), handler()), {
    name: "RtcError",
    codeName: "SIGNAL_CHANNEL_SETUP_FAILED",
    message: /no stream to be had/,
  });
  assert.deepEqual(
    Session.last?.closedWith.map(({ closeCode }) => closeCode),
    [4000],
  );
});

test("if both transports fail, the words of one say why, once", async () => {
  Session.kind = "neither";
  const wanted = options("auto");
  browser.WebSocket = class {
    onclose: (event: { code: number; reason: string }) => void = () => undefined;
    constructor() {
      setTimeout(() => this.onclose({ code: 1006, reason: "" }), 0);
    }
  };
  await assert.rejects(dial(wanted, handler()), (thrown) => {
    assert.ok(thrown instanceof RtcError);
    return true;
  });
  assert.deepEqual(
    Session.last?.closedWith.length,
    1,
    "the session is not left open behind the socket",
  );
  assert.deepEqual(told.map(({ message }) => message.split(" ")[0]).sort(), [
    "websocket",
    "webtransport",
  ]);
});
