/**
 * How long to wait before each attempt to reconnect: at once, then doubling from 250 ms to 8 s, each with up to half of it
 * taken off at random so that a gateway that comes back is not met by everybody at once.
 */
export class Backoff {
  #attempt = 0;

  constructor(
    /** Total time to keep trying, in milliseconds. */
    readonly giveUpAfterMs: number,
    readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds to wait before the next attempt, or undefined to give up. */
  next(elapsedMs: number): number | undefined {
    if (elapsedMs >= this.giveUpAfterMs) return undefined;
    const attempt = this.#attempt++;
    if (attempt === 0) return 0;
    const full = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
    return Math.min(full * (1 - this.random() / 2), Math.max(this.giveUpAfterMs - elapsedMs, 0));
  }
}

const FIRST_MS = 250;
const LONGEST_MS = 8_000;
