/**
 * Keeps the worklet supplied with mixed audio. Which samples those are is decided in Wasm; how many
 * must lie ready is decided here, from whether the worklet ran dry.
 */
import type { DownlinkEngine } from "smrtc-wasm";
import { AudioRing } from "../audio_ring.ts";
import { nowUs } from "../deadline.ts";
import { sleep } from "../sleep.ts";
import type { AudioLink, SamplesMessage } from "../worker_protocol.ts";

const BLOCK = 480;
const SAMPLE_US = 1_000_000 / 48_000;
/**
 * Samples that lie ready: 20 ms at first, 60 ms at most. A worklet takes 10 ms at a time, some
 * browsers 20.
 */
const FIRST_TARGET = 2 * BLOCK;
const HIGHEST_TARGET = 6 * BLOCK;
/**
 * How often to look whether there is somebody to hear; the first voice waits for no more than this.
 */
const IDLE_MS = 40;
/** So long without a gap, and one block less is tried. */
const CALM_US = 20_000_000;

export class AudioPlayer {
  readonly #engine: DownlinkEngine;
  readonly #afterRender: () => void;
  readonly #block = new Float32Array(BLOCK);
  #target = FIRST_TARGET;
  #calmSince = nowUs();
  #missed = 0;
  #stopped = false;

  constructor(engine: DownlinkEngine, link: AudioLink, afterRender: () => void) {
    this.#engine = engine;
    this.#afterRender = afterRender;
    if (link.kind === "shared") void this.#feedRing(new AudioRing(link.ring, 1));
    else this.#feedPort(link.port);
  }

  /** Samples of silence that were played because we were late. */
  get missed(): number {
    return this.#missed;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #feedRing(ring: AudioRing): Promise<void> {
    let missed = ring.missed;
    while (!this.#stopped) {
      if (!this.#engine.hasAudio()) {
        // A ring that has run dry plays the same silence.
        await sleep(IDLE_MS);
        missed = ring.missed;
        continue;
      }
      const ticket = ring.ticket();
      const late = (ring.missed - missed) >>> 0;
      missed = ring.missed;
      this.#adapt(late);
      let filled = ring.filled;
      while (filled < this.#target) {
        this.#render(filled);
        if (!ring.write([this.#block], BLOCK)) break;
        filled += BLOCK;
      }
      this.#afterRender();
      await ring.wait(ticket, 1_000);
    }
  }

  #feedPort(port: MessagePort): void {
    let filled = 0;
    const feed = (): void => {
      while (filled < this.#target) {
        this.#render(filled);
        const samples = this.#block.slice();
        const message: SamplesMessage = { kind: "samples", samples };
        port.postMessage(message, [samples.buffer]);
        filled += BLOCK;
      }
      this.#afterRender();
    };
    port.onmessage = ({ data }: MessageEvent<SamplesMessage>) => {
      if (data.kind !== "consumed" || this.#stopped) return;
      this.#adapt(data.missed);
      filled = Math.max(0, filled - (data.count - data.missed));
      feed();
    };
    feed();
  }

  #render(ahead: number): void {
    const now = nowUs();
    this.#engine.renderAudio(now, this.#block, now + ahead * SAMPLE_US);
  }

  #adapt(late: number): void {
    const now = nowUs();
    // The first request comes before we have had a chance, and a suspended context asks for
    // nothing.
    if (late > 0 && this.#missed + late > FIRST_TARGET) {
      this.#target = Math.min(this.#target + BLOCK, HIGHEST_TARGET);
      this.#calmSince = now;
    } else if (now - this.#calmSince > CALM_US && this.#target > FIRST_TARGET) {
      this.#target -= BLOCK;
      this.#calmSince = now;
    }
    this.#missed += late;
  }
}
