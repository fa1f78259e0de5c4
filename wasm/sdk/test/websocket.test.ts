import assert from "node:assert/strict";
import { test } from "node:test";
import { dial } from "../src/internal/dial.ts";
import type { TransportHandler } from "../src/internal/transport.ts";

/** What the transport sees of a socket whose other end this test is. */
class Socket {
  static readonly OPEN = 1;
  static last: Socket;
  readonly readyState = 1;
  readonly bufferedAmount = 0;
  closed = false;
  onopen: () => void = () => undefined;
  onclose: (event: { code: number; reason: string }) => void = () => undefined;
  onmessage: (event: { data: ArrayBuffer }) => void = () => undefined;
  constructor() {
    Socket.last = this;
    queueMicrotask(() => this.onopen());
  }
  readonly send = (): void => undefined;
  readonly close = (): void => void (this.closed = true);
}

test("a WebSocket over which nothing comes for fifteen seconds is lost, and one that is closed here is not", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const real = globalThis.WebSocket;
  t.after(() => (globalThis.WebSocket = real));
  globalThis.WebSocket = Socket as unknown as typeof WebSocket;
  const lost: string[] = [];
  const handler: TransportHandler = {
    onControl: () => undefined,
    onDatagram: () => undefined,
    nextDatagram: () => undefined,
    onClosed: ({ message }) => lost.push(message),
  };
  const open = (): ReturnType<typeof dial> =>
    dial(
      {
        address: { websocket: "ws://gateway", certificateHashes: [] },
        query: "token=x",
        control: true,
        choice: "websocket",
        log: () => undefined,
      },
      handler,
    );

  await open();
  for (let second = 0; second < 60; second++) {
    t.mock.timers.tick(1_000);
    if (second % 14 === 0) Socket.last.onmessage({ data: new ArrayBuffer(2) });
  }
  assert.deepEqual(lost, []);
  t.mock.timers.tick(15_000);
  assert.equal(lost.length, 1);
  assert.match(lost[0] ?? "", /nothing came/);
  assert.ok(Socket.last.closed);
  Socket.last.onclose({ code: 1006, reason: "" });
  t.mock.timers.tick(60_000);
  assert.equal(lost.length, 1, "told once");

  (await open()).close(4000, "left");
  t.mock.timers.tick(60_000);
  assert.equal(lost.length, 1);
});

test("a dial that is given up closes the socket that it opens", async (t) => {
  const real = globalThis.WebSocket;
  t.after(() => (globalThis.WebSocket = real));
  globalThis.WebSocket = Socket as unknown as typeof WebSocket;
  const given = new AbortController();
  const handler: TransportHandler = {
    onControl: () => undefined,
    onDatagram: () => undefined,
    nextDatagram: () => undefined,
    onClosed: () => assert.fail("nobody asked"),
  };
  const dialled = dial(
    {
      address: { websocket: "ws://gateway", certificateHashes: [] },
      query: "token=x",
      control: true,
      choice: "websocket",
      log: () => undefined,
      signal: given.signal,
    },
    handler,
  );
  // The handshake hangs.
  Socket.last.onopen = () => undefined;
  given.abort();
  await assert.rejects(dialled);
  assert.ok(Socket.last.closed);
});
