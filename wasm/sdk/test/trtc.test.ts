/**
 * Applications ported from TRTC's Web SDK v4 compare numbers: what they know by a number has to be
 * the same thing here.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RtcErrorCode } from "../src/errors.ts";
import type { RtcErrorName } from "../src/errors.ts";
import type { EngineHost } from "../src/internal/engine_host.ts";
import { RemoteMedia } from "../src/internal/remote_media.ts";
import { toVolume } from "../src/internal/stats_monitor.ts";
import { RemoteStream } from "../src/remote_stream.ts";

/**
 * `ErrorCode` of TRTC's Web SDK 4.15: from its documentation, and `SCHEDULE_FAILED` and
 * `API_CALL_ABORTED` from what it throws.
 */
const TRTC = {
  INVALID_PARAMETER: 0x1000,
  INVALID_OPERATION: 0x1001,
  NOT_SUPPORTED: 0x1002,
  DEVICE_NOT_FOUND: 0x1003,
  INITIALIZE_FAILED: 0x1004,
  SIGNAL_CHANNEL_SETUP_FAILED: 0x4001,
  SIGNAL_CHANNEL_ERROR: 0x4002,
  ICE_TRANSPORT_ERROR: 0x4003,
  JOIN_ROOM_FAILED: 0x4004,
  CREATE_OFFER_FAILED: 0x4005,
  SIGNAL_CHANNEL_RECONNECTION_FAILED: 0x4006,
  UPLINK_RECONNECTION_FAILED: 0x4007,
  DOWNLINK_RECONNECTION_FAILED: 0x4008,
  REMOTE_STREAM_NOT_EXIST: 0x4010,
  CLIENT_BANNED: 0x4040,
  SERVER_TIMEOUT: 0x4041,
  SUBSCRIPTION_TIMEOUT: 0x4042,
  PLAY_NOT_ALLOWED: 0x4043,
  DEVICE_AUTO_RECOVER_FAILED: 0x4044,
  START_PUBLISH_CDN_FAILED: 0x4045,
  STOP_PUBLISH_CDN_FAILED: 0x4046,
  START_MIX_TRANSCODE_FAILED: 0x4047,
  STOP_MIX_TRANSCODE_FAILED: 0x4048,
  NOT_SUPPORTED_H264: 0x4049,
  SWITCH_ROLE_FAILED: 0x404a,
  API_CALL_TIMEOUT: 0x404b,
  SCHEDULE_FAILED: 0x404c,
  API_CALL_ABORTED: 0x404d,
  UNKNOWN: 0xffff,
} as const;

/** What is the same thing under a name of our own. */
const RENAMED: Partial<Record<RtcErrorName, keyof typeof TRTC>> = {
  JOIN_REFUSED: "JOIN_ROOM_FAILED",
  REQUEST_TIMED_OUT: "API_CALL_TIMEOUT",
  ABORTED: "API_CALL_ABORTED",
};

const isTrtcName = (name: string): name is keyof typeof TRTC => name in TRTC;

test("each error code is TRTC's of that meaning, or in our own range", () => {
  const shared = new Set<string>();
  for (const [name, number] of Object.entries(RtcErrorCode) as [RtcErrorName, number][]) {
    const trtc = RENAMED[name] ?? name;
    if (isTrtcName(trtc)) {
      assert.equal(number, TRTC[trtc], name);
      shared.add(trtc);
    } else {
      assert.ok(
        number >= 0x5000 && number < 0x6000,
        `${name} is not in TRTC and stands outside of our range`,
      );
      assert.ok(!(Object.values(TRTC) as number[]).includes(number), name);
    }
  }
  assert.equal(shared.size, 14, "the table was compared with less than it holds");
  const numbers = Object.values(RtcErrorCode);
  assert.equal(new Set(numbers).size, numbers.length);
});

test("the published numbers stay as they are", () => {
  const own = Object.entries(RtcErrorCode).filter(
    ([, number]) => number >= 0x5000 && number < 0x6000,
  );
  assert.deepEqual(Object.fromEntries(own), {
    DEVICE_NOT_ALLOWED: 0x5000,
    DEVICE_NOT_READABLE: 0x5001,
    REQUEST_REFUSED: 0x5002,
    NO_COMMON_CODEC: 0x5003,
    CODEC_FAILED: 0x5004,
    ENCRYPTION_FAILED: 0x5005,
  });
});

test("a volume of 1 plays sound as loud as it came, and TRTC's range is taken as it is", () => {
  const volumes: number[] = [];
  const host = {
    audio: { playing: true },
    downlink: {
      call: (name: string, argument: { volume: number }) => {
        if (name === "setVolume") volumes.push(argument.volume);
        return Promise.resolve();
      },
    },
  } as unknown as EngineHost;
  const media = new RemoteMedia("ada", "main", host);
  media.audio = {
    sender: 1,
    info: { number: 2, muted: false },
    subscribed: true,
  } as unknown as NonNullable<RemoteMedia["audio"]>;
  const stream = new RemoteStream(media);
  media.setPlaying(true);
  for (const volume of [0, 0.5, 1, 2]) stream.setAudioVolume(volume);
  assert.deepEqual(volumes, [1, 0, 0.5, 1, 2]);
  for (const volume of [-0.1, 2.1, 100, NaN])
    assert.throws(
      () => stream.setAudioVolume(volume),
      { codeName: "INVALID_PARAMETER" },
      String(volume),
    );
});

test("levels become TRTC's volumes: per cent, linear", () => {
  assert.deepEqual(
    [0, 0.001, 0.0316, 0.25, 0.5, 1, 1.5].map(toVolume),
    [0, 0, 3, 25, 50, 100, 100],
  );
});
