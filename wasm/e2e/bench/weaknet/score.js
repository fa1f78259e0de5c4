// From what a page saw to numbers. Times in milliseconds on that page's clock.

/** @typedef {import("../../pages/bench/picture.js").Seen} Seen */

/**
 * A pause longer than this counts as a gap. A steady 4 frames/s is no freeze by the rule of
 * webrtc-stats, but it is one to the eye.
 */
const GAP_MS = 200;

/**
 * Pauses between frames from `since` to `until`, those at both ends included. @param {Seen[]}
 * frames
 */
export function pauses(frames, since, until) {
  const times = [
    since,
    ...frames.map(({ at }) => at).filter((at) => at > since && at < until),
    until,
  ];
  return times.slice(1).map((at, i) => at - times[i]);
}

/** Where the gaps are, in seconds after `since`, and how long. @param {Seen[]} frames */
export function gaps(frames, since, until) {
  let at = since;
  const found = [];
  for (const pause of pauses(frames, since, until)) {
    if (pause > GAP_MS) found.push({ at_s: (at - since) / 1000, ms: pause });
    at += pause;
  }
  return found;
}

/** Share of the time that lies in gaps. @param {Seen[]} frames */
export function gapShare(frames, since, until) {
  return gaps(frames, since, until).reduce((sum, { ms }) => sum + ms, 0) / (until - since);
}

/** NaN of nothing. @param {number[]} values @param {number} share 0 to 1 */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/**
 * What a stretch looked like. @param {{ frames: Seen[], ages: number[], since: number, until:
 * number, unreadable: number }} received
 */
export function pictureScore({ frames, ages, since, until, unreadable }) {
  return {
    frames_per_second: (frames.length * 1000) / (until - since),
    gap_share: gapShare(frames, since, until),
    longest_gap_ms: Math.max(...pauses(frames, since, until)),
    delay_ms_p50: percentile(ages, 0.5),
    delay_ms_p95: percentile(ages, 0.95),
    unreadable_frames: unreadable,
    height: frames.at(-1)?.height ?? 0,
  };
}

/**
 * Seconds from `restored` until rate, size and frame rate are again what they were before
 * `dropped`, and stay for a second; null if they do not come back.
 * @param {Seen[]} frames
 * @param {{ at: number, target: number }[]} targets of the encoder
 */
export function fullQualityAfter(frames, targets, { begin, dropped, restored, end }) {
  const within = (list, from, to) => list.filter(({ at }) => at >= from && at < to);
  const before = within(frames, begin, dropped);
  const height = percentile(
    before.map((frame) => frame.height),
    0.5,
  );
  const rate = (before.length * 1000) / (dropped - begin);
  const target = percentile(
    within(targets, begin, dropped).map((sample) => sample.target),
    0.5,
  );
  for (const { at } of within(targets, restored, end - 1000)) {
    const seen = within(frames, at, at + 1000);
    const aimed = within(targets, at, at + 1000);
    const full =
      seen.length >= 0.9 * rate &&
      seen.every((frame) => frame.height >= height) &&
      aimed.every((sample) => sample.target >= 0.9 * target);
    if (full) return (at - restored) / 1000;
  }
  return null;
}
