import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FrameThinner,
  SurplusThinner,
  frameRateAt,
  largestSent,
  layersOf,
} from "../src/internal/uplink/layers.ts";
import type { VideoSettings } from "../src/internal/worker_protocol.ts";

const CAMERA: VideoSettings = {
  codec: "vp8",
  maxWidth: 1280,
  maxHeight: 720,
  frameRate: 30,
  maxBitrate: 2_500_000,
  small: undefined,
  contentHint: "",
};
const SMALL = { maxWidth: 320, maxHeight: 180, frameRate: 15, maxBitrate: 150_000 };

test("one stream is sent as it comes", () => {
  const [big, ...others] = layersOf(CAMERA, "video");
  assert.deepEqual(others, []);
  assert.deepEqual(big, {
    rid: "big",
    maxWidth: 1280,
    maxHeight: 720,
    frameRate: 30,
    minBitrate: 0,
    maxBitrate: 2_500_000,
    thins: false,
    sharp: false,
    layered: true,
  });
});

test("of two the small one is first, thinned out, and the big one begins where it may have as much", () => {
  const [small, big] = layersOf({ ...CAMERA, small: SMALL }, "video");
  assert.deepEqual(
    [small?.rid, small?.maxWidth, small?.thins, small?.minBitrate],
    ["small", 320, true, 0],
  );
  assert.deepEqual(
    [big?.rid, big?.maxWidth, big?.thins, big?.minBitrate],
    ["big", 1280, false, 150_000],
  );
});

test("of a camera's big stream every second picture may be made to be left out, unless half of them were too few", () => {
  const layered = (
    settings: Partial<VideoSettings>,
    kind: "video" | "screen" = "video",
  ): boolean[] => layersOf({ ...CAMERA, ...settings }, kind).map((layer) => layer.layered);
  assert.deepEqual(layered({ small: SMALL }), [false, true]);
  assert.deepEqual(layered({ frameRate: 15 }), [false]);
  assert.deepEqual(layered({ contentHint: "detail" }), [false]);
  assert.deepEqual(layered({}, "screen"), [false]);
});

test("a screen is thinned out to its rate, and has fewer pictures rather than worse ones", () => {
  const screen: VideoSettings = {
    ...CAMERA,
    maxWidth: 1920,
    maxHeight: 1080,
    frameRate: 15,
    maxBitrate: 2_000_000,
    contentHint: "detail",
  };
  const [layer] = layersOf(screen, "screen");
  assert.ok(layer?.thins && layer.sharp);
  assert.deepEqual(
    [2_000_000, 1_000_000, 100_000].map((bitrate) => frameRateAt(bitrate, layer)),
    [15, 7.5, 5],
  );
  const [film] = layersOf({ ...screen, contentHint: "motion" }, "screen");
  assert.ok(film !== undefined && !film.sharp);
  assert.equal(frameRateAt(100_000, film), 15);
  assert.equal(frameRateAt(100, { ...layer, frameRate: 3 }), 3, "no more than was asked for");
});

test("pictures are left out evenly, whatever rate they come at", () => {
  const kept = (fps: number, wanted: number): number[] => {
    const thinner = new FrameThinner();
    return Array.from({ length: fps * 4 }, (_, i) => (i * 1e6) / fps).filter((at) =>
      thinner.admits(at, wanted),
    );
  };
  for (const [fps, wanted] of [
    [30, 15],
    [25, 15],
    [60, 15],
    [30, 5],
  ] as const) {
    const times = kept(fps, wanted);
    assert.ok(
      Math.abs(times.length - wanted * 4) <= 2,
      `${times.length} in 4 s of ${fps} for ${wanted}`,
    );
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    assert.ok(
      Math.max(...gaps) <= 1e6 / wanted + 1e6 / fps + 1,
      `a gap of ${Math.max(...gaps)} µs`,
    );
  }
  assert.equal(kept(15, 15).length, 60);
  assert.equal(kept(10, 15).length, 40);
});

test("a pause is not made up for by a burst", () => {
  const thinner = new FrameThinner();
  assert.ok(thinner.admits(0, 10));
  const times = Array.from({ length: 10 }, (_, i) => 5e6 + i * 1e4);
  assert.deepEqual(
    times.filter((at) => thinner.admits(at, 10)),
    [5e6, 5.08e6],
  );
});

test("a source that does not keep to the rate is held to it, one that does loses nothing", () => {
  const kept = (times: readonly number[]): number[] => {
    const thinner = new SurplusThinner();
    return times.filter((at) => thinner.admits(at, 30));
  };
  const pictures = (fps: number, jitter: (i: number) => number = () => 0): number[] =>
    Array.from({ length: fps * 4 }, (_, i) => (i * 1e6) / fps + jitter(i));
  // The first second may find out that there are more.
  for (const fps of [60, 50, 120]) {
    const times = kept(pictures(fps)).filter((at) => at >= 1e6);
    assert.ok(times.length >= 80 && times.length <= 92, `${times.length} in 3 s of ${fps}`);
  }
  assert.equal(kept(pictures(30)).length, 120);
  assert.equal(kept(pictures(33)).length, 132);
  // In pairs, as a busy machine hands them on.
  assert.equal(kept(pictures(30, (i) => (i % 2 === 0 ? 25_000 : 0))).length, 120);
});

test("the largest size that is sent speaks for the track, and the smallest is always sent", () => {
  const layer = (rid: string, active: boolean) => ({ rid, active });
  assert.equal(largestSent([layer("small", true), layer("big", true)]).rid, "big");
  assert.equal(largestSent([layer("small", true), layer("big", false)]).rid, "small");
  assert.equal(largestSent([layer("big", false)]).rid, "big");
});
