/**
 * Typed events: `on`, `once`, `off`. A listener that throws does not keep the others from running.
 */
export class Emitter<Events extends object> {
  readonly #listeners: { [Name in keyof Events]?: Set<(event: Events[Name]) => void> } = {};

  /** Calls `listener` at every `name` until `off`. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    const set = this.#listeners[name] ?? new Set<(event: Events[Name]) => void>();
    set.add(listener);
    this.#listeners[name] = set;
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
    if (name === "*")
      for (const key of Object.keys(this.#listeners)) this.#listeners[key as Name]?.clear();
    else if (listener === undefined) this.#listeners[name]?.clear();
    else this.#listeners[name]?.delete(listener);
    return this;
  }

  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(event);
      } catch (thrown) {
        // The application's own bug: shown as uncaught, outside of our call stack.
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }
}
