import assert from "node:assert/strict";
import { test } from "node:test";
import { Logger } from "../src/internal/logger.ts";
import type { Transport } from "../src/internal/transport.ts";
import { Handshakes } from "../src/internal/handshakes.ts";
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

class Path {
  readonly dialled: FakeLane[] = [];
  /** Dials do not get through. */
  failing = false;
  dials = 0;
  /** Those that are sent on. */
  used: readonly Transport[] = [];
  readonly handshakes = new Handshakes(() => this.#now);
  lanes = this.connect();
  #sent = 0;
  #received = 0;
  #now = 0;

  /** The call connects, for the first time or anew. */
  connect(): Lanes {
    return (this.lanes = new Lanes(
      {
        dial: (onClosed) => {
          this.dials++;
          if (this.failing) return Promise.reject(new Error("Opening handshake failed."));
          const lane = new FakeLane(onClosed);
          this.dialled.push(lane);
          return Promise.resolve(lane);
        },
        onChange: (lanes) => (this.used = lanes),
      },
      3,
      this.handshakes,
      new Logger("test"),
    ));
  }

  /**
   * A second in which so much was lost, and the gateway reported so often; `randomLoss` is what no
   * queue explains.
   */
  async second(fractionLost: number, reports = 30, randomLoss = fractionLost): Promise<void> {
    this.#sent += 100;
    this.#received += reports;
    this.#now += 1_000;
    this.lanes.adapt({
      fractionLost,
      randomLoss,
      packetsSent: this.#sent,
      packetsReceived: this.#received,
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  get open(): number {
    return this.dialled.filter(({ closed }) => !closed).length;
  }
}

test("a clean path has a few idle lanes, one that loses a little uses them, a lossy one has more, a bad one many", async () => {
  const path = new Path();
  await path.second(0);
  assert.deepEqual([path.open, path.used.length], [3, 0]);
  await path.second(0.02);
  assert.deepEqual([path.open, path.used.length], [3, 3]);
  await path.second(0.1);
  assert.deepEqual([path.open, path.used.length], [12, 12]);
  await path.second(0.3);
  assert.deepEqual([path.open, path.used.length], [20, 20]);
});

test("where most is lost there are forty, dialled nine at a time; of those no more are used than the loss asks for", async () => {
  const path = new Path();
  const open = [];
  for (let second = 0; second < 5; second++) {
    await path.second(0.7);
    open.push(path.open);
  }
  assert.deepEqual(open, [9, 18, 27, 36, 40]);
  assert.equal(path.used.length, 40);
  await path.second(0.5);
  assert.deepEqual([path.open, path.used.length], [40, 20]);
  await path.second(0.04);
  assert.deepEqual([path.open, path.used.length], [40, 7]);
});

test("dials that fail are not repeated until the browser has forgotten them, so that the call could still connect again", async () => {
  const path = new Path();
  path.failing = true;
  for (let second = 0; second < 300; second++) await path.second(0.7);
  assert.equal(path.dials, 9);
  await path.second(0.7);
  assert.equal(path.dials, 18);
  path.failing = false;
  for (let second = 0; second < 299; second++) await path.second(0.7);
  assert.equal(path.open, 0);
  await path.second(0.7);
  assert.equal(path.open, 9);
});

test("a path on which no report comes back is a bad one, whatever the last report said", async () => {
  const path = new Path();
  await path.second(0);
  await path.second(0, 2);
  assert.deepEqual([path.open, path.used.length], [12, 12]);
});

test("what is lost while a queue stands opens no lanes, unless it lasts", async () => {
  const path = new Path();
  await path.second(0);
  for (let second = 0; second < 2; second++) await path.second(0.3, 30, 0.02);
  await path.second(0);
  assert.deepEqual([path.open, path.used.length], [3, 0]);
  for (let second = 0; second < 3; second++) await path.second(0.3, 30, 0.02);
  assert.deepEqual([path.open, path.used.length], [12, 12]);
});

test("one who sends next to nothing is owed no reports", async () => {
  const path = new Path();
  for (let second = 0; second < 5; second++)
    path.lanes.adapt({
      fractionLost: 0,
      randomLoss: 0,
      packetsSent: 10 * second,
      packetsReceived: second,
    });
  await path.second(0);
  assert.equal(path.used.length, 0);
});

test("a lane that is lost is replaced", async () => {
  const path = new Path();
  await path.second(0.15);
  await path.second(0.15);
  const [first] = path.dialled;
  first?.onClosed(first);
  assert.equal(path.used.length, 11);
  await path.second(0.15);
  assert.equal(path.used.length, 12);
});

test("half a minute of calm leaves a few idle, a pause in loss does not", async () => {
  const path = new Path();
  await path.second(0.15);
  for (let second = 0; second < 29; second++) await path.second(0);
  await path.second(0.15);
  await path.second(0);
  assert.equal(path.used.length, 7);
  for (let second = 0; second < 30; second++) await path.second(0);
  assert.deepEqual([path.open, path.used.length], [3, 0]);
});

test("after the end all are closed, one that opens then at once", async () => {
  const path = new Path();
  await path.second(0.15);
  path.lanes.adapt({ fractionLost: 0.5, randomLoss: 0.5, packetsSent: 200, packetsReceived: 60 });
  path.lanes.close();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual([path.dialled.length, path.open, path.used.length], [18, 0, 0]);
});

test("while nothing comes no lane is dialled, and what failed before counts after the call has connected again", async () => {
  const path = new Path();
  await path.second(0);
  await path.second(0, 0);
  path.dialled[0]?.onClosed(path.dialled[0]);
  await path.second(0, 0);
  assert.deepEqual([path.dials, path.open], [3, 3], "a gateway that is gone is not dialled");

  path.failing = true;
  await path.second(0.7);
  assert.equal(path.dials, 12);
  path.lanes.close();
  path.connect();
  await path.second(0.7);
  await path.second(0.7);
  assert.equal(path.dials, 12, "nine have failed lately, whichever connection they were for");
});
