import assert from "node:assert/strict";
import { test } from "node:test";
import { LayerDemand } from "../src/internal/uplink/layer_demand.ts";

/** Asks `times` times, `apart` seconds apart, from `from` on; when the last was. */
function ask(demand: LayerDemand, from: number, times: number, apart: number): number {
  for (let n = 0; n < times; n++) demand.onKeyFrameRequested((from + n * apart) * 1e6);
  return from + (times - 1) * apart;
}

test("key frames asked for now and then call for no layers", () => {
  const demand = new LayerDemand();
  const last = ask(demand, 0, 50, 4);
  assert.equal(demand.wanted(last * 1e6), false);
});

test("one after each run of pictures calls for layers, for a minute", () => {
  const demand = new LayerDemand();
  assert.equal(demand.wanted(ask(demand, 100, 3, 2.2) * 1e6), false);
  const last = ask(demand, 106.6, 1, 0);
  assert.equal(demand.wanted(last * 1e6), true);
  assert.equal(demand.wanted((last + 59) * 1e6), true);
  assert.equal(demand.wanted((last + 61) * 1e6), false);
});

test("who asks again as soon as there are none gets them for twice as long, and later for a minute again", () => {
  const demand = new LayerDemand();
  const lasted = (since: number): number => {
    let now = since;
    while (demand.wanted(now * 1e6)) now++;
    return now - since;
  };
  let last = ask(demand, 0, 4, 2);
  const times = [];
  for (let n = 0; n < 6; n++) {
    const time = lasted(last);
    times.push(time);
    last = ask(demand, last + time + 1, 4, 2);
  }
  assert.deepEqual(times, [60, 120, 240, 480, 960, 960]);
  last = ask(demand, last + 960 + 60, 4, 2);
  assert.equal(lasted(last), 60);
});
