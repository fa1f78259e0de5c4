/**
 * How a lost connection comes back. Whether the gateway answers is asked about once a second, for
 * one small request costs next to nothing. Sessions are dialled only once it has answered: Chromium
 * makes a page's next WebTransport session wait longer for each that failed, so dialling a gateway
 * that is gone would delay the session that could succeed.
 */
import { RtcError, isRetryable } from "../errors.ts";

/** What is tried. */
export interface ReconnectionCalls<Address> {
  /** Asks the gateway where to dial. Rejects if it does not answer, or once the signal ends. */
  probe(signal: AbortSignal): Promise<Address>;
  /**
   * Opens the sessions, and has closed what it opened when it rejects. It rejects within
   * `timeoutMs` unless it is connected by then.
   */
  attempt(address: Address, timeoutMs: number): Promise<void>;
  /** Whether nobody wants the connection any more. */
  ended(): boolean;
  log(message: string): void;
}

/** Time and chance, for tests to replace. */
export interface ReconnectionClock {
  /** In milliseconds, from any origin. */
  now(): number;
  after(milliseconds: number, then: () => void): void;
  /** From 0 to 1. */
  random(): number;
}

/**
 * The first waits between two questions. Each is shortened by up to half, so that a gateway which
 * returns is not met by everybody at once.
 */
const FIRST_WAIT_MS = 250;
const PROBE_INTERVAL_MS = 1_000;
/**
 * Long outages are asked about more rarely: after so many milliseconds for each that the outage has
 * lasted.
 */
const PROBE_INTERVAL_SHARE = 0.01;
/**
 * A question that hangs does not keep the next from being asked, but a browser opens no more than
 * six connections to a host.
 */
const MOST_PROBES = 5;
const PROBE_TIMEOUT_MS = 2_500;
/**
 * Where most packets get lost an answer takes longer: the first and every sixteenth question after
 * it are given that time.
 */
const PATIENT_PROBE_TIMEOUT_MS = 15_000;
const PATIENT_PROBE_EVERY = 16;
/**
 * Where the gateway answers but sessions do not open, each attempt gets more time than the last,
 * and waits longer for its turn.
 */
const ATTEMPT_TIMEOUTS_MS = [5_000, 10_000, 20_000] as const;
const LONGEST_ATTEMPT_WAIT_MS = 8_000;
/** A machine that slept has not tried: no step counts as more than this towards giving up. */
const LONGEST_STEP_MS = 20_000;

const CLOCK: ReconnectionClock = {
  now: () => performance.now(),
  after: (milliseconds, then) => void setTimeout(then, milliseconds),
  random: () => Math.random(),
};

export class Reconnection<Address> {
  readonly #calls: ReconnectionCalls<Address>;
  readonly #giveUpAfterMs: number;
  readonly #clock: ReconnectionClock;
  /** Time spent on trying, as far as it counts. */
  #spentMs = 0;
  #countedAt: number;
  #wake: () => void = () => undefined;
  #last: RtcError;

  /** @param lost why the connection ended */
  constructor(
    calls: ReconnectionCalls<Address>,
    lost: RtcError,
    giveUpAfterMs: number,
    clock = CLOCK,
  ) {
    this.#calls = calls;
    this.#last = lost;
    this.#giveUpAfterMs = giveUpAfterMs;
    this.#clock = clock;
    this.#countedAt = clock.now();
  }

  /**
   * Tries until it is connected, which gives undefined, or until there is no point in going on:
   * then gives the last error.
   */
  async run(): Promise<RtcError | undefined> {
    const calls = this.#calls;
    for (let failed = 0; isRetryable(this.#last) && !this.#isOver(); failed++) {
      if (failed > 0)
        await this.#pause(Math.min(FIRST_WAIT_MS * 2 ** (failed - 1), LONGEST_ATTEMPT_WAIT_MS));
      const answer = await this.#answer();
      if (answer === undefined) break;
      // The gateway was away in between: what failed before says nothing of the one that is there
      // now.
      if (answer.wasAway) failed = 0;
      try {
        await calls.attempt(
          answer.address,
          ATTEMPT_TIMEOUTS_MS[Math.min(failed, ATTEMPT_TIMEOUTS_MS.length - 1)] ?? 0,
        );
        return undefined;
      } catch (thrown) {
        this.#failed(thrown);
      }
    }
    return this.#last;
  }

  /** The network is said to be back: the next question is asked at once. */
  wake(): void {
    this.#wake();
  }

  /** Asks until the gateway answers; undefined if it is over before. */
  async #answer(): Promise<{ address: Address; wasAway: boolean } | undefined> {
    let wasAway = false;
    let asking = 0;
    let answered: (address: Address) => void = () => undefined;
    const first = new Promise<Address>((resolve) => (answered = resolve));
    const ended = new AbortController();
    try {
      for (let asked = 1; !this.#isOver(); asked++) {
        if (asking < MOST_PROBES) {
          asking++;
          const patient = asked % PATIENT_PROBE_EVERY === 1;
          this.#probe(patient ? PATIENT_PROBE_TIMEOUT_MS : PROBE_TIMEOUT_MS, ended.signal).then(
            answered,
            (thrown: unknown) => {
              asking--;
              if (ended.signal.aborted) return;
              wasAway = true;
              this.#failed(thrown);
            },
          );
        }
        const interval = Math.max(PROBE_INTERVAL_MS, this.#spentMs * PROBE_INTERVAL_SHARE);
        const address = await Promise.race([
          first,
          this.#pause(Math.min(FIRST_WAIT_MS * 2 ** (asked - 1), interval)),
        ]);
        if (address !== undefined) return { address, wasAway };
      }
      return undefined;
    } finally {
      ended.abort();
    }
  }

  async #probe(timeoutMs: number, ended: AbortSignal): Promise<Address> {
    const timeout = new AbortController();
    this.#clock.after(timeoutMs, () =>
      timeout.abort(new Error(`no answer within ${timeoutMs} ms`)),
    );
    return this.#calls.probe(AbortSignal.any([timeout.signal, ended]));
  }

  async #pause(longestMs: number): Promise<undefined> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#clock.after(longestMs * (1 - this.#clock.random() / 2), resolve);
    });
  }

  #isOver(): boolean {
    const now = this.#clock.now();
    this.#spentMs += Math.min(now - this.#countedAt, LONGEST_STEP_MS);
    this.#countedAt = now;
    return this.#calls.ended() || this.#spentMs >= this.#giveUpAfterMs;
  }

  #failed(thrown: unknown): void {
    const error =
      thrown instanceof RtcError
        ? thrown
        : new RtcError("UNKNOWN", String(thrown), { cause: thrown });
    if (error.message !== this.#last.message) this.#calls.log(`reconnecting: ${error.message}`);
    this.#last = error;
  }
}
