/**
 * So many handshakes may be under way or have failed lately. Chromium lets a page's next session
 * wait longer for each, 10 ms doubled so many times, and counts one that failed for five minutes:
 * with nine the next waits for 2.6 s, with fourteen for a minute. A call that has to connect again
 * waits in the same queue.
 */
const MOST_PENDING = 9;
const FAILURE_COUNTS_MS = 5 * 60_000;

/**
 * Counts the WebTransport handshakes of the uplink and its lanes, over all connections of a call.
 */
export class Handshakes {
  #underWay = 0;
  /** When some failed, in ms. */
  #failures: number[] = [];

  constructor(readonly now: () => number = () => performance.now()) {}

  /** How many more may begin now. */
  get left(): number {
    this.#failures = this.#failures.filter((at) => this.now() - at < FAILURE_COUNTS_MS);
    return MOST_PENDING - this.#underWay - this.#failures.length;
  }

  /** Counts one, from its begin to five minutes after its failure. */
  async count<T>(open: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await open();
    } catch (thrown) {
      this.#failures.push(this.now());
      throw thrown;
    } finally {
      this.#underWay--;
    }
  }
}
