import assert from "node:assert/strict";
import { test } from "node:test";
import { ClockMapper } from "../src/internal/clock.ts";
import { FrameRate, FreezeMeter } from "../src/internal/frame_rate.ts";

test("a capture clock is mapped by its fastest deliveries", () => {
  const clock = new ClockMapper();
  let worst = 0;
  for (let i = 0; i < 300; i++) {
    const stamp = 5_000_000_000 + i * 33_333;
    const delay = 2_000 + ((i * 7_919) % 15_000);
    const mapped = clock.map(stamp, i * 33_333 + delay);
    if (i > 30) worst = Math.max(worst, Math.abs(mapped - i * 33_333));
  }
  assert.ok(worst < 4_000, `off by ${worst} µs`);
});

test("a time stamp is never mapped into the future", () => {
  const clock = new ClockMapper();
  for (let i = 0; i < 300; i++) {
    const now = i * 20_000 + ((i * 31) % 7_000);
    assert.ok(clock.map(i * 20_000, now) <= now);
  }
});

test("the mapping follows a sound card that runs 0.2 % slow", () => {
  const clock = new ClockMapper();
  let error = 0;
  for (let i = 0; i < 3_000; i++) error = Math.abs(clock.map(i * 10_000, i * 10_020) - i * 10_020);
  assert.ok(error < 5_000, `off by ${error} µs after 30 s`);
});

test("another device's clock starts the mapping over", () => {
  const clock = new ClockMapper();
  clock.map(1_000, 1_000_000);
  assert.equal(clock.map(900_000_000, 1_100_000), 1_100_000);
});

test("the frame rate counts the last second", () => {
  const rate = new FrameRate();
  for (let i = 0; i < 60; i++) rate.add(i * 33_333);
  assert.equal(rate.perSecond(60 * 33_333), 30);
  assert.equal(rate.perSecond(10_000_000), 0);
});

test("a pause of 200 ms at 30 pictures a second is a freeze, 100 ms is not", () => {
  const meter = new FreezeMeter();
  let now = 0;
  for (let i = 0; i < 60; i++) meter.onVideoFrame((now += 33_333));
  meter.onVideoFrame((now += 100_000));
  assert.equal(meter.count, 0);
  meter.onVideoFrame(now + 200_000);
  assert.equal(meter.count, 1);
  assert.equal(meter.totalUs, 200_000);
});

test("a muted camera does not freeze", () => {
  const meter = new FreezeMeter();
  let now = 0;
  for (let i = 0; i < 60; i++) meter.onVideoFrame((now += 33_333));
  meter.pause();
  meter.onVideoFrame(now + 5_000_000);
  assert.equal(meter.count, 0);
});
