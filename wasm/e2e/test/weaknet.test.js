// How the bench of bad networks judges a call: on made-up calls whose score is known.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenPoints, POINTS } from "../bench/weaknet/points.js";
import { report, table } from "../bench/weaknet/report.js";
import { fullQualityAfter, gapShare, pictureScore } from "../bench/weaknet/score.js";

/** Frames at intervals, each 50 ms old. */
const pictures = (from, until, interval, height = 360) =>
  Array.from({ length: Math.floor((until - from) / interval) }, (_, i) => ({
    at: from + (i + 1) * interval,
    age: 50,
    height,
  }));

test("a steady four frames a second is all gap, thirty are none", () => {
  assert.equal(gapShare(pictures(0, 10_000, 250), 0, 10_000), 1);
  assert.equal(gapShare(pictures(0, 10_000, 33), 0, 10_000), 0);
});

test("a picture that stops counts until the end of the stretch", () => {
  const frames = pictures(1_000, 6_000, 33);
  const score = pictureScore({
    frames,
    ages: frames.map(({ age }) => age),
    since: 1_000,
    until: 11_000,
    unreadable: 0,
  });
  assert.ok(Math.abs(score.gap_share - 0.5) < 0.01, String(score.gap_share));
  assert.ok(score.longest_gap_ms >= 5_000);
  assert.equal(score.delay_ms_p95, 50);
  assert.equal(
    pictureScore({ frames: [], ages: [], since: 0, until: 1_000, unreadable: 0 }).gap_share,
    1,
  );
});

test("quality is full again when rate, size and frame rate are, not before", () => {
  const targets = Array.from({ length: 160 }, (_, i) => ({
    at: i * 250,
    target: i < 40 || i >= 100 ? 2e6 : 2e5,
  }));
  const wide = pictures(0, 10_000, 33);
  const narrow = pictures(10_000, 20_000, 100, 180);
  const times = { begin: 0, dropped: 10_000, restored: 20_000, end: 40_000 };
  const small = [
    ...wide,
    ...narrow,
    ...pictures(20_000, 27_000, 33, 180),
    ...pictures(27_000, 40_000, 33),
  ];
  assert.equal(fullQualityAfter(small, targets, times), 7);
  const never = [...wide, ...narrow, ...pictures(20_000, 40_000, 100)];
  assert.equal(fullQualityAfter(never, targets, times), null);
});

test("a goal that is missed is in the table, and one that is met is not", () => {
  const [point] = chosenPoints("loss-30");
  const good = {
    frames_per_second: 29,
    gap_share: 0,
    longest_gap_ms: 90,
    delay_ms_p50: 50,
    delay_ms_p95: 150,
    concealed_share: 0.001,
    video_kbps: 300,
    wire_kbps: 1_000,
  };
  const written = (ours) => table(report({}, [{ point, runs: { webrtc: [good], smrtc: [ours] } }]));
  assert.match(written(good), /\| none \|/);
  assert.match(written({ ...good, delay_ms_p95: 201 }), /150 → 201 .*p95, ms \(200\) \|/);
  assert.doesNotMatch(written({ ...good, delay_ms_p95: 201 }), /frames\/s \(/);
});

test("points are chosen by name or by kind, and a wrong name is refused", () => {
  assert.equal(chosenPoints("").length, POINTS.length);
  assert.deepEqual(
    chosenPoints("step,loss-80").map(({ name }) => name),
    ["loss-80", "step"],
  );
  assert.equal(chosenPoints("loss").length, 9);
  assert.throws(() => chosenPoints("loss-81"), /no point is called loss-81/);
});
