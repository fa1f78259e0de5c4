/** Counts what happened within the last second. */
export class FrameRate {
  readonly #times: number[] = [];

  add(nowUs: number): void {
    this.#times.push(nowUs);
    this.#expire(nowUs);
  }

  perSecond(nowUs: number): number {
    this.#expire(nowUs);
    return this.#times.length;
  }

  #expire(nowUs: number): void {
    while (this.#times[0] !== undefined && this.#times[0] <= nowUs - 1_000_000) this.#times.shift();
  }
}

/**
 * Counts freezes as W3C webrtc-stats does: a pause between two frames of at least three times the
 * average, and of the average plus 150 ms.
 */
export class FreezeMeter {
  #lastUs: number | undefined;
  #averageUs = 0;
  count = 0;
  totalUs = 0;

  onVideoFrame(nowUs: number): void {
    const last = this.#lastUs;
    this.#lastUs = nowUs;
    if (last === undefined) return;
    const interval = nowUs - last;
    if (
      this.#averageUs > 0 &&
      interval >= Math.max(3 * this.#averageUs, this.#averageUs + 150_000)
    ) {
      this.count++;
      this.totalUs += interval;
      return;
    }
    // Over about 30 frames, as libwebrtc does.
    this.#averageUs =
      this.#averageUs === 0 ? interval : this.#averageUs + (interval - this.#averageUs) / 30;
  }

  /** The pause that begins now is wanted: the sender muted, or we stopped receiving. */
  pause(): void {
    this.#lastUs = undefined;
  }
}
