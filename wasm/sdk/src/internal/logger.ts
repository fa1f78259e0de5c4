import type { LogLevel } from "../options.ts";

const ORDER: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "none"];
const KEPT_LINES = 4_000;

/**
 * One log per thread, bounded, with wall-clock times so that the threads' logs can be merged. Never
 * holds key bytes, tokens or tickets: callers pass names and numbers.
 */
export class Logger {
  readonly #lines: string[] = [];
  #level: number;

  constructor(
    readonly origin: string,
    level: LogLevel = "info",
    /** What the console shows; the kept log may hold more. */
    readonly consoleLevel: LogLevel = "warn",
  ) {
    this.#level = ORDER.indexOf(level);
  }

  setLevel(level: LogLevel): void {
    this.#level = ORDER.indexOf(level);
  }

  log(level: LogLevel, message: string): void {
    const order = ORDER.indexOf(level);
    if (order < this.#level) return;
    const now = new Date().toISOString();
    const line = `${now} ${level.padEnd(5)} ${this.origin}: ${message}`;
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.splice(0, KEPT_LINES / 4);
    if (order >= ORDER.indexOf(this.consoleLevel)) {
      // eslint-disable-next-line no-console -- the one place that may
      console[level === "error" ? "error" : level === "warn" ? "warn" : "log"](
        `[smrtc] ${this.origin}: ${message}`,
      );
    }
  }

  trace(message: string): void {
    this.log("trace", message);
  }
  debug(message: string): void {
    this.log("debug", message);
  }
  info(message: string): void {
    this.log("info", message);
  }
  warn(message: string): void {
    this.log("warn", message);
  }
  error(message: string): void {
    this.log("error", message);
  }

  /** The lines kept, oldest first. */
  lines(): string[] {
    return [...this.#lines];
  }
}

/** Merges logs of several threads by time. */
export function mergeLogs(logs: readonly (readonly string[])[]): string {
  return logs
    .flat()
    .sort((a, b) =>
      a.slice(0, 24) < b.slice(0, 24) ? -1 : a.slice(0, 24) > b.slice(0, 24) ? 1 : 0,
    )
    .join("\n");
}
