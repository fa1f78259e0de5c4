/**
 * Further sessions for what goes up. Under our own rate control lies the browser's QUIC, which takes random loss for
 * congestion and lets little more through than four packets a round trip from 20 % loss on (measured in Chromium, whose
 * controller a page cannot choose). Several connections let through several times as much; how much is sent in all stays
 * the engine's decision, which sees the delay of every packet.
 */
import type { Logger } from "../logger.ts";
import type { Transport } from "../transport.ts";

/** Lanes wanted from a loss on, most first. */
const STEPS = [
  { loss: 0.18, lanes: 7 },
  { loss: 0.08, lanes: 3 },
];
/** With so little loss for so many looks they are closed again: one connection does. */
const CALM_LOSS = 0.03;
const CALM_LOOKS = 30;

export class Lanes {
  readonly #dial: (onClosed: (lane: Transport) => void) => Promise<Transport>;
  readonly #onChange: (lanes: readonly Transport[]) => void;
  readonly #log: Logger;
  #lanes: Transport[] = [];
  #opening = 0;
  #calm = 0;
  #closed = false;

  constructor(dial: (onClosed: (lane: Transport) => void) => Promise<Transport>, onChange: (lanes: readonly Transport[]) => void, log: Logger) {
    this.#dial = dial;
    this.#onChange = onChange;
    this.#log = log;
  }

  /** Looks at the share of packets lost on the way up; call each second. */
  adapt(loss: number): void {
    this.#calm = loss < CALM_LOSS ? this.#calm + 1 : 0;
    if (this.#calm >= CALM_LOOKS) {
      this.#closeAll();
      return;
    }
    const wanted = STEPS.find((step) => loss >= step.loss)?.lanes ?? 0;
    for (let missing = wanted - this.#lanes.length - this.#opening; missing > 0; missing--) void this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#closeAll();
  }

  async #open(): Promise<void> {
    this.#opening++;
    try {
      const lane = await this.#dial((gone) => this.#set(this.#lanes.filter((other) => other !== gone)));
      if (this.#closed) lane.close(4000, "not needed");
      else this.#set([...this.#lanes, lane]);
    } catch (thrown) {
      this.#log.debug(`no lane: ${String(thrown)}`);
    } finally {
      this.#opening--;
    }
  }

  #closeAll(): void {
    const lanes = this.#lanes;
    if (lanes.length === 0) return;
    this.#set([]);
    for (const lane of lanes) lane.close(4000, "not needed");
  }

  #set(lanes: Transport[]): void {
    if (lanes.length !== this.#lanes.length) this.#log.info(`${lanes.length} lanes beside the session`);
    this.#lanes = lanes;
    this.#onChange(lanes);
  }
}
