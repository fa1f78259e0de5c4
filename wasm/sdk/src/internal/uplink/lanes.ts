/**
 * Further sessions for what goes up. Under our own rate control lies the browser's QUIC, which
 * takes random loss for congestion: from 20 % on it lets little more through than four packets for
 * each acknowledgement that gets back (measured in Chromium, whose controller a page cannot
 * choose). Many connections let through many times as much; how much is sent in all stays the
 * engine's decision, which sees the delay of every packet. The gateway sees to it that
 * acknowledgements get back on those that are used.
 *
 * A few are open from the beginning and idle, for where half of all packets get lost opening one
 * takes seconds.
 */
import type { Handshakes } from "../handshakes.ts";
import type { Logger } from "../logger.ts";
import type { Transport } from "../transport.ts";

/**
 * Lanes wanted, and used, from a loss on, most first: more let through more. With the last, those
 * that are ready.
 */
const STEPS = [
  { loss: 0.6, lanes: 40 },
  { loss: 0.25, lanes: 20 },
  { loss: 0.06, lanes: 12 },
  { loss: 0.015, lanes: 0 },
];
/** So many are used where less is lost, if they are there. */
const FEWEST_USED = 7;
/**
 * A path that narrows loses what its queue has no room for, until the rate follows, and handshakes
 * would fill that queue. So loss that a queue may explain, most of what is lost, has to last for so
 * many looks.
 */
const LASTING_LOOKS = 3;
/** With less loss for so many looks they are idle again. */
const CALM_LOSS = 0.01;
const CALM_LOOKS = 30;
/**
 * The gateway reports thirty times a second to whoever sends. Fewer than this tell that nearly all
 * is lost.
 */
const FEW_ANSWERS = 5;
const MANY_SENT = 20;

export interface LaneCalls {
  /** Opens one; it may fail. */
  dial(onClosed: (lane: Transport) => void): Promise<Transport>;
  /** Those to send on beside the session; none while the path is good. */
  onChange(lanes: readonly Transport[]): void;
}

/** What has happened on the way up so far. */
export interface LaneStats {
  /** Share of packets, 0 to 1. */
  readonly fractionLost: number;
  /** The same, as far as no queue explains it. */
  readonly randomLoss: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
}

export class Lanes {
  readonly #calls: LaneCalls;
  readonly #ready: number;
  readonly #log: Logger;
  #lanes: Transport[] = [];
  readonly #handshakes: Handshakes;
  #opening = 0;
  /** How many are sent on, if they are there. */
  #using = 0;
  #calm = 0;
  /** Shares lost at the last looks. */
  #losses: number[] = [];
  #closed = false;
  #last: LaneStats | undefined;

  /** `ready`: how many are open, whatever is lost. */
  constructor(calls: LaneCalls, ready: number, handshakes: Handshakes, log: Logger) {
    this.#calls = calls;
    this.#handshakes = handshakes;
    this.#ready = ready;
    this.#log = log;
  }

  /** Looks at what became of what was sent; call each second. */
  adapt(stats: LaneStats): void {
    const before = this.#last;
    const loss = this.#loss(stats);
    this.#calm = loss < CALM_LOSS ? this.#calm + 1 : 0;
    const step = STEPS.find((step) => loss >= step.loss);
    const wanted = step?.lanes ?? 0;
    const busy = step !== undefined || (this.#using > 0 && this.#calm < CALM_LOOKS);
    this.#use(busy ? Math.max(wanted, FEWEST_USED) : 0);
    // Nothing at all came: the gateway is gone, and dials would fail and delay the call's own when
    // it is back.
    if (before?.packetsReceived === stats.packetsReceived) return;
    const missing = Math.max(wanted, this.#ready) - this.#lanes.length - this.#opening;
    for (let dials = Math.min(missing, this.#handshakes.left); dials > 0; dials--)
      void this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#keep(0);
  }

  #loss(stats: LaneStats): number {
    const last = this.#last;
    this.#last = stats;
    const silent =
      last !== undefined &&
      stats.packetsSent - last.packetsSent >= MANY_SENT &&
      stats.packetsReceived - last.packetsReceived < FEW_ANSWERS;
    const loss = stats.fractionLost;
    this.#losses = [...this.#losses, loss].slice(-LASTING_LOOKS);
    if (silent) return 1;
    if (stats.randomLoss >= loss / 2) return loss;
    return this.#losses.length < LASTING_LOOKS ? 0 : Math.min(...this.#losses);
  }

  #use(count: number): void {
    if (count === this.#using) return;
    this.#using = count;
    if (count === 0) this.#keep(this.#ready);
    else this.#tell();
  }

  async #open(): Promise<void> {
    this.#opening++;
    try {
      const lane = await this.#handshakes.count(() =>
        this.#calls.dial((gone) => {
          this.#lanes = this.#lanes.filter((other) => other !== gone);
          this.#tell();
        }),
      );
      if (this.#closed) {
        lane.close(4000, "not needed");
        return;
      }
      this.#lanes.push(lane);
      this.#tell();
    } catch (thrown) {
      this.#log.debug(`no lane: ${String(thrown)}`);
    } finally {
      this.#opening--;
    }
  }

  #keep(count: number): void {
    for (const lane of this.#lanes.splice(count)) lane.close(4000, "not needed");
    this.#tell();
  }

  #tell(): void {
    const used = this.#lanes.slice(0, this.#using);
    this.#log.debug(`${this.#lanes.length} lanes, ${used.length} used`);
    this.#calls.onChange(used);
  }
}
