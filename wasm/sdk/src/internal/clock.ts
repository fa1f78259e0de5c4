/**
 * Maps the time stamps of a capture device to our own clock.
 *
 * What is observed is arrival time − time stamp: the true offset plus a delay that is never negative. The smallest value
 * of the last two windows is the estimate, which follows slow drift (0.2 % between sound card and system clock is
 * common) and forgets outliers.
 */
export class ClockMapper {
  #window = Number.POSITIVE_INFINITY;
  #previous = Number.POSITIVE_INFINITY;
  #windowEnds = Number.NEGATIVE_INFINITY;

  constructor(
    /** Length of a window in microseconds. */
    readonly windowUs = 1_000_000,
    /** A change beyond this is another device, not jitter: start over. */
    readonly jumpUs = 1_000_000,
  ) {}

  /** Takes one observation and returns the time stamp on our clock, in microseconds, never after `nowUs`. */
  map(timestampUs: number, nowUs: number): number {
    const offset = nowUs - timestampUs;
    const estimate = Math.min(this.#window, this.#previous);
    if (Math.abs(offset - estimate) > this.jumpUs) {
      this.#window = this.#previous = offset;
      this.#windowEnds = nowUs + this.windowUs;
    } else if (nowUs >= this.#windowEnds) {
      this.#previous = this.#window;
      this.#window = offset;
      this.#windowEnds = nowUs + this.windowUs;
    } else {
      this.#window = Math.min(this.#window, offset);
    }
    return timestampUs + Math.min(this.#window, this.#previous);
  }
}
