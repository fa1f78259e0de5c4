import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExceptionEvent } from "../src/events.ts";
import { Exceptions } from "../src/internal/exceptions.ts";
import type {
  ExceptionSample,
  LocalVideoSample,
  RemoteVideoSample,
} from "../src/internal/exceptions.ts";

const LOCAL: LocalVideoSample = {
  stream: "main",
  spatial: 0,
  wantedRate: 30,
  framesEncoded: 0,
  framesDropped: 0,
  encoderOverruns: 0,
};
const REMOTE: RemoteVideoSample = {
  userId: "bo",
  stream: "main",
  framesReceived: 1,
  framesDecoded: 1,
  framesRendered: 1,
  totalFreezesDuration: 0,
};

const WELL = { suspended: false, silent: false, howlingFrequency: undefined };

/** A call that goes well, second by second, changed by `change`. */
class Story {
  readonly events: ExceptionEvent[] = [];
  readonly exceptions = new Exceptions((event) => this.events.push(event));
  #now = 0;
  #local = LOCAL;
  #remote = REMOTE;

  run(
    seconds: number,
    rates: {
      encoded?: number;
      overruns?: number;
      received?: number;
      decoded?: number;
      rendered?: number;
    } = {},
    change: (sample: ExceptionSample) => ExceptionSample = (sample) => sample,
  ): this {
    const { encoded = 30, overruns = 0, received = 30, decoded = 30, rendered = 30 } = rates;
    for (let second = 0; second < seconds; second++) {
      this.#now += 1_000;
      const local = this.#local;
      this.#local = {
        ...local,
        framesEncoded: local.framesEncoded + encoded,
        framesDropped: local.framesDropped + overruns,
        encoderOverruns: local.encoderOverruns + overruns,
      };
      const remote = this.#remote;
      this.#remote = {
        ...remote,
        framesReceived: remote.framesReceived + received,
        framesDecoded: remote.framesDecoded + decoded,
        framesRendered: remote.framesRendered + rendered,
      };
      this.exceptions.look(
        change({
          now: this.#now,
          microphone: WELL,
          localVideo: [this.#local],
          remoteVideo: [this.#remote],
        }),
        "me",
      );
    }
    return this;
  }

  get told(): string[] {
    return this.events.map(
      ({ kind, state, userId, duration }) =>
        `${kind} ${userId} ${state}${duration === undefined ? "" : ` ${String(duration)}`}`,
    );
  }
}

test("a call that goes well has no exceptions", () => {
  assert.deepEqual(new Story().run(60).told, []);
});

test("a picture that stands still is a freeze until it has moved for two seconds", () => {
  const story = new Story().run(5).run(4, { received: 0, decoded: 0, rendered: 0 }).run(5);
  assert.deepEqual(story.told, ["freeze bo begin", "freeze bo end 5000"]);
});

test("frames that come and are not decoded are a stall, besides the freeze", () => {
  const { told } = new Story().run(5).run(3, { decoded: 0, rendered: 0 });
  assert.deepEqual(told, ["freeze bo begin", "decoder-stall bo begin"]);
});

test("few pictures are told after three seconds, of them and of us", () => {
  assert.deepEqual(new Story().run(5).run(2, { rendered: 4 }).run(5).told, []);
  assert.deepEqual(new Story().run(5).run(3, { rendered: 4 }).told, ["low-frame-rate bo begin"]);
  assert.deepEqual(new Story().run(5).run(3, { encoded: 4 }).told, ["low-frame-rate me begin"]);
});

test("an encoder that is mostly busy is CPU overuse, one full queue is not", () => {
  assert.deepEqual(new Story().run(5).run(1, { overruns: 30 }).run(5).told, []);
  assert.deepEqual(new Story().run(5).run(3, { encoded: 15, overruns: 15 }).run(5).told, [
    "cpu-overuse me begin",
    "cpu-overuse me end 5000",
  ]);
});

test("a microphone that gives nothing is told, and muting ends it", () => {
  const silent = (sample: ExceptionSample): ExceptionSample => ({
    ...sample,
    microphone: { ...WELL, silent: true },
  });
  const muted = (sample: ExceptionSample): ExceptionSample => ({
    ...sample,
    microphone: undefined,
  });
  const story = new Story().run(2).run(4, {}, silent).run(1).run(5, {}, silent).run(1, {}, muted);
  assert.deepEqual(story.told, ["silent-microphone me begin", "silent-microphone me end 1000"]);
});

test("sound that the browser holds back is told with what to do, and is no silent microphone", () => {
  const suspended = (sample: ExceptionSample): ExceptionSample => ({
    ...sample,
    microphone: { ...WELL, suspended: true, silent: true },
  });
  const story = new Story().run(1).run(1, {}, suspended).run(2).run(9, {}, suspended).run(2);
  assert.deepEqual(story.told, ["audio-suspended me begin", "audio-suspended me end 8000"]);
  assert.match(story.events[0]?.message ?? "", /clicks the page/);
  assert.equal(story.events[1]?.message, undefined);
});

test("a howl is told at once with its frequency, and over when it has been gone for two seconds", () => {
  const howling = (sample: ExceptionSample): ExceptionSample => ({
    ...sample,
    microphone: { ...WELL, howlingFrequency: 2_130 },
  });
  const story = new Story().run(3).run(2, {}, howling).run(1).run(2, {}, howling).run(4);
  assert.deepEqual(story.told, ["howling me begin", "howling me end 6000"]);
  const [begin, end] = story.events;
  assert.equal(begin?.frequency, 2_130);
  assert.equal(end?.frequency, undefined);
});

test("a howl ends when the microphone is muted", () => {
  const howling = (sample: ExceptionSample): ExceptionSample => ({
    ...sample,
    microphone: { ...WELL, howlingFrequency: 900 },
  });
  const muted = (sample: ExceptionSample): ExceptionSample => ({
    ...sample,
    microphone: undefined,
  });
  assert.deepEqual(new Story().run(3).run(2, {}, howling).run(1, {}, muted).told, [
    "howling me begin",
    "howling me end 2000",
  ]);
});

test("a stream that ends takes its exceptions with it", () => {
  const gone = (sample: ExceptionSample): ExceptionSample => ({ ...sample, remoteVideo: [] });
  const story = new Story()
    .run(5)
    .run(2, { received: 0, decoded: 0, rendered: 0 })
    .run(1, {}, gone);
  assert.deepEqual(story.told, ["freeze bo begin", "freeze bo end 2000"]);
});

test("a path that has room for the small stream alone is no slow camera: the counters are another encoder's", () => {
  const story = new Story().run(5);
  const slow = story.run(2, { encoded: 2 }, (sample) => ({
    ...sample,
    localVideo: sample.localVideo.map((video) => ({
      ...video,
      spatial: sample.now % 2_000 === 0 ? 0 : 1,
    })),
  }));
  assert.deepEqual(slow.told, []);
  assert.deepEqual(story.run(4, { encoded: 2 }).told, ["low-frame-rate me begin"]);
});
