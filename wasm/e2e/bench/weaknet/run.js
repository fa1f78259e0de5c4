// One call on one path.
import { sleep } from "../../harness/child.js";
import { measure } from "../measure.js";
import { fullQualityAfter, gaps, pauses, pictureScore } from "./score.js";

/** The call begins on a clean path, so that what is measured is the loss and not the handshake. */
const CLEAN_MS = 4_000;
const STEP_SECONDS = { wide: 10, narrow: 20, after: 25 };
const SAMPLE_MS = 250;

/**
 * How long a run takes at most, opening and closing included. @param {import("./points.js").Point}
 * point
 */
export const limitSeconds = (point, { seconds, settle }) =>
  60 + (point.kind === "step" ? 60 + settle : seconds + settle + CLEAN_MS / 1000);

/**
 * @param {import("./points.js").Point} point
 * @param {{ seconds: number, settle: number }} times measured and waited for before, in seconds
 * @returns {Promise<Record<string, any>>} what report.js names, and `recorded`, the audio, where
 *   the path stays
 */
export async function runPoint(open, point, times, settings, env) {
  const call = await open(
    {
      ...settings,
      bitrate: point.bitrate,
      oneWayDelayMs: point.oneWayDelayMs,
      readyLanes: point.readyLanes,
    },
    env,
  );
  try {
    await sleep(CLEAN_MS);
    const result = await (point.kind === "step"
      ? runStep(call, point, times)
      : runSteady(call, point, times));
    await call.checkPath();
    return result;
  } finally {
    await call.close();
  }
}

async function runSteady(call, point, times) {
  await change(call, point.path[0]);
  await sleep(times.settle * 1000);
  const before = await numbers(call);
  await call.receiver.evaluate(() => globalThis.call.drain());
  await call.receiver.evaluate(() => globalThis.call.record());
  const measured = await measure(call.pid, times.seconds, call.others);
  const received = await call.receiver.evaluate(() => globalThis.call.drain());
  const recorded = await call.receiver.evaluate(() => globalThis.call.recorded());
  const after = await numbers(call);
  return {
    ...pictureScore(received),
    ...difference(before, after),
    recorded,
    browser_cpu_seconds_per_minute: measured.cpuSecondsPerMinute,
    details: after.sender.details,
  };
}

async function runStep(call, point, times) {
  const [wide, narrow, again] = point.path;
  await change(call, wide);
  await sleep(times.settle * 1000);
  const clock = () => call.receiver.evaluate(() => performance.now());
  const before = await numbers(call);
  await call.receiver.evaluate(() => globalThis.call.drain());
  const begin = await clock();
  const targets = await watch(call, clock, STEP_SECONDS.wide);
  await change(call, narrow);
  const dropped = await clock();
  targets.push(...(await watch(call, clock, STEP_SECONDS.narrow)));
  await change(call, again);
  const restored = await clock();
  targets.push(...(await watch(call, clock, STEP_SECONDS.after)));
  const end = await clock();
  const received = await call.receiver.evaluate(() => globalThis.call.drain());
  const after = await numbers(call);
  return {
    ...pictureScore(received),
    longest_gap_ms: Math.max(...pauses(received.frames, dropped, restored)),
    full_quality_after_s: fullQualityAfter(received.frames, targets, {
      begin,
      dropped,
      restored,
      end,
    }),
    ...difference(before, after),
    gaps: gaps(received.frames, begin, end),
    timeline: timeline(received.frames, targets, begin),
  };
}

async function change(call, impairment) {
  for (const relay of call.relays) await relay.change(impairment);
}

/** Notes the encoder's target at intervals. */
async function watch(call, clock, seconds) {
  const targets = [];
  for (
    const end = performance.now() + seconds * 1000;
    performance.now() < end;
    await sleep(SAMPLE_MS)
  ) {
    const { targetBitrate } = await call.sender.evaluate(() => globalThis.call.stats());
    targets.push({ at: await clock(), target: targetBitrate });
  }
  return targets;
}

async function numbers(call) {
  const [sender, receiver, relay] = await Promise.all([
    call.sender.evaluate(() => globalThis.call.stats()),
    call.receiver.evaluate(() => globalThis.call.stats()),
    call.relays[0].counters(),
  ]);
  return { at: performance.now(), sender, receiver, wire: relay[call.mediaDirection] };
}

function difference(before, after) {
  const seconds = (after.at - before.at) / 1000;
  const kbps = (bytes) => (bytes * 8) / 1000 / seconds;
  const samples = after.receiver.audioSamples - before.receiver.audioSamples;
  return {
    concealed_share:
      samples > 0 ? (after.receiver.audioConcealed - before.receiver.audioConcealed) / samples : 1,
    video_kbps: kbps(after.sender.videoBytes - before.sender.videoBytes),
    wire_kbps: kbps(after.wire.bytes_in - before.wire.bytes_in),
    wire_lost_share:
      (after.wire.lost -
        before.wire.lost +
        after.wire.queue_overflows -
        before.wire.queue_overflows) /
      (after.wire.packets_in - before.wire.packets_in),
  };
}

/** By second: frames, the oldest of them, the encoder's target in kbit/s. */
function timeline(frames, targets, begin) {
  const seconds = [];
  for (const { at, age, height } of frames) {
    const second = (seconds[Math.floor((at - begin) / 1000)] ??= {
      frames: 0,
      oldest_ms: 0,
      height: 0,
      target_kbps: 0,
    });
    second.frames += 1;
    second.oldest_ms = Math.max(second.oldest_ms, age ?? 0);
    second.height = height;
  }
  for (const { at, target } of targets) {
    const second = (seconds[Math.floor((at - begin) / 1000)] ??= {
      frames: 0,
      oldest_ms: 0,
      height: 0,
      target_kbps: 0,
    });
    second.target_kbps = Math.round(target / 1000);
  }
  return Array.from(seconds, (second) => second ?? null);
}
