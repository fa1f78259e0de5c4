import assert from "node:assert/strict";
import { test } from "node:test";
import { Logger } from "../src/internal/logger.ts";
import type { Transport } from "../src/internal/transport.ts";
import { Lanes } from "../src/internal/uplink/lanes.ts";

class FakeLane implements Transport {
  readonly kind = "webtransport";
  closed = false;
  constructor(readonly onClosed: (lane: Transport) => void) {}
  readonly sendControl = (): undefined => undefined;
  readonly flushDatagrams = (): undefined => undefined;
  readonly share = (): undefined => undefined;
  close(): void {
    this.closed = true;
  }
}

function make(): { lanes: Lanes; dialled: FakeLane[]; open: () => readonly Transport[] } {
  const dialled: FakeLane[] = [];
  let open: readonly Transport[] = [];
  const dial = (onClosed: (lane: Transport) => void): Promise<Transport> => {
    const lane = new FakeLane(onClosed);
    dialled.push(lane);
    return Promise.resolve(lane);
  };
  const lanes = new Lanes(dial, (now) => (open = now), new Logger("test"));
  return { lanes, dialled, open: () => open };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("a clean path has no lanes, a lossy one has some, a bad one more", async () => {
  const { lanes, open } = make();
  lanes.adapt(0.05);
  await settled();
  assert.equal(open().length, 0);
  lanes.adapt(0.1);
  lanes.adapt(0.1);
  await settled();
  assert.equal(open().length, 3);
  lanes.adapt(0.5);
  await settled();
  assert.equal(open().length, 7);
});

test("a lane that is lost is replaced while there is loss", async () => {
  const { lanes, dialled, open } = make();
  lanes.adapt(0.1);
  await settled();
  const [first] = dialled;
  first?.onClosed(first);
  assert.equal(open().length, 2);
  lanes.adapt(0.1);
  await settled();
  assert.equal(open().length, 3);
});

test("half a minute of calm closes them, a pause in loss does not", async () => {
  const { lanes, dialled, open } = make();
  lanes.adapt(0.1);
  await settled();
  for (let second = 0; second < 29; second++) lanes.adapt(0);
  lanes.adapt(0.05);
  lanes.adapt(0);
  assert.equal(open().length, 3);
  for (let second = 0; second < 30; second++) lanes.adapt(0);
  assert.equal(open().length, 0);
  assert.ok(dialled.every(({ closed }) => closed));
});

test("a lane that opens after the end is closed at once", async () => {
  const { lanes, dialled, open } = make();
  lanes.adapt(0.1);
  lanes.close();
  await settled();
  assert.equal(open().length, 0);
  assert.ok(dialled.length === 3 && dialled.every(({ closed }) => closed));
});
