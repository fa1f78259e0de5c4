import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseCodec,
  codecName,
  codecString,
  encoderConfig,
  fitPicture,
} from "../src/internal/codec.ts";

const ALL = ["vp8", "h264", "vp9", "av1"] as const;
const EVERYTHING = ["vp8", "avc1.42e01f", "vp09.00.10.08", "av01.0.04M.08"];

test("small pictures use VP8, larger ones H.264", () => {
  assert.equal(
    chooseCodec({ encodable: ALL, peers: [EVERYTHING], width: 640, height: 360 }),
    "vp8",
  );
  assert.equal(
    chooseCodec({ encodable: ALL, peers: [EVERYTHING], width: 1280, height: 720 }),
    "h264",
  );
});

test("a codec that one peer does not decode is not used", () => {
  assert.equal(
    chooseCodec({
      encodable: ALL,
      peers: [EVERYTHING, ["vp8", "vp09.00.10.08"]],
      width: 1280,
      height: 720,
    }),
    "vp9",
  );
});

test("a browser that encodes VP8 alone uses it at any size", () => {
  assert.equal(
    chooseCodec({ encodable: ["vp8"], peers: [EVERYTHING], width: 1280, height: 720 }),
    "vp8",
  );
});

test("without a common codec there is none", () => {
  assert.equal(
    chooseCodec({ encodable: ["vp8"], peers: [["avc1.42e01f"]], width: 640, height: 360 }),
    undefined,
  );
});

test("the application's order wins over ours, as far as the room can follow", () => {
  assert.equal(
    chooseCodec({
      encodable: ALL,
      peers: [EVERYTHING],
      width: 640,
      height: 360,
      preferred: ["av1", "vp8"],
    }),
    "av1",
  );
  assert.equal(
    chooseCodec({
      encodable: ALL,
      peers: [["vp8"]],
      width: 640,
      height: 360,
      preferred: ["av1", "vp8"],
    }),
    "vp8",
  );
});

test("an empty room leaves the choice to us", () => {
  assert.equal(chooseCodec({ encodable: ALL, peers: [], width: 640, height: 360 }), "vp8");
});

test("profiles and levels do not hide which codec it is", () => {
  assert.equal(codecName("avc1.64001f"), "h264");
  assert.equal(codecName("vp09.02.40.10"), "vp9");
  assert.equal(codecName("hvc1.1.6.L93.B0"), undefined);
});

test("the level of H.264 grows with the picture", () => {
  assert.equal(codecString("h264", 1280, 720), "avc1.42e01f");
  assert.equal(codecString("h264", 1920, 1080), "avc1.42e028");
});

test("encoders are configured for calls", () => {
  const config = encoderConfig("h264", {
    width: 640,
    height: 360,
    frameRate: 30,
    bitrate: 1_000_000,
  });
  assert.equal(config.latencyMode, "realtime");
  assert.equal(config.bitrateMode, "constant");
  assert.equal(config.avc?.format, "annexb");
});

test("pictures are scaled down to fit, never up, and to even sizes", () => {
  assert.deepEqual(fitPicture(1280, 720, 640, 360), { width: 640, height: 360 });
  assert.deepEqual(fitPicture(320, 240, 640, 360), { width: 320, height: 240 });
  assert.deepEqual(fitPicture(640, 480, 640, 360), { width: 480, height: 360 });
  assert.deepEqual(fitPicture(1001, 563, 640, 360), { width: 640, height: 360 });
});

test("a phone held upright gets the profile turned", () => {
  assert.deepEqual(fitPicture(720, 1280, 640, 360), { width: 360, height: 640 });
});

test("what must be sharp uses VP9 first, and an encoder that knows what is on a screen", () => {
  assert.equal(
    chooseCodec({ encodable: ALL, peers: [EVERYTHING], width: 1920, height: 1080, sharp: true }),
    "vp9",
  );
  assert.equal(
    chooseCodec({
      encodable: ALL,
      peers: [["vp8", "avc1.42e01f"]],
      width: 1920,
      height: 1080,
      sharp: true,
    }),
    "h264",
  );
  const picture = { width: 1920, height: 1080, frameRate: 15, bitrate: 2_000_000 };
  const screen = encoderConfig("vp9", { ...picture, contentHint: "detail" });
  assert.deepEqual(
    [screen.contentHint, screen.bitrateMode, screen.latencyMode, screen.framerate],
    ["detail", "variable", "realtime", 15],
  );
  assert.equal(encoderConfig("vp9", { ...picture, contentHint: "motion" }).bitrateMode, "constant");
  assert.ok(
    !("contentHint" in encoderConfig("vp9", { ...picture, contentHint: "" })),
    "where nothing is known nothing is said",
  );
});
