/**
 * Whether frames are to be encoded in two temporal layers. That costs rate, for frames refer to
 * older ones, so it is done only while it helps somebody: a viewer whose path does not bear all
 * frames of the smallest size. For such a one the gateway asks for a key frame after each run of
 * frames that got through (`SPARE_INTERVAL` there), again and again, and no more once it can
 * leave every second frame out.
 */
export class LayerDemand {
  /** When key frames were asked for lately. */
  #requests: number[] = [];
  #untilUs = Number.NEGATIVE_INFINITY;
  #lastedUs = 0;

  onKeyFrameRequested(nowUs: number): void {
    this.#requests = [...this.#requests.filter((at) => nowUs - at < WINDOW_US), nowUs];
    if (this.#requests.length < ENOUGH || this.wanted(nowUs)) return;
    this.#requests = [];
    // That nobody asks while there are layers does not say that the path has become wider: they are
    // left off to see, ever more rarely.
    const again = nowUs - this.#untilUs < AGAIN_US;
    this.#lastedUs = again ? Math.min(2 * this.#lastedUs, LONGEST_US) : SHORTEST_US;
    this.#untilUs = nowUs + this.#lastedUs;
  }

  wanted(nowUs: number): boolean {
    return nowUs < this.#untilUs;
  }
}

/**
 * So many requests within this time: more than when some people join, fewer than a narrow path
 * makes.
 */
const ENOUGH = 4;
const WINDOW_US = 10_000_000;
const SHORTEST_US = 60_000_000;
const LONGEST_US = 960_000_000;
const AGAIN_US = 30_000_000;
