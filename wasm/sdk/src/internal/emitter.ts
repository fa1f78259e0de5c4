/** Typed events: `on`, `once`, `off`. A listener that throws does not keep the others from running. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` at every `name` until `off`. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    const set = this.#listeners.get(name) ?? new Set();
    set.add(listener as (event: never) => void);
    this.#listeners.set(name, set);
    return this;
  }

  /** Calls `listener` at the next `name` only. */
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    const wrapped = (event: Events[Name]): void => {
      this.off(name, wrapped);
      listener(event);
    };
    return this.on(name, wrapped);
  }

  /** Undoes `on`. Without a listener, removes all of `name`; with `"*"`, all there are. */
  off<Name extends keyof Events>(name: Name | "*", listener?: (event: Events[Name]) => void): this {
    if (name === "*") this.#listeners.clear();
    else if (listener === undefined) this.#listeners.delete(name);
    else this.#listeners.get(name)?.delete(listener as (event: never) => void);
    return this;
  }

  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (event: Events[Name]) => void)(event);
      } catch (thrown) {
        // The application's own bug: shown as uncaught, outside of our call stack.
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }
}
