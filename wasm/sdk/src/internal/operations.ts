/**
 * What an application asks for without waiting runs one after the other, so that what it asked for
 * last is what it gets.
 */
import type { RtcError } from "../errors.ts";

interface Operation<Key> {
  readonly key: Key;
  readonly controller: AbortController;
  readonly start: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A queue of operations. `Key` says of each what it is, for those that overtake. */
export class Operations<Key> {
  #waiting: Operation<Key>[] = [];
  #running: Operation<Key> | undefined;

  /**
   * Runs after what was asked for before; at once if there is nothing. The signal tells that the
   * operation was overtaken: nobody waits for it any more, and it has to free what it holds.
   */
  run<Result>(key: Key, operation: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const controller = new AbortController();
      const start = (): void => {
        operation(controller.signal).then(
          (result) => this.#end(entry, () => resolve(result)),
          (thrown: unknown) => this.#end(entry, () => entry.reject(thrown)),
        );
      };
      const entry: Operation<Key> = { key, controller, start, reject };
      this.#waiting.push(entry);
      this.#next();
    });
  }

  /**
   * Rejects those of `which` that have not ended, and waits for none of them. Tells whether there
   * were any.
   */
  overtake(which: (key: Key) => boolean, error: RtcError): boolean {
    const running = this.#running !== undefined && which(this.#running.key) ? [this.#running] : [];
    const overtaken = [...running, ...this.#waiting.filter(({ key }) => which(key))];
    this.#waiting = this.#waiting.filter((operation) => !overtaken.includes(operation));
    if (running.length > 0) this.#running = undefined;
    for (const { controller, reject } of overtaken) {
      reject(error);
      controller.abort(error);
    }
    this.#next();
    return overtaken.length > 0;
  }

  /** Who waited is told before the next one begins, and may ask for another. */
  #end(operation: Operation<Key>, settle: () => void): void {
    settle();
    // One that was overtaken ends while others run already.
    if (this.#running !== operation) return;
    this.#running = undefined;
    queueMicrotask(() => this.#next());
  }

  #next(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#waiting.shift();
    this.#running?.start();
  }
}
