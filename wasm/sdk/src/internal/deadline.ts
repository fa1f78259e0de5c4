/**
 * One timer of a worker, in microseconds on its `performance.now` clock. Arming it earlier replaces
 * it, arming it later lets the first one fire, which costs less than cancelling at each packet.
 */
export class Deadline {
  #armed = Number.POSITIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly fire: () => void) {}

  arm(atUs: number): void {
    if (atUs >= this.#armed) return;
    clearTimeout(this.#timer);
    this.#armed = atUs;
    const delayMs = (atUs - nowUs()) / 1000;
    this.#timer = setTimeout(
      () => {
        this.#armed = Number.POSITIVE_INFINITY;
        this.fire();
      },
      Math.max(0, Math.min(delayMs, LONGEST_MS)),
    );
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#armed = Number.POSITIVE_INFINITY;
  }
}

/** `setTimeout` takes 31 bits. */
const LONGEST_MS = 2 ** 30;

/** This worker's clock in whole microseconds. */
export function nowUs(): number {
  return Math.round(performance.now() * 1000);
}
