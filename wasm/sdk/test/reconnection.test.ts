import assert from "node:assert/strict";
import { test } from "node:test";
import { RtcError } from "../src/errors.ts";
import { Reconnection } from "../src/internal/reconnection.ts";

/** Time that passes only here. */
class Time {
  #now = 0;
  readonly #timers: { at: number; then: () => void }[] = [];

  constructor(readonly chance = 0) {}

  readonly now = (): number => this.#now;
  readonly random = (): number => this.chance;
  readonly after = (milliseconds: number, then: () => void): void =>
    void this.#timers.push({ at: this.#now + milliseconds, then });

  /** Runs what is due until `ends` has settled; the time at which it did. */
  async until<T>(ends: Promise<T>): Promise<T> {
    const settled = { yet: false };
    const end = (): void => void (settled.yet = true);
    ends.then(end, end);
    for (;;) {
      // What hangs together without time passing: promises, and abort listeners.
      await new Promise((resolve) => setImmediate(resolve));
      if (settled.yet) return ends;
      const [next] = this.#timers.sort((a, b) => a.at - b.at).splice(0, 1);
      assert.ok(next !== undefined, "nothing would ever happen");
      this.#now = Math.max(this.#now, next.at);
      next.then();
    }
  }

  /** The machine sleeps: no timer runs. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

const LOST = new RtcError("SIGNAL_CHANNEL_SETUP_FAILED", "connection lost");

/** A gateway that is away until a time, and answers a question within 20 ms from then on. */
class Gateway {
  asking = 0;
  mostAsking = 0;
  asked = 0;
  /** When attempts to connect began. */
  readonly attempts: number[] = [];
  isEnded = false;

  constructor(
    readonly time: Time,
    readonly backAt: number,
    /** Whether nobody says while it is away that it is: questions hang. */
    readonly silent = false,
  ) {}

  readonly calls = {
    probe: (signal: AbortSignal): Promise<number> => {
      this.asked++;
      this.mostAsking = Math.max(this.mostAsking, ++this.asking);
      return new Promise<number>((resolve, reject) => {
        const end = (thrown: Error): void => {
          this.asking--;
          reject(thrown);
        };
        if (signal.aborted) end(new Error("aborted"));
        signal.addEventListener("abort", () => end(new Error("aborted")));
        if (this.time.now() >= this.backAt) this.time.after(20, () => resolve(this.time.now()));
        else if (!this.silent) end(new Error("connection refused"));
      });
    },
    attempt: (_: number, timeoutMs: number): Promise<void> => {
      this.attempts.push(this.time.now());
      return this.attempt(timeoutMs);
    },
    ended: (): boolean => this.isEnded,
    log: (): void => undefined,
  };

  attempt = (timeoutMs: number): Promise<void> =>
    new Promise((resolve) => this.time.after(Math.min(50, timeoutMs), resolve));

  reconnect(giveUpAfterMs = 120_000): Promise<RtcError | undefined> {
    return this.time.until(new Reconnection(this.calls, LOST, giveUpAfterMs, this.time).run());
  }
}

for (const silent of [false, true]) {
  test(`after outages of 1 to 60 s the connection is back within 1.5 s of the gateway, which ${silent ? "was not heard of" : "refused connections"} meanwhile`, async () => {
    for (const chance of [0, 0.5, 0.999]) {
      for (const outage of [0, 1_000, 5_000, 20_000, 60_000]) {
        const time = new Time(chance);
        const gateway = new Gateway(time, outage, silent);
        assert.equal(await gateway.reconnect(), undefined);
        assert.ok(
          time.now() - outage <= 1_500,
          `${time.now() - outage} ms after an outage of ${outage} ms`,
        );
        assert.equal(
          gateway.attempts.length,
          1,
          "no session is dialled before the gateway answers",
        );
        assert.ok(
          gateway.asked >= outage / 1_000 && gateway.asked <= 3 + outage / 500,
          `asked ${gateway.asked} times`,
        );
        assert.ok(gateway.mostAsking <= 5, `${gateway.mostAsking} questions at once`);
      }
    }
  });
}

test("a gateway that answers and opens no session is tried again ever more rarely, with more time for each attempt", async () => {
  const time = new Time();
  const gateway = new Gateway(time, 0);
  const allowed: number[] = [];
  gateway.attempt = (timeoutMs) => {
    allowed.push(timeoutMs);
    return new Promise((_, reject) =>
      time.after(100, () =>
        reject(new RtcError("SIGNAL_CHANNEL_SETUP_FAILED", "Opening handshake failed.")),
      ),
    );
  };
  const error = await gateway.reconnect(60_000);
  assert.equal(error?.message, "Opening handshake failed.");
  assert.deepEqual(allowed.slice(0, 4), [5_000, 10_000, 20_000, 20_000]);
  const waits = gateway.attempts
    .slice(1)
    .map((at, i) => Math.round((at - (gateway.attempts[i] ?? 0) - 120) / 250));
  assert.deepEqual(waits.slice(0, 7), [1, 2, 4, 8, 16, 32, 32]);
});

test("an attempt that fails because the gateway went away again does not make the next one wait", async () => {
  const time = new Time();
  const gateway = new Gateway(time, 0);
  let back = 0;
  const { probe } = gateway.calls;
  gateway.calls.probe = (signal) =>
    time.now() < back ? Promise.reject(new Error("connection refused")) : probe(signal);
  gateway.attempt = () => {
    if (gateway.attempts.length === 6) return Promise.resolve();
    back = time.now() + 5_000;
    return Promise.reject(LOST);
  };
  assert.equal(await gateway.reconnect(), undefined);
  for (let i = 1; i < gateway.attempts.length; i++)
    assert.ok(
      (gateway.attempts[i] ?? NaN) - (gateway.attempts[i - 1] ?? NaN) <= 6_500,
      gateway.attempts.join(),
    );
});

test("after two minutes it is given up, but the time that the machine slept does not count", async () => {
  const time = new Time();
  assert.match(
    (await new Gateway(time, Infinity).reconnect())?.message ?? "",
    /connection refused/,
  );
  assert.ok(time.now() >= 120_000 && time.now() < 122_000, String(time.now()));

  const slept = new Time();
  const gateway = new Gateway(slept, 3_600_000);
  slept.after(10_000, () => slept.sleep(3_600_000));
  assert.equal(await gateway.reconnect(), undefined);
  assert.ok(slept.now() <= 3_611_500, String(slept.now()));
});

test("a network that is back is used at once", async () => {
  const time = new Time();
  const gateway = new Gateway(time, 10_010);
  const reconnection = new Reconnection(gateway.calls, LOST, 120_000, time);
  time.after(10_020, () => reconnection.wake());
  await time.until(reconnection.run());
  assert.ok(time.now() < 10_200, String(time.now()));
});

test("what trying again cannot mend ends it, and so does a leave", async () => {
  const time = new Time();
  const banned = new RtcError("CLIENT_BANNED", "joined elsewhere", { closeCode: 4409 });
  const gateway = new Gateway(time, 0);
  gateway.attempt = () => Promise.reject(banned);
  assert.equal(await gateway.reconnect(), banned);
  assert.equal(gateway.attempts.length, 1);
  assert.equal(
    await time.until(new Reconnection(gateway.calls, banned, 120_000, time).run()),
    banned,
  );
  assert.equal(gateway.attempts.length, 1);

  const left = new Gateway(time, Infinity);
  time.after(3_000, () => (left.isEnded = true));
  const began = time.now();
  await left.reconnect();
  assert.ok(time.now() - began <= 4_000);
});
