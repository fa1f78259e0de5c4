/**
 * Maps the time stamps of a capture device to our own clock.
 *
 * What is observed is arrival time − time stamp: the true offset plus a delay that is never
 * negative. The smallest value of the last two windows is the estimate, which follows slow drift
 * (0.2 % between sound card and system clock is common) and forgets outliers. It falls at once and
 * rises slowly: a step would be heard as jitter.
 */
export class ClockMapper {
  #window = Number.POSITIVE_INFINITY;
  #previous = Number.POSITIVE_INFINITY;
  #windowEnds = Number.NEGATIVE_INFINITY;
  #offset = Number.POSITIVE_INFINITY;
  #mappedAt = 0;

  constructor(
    /** Length of a window in microseconds. */
    readonly windowUs = 1_000_000,
    /** A change beyond this is another device, not jitter: start over. */
    readonly jumpUs = 1_000_000,
  ) {}

  /**
   * Takes one observation and returns the time stamp on our clock, in microseconds, never after
   * `nowUs`.
   */
  map(timestampUs: number, nowUs: number): number {
    const offset = nowUs - timestampUs;
    const estimate = Math.min(this.#window, this.#previous);
    if (Math.abs(offset - estimate) > this.jumpUs) {
      this.#window = this.#previous = offset;
      this.#windowEnds = nowUs + this.windowUs;
      this.#offset = offset;
    } else if (nowUs >= this.#windowEnds) {
      this.#previous = this.#window;
      this.#window = offset;
      this.#windowEnds = nowUs + this.windowUs;
    } else {
      this.#window = Math.min(this.#window, offset);
    }
    const target = Math.min(this.#window, this.#previous);
    const step = Math.max(0, nowUs - this.#mappedAt) * RISE;
    this.#offset = target <= this.#offset ? target : Math.min(target, this.#offset + step);
    this.#mappedAt = nowUs;
    return timestampUs + this.#offset;
  }
}

/**
 * Greatest rise of the offset, as a share of the time that passes: more than any two clocks drift
 * apart.
 */
const RISE = 0.004;
