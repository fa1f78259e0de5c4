// Medians, quartiles, and a random order that a seed gives.

/**
 * @typedef {object} Summary
 * @property {number} median
 * @property {number} q1
 * @property {number} q3
 * @property {number} best greatest or least, as the caller says
 */

/**
 * @param {number[]} values
 * @param {"greatest" | "least"} best
 * @returns {Summary}
 */
export function summary(values, best = "greatest") {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    return (
      sorted[below] +
      (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]) * (place - below)
    );
  };
  return { median: at(0.5), q1: at(0.25), q3: at(0.75), best: best === "greatest" ? at(1) : at(0) };
}

/** mulberry32: numbers in [0, 1). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @template T
 * @param {T[]} list
 * @param {() => number} random
 */
export function shuffled(list, random) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}
